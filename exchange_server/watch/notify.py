"""What the server tells systemd (Type=notify, WatchdogSec): ready, stopping, what it is doing, that its loop still turns. The protocol of sd_notify, without
its library: a datagram with lines to the socket that NOTIFY_SOCKET names.

Without that variable nothing is sent. Nothing here raises, and nothing waits: the socket does not block.
"""

import os
import socket
from collections.abc import MutableMapping

EXTEND_US = 60_000_000  # a start that still makes progress may take so much longer


class Notify:
    """watchdog_s: seconds between two signs of life that systemd asks for, halved; 0: it asks for none."""

    def __init__(self, environment: MutableMapping[str, str]) -> None:
        """Takes its variables out of the environment, so that no child believes that it is meant."""
        name = environment.pop("NOTIFY_SOCKET", "")
        usec, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name  # of the abstract namespace
        self._socket: socket.socket | None = None
        self.watchdog_s = 0.0
        self._due = 0.0
        if not name.startswith(("/", "@")):
            return
        try:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        except OSError:
            return
        if usec.isascii() and usec.isdecimal() and pid in ("", str(os.getpid())):
            self.watchdog_s = int(usec) / 2e6

    def _send(self, *lines: str) -> None:
        if self._socket is None:
            return
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError:  # nobody listens, or the name is none: there is nobody to tell
            return

    def starting(self, text: str) -> None:
        """The start makes progress: it may go on."""
        self._send(f"STATUS={text}", f"EXTEND_TIMEOUT_USEC={EXTEND_US}")

    def ready(self, text: str) -> None:
        self._send("READY=1", f"STATUS={text}")

    def alive(self, now_s: float) -> None:
        """Called by the loop, often: sends a sign of life when one is due."""
        if self.watchdog_s and now_s >= self._due:
            self._due = now_s + self.watchdog_s / 2
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}")

    def stopping(self, text: str) -> None:
        self._send("STOPPING=1", f"STATUS={text}")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

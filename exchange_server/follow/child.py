"""The server's follower: a child process of low priority, started again when it ends. The server never waits for it."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from os import getpid
from pathlib import Path
from typing import Any

import msgspec

from ..exits import Exit
from ..journal.recover import FOLLOWER
from .status import read_status

FIRST_S = 1.0  # after the ports were opened
AGAIN_S, AGAIN_MOST_S = 1.0, 300.0
STEADY_S = 60.0  # a follower that ran this long is started again after AGAIN_S
STOP_S = 2.0


def command(data: Path, keep_free: int = 0, core: int | None = None) -> list[str]:
    words = [sys.executable, "-m", "exchange_server.cli.main", "follow", "--data", str(data), "--parent", str(getpid())]
    words += ["--keep-free", str(keep_free)] if keep_free else []
    return words + (["--core", str(core)] if core is not None else [])


def spawn(words: Sequence[str]) -> Any:
    """Its log goes where the server's goes. No descriptor of the server is passed on."""
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Child:
    """`look` is called several times a second, between turns: it takes a system call, and a few ms when a process is started."""

    def __init__(
        self,
        data: Path,
        on: bool,
        log: Callable[..., None],
        keep_free: int = 0,
        spawn: Callable[[Sequence[str]], Any] = spawn,
        core: int | None = None,
    ) -> None:
        """keep_free: bytes of the disk that a snapshot leaves free; 0: the follower's default. core: it runs there; None: anywhere."""
        self.data = data
        self.on = on
        self.starts = 0
        self.last_exit: int | None = None
        self._log = log
        self._command = command(data, keep_free, core)
        self._spawn = spawn
        self._process: Any = None
        self._due: float | None = None
        self._began = 0.0
        self._wait = AGAIN_S
        self._ended = False  # for good

    def look(self, now_s: float) -> None:
        """Start it when it is due; notice that it has ended."""
        if not self.on or self._ended:
            return
        if self._process is not None:
            code = self._process.poll()
            if code is not None:
                self._process = None
                self._after(code, now_s)
            return
        if self._due is None:
            self._due = now_s + FIRST_S
        if now_s >= self._due:
            self._start(now_s)

    def _start(self, now_s: float) -> None:
        self._began = now_s
        try:
            self._process = self._spawn(self._command)
            self.starts += 1
        except OSError as error:
            self._wait = min(2 * self._wait, AGAIN_MOST_S)
            self._due = now_s + self._wait
            self._log("error", "follower_not_started", why=error.strerror or str(error), again_s=self._wait)

    def _after(self, code: int, now_s: float) -> None:
        self.last_exit = code
        if code == Exit.DIFFERS:
            self._ended = True
            self._log(
                "error", "follower_differs", text=self._text(), effect="trading goes on; no snapshots until the server is started again"
            )
            return
        self._wait = AGAIN_S if now_s - self._began >= STEADY_S else min(2 * self._wait, AGAIN_MOST_S)
        self._due = now_s + self._wait
        text = self._text() if code in (Exit.RECOVERY, Exit.SETUP) else ""
        self._log("warning", "follower_ended", exit_code=code, text=text, effect="trading goes on", again_s=self._wait)

    def _text(self) -> str:
        status = read_status(self.data / FOLLOWER)
        return status.text if status is not None else ""

    def stop(self) -> None:
        """Tell it to end; does not wait."""
        self._ended = True
        if self._process is not None:
            self._process.terminate()

    def close(self) -> None:
        """It has ended after this. It may be killed at any moment."""
        self.stop()
        if self._process is None:
            return
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def status(self) -> dict[str, Any]:
        """For `exos status`: of the child, and what the newest follower of this folder says of itself (it may be a service of its own)."""
        found = read_status(self.data / FOLLOWER)
        report = msgspec.to_builtins(found) if found is not None else {}
        return {"on": self.on, "running": self._process is not None, "starts": self.starts, "last_exit": self.last_exit, "report": report}

"""Guards logons: repeated failures from one address delay further logons from it, and each logon is logged, successful or refused.

After several failures from an address, its next logon waits before it is processed. Right and wrong credentials wait equally long, so the
delay reveals nothing. Failures are counted by address, not by name: an attacker can neither lock out nor delay an account's owner at another
address. Owners who share the attacker's address wait too, but never longer than MOST_NS. A logon is refused unprocessed only while
WAITING_NAME logons with the same name (or WAITING with any name) from that address already wait. An address is an IPv4 address or an IPv6
/64, because one customer usually has a whole /64.

Nothing here blocks, reads a clock or keeps more than ADDRESSES rows; times are of the caller's steady clock. The number of log lines is
bounded; those left out are counted. Secrets and user names never get here; text from clients is truncated here and escaped by the log writer.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from protocol import codes, errors

from .connection import Connection

MS = 1_000_000
FREE = 5  # failures of an address below this cause no wait
STEP_NS = 125 * MS  # the first wait; doubled with each further failure
MOST_NS = 2_000 * MS
WORST = 12  # failures above this are not counted, so all are forgotten after two minutes at most
FORGIVE_NS = 10_000 * MS  # one failure is forgotten in this time
ADDRESSES = 4096  # with recent failures; the one whose last failure is oldest is dropped first
WAITING = 256  # logons of one address that may wait at once
WAITING_NAME = 4  # the same for one name
NAME_CHARS = 64
GUESSES = (
    codes.R_BAD_CREDENTIALS,
    codes.R_BAD_COMP_ID,
    codes.R_KEY_REVOKED,
    codes.R_KEY_EXPIRED,
    codes.R_KEY_ADDRESS,
)  # the refusals that count as failures
WIRES = {codes.WIRE_NONE: "admin", codes.WIRE_FIX: "fix", codes.WIRE_BINARY: "binary"}

Log = Callable[..., None]


def host_of(peer: str) -> str:
    """The host of `host:port` as the transport says it."""
    return peer.rpartition(":")[0].strip("[]").partition("%")[0]


def address_of(peer: str) -> str:
    """`host:port` from the transport → the address that failures are counted for."""
    host = host_of(peer)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return peer  # no network address: a Unix socket, a test
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


class Lines:
    """Limits log lines: `burst` at once, one more every `every_ns`."""

    __slots__ = ("at_ns", "burst", "every_ns", "left")

    def __init__(self, burst: int, every_ns: int) -> None:
        self.burst = self.left = burst
        self.every_ns = every_ns
        self.at_ns = 0

    def take(self, now_ns: int) -> bool:
        """True if a line may be written now; it is counted."""
        back = (now_ns - self.at_ns) // self.every_ns
        if back > 0:
            self.left = min(self.burst, self.left + back)
            self.at_ns = now_ns
        if not self.left:
            return False
        self.left -= 1
        return True


class Address:
    """State of an address with recent failures."""

    __slots__ = ("failures", "last_ns", "lines", "names", "waiting")

    def __init__(self, now_ns: int) -> None:
        self.failures = 0
        self.last_ns = now_ns
        self.lines = Lines(5, 10_000 * MS)
        self.waiting = 0
        self.names: dict[str, int] = {}  # waiting logons by name

    def now(self, now_ns: int) -> int:
        """Failures that are not yet forgotten."""
        return max(0, self.failures - (now_ns - self.last_ns) // FORGIVE_NS)


class LogonGuard:
    """One per server, shared by both wires."""

    def __init__(self, log: Log | None = None) -> None:
        self.log = log
        self.addresses: OrderedDict[str, Address] = OrderedDict()  # the one whose last failure is oldest first
        self.waiting: dict[Connection, tuple[Address, str, int]] = {}  # its address, the name given, the end of the wait
        self.refused = 0
        self.delayed = 0
        self.turned_away = 0  # refused without being processed
        self.unlogged = 0  # log lines left out but not yet reported
        self._reported = 0
        self._refused_lines = Lines(50, 100 * MS)
        self._good_lines = Lines(100, 50 * MS)

    # ------------------------------------------------------------------------------------------------- before a logon
    def admit(self, connection: Connection, who: str, now_ns: int) -> int:
        """A logon in the name of `who` has arrived on this connection. OK: process it. R_LOGON_DELAYED: refuse it. -1: ask again at
        `connection.held_until`."""
        held = self.waiting.get(connection)
        if held is not None:
            if now_ns < held[2]:
                return -1
            self.leave(connection)
            return codes.OK
        address = self.addresses.get(address_of(connection.outlet.peer))
        failures = address.now(now_ns) if address is not None else 0
        if address is None or failures < FREE:
            return codes.OK
        who = who[:NAME_CHARS]
        if address.waiting >= WAITING or address.names.get(who, 0) >= WAITING_NAME:
            self.turned_away += 1
            return codes.R_LOGON_DELAYED
        address.waiting += 1
        address.names[who] = address.names.get(who, 0) + 1
        self.delayed += 1
        connection.held_until = now_ns + min(STEP_NS << (failures - FREE), MOST_NS)
        self.waiting[connection] = (address, who, connection.held_until)
        return -1

    def leave(self, connection: Connection) -> None:
        """End the wait of this connection's logon: its time is over, or the connection has closed."""
        held = self.waiting.pop(connection, None)
        connection.held_until = 0
        if held is not None:
            address, who, _ = held
            address.waiting -= 1
            address.names[who] -= 1
            if not address.names[who]:
                del address.names[who]

    # -------------------------------------------------------------------------------------------------- after a logon
    def good(self, connection: Connection, who: str, session: str, key: str, now_ns: int) -> None:
        """A logon with this key succeeded: log it."""
        self._write(self._good_lines.take(now_ns), "info", "logon", connection, who, session=session, key=key)

    def bad(self, connection: Connection, who: str, reason: int, text: str, now_ns: int) -> None:
        """A logon was refused: log it, and count wrong credentials for the address."""
        self.refused += 1
        name = address_of(connection.outlet.peer)
        address = self.addresses.get(name)
        if reason in GUESSES:
            if address is None:
                while len(self.addresses) >= ADDRESSES:
                    self.addresses.popitem(last=False)
                address = self.addresses[name] = Address(now_ns)
            address.failures = min(WORST, address.now(now_ns) + 1)
            address.last_ns = now_ns
            self.addresses.move_to_end(name)
        line = (address is None or address.lines.take(now_ns)) and self._refused_lines.take(now_ns)
        failures = address.failures if address is not None else 0
        self._write(line, "warning", "logon_refused", connection, who, reason=errors.short_name(reason), text=text[:200], failures=failures)

    def _write(self, may: bool, level: str, event: str, connection: Connection, who: str, **fields: Any) -> None:
        if self.log is None:
            return
        if not may:
            self.unlogged += 1
            return
        left_out, self.unlogged, self._reported = self.unlogged, 0, 0
        if left_out:
            fields["left_out_before"] = left_out
        self.log(level, event, wire=WIRES[connection.wire], who=who[:NAME_CHARS], peer=connection.outlet.peer, **fields)

    def look(self) -> None:
        """Called periodically: once a flood is over, log how many lines were left out."""
        if self.log is not None and self.unlogged and self.unlogged == self._reported:
            self.log("warning", "logon_lines_left_out", count=self.unlogged)
            self.unlogged = 0
        self._reported = self.unlogged

    def status(self) -> dict[str, int]:
        """For `exos status`."""
        return {
            "refused": self.refused,
            "delayed": self.delayed,
            "turned_away": self.turned_away,
            "waiting": len(self.waiting),
            "addresses": len(self.addresses),
        }

"""The binary session without sockets and without a clock: handshake, heartbeats and the numbered stream, for both ends.

The course of a session
  1. server: Hello(version, challenge)            2. client: Logon(key, mac, next number needed, heartbeat, flags)
  3. server: Sent(LogonReply), a numbered message: its number is the position of the stream. A refusal is a Logout with the reason.
  4. Reports are numbered 1, 2, 3 ... per session, also while nobody is connected. A client that gives the next number it needs in its
     Logon gets the missed reports, interleaved with new ones, then ResumeDone. It sorts them by number (ClientSession does).
  5. Either end sends Heartbeat after `heartbeat_ms` in which it sent nothing, and ends the session after 2.4 times that without receiving
     anything.
  6. client: Logout. server: the reports of everything sent before, then Logout, then close.

A logon is proven by an Ed25519 signature, or from a shared secret (credentials.py). The secret is never sent, and a challenge is used once.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from . import codes, credentials, errors
from . import messages as M
from .framing import MAX_SERVER_PAYLOAD, FrameReader, frame

MILLISECOND = 1_000_000  # ns
HEARTBEAT_MS_MIN = 2_000
HEARTBEAT_MS_MAX = 60_000
HEARTBEAT_MS_DEFAULT = 10_000


class Prover:
    """Proves the logons of one login, by a shared secret or an Ed25519 key (see credentials.private_key). key_id: which of the session's keys;
    "": that which a key file names, else the secret of the session's definition. Raises ValueError if there is neither or both."""

    def __init__(self, login: str, secret: str = "", private_key: Any = None, key_id: str = "") -> None:
        if bool(secret) == (private_key is not None):
            raise ValueError("a logon needs a secret or a private key, one of them")
        self.login, self.key_id, self._secret = login, key_id, secret
        self._private: Any = None
        if private_key is not None:
            self._private, named = credentials.private_key(private_key)
            self.key_id = key_id or named
        self._made: tuple[tuple[bytes, int], bytes] | None = None  # the client key, for a salt

    def prove(self, hello: M.Hello) -> bytes:
        """The value of Logon.proof."""
        message = credentials.binary_message(self.login, self.key_id, hello.challenge)
        if self._private is not None:
            return bytes(self._private.sign(message))
        recipe = hello.salt, hello.work
        if self._made is None or self._made[0] != recipe:
            self._made = recipe, credentials.client_key(self._secret, *recipe, self.key_id or self.login)
        return credentials.scram_proof(self._made[1], message)


class Heartbeats:
    """When to send a heartbeat and when to end the session. Times in ns, given by the caller."""

    __slots__ = ("dead_ns", "interval_ns")

    def __init__(self, heartbeat_ms: int) -> None:
        self.interval_ns = heartbeat_ms * MILLISECOND
        self.dead_ns = self.interval_ns * 12 // 5

    def due(self, last_in_ns: int, last_out_ns: int) -> int:
        """When the next action is due, ns."""
        return min(last_in_ns + self.dead_ns, last_out_ns + self.interval_ns)

    def dead(self, now_ns: int, last_in_ns: int) -> bool:
        return now_ns - last_in_ns >= self.dead_ns

    def lost_text(self, now_ns: int, last_in_ns: int) -> str:
        """The reason for ending the session: how long the peer was silent and how long it may be, in ms."""
        silent, limit = (ns // MILLISECOND for ns in (now_ns - last_in_ns, self.dead_ns))
        return errors.text(codes.R_HEARTBEAT_LOST, limit=limit, asked=silent)

    def silent(self, now_ns: int, last_out_ns: int) -> bool:
        return now_ns - last_out_ns >= self.interval_ns


def check_logon(message: M.Logon, heartbeat_ms: tuple[int, int] = (HEARTBEAT_MS_MIN, HEARTBEAT_MS_MAX)) -> tuple[int, str]:
    """The server's checks of a Logon before it checks the proof: (codes.OK, "") or (reason, text). heartbeat_ms: the range allowed."""
    low, high = heartbeat_ms
    if message.version != M.PROTOCOL_VERSION:
        return codes.R_WIRE_FIELD, f"Logon.version is {message.version}, this server speaks version {M.PROTOCOL_VERSION}"
    if message.heartbeat_ms and not low <= message.heartbeat_ms <= high:
        return (
            codes.R_BAD_HEARTBEAT,
            f"Logon.heartbeat_ms is {message.heartbeat_ms}, it must be {low} to {high}, or 0 for the server's",
        )
    if message.flags & ~(M.LOGON_CANCEL_ON_DISCONNECT | M.LOGON_SETTLEMENT):
        return codes.R_WIRE_FIELD, f"Logon.flags is {message.flags}: only {M.LOGON_CANCEL_ON_DISCONNECT} and {M.LOGON_SETTLEMENT} are known"
    return codes.OK, ""


class LoggedOn(NamedTuple):
    """The server has accepted the logon. `missing`: number of earlier reports that follow now."""

    reply: M.LogonReply
    number: int
    missing: int


class Missing(NamedTuple):
    """The server no longer has these reports; the stream continues after them."""

    begin: int
    end: int


class CaughtUp(NamedTuple):
    """All reports from before this logon have been delivered. Requests that are still unanswered never reached the exchange: send them
    again with the same ids."""

    next_number: int


class Ended(NamedTuple):
    """The session has ended. reason: codes.R_*, OK after our own Logout."""

    reason: int
    text: str


Happening: TypeAlias = M.ServerMessage | LoggedOn | Missing | CaughtUp | Ended

REBUILDING_NS = 1_000_000_000

WAIT_HELLO = 0
WAIT_REPLY = 1
ON = 2
LEAVING = 3
ENDED = 4


class ClientSession:
    """The client's end of one connection. Pass received bytes to `receive` and handle what it returns; send what `take` returns.

    secret: the shared secret, or a Prover. next_number: the next report needed. 0: start with the logon's own, without earlier reports. Keep `next_number` between connections (and
    across restarts of the client): it is the only state that a session needs.
    """

    __slots__ = (
        "_again_ns", "_closing", "_out", "_pending", "_reader", "_resuming", "caught_up", "flags", "heartbeat_ms", "heartbeats", "key", "last_in_ns",
        "last_out_ns", "next_number", "old", "prover", "resumed", "server", "state",
    )  # fmt: skip

    def __init__(
        self, key: str, secret: str | Prover, next_number: int = 0, heartbeat_ms: int = 0, flags: int = 0, now_ns: int = 0
    ) -> None:
        self.key = key
        self.prover = secret if isinstance(secret, Prover) else Prover(key, secret)
        self.next_number = next_number
        self.heartbeat_ms = heartbeat_ms
        self.flags = flags
        self.state = WAIT_HELLO
        self.server = ""
        self.heartbeats = Heartbeats(heartbeat_ms or HEARTBEAT_MS_DEFAULT)
        self.last_in_ns = now_ns
        self.last_out_ns = now_ns
        self.caught_up = False
        self.old: Callable[[M.Numbered], None] | None = (
            None  # gets reports that were delivered before and come again, as a FillsRequest asks
        )
        self.resumed: Callable[[M.ResumeDone], None] | None = None  # is told the end of each answer to a Resume
        self._reader = FrameReader(MAX_SERVER_PAYLOAD)
        self._out = bytearray()
        self._pending: dict[int, M.Numbered] = {}
        self._resuming = 0  # Resumes not yet answered by ResumeDone
        self._again_ns = 0  # when to request reports again that the server is rebuilding; 0: none
        self._closing = False

    # ------------------------------------------------------------------------------------------------------- out
    def send(self, message: M.ClientMessage) -> None:
        """Queue a message. Raises RuntimeError if not logged on."""
        if self.state != ON:
            raise RuntimeError("not logged on")
        self._out += frame(M.encode(message))

    def send_raw(self, frames: bytes) -> None:
        """Queue frames that were encoded before. Raises RuntimeError if not logged on."""
        if self.state != ON:
            raise RuntimeError("not logged on")
        self._out += frames

    def logout(self) -> None:
        """Send a Logout; the server's Logout ends the session."""
        if self.state == ON:
            self._out += frame(M.encode(M.Logout()))
            self.state = LEAVING

    def take(self, now_ns: int) -> bytes:
        """Bytes to send now."""
        out = bytes(self._out)
        self._out.clear()
        if out:
            self.last_out_ns = now_ns
        return out

    # -------------------------------------------------------------------------------------------------------- in
    def receive(self, data: bytes, now_ns: int) -> list[Happening]:
        """What these bytes contain: reports in the order of their numbers, each once, and everything else as it arrives. Never raises:
        unreadable data ends the session with the reason."""
        self.last_in_ns = now_ns
        happenings: list[Happening] = []
        if self.state == ENDED:
            return happenings
        try:
            for payload in self._reader.feed(data):
                self._message(M.decode_server(payload), happenings)
                if self.state == ENDED:
                    break
        except M.WireError as error:
            self._end(happenings, error.reason, error.text)
        return happenings

    def lost(self) -> list[Happening]:
        """The connection was lost."""
        happenings: list[Happening] = []
        if self.state != ENDED:
            self._end(happenings, codes.OK if self.state == LEAVING else codes.R_NOT_LOGGED_ON, "the connection was lost")
        return happenings

    def due(self) -> int:
        """When `tick` must be called, ns."""
        due = self.heartbeats.due(self.last_in_ns, self.last_out_ns)
        return min(due, self._again_ns) if self._again_ns else due

    def tick(self, now_ns: int) -> list[Happening]:
        """Heartbeats: sends ours when due, and ends the session when the server's are missing."""
        happenings: list[Happening] = []
        if self.state == ENDED:
            return happenings
        if self.heartbeats.dead(now_ns, self.last_in_ns):
            self._end(happenings, codes.R_HEARTBEAT_LOST, self.heartbeats.lost_text(now_ns, self.last_in_ns))
        elif self.state == ON and self.heartbeats.silent(now_ns, self.last_out_ns):
            self._out += frame(M.encode(M.Heartbeat()))
        if self._again_ns and now_ns >= self._again_ns and self.state == ON:
            self._again_ns = 0
            self._out += frame(M.encode(M.Resume(self.next_number, min(self._pending) - 1 if self._pending else 0)))
        return happenings

    # --------------------------------------------------------------------------------------------------- inwards
    def _end(self, happenings: list[Happening], reason: int, text: str) -> None:
        self.state = ENDED
        happenings.append(Ended(reason, text))

    def _message(self, message: M.ServerMessage, happenings: list[Happening]) -> None:
        if isinstance(message, M.Report | M.Sent):
            self._numbered(message, happenings)
        elif isinstance(message, M.Hello):
            self._hello(message, happenings)
        elif isinstance(message, M.Heartbeat):
            pass
        elif isinstance(message, M.Logout):
            self._end(happenings, message.reason, message.text)
        elif isinstance(message, M.ResumeDone):
            if self.resumed is not None:
                self.resumed(message)
            self._resumed(message, happenings)
        else:
            happenings.append(message)

    def _hello(self, message: M.Hello, happenings: list[Happening]) -> None:
        if self.state != WAIT_HELLO:
            return self._end(happenings, codes.R_WIRE_MALFORMED, "a second Hello")
        if message.version != M.PROTOCOL_VERSION:
            text = f"the server speaks version {message.version}, this client {M.PROTOCOL_VERSION}"
            return self._end(happenings, codes.R_WIRE_FIELD, text)
        self.server = message.server
        proof, key_id = self.prover.prove(message), self.prover.key_id
        logon = M.Logon(self.key, proof, M.PROTOCOL_VERSION, self.next_number, self.heartbeat_ms, self.flags, key_id)
        self._out += frame(M.encode(logon))
        self.state = WAIT_REPLY
        return None

    def _numbered(self, message: M.Numbered, happenings: list[Happening]) -> None:
        number = message.number
        if isinstance(message, M.Sent) and isinstance(message.body, M.LogonReply) and self.state == WAIT_REPLY:
            self.state = ON
            self.heartbeats = Heartbeats(message.body.heartbeat_ms)
            if self.next_number == 0 or number < self.next_number:
                # No earlier reports are wanted. (The number cannot be smaller than requested: the server refuses such a logon.)
                self.next_number = number
            else:
                self._resuming = 1  # the server sends the missing reports without another request
            happenings.append(LoggedOn(message.body, number, number - self.next_number))
        elif self.state < ON:
            return self._end(happenings, codes.R_WIRE_MALFORMED, "a report came before the logon reply")
        if number < self.next_number:
            if self.old is not None:
                self.old(message)
            return None
        self._pending[number] = message
        self._deliver(happenings)
        if self._pending and not self._resuming:
            self._ask_again()
        return None

    def _deliver(self, happenings: list[Happening]) -> None:
        pending = self._pending
        while self.next_number in pending:
            happenings.append(pending.pop(self.next_number))
            self.next_number += 1
        if not self.caught_up and not pending and not self._resuming:
            self.caught_up = True
            happenings.append(CaughtUp(self.next_number))

    def _ask_again(self) -> None:
        self._resuming += 1
        self._out += frame(M.encode(M.Resume(self.next_number, min(self._pending) - 1)))

    def _resumed(self, message: M.ResumeDone, happenings: list[Happening]) -> None:
        if message.reason == codes.R_REPORTS_REBUILDING:  # they will be available: later reports wait, none is lost
            self._again_ns = self.last_in_ns + REBUILDING_NS
            return
        self._resuming = max(0, self._resuming - 1)
        if self._pending and not self._resuming:
            first = min(self._pending)
            if message.end >= first - 1 or message.reason:
                happenings.append(Missing(self.next_number, first - 1))
                self.next_number = first
            else:
                self._ask_again()
        self._deliver(happenings)

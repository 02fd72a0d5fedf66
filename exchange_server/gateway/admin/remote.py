"""Remote administration: the operator's lines over TLS, after a logon with a principal's key.

The server speaks first: `{"hello": "exos", "challenge": HEX}`. The first line of the peer is its logon, one attempt for each connection:
`{"id": 1, "verb": "logon", "principal": NAME, "key": ID, "signature": HEX}` with the Ed25519 signature of `protocol.credentials.admin_message`, or
with `"token": TEXT` instead. A wrong name, key and proof get the same answer after the same work; repeated failures slow their address down as on the
other wires (../logon_guard.py). From then on it is the operator's socket (connection.py), and every request is judged by the roles of the principal.

The same lines are spoken on the Unix socket `principal.sock` of the data folder, without TLS, for a program of the same user that passes logons on (the web
process). There a logon may have `"address": TEXT`: from where the principal itself comes, for the delay of guesses, the networks of a key, and the log.
"""

import ipaddress
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from protocol import codes, credentials, errors

from ...registry import access_view
from ...registry.access import PREFIX, Sight
from ..connection import Outlet, TurnInput
from ..sessions import Directory
from .connection import AdminConnection
from .office import BadRequest, Office

CHALLENGE_BYTES = 32


class Knock(NamedTuple):
    """A logon as it was read."""

    id: Any
    principal: str
    key: str
    proof: bytes | str  # a signature, or a token
    address: str = ""  # from where it comes, as a local program says


class RemoteAdminConnection(AdminConnection):
    """The server's side of one principal's connection. `who` is "" until its logon was good."""

    __slots__ = ("challenge", "greeted", "knock", "local", "principal")

    FIRST_BUFFER = 4096
    LOGS_ON = True
    directory: Directory

    def __init__(
        self,
        now_ns: int,
        outlet: Outlet,
        table: Directory,
        office: Office,
        challenge: Callable[[], bytes] = lambda: os.urandom(CHALLENGE_BYTES),
        local: bool = False,
    ) -> None:
        """local: the peer is a program of the server's own user, which says for whom it asks."""
        super().__init__(now_ns, outlet, table, office, "")
        self.challenge = challenge()
        self.greeted = False
        self.local = local
        self.knock: Knock | None = None
        self.principal = ""

    def gather(self, turn: TurnInput) -> bool:
        if self.closing:
            return False
        if not self.greeted:
            self.greeted = True
            self.outlet.write(msgspec.json.encode({"hello": "exos", "challenge": self.challenge.hex()}) + b"\n")
        if self.who:
            return super().gather(turn)
        if self.knock is None:
            data = bytes(self.view[self.start : self.end])
            line, newline, _ = data.partition(b"\n")
            if not newline:
                if self.end - self.start >= self.capacity:
                    self._turn_away(turn, None, "", codes.R_WIRE_TOO_LONG, f"a logon is at most {self.capacity} bytes long")
                return False
            self.start += len(line) + 1
            try:
                self.knock = _read(line, self.local)
                if self.knock.address:
                    self.outlet.peer = f"[{self.knock.address}]:0"  # type: ignore[misc]
            except BadRequest as error:
                self._turn_away(turn, None, "", codes.R_NOT_LOGGED_ON, str(error))
                return False
        return self._logon(turn, self.knock)

    def _logon(self, turn: TurnInput, knock: Knock) -> bool:
        code, text = self.directory.admit(self, knock.principal, turn.tick_ns), errors.text(codes.R_LOGON_DELAYED)
        if code < 0:
            self.next_due = self.held_until
            return False
        self.next_due = 0
        if code == codes.OK:
            code, text = self.directory.authenticate_principal(self, knock.principal, knock.key, self.challenge, knock.proof, turn.now_ns)
        if code != codes.OK:
            self._turn_away(turn, knock.id, knock.principal, code, text)
            return False
        self.who, self.principal, self.knock = PREFIX + knock.principal, knock.principal, None
        if self.pipe is not None:
            self.pipe.deadline = 0  # it has logged on in time
        self.directory.logged_on(self, knock.principal, turn.tick_ns)
        self._say(knock.id, True, codes.OK, "", access_view.whoami(Sight(self.office.registry, self.who, turn.now_ns)))
        return True

    def _turn_away(self, turn: TurnInput, ident: Any, name: str, code: int, text: str) -> None:
        self.directory.logon_refused(self, name, code, text, turn.tick_ns)
        self._say(ident, False, code, text, {})
        self.close(code, text)

    def _dispatch(self, turn: TurnInput, ident: Any, request: dict[str, Any], made: str = "") -> None:
        row = self.office.registry.principals.named(self.principal)
        if row is None or row.record.closed:
            text = f"principal {self.principal} was closed"
            self._say(ident, False, codes.R_NOT_AUTHORISED, text, {})
            self.close(codes.R_NOT_AUTHORISED, text)
            return
        super()._dispatch(turn, ident, request, made)

    def lost(self, turn: TurnInput) -> None:
        self.directory.leave(self)
        super().lost(turn)


def _read(line: bytes, local: bool) -> Knock:
    """The logon in a line. local: it may say from where it comes. Raises BadRequest."""
    wanted = 'the first line is a logon: {"id": 1, "verb": "logon", "principal": NAME, "key": ID, "signature" or "token": ...}'
    try:
        request = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadRequest(wanted) from None
    if not isinstance(request, dict) or request.get("verb") != "logon":
        raise BadRequest(wanted)
    name, key, token, signature, address = (request.get(field, "") for field in ("principal", "key", "token", "signature", "address"))
    if not all(isinstance(text, str) for text in (name, key, token, signature, address)) or bool(token) == bool(signature):
        raise BadRequest(wanted)
    if address:
        address = _address(address, local)
    if token:
        return Knock(request.get("id"), name, key, token, address)
    try:
        proof = bytes.fromhex(signature)
    except ValueError:
        proof = b""
    if len(proof) != credentials.SIGNATURE_BYTES:
        raise BadRequest(f"signature: {2 * credentials.SIGNATURE_BYTES} hexadecimal digits are needed")
    return Knock(request.get("id"), name, key, proof, address)


def _address(text: str, local: bool) -> str:
    """The IP address from which a logon is passed on. Raises BadRequest."""
    if not local:
        raise BadRequest("address: it is the peer's own here, and is not said")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise BadRequest("address: not an IP address") from None

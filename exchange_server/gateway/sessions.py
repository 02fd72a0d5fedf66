"""Who is logged on: credentials in, session ids out, one connection to a session.

Guarantees: a session has at most one connection; the second is refused and the first goes on. A wrong name and a wrong secret give the
same answer and take the same time. Nothing here changes the exchange's state: a logon is a C_LOGON row that the connection adds.
"""

from typing import NamedTuple

from protocol import codes, errors

from ..registry import Registry
from .connection import Connection


class Verdict(NamedTuple):
    """`session`: id of the session that may be bound, 0 when refused; then `reason` (codes.R_*) and `text` say why, for the peer."""

    session: int
    reason: int = codes.OK
    text: str = ""


def _refused(reason: int) -> Verdict:
    return Verdict(0, reason, errors.text(reason))


class Directory:
    """The sessions of one server and the connections that hold them."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.bound: dict[int, Connection] = {}  # session id → its connection
        self.fresh: set[int] = set()  # bound in the turn that is being made; cleared by the pipeline
        self.refused = 0  # credentials that were wrong, for `exos status`

    def authenticate_fix(self, our_comp_id: str, peer_comp_id: str, username: str, password: str) -> Verdict:
        """Credentials of a FIX Logon: 56 (us), 49 (them), 553, 554. R_BAD_COMP_ID, R_BAD_CREDENTIALS or R_ALREADY_LOGGED_ON (told only to one who
        knows the secret; the wire may choose to say nothing)."""
        session = self.registry.fix_session(our_comp_id, peer_comp_id)
        right = self.registry.check_password(session.id if session is not None else 0, username, password)
        if session is None:
            self.refused += 1
            return _refused(codes.R_BAD_COMP_ID)
        return self._judge(session.id, right)

    def authenticate_binary(self, key: str, challenge: bytes, mac: bytes) -> Verdict:
        """A binary Logon: `mac` = HMAC-SHA256 of our `challenge` under the key's secret. R_BAD_CREDENTIALS or R_ALREADY_LOGGED_ON."""
        session = self.registry.binary_session(key)
        right = self.registry.check_hmac(session.id if session is not None else 0, challenge, mac)
        return self._judge(session.id if session is not None else 0, right)

    def _judge(self, session: int, right: bool) -> Verdict:
        if not session or not right:
            self.refused += 1
            return _refused(codes.R_BAD_CREDENTIALS)
        if session in self.bound:
            return _refused(codes.R_ALREADY_LOGGED_ON)
        return Verdict(session)

    def bind(self, session: int, connection: Connection) -> bool:
        """Give the session to this connection; its events go there from its E_LOGON on. False: another connection has it."""
        if session in self.bound:
            return False
        self.bound[session] = connection
        self.fresh.add(session)
        return True

    def unbind(self, session: int, connection: Connection) -> None:
        """The connection gives the session back; nothing happens when another one has it."""
        if self.bound.get(session) is connection:
            del self.bound[session]
            self.fresh.discard(session)

    def connection_of(self, session: int) -> Connection | None:
        """The connection that holds the session now."""
        return self.bound.get(session)

    def names(self) -> list[str]:
        """Names of the sessions that are logged on, in order."""
        return sorted(self.registry.sessions[session].name for session in self.bound)

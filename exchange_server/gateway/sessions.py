"""Which sessions are logged on: checks credentials, gives session ids, allows one connection per session.

Guarantees: a session has at most one connection; a second one is refused and the first continues. A wrong name and a wrong secret get the
same answer and take the same time. Nothing here changes the exchange's state: a logon is a C_LOGON row that the connection adds.
"""

import numpy as np
from numpy.typing import NDArray

from protocol import codes

from ..core import layout as L
from ..core.layout import plain
from ..registry import Registry
from .connection import ORDER_ENTRY, Connection
from .fix.logons import LogonMemory
from .logon_guard import Log, LogonGuard
from .own_state import Desk


class Directory:
    """The sessions of one server and the connections that hold them."""

    def __init__(self, registry: Registry, log: Log | None = None) -> None:
        self.registry = registry
        self.guard = LogonGuard(log)
        self.bound: dict[int, Connection] = {}  # session id → its connection
        self.wires = [0, 0, 0]  # sessions bound, by codes.WIRE_*
        self.fresh: set[int] = set()  # bound in the current turn; cleared by the pipeline
        self.kinds: dict[int, str] = {}  # session id → its kind, if that is not order entry
        self.logons = LogonMemory()
        self.desk = Desk()
        self.refused = 0  # wrong credentials, for `exos status`

    # Passed on to the logon guard: called by a connection before and after it authenticates.
    def admit(self, connection: Connection, who: str, now_ns: int) -> int:
        """May a logon in the name of `who` be processed? OK; R_LOGON_DELAYED: refuse it; -1: ask again at `connection.held_until`."""
        return self.guard.admit(connection, who, now_ns)

    def leave(self, connection: Connection) -> None:
        """The connection has closed, perhaps while its logon waited."""
        self.guard.leave(connection)

    def logged_on(self, connection: Connection, who: str, now_ns: int) -> None:
        """A logon succeeded: log it."""
        session = self.registry.sessions.get(connection.session)
        self.guard.good(connection, who, session.name if session is not None else "", now_ns)

    def logon_refused(self, connection: Connection, who: str, reason: int, text: str, now_ns: int) -> None:
        """A connection is closed before its logon succeeded: log it, and count wrong credentials for its address."""
        self.guard.bad(connection, who, reason, text, now_ns)

    def authenticate_fix(self, our_comp_id: str, peer_comp_id: str, username: str, password: str) -> tuple[int, int]:
        """Credentials of a FIX Logon: 56 (us), 49 (them), 553, 554. (session id, OK), or (0, R_BAD_COMP_ID, R_BAD_CREDENTIALS or
        R_ALREADY_LOGGED_ON); the last one only if the secret was right."""
        session = self.registry.fix_session(our_comp_id, peer_comp_id)
        right = self.registry.check_password(session.id if session is not None else 0, username, password)
        if session is None:
            self.refused += 1
            return 0, codes.R_BAD_COMP_ID
        return self._judge(session.id, right)

    def authenticate_binary(self, key: str, challenge: bytes, mac: bytes) -> tuple[int, int]:
        """A binary Logon: `mac` = HMAC-SHA256 of our `challenge` under the key's secret. (session id, OK), or
        (0, R_BAD_CREDENTIALS or R_ALREADY_LOGGED_ON)."""
        session = self.registry.binary_session(key)
        right = self.registry.check_hmac(session.id if session is not None else 0, challenge, mac)
        return self._judge(session.id if session is not None else 0, right)

    def _judge(self, session: int, right: bool) -> tuple[int, int]:
        if not session or not right:
            self.refused += 1
            return 0, codes.R_BAD_CREDENTIALS
        if session in self.bound:
            return 0, codes.R_ALREADY_LOGGED_ON
        return session, codes.OK

    def bind(self, session: int, connection: Connection) -> bool:
        """Bind the session to this connection; it gets the session's events from the E_LOGON on. False: another connection has it."""
        if session in self.bound:
            return False
        self.bound[session] = connection
        self.wires[connection.wire] += 1
        self.fresh.add(session)
        return True

    def unbind(self, session: int, connection: Connection) -> None:
        """Release the session from this connection; does nothing if another connection has it."""
        if self.bound.get(session) is connection:
            del self.bound[session]
            self.wires[connection.wire] -= 1
            self.fresh.discard(session)

    def kind_of(self, session: int) -> str:
        """The purpose of the session; selects the kind in the table of its wire."""
        return self.kinds.get(session, ORDER_ENTRY)

    def connection_of(self, session: int) -> Connection | None:
        """The connection that has the session now."""
        return self.bound.get(session)

    def names(self) -> list[str]:
        """Names of the sessions that are logged on, in order."""
        return sorted(self.registry.sessions[session].name for session in self.bound)


def before_logon(events: NDArray[np.int64], fresh: set[int]) -> NDArray[np.int64]:
    """A copy of the events without an addressee for events that precede the E_LOGON of a session that logs on in this turn. Nothing may come
    before the logon reply on the wire; these reports are numbered, and the session can get them by resend. Removes from `fresh` the sessions
    whose E_LOGON is in the chunk."""
    rows = events.reshape(-1, L.EVT_WORDS).copy()
    at = 0
    while at < len(rows) and fresh:
        head = int(rows[at, L.EVT_HEAD])
        session = plain.session_of(int(rows[at, L.EVT_SESSION_ACCOUNT]))
        if session in fresh:
            if plain.kind_of(head) == codes.E_LOGON:
                fresh.discard(session)
            else:
                rows[at, L.EVT_SESSION_ACCOUNT] = plain.account_of(rows[at, L.EVT_SESSION_ACCOUNT])
        at += 1 + plain.extra_of(head)
    return rows.reshape(-1)

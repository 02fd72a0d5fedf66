"""Which sessions are logged on: checks credentials, gives session ids, allows one connection per session.

Guarantees: a session has at most one connection; a second one is refused and the first continues. A wrong name and a wrong secret get the
same answer and take the same time. Nothing here changes the exchange's state: a logon is a C_LOGON row that the connection adds.
"""

import numpy as np
from numpy.typing import NDArray

from protocol import codes, credentials, errors

from ..core import layout as L
from ..core.layout import plain
from ..registry import Registry, scopes
from ..registry.closing import is_closed
from ..registry.keys import fault
from ..registry.tables import Key, Session
from .connection import MARKET_DATA, ORDER_ENTRY, READ, Connection
from .credentials import WAIT, Crowded, FixProof, Judge, Verdict, verdict
from .fix.logons import LogonMemory
from .logon_guard import Log, LogonGuard, address_of, host_of
from .own_state import Desk
from .slow import SlowWork
from .verifiers import recipe_of

MARKET_DATA_MOST = 8  # connections with one key that may only have market data: they do not take the session's place


class Directory:
    """The sessions of one server and the connections that hold them."""

    def __init__(self, registry: Registry, log: Log | None = None, slow: SlowWork | None = None) -> None:
        """slow: where passwords are checked; None: where they are asked for."""
        self.registry = registry
        self.judge = Judge(registry, slow)
        self.used: dict[Connection, Key] = {}  # with which key a connection logged on, as it was then
        self._expiry = 0  # when the first of these expires, exchange time; 0: none does
        self.guard = LogonGuard(log)
        self.bound: dict[int, Connection] = {}  # session id → its connection
        self.wires = [0, 0, 0]  # sessions bound, by codes.WIRE_*
        self.fresh: set[int] = set()  # bound in the current turn; cleared by the pipeline
        self.kinds: dict[int, str] = {}  # session id → its kind, if that is not order entry
        self.logons = LogonMemory()
        self.desk = Desk()
        self.refused = 0  # wrong credentials, for `exos status`

    def owners(self, session: int) -> tuple[str, int]:
        """(name of the venue, id of the firm) of a session; venue "": it and its firm belong to no venue."""
        known = self.registry.sessions.get(session)
        return scopes.of_session(self.registry, known).venue, known.firm if known is not None else 0

    # Passed on to the logon guard: called by a connection before and after it authenticates.
    def admit(self, connection: Connection, who: str, now_ns: int) -> int:
        """May a logon in the name of `who` be processed? OK; R_LOGON_DELAYED: refuse it; -1: ask again at `connection.held_until`."""
        return codes.OK if connection in self.judge.jobs else self.guard.admit(connection, who, now_ns)

    def leave(self, connection: Connection) -> None:
        """The connection has closed, perhaps while its logon waited."""
        self.guard.leave(connection)
        self.judge.leave(connection)
        self.used.pop(connection, None)

    def logged_on(self, connection: Connection, who: str, now_ns: int) -> None:
        """A logon succeeded: log it."""
        session = self.registry.sessions.get(connection.session)
        self.guard.good(connection, who, session.name if session is not None else "", self.used[connection].id, now_ns)

    def logon_refused(self, connection: Connection, who: str, reason: int, text: str, now_ns: int) -> None:
        """A connection is closed before its logon succeeded: log it, and count wrong credentials for its address."""
        self.used.pop(connection, None)
        self.guard.bad(connection, who, reason, text, now_ns)

    def authenticate_fix(self, connection: Connection, proof: FixProof, tick_ns: int, now_ns: int) -> Verdict:
        """Credentials of a FIX Logon. R_BAD_COMP_ID, R_BAD_CREDENTIALS, R_LOGON_DELAYED; what only whoever proves to have the key is told:
        R_KEY_*, R_ALREADY_LOGGED_ON. tick_ns: of the steady clock; now_ns: exchange time."""
        judge = self.judge
        session = self._open(self.registry.fix_session(proof.our_comp_id, proof.peer_comp_id))
        key = judge.fix_key(session, proof.username)
        right: bool | None
        if proof.signature is not None:
            right = judge.signed(key, proof.signed, proof.signature)
        elif proof.password.startswith(credentials.TOKEN_PREFIX):
            right = judge.knows_token(key, proof.password)
        else:
            try:
                right = judge.knows_password(connection, address_of(connection.outlet.peer), key, proof.password, tick_ns)
            except Crowded:
                return verdict(codes.R_LOGON_DELAYED)
        if right is None:
            return Verdict(0, WAIT)
        if session is None:
            self.refused += 1
            return verdict(codes.R_BAD_COMP_ID)
        return self._judge(connection, session.id, key if right else None, now_ns)

    def authenticate_binary(self, connection: Connection, login: str, key_id: str, challenge: bytes, proof: bytes, now_ns: int) -> Verdict:
        """A binary Logon: what it proves of our challenge. The codes of authenticate_fix, without R_BAD_COMP_ID."""
        judge = self.judge
        session = self._open(self.registry.binary_session(login))
        key = judge.binary_key(session, key_id)
        message = credentials.binary_message(login, key_id, challenge)
        if len(proof) == credentials.SIGNATURE_BYTES:
            right = judge.signed(key, message, proof)
        else:
            right = judge.knows_secret(key, message, proof)
        return self._judge(connection, session.id if session is not None else 0, key if right else None, now_ns)

    def _open(self, session: Session | None) -> Session | None:
        """A session that was closed, or whose firm was, is answered like one that never was."""
        return session if session is None or is_closed(self.registry, session) is None else None

    def authenticate_principal(
        self, connection: Connection, name: str, key_id: str, challenge: bytes, proof: bytes | str, now_ns: int
    ) -> tuple[int, str]:
        """A logon at the port for remote administration: (codes.OK or R_*, a sentence). What is wrong beyond R_BAD_CREDENTIALS is told only to who
        proves to have the key. now_ns: exchange time."""
        code, text, key = self.judge.principal(name, key_id, proof, challenge, host_of(connection.outlet.peer), now_ns)
        row = self.registry.principals.named(name)
        if code == codes.OK and (row is None or row.record.closed):
            code, text = codes.R_NOT_AUTHORISED, f"principal {name} was closed"
        if code != codes.OK or key is None:
            self.refused += 1
            return code, text
        self._uses(connection, key)
        return code, text

    def _uses(self, connection: Connection, key: Key) -> None:
        self.used[connection] = key
        if key.record.until_ns:
            self._expiry = min(self._expiry or key.record.until_ns, key.record.until_ns)

    def _judge(self, connection: Connection, session: int, key: Key | None, now_ns: int) -> Verdict:
        """key: whose proof was right."""
        if not session or key is None:
            self.refused += 1
            return verdict(codes.R_BAD_CREDENTIALS)
        code, text = fault(key, now_ns, host_of(connection.outlet.peer))
        if code != codes.OK:
            self.refused += 1
            return verdict(code, text)
        only = _kind(key) == MARKET_DATA
        if only and connection.wire == codes.WIRE_FIX:
            return verdict(codes.R_KEY_SCOPE, f"key {key.id} has the scope market_data alone, and FIX sessions have no market data")
        if only and sum(used.id == key.id for used in self.used.values()) >= MARKET_DATA_MOST:
            return verdict(codes.R_ALREADY_LOGGED_ON, f"{MARKET_DATA_MOST} connections use key {key.id} already")
        if not only and session in self.bound:
            return verdict(codes.R_ALREADY_LOGGED_ON)
        self._uses(connection, key)
        return Verdict(session, codes.OK)

    def ended(self, now_ns: int, acted: bool = False) -> list[tuple[Connection, int, str]]:
        """The connections whose keys are not good any more, or whose session was closed: (connection, codes.R_KEY_*, R_SESSION_CLOSED or
        R_FIRM_CLOSED, a sentence). acted: acts were carried out since the last time. now_ns: exchange time."""
        if not acted and not 0 < self._expiry <= now_ns:
            return []
        found, self._expiry = [], 0
        for connection, key in self.used.items():
            row, session = self.registry.keys.get(key.id), self.registry.sessions.get(connection.session)
            closed = is_closed(self.registry, session) if session is not None else None
            if session is not None and closed is not None:
                code = codes.R_SESSION_CLOSED if session.closed is not None else codes.R_FIRM_CLOSED
                text = f"{errors.text(code)}: {closed.reason}"
            elif row is None:
                code, text = codes.R_KEY_REVOKED, errors.text(codes.R_KEY_REVOKED)
            elif row.record.scopes != key.record.scopes:
                code, text = codes.R_KEY_SCOPE, f"the scopes of key {key.id} were changed: log on again"
            else:
                code, text = fault(row, now_ns, host_of(connection.outlet.peer))
            if code != codes.OK:
                found.append((connection, code, text))
            elif row is not None and row.record.until_ns:
                self._expiry = min(self._expiry or row.record.until_ns, row.record.until_ns)
        return found

    def recipe(self) -> tuple[bytes, int]:
        """Salt and work for proofs of a shared secret on the binary wire."""
        recipe = recipe_of(self.registry.begun)
        return recipe.binary_salt, recipe.work

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

    def kind_of(self, session: int, connection: Connection) -> str:
        """The purpose of the session, limited by the key of this connection; selects the kind in the table of its wire."""
        return _kind(self.used[connection]) or self.kinds.get(session, ORDER_ENTRY)

    def key_of(self, connection: Connection) -> str:
        """The id of the key with which this connection logged on."""
        return self.used[connection].id

    def connection_of(self, session: int) -> Connection | None:
        """The connection that has the session now."""
        return self.bound.get(session)

    def names(self) -> list[str]:
        """Names of the sessions that are logged on, in order."""
        return sorted(self.registry.sessions[session].name for session in self.bound)


def _kind(key: Key) -> str:
    """The kind that a key without the scope `trade` is limited to; "" for one that has it."""
    scopes = key.record.scopes
    return "" if "trade" in scopes else READ if "read" in scopes else MARKET_DATA


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

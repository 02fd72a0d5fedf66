"""The answers to AF, AN and BB: one copy of the session's own state, then the messages made from it.

All of an answer is as of one event number N: the ids that we give (17, 721, 908) are `N-session-request-part`. An ExecutionReport whose ExecID
(17) is at most N is included, one above N is not, whatever the order in which they arrive. The messages are numbered like any other, so their
bodies are journaled; but a state is of its moment, so a later ResendRequest gets a gap fill in their place (`is_state`, resend.py), and what was
never sent is not sent later: the client asks again.
"""

from collections import deque
from collections.abc import Callable, Iterator

from protocol import codes, freeze
from protocol.account_messages import OWN_ANSWERS, TABLE_ORDERS
from protocol.fix_messages import FixMessage, Problem, encode_fields, format_scaled, format_timestamp
from protocol.fix_queries import StateQuery, read_query
from protocol.own_state import LEVELS

from ... import own_state, state
from ...core import layout as L
from ...core.layout import plain
from ...core.risk.visibility import visible_to
from ..connection import TurnInput
from ..own_state import Desk
from .order_entry import find_name_of

PIECE = 64  # messages in one turn
DONE, GO_ON, LATER = 0, 1, 2
RETRY_NS = 5_000_000
DECIMALS = (3, 0, 6, 9)  # of a timestamp, by FORM_TIME_*
STATE_PREFIX = b"584="  # a report of an order begins with it when it is part of the answer to an AF, and never else
STATE_TYPES = frozenset(int.from_bytes(kind, "little") for kind in (b"AO", b"AP", b"BG", b"BA"))
REPORT_TYPE = int.from_bytes(b"8", "little")
WORKING = {codes.ST_NEW: "0", codes.ST_PARTIAL: "1", codes.ST_PENDING: "A"}

Fields = list[tuple[int, bytes | str | int]]
Part = tuple[str, bytes] | None  # MsgType and body; None: not yet, come again a little later


def is_state(msg_type: int, body: bytes) -> bool:
    """Is this message of ours (EVT_MSG_TYPE and the beginning of its body) an answer about own state?"""
    return msg_type in STATE_TYPES or msg_type == REPORT_TYPE and body.startswith(STATE_PREFIX)


class Answer:
    """One answer. Iterate over its parts once."""

    def __init__(self, m: state.Words, desk: Desk, session: int, query: StateQuery, now: Callable[[], int]) -> None:
        self._m, self._desk, self._session, self._query, self._now = m, desk, session, query, now
        form = state.Session.of(m, session).form
        self._own_fields = plain.has_own_fields(form)
        self._decimals = DECIMALS[plain.time_form_of(form)]
        self._id = ""
        self._parts = 0

    def parts(self) -> Iterator[Part]:
        """The messages. The copy is taken at the first one that the desk allows."""
        while not self._desk.open(self._now(), self._session):
            yield None
        m, query = self._m, self._query
        account = find_name_of(m, L.NAME_ACCOUNT, query.account) or (own_state.NOBODY if query.account else 0)
        copy = own_state.take(m, self._session, account, query.msg_type == "AF")
        event = state.Header(m).next_event - 1
        self._id = f"{event}-{self._session}-{query.seq}"
        make = {"AF": self._orders, "AN": self._positions, "BB": self._collateral}[query.msg_type]
        written = 0
        try:
            if isinstance(copy, own_state.Refused):
                yield self._refused(copy)
                return
            self._desk.took(copy, self._now())
            for part in make(copy):
                written += 1
                yield part
        finally:  # also when the connection ends in the middle
            self._desk.wrote(self._session, written, self._now())

    def _next_id(self) -> str:
        self._parts += 1
        return f"{self._id}-{self._parts}"

    def _refused(self, why: own_state.Refused) -> Part:
        text = "Account(1) is unknown" if why.reason == codes.R_UNKNOWN_ACCOUNT else why.text
        query = self._query
        if query.msg_type == "AF":
            return self._no_orders("15" if why.reason == codes.R_UNKNOWN_ACCOUNT else "99", text)
        if query.msg_type == "AN":
            return self._ack(0, 99, 2, text)
        return self._inquiry_ack(0, text)

    # ------------------------------------------------------------------------------------------------------ AF: orders
    def _orders(self, copy: own_state.OwnState) -> Iterator[Part]:
        instrument = 0
        if self._query.symbol:
            instrument = find_name_of(self._m, L.NAME_INSTRUMENT, self._query.symbol)
            own = instrument and any(account.count_of(instrument) for account in copy.accounts)
            if not own and not visible_to(self._m, self._session, instrument):  # what its venue does not list, a session does not know
                yield self._no_orders("1", "Symbol(55) is unknown")
                return
        total = sum(account.count_of(instrument) if instrument else account.order_count for account in copy.accounts)
        if not total:
            yield self._no_orders("5", "there are no open orders")
            return
        time = format_timestamp(copy.time, self._decimals)
        at = 0
        for account in copy.accounts:
            for order in account.orders(instrument):
                at += 1
                yield "8", self._order(order, account.name, total, at == total, time)

    def _order(self, order: own_state.OpenOrder, account: str, total: int, last: bool, time: bytes) -> bytes:
        row = state.Instrument.of(self._m, order.instrument)
        price, qty = row.price_decimals, row.qty_decimals
        fields: Fields = [
            (584, self._query.id), (911, total), (912, "Y" if last else "N"), (37, order.order), (11, order.text or order.id), (17, self._next_id()),
            (150, "I"), (39, WORKING[order.status]), (1, account), (55, row.symbol), (54, order.side),
        ]  # fmt: skip
        if order.contract_side == codes.NO and self._own_fields:
            fields.append((5010, "N"))
        fields += [(38, format_scaled(order.qty, qty)), (40, order.type), (44, format_scaled(order.price, price)), (59, order.tif)]
        if order.expiry and order.tif == codes.GTD:
            fields.append((126, format_timestamp(order.expiry, self._decimals)))
        if order.flags & codes.FLAG_PERSIST and self._own_fields:
            fields.append((5018, "Y"))
        average = format_scaled(order.notional * 10_000 // order.cum, min(price + 4, 18)) if order.cum else "0"
        fields += [(151, format_scaled(order.leaves, qty)), (14, format_scaled(order.cum, qty)), (6, average), (60, time)]
        if order.session != self._session:
            fields.append((58, "entered by another session of the firm, which gets its reports"))
        return encode_fields(fields)

    def _no_orders(self, reason: str, text: str) -> Part:
        fields: Fields = [
            (584, self._query.id), (911, 0), (912, "Y"), (37, "NONE"), (17, self._next_id()), (150, "I"), (39, "8"), (103, reason),
            (55, self._query.symbol or "[N/A]"), (54, 1), (151, 0), (14, 0), (6, 0), (58, text),
        ]  # fmt: skip
        return "8", encode_fields(fields)

    # --------------------------------------------------------------------------------------------------- AN: positions
    def _positions(self, copy: own_state.OwnState) -> Iterator[Part]:
        (account,) = copy.accounts
        held = [one for one in account.positions if one.position]
        if self._query.symbol:
            only = find_name_of(self._m, L.NAME_INSTRUMENT, self._query.symbol)
            held = [one for one in held if one.instrument == only]
        yield self._ack(len(held), 0 if held else 2, 0, "")
        date = format_timestamp(copy.time, 0)[:8]
        for one in held:
            row = state.Instrument.of(self._m, one.instrument)
            event = row.event
            settled = event.phase in (codes.PH_DETERMINED, codes.PH_FINAL)
            asset = state.Asset.of(self._m, event.asset)
            lots = format_scaled(abs(one.position), row.qty_decimals)
            fields: Fields = [
                (721, self._next_id()),
                (710, self._query.id),
                (724, 0),
                (727, len(held)),
                (728, 0),
                (715, date),
                *self._query.parties,
            ]
            fields += [(1, account.name), (581, self._query.account_type), (55, row.symbol), (15, asset.name)]
            fields += [(730, format_scaled(row.paid if settled else row.last, row.price_decimals)), (731, 1 if settled else 2), (734, 0)]
            fields += [(702, 1), (703, "TQ"), (704 if one.position > 0 else 705, lots)]
            yield "AP", encode_fields(fields)

    def _ack(self, total: int, result: int, status: int, text: str) -> Part:
        fields: Fields = [(721, self._next_id()), (710, self._query.id), (727, total), (728, result), (729, status), *self._query.parties]
        fields += [(1, self._query.account), (581, self._query.account_type)]
        fields += [(55, self._query.symbol)] if self._query.symbol else []
        return "AO", encode_fields([*fields, (58, text)] if text else fields)

    # -------------------------------------------------------------------------------------------------- BB: collateral
    def _collateral(self, copy: own_state.OwnState) -> Iterator[Part]:
        rows = [(account.name, balance) for account in copy.accounts for balance in account.balances]
        yield self._inquiry_ack(len(rows), "", _limits_text(copy.limits))
        for at, (name, balance) in enumerate(rows, 1):
            asset = state.Asset.of(self._m, balance.asset)
            free = balance.cash - balance.locked
            status = 0 if not balance.locked else 3 if free <= 0 else 1
            fields: Fields = [(908, self._next_id())] + ([(909, self._query.id)] if self._query.id else [])
            fields += [(910, status), (911, len(rows)), (912, "Y" if at == len(rows) else "N"), *self._query.parties]
            fields += [(1, name), (581, self._query.account_type), (15, asset.name)]
            fields += [(899, format_scaled(free, asset.decimals)), (901, format_scaled(balance.cash, asset.decimals))]
            if self._own_fields:
                fields.append((5107, format_scaled(balance.locked, asset.decimals)))
            yield "BA", encode_fields(fields)

    def _inquiry_ack(self, total: int, refused: str, text: str = "") -> Part:
        query = self._query
        fields: Fields = [(909, query.id or "NONE"), (945, 4 if refused else 0), (946, 99 if refused else 0), (911, total), *query.parties]
        fields += [(1, query.account)] if query.account else []
        return "BG", encode_fields([*fields, (58, refused or text)])


def _limits_text(limits: own_state.Limits) -> str:
    """What bounds the session now, in one line: FIX has no fields for it."""
    parts = []
    for name, throttle in (("session", limits.session), ("venue", limits.venue)):
        if throttle.limit:
            parts.append(f"{name} throttle: {throttle.used} of {throttle.limit} messages in {throttle.window // 1_000_000} ms")
    orders = next((share for share in limits.shares if share.table == TABLE_ORDERS), None)
    if orders is not None:
        parts.append(f"open orders of the firm: {orders.used} of {orders.most}")
    stopped = [f"{LEVELS[level]} {id}" if id else LEVELS[level] for level, id in limits.stopped]
    parts.append(f"stopped by kill switch: {', '.join(stopped) or 'none'}")
    if limits.freeze:
        parts.append(f"venue frozen: {freeze.NAMES[limits.freeze]}")
    return "; ".join(parts)


class Answers:
    """The requests for own state of one connection that are not answered yet, in order."""

    def __init__(self) -> None:
        self.waiting: deque[Iterator[Part]] = deque()
        self._after = -1  # turn that has rows of before the newest request: its copy is taken after it
        self._now = 0

    def clear(self) -> None:
        """What has not been sent is not sent any more."""
        self.waiting.clear()

    def ask(self, m: state.Words, desk: Desk, session: int, message: FixMessage, turn: TurnInput) -> Problem | None:
        """A request; or why it is not taken."""
        query = read_query(message)
        if isinstance(query, Problem):
            return query
        if len(self.waiting) >= OWN_ANSWERS:
            text = f"{len(self.waiting)} requests for own state are waiting on this session, the limit is {OWN_ANSWERS}: wait for their answers"
            return Problem(0, None, text, business=4)
        if turn.words > L.CMD_WORDS:
            self._after = turn.turn
        self.waiting.append(Answer(m, desk, session, query, lambda: self._now).parts())
        return None

    def pump(self, turn: TurnInput, send: Callable[[str, bytes], None]) -> int:
        """Give out the next messages. GO_ON: come again in the next turn; LATER: in a while; DONE."""
        self._now = turn.tick_ns
        for _ in range(PIECE):
            if not self.waiting:
                return DONE
            if turn.full or self._after == turn.turn:
                return GO_ON
            try:
                part = next(self.waiting[0])
            except StopIteration:
                self.waiting.popleft()
                continue
            if part is None:
                return LATER
            send(*part)
        return GO_ON

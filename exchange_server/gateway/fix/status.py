"""SecurityStatus (f): the phase of a market, in answer to a SecurityStatusRequest (e) and, if that subscribes, at each later change.

The messages are numbered like any other, so their bodies are journaled and a resend has the same bytes. A request is for one symbol, or for all
contracts of its event (5011=E). What the session does not see any more is not told.
"""

from collections import deque
from typing import Any, NamedTuple

from protocol import codes, phases
from protocol.fix_messages import FixMessage, Problem, encode_fields, format_timestamp
from protocol.fix_tables import FIELDS, TEXT_MAX

from ... import state
from ...core import layout as L
from ...core.layout import plain
from ...core.risk.visibility import visible_to
from ..connection import TurnInput
from ..feeds.market_data import MarketData
from .order_entry import find_name_of
from .own_state import DECIMALS, DONE, GO_ON

MOST = 1_000  # contracts to which one session is subscribed, and messages that wait when it asks
PIECE = 64  # messages in one turn
ALL = b"E"
SNAPSHOT, SUBSCRIBE, CANCEL = b"0", b"1", b"2"
PRE_OPEN, READY, FAST, HALT, NOT_AVAILABLE = 21, 17, 23, 2, 18
TRADING_STATUS = {  # SecurityTradingStatus (326) by phase
    codes.PH_DRAFT: PRE_OPEN, codes.PH_LISTED: PRE_OPEN, codes.PH_OPEN: READY, codes.PH_LIVE: FAST, codes.PH_PAUSED: HALT,
    codes.PH_CANCEL_ONLY: HALT, codes.PH_AUCTION: PRE_OPEN,
}  # fmt: skip


class Asked(NamedTuple):
    """A subscription: its event, the number of the one contract it is for, -1: all; how many contracts those were when it was made."""

    event: int
    contract: int
    size: int


class Due(NamedTuple):
    """A message to be sent: id of the request, event, contract, phase, time, whether the client did not ask for it now."""

    id: bytes
    event: int
    contract: int
    phase: int
    time_ns: int
    unsolicited: bool


class Statuses:
    """The subscriptions of one connection, and what is still to be sent to it."""

    def __init__(self, m: state.Words, market: MarketData, follower: Any) -> None:
        self._m, self._market, self._follower = m, market, follower
        self.asked: dict[bytes, Asked] = {}
        self.used = 0  # sum of their sizes
        self.waiting: deque[Due] = deque()

    def clear(self) -> None:
        """The connection ends, or its numbers begin again: nothing is subscribed any more."""
        for asked in self.asked.values():
            self._market.unfollow(self._follower, asked.event)
        self.asked.clear()
        self.used = 0
        self.waiting.clear()

    def ask(self, session: int, message: FixMessage, now_ns: int) -> Problem | None:
        """A request (e); or why it is not taken."""
        id, symbol, kind = message.get(324), message.get(55), message.get(263)
        for tag, text in ((324, id), (55, symbol)):
            if len(text) > TEXT_MAX:
                return Problem(5, tag, f"{FIELDS[tag].name}({tag}) has {len(text)} characters, at most {TEXT_MAX} are allowed")
        if kind == CANCEL:
            old = self.asked.pop(id, None)
            if old is None:
                return Problem(0, 324, f"SecurityStatusReqID(324) {id.decode('ascii', 'replace')} is not subscribed", business=1)
            self.used -= old.size
            if all(other.event != old.event for other in self.asked.values()):
                self._market.unfollow(self._follower, old.event)
            return None
        instrument = find_name_of(self._m, L.NAME_INSTRUMENT, symbol)
        if not instrument or not visible_to(self._m, session, instrument):
            return Problem(0, 55, "Symbol(55) is unknown", business=2)
        if kind == SUBSCRIBE and id in self.asked:
            return Problem(5, 324, f"SecurityStatusReqID(324) {id.decode('ascii', 'replace')} is subscribed already")
        row = state.Instrument.of(self._m, instrument)
        event = row.event
        asked = Asked(event.id, row.index, 1) if message.get(5011) != ALL else Asked(event.id, -1, event.n)
        if kind == SUBSCRIBE and self.used + asked.size > MOST:
            said = f"{self.used} contracts subscribed on this session, asked {asked.size} more, the limit is {MOST}: end one with 263=2"
            return Problem(0, 324, said, business=4)
        if len(self.waiting) >= MOST:
            return Problem(0, 324, f"{len(self.waiting)} answers wait to be sent already, the limit is {MOST}: read them first", business=4)
        self._add(id, asked, event.phase, now_ns, False)
        if kind == SUBSCRIBE:
            self.asked[id] = asked
            self.used += asked.size
            self._market.follow(self._follower, event.id)
        return None

    def phase_changed(self, event: int, phase: int, time_ns: int, contract: int = -1) -> None:
        """contract: the one (its number) that changes alone, -1: all that are not ahead of the event."""
        for id, asked in self.asked.items():
            if asked.event == event and (contract < 0 or asked.contract in (-1, contract)):
                self._add(id, asked if contract < 0 else asked._replace(contract=contract), phase, time_ns, True, contract >= 0)

    def _add(self, id: bytes, asked: Asked, phase: int, time_ns: int, unsolicited: bool, alone: bool = False) -> None:
        row = state.Event.of(self._m, asked.event)
        for contract in range(row.n) if asked.contract < 0 else (asked.contract,):
            instrument = state.Instrument.of(self._m, row.instruments[contract])
            if instrument.ahead and not alone:
                if unsolicited:
                    continue
                self.waiting.append(Due(id, asked.event, contract, instrument.ahead, time_ns, False))
            else:
                self.waiting.append(Due(id, asked.event, contract, phase, time_ns, unsolicited))

    def pump(self, session: int, turn: TurnInput, send: Any) -> int:
        """Give out the next messages: DONE, or GO_ON in the next turn."""
        m = self._m
        for _ in range(PIECE):
            if not self.waiting or turn.full:
                break
            due = self.waiting.popleft()
            instrument = state.Event.of(m, due.event).instruments[due.contract]
            if not visible_to(m, session, instrument):
                continue
            decimals = DECIMALS[plain.time_form_of(state.Session.of(m, session).form)]
            fields: list[tuple[int, bytes | str | int]] = [
                (324, due.id), (55, state.Instrument.of(m, instrument).symbol), (325, "Y" if due.unsolicited else "N"),
                (326, TRADING_STATUS.get(due.phase, NOT_AVAILABLE)), (60, format_timestamp(due.time_ns, decimals)), (58, phases.name(due.phase)),
            ]  # fmt: skip
            send("f", encode_fields(fields))
        return GO_ON if self.waiting else DONE

"""Finds the fills of a trade in the event store, for a bust or correction: before the record is journaled its legs are put into it. Of a trade that was
corrected before, they are as the newest correction left them.

Trade ids rise with event numbers, so the place is found by halving; a step reads one chunk, and others' turns run between two steps.
"""

from collections.abc import Generator

import msgspec
import numpy as np
from numpy.typing import NDArray

from config import admin_records as ar
from protocol import codes

from ...core import layout as L
from ...core.layout import plain
from ...journal.event_store import EventsMissing, EventStore
from ...registry import Registry
from ...registry.rows import LEG_BYTES
from .office import BadRequest, Finding
from .statement import heads_of

CHUNK_ROWS = 1024  # event rows read in one step
BACK_ROWS = L.MAX_EXTRA_ROWS + 1

CHANGED = (L.EVT_NUMBER, L.EVT_CUM, L.EVT_LAST_PRICE, L.EVT_LAST_QTY, L.EVT_NOTIONAL, L.EVT_FEE)  # what a correction changes of a fill


class Trades:
    """Fills in the legs of busts. registry and store are the server's."""

    def __init__(self, registry: Registry, store: EventStore) -> None:
        self.registry, self.store = registry, store

    def filled_in(self, record: ar.Bust) -> Finding:
        """The record with its event and legs, without them if there is no such trade. Raises BadRequest for events that cannot be read."""
        fills = yield from self._find(record.trade)
        event = ""
        if fills:
            instrument = self.registry.instruments.get(plain.instrument_of(int(fills[0][L.EVT_INSTRUMENT])))
            row = self.registry.events[instrument.event_id] if instrument is not None else None
            event = row.name if row is not None else ""
            for told_from in [one.told_from for one in row.busts if one.trade == record.trade and one.quantity] if row is not None else ():
                yield
                self._correct(fills, told_from)
        legs = tuple(_leg(fill) for fill in fills)
        return msgspec.structs.replace(record, event=event, legs=legs)

    def _correct(self, fills: list[NDArray[np.int64]], told_from: int) -> None:
        """Give the fills the terms of the correction whose events begin at a number."""
        rows, heads, _ = self._chunk(told_from)
        for row in rows[heads]:
            for fill in fills:
                if plain.kind_of(int(row[L.EVT_HEAD])) == codes.E_CORRECTED and row[L.EVT_BUST_OF] == fill[L.EVT_NUMBER]:
                    fill[list(CHANGED)] = row[list(CHANGED)]
                    break

    def _find(self, trade: int) -> Generator[None, None, list[NDArray[np.int64]]]:
        """The E_FILL rows of a trade, each with its extra row if it has one, flat."""
        low, last = self.store.kept_from, self.store.next_number
        high = last
        while high - low > CHUNK_ROWS:
            middle = (low + high) // 2
            at, found = middle, 0
            while at < high and not found:
                found, at = self._first_trade(at)
                yield
            if found and found < trade:
                low = middle
            else:
                high = middle
        out: list[NDArray[np.int64]] = []
        older = low > self.store.kept_from  # a trade before the one asked for was seen: it is not among those removed
        at = low
        while at < last:
            rows, heads, after = self._chunk(at)
            for head in heads.tolist():
                row = rows[head]
                if plain.kind_of(int(row[L.EVT_HEAD])) != codes.E_FILL:
                    continue
                older = older or row[L.EVT_TRADE] < trade
                if row[L.EVT_TRADE] >= trade:
                    if row[L.EVT_TRADE] > trade:
                        return self._known(out, older)
                    out.append(rows[head : head + 1 + plain.extra_of(int(row[L.EVT_HEAD]))].reshape(-1).copy())
            at = after
            yield
        return self._known(out, older)

    def _known(self, found: list[NDArray[np.int64]], older: bool) -> list[NDArray[np.int64]]:
        """What was found of a trade. Nothing: it may be among the events that were removed, unless an older one is still here."""
        if not found and not older and self.store.kept_from > 1:
            missing = EventsMissing(1, self.store.kept_from - 1, True, True)
            raise BadRequest(str(missing), missing.reason)
        return found

    def _first_trade(self, number: int) -> tuple[int, int]:
        """(the first trade told in the chunk from `number` on, 0: none; where the next chunk begins)."""
        rows, heads, after = self._chunk(number)
        kinds = plain.kind_of(rows[heads, L.EVT_HEAD])
        fills = heads[kinds == codes.E_FILL]
        return (int(rows[fills[0], L.EVT_TRADE]) if len(fills) else 0), after

    def _chunk(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Rows around `number`, the indexes of those from `number` on that are no extra rows, and the number after the last one's."""
        first = max(self.store.kept_from, number - BACK_ROWS)
        count = min(number + CHUNK_ROWS, self.store.next_number) - first
        try:
            rows = self.store.rows(first, count).reshape(-1, L.EVT_WORDS)
        except EventsMissing as missing:
            raise BadRequest(str(missing), missing.reason) from missing
        for start in range(min(BACK_ROWS + 1, len(rows))):  # the first row may be in the middle of an event
            heads, end = heads_of(rows, start)
            if (rows[heads, L.EVT_NUMBER] == heads + first).all():
                whole = heads[(heads + first >= number) & (heads + plain.extra_of(rows[heads, L.EVT_HEAD]) < len(rows))]
                after = first + (int(whole[-1]) + 1 + int(plain.extra_of(int(rows[whole[-1], L.EVT_HEAD]))) if len(whole) else end)
                return rows, whole, max(after, number + 1)
        raise BadRequest(f"event store: no event begins near {number}", codes.R_REPORTS_LOST)


def _leg(fill: NDArray[np.int64]) -> bytes:
    """A leg of a record: the words of the E_FILL, then of its texts."""
    return fill.astype("<i8").tobytes().ljust(LEG_BYTES, b"\0")

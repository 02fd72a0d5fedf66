"""What all endpoints read: the messages of the event store, piece by piece, made once for those that are at the same place."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from .facts import Fact, Owner, Wanted, facts_of
from .names import Horizon, Names, Unreadable
from .source import Rows

PIECES_KEPT = 64
POLL_S = 0.25  # between two looks at how far the events may be read
DOWN_S = 1.0  # the same while the server does not answer
STUCK_S = 2.0  # rows that are not in their file after this time are asked for
RETIRED, LOST, REPLACED = "retired", "lost", "replaced"


class Step(NamedTuple):
    """What comes from a position to `next`. gap: why first .. last cannot be posted, "": there is none, and `facts` has the messages by owner."""

    next: int
    facts: dict[Owner, list[Fact]]
    gap: str = ""
    first: int = 0
    last: int = 0


class Feed:
    def __init__(self, rows: Rows, names: Names, log: Callable[..., None], clock: Callable[[], float] = time.monotonic) -> None:
        self.rows, self.names, self.log, self.clock = rows, names, log, clock
        self.horizon: Horizon | None = None  # None: the server has not answered yet
        self.up = False
        self.wanted = Wanted()
        self.news: Callable[[], None] = lambda: None  # called when there is more to read
        self._pieces: OrderedDict[int, Step] = OrderedDict()
        self._one = asyncio.Lock()
        self._again = False  # somebody could not read on, and asks again after the next look
        self._stuck: dict[int, float] = {}  # position at which nothing could be read: since when

    def tell(self, wanted: Wanted) -> None:
        """Whose messages are wanted."""
        if wanted != self.wanted:
            self.wanted = wanted
            self._pieces.clear()

    async def run(self) -> None:
        """Keep the horizon until cancelled."""
        while True:
            try:
                found = await asyncio.to_thread(self.names.horizon)
            except Unreadable as error:
                if self.up or self.horizon is None:
                    self.log(
                        "warning", "server_down", text=str(error), effect="what is read already is posted; the rest when the server is up"
                    )
                self.up = False
                self.horizon = self.horizon or Horizon(0, 0, 1, None)
                await asyncio.sleep(DOWN_S)
                continue
            if not self.up:
                self.log("info", "server_up", events=found.events)
            fresh = self._again or not self.up or self.horizon is None or found.written != self.horizon.written
            self.up, self.horizon, self._again = True, found, False
            if fresh:
                self.news()
            await asyncio.sleep(POLL_S)

    async def after(self, position: int) -> Step | None:
        """What follows this position, which begins an event; None: nothing can be read at present, and `news` says when to ask again."""
        found = None
        if self.horizon is not None and (self.up or position in self._pieces):
            found = await self._after(position, self.horizon)
        self._again |= found is None and self.horizon is not None and position <= self.horizon.written
        return found

    async def _after(self, position: int, horizon: Horizon) -> Step | None:
        async with self._one:
            found = self._pieces.get(position)
            if found is not None:
                self._pieces.move_to_end(position)
                return found
            wanted = self.wanted
            try:
                found = await asyncio.to_thread(self._make, position, horizon, wanted)
            except Unreadable:
                return None  # the poll says so
            if found is not None and not found.gap and wanted == self.wanted:
                self._pieces[position] = found
                if len(self._pieces) > PIECES_KEPT:
                    self._pieces.popitem(last=False)
            return found

    def _make(self, position: int, horizon: Horizon, wanted: Wanted) -> Step | None:
        """In a thread, one at a time. Raises Unreadable."""
        if position > horizon.events + 1:
            return Step(horizon.events + 1, {}, REPLACED, horizon.events + 1, position - 1)
        if position < horizon.kept_from:
            return Step(horizon.kept_from, {}, RETIRED, position, horizon.kept_from - 1)
        if position > horizon.written:
            return None
        piece = self.rows.piece(position, horizon.written)
        if piece.next > position:
            self._stuck.pop(position, None)
            return Step(piece.next, facts_of(piece.rows, self.names, wanted))
        since = self._stuck.setdefault(position, self.clock())
        if self.clock() - since < STUCK_S:
            return None  # they are being written
        del self._stuck[position]
        now = self.names.horizon(position)
        if now.kept_from > position:
            return Step(now.kept_from, {}, RETIRED, position, now.kept_from - 1)
        if now.missing is not None and now.missing[2]:
            return Step(now.missing[1] + 1, {}, LOST, position, now.missing[1])
        self._stuck[position] = self.clock()
        return None

    async def one(self, event: int, owner: Owner) -> Fact | None:
        """The message of one event for this owner; None: it has none, or it cannot be read."""
        horizon = self.horizon
        if horizon is None or not horizon.kept_from <= event <= horizon.written:
            return None

        def read() -> list[Fact]:
            head, _ = self.rows.head_from(event, horizon.written)
            if head != event:
                return []
            return facts_of(self.rows.piece(event, event).rows, self.names, self.wanted).get(owner, [])

        async with self._one:
            try:
                found = await asyncio.to_thread(read)
            except Unreadable:
                return None
        return next((one for one in found if one.event == event), None)

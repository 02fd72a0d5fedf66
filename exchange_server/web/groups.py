"""Market data for many sockets: readers with the same channel, contract and conflation form a group; a frame is encoded once for each group.

A frame to thousands of readers takes tens of milliseconds. It goes out in slices, and between two of them the process does what else there is (`Sending`).
"""

import asyncio
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from protocol import codes
from protocol import messages as M
from protocol.book_builder import BookBuilder

from . import schemas as S
from . import stream_schemas as F
from . import words
from .gateway import Gateway
from .outlets import Member, Outlets
from .routes.contracts import CHECKED_LEVELS, checksum, levels
from .wire import framed

DEPTH_MAX = 10_000
SLICE = 200  # readers that get a frame before others have their turn: about two milliseconds
WAITING_MOST = 32  # frames of a group that wait for their turn before all of it begins anew
PLACES = 16  # of a group at first


def encoded(frame: F.Frame) -> bytes:
    """As it goes over the wire."""
    return framed(msgspec.json.encode(frame))


def top_checksum(definition: M.Definition, book: BookBuilder) -> int:
    bids, asks = book.depth(CHECKED_LEVELS)
    return checksum(levels(definition, bids), levels(definition, asks))


def snapshot_frame(gateway: Gateway, definition: M.Definition, book: BookBuilder) -> bytes:
    bids, asks = book.depth(DEPTH_MAX)
    return encoded(
        F.BookSnapshot(
            contract=definition.symbol, sequence=book.seq, time=words.time_text(book.time), phase=words.phase(gateway.feed.phase_of(definition)),
            bids=levels(definition, bids), asks=levels(definition, asks), checksum=top_checksum(definition, book),
        )
    )  # fmt: skip


def ticker_frame(definition: M.Definition, book: BookBuilder) -> bytes:
    bid, ask = (levels(definition, [one])[0] if one else None for one in (book.best_bid, book.best_ask))
    return encoded(
        F.Ticker(
            contract=definition.symbol, time=words.time_text(book.time), bid=bid, ask=ask, last=words.maybe_price(definition, book.last)
        )
    )


class Sending:
    """Frames that are on their way to large groups, one slice in each turn of the loop. Frames of one group stay in their order."""

    def __init__(self, outlets: Outlets) -> None:
        self.outlets = outlets
        self._frames: deque[_Way] = deque()
        self._planned = False

    def send(self, group: "Group", frame: bytes) -> None:
        way = _Way(group, frame, group.places)
        if group.sending == 0 and group.places <= SLICE:
            way.go(self.outlets, SLICE)
            return
        group.sending += 1
        self._frames.append(way)
        self._plan()

    def drop(self, group: "Group") -> None:
        """What waits for a group, but for its oldest frame, which some may have."""
        mine = [one for one in self._frames if one.group is group]
        self._frames = deque(one for one in self._frames if one.group is not group or one is mine[0])
        group.sending = min(1, len(mine))

    def _plan(self) -> None:
        if not self._planned and self._frames:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._slice)

    def _slice(self) -> None:
        """The next readers of the oldest frame. Who has left meanwhile gets nothing; who has joined got a whole book."""
        self._planned = False
        way = self._frames[0]
        if not way.go(self.outlets, SLICE):
            self._frames.popleft()
            way.group.sending -= 1
            if not way.group.sending:
                way.group.sent()
        self._plan()


class _Way:
    """One frame and the places of its group to which it goes; those before `at` have it."""

    __slots__ = ("at", "end", "frame", "group")

    def __init__(self, group: "Group", frame: bytes, end: int) -> None:
        self.group, self.frame, self.at, self.end = group, frame, 0, end

    def go(self, outlets: Outlets, most: int) -> bool:
        """Give it to the next readers, at most so many; whether there are more."""
        begin, self.at = self.at, min(self.at + most, self.end)
        outlets.give(self.group.rows, begin, self.at, self.frame, (self.group.channel, self.group.instrument))
        return self.at < self.end


class Group:
    """Readers of one channel of one contract, with one conflation. `sending`: frames that are not with all of them yet. `rows`: of its readers (outlets.py) in their `places`;
    -1 where one has left. While a frame is on its way nobody changes place, and who joins comes after its last one."""

    def __init__(self, gateway: Gateway, channel: str, instrument: int, conflate_ms: int, frames: Sending) -> None:
        self.gateway, self.channel, self.instrument, self.conflate_ms, self.frames = gateway, channel, instrument, conflate_ms, frames
        self.sending = 0
        self.places = 0
        self.rows = array("q", [-1]) * PLACES
        self.members: dict[Member, int] = {}  # its place
        self.sent_seq = 0  # of the book, up to which frames were made
        self._touched: dict[int, set[int]] = {codes.BUY: set(), codes.SELL: set()}
        self._top: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._late = False  # a frame is due, and waits for the one before
        self._flushed = 0.0  # time of the loop at which the last frame was made

    def send(self, frame: bytes) -> None:
        if self.sending < WAITING_MOST:
            self.frames.send(self, frame)
            return
        self.frames.drop(self)
        definition = self.gateway.feed.definitions.get(self.instrument)
        symbol = definition.symbol if definition is not None else None
        self.frames.send(self, encoded(F.Gap(reason="slow", channels=[self.channel], contract=symbol)))
        self.anew()

    def add(self, member: Member) -> None:
        if member in self.members:
            return
        if not self.sending and self.places > 2 * len(self.members) + PLACES:
            self._move_up()
        if self.places == len(self.rows):
            self.rows.extend(array("q", [-1]) * self.places)
        self.rows[self.places] = self.frames.outlets.join(member)
        self.members[member] = self.places
        self.places += 1
        self.frames.outlets.large(len(self.members))

    def remove(self, member: Member) -> None:
        place = self.members.pop(member, None)
        if place is not None:
            self.rows[place] = -1
            self.frames.outlets.leave(member)

    def _move_up(self) -> None:
        """Fill the places of those who have left."""
        old, self.rows = self.rows, array("q", [-1]) * max(PLACES, 2 * len(self.members))
        for at, (member, place) in enumerate(self.members.items()):
            self.rows[at] = old[place]
            self.members[member] = at
        self.places = len(self.members)

    def sent(self) -> None:
        """Every reader has every frame: one that was due meanwhile is made now."""
        if self._late:
            self._due()

    def close(self) -> None:
        self._late = False
        if self._timer is not None:
            self._timer.cancel()

    def first(self, member: Member) -> None:
        """What a new member gets at once; and again after a gap."""
        found = self._book()
        if found is None or self.channel == "trades":
            return
        member.put(self._whole(*found))

    def _whole(self, definition: M.Definition, book: BookBuilder) -> bytes:
        return snapshot_frame(self.gateway, definition, book) if self.channel == "book" else ticker_frame(definition, book)

    def _book(self) -> tuple[M.Definition, BookBuilder] | None:
        definition, book = self.gateway.feed.definitions.get(self.instrument), self.gateway.feed.books.get(self.instrument)
        return (definition, book) if definition is not None and book is not None and book.valid else None

    # ------------------------------------------------------------------------------------------------------- the feed
    def reset(self, gap: bytes) -> None:
        """The book is not right at the moment."""
        for prices in self._touched.values():
            prices.clear()
        if self.channel != "trades":
            self.send(gap)

    def anew(self) -> None:
        """A whole book came."""
        found = self._book()
        if found is None:
            return
        for prices in self._touched.values():
            prices.clear()
        self.sent_seq, self._top = found[1].seq, None
        if self.members and self.channel != "trades":
            self.send(self._whole(*found))

    def update(self, message: M.BookUpdate) -> None:
        """The changes of one turn, which the book has."""
        if self.channel == "trades":
            self._trades(message)
            return
        for side, price, _ in message.changes:
            self._touched[side].add(price)
        if not self.conflate_ms:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._flushed + self.conflate_ms / 1000, self._due)

    def _due(self) -> None:
        loop = asyncio.get_running_loop()
        self._late = self.sending > 0
        if self._late:  # the frame before is on its way: the next one will be newer
            return
        self._timer, self._flushed = None, loop.time()
        self._flush()

    def _flush(self) -> None:
        found = self._book()
        if found is None or not self.members:
            return
        definition, book = found
        if self.channel == "ticker":
            top = (book.best_bid, book.best_ask, book.last)
            if top != self._top:
                self._top = top
                self.send(ticker_frame(definition, book))
            return
        if book.seq <= self.sent_seq:
            return
        sides = ((codes.BUY, book.bids), (codes.SELL, book.asks))
        bids, asks = ([(price, side_levels.get(price, 0)) for price in sorted(self._touched[side])] for side, side_levels in sides)
        previous, self.sent_seq = self.sent_seq, book.seq
        for prices in self._touched.values():
            prices.clear()
        self.send(
            encoded(
                F.BookUpdate(
                    contract=definition.symbol, sequence=book.seq, previous=previous, time=words.time_text(book.time), bids=levels(definition, bids),
                    asks=levels(definition, asks), checksum=top_checksum(definition, book),
                )
            )
        )  # fmt: skip

    def _trades(self, message: M.BookUpdate) -> None:
        definition = self.gateway.feed.definitions.get(self.instrument)
        if definition is None or not self.members:
            return
        for id, price, qty, taker in message.trades:
            trade = S.Trade(
                trade_id=str(id), time=words.time_text(message.time), price=words.price(definition, price), quantity=words.quantity(definition, abs(qty)),
                taker_side="buy" if taker == codes.BUY else "sell", taken_back=qty < 0,
            )  # fmt: skip
            self.send(encoded(F.Traded(contract=definition.symbol, trade=trade)))


Key = tuple[str, int, int]


class Groups:
    """All groups of the process; listens to the feed. `phases` are the readers of phases and results."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.phases: set[Member] = set()
        self.on_state: Callable[[], None] = lambda: None
        self._groups: dict[Key, Group] = {}
        self._of: dict[int, list[Group]] = {}
        self.outlets = Outlets()
        self._frames = Sending(self.outlets)
        self._held: set[asyncio.Task[None]] = set()  # messages of markets whose names are being read
        gateway.feed.listeners.append(self._heard)

    def join(self, member: Member, channel: str, instrument: int, conflate_ms: int) -> Group:
        key = channel, instrument, 0 if channel == "trades" else conflate_ms
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = Group(self.gateway, *key, self._frames)
            book = self.gateway.feed.books.get(instrument)
            group.sent_seq = book.seq if book is not None else 0
            self._of.setdefault(instrument, []).append(group)
        group.add(member)
        group.first(member)
        return group

    def leave(self, member: Member, group: Group) -> None:
        group.remove(member)
        if group.members:
            return
        group.close()
        self._groups.pop((group.channel, group.instrument, group.conflate_ms), None)
        others = [one for one in self._of.get(group.instrument, ()) if one is not group]
        if others:
            self._of[group.instrument] = others
        else:
            self._of.pop(group.instrument, None)

    def _heard(self, message: Any, book: BookBuilder | None) -> None:
        if message is None:
            self._state()
        elif isinstance(message, M.BookUpdate):
            groups = self._of.get(message.instrument, ())
            for group in groups:
                if book is not None:
                    group.update(message)
                elif (wrong := self.gateway.feed.books.get(message.instrument)) is None or not wrong.valid:
                    self._reset(group)
        elif isinstance(message, M.BookSnapshot):
            for group in self._of.get(message.instrument, ()):
                group.anew()
        elif isinstance(message, M.BookReset):
            for group in [one for one in self._groups.values() if message.instrument in (0, one.instrument)]:
                self._reset(group)
        elif isinstance(message, M.PhaseChange | M.Result) and self.phases:
            if message.market in self.gateway.reference.name_of:
                self._of_market(message)
            else:
                task = asyncio.get_running_loop().create_task(self._named(message))
                self._held.add(task)
                task.add_done_callback(self._held.discard)

    async def _named(self, message: M.PhaseChange | M.Result) -> None:
        """A message of a market that is not known yet, as soon as it is."""
        await self.gateway.reference.fresh("")
        if message.market in self.gateway.reference.name_of:
            self._of_market(message)

    def _of_market(self, message: M.PhaseChange | M.Result) -> None:
        """Who hears of it and asks for the market waits until its texts have been read again (reference.py)."""
        frame = self._phase(message) if isinstance(message, M.PhaseChange) else self._result(message)
        for member in list(self.phases):
            member.put(frame)

    def _reset(self, group: Group, reason: Any = "book_reset") -> None:
        definition = self.gateway.feed.definitions.get(group.instrument)
        symbol = definition.symbol if definition is not None else None
        group.reset(encoded(F.Gap(reason=reason, channels=[group.channel], contract=symbol)))

    def _state(self) -> None:
        """The exchange is there again, or gone. Books were invalid meanwhile: their snapshots have come already."""
        for group in list(self._groups.values()):
            if self.gateway.feed.up:
                group.anew()
            else:
                self._reset(group, "server_down")
        self.on_state()

    def _phase(self, message: M.PhaseChange) -> bytes:
        return encoded(
            F.PhaseChanged(
                market=self.gateway.reference.name_of[message.market], time=words.time_text(message.time), phase=words.phase(message.phase),
                old=words.phase(message.old) if message.old else None,
            )
        )  # fmt: skip

    def _result(self, message: M.Result) -> bytes:
        one = self.gateway.feed.definitions.get(message.instrument) if message.instrument else None
        paid = [one] if one is not None else self.gateway.feed.of_market.get(message.market, [])
        return encoded(
            F.Resulted(
                market=self.gateway.reference.name_of[message.market], contract=one.symbol if one is not None else None, version=message.version,
                phase=words.phase(message.phase), window_ends_at=words.maybe_time(message.until),
                payouts=[S.Payout(contract=d.symbol, payout=words.price(d, ticks)) for d, ticks in zip(paid, message.payouts)], rule=message.rule,
                source=message.source, observed=message.observed, observed_at=words.maybe_time(message.observed_at), evidence_sha256=message.evidence,
                evidence_name=message.evidence_name,
            )
        )  # fmt: skip

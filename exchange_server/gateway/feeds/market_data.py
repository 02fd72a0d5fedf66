"""Market data: subscriptions, definitions, phases, book snapshots. Encoded once, written through each subscriber's outlet.

Order and gate. The snapshot of a book is taken while a connection gathers. It is the state after the previous turn, whose updates have
already been written, and its next update has the sequence + 1. All bytes go through outlets, so they are held until durable.

Visibility follows core/risk/visibility.py, the same rule as for orders: an instrument that the session's venue does not list is treated as
if it did not exist, and so is one of a venue or market whose access rules keep the firm out, unless it has traded there. The rule is checked
on a subscription and after a change of listings or of access, never per event: lists of subscribers contain only sessions that may see the
instrument.

The pipeline passes every chunk of events to `encode` (which returns no messages) and calls `turn` after the engine.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from protocol import codes
from protocol import messages as M
from protocol.framing import frame

from ... import state
from ...core import layout as L
from ...core.risk.visibility import visible
from ...wires import feeds as kernels
from ..connection import Connection, TurnInput
from .subscribers import Group, Subscribers

SNAPSHOT_LEVELS = 20_000  # per side; deeper levels appear with their first update
RESULTS = (codes.E_DETERMINED, codes.E_VOIDED)
PIECE_BYTES = 64 * 1024  # approximate size of one piece of a long answer


class Follower(Protocol):
    """A FIX session that asked for the phases of an event."""

    def phase_changed(self, event: int, phase: int, time_ns: int, contract: int = -1) -> None: ...


class MarketData:
    """Market data of one engine for any number of connections.

    `engine` needs `m` (the arena) and `registry` (which counts listings). `event_rows` is the longest chunk of events, in rows, that one
    call of `encode` may bring (it grows).
    """

    def __init__(self, engine: Any, event_rows: int = 65536) -> None:
        self.engine = engine
        m = engine.m
        self.capacity = state.table(m, L.P_INSTRUMENT).capacity
        self.books = Subscribers(self.capacity)
        self.everything: dict[Connection, None] = {}  # subscribed to all instruments that it sees, including later ones
        self.watchers: dict[Connection, None] = {}  # subscribed to definitions
        self.followers: dict[int, dict[Follower, None]] = {}  # event id: FIX sessions that asked for its phases
        self._seen: dict[
            tuple[int, int], NDArray[np.uint8]
        ] = {}  # venue (0: the platform), firm -> by instrument: 1 if their sessions see it
        self._offers = (0, 0)  # `_offered` when `_seen` was made
        self.updates = 0  # messages made, for `exos status`
        self.resets = 0
        self.tape = np.zeros(kernels.TAPE_WORDS * event_rows, dtype=np.int64)  # trades and news of this turn (wires/feeds.py: collect)
        self.tape_used = 0  # words
        self._out = np.zeros(1 << 20, dtype=np.uint8)
        self._index = np.zeros(kernels.md_index_words(m), dtype=np.int64)
        self._res = np.zeros(L.RES_WORDS, dtype=np.int64)
        self._book = np.zeros(1 << 16, dtype=np.uint8)

    # ------------------------------------------------------------------------------------------ what connections ask
    def instruments(self, connection: Connection) -> list[int]:
        """Ids of the instruments that this connection's session sees, in order."""
        found: list[int] = np.flatnonzero(self._visible(connection)).tolist()
        return found

    def _who(self, connection: Connection) -> tuple[int, int]:
        """Sessions with the same answer see the same. Firms are told apart only where there are access rules."""
        session = state.Session.of(self.engine.m, connection.session)
        return session.venue, session.firm if self.engine.registry.admissions else 0

    def _offered(self) -> tuple[int, int]:
        """Changes whenever a session may see something else than before."""
        registry = self.engine.registry
        return registry.listing_rows, registry.admission_changes

    def _visible(self, connection: Connection) -> NDArray[np.uint8]:
        """By instrument: 1 if the connection's session sees it. All sessions of one venue see the same."""
        if not (self.watchers or self.everything or self.books) and self._offers != self._offered():  # else `turn` has updated it
            self._seen.clear()
            self._offers = self._offered()
        who = self._who(connection)
        seen = self._seen.get(who)
        if seen is None:
            seen = self._seen[who] = np.zeros(self.capacity, dtype=np.uint8)
            visible(self.engine.m, connection.session, seen)
        return seen

    def sees(self, connection: Connection, instrument: int) -> bool:
        """Does the instrument exist and does this connection see it?"""
        return 0 < instrument < self.capacity and bool(self._visible(connection)[instrument])

    def subscribe(self, connection: Connection, instruments: Sequence[int]) -> Iterator[bytes]:
        """The answer in pieces: a snapshot for each instrument, followed by its updates from then on; RequestRefused for each that does
        not exist for this session. An empty list: all instruments that it sees, including those listed later."""
        if not instruments:
            instruments = self.instruments(connection)
            self.everything[connection] = None
        return self._snapshots(connection, list(instruments))

    def _snapshots(self, connection: Connection, instruments: Iterable[int]) -> Iterator[bytes]:
        piece = bytearray()
        for instrument in instruments:
            if not self.sees(connection, instrument):
                piece += self._unknown(instrument)
            else:
                self.books.add(connection, instrument)
                piece += self.snapshot(instrument)
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        if piece:
            yield bytes(piece)

    def unsubscribe(self, connection: Connection, instruments: list[int]) -> None:
        """End the subscriptions to these (an empty list: to all). Instruments that are not subscribed are ignored."""
        if not instruments:
            self.everything.pop(connection, None)
            instruments = list(self.books.of(connection))
        self.books.remove(connection, instruments)

    def definitions(self, connection: Connection) -> Iterator[bytes]:
        """Definitions of all instruments that the session sees, in pieces, then DefinitionsDone; later listings are sent when they are added."""
        known = self.instruments(connection)
        self.watchers[connection] = None
        piece = bytearray()
        for instrument in known:
            piece += frame(M.encode(self.definition(instrument)))
            row = state.Instrument.of(self.engine.m, instrument)
            if row.ahead:
                piece += self._ahead(row.event.id, instrument, row.ahead_version, row.ahead)
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        yield bytes(piece) + frame(M.encode(M.DefinitionsDone(len(known))))

    def follow(self, follower: "Follower", event: int) -> None:
        """Tell it of each phase of an event from now on."""
        self.followers.setdefault(event, {})[follower] = None

    def unfollow(self, follower: "Follower", event: int) -> None:
        takers = self.followers.get(event, {})
        takers.pop(follower, None)
        if not takers:
            self.followers.pop(event, None)

    def drop(self, connection: Connection) -> None:
        """The connection has closed: drop its subscriptions."""
        self.books.drop(connection)
        self.everything.pop(connection, None)
        self.watchers.pop(connection, None)

    # ------------------------------------------------------------------------------------------------------- the turn
    @property
    def taken(self) -> bool:
        """Does anyone take anything of it?"""
        return bool(self.books or self.watchers or self.everything or self.followers)

    def encode(self, events: NDArray[np.int64]) -> Iterable[tuple[int, bytes]]:
        """Note the trades and news in a chunk of events; returns no messages."""
        if not self.taken:
            return ()
        need = self.tape_used + (events.size // L.EVT_WORDS + 1) * kernels.TAPE_WORDS
        if need > self.tape.size:
            self.tape = np.concatenate([self.tape, np.zeros(need, dtype=np.int64)])
        self.tape_used = int(kernels.collect(self.engine.m, events, events.size, self.tape, self.tape_used))
        return ()

    def turn(self, turn: TurnInput) -> None:
        """Send this turn's changes of the books to their subscribers, then phase changes, changed definitions and new listings."""
        m = self.engine.m
        tape_words, self.tape_used = self.tape_used, 0
        self.books.settle()
        if not self.books:
            state.clear_touched(m)
        elif tape_words or state.levels_touched(m):
            self._updates(turn.tick_ns, tape_words)
        if tape_words and kernels.has_news(self.tape, tape_words):
            self._news(turn.tick_ns, tape_words)
        if self.watchers or self.everything or self.books:
            self._offers_changed(turn.tick_ns)

    def _write(self, connection: Connection, data: bytes, now_ns: int) -> None:
        connection.outlet.write(data)
        connection.last_out_ns = now_ns

    def _write_all(self, connections: Iterable[Connection], data: bytes, now_ns: int) -> None:
        """The same bytes to each of them, one or more."""
        outlets = []
        for connection in connections:
            connection.last_out_ns = now_ns
            outlets.append(connection.outlet)
        outlets[0].write_all(outlets, data)

    def _updates(self, now_ns: int, tape_words: int) -> None:
        m, res = self.engine.m, self._res
        while kernels.updates(m, self.books.wanted, self.tape, tape_words, self._out, self._index, res) == L.ENC_SPACE:
            self._out = np.zeros(int(res[L.RES_BYTES]) * 2, dtype=np.uint8)
        count, out = int(res[L.RES_INDEX]), self._out.data
        self.updates += count
        only = self.books.only
        if only is not None:
            if count:
                self._write_all(only.members, bytes(out[: int(res[L.RES_BYTES])]), now_ns)
        else:
            rows = self._index[: count * kernels.MD_INDEX_WORDS].tolist()
            pieces: dict[Group, list[memoryview]] = {}
            for at in range(0, len(rows), kernels.MD_INDEX_WORDS):
                instrument, offset, length = rows[at : at + 3]
                for group in self.books.groups(instrument):
                    pieces.setdefault(group, []).append(out[offset : offset + length])
            for group, parts in pieces.items():
                self._write_all(group.members, b"".join(parts), now_ns)
        if res[kernels.RES_LOST]:
            self.reset(now_ns)

    def reset(self, now_ns: int) -> None:
        """Send every book again: the list of touched levels was too short for this turn."""
        self.resets += 1
        void = frame(M.encode(M.BookReset(0)))
        for connection, mine in self.books.all():
            self._write(connection, void + b"".join(self._snapshots(connection, sorted(mine))), now_ns)

    def _news(self, now_ns: int, tape_words: int) -> None:
        m = self.engine.m
        tape = self.tape[:tape_words].reshape(-1, kernels.TAPE_WORDS)
        for row in tape[tape[:, kernels.TAPE_KIND] != codes.E_FILL].tolist():
            kind, market, old, new, version, time = row
            until = 0
            if kind in RESULTS:
                old, until = 0, old
            event = state.Event.find(m, market)
            if event is None:
                continue
            if kind == codes.E_AHEAD:
                for follower in list(self.followers.get(market, ())):
                    follower.phase_changed(market, new, time, state.Instrument.of(m, old).index)
                data = self._ahead(market, old, version, new)
            elif kind in (codes.E_BANDS, codes.E_CONTRACT):
                data = b"".join(frame(M.encode(self.definition(i))) for i in event.instruments)
            else:
                for follower in list(self.followers.get(market, ())):
                    follower.phase_changed(market, new, time)
                data = frame(M.encode(M.PhaseChange(market, new, time, old)))
                if kind in RESULTS:
                    data += self._result(market, until, version, new)
            told: dict[Connection, None] = dict.fromkeys(c for c in self.watchers if self.sees(c, event.instruments[0]))
            for instrument in event.instruments:
                told.update(dict.fromkeys(self.books.takers(instrument)))
            if told:
                self._write_all(told, data, now_ns)

    def _result(self, market: int, until: int, version: int, phase: int) -> bytes:
        """A version of a result as a frame; empty for a core without its registry."""
        row = self.engine.registry.events.get(market)
        said = next((one.record for one in row.determinations if one.version == version), None) if row is not None else None
        if said is None:
            return b""
        return frame(M.encode(M.Result(
            market, version, phase, until, list(said.payouts), said.rule_id, said.source, said.observed_value, said.observed_at_ns, said.evidence_sha256,
            said.evidence_name,
        )))  # fmt: skip

    def _ahead(self, market: int, instrument: int, version: int, phase: int) -> bytes:
        """A version of what one contract pays ahead of its group, as a frame; empty for a core without its registry."""
        row = self.engine.registry.events.get(market)
        one = next((one for one in row.ahead if one.version == version), None) if row is not None else None
        if one is None:
            return b""
        said = one.record
        return frame(M.encode(M.Result(
            market, version, phase, one.until_ns, [said.payout], said.rule_id, said.source, said.observed_value, said.observed_at_ns,
            said.evidence_sha256, said.evidence_name, instrument,
        )))  # fmt: skip

    def _offers_changed(self, now_ns: int) -> None:
        """Something was listed, or a firm was admitted or kept out: sessions get the definitions and books of what they see from now on, and
        no more of what they do not see any longer."""
        if self._offers == self._offered():
            return
        before, self._seen = self._seen, {}
        self._offers = self._offered()
        none = np.zeros(self.capacity, dtype=np.uint8)

        def fresh(connection: Connection) -> list[int]:
            who = self._who(connection)
            found: list[int] = np.flatnonzero(self._visible(connection) > before.get(who, before.get((who[0], 0), none))).tolist()
            return found

        for connection in list(self.watchers):
            if new := fresh(connection):
                self._write(connection, b"".join(frame(M.encode(self.definition(i))) for i in new), now_ns)
        for connection in list(self.everything):
            if new := fresh(connection):
                self._write(connection, b"".join(self._snapshots(connection, new)), now_ns)
        for connection, mine in self.books.all():
            lost = sorted(instrument for instrument in mine if not self.sees(connection, instrument))
            if lost:
                self.unsubscribe(connection, lost)
                self._write(connection, b"".join(self._unknown(instrument) for instrument in lost), now_ns)

    def _unknown(self, instrument: int) -> bytes:
        return frame(M.encode(M.RequestRefused(codes.R_UNKNOWN_INSTRUMENT, 20, instrument, f"there is no instrument {instrument}")))

    # -------------------------------------------------------------------------------------------------- messages
    def snapshot(self, instrument: int) -> bytes:
        """One book as a BookSnapshot frame; empty if there is no such instrument."""
        res = self._res
        while kernels.snapshot(self.engine.m, instrument, SNAPSHOT_LEVELS, self._book, 0, res) == L.ENC_SPACE:
            self._book = np.zeros(int(res[L.RES_BYTES]) * 2, dtype=np.uint8)
        return bytes(self._book.data[: int(res[L.RES_BYTES])])

    def definition(self, instrument: int) -> M.Definition:
        """The Definition message of one instrument. Raises KeyError if there is none."""
        m = self.engine.m
        row = state.Instrument.find(m, instrument)
        if row is None:
            raise KeyError(instrument)
        event = row.event
        asset, base = state.Asset.find(m, event.asset), state.Asset.find(m, event.base_asset)
        return M.Definition(
            instrument, row.symbol, event.id, row.index, event.product, event.k, event.n, row.payout, row.tick_value,
            asset.name if asset else "", asset.decimals if asset else 0, base.name if base else "", event.lot_base, row.price_decimals,
            row.qty_decimals, row.price_min, row.price_max, row.lot, row.min_qty, row.max_qty, row.bands, event.phase,
            event.asset, event.base_asset,
        )  # fmt: skip

    def status(self) -> dict[str, Any]:
        """For `exos status`."""
        return {
            "subscribers": len(self.books),
            "books_watched": self.books.books,
            "updates": self.updates,
            "resets": self.resets,
        }

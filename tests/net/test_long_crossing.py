"""The middle of a long turn in one crossing does what every other turn does: the same flow with and without it, to the byte, on both wires."""

import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exchange_server.disk import long_turn as t
from exchange_server.exits import Exit
from exchange_server.net.endpoint import Link
from exchange_server.net.long_crossing import LongCrossing
from protocol import codes
from protocol import messages as M
from protocol.fix_client import FixClient
from protocol.framing import FrameReader, frame
from tests.gateway.binary.world import limit
from tests.server_kit import secret_of
from tests.test_one_thread import MS, House
from tests.virtual import Transport, feed

from .test_crossing import Compared, Member, Socketed

LONG = 129  # messages: more than the loop writes itself


class FixMember(Member):
    """A logged-on FIX client. `raw`: everything it was sent since."""

    def __init__(self, house: House, number: int, transport: Transport) -> None:
        self.house, self.transport, self.raw = house, transport, b""
        self.link = Link(house.pipeline, "fix", house.server.makers["fix"])
        self.link.connection_made(transport)
        self.client = FixClient(f"CLIENT{number}", "EXOS-OE", f"client{number}", secret_of(number))

    def log_on(self) -> None:
        clocks = self.house.clocks
        asked = self.client.connect(clocks.real())
        for _ in range(6):
            data, asked = (asked or b"") + self.client.take(), None
            if data:
                feed(self.link, data)
            self.house.loop.run(MS)
            self.house.runner.step()
            self.client.receive(self.transport.take(), clocks.real())
        assert self.client.live


class Street(Compared):
    """Two binary traders, a follower of the books, and a FIX trader on one server."""

    def __init__(self, folder: Path, crossing: bool = True, sockets: bool = False, quick: bool = True) -> None:
        """crossing: long turns are made in one. quick: the writer has always written a turn before the loop has carried it out."""
        self.house = house = House(folder)
        pipeline = house.pipeline
        self.stages: list[int] = []
        self.sent = 0  # turns of which the reports went to the sockets at once
        self.spoil: Callable[[LongCrossing], None] = lambda long: None  # called before each crossing
        if not crossing:
            pipeline._long = None
        else:
            self.long = long = pipeline._long
            assert long is not None
            make, send = long.make, long.send

            def noted(words: int, wires: Any) -> int:
                self.spoil(long)
                self.stages.append(make(words, wires))
                return self.stages[-1]

            def counted(bound: Any, now: int) -> int:
                self.sent += 1
                return send(bound, now)

            long.make, long.send = noted, counted  # type: ignore[method-assign]
        if quick:
            journal = house.server.journal
            kick = journal.kick

            def at_once() -> None:
                kick()
                house.runner.step()

            journal.kick = at_once  # type: ignore[method-assign]
        self.members = [Member(house, n, Socketed() if sockets else Transport()) for n in (1, 2, 3)]
        self.members.append(FixMember(house, 1, Socketed() if sockets else Transport()))
        for member in self.members:
            member.log_on()
        self.instruments = [row.id for row in house.server.engine.registry.instruments]
        self.symbols = [row.symbol for row in house.server.engine.registry.instruments]


def orders(member: int, count: int, instrument: int, first: int = 1) -> bytes:
    """Buy orders at different prices."""
    return b"".join(frame(M.encode(limit(first + n, instrument, codes.BUY, 4000 + n, 1))) for n in range(count))


def script(seed: int, street: Street, steps: int = 12) -> list[dict[int, bytes]]:
    """Bytes by member of each turn: a few messages up to some hundreds, of one member up to all, refusals and queries among them, texts as ids on FIX."""
    rng = random.Random(seed)
    ids, mine = [0, 0, 0, 0], [[0], [0], [0], [0]]
    out: list[dict[int, bytes]] = [{2: frame(M.encode(M.Subscribe()))}]
    client = street.members[3].client
    now = street.house.clocks.real()
    for _ in range(steps):
        said: dict[int, bytes] = {}
        for who in rng.sample((0, 1, 3), rng.choice((1, 2, 3, 3))):
            data = b""
            for _ in range(rng.choice((1, 20, 90, 140, 250))):
                ids[who] += 1
                n = ids[who]
                side, price, qty = rng.choice((codes.BUY, codes.SELL)), rng.randrange(4000, 4009), rng.randrange(1, 20)
                at = rng.randrange(len(street.instruments))
                roll = rng.random()
                if who == 3:
                    name = f"A-LONG-NAME-OF-A-DESK-{n}" if n % 3 else n
                    if roll < 0.7 or not mine[3][1:]:
                        client.new_order(now, name, street.symbols[at], side, qty, f"0.{price:04d}")
                        mine[3].append((name, at, side))  # type: ignore[arg-type]
                    else:
                        orig, at, side = mine[3].pop(rng.randrange(1, len(mine[3])))  # type: ignore[misc]
                        client.cancel(now, name, orig, street.symbols[at], side)
                elif roll < 0.7:
                    data += frame(M.encode(limit(n, street.instruments[at], side, price, qty)))
                    mine[who].append(n)
                elif roll < 0.9:
                    data += frame(M.encode(M.CancelOrder(n, mine[who][rng.randrange(len(mine[who]))] or 10**9)))
                elif roll < 0.96:
                    data += frame(M.encode(M.ReplaceOrder(n, mine[who][-1] or 10**9, 0, 0, 4001, 7)))
                elif roll < 0.98:
                    data += frame(M.encode(M.AccountRequest(n)))
                else:
                    data += frame(M.encode(M.MassCancel(n, codes.SCOPE_SESSION)))
            said[who] = client.take() if who == 3 else data
        out.append(said)
    return out


def both(folder: Path, seed: int, spoil: Callable[[LongCrossing], None] = lambda long: None, **how: Any) -> Street:
    """Run a script with and without crossings and compare everything; returns the street with them."""
    found = []
    streets = []
    for name, crossing in (("with", True), ("without", False)):
        street = Street(folder / name, crossing, **how)
        street.spoil = spoil
        for said in script(seed, street):
            street.turn(said)
        found.append(street.close())
        streets.append(street)
    for here, there in zip(*found):
        assert here == there
    return streets[0]


@pytest.mark.parametrize(("sockets", "quick"), [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize("seed", range(3))
def test_a_flow_is_the_same_with_and_without_crossings(tmp_path: Path, seed: int, sockets: bool, quick: bool) -> None:
    street = both(tmp_path, seed, sockets=sockets, quick=quick)
    assert street.stages.count(t.LT_KEPT) > 3, "most long turns are crossings"
    assert street.sent > 3 if quick else street.sent == 0, "what is durable leaves at once, and nothing else"


def test_where_the_store_the_tape_or_the_buffers_lack_room_python_goes_on(tmp_path: Path) -> None:
    def no_ring(long: LongCrossing) -> None:
        long._store.place = lambda: (0, 5)

    def no_tape(long: LongCrossing) -> None:
        long._market.tape = long._market.tape[:60].copy()

    def few_rows(long: LongCrossing) -> None:
        long.words[t.W_MOST] = 20

    for number, (spoil, stage) in enumerate(((no_ring, t.LT_ENCODED), (no_tape, t.LT_ENCODED), (few_rows, t.LT_STEPPED))):
        (tmp_path / str(number)).mkdir()
        street = both(tmp_path / str(number), 1, spoil)
        assert stage in street.stages, spoil.__name__


def test_a_table_of_evidence_that_was_replaced_is_laid_out_again(tmp_path: Path) -> None:
    def replaced(long: LongCrossing) -> None:
        for wire in (long.binary, long.fix):
            old = wire.encoder.evidence.words
            wire.encoder.evidence.words = old.copy()
            old[:] = -1

    street = both(tmp_path, 2, replaced)
    assert t.LT_KEPT in street.stages and street.long.fix.evidence is street.long.fix.encoder.evidence.words


def test_rows_that_do_not_follow_those_of_the_store_end_the_server(tmp_path: Path) -> None:
    street = Street(tmp_path)
    street.house.server.store._writer.next_number += 1
    street.turn({0: orders(0, LONG, street.instruments[0])}, step=False)
    assert street.stages == [t.LT_ENCODED] and street.house.pipeline.stopped
    assert street.house.pipeline.done.result() == Exit.BROKEN


def test_what_a_socket_does_not_take_follows_through_the_transport(tmp_path: Path) -> None:
    street = Street(tmp_path, sockets=True)
    member = street.members[0]
    member.transport.own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    waiting = member.transport.own.send(bytes(200_000))
    member.say(orders(0, LONG, street.instruments[0]))
    street.house.loop.run(MS)
    assert street.sent == 1 and member.transport.written and member.link.held == 0
    reports = [M.decode_server(payload) for payload in FrameReader().feed(member.hear()[waiting:])]
    assert [one.id for one in reports if isinstance(one, M.Accepted)] == list(range(1, LONG + 1))
    street.close()


def test_a_link_on_which_something_waits_is_not_written_to_directly(tmp_path: Path) -> None:
    street = Street(tmp_path, sockets=True)
    member = street.members[0]
    member.transport.get_write_buffer_size = lambda: 1
    member.say(orders(0, LONG, street.instruments[0]))
    street.house.loop.run(MS)
    assert street.sent == 1 and member.link.held == 0
    assert len(list(FrameReader().feed(bytes(member.transport.written)))) == LONG, "all through the transport"
    street.close()


def test_nothing_is_said_of_rows_that_were_not_written(tmp_path: Path) -> None:
    """The writer has begun with the turn before it was carried out, and failed."""
    street = Street(tmp_path, sockets=True)
    fn = street.house.server.journal._fn
    fn[0] = fn[1]  # pwritev is fdatasync now: it writes nothing
    before = [member.raw for member in street.members]
    street.turn({0: orders(0, LONG, street.instruments[0])}, step=False)
    assert street.house.pipeline.stopped and street.sent == 0
    assert [member.raw for member in street.members] == before


def test_a_long_turn_waits_for_a_writer_that_is_slower_than_the_loop(tmp_path: Path) -> None:
    street = Street(tmp_path, sockets=True, quick=False)
    street.turn({0: orders(0, LONG, street.instruments[0])}, step=False)
    assert street.stages == [t.LT_KEPT] and street.sent == 0 and street.members[0].raw == b""
    street.house.runner.step()
    street.turn({1: orders(1, LONG, street.instruments[0])}, step=False)
    (first, second, *_) = (list(FrameReader().feed(member.raw)) for member in street.members)
    assert len(first) == LONG and not second, "what had become durable left before, or with, the next turn; that turn itself waits"
    street.house.runner.step()
    street.turn({})
    assert len(list(FrameReader().feed(street.members[1].raw))) == LONG
    street.close()

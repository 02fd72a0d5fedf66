"""A small turn in one crossing does what every other turn does: the same flow with and without it, to the byte."""

import random
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange_server.disk import small_turn
from exchange_server.net.endpoint import Link
from exchange_server.net.turn import Pipeline
from protocol import codes
from protocol import messages as M
from protocol.binary_session import ClientSession
from protocol.framing import FrameReader, frame
from tests.gateway.binary.world import limit
from tests.server_kit import secret_of
from tests.test_one_thread import MS, House
from tests.virtual import Transport, feed


class Socketed(Transport):
    """A transport on a real socket, so that the server may write to it directly."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.peer = socket.socketpair()
        self.own.setblocking(False)
        self.peer.setblocking(False)

    def get_extra_info(self, name: str) -> Any:
        return self.own if name == "socket" else super().get_extra_info(name)

    def set_write_buffer_limits(self, high: int) -> None:
        """There is room for everything."""

    def take(self) -> bytes:
        """What came directly, then what came through the transport: the server may not write past waiting bytes."""
        data = b""
        while True:
            try:
                data += self.peer.recv(1 << 20)
            except BlockingIOError:
                return data + super().take()

    def close(self) -> None:
        super().close()
        self.own.close()
        self.peer.close()


class Member:
    """A logged-on binary client. `raw`: everything it was sent."""

    def __init__(self, house: House, number: int, transport: Transport) -> None:
        self.house, self.transport = house, transport
        self.link = Link(house.pipeline, "binary", house.server.makers["binary"])
        self.link.connection_made(transport)
        self.client = ClientSession(f"MM{number}", secret_of(number), now_ns=house.clocks.steady())
        self.raw = b""

    def say(self, data: bytes) -> None:
        feed(self.link, data)

    def hear(self) -> bytes:
        data = self.transport.take()
        self.raw += data
        return data

    def log_on(self) -> None:
        for _ in range(6):
            data = self.client.take(self.house.clocks.steady())
            if data:
                self.say(data)
            self.house.loop.run(MS)
            self.house.runner.step()
            self.client.receive(self.hear(), self.house.clocks.steady())
        assert self.link.connection.session
        self.raw = b""  # the challenge of a logon is random


class Compared:
    """A server with its members, of which two runs must be the same."""

    house: House
    members: list[Any]  # with say(data), hear() and raw: everything they were sent

    def turn(self, said: dict[int, bytes], step: bool = True) -> None:
        """What members say, by their place in the list, and all that follows from it. step: the writer gets to write."""
        for number, data in said.items():
            self.members[number].say(data)
        self.house.loop.run(MS)
        if step:
            self.house.runner.step()
            self.house.loop.run(MS)
        for member in self.members:
            member.hear()

    def close(self) -> tuple[Any, ...]:
        """Everything that must be the same."""
        server = self.house.server
        engine, store = server.engine, server.store
        assert not engine.check()
        found = (
            engine.digest(),
            engine.row_seq,
            np.concatenate([store.rows(n, 1) for n in range(1, store.next_number)]).tobytes(),
            [member.raw for member in self.members],
            store.refusals().tolist(),
            {name: self.house.pipeline.status()[name] for name in ("rows", "turns", "bytes_out", "held_bytes")},
            (server.binary.messages, server.fix.messages, server.market.updates),
        )
        self.house.close()
        return found


class Street(Compared):
    """Two traders and a follower of the books on one server."""

    def __init__(self, folder: Path, crossing: bool, sockets: bool) -> None:
        self.house = House(folder)
        pipeline: Pipeline = self.house.pipeline
        if not crossing:
            pipeline._crossing = None
        else:
            self.stages: list[int] = []
            make = pipeline._crossing.make  # type: ignore[union-attr]

            def noted(link: Link, fix: bool) -> int:
                self.stages.append(make(link, fix))
                return self.stages[-1]

            pipeline._crossing.make = noted  # type: ignore[union-attr, method-assign]
        self.members = [Member(self.house, n, Socketed() if sockets else Transport()) for n in (1, 2, 3)]
        for member in self.members:
            member.log_on()
        self.instruments = [row.id for row in self.house.server.engine.registry.instruments]


def script(seed: int, instruments: list[int], steps: int = 60) -> list[tuple[int, bytes]]:
    """(member, bytes) of each turn: mostly one message, also several, halves of frames, unknown orders, odd encodings, queries."""
    rng = random.Random(seed)
    ids, out, kept = [0, 0, 0], [], {0: b"", 1: b""}
    mine: list[list[int]] = [[], []]
    out.append((2, frame(M.encode(M.Subscribe()))))
    for _ in range(steps):
        who = rng.randrange(2)
        data = b""
        for _ in range(rng.choice((1, 1, 1, 1, 2, 5))):
            ids[who] += 1
            roll = rng.random()
            instrument = rng.choice(instruments)
            if roll < 0.6 or not mine[who]:
                side = rng.choice((codes.BUY, codes.SELL))
                data += frame(M.encode(limit(ids[who], instrument, side, rng.randrange(4000, 4006), rng.randrange(1, 20))))
                mine[who].append(ids[who])
            elif roll < 0.8:
                data += frame(M.encode(M.CancelOrder(ids[who], mine[who].pop(rng.randrange(len(mine[who]))))))
            elif roll < 0.86:
                data += frame(M.encode(M.ReplaceOrder(ids[who], rng.choice(mine[who]), 0, 0, 4001, 7)))
            elif roll < 0.9:
                data += frame(M.encode(M.CancelOrder(ids[who], 10**9)))
            elif roll < 0.94:
                data += frame(M.encode(M.MassCancel(ids[who], codes.SCOPE_SESSION)))
            elif roll < 0.97:
                data += frame(M.encode(M.AccountRequest(ids[who])))
            else:
                data += frame(M.encode(M.Heartbeat()))
        data = kept[who] + data
        cut = rng.randrange(1, 8) if rng.random() < 0.1 else 0
        kept[who] = data[len(data) - cut :] if cut else b""
        out.append((who, data[: len(data) - cut] if cut else data))
    return out


@pytest.mark.parametrize("sockets", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_a_flow_is_the_same_with_and_without_crossings(tmp_path: Path, seed: int, sockets: bool) -> None:
    found = []
    for name, crossing in (("with", True), ("without", False)):
        street = Street(tmp_path / name, crossing, sockets)
        for who, data in script(seed, street.instruments):
            street.turn({who: data})
        if crossing:
            wanted = small_turn.ST_SENT if sockets else small_turn.ST_COMMITTED
            assert street.stages.count(wanted) > 20, "most turns of one order are crossings"
            assert min(street.stages) == small_turn.ST_NONE
        found.append(street.close())
    for here, there in zip(*found):
        assert here == there


def test_what_the_socket_does_not_take_follows_through_the_transport(tmp_path: Path) -> None:
    street = Street(tmp_path, True, True)
    member = street.members[0]
    member.transport.own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # type: ignore[attr-defined]
    waiting = member.transport.own.send(bytes(200_000))  # type: ignore[attr-defined]
    member.say(frame(M.encode(limit(1, street.instruments[0], codes.BUY, 4000, 5))))
    street.house.loop.run(MS)
    assert street.stages[-1] == small_turn.ST_SENT
    assert member.transport.written and member.link.held == 0
    (payload,) = FrameReader().feed(member.hear()[waiting:])
    report = M.decode_server(payload)
    assert isinstance(report, M.Accepted) and report.id == 1
    street.close()


def test_what_a_crossing_decoded_and_left_to_the_turn_counts_as_the_links_share(tmp_path: Path) -> None:
    """150 messages at once: the kernel decodes its budget and Python the rest. So many are not modest."""
    street = Street(tmp_path, True, False)
    member, pipeline = street.members[0], street.house.pipeline
    member.say(b"".join(frame(M.encode(limit(n, street.instruments[0], codes.BUY, 4000 + n, 1))) for n in range(1, 151)))
    street.house.loop.run(MS)
    assert street.stages[-1] < small_turn.ST_STEPPED
    assert pipeline.fairness.modest is not member.link and pipeline.fairness.is_greedy(member.link, pipeline.clock.tick)
    street.close()


def test_two_sessions_that_send_little_in_turn_are_both_served_in_crossings(tmp_path: Path) -> None:
    street = Street(tmp_path, True, False)
    before = len(street.stages)
    for n in range(1, 7):
        street.turn({n % 2: frame(M.encode(limit(n, street.instruments[0], codes.BUY, 4000 + n, 1)))})
    assert len(street.stages) == before + 6
    street.close()


def test_a_failed_journal_stops_a_crossing_too(tmp_path: Path) -> None:
    street = Street(tmp_path, True, True)
    before = len(street.members[0].raw)
    fn = street.house.server.journal._fn
    fn[0] = fn[1]  # pwritev is fdatasync now: it writes nothing
    street.members[0].say(frame(M.encode(limit(1, street.instruments[0], codes.BUY, 4000, 5))))
    street.house.loop.run(MS)
    assert street.house.pipeline.stopped
    street.members[0].transport.closed = False
    assert len(street.members[0].raw) == before, "nothing was said of a row that was not written"


def test_a_link_on_which_something_waits_is_not_written_to_directly(tmp_path: Path) -> None:
    street = Street(tmp_path, True, True)
    member = street.members[0]
    member.transport.get_write_buffer_size = lambda: 1  # type: ignore[method-assign]
    member.say(frame(M.encode(limit(1, street.instruments[0], codes.BUY, 4000, 5))))
    street.house.loop.run(MS)
    assert street.stages[-1] == small_turn.ST_COMMITTED and member.transport.written
    street.close()

"""The turn on real sockets, with an engine and a journal whose behaviour the test decides."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from exchange_server.exits import Exit
from exchange_server.net.clock import Clock
from exchange_server.net.endpoint import listen_tcp
from exchange_server.net.limits import Limits
from exchange_server.net.turn import Pipeline
from protocol import codes

from .fakes import QUIET, Directory, Encoders, Engine, Journal, LineConnection, Store

MS = 1_000_000


class Street:
    """A pipeline with one port, and clients that talk to it."""

    def __init__(
        self,
        hold: bool = False,
        spin: bool = False,
        every: int = 0,
        free: Any = None,
        chunk: int = 1000,
        clock: Clock | None = None,
        **limits: Any,
    ) -> None:
        self.engine, self.journal, self.store, self.directory = Engine(chunk), Journal(hold), Store(), Directory()
        self.hold, self.spin, self.every, self.free, self.limits = hold, spin, every, free, Limits(**limits)
        self.clock, self.log = clock or Clock(), QUIET
        self.clients: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> "Street":
        loop = asyncio.get_running_loop()
        self.pipeline = Pipeline(
            loop,
            self.engine,
            self.journal,
            self.store,
            self.directory,
            self.clock,
            Encoders(),
            None,
            self.limits,
            self.log,
            self.spin,
            self.free,
        )
        self.pipeline.start()
        cell = [self.pipeline]
        self.server, self.port = await listen_tcp(
            self.pipeline, "lines", "127.0.0.1", 0, lambda now, link: LineConnection(now, link, self.directory, cell, self.every)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for writer in self.clients:
            writer.close()
        self.server.close()
        self.pipeline._stopped = True
        asyncio.get_running_loop().remove_reader(self.journal.fd)

    async def client(self, session: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.clients.append(writer)
        if session:
            writer.write(b"logon %d\n" % session)
        return reader, writer


async def lines(reader: asyncio.StreamReader, count: int) -> list[bytes]:
    return [(await asyncio.wait_for(reader.readline(), 5)).strip() for _ in range(count)]


async def nothing(reader: asyncio.StreamReader, seconds: float = 0.05) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(reader.readline(), seconds)


async def until(condition: Any, seconds: float = 5.0) -> None:
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "waited in vain"
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("spin", [False, True])
async def test_orders_are_answered_in_order_to_their_own_session(spin: bool) -> None:
    async with Street(spin=spin) as street:
        r1, w1 = await street.client(1)
        r2, w2 = await street.client(2)
        for i in range(500):
            w1.write(b"%d\n" % i)
            w2.write(b"%d\n" % (1000 + i))
        assert await lines(r1, 500) == [b"OK %d" % i for i in range(500)]
        assert await lines(r2, 500) == [b"OK %d" % (1000 + i) for i in range(500)]
        firsts = [f for f, _ in street.journal.appended]
        assert firsts == sorted(firsts) and street.engine.row_seq == street.journal.last


async def test_a_connection_is_told_what_of_its_output_never_left() -> None:
    async with Street(hold=True) as street:
        reader, writer = await street.client(1)
        writer.write(b"7\n")
        await until(lambda: codes.C_NEW in street.engine.kinds())
        street.journal.settle()
        assert await lines(reader, 1) == [b"OK 7"]
        writer.write(b"8\n")
        await until(lambda: street.engine.kinds().count(codes.C_NEW) == 2)
        writer.write(b"9\n")
        await until(lambda: street.engine.kinds().count(codes.C_NEW) == 3)
        connection = street.directory.bound[1]
        writer.transport.abort()
        await until(lambda: codes.C_LOGOFF in street.engine.kinds())
        assert connection.unsent[0] == b"OK 8\n", "the first that was made and held when the socket went"


async def test_a_slow_reader_is_told_from_where_it_missed() -> None:
    async with Street() as street:
        await street.client(1)
        await until(lambda: 1 in street.directory.bound)
        connection = street.directory.bound[1]
        link = connection.pipe
        link.queue.extend((b"first\n", b"second\n"))
        link.queued = 13
        street.pipeline.links.slow(link)
        assert connection.unsent == [b"first\n"] and not link.queue
        await until(lambda: connection.expelled)


async def test_a_link_that_is_marked_while_others_are_read_is_in_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the same one, whose time has passed for it, nor in none."""
    async with Street() as street:
        for session in (1, 2):
            await street.client(session)
        await until(lambda: {1, 2} <= street.directory.bound.keys())
        one, two = street.directory.bound[1], street.directory.bound[2]
        turns: list[tuple[int, int]] = []

        def noted(connection: LineConnection, turn: Any) -> bool:
            turns.append((connection.session, turn.tick_ns))
            if connection is one:
                two.outlet.ask_turn()
            return False

        monkeypatch.setattr(LineConnection, "gather", noted)
        street.pipeline.mark(one.pipe)
        await until(lambda: len(turns) == 2)
        await asyncio.sleep(0.02)
        (first, at), (second, later) = turns
        assert (first, second) == (1, 2) and later > at and not two.pipe.ready
        assert street.pipeline._ready == []


async def test_nothing_leaves_before_its_turn_is_durable() -> None:
    async with Street(hold=True) as street:
        reader, writer = await street.client(1)
        writer.write(b"7\necho own words\n")
        await nothing(reader)
        writer.write(b"8\n")
        await nothing(reader)
        assert len(street.engine.rows) >= 3
        street.journal.settle()
        # what the connection writes itself comes before its turn's encoded events; the first turn may end after the logon or the first order
        got = await lines(reader, 3)
        assert sorted(got) == [b"OK 7", b"OK 8", b"own words"] and got[-1] == b"OK 8"


async def test_a_turn_without_rows_waits_for_the_turns_before_it() -> None:
    async with Street(hold=True) as street:
        reader, writer = await street.client(1)
        writer.write(b"7\n")
        await until(lambda: codes.C_NEW in street.engine.kinds())
        turns = street.engine.turn
        writer.write(b"echo later\n")
        await nothing(reader)
        assert street.engine.turn == turns, "a turn without rows takes no number and is not journaled"
        street.journal.settle()
        assert await lines(reader, 2) == [b"OK 7", b"later"]


async def test_a_failed_journal_tells_nobody_anything_and_has_its_own_exit_code() -> None:
    async with Street(hold=True) as street:
        reader, writer = await street.client(1)
        writer.write(b"7\n")
        await until(lambda: codes.C_NEW in street.engine.kinds())
        street.journal.fail("write: no space")
        assert await asyncio.wait_for(street.pipeline.done, 5) == Exit.JOURNAL
        street.journal.durable = street.journal.last
        try:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        except ConnectionResetError:
            pass
        street.pipeline.turn()
        street.pipeline.journal_moved()
        assert not street.pipeline.gate.held


async def test_a_broken_engine_stops_the_process() -> None:
    async with Street() as street:
        street.engine.broken = RuntimeError("INV_LEDGER")
        _, writer = await street.client(1)
        assert await asyncio.wait_for(street.pipeline.done, 5) == Exit.BROKEN
        assert writer is not None


async def test_a_fault_in_one_connection_costs_only_that_one() -> None:
    async with Street() as street:
        r1, w1 = await street.client(1)
        r2, w2 = await street.client(2)
        w1.write(b"1\n")
        assert await lines(r1, 1) == [b"OK 1"]
        w1.write(b"crash\n")
        try:
            assert await asyncio.wait_for(r1.read(), 5) == b""
        except ConnectionResetError:
            pass
        w2.write(b"2\n")
        assert await lines(r2, 1) == [b"OK 2"]
        assert street.pipeline.counters.gateway_faults == 1
        assert 666 not in [int(r[3]) for r in street.engine.rows], "rows of a faulty connection are taken back"
        await until(lambda: codes.C_LOGOFF in street.engine.kinds())


async def test_chunks_of_one_turn_stay_in_order() -> None:
    async with Street(chunk=3) as street:
        reader, writer = await street.client(1)
        writer.write(b"".join(b"%d\n" % i for i in range(100)))
        assert await lines(reader, 100) == [b"OK %d" % i for i in range(100)]


async def test_a_small_inbox_is_filled_again_and_again() -> None:
    async with Street(inbox_rows=8) as street:
        r1, w1 = await street.client(1)
        r2, w2 = await street.client(2)
        w1.write(b"".join(b"%d\n" % i for i in range(300)))
        w2.write(b"".join(b"%d\n" % i for i in range(300)))
        assert await lines(r1, 300) == await lines(r2, 300) == [b"OK %d" % i for i in range(300)]
        assert max(n for _, n in street.journal.appended) <= 9


async def test_a_lost_connection_is_logged_off_after_its_last_words() -> None:
    async with Street() as street:
        _, writer = await street.client(3)
        writer.write(b"5\n6\n")
        writer.close()
        await until(lambda: codes.C_LOGOFF in street.engine.kinds())
        kinds = [k for k in street.engine.kinds() if k != codes.C_TIME]
        assert kinds == [codes.C_LOGON, codes.C_NEW, codes.C_NEW, codes.C_LOGOFF]
        assert street.directory.bound == {}
        reader, _ = await street.client(3)
        _.write(b"7\n")
        assert await lines(reader, 1) == [b"OK 7"], "the session can log on again"


async def test_half_closed_peers_get_their_answers() -> None:
    async with Street() as street:
        reader, writer = await street.client(3)
        writer.write(b"5\n6\n")
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b"OK 5\nOK 6\n"
        await until(lambda: not street.pipeline.links.by_id)


async def test_nothing_comes_before_the_logon_event() -> None:
    """Session 2's order makes a report for session 1 in the turn in which session 1 logs on: it is not sent before the logon."""
    import numpy as np

    from exchange_server.core import layout as L
    from exchange_server.gateway.sessions import before_logon

    events = np.zeros((5, L.EVT_WORDS), dtype=np.int64)
    kinds = [codes.E_FILL | 1 << 8, codes.E_LOGON, codes.E_LOGON, codes.E_FILL, codes.E_FILL]
    for i, (kind, session) in enumerate(zip(kinds, (1, 1, 1, 1, 2))):
        events[i, 0] = kind
        events[i, L.EVT_SESSION_ACCOUNT] = session << 32 | 9
        events[i, L.EVT_PRICE] = i
    fresh = {1}
    out = before_logon(events.reshape(-1), fresh).reshape(-1, L.EVT_WORDS)
    assert [int(s) >> 32 for s in out[:, L.EVT_SESSION_ACCOUNT]] == [0, 1, 1, 1, 2], "row 1 is the payload of row 0, not an E_LOGON"
    assert fresh == set() and int(out[0, L.EVT_SESSION_ACCOUNT]) == 9
    assert int(events[0, L.EVT_SESSION_ACCOUNT]) >> 32 == 1, "the store's rows are not touched"


async def test_no_logon_in_time_or_bytes_is_cut() -> None:
    async with Street(logon_ns=60 * MS, logon_bytes=100) as street:
        reader, _ = await street.client()
        assert await lines(reader, 2) == [b"BYE %d" % codes.R_LOGON_TIMEOUT, b""]
        reader, writer = await street.client()
        writer.write(b"x" * 101)
        assert await lines(reader, 2) == [b"BYE %d" % codes.R_LOGON_TIMEOUT, b""]
        assert street.pipeline.counters.logon_timeouts == 2
        reader, writer = await street.client(1)
        await asyncio.sleep(0.1)
        writer.write(b"1\n")
        assert await lines(reader, 1) == [b"OK 1"], "a session that logged on in time stays"


async def test_timers_fire_for_each_link_by_itself() -> None:
    async with Street(every=20 * MS) as street:
        r1, _ = await street.client(1)
        r2, _ = await street.client(2)
        assert await lines(r1, 3) == [b"beat"] * 3
        assert await lines(r2, 3) == [b"beat"] * 3
        assert len(street.pipeline.calendar) == 2


async def test_an_expiry_of_the_engine_makes_a_turn() -> None:
    async with Street() as street:
        street.engine.next_due = street.pipeline.clock.now_ns() + 30 * MS
        street.pipeline.calendar.expiry = street.engine.next_due
        street.pipeline.calendar.set_timer()
        await until(lambda: street.engine.kinds() == [codes.C_TIME])
        assert street.engine.next_due == 0


async def test_a_peer_that_never_reads_is_cut_and_others_are_not_touched() -> None:
    async with Street(slow_bytes=1 << 20, slow_ns=300 * MS, read_stop_bytes=1 << 18, linger_s=0.2, slow_linger_s=0.2) as street:
        _, slow = await street.client(1)
        reader, quick = await street.client(2)
        text = b"echo " + b"x" * 4000 + b"\n"
        for _ in range(4000):
            slow.write(text)
        for i in range(50):
            quick.write(b"%d\n" % i)
            assert await lines(reader, 1) == [b"OK %d" % i]
            await asyncio.sleep(0.001)
        await until(lambda: 1 not in street.directory.bound)
        assert street.pipeline.counters.slow_readers == 1
        assert street.pipeline.counters.held_bytes_max < 4 << 20
        quick.write(b"99\n")
        assert await lines(reader, 1) == [b"OK 99"]


async def test_overload_first_stops_reading_then_sheds_new_orders() -> None:
    async with Street(hold=True, held_ns=20 * MS, shed_after_ns=50 * MS) as street:
        reader, writer = await street.client(1)
        writer.write(b"1\n")
        await until(lambda: codes.C_NEW in street.engine.kinds())
        await asyncio.sleep(0.03)
        writer.write(b"2\n")
        await until(lambda: street.pipeline.counters.choked_turns > 0)
        await until(lambda: street.pipeline.counters.shed_turns > 0)
        street.journal.settle()
        assert await lines(reader, 2) == [b"OK 1", b"NO 2"]
        street.journal.holding = False
        writer.write(b"3\n")
        street.journal.settle()
        assert await lines(reader, 1) == [b"OK 3"], "over as soon as the journal has caught up"


async def test_little_space_refuses_new_orders_until_it_is_back() -> None:
    space = [10]
    async with Street(free=lambda: space[0], disk_reserve_bytes=100, disk_check_ns=5 * MS) as street:
        reader, writer = await street.client(1)
        writer.write(b"1\n")
        assert await lines(reader, 1) == [b"NO 1"]
        space[0] = 110
        await asyncio.sleep(0.03)
        writer.write(b"2\n")
        assert await lines(reader, 1) == [b"NO 2"], "not before there is a quarter more than the reserve"
        space[0] = 200
        await asyncio.sleep(0.03)
        writer.write(b"3\n")
        assert await lines(reader, 1) == [b"OK 3"]


async def test_the_housekeeping_calls_its_watches_again_and_again() -> None:
    async with Street(disk_check_ns=5 * MS) as street:
        looks: list[int] = []
        street.pipeline.watches.append(lambda: looks.append(1))
        await until(lambda: len(looks) >= 3)


async def test_admin_answers_come_in_their_turn() -> None:
    async with Street(hold=True) as street:
        reader, writer = await street.client(1)
        await until(lambda: codes.C_LOGON in street.engine.kinds())
        seq = street.engine.row_seq
        writer.write(b"5\nadmin\n")
        await nothing(reader)
        street.journal.settle()
        assert sorted(await lines(reader, 2)) == [b"OK 5", b"admin %d" % (seq + 4)], (
            "the count of rows behind its own: TIME, NEW, ADMIN and its body"
        )


async def test_shutdown_says_goodbye_logs_everyone_off_and_waits_for_the_journal() -> None:
    async with Street() as street:
        reader, writer = await street.client(4)
        stranger, _ = await street.client()
        writer.write(b"1\n")
        assert await lines(reader, 1) == [b"OK 1"]
        await street.pipeline.shutdown()
        assert await lines(reader, 2) == [b"BYE %d" % codes.R_SHUTDOWN, b""]
        assert await lines(stranger, 2) == [b"BYE %d" % codes.R_SHUTDOWN, b""]
        assert street.engine.kinds()[-1] == codes.C_LOGOFF
        assert street.journal.durable == street.engine.row_seq
        assert street.pipeline.done.result() == Exit.OK


async def test_a_session_is_free_as_soon_as_its_goodbye_was_said() -> None:
    """The goodbye is held, the socket still open: the session can be had again, its C_LOGOFF comes before the next C_LOGON."""
    async with Street(hold=True) as street:
        _, first = await street.client(1)
        await until(lambda: 1 in street.directory.bound)
        first.write(b"5\nquit\n")
        await until(lambda: 1 not in street.directory.bound)
        assert len(street.pipeline.links.by_id) == 1, "nothing was released yet: the socket is there"
        reader, second = await street.client(1)
        await until(lambda: 1 in street.directory.bound)
        second.write(b"6\n")
        await until(lambda: street.engine.kinds().count(codes.C_NEW) == 2)
        street.journal.settle()
        assert await lines(reader, 1) == [b"OK 6"]
        await until(lambda: len(street.pipeline.links.by_id) == 1)
        kinds = [k for k in street.engine.kinds() if k != codes.C_TIME]
        assert kinds == [codes.C_LOGON, codes.C_NEW, codes.C_LOGOFF, codes.C_LOGON, codes.C_NEW]


async def test_too_many_connections_are_not_accepted() -> None:
    async with Street(connections=1) as street:
        r1, w1 = await street.client(1)
        w1.write(b"1\n")
        assert await lines(r1, 1) == [b"OK 1"]
        r2, _ = await street.client(2)
        try:
            assert await asyncio.wait_for(r2.read(), 5) == b""
        except ConnectionResetError:
            pass
        assert street.pipeline.counters.refused_connections == 1
        w1.write(b"2\n")
        assert await lines(r1, 1) == [b"OK 2"]


@pytest.fixture(autouse=True)
async def no_lost_errors() -> AsyncIterator[None]:
    """Nothing may end in the loop's exception handler."""
    seen: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: seen.append(context))
    yield
    assert not seen


@pytest.mark.parametrize("spin", [False, True])
async def test_a_settlement_gets_one_slice_in_each_turn_and_others_are_answered_in_between(spin: bool) -> None:
    async with Street(spin=spin) as street:
        reader, writer = await street.client(1)
        await until(lambda: 1 in street.directory.bound)
        street.engine.settling = 500
        for i in range(20):
            writer.write(b"%d\n" % i)
            assert await lines(reader, 1) == [b"OK %d" % i]
        assert street.engine.settling > 0, "the last answer came before the last slice"
        await until(lambda: street.engine.settling == 0)
        kinds = [kind for kind in street.engine.kinds() if kind in (codes.C_TIME, codes.C_CONTINUE)]
        assert kinds.count(codes.C_CONTINUE) == 500 and (codes.C_CONTINUE, codes.C_CONTINUE) not in zip(kinds, kinds[1:])


@pytest.mark.parametrize("spin", [False, True])
async def test_what_has_arrived_goes_before_a_slice_which_is_then_in_the_next_turn(spin: bool) -> None:
    async with Street(spin=spin) as street:
        reader, writer = await street.client(1)
        await until(lambda: 1 in street.directory.bound)
        before = len(street.engine.kinds())
        writer.write(b"".join(b"%d\n" % i for i in range(3000)))
        await until(lambda: len(street.engine.kinds()) > before)
        street.engine.settling = 40
        street.pipeline.wake()  # an engine begins to settle in a turn, which asks for the next one; all input may have been taken by now
        await until(lambda: street.engine.settling == 0)
        await lines(reader, 3000)
        turns: list[list[int]] = []
        for kind in street.engine.kinds():
            if kind == codes.C_TIME:
                turns.append([])
            else:
                turns[-1].append(kind)
        slices = [i for i, kinds in enumerate(turns) if codes.C_CONTINUE in kinds]
        assert max(b - a for a, b in zip(slices, slices[1:])) <= 2, "at most one turn without a slice"


async def test_what_a_process_left_to_settle_goes_on_without_input() -> None:
    async with Street() as street:
        street.engine.settling = 3
        street.pipeline.start()
        await until(lambda: street.engine.settling == 0)
        assert street.engine.kinds().count(codes.C_CONTINUE) == 3


async def test_no_slice_is_taken_while_the_disk_does_not_keep_up() -> None:
    async with Street(hold=True, held_bytes=1, shed_after_ns=10**12) as street:
        reader, writer = await street.client(1)
        writer.write(b"7\n")
        await until(lambda: street.pipeline.gate.held_bytes > 1)
        street.engine.settling = 5
        street.pipeline.wake()
        await asyncio.sleep(0.05)
        assert street.engine.settling == 5
        street.journal.holding = False
        street.journal.settle()
        await until(lambda: street.engine.settling == 0)
        assert await lines(reader, 1) == [b"OK 7"]


@pytest.mark.parametrize("spin", [False, True])
async def test_a_settlement_waits_for_the_event_store_and_orders_do_not(spin: bool) -> None:
    async with Street(spin=spin) as street:
        reader, writer = await street.client(1)
        await until(lambda: 1 in street.directory.bound)
        store = street.pipeline.store
        store.behind = True
        street.engine.settling = 5
        street.pipeline.wake()
        await until(lambda: store.when_room is not None)
        turns = street.engine.kinds().count(codes.C_TIME)
        await asyncio.sleep(0.05)
        assert street.engine.kinds().count(codes.C_TIME) - turns <= 1, "it makes turns while nothing can be done"
        for i in range(20):
            writer.write(b"%d\n" % i)
            assert await lines(reader, 1) == [b"OK %d" % i]
        assert street.engine.settling == 5
        store.behind = False
        helper = threading.Thread(target=store.when_room)
        helper.start()
        helper.join()
        await until(lambda: street.engine.settling == 0)
        assert street.engine.kinds().count(codes.C_CONTINUE) == 5

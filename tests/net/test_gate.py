"""Output waits for its turn to be durable, leaves in order, and one function says what is durable."""

import os
from typing import Any

import pytest

from exchange_server.journal.store import JournalFailed
from exchange_server.net.endpoint import Fan
from exchange_server.net.gate import PATIENCE_NS, Gate, Held
from exchange_server.net.observe import Counters


class Writer:
    def __init__(self, inline: bool = True, mode: str = "sync") -> None:
        self.mode = mode
        self.safe = self.written = 0
        self.appended = 0
        self.inline = inline
        self.kicks = 0
        self.failed = False

    def released(self) -> int:
        if self.failed:
            raise JournalFailed("the disk is gone")
        return self.safe

    def kick(self) -> None:
        self.kicks += 1

    def commit_inline(self) -> bool:
        if self.inline:
            self.safe = self.appended
        return self.inline


class Link:
    def __init__(self, sent: list[Any], name: str = "a") -> None:
        self.sent = sent
        self.name = name

    def send(self, data: bytes | None) -> None:
        self.sent.append((self.name, data))


class Clock:
    def tick_ns(self) -> int:
        return 1_000


class Rig:
    def __init__(self, inline: bool = True, kind: type[Gate] = Gate, mode: str = "sync") -> None:
        self.writer = Writer(inline, mode)
        self.woken = 0
        self.sent: list[Any] = []
        self.counters = Counters()
        self.gate = kind(self.writer, Clock(), self.counters, self.wake)  # type: ignore[arg-type]
        self.link: Any = Link(self.sent)

    def wake(self) -> None:
        self.woken += 1

    def turn(self, ticket: int, data: bytes = b"", small: bool = True, late: bytes = b"", now: int = 900, alone: bool = True) -> None:
        """A turn with rows up to `ticket`, a report, and something made after the commit."""
        gate = self.gate
        gate.turning = True
        self.writer.appended = ticket
        if data:
            gate.put(self.link, data)
        gate.commit(ticket, small, alone, now)
        if late:
            gate.put(self.link, late)
        if gate.outbox:
            gate.leave(now)
        if gate.held:
            gate.release()
        gate.turning = False


def test_a_small_turn_is_written_by_the_loop_and_its_reports_leave_first() -> None:
    rig = Rig()
    rig.turn(5, b"report", late=b"market data")
    assert rig.sent == [("a", b"report"), ("a", b"market data")]
    assert rig.writer.kicks == 0 and rig.counters.turns_inline == 1 and rig.counters.bytes_out == 17
    assert rig.gate.latency.highest == 100, "from the turn's time to its release"


def test_bytes_for_several_links_are_held_once_and_counted_for_each() -> None:
    rig = Rig(inline=False)
    links: list[Any] = [Link(rig.sent, name) for name in "abc"]
    for link in links:
        link.free = lambda: False
    rig.gate.put(Fan(links), b"update")
    rig.turn(5)
    assert rig.gate.held_bytes == 6
    rig.writer.safe = 5
    assert rig.gate.release() and rig.sent == [("a", b"update"), ("b", b"update"), ("c", b"update")]
    assert rig.counters.bytes_out == 18


def test_nothing_leaves_before_it_is_durable_and_then_all_in_order() -> None:
    rig = Rig(inline=False)
    rig.turn(5, b"one", late=b"more")
    rig.turn(9, b"two", small=False)
    rig.gate.outbox.append((rig.link, None))
    rig.gate.leave(950)  # a turn without rows: it waits for those before it
    assert rig.sent == [] and rig.gate.held_bytes == 10 == rig.counters.held_bytes_max
    rig.writer.safe = 8
    assert rig.gate.release() and rig.sent == [("a", b"one"), ("a", b"more")]
    assert not rig.gate.release(), "the second turn is not all safe yet"
    rig.writer.safe = 9
    assert rig.gate.release() and rig.sent[2:] == [("a", b"two"), ("a", None)]
    assert rig.gate.held_bytes == 0 and not rig.gate.held


def test_a_turn_that_is_safe_waits_for_an_earlier_one() -> None:
    rig = Rig(inline=False)
    rig.turn(5, b"one")
    rig.writer.inline = True
    rig.turn(9, b"two")
    assert rig.writer.kicks == 1 and rig.counters.turns_inline == 0, "not inline: something is held"
    assert rig.sent == []
    rig.writer.safe = 9
    rig.gate.release()
    assert rig.sent == [("a", b"one"), ("a", b"two")]


def test_a_long_turn_goes_to_the_writers_thread() -> None:
    rig = Rig()
    rig.turn(500, b"long", small=False)
    assert rig.writer.kicks == 1 and rig.sent == []


def test_the_writers_thread_may_have_a_long_turns_rows_before_they_are_carried_out() -> None:
    rig = Rig()
    rig.gate.begin(500)
    assert rig.writer.kicks == 1
    rig.turn(500, b"slow disk", small=False)
    assert rig.writer.kicks == 1 and rig.sent == [], "not woken again, and nothing leaves before it is durable"
    rig.gate.begin(900)
    rig.turn(900, b"next", small=False)
    rig.writer.safe = 900
    assert rig.gate.release() and rig.sent == [("a", b"slow disk"), ("a", b"next")]
    rig.gate.begin(1300)
    rig.writer.safe = 1300
    rig.turn(1300, b"quick disk", small=False, late=b"market data")
    assert rig.sent[2:] == [("a", b"quick disk"), ("a", b"market data")] and rig.gate.latency.count == 3 + 1, "reports first"
    rig.turn(1700, b"short", alone=False)
    assert rig.writer.kicks == 4


def test_a_writer_that_was_woken_early_gets_the_core_only_if_it_has_not_had_it(monkeypatch: pytest.MonkeyPatch) -> None:
    yields = []
    monkeypatch.setattr(os, "sched_yield", lambda: yields.append(1))
    rig = Rig()
    rig.gate.begin(500)
    rig.turn(500, b"one", small=False)
    assert len(yields) == 1, "its rows are not written"
    rig.gate.begin(900)
    rig.writer.written = 900
    rig.turn(900, b"two", small=False)
    assert len(yields) == 1 and rig.sent == [], "it waits for the disk"
    rig.turn(1300, b"three", small=False)
    assert len(yields) == 2, "woken only now, and output is held"


def test_output_that_is_sent_past_the_outbox_waits_as_all_other_does() -> None:
    rig = Rig(inline=False)
    gate = rig.gate

    def send() -> int:
        rig.sent.append("sent")
        return 7

    assert not gate.sends(5, send, 900), "not durable"
    rig.turn(5, b"held")
    rig.writer.safe = 9
    gate.put(rig.link, b"first")
    assert not gate.sends(9, send, 900), "something of this turn is to leave before it"
    assert rig.sent == [("a", b"held")], "what was held and is durable has left"
    gate.leave(900)
    assert gate.sends(9, send, 900) and rig.sent == [("a", b"held"), ("a", b"first"), "sent"]
    assert gate.ticket == 9 and rig.counters.bytes_out == 4 + 5 + 7 and rig.gate.latency.highest == 100
    rig.writer.failed = True
    with pytest.raises(JournalFailed):
        gate.sends(12, send, 900)
    assert rig.sent[-1] == "sent" and rig.sent.count("sent") == 1


def test_a_turn_among_others_goes_to_the_writers_thread() -> None:
    rig = Rig()
    rig.turn(5, b"one", alone=False)
    assert rig.writer.kicks == 1 and rig.sent == []


def test_async_a_short_turn_is_written_by_the_loop_whatever_else_goes_on() -> None:
    """The writer's thread may be in the middle of a sync, which must not be waited for."""
    rig = Rig(inline=False, mode="async")
    rig.turn(5, b"one", alone=False)
    assert rig.writer.kicks == 0 and rig.sent == [], "the thread has it"
    rig.writer.inline = True
    rig.turn(9, b"two", alone=False, late=b"data")
    assert rig.sent == [("a", b"one"), ("a", b"two"), ("a", b"data")] and not rig.gate.held
    rig.turn(500, b"long", small=False)
    assert rig.writer.kicks == 1 and len(rig.sent) == 3


def test_the_core_is_offered_to_the_writers_thread_while_turns_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    yields: list[int] = []
    monkeypatch.setattr("os.sched_yield", lambda: yields.append(rig.gate.ticket))
    rig = Rig(inline=False)
    rig.turn(5, b"one", alone=False)
    assert yields == [], "nothing waits yet"
    rig.turn(9, b"two", alone=False)
    assert yields == [9]


@pytest.mark.parametrize(("age", "done"), [(PATIENCE_NS - 1, "yields"), (PATIENCE_NS, "sleeps")])
def test_a_busy_loop_yields_and_sleeps_when_the_disk_takes_long(monkeypatch: pytest.MonkeyPatch, age: int, done: str) -> None:
    found: list[str] = []
    monkeypatch.setattr("os.sched_yield", lambda: found.append("yields"))
    monkeypatch.setattr("time.sleep", lambda _: found.append("sleeps"))
    rig = Rig()
    rig.gate.held.append(Held(1, 1_000 - age, [], 0))
    rig.gate.give_way()
    assert found == [done]


def test_one_place_decides_and_the_inline_path_asks_it() -> None:
    """A second writer that has to confirm is one line in `durable`: nothing else sends."""

    confirmed = [0]

    class Both(Gate):
        def durable(self) -> int:
            return min(super().durable(), confirmed[0])

    rig = Rig(kind=Both)
    rig.turn(5, b"one")
    assert rig.writer.safe == 5 and rig.sent == [], "written inline, but not confirmed"
    confirmed[0] = 5
    assert rig.gate.release() and rig.sent == [("a", b"one")]
    confirmed[0] = 9
    rig.turn(9, b"two")
    assert rig.sent[1:] == [("a", b"two")], "confirmed before the commit returned: at once"


def test_a_failed_writer_releases_nothing() -> None:
    rig = Rig(inline=False)
    rig.turn(5, b"one")
    rig.writer.safe, rig.writer.failed = 5, True
    with pytest.raises(JournalFailed):
        rig.gate.release()
    assert rig.sent == []
    rig.gate.drop()
    assert not rig.gate.held and rig.gate.held_bytes == 0
    rig.gate.put(rig.link, b"late")
    with pytest.raises(JournalFailed):
        rig.gate.leave(1)
    assert rig.sent == []


def test_output_between_turns_asks_for_one() -> None:
    rig = Rig()
    rig.gate.put(rig.link, b"x")
    assert rig.woken == 1
    rig.turn(1, b"y")
    assert rig.woken == 1 and rig.sent == [("a", b"x"), ("a", b"y")]


def test_the_first_held_output_of_a_link() -> None:
    rig = Rig(inline=False)
    other: Any = Link(rig.sent, "b")
    rig.gate.outbox.append((other, b"theirs"))
    rig.turn(5, b"one")
    rig.turn(6, b"two")
    assert rig.gate.first_for(rig.link) == b"one" and rig.gate.first_for(other) == b"theirs"
    assert rig.gate.first_for(Link([])) == b""  # type: ignore[arg-type]

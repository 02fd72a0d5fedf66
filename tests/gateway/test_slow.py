"""Slow work: a few pieces at once, one line for each address, nothing left behind."""

import threading
from typing import Any

from exchange_server.gateway import slow as S
from exchange_server.gateway.slow import SlowWork
from exchange_server.journal.runner import Threads


class Held:
    """A runner whose pieces are done when the test says so."""

    def __init__(self) -> None:
        self.begun: list[Any] = []

    def once(self, name: str, work: Any, idle: bool = False) -> None:
        self.begun.append(work)

    def finish(self, slow: SlowWork) -> None:
        """The oldest piece ends."""
        self.begun.pop(0)()
        slow.look()


def test_inline_it_is_done_where_it_is_asked_for() -> None:
    slow = SlowWork()
    job = slow.ask("a", "1.1.1.1", lambda: 7)
    assert job is not None and job.done and job.result() == 7 and slow.running == 0 and not slow.lines
    assert slow.status() == {"running": 0, "waiting": 0, "done": 1}


def test_a_few_at_once_and_addresses_take_turns() -> None:
    held: Any = Held()
    slow = SlowWork(held)
    woken: list[str] = []
    done: list[str] = []
    slow.wake = woken.append
    names = [f"a{n}" for n in range(5)] + ["b0", "b1", "c0"]
    jobs = {name: slow.ask(name, name[0], lambda name=name: done.append(name)) for name in names}
    assert len(held.begun) == S.AT_ONCE == slow.running and not any(job.done for job in jobs.values())  # type: ignore[union-attr]
    while held.begun:
        held.finish(slow)
        assert slow.running <= S.AT_ONCE
    assert done == ["a0", "a1", "a2", "b0", "c0", "a3", "b1", "a4"] == woken, "who asks more waits longer, and nobody else for him"
    assert all(job.done for job in jobs.values()) and slow.status()["waiting"] == 0  # type: ignore[union-attr]


def test_an_address_may_have_so_many_waiting_and_others_are_not_touched() -> None:
    held: Any = Held()
    slow = SlowWork(held)
    asked = [slow.ask(n, "a", lambda: None) for n in range(S.AT_ONCE + S.WAITING + 3)]
    assert asked.count(None) == 3 and asked[-1] is None
    assert slow.ask("x", "b", lambda: None) is not None


def test_who_is_gone_is_not_worked_for() -> None:
    held: Any = Held()
    slow = SlowWork(held)
    done: list[int] = []
    for n in range(6):
        slow.ask(n, "a", lambda n=n: done.append(n))
    for n in (0, 3, 5):
        slow.cancel(n)
    while held.begun:
        held.finish(slow)
    assert done == [0, 1, 2, 4] and not slow.lines and slow.running == 0, "0 had begun"


def test_what_the_work_raises_is_raised_where_the_result_is_taken() -> None:
    job = SlowWork().ask("a", "1", lambda: 1 // 0)
    assert job is not None and job.done
    try:
        job.result()
    except ZeroDivisionError:
        return
    raise AssertionError("nothing was raised")


def test_in_threads_the_loop_is_told() -> None:
    told = threading.Event()
    slow = SlowWork(Threads())
    slow.notify = told.set
    job = slow.ask("a", "1", lambda: threading.get_ident())
    assert job is not None and told.wait(10) and not job.done, "only the loop's own thread moves it on"
    slow.look()
    assert job.done and job.result() != threading.get_ident()

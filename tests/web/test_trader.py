"""A client's binary session without an exchange: what comes once, what is not there any more, and what is told about it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.web import trader as t
from exchange_server.web.link import GivenProver, KeptProver, LinkEnded, Target
from exchange_server.web.problems import Refusal
from exchange_server.web.routes import account
from exchange_server.web.trader import Gone, Trader
from protocol import codes
from protocol import messages as M
from protocol.binary_session import Ended, Missing

TARGET = Target("192.0.2.1", 1)


class Wire:
    """In the place of a Link: answers what is sent by `answer`."""

    def __init__(self, answer: Any = None) -> None:
        self.up = True
        self.session = SimpleNamespace(old=None, resumed=None, next_number=100)
        self.ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        self.logged_on = SimpleNamespace(reply=SimpleNamespace(session=1, account=1, accounts=[("A", 1)]))
        self.answer = answer
        self.sent: list[Any] = []

    def send(self, message: Any) -> None:
        self.sent.append(message)
        asyncio.get_running_loop().call_soon(self.answer, self, message)

    async def close(self) -> None:
        pass


def trader(prover: Any = None) -> Trader:
    return Trader("A", prover or KeptProver("A", "a secret"), {}, lambda *a, **k: None)


def report(number: int) -> Any:
    """A numbered report of whichever kind."""
    fields: dict[str, Any] = dict.fromkeys(M.Moved.__struct_fields__, 0)
    return M.Moved(**(fields | {"number": number, "account": 1}))


async def test_reports_that_came_before_a_reconnect_broke_off_do_not_come_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(t, "PAUSES_S", (0.0,))
    asked: list[int] = []

    async def open_link(target: Target, login: str, prover: Any, next_number: int, on_message: Any) -> Any:
        asked.append(next_number)
        if len(asked) == 2:  # it catches up, and breaks off in the middle
            for number in range(next_number, 8):
                on_message(report(number))
            raise LinkEnded(codes.R_SERVER_DOWN, "lost")
        for number in range(max(1, next_number), 11 if len(asked) > 2 else 4):
            on_message(report(number))
        wire = Wire()
        wire.session.next_number = 11 if len(asked) > 2 else 4
        if len(asked) == 1:
            wire.ended.set_result(Ended(codes.R_SERVER_DOWN, "lost"))
        else:
            done.set()
        return wire

    monkeypatch.setattr(t, "open_link", open_link)
    done, one, seen = asyncio.Event(), trader(), []
    one.on_report = lambda message: seen.append(message.number)
    await one.connect(TARGET)
    await asyncio.wait_for(done.wait(), 30)
    assert asked == [0, 4, 8] and seen == list(range(1, 11))
    await one.close()


async def test_a_gap_that_the_exchange_told_is_not_asked_for_again() -> None:
    one = trader()
    one.take(report(3))
    one.take(Missing(4, 9))
    assert one.next_report == 10


async def test_a_logon_that_only_the_client_can_prove_is_not_made_again() -> None:
    one, ended = trader(GivenProver("A", "k", b"x" * 64)), asyncio.get_running_loop().create_future()
    one.on_end = lambda reason, text: ended.set_result((reason, text))
    wire = Wire()
    one.adopt(TARGET, wire)  # type: ignore[arg-type]
    wire.ended.set_result(Ended(codes.R_SERVER_DOWN, "lost"))
    assert await asyncio.wait_for(ended, 30) == (codes.R_SERVER_DOWN, "lost") and not one.up


def resume(kept_from: int, reason: int) -> Any:
    def answer(wire: Wire, message: M.Resume) -> None:
        first = min(max(kept_from, message.begin), message.end + 1)
        for number in range(first, message.end + 1):
            wire.session.old(report(number))
        why = reason if first > message.begin else 0
        wire.session.resumed(M.ResumeDone(first, max(message.end, first - 1), 0, why))

    return answer


@pytest.mark.parametrize(
    ("kept_from", "rows", "gone"),
    [(1, 10, None), (4, 7, Gone(1, 3, codes.R_REPORTS_EXPIRED)), (11, 0, Gone(1, 10, codes.R_REPORTS_EXPIRED))],
)
async def test_old_reports_that_are_not_kept_any_more_are_named(kept_from: int, rows: int, gone: Gone | None) -> None:
    one = trader()
    one._link = Wire(resume(kept_from, codes.R_REPORTS_EXPIRED))  # type: ignore[assignment]
    past = await one.reports(1, 10)
    assert ([row.number for row in past.rows], past.gone) == (list(range(11 - rows, 11)), gone)


async def test_reports_that_are_rebuilt_come_later() -> None:
    one = trader()
    one._link = Wire(resume(4, codes.R_REPORTS_REBUILDING))  # type: ignore[assignment]
    with pytest.raises(Refusal) as refused:
        await one.reports(1, 10)
    assert (refused.value.problem.status, refused.value.problem.name) == (503, "reports_rebuilding")


async def test_the_fills_that_are_there_are_shown_beside_what_is_gone() -> None:
    one = trader()
    fields: dict[str, Any] = dict.fromkeys(M.Fill.__struct_fields__, 0)

    def answer(wire: Wire, message: M.FillsRequest) -> None:
        wire.session.old(M.Fill(**(fields | {"number": 9})))
        one.take(M.FillsDone(message.request, 8, 10, 1, codes.R_REPORTS_EXPIRED))

    wire = Wire(answer)
    wire.session.old = one._queries.old
    one._link = wire  # type: ignore[assignment]
    past = await one.fills(1, 10)
    assert [row.number for row in past.rows] == [9] and past.gone == Gone(1, 7, codes.R_REPORTS_EXPIRED)


async def test_a_page_names_all_that_is_gone_and_goes_on_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "WINDOW", 10)
    one = trader()
    one._link = Wire(resume(26, codes.R_REPORTS_EXPIRED))  # type: ignore[assignment]
    one._link.session.next_number = 41  # type: ignore[union-attr]
    call: Any = SimpleNamespace(query=SimpleNamespace(limit=10, cursor=""), session=SimpleNamespace(trader=one))
    rows, cursor, gone = await account._past(call, one.reports, lambda row: row)
    assert [row.number for row in rows] == list(range(26, 36)) and cursor == "35"
    assert gone is not None and (gone.first, gone.last, gone.name) == ("1", "25", "reports_expired")
    call.query.cursor = cursor
    rows, cursor, gone = await account._past(call, one.reports, lambda row: row)
    assert [row.number for row in rows] == list(range(36, 41)) and cursor is None and gone is None

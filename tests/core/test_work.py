"""The queue of interrupted work: several pieces wait at once and are ended in the order in which they were begun."""

from __future__ import annotations

import pytest

from exchange_server.core import layout as L
from exchange_server.core.kit.work import begin_work, end_work, work_row
from exchange_server.core.orders.mass_cancel import start_mass
from exchange_server.engine import InvariantBroken
from protocol import codes as C
from tests import arena
from tests.bridge import command_words, event_rows
from tests.core.test_timers import tiny
from tests.core_rig import PairStory
from tests.model_world import Row


def test_first_begun_is_first_ended_around_the_ring() -> None:
    m = tiny().m
    waiting, number = [], 0
    for turn in range(200):
        if len(waiting) < L.WORK_ROWS and turn % 5 != 4:
            number += 1
            w = begin_work(m, L.WORK_MATCH)
            m[w + L.WM_ORDER] = number
            waiting.append((w, number))
        else:
            end_work(m)
            waiting.pop(0)
        assert m[L.H_WORK_COUNT] == len(waiting) and len({w for w, _ in waiting}) == len(waiting), "no two share a row"
        assert all(L.H_WORK <= w <= L.H_WORK + (L.WORK_ROWS - 1) * L.WORK_WORDS for w, _ in waiting)
        if waiting:
            assert work_row(m) == waiting[0][0] and m[work_row(m) + L.WM_ORDER] == waiting[0][1], "what waits keeps its registers"
    assert m[L.H_ERROR] == 0


def test_one_piece_too_many_is_a_broken_invariant() -> None:
    m = tiny().m
    for _ in range(L.WORK_ROWS):
        begin_work(m, L.WORK_MATCH)
    assert m[L.H_ERROR] == 0
    begin_work(m, L.WORK_MATCH)
    assert m[L.H_ERROR] == L.INV_WORK and m[L.H_WORK_COUNT] == L.WORK_ROWS


def test_two_mass_cancels_and_expiries_wait_at_once() -> None:
    """Three pieces wait for an event buffer of 8 rows; each continues where it stopped, and none sees the registers of another."""
    s = PairStory()
    for number in range(1, 13):
        s.new(1, C.BUY, 10, number, id=number)
        s.new(2, C.SELL, 10, 60 + number, id=100 + number)
    s.new(1, C.BUY, 10, 30, id=50, tif=C.GTD, expiry=s.pair.core.engine.time_ns + 5)
    engine, m = s.pair.core.engine, s.pair.core.m
    firms = {int(m[f]): f for f in arena.rows_by_id(m, L.P_FIRM)}
    for firm in (2, 1):
        start_mass(m, firms[firm], 0, C.SCOPE_FIRM, firm, 0, -1, C.R_KILL_SWITCH, C.EF_UNSOLICITED)
    assert m[L.H_WORK_COUNT] == 2
    chunks: list[int] = []
    rows: list[Row] = []

    def take(events: object) -> None:
        chunks.append(len(events) // L.EVT_WORDS)  # type: ignore[arg-type]
        rows.extend(event_rows(events.copy()))  # type: ignore[attr-defined]

    words = command_words(Row(kind=C.C_TIME, turn=engine.turn + 1, now=engine.time_ns + 1, tick=0))
    engine.apply(words, len(words), take)
    assert len(chunks) > 3 and m[L.H_WORK_COUNT] == 0, "the buffer was full in between"
    assert [row.kind for row in rows] == [C.E_CANCELED] * 25
    assert [row.id for row in rows] == [*range(112, 100, -1), 50, *range(12, 0, -1)], "firm 2 whole, then firm 1; newest first"
    assert engine.check() == [] and m[L.H_OPEN_ORDERS] == 0 and m[L.H_TIMERS] == 0


@pytest.mark.parametrize("kind", [L.WORK_CLOSE, L.WORK_SETTLE, 99])
def test_work_that_the_other_kernel_began_stops_the_core(kind: int) -> None:
    s = PairStory()
    engine, m = s.pair.core.engine, s.pair.core.m
    begin_work(m, kind)
    words = command_words(Row(kind=C.C_TIME, turn=engine.turn + 1, now=engine.time_ns + 1, tick=0))
    with pytest.raises(InvariantBroken):
        engine.apply(words, len(words), lambda _: None)
    assert m[L.H_ERROR] == L.INV_ROW

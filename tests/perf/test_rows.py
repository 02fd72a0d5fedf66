"""Every row of the bench at a tiny size: it runs, checks its answer and gives valid lines. No times are checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from exchange_server.core import layout as L
from perf import bench, book_rows, core_rows, memory_rows, settle_rows
from perf.messages import binary_frames
from perf.rig import AnswerWrong, Counts, Result, apply_all, core_flow, cut, engine_of, kinds_of
from protocol import codes as C
from protocol import messages as M
from tests.flows import named_flow

TINY = 0.005


def sound(found: list[Result]) -> None:
    assert found
    for result in found:
        assert result.name and result.unit and result.figure > 0 and not result.void


def test_book_alone() -> None:
    sound(book_rows.rows(TINY))


def test_book_alone_sees_a_wrong_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_rows, "plainly", lambda commands: (1, 2, 3))
    with pytest.raises(AnswerWrong, match="recomputed"):
        book_rows.rows(TINY)


def test_core() -> None:
    found = core_rows.core(TINY)
    sound(found)
    assert [x.aim for x in found if x.aim] == [2e6, 1e6, 2.5e6]


def test_alone() -> None:
    sound(core_rows.alone(TINY))


def test_replay(tmp_path: Path) -> None:
    sound(core_rows.replay(TINY, tmp_path))


def test_settlement_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # for its event store
    found = settle_rows.slices(TINY)
    sound(found)
    assert [x.aim for x in found] == [1.0, 5.0] and "5,000 positions paid" in found[0].name and not list(tmp_path.iterdir())


def test_memory_of_orders() -> None:
    got = memory_rows.orders(1_000)
    assert got["orders"] == 1_000 and got["bytes"] > 0


def test_counts_see_a_missing_answer() -> None:
    flow = core_flow("named", 200, 100)
    engine = engine_of(flow)
    apply_all(engine, cut(engine, flow.preload, 100)[0])
    counts = Counts()
    cuts, n = cut(engine, flow.flow, 100)
    apply_all(engine, cuts, counts)
    assert counts.check(kinds_of(flow.flow[:n]), "named") <= 0.1
    with pytest.raises(AnswerWrong, match="first answers"):
        counts.check(kinds_of(flow.flow[: n - 1]), "named")


def test_ratio_turns_round_for_times() -> None:
    assert Result("a", "rate", 4e6, "commands/s", 2e6).ratio == 2
    assert Result("a", "time", 6, "us", 3, False).ratio == 0.5
    assert Result("a", "no aim", 6, "us").ratio == 0


def test_binary_messages_say_what_the_rows_say() -> None:
    flow = named_flow(3, 300, 100)
    rows = np.concatenate([flow.preload, flow.flow])
    for w, data in zip(rows.tolist(), binary_frames(rows)):
        message = M.decode_client(data[4:])
        assert message.id == w[L.CMD_ID_LO] and message.account == w[L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
        kind = w[0] & 255
        assert type(message) is {C.C_NEW: M.NewOrder, C.C_CANCEL: M.CancelOrder, C.C_REPLACE: M.ReplaceOrder}[kind]
        if kind != C.C_CANCEL:
            assert (message.price, message.qty) == (w[L.CMD_PRICE], w[L.CMD_QTY])
        if kind != C.C_NEW:
            assert message.orig == w[L.CMD_ORIG_LO]


def test_bench_writes_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "found.json"
    assert bench.main(["alone", "--scale", str(TINY), "--json", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "one order alone: apply()" in shown and "ratio" in shown
    written = json.loads(file.read_text())
    assert [row["row"] for row in written["rows"]] == ["alone", "alone"]


def test_bench_refuses_an_unknown_row(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        bench.main(["bok"])
    assert stop.value.code == 2 and "there is no row 'bok'" in capsys.readouterr().err


def test_bench_says_which_row_failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def wrong(scale: float) -> list[Result]:
        raise AnswerWrong("two and two are five")

    monkeypatch.setitem(bench.ROWS, "book", wrong)
    assert bench.main(["book"]) == 1
    assert "book: FAILED: two and two are five" in capsys.readouterr().out

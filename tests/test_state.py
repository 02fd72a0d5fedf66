"""The arena seen from Python (state.py): against plain words read by hand, and as the only place that reads them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from exchange_server import state
from exchange_server.core import layout as L
from protocol import codes as C
from tests import arena
from tests.core_rig import PairStory

ROOT = Path(__file__).resolve().parents[1]
# Words of the arena's rows, of its header and of the descriptors of its tables. Command and event rows (CMD_, EVT_), kernels' answers, the numbers of the
# tables (P_) and values (SF_, FORM_, NAME_) are no offsets of the arena.
OFFSET = re.compile(r"(H|PL|A|V|F|AC|S|E|I|LI|B|CO|COL|O|L|N|AR|BK)_[A-Z0-9_]+|[A-Z]+_WORDS")
OTHER_WIDTHS = {"CMD_WORDS", "EVT_WORDS", "CN_WORDS", "INDEX_WORDS", "RES_WORDS", "MD_INDEX_WORDS", "TAPE_WORDS"}
MAY_READ = {
    "exchange_server/state.py": "it is the place",
    "exchange_server/engine.py": "lays the arena out, hands the kernels their registers, writes and reads snapshots",
    "exchange_server/upgrade/carry.py": "writes the counts of the tables of a new arena",
}


def offsets_read(text: str) -> set[str]:
    return {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "L"
        and OFFSET.fullmatch(node.attr)
        and node.attr not in OTHER_WIDTHS
    }


def test_nothing_else_outside_of_the_kernels_reads_the_arena_by_offsets() -> None:
    kernels = tuple(f"exchange_server/{folder}/" for folder in ("core", "wires", "disk"))
    found = {}
    for folder in ("config", "exchange_server", "protocol", "scripts"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(kernels) and (words := offsets_read(path.read_text())):
                found[name] = words
    assert {name: words for name, words in found.items() if name not in MAY_READ} == {}, "read them through exchange_server/state.py"
    assert set(found) == set(MAY_READ)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("m[row + L.S_NEXT_OUT]", {"S_NEXT_OUT"}),
        ("m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE]", {"H_POOLS", "POOL_WORDS", "PL_BASE"}),
        ("row[L.EVT_PRICE], out[L.CMD_WORDS], flags & L.SF_LOGGED_ON, L.FORM_OWN_FIELDS, L.P_FIRM", set()),
    ],
)
def test_the_finder_finds(line: str, found: set[str]) -> None:
    assert offsets_read(line) == found


@pytest.fixture(scope="module")
def story() -> PairStory:
    s = PairStory(firms=3, cash=5000, n=2, product=C.EXACTLY, maker=100, taker=100, window=7)
    s.new(1, C.BUY, 10, 40)
    s.new(1, C.BUY, 10, 38)
    s.new(2, C.SELL, 4, 40)
    s.new(2, C.SELL, 4, 61)
    s.new(3, C.SELL, 1, 0, instrument=1)
    s.do(C.C_SPLIT, session=3, instrument=1, sets=2)
    return s


def test_rows_by_id_are_what_the_words_say(story: PairStory) -> None:
    """Every word of every view, against the row found by walking the table."""
    m = story.pair.core.m
    views: dict[type[Any], int] = {
        state.Asset: L.P_ASSET, state.Firm: L.P_FIRM, state.Account: L.P_ACCOUNT, state.Session: L.P_SESSION, state.Event: L.P_EVENT, state.Instrument: L.P_INSTRUMENT,
    }  # fmt: skip
    for view, pool in views.items():
        rows = list(arena.rows_by_id(m, pool))
        assert rows
        for at in rows:
            row = view.find(m, int(m[at]))
            assert row is not None and row.at == at == view.of(m, int(m[at])).at
            for name, word in vars(view).items():
                if isinstance(word, state.Word):
                    assert getattr(row, name) == m[at + word.offset], name
                elif isinstance(word, state.Text):
                    assert getattr(row, name) == arena.text_at(m, at + word.offset, word.words), name
        for missing in (0, -1, len(rows) + 30, arena.pool(m, pool)["cap"], 1 << 40):
            assert view.find(m, missing) is None
    header = state.Header(m)
    assert (header.orders, header.trades, header.open_orders) == (5, 1, 3) and header.fills == 2


def test_a_market_as_its_row_tells_it(story: PairStory) -> None:
    m = story.pair.core.m
    book = state.Instrument.of(m, 1)
    assert (book.symbol, book.best_bid, book.best_ask, book.last, book.bands) == ("I1", 40, 61, 40, [(1, 99, 1)])
    assert (book.event.id, list(book.event.instruments), book.event.sets, book.event.phase) == (1, [1, 2], 2, C.PH_OPEN)
    assert state.Instrument.of(m, 2).best_bid is None and state.Instrument.of(m, 2).best_ask is None


def test_money_and_members(story: PairStory) -> None:
    m, model = story.pair.core.m, story.model
    assert state.Asset.of(m, 1).external == model.assets[1].external == 15_000
    for account in model.accounts.values():
        want = account.cash.get(1, 0), model.locked(account.id, 1)
        assert (state.balance(m, account.id, 1) or (0, 0)) == want
    assert state.balance(m, 16, 2) is None and state.balance(m, 99, 1) is None
    assert [one.id for one in state.accounts_of(m, 2)] == [17] and state.Session.of(m, 1).logged_on
    firms = state.Firms(m)
    assert firms.ids.tolist() == [1, 2, 3] and firms.open.tolist() == [2, 1, 0] and len(firms) == 3
    closed = [i for i, count in enumerate(firms.closed.tolist()) if count]
    assert closed and firms.moved.tolist() == firms.blocks.tolist() == [0, 0, 0]


def test_what_a_firm_has_in_an_event_that_has_been_paid() -> None:
    s = PairStory(firms=3, cash=5000)
    s.new(1, C.BUY, 10, 40)
    assert state.part_in(s.pair.core.m, 1, 1) == (False, True, False)
    s.new(2, C.SELL, 4, 40)
    assert state.part_in(s.pair.core.m, 1, 1) == (True, True, False)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100])
    s.do(C.C_FINALISE, event=1, version=1)
    parts = [state.part_in(s.pair.core.m, firm, 1) for firm in (1, 2, 3)]
    assert parts == [(True, False, False), (True, False, False), (False, False, False)], "what was paid is a position, not an open order"


def test_tables(story: PairStory) -> None:
    m = story.pair.core.m
    for pool, name in enumerate(L.POOL_NAMES):
        want, got = arena.pool(m, pool), state.table(m, pool)
        assert got == (want["base"], want["width"], want["cap"], want["next"], want["used"]), name
        assert state.tables_in_use(m)[name] == [want["used"], want["cap"]]
    copy = state.header_copy(m)
    left, limit = state.rows_left(copy, L.P_PAIR_HASH)
    assert limit == state.table(m, L.P_PAIR_HASH).capacity * 7 // 8
    state.count_rows(copy, L.P_PAIR_HASH, 3)
    assert state.rows_left(copy, L.P_PAIR_HASH) == (left - 3, limit) and state.rows_left(m, L.P_PAIR_HASH) == (left, limit)
    assert state.rows_left(state.empty_header(100), L.P_LISTING) == (100, 100)


def test_touched_levels(story: PairStory) -> None:
    m = story.pair.core.m
    assert state.levels_touched(m)
    state.clear_touched(m)
    assert not state.levels_touched(m)

"""The layout against its own tables (core/layout/shape.py): no word twice unless declared, none outside its row, neighbours where code
counts on them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.core.layout import definitions, shape
from exchange_server.wires import feeds, fix_out
from protocol import codes

NAMES = {name: value for name, value in vars(L).items() if name.isupper() and isinstance(value, int)}


def extent(name: str) -> range:
    return range(NAMES[name], NAMES[name] + shape.WIDE.get(name, 1))


@pytest.mark.parametrize(("prefix", "words", "first"), shape.ROWS, ids=[row[0] for row in shape.ROWS])
def test_words_of_a_row_fit_and_do_not_overlap(prefix: str, words: int, first: int) -> None:
    taken: dict[int, str] = {}
    names = [name for name in NAMES if name.startswith(prefix) and name not in shape.NO_WORDS]
    assert names, f"no word begins with {prefix}"
    for name in names:
        for word in extent(name):
            assert first <= word < words, f"{name} lies at word {word} of a row of {words}"
            assert word not in taken, f"{name} and {taken[word]} share word {word}"
            taken[word] = name


@pytest.mark.parametrize("kind", shape.COMMANDS)
def test_words_of_a_command_do_not_overlap(kind: str) -> None:
    names = (*shape.COMMON_COMMAND, *shape.COMMANDS[kind])
    assert len({NAMES[name] for name in names}) == len(names)
    assert all(0 <= NAMES[name] < shape.COMMAND_WORDS for name in names)


@pytest.mark.parametrize("kind", shape.EVENTS)
def test_words_of_an_event_do_not_overlap(kind: str) -> None:
    names = (*shape.COMMON_EVENT, *shape.EVENTS[kind])
    assert len({NAMES[name] for name in names}) == len(names)
    assert all(0 <= NAMES[name] < shape.EVENT_ROW_WORDS for name in names)


def test_every_kind_of_event_has_its_words() -> None:
    assert {*shape.EVENTS} == {name for name in vars(codes) if name.startswith("E_")}


def test_every_word_is_in_a_table() -> None:
    """A new name of a row that no table knows would be held against nothing."""
    prefixes = tuple(row[0] for row in shape.ROWS)
    commands = {*shape.COMMON_COMMAND, *(name for names in shape.COMMANDS.values() for name in names)}
    events = {*shape.COMMON_EVENT, *(name for names in shape.EVENTS.values() for name in names)}
    words = {name for name in NAMES if name.startswith("CMD_")} - {"CMD_WORDS"}
    assert words == commands
    assert {name for name in NAMES if name.startswith("EVT_")} - {"EVT_WORDS"} == events
    assert {name for name in shape.WIDE} <= {name for name in NAMES if name.startswith(prefixes)}


@pytest.mark.parametrize("names", shape.ADJACENT, ids=[names[0] for names in shape.ADJACENT])
def test_neighbours_are_neighbours(names: tuple[str, ...]) -> None:
    assert [NAMES[name] - NAMES[names[0]] for name in names] == list(range(len(names)))


@pytest.mark.parametrize("names", shape.SAME, ids=[names[0] for names in shape.SAME])
def test_one_word_under_several_names_is_one(names: tuple[str, ...]) -> None:
    assert len({NAMES[name] for name in names}) == 1


def test_the_header_has_room_in_each_group() -> None:
    """Words of one purpose are adjacent, with room for more: a register added later moves no other."""
    names = [name for name in NAMES if name.startswith("H_")]
    spans = list(shape.HEADER_GROUPS.values())
    assert [first for first, _ in spans] == [1, *(end for _, end in spans[:-1])] and spans[-1][1] == L.HEADER_WORDS
    for first, end in spans:
        used = [word for name in names for word in extent(name) if first <= NAMES[name] < end]
        assert used and max(used) < end and end - first - len(used) >= shape.GROUP_ROOM, (first, end)


def test_pools_are_numbered_and_named() -> None:
    pools = sorted(value for name, value in NAMES.items() if name.startswith("P_"))
    assert pools == list(range(L.POOL_COUNT)) and len(L.POOL_NAMES) == L.POOL_COUNT


# ---- rows that other modules describe -----------------------------------------------------------------------------

DEFINITIONS = sorted({name[:3] for name in vars(definitions) if name[0] == "D" and name[2:3] == "_"})
WIDE_DEFINITIONS = {
    "DA_NAME": 4,
    "DC_NAME": 8,
    "DS_OUR": 8,
    "DS_PEER": 8,
    "DI_SYMBOL": 8,
    "DI_BANDS": 3 * L.MAX_BANDS,
    "DD_PAYOUTS": 16,
    "DO_TEXT": 8,
}


def held(module: Any, prefix: str, wide: dict[str, int], words: int, first: int, but: tuple[str, ...] = ()) -> None:
    taken: dict[int, str] = {}
    names = {name: value for name, value in vars(module).items() if name.startswith(prefix) and name not in but}
    assert names
    for name, value in names.items():
        for word in range(value, value + wide.get(name, 1)):
            assert first <= word < words, f"{name} lies at word {word} of a row of {words}"
            assert word not in taken, f"{name} and {taken[word]} share word {word}"
            taken[word] = name


@pytest.mark.parametrize("prefix", DEFINITIONS)
def test_words_of_a_definition_do_not_overlap(prefix: str) -> None:
    extra = getattr(definitions, f"{prefix}EXTRA", 1)  # C_DETERMINE has as many extra rows as it needs
    held(definitions, prefix, WIDE_DEFINITIONS, (1 + extra) * L.CMD_WORDS, 1, (f"{prefix}EXTRA",))


@pytest.mark.parametrize(
    ("module", "prefix", "words", "but"),
    [
        (feeds, "TAPE_", feeds.TAPE_WORDS, ("TAPE_WORDS",)),
        (feeds, "MX_", feeds.MD_INDEX_WORDS, ()),
        (fix_out, "TX_", fix_out.TEXT_ROW, ()),
    ],
    ids=["TAPE_", "MX_", "TX_"],
)
def test_words_of_the_wires_do_not_overlap(module: Any, prefix: str, words: int, but: tuple[str, ...]) -> None:
    held(module, prefix, {}, words, 0, but)


# ---- what code adds to a word -------------------------------------------------------------------------------------

SOURCE = Path(__file__).resolve().parents[2] / "exchange_server"
INDEXED = {*shape.WIDE, *shape.SIZES, *(names[0] for names in shape.ADJACENT)}
OF_ROWS = (*(row[0] for row in shape.ROWS), "CMD_", "EVT_")
ROW_LENGTHS = {"CMD_WORDS", "EVT_WORDS"}  # the extra rows that follow


def terms(node: ast.expr) -> list[ast.expr]:
    """a + b + c, taken apart."""
    return [*terms(node.left), *terms(node.right)] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) else [node]


def is_row_offset(node: ast.expr) -> bool:
    """i * L.ORDER_WORDS, i * table.width: a row of a table."""
    sides = (node.left, node.right) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else ()
    return any(isinstance(side, ast.Attribute) and (side.attr.endswith("_WORDS") or side.attr == "width") for side in sides)


def indexed(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, name) of each word of a row to which more than the row's own place is added."""
    inner: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and id(node) not in inner:
            inner |= {
                id(part) for part in ast.walk(node) if part is not node and isinstance(part, ast.BinOp) and isinstance(part.op, ast.Add)
            }
            parts = terms(node)
            words = [
                part.attr for part in parts if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id == "L"
            ]
            words = [word for word in words if word.startswith(OF_ROWS) and word not in ROW_LENGTHS | shape.NO_WORDS - {"CO_COLUMNS"}]
            outer = [word for word in words if word in INDEXED]
            rest = [word for word in words if word not in outer] if outer else words[1:]
            places = 0 if words and words[0].startswith("H_") else 1
            parts = [part for part in parts if not is_row_offset(part)]
            if outer:  # within a declared word other names may point: L.V_THROTTLE + L.TH_USED
                continue
            if words and (rest or len(parts) - 1 > places):
                yield node.lineno, words[0]


def test_an_index_is_added_only_to_words_that_are_declared_wide() -> None:
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        found += [f"{path.relative_to(SOURCE)}:{line} {name}" for line, name in indexed(ast.parse(path.read_text()))]
    assert found == [], "declare the words in shape.WIDE"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("m[o + L.O_ID + i]", "O_ID"),
        ("f(m, s + L.S_NEXT_OUT + 1)", "S_NEXT_OUT"),
        ("m[L.H_TIME + 1]", "H_TIME"),
        ("m[a + L.O_ID + L.O_QTY]", "O_ID"),
    ],
)
def test_the_finder_finds(line: str, name: str) -> None:
    assert [found for _, found in indexed(ast.parse(line))] == [name]


@pytest.mark.parametrize(
    "line",
    ["m[o + L.O_ID]", "m[inst + L.I_BEST + ask]", "m[L.H_TIME] + 1", "m[o + L.O_ID] + m[o + L.O_QTY]", "m[v + L.V_THROTTLE + L.TH_USED]"],
)
def test_the_finder_lets_the_rest_be(line: str) -> None:
    assert [*indexed(ast.parse(line))] == []

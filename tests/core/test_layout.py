"""The layout against its own tables (core/layout/shape.py): no word twice unless declared, none outside its row, neighbours where code counts on them."""

from __future__ import annotations

import pytest

from exchange_server.core import layout as L
from exchange_server.core.layout import shape

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
    assert all(NAMES[alias] == NAMES[name] for alias, name in shape.EVENT_ALIASES.items())


def test_every_word_is_in_a_table() -> None:
    """A new name of a row that no table knows would be held against nothing."""
    prefixes = tuple(row[0] for row in shape.ROWS)
    commands = {*shape.COMMON_COMMAND, *(name for names in shape.COMMANDS.values() for name in names)}
    events = {*shape.COMMON_EVENT, *(name for names in shape.EVENTS.values() for name in names), *shape.EVENT_ALIASES}
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


def test_pools_are_numbered_and_named() -> None:
    pools = sorted(value for name, value in NAMES.items() if name.startswith("P_"))
    assert pools == list(range(L.POOL_COUNT)) and len(L.POOL_NAMES) == L.POOL_COUNT

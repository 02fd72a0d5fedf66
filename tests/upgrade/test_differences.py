"""Events of two runs, lined up: what differs is listed by kind, and nothing else is because of it."""

import random

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.upgrade import differences as d
from protocol import codes

Event = tuple[int, int, int, int]  # turn, kind, what it says, extra rows
KINDS = (codes.E_ACCEPTED, codes.E_FILL, codes.E_CANCELED, codes.E_MOVED, codes.E_SETTLED)


def rows_of(events: list[Event]) -> np.ndarray:
    """With the numbers that they get in this run: of events, of the session's reports, of orders and trades."""
    out = []
    for turn, kind, said, extra in events:
        row = np.zeros(L.EVT_WORDS, dtype=np.int64)
        row[L.EVT_HEAD] = kind | extra << 8
        row[L.EVT_NUMBER] = len(out) + 1
        row[L.EVT_TIME] = 1000 + turn
        row[L.EVT_SESSION_NUMBER] = len(out) + 7
        row[L.EVT_PREVIOUS] = len(out)
        row[L.EVT_QTY] = said
        if kind == codes.E_FILL:
            row[L.EVT_TRADE] = len(out) + 50
        if kind in d.NUMBERS_OF:
            row[L.EVT_ORDER] = len(out) + 90
        out += [row, *[np.full(L.EVT_WORDS, said * 10 + n, dtype=np.int64) for n in range(extra)]]
    return np.array(out, dtype=np.int64).reshape(-1, L.EVT_WORDS)


def some(rng: random.Random, turns: int) -> list[Event]:
    return [
        (turn, rng.choice(KINDS), rng.randrange(1000), rng.choice((0, 0, 0, 2))) for turn in range(turns) for _ in range(rng.randrange(5))
    ]


def compared(old: list[Event], new: list[Event], rng: random.Random | None = None) -> d.Found:
    """The new ones come in pieces of whole events, which need not be whole turns."""
    both = d.Differences(rows_of(old))
    at, rows, cuts = 0, rows_of(new), np.cumsum([0, *[1 + extra for *_, extra in new]]).tolist()
    while at < len(cuts) - 1:
        end = min(len(cuts) - 1, at + (rng.randrange(1, 9) if rng is not None else len(cuts)))
        both.add(rows[cuts[at] : cuts[end]])
        at = end
    return both.end()


def test_the_same_events() -> None:
    rng = random.Random(1)
    events = some(rng, 200)
    found = compared(events, events, rng)
    assert not found.kinds and not found.renumbered and found.events == len(events)
    assert not compared([], []).kinds


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("what", ["more", "fewer", "changed", "several"])
def test_only_what_differs_is_listed(seed: int, what: str) -> None:
    rng = random.Random(f"{what}{seed}")
    old = some(rng, 60)
    new, wanted, first = list(old), dict[str, int](), len(old)
    for at in sorted(rng.sample(range(5, len(old) - 5), 4 if what == "several" else 1), reverse=True):
        how = what if what != "several" else rng.choice(("more", "fewer", "changed"))
        turn, kind, said, extra = new[at]
        name = d.KINDS[kind]
        first = min(first, at)
        if how == "more":
            new.insert(at, (turn, kind, 5000 + at, extra))
            name += " (new rules only)"
        elif how == "fewer":
            new[at] = (turn, kind, 7000 + at, extra)  # so that it is not one of two equal ones
            old[at] = (turn, kind, 7000 + at, extra)
            del new[at]
            name += " (old rules only)"
        else:
            new[at] = (turn, kind, said + 1000, extra)
        wanted[name] = wanted.get(name, 0) + 1
    found = compared(old, new, rng)
    if what == "several":  # two changes side by side may be told as one
        assert 1 <= found.kinds.total() <= 4
    else:
        assert dict(found.kinds) == wanted
    assert found.renumbered <= len(new) - first
    if what in ("more", "fewer"):
        assert found.renumbered >= len(new) - first - 5 and next(iter(found.examples.values()))[0] >= 1


def test_a_number_alone_counts_as_long_as_nothing_has_moved() -> None:
    events = some(random.Random(5), 40)
    old, new = rows_of(events), rows_of(events)
    heads = [0, *np.cumsum([1 + extra for *_, extra in events]).tolist()]
    at = heads[20]
    new[at, L.EVT_SESSION_NUMBER] += 1
    both = d.Differences(old)
    both.add(new)
    found = both.end()
    assert found.kinds.total() == 1 and list(found.kinds) == [d.KINDS[events[20][1]]] and not found.renumbered


def test_another_kind_in_its_place() -> None:
    events = [(turn, codes.E_ACCEPTED, turn, 0) for turn in range(9)]
    other = [*events[:4], (4, codes.E_REJECTED, 4, 0), *events[5:]]
    assert dict(compared(events, other).kinds) == {"E_ACCEPTED / E_REJECTED": 1}


def test_events_that_only_one_of_them_has_at_the_end() -> None:
    events = [(turn, codes.E_MOVED, turn, turn % 2) for turn in range(9)]
    assert dict(compared(events, events[:5]).kinds) == {"E_MOVED (old rules only)": 4}
    assert dict(compared(events[:5], events).kinds) == {"E_MOVED (new rules only)": 4}
    assert dict(compared(events, []).kinds) == {"E_MOVED (old rules only)": 9}


def test_a_turn_of_many_events() -> None:
    """More than are lined up: it is counted which of them are in one run only."""
    events = [(3, codes.E_SETTLED, n, 0) for n in range(d.LINED_UP)]
    other = [(3, codes.E_SETTLED, 10**6, 0), *events[:100], *events[101:]]
    found = compared(events, [*other, (4, codes.E_MOVED, 1, 0)])
    assert dict(found.kinds) == {"E_SETTLED": 1, "E_MOVED (new rules only)": 1}


def test_copies_name_the_event_that_they_repeat_by_number() -> None:
    rows = rows_of([(1, codes.E_ACCEPTED, 1, 0), (2, codes.E_ACCEPTED, 2, 0)])
    rows[1, L.EVT_HEAD] |= codes.EF_COPY << 48
    rows[1, L.EVT_COPY_OF] = 1
    bare = d.Run(rows).without_numbers()
    assert bare[1, L.EVT_COPY_OF] == 0 and bare[1, L.EVT_QTY] == 2 and rows[1, L.EVT_COPY_OF] == 1

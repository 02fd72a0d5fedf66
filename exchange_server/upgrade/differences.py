"""Which events of two runs over the same rows differ, by kind.

Both runs have the same turns, so events are compared turn by turn (by their time). One event more under one of the rules moves the numbers of all that
follow: of events, of a session's reports, of orders and of trades. Such words are left out from the first difference on, so that what follows is not
listed for its numbers; how many events have only other numbers is counted apart.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import numpy as np

from protocol import codes

from ..core import layout as L
from ..core.layout import plain
from .books import Words

SHOWN = 3  # numbers of events that differ, of each kind
KINDS = {value: name for name, value in vars(codes).items() if name.startswith("E_") and isinstance(value, int)}
LINED_UP = 4096  # events of one turn that are lined up; of more, it is counted which are in one run only
READ_ROWS = 1 << 14

# Words that only number things, of every event and of some kinds.
NUMBERS = (L.EVT_NUMBER, L.EVT_SESSION_NUMBER, L.EVT_PREVIOUS)
NUMBERS_OF = {
    **{kind: (L.EVT_ORDER,) for kind in (codes.E_ACCEPTED, codes.E_CANCELED, codes.E_REPLACED, codes.E_EXPIRED, codes.E_STATUS)},
    codes.E_CANCEL_REJECT: (L.EVT_ORDER,),
    codes.E_REJECTED: (L.EVT_ORDER,),
    codes.E_FILL: (L.EVT_ORDER, L.EVT_TRADE),
    codes.E_BUST: (L.EVT_ORDER, L.EVT_TRADE, L.EVT_BUST_OF),
    codes.E_CORRECTED: (L.EVT_ORDER, L.EVT_TRADE, L.EVT_BUST_OF),
    codes.E_LOGON: (L.EVT_LOGON_MISSED, L.EVT_LOGON_NEXT_OUT, L.EVT_LOGON_UNTOLD, L.EVT_LOGON_UNTOLD_TO, L.EVT_LOGON_ABSENT_FROM),
    codes.E_LOGOFF: (L.EVT_LOGOFF_NEXT_OUT,),
}


@dataclass
class Found:
    """How many events differ, by kind; `examples`: the first numbers of each. renumbered: events that have other numbers and are the same otherwise."""

    events: int = 0
    renumbered: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)

    def note(self, old: Words | None, new: Words | None) -> None:
        """One event that is not the same in both, as rows; None: it is only in the other one."""
        rows = [event[0] for event in (new, old) if event is not None]
        kinds = {KINDS.get(plain.kind_of(int(row[L.EVT_HEAD])), "?") for row in rows}
        name = " / ".join(sorted(kinds))
        if old is None or new is None:
            name += " (new rules only)" if old is None else " (old rules only)"
        self.kinds[name] += 1
        told = self.examples.setdefault(name, [])
        if len(told) < SHOWN:
            told.append(int(rows[0][L.EVT_NUMBER]))


class Run:
    """Whole events in order: `rows`, the row with which each begins and one more, and their times."""

    def __init__(self, rows: Words) -> None:
        extra = plain.extra_of(rows[:, L.EVT_HEAD]).tolist() if len(rows) else []
        begins, at = [], 0
        while at < len(rows) and at + extra[at] < len(rows):
            begins.append(at)
            at += 1 + extra[at]
        self.rows = rows[:at]  # without an event whose last rows are still to come
        self.begins = np.array([*begins, at])
        self.times = self.rows[self.begins[:-1], L.EVT_TIME]

    def __len__(self) -> int:
        return len(self.times)

    def until(self, time_ns: int) -> int:
        """How many events lie before this time."""
        return int(np.searchsorted(self.times, time_ns, side="left"))

    def cut(self, first: int, last: int) -> "Run":
        """Events first .. last - 1."""
        part = Run.__new__(Run)
        at = int(self.begins[first])
        part.rows = self.rows[at : int(self.begins[last])]
        part.begins = self.begins[first : last + 1] - at
        part.times = self.times[first:last]
        return part

    def event(self, number: int) -> Words:
        return self.rows[self.begins[number] : self.begins[number + 1]]

    def without_numbers(self) -> Words:
        """The rows with zeros where things are only numbered."""
        rows = self.rows.copy()
        heads = self.begins[:-1]
        rows[np.ix_(heads, np.array(NUMBERS))] = 0
        kinds = plain.kind_of(rows[heads, L.EVT_HEAD])
        for kind, words in NUMBERS_OF.items():
            rows[np.ix_(heads[kinds == kind], np.array(words))] = 0
        copies = heads[(plain.flags_of(rows[heads, L.EVT_HEAD]) & codes.EF_COPY) != 0]
        rows[copies, L.EVT_COPY_OF] = 0
        return rows


class Differences:
    """Takes the events of the new rules as they come, and those of the old ones from where they are kept."""

    def __init__(self, old: Words) -> None:
        """old: all rows of the old rules' events."""
        self.found = Found()
        self._old = old
        self._at = 0
        self._left = np.zeros((0, L.EVT_WORDS), dtype=np.int64)

    def add(self, new: Words) -> None:
        """Whole events, in order."""
        rows = np.concatenate([self._left, new])
        run = Run(rows)
        if not len(run):
            self._left = rows
            return
        last = int(run.times[-1])
        whole = run.until(last)  # the last turn may go on
        self._compare(self._ahead(last), run.cut(0, whole))
        self._left = rows[int(run.begins[whole]) :]

    def end(self) -> Found:
        """All events have come."""
        self._compare(Run(self._old[self._at :]), Run(self._left))
        return self.found

    def _ahead(self, time_ns: int) -> Run:
        """The old rules' events before this time; they are taken."""
        size = READ_ROWS
        while True:
            run = Run(self._old[self._at : self._at + size])
            count = run.until(time_ns)
            if count < len(run) or self._at + size >= len(self._old):
                break
            size *= 2
        self._at += int(run.begins[count])
        return run.cut(0, count)

    def _compare(self, old: Run, new: Run) -> None:
        self.found.events += len(new)
        if old.rows.shape == new.rows.shape and np.array_equal(old.rows, new.rows):
            return
        for a, b in _turns(old, new):
            if a.rows.shape != b.rows.shape or not np.array_equal(a.rows, b.rows):
                self._turn(a, b)

    def _turn(self, old: Run, new: Run) -> None:
        """One turn in which they are not the same."""
        olds, news = (_events(run, run.without_numbers()) for run in (old, new))
        for what, i, j, k, m in _steps(olds, news):
            for n in range(max(j - i, m - k)):
                a = old.event(i + n) if i + n < j else None
                b = new.event(k + n) if k + n < m else None
                same = a is not None and b is not None and np.array_equal(a, b)
                if what != "equal" or not (same or self.found.kinds):  # as long as nothing has moved, numbers count as well
                    self.found.note(a, b)
                else:
                    self.found.renumbered += not same


def _events(run: Run, rows: Words) -> list[bytes]:
    return [rows[begin:end].tobytes() for begin, end in zip(run.begins.tolist(), run.begins[1:].tolist())]


def _turns(old: Run, new: Run) -> Iterator[tuple[Run, Run]]:
    """The events of both by their times."""
    for time_ns in np.union1d(old.times, new.times).tolist():
        yield tuple(run.cut(run.until(time_ns), run.until(time_ns + 1)) for run in (old, new))  # type: ignore[misc]


def _steps(old: list[bytes], new: list[bytes]) -> Iterator[tuple[str, int, int, int, int]]:
    """How one turn's events become the other's: (what, from, to, from, to) as difflib has it."""
    if old == new:
        yield "equal", 0, len(old), 0, len(new)
        return
    if len(old) + len(new) <= LINED_UP:
        yield from SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        return
    more, fewer = Counter(new), Counter(old)
    both = more & fewer
    gone, come = (
        [i for i, event in enumerate(events) if not _takes(left, event)] for events, left in ((old, both.copy()), (new, both.copy()))
    )
    for n in range(max(len(gone), len(come))):
        i, k = (gone[n] if n < len(gone) else 0), (come[n] if n < len(come) else 0)
        yield "replace", i, i + (n < len(gone)), k, k + (n < len(come))


def _takes(left: Counter[bytes], event: bytes) -> bool:
    if left[event] > 0:
        left[event] -= 1
        return True
    return False

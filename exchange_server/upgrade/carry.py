"""Carries a state from one arena into another, by the descriptions of both (core/layout/description.py): other capacities, or another layout.

Rows keep their places, and pointers are moved with their tables. A table whose highest row ever used lies beyond the new capacity is packed: rows in
use move to its beginning. Where both layouts have the same fields in the same words, rows are copied as they are; otherwise field by field, and a
field that the old layout does not have is 0. Hash tables are made anew. The logical state (core/audit.py) is the same afterwards; whoever calls this
compares the digests.

Where rows keep their places and their form, kernels do all of it (core/relocate.py), of a large state in two threads. Most of the time goes into giving
the new arena its pages; with `spend`, it gets those of the old one, which is of no use afterwards.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .. import prefault
from ..core import layout as L
from ..core import relocate, used_ids
from ..core.kit.lines import LINE
from ..core.layout.description import BY_ID, COLUMNS, END, LIST, NOT_CARRIED, Described, describe
from ..core.life.ids import PASSED

Words = NDArray[np.int64]
OWN = describe()
LINKED = (LIST, END)  # tables with a free list
PIECE_WORDS = 1 << 16  # copied and then pointed elsewhere while a core has them at hand
TASK_WORDS = 1 << 22  # carried by one thread in a go; then their pages are given back
SMALL_WORDS = 1 << 23  # a single thread carries so many


class CarryRefused(ValueError):
    """The state does not fit; the text names the table, what is used and what was asked."""

    def __init__(self, table: str, used: int, asked: int) -> None:
        super().__init__(f"capacities.{table} = {asked} is less than the {used} in use")
        self.table, self.used, self.asked = table, used, asked


class Table:
    """One table of the old arena, and where its rows are in the new one."""

    def __init__(self, m: Words, d: Described, name: str) -> None:
        about = d["tables"][name]
        at = d["header"]["H_POOLS"][0] + about["pool"] * d["pool_words"]
        word = d["descriptor"]
        self.name, self.how, self.fields = name, about["how"], about["fields"]
        self.base, self.width, self.rows = (int(m[at + word[part]]) for part in ("PL_BASE", "PL_WIDTH", "PL_CAP"))
        self.free, self.next, self.used = (int(m[at + word[part]]) for part in ("PL_FREE", "PL_NEXT", "PL_USED"))
        self.next = min(self.next, self.rows)
        self.freed: Words = np.zeros(0, np.int64)  # indices of free rows, in order of the free list
        if self.how in LINKED and self.free:
            self.freed = (_list(m, self.free, 0, self.rows) - self.base) // self.width
        self.new_base = self.new_width = 0
        self.places: Words | None = None  # new index of each old row, -1: it is not in use; None: rows keep their places

    def block(self, m: Words, rows: int) -> Words:
        """The first rows as an array (rows, words)."""
        return m[self.base : self.base + rows * self.width].reshape(rows, self.width)

    def inside(self, pointers: Words) -> NDArray[np.bool_]:
        return (pointers >= self.base) & (pointers < self.base + self.rows * self.width) & (pointers != 0)

    def moved(self, pointers: Words) -> Words:
        """The new pointers of rows of this table; 0 for a row that is not in use any more."""
        index = (pointers - self.base) // self.width
        if self.places is None:
            return self.new_base + index * self.new_width
        index = self.places[np.clip(index, 0, len(self.places) - 1)]
        return np.where(index < 0, 0, self.new_base + index * self.new_width)


class Columns(Table):
    """The collateral rows: of different lengths, found through their events."""

    def __init__(self, m: Words, d: Described, name: str) -> None:
        super().__init__(m, d, name)
        self.at: Words = np.zeros(0, np.int64)  # pointers of the rows in use, ascending
        self.to: Words = np.zeros(0, np.int64)  # and where they go

    def moved(self, pointers: Words) -> Words:
        if not len(self.at):
            return np.zeros_like(pointers)
        place = np.clip(np.searchsorted(self.at, pointers), 0, len(self.at) - 1)
        return np.where(self.at[place] == pointers, self.to[place], 0)


def _list(m: Words, first: int, link: int, most: int) -> Words:
    out = np.zeros(most, np.int64)
    count = int(relocate.walk(m, first, link, out, 0))
    if count < 0:
        raise ValueError(f"the list that begins at word {first} does not end")
    return out[:count]


def _side_by_side(tasks: list[Callable[[], object]], words: int) -> None:
    """Do all of these, which touch different words; `words` in all."""
    if words < SMALL_WORDS:
        for task in tasks:
            task()
        return
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(task) for task in tasks]:
            done.result()


def collateral_rows(m: Words, events: Table, table: Table, least: int) -> Words:
    """Pointers of the collateral rows in use, event by event. least: words of the shortest row."""
    link, head = table.fields["CO_NEXT_IN_EVENT"][0], events.fields["E_COLL_HEAD"][0]
    out, found = np.zeros(table.next // least + 1, np.int64), 0
    for first in events.block(m, events.next)[:, head].tolist():
        found = int(relocate.walk(m, first, link, out, found))
        if found < 0:
            raise ValueError("a list of collateral rows does not end")
    return out[:found]


def carry(m: Words, d: Described, new: Words, spend: bool = False) -> None:
    """Carry the state of arena `m`, described by `d`, into `new`, an arena of this program without any row (Engine(...).m). spend: `m` is of no use
    afterwards, and its pages go to `new`. Raises CarryRefused, with `m` as it was; ValueError if the state contradicts its description, or is in the middle
    of a turn."""
    header = d["header"]
    if int(m[header["H_WORK_COUNT"][0]]) or int(m[header["H_ERROR"][0]]):
        raise ValueError("the state is in the middle of a turn, or the core has stopped with a broken invariant")
    _Carry(m, d, new, spend).run()


class _Carry:
    """One state on its way."""

    def __init__(self, m: Words, d: Described, new: Words, spend: bool) -> None:
        self.m, self.d, self.new, self.spend = m, d, new, spend
        self.old = {name: table_of(m, d, name) for name in d["tables"] if name in OWN["tables"]}
        self.into = {name: Table(new, OWN, name) for name in OWN["tables"]}
        self.by_pool = {d["tables"][name]["pool"]: table for name, table in self.old.items()}
        self.tasks: list[Callable[[], object]] = []
        self.words = 0  # that these carry

    def run(self) -> None:
        for name, table in self.old.items():
            table.new_base, table.new_width = self.into[name].base, self.into[name].width
            if table.how == COLUMNS:
                self._place_columns(table)
            else:
                self._place(table, self.into[name])
        self.pairs, self.names = self._entries("pair_hash"), self._entries("name_hash")
        self._refuse_full()  # nothing is refused from here on
        for name in ("pair_hash", "used_hash"):
            self._carried(self.old[name].base, self.old[name].rows * self.old[name].width)
        same_ids = self._same_ids()
        if same_ids:
            self._later(self._ids, self.old["id_hash"].rows)
        rows = [(table, self.into[name]) for name, table in self.old.items() if table.how in (BY_ID, *LINKED)]
        for table, into in rows:
            self._rows(table, into)
        _side_by_side(self.tasks, self.words)
        for table, into in rows:
            self._counts(table, into)
        self._columns()
        self._heap()
        self._header()
        self._pairs()
        self._names()
        if not same_ids:
            relocate.find_ids_again(self.new)
        used_ids.find_again(self.new)

    def _later(self, task: Callable[[], object], words: int) -> None:
        self.tasks.append(task)
        self.words += words

    def _carried(self, at: int, words: int) -> None:
        """Nobody needs these words of the old arena any more."""
        if self.spend:
            prefault.give_back(self.m[at : at + words])

    def _refuse_full(self) -> None:
        """The hash tables are filled up to 7/8."""
        for name, capacity, entries in (("pair_hash", "balances", self.pairs), ("name_hash", "instruments", self.names)):
            most = self.into[name].rows * 7 // 8
            if len(entries) > most:
                raise CarryRefused(capacity, len(entries), most)

    # ---- where rows go ------------------------------------------------------------------------------------------------
    def _place(self, table: Table, into: Table) -> None:
        if table.how == BY_ID:
            used = table.next
            if table.name == "instruments":
                used = max(used, self._reserved())
            if used > into.rows:
                raise CarryRefused(table.name, used - 1, into.rows - 1)
        elif table.how in LINKED:
            if table.next - len(table.freed) > into.rows:
                raise CarryRefused(table.name, table.next - len(table.freed), into.rows)
            if table.next > into.rows:
                held = np.ones(table.next, bool)
                held[table.freed] = False
                table.places = np.where(held, np.cumsum(held) - 1, -1)

    def _reserved(self) -> int:
        """Instruments up to the last one that has a place with its event (max_contracts), id 0 included."""
        events, instruments = self.old["events"], self.old["instruments"]
        rows = events.block(self.m, events.next)
        first, room = (rows[:, events.fields[name][0]] for name in ("E_FIRST", "E_ROOM"))
        there = first != 0
        return int(((first - instruments.base) // instruments.width + room)[there].max(initial=0))

    def _place_columns(self, table: Table) -> None:
        """Rows in use keep their places while the layout of a row is the same and they fit; otherwise they are packed in the same order."""
        assert isinstance(table, Columns)
        into, count = self.into["collateral_words"], table.fields["CO_N"][0]
        table.at = np.sort(collateral_rows(self.m, self.old["events"], table, self.d["row"]))
        self.counts = self.m[table.at + count]
        same = all(self.d[part] == OWN[part] for part in ("row", "columns")) and table.fields == self.into["collateral_words"].fields
        self.columns_stay = same and table.next <= into.rows
        if self.columns_stay:
            table.to = table.at - table.base + into.base
            return
        lengths = OWN["row"] + len(OWN["columns"]) * self.counts
        if int(lengths.sum()) > into.rows:
            raise CarryRefused("collateral_words", int(lengths.sum()), into.rows)
        table.to = into.base + np.cumsum(lengths) - lengths

    # ---- rows ---------------------------------------------------------------------------------------------------------
    def _targets(self, pools: list[int], values: Words) -> Words:
        """Pointers to rows of these tables, moved."""
        moved = np.zeros_like(values)
        for pool in pools:
            table = self.by_pool[pool]
            inside = table.inside(values)
            moved[inside] = table.moved(values[inside])
        return moved

    def _rows(self, table: Table, into: Table) -> None:
        pointing = self._pointing(table, into)
        if pointing is None:
            self._rows_by_fields(table, into)
            return
        step = max(1, TASK_WORDS // table.width)
        for first in range(0, table.next, step):
            count = min(step, table.next - first)
            self._later(partial(self._move, table, first, count, pointing), count * table.width)

    def _pointing(self, table: Table, into: Table) -> Words | None:
        """Which words of a row point where, as relocate.move_pointers takes it; None: rows of this table, or of one that they point to, have other places
        or another form."""
        if not self._stays(table) or table.fields != into.fields:
            return None
        ways = []
        for first, words, pools in table.fields.values():
            for to in [self.by_pool[pool] for pool in pools]:
                if not self._stays(to):
                    return None
                by = to.new_base - to.base
                ways += [(first + i, to.base, to.base + to.rows * to.width, by) for i in range(words)]
        return np.array(sorted(ways, key=lambda way: way[0]), np.int64).reshape(-1)

    def _stays(self, table: Table) -> bool:
        """Whether row n is row n in the new arena, and as wide."""
        if table.how == COLUMNS:
            return self.columns_stay
        return table.places is None and table.width == table.new_width

    def _move(self, table: Table, first: int, rows: int, pointing: Words) -> None:
        """Rows that keep their form, from the `first` on."""
        begin, step = table.base + first * table.width, max(1, PIECE_WORDS // table.width)
        for at in range(0, rows, step):
            source, count = begin + at * table.width, min(step, rows - at)
            target, words = source - table.base + table.new_base, count * table.width
            self.new[target : target + words] = self.m[source : source + words]
            relocate.move_pointers(self.m, source, count, self.new, target, table.width, pointing)
        self._carried(begin, rows * table.width)

    def _rows_by_fields(self, table: Table, into: Table) -> None:
        source = table.block(self.m, table.next)
        if table.places is not None:
            source = source[table.places >= 0]
        target = into.block(self.new, len(source))
        fields = {name: (table.fields[name], own) for name, own in into.fields.items() if name in table.fields}
        if table.fields == into.fields and table.width == into.width:
            target[:] = source
        else:
            for (old_at, old_words, _), (at, words, _) in fields.values():
                count = min(words, old_words)
                target[:, at : at + count] = source[:, old_at : old_at + count]
        for (old_at, old_words, pools), (at, words, _) in fields.values():
            for i in range(min(words, old_words) if pools else 0):
                target[:, at + i] = self._targets(pools, source[:, old_at + i])

    def _counts(self, table: Table, into: Table) -> None:
        """The table's counts and its free list, in the same order."""
        at = self._descriptor(table.name)
        rows = table.next if table.places is None else int((table.places >= 0).sum())
        self.new[at + L.PL_NEXT], self.new[at + L.PL_USED] = rows, table.used
        if table.places is None and len(table.freed):
            pointers = into.base + table.freed * into.width
            self.new[pointers[:-1]], self.new[pointers[-1]] = pointers[1:], 0
            self.new[at + L.PL_FREE] = pointers[0]

    def _descriptor(self, name: str) -> int:
        return int(L.H_POOLS + OWN["tables"][name]["pool"] * L.POOL_WORDS)

    def _columns(self) -> None:
        table, into = self.old["collateral_words"], self.into["collateral_words"]
        assert isinstance(table, Columns)
        at = self._descriptor(table.name)
        self.new[at + L.PL_USED] = table.used
        if self.columns_stay:
            self.new[into.base : into.base + table.next] = self.m[table.base : table.base + table.next]
            self.new[at + L.PL_NEXT] = table.next
            self._spare(table)
        else:
            lengths = OWN["row"] + len(OWN["columns"]) * self.counts
            self.new[at + L.PL_NEXT] = self.new[at + L.PL_USED] = int(lengths.sum())
            self._copy_columns(table)
        for name, (first, _, pools) in table.fields.items():
            if pools and name in into.fields and len(table.at):
                self.new[table.to + into.fields[name][0]] = self._targets(pools, self.m[table.at + first])

    def _copy_columns(self, table: Columns) -> None:
        """Each row, field by field and column by column, those with as many columns at once."""
        names: list[str] = self.d["columns"]
        for n in np.unique(self.counts).tolist():
            chosen = self.counts == n
            at, to = table.at[chosen][:, None], table.to[chosen][:, None]
            for name, (first, words, _) in self.into["collateral_words"].fields.items():
                if name in table.fields:
                    self.new[to + first + np.arange(words)] = self.m[at + table.fields[name][0] + np.arange(words)]
            for column, name in enumerate(OWN["columns"]):
                if name in names:
                    span = np.arange(n)
                    self.new[to + OWN["row"] + column * n + span] = self.m[at + self.d["row"] + names.index(name) * n + span]

    def _spare(self, table: Table) -> None:
        """The lists of freed collateral rows, which stay where they are."""
        heads, into = self.old["spare"], self.into["spare"]
        for n, first in enumerate(self.m[heads.base : heads.base + heads.rows].tolist()):
            if first:
                rows = _list(self.m, first, 0, table.rows) - table.base + table.new_base
                self.new[into.base + n] = rows[0]
                self.new[rows[:-1]], self.new[rows[-1]] = rows[1:], 0

    def _heap(self) -> None:
        heap, count = self.old["timer_heap"], int(self.m[self.d["header"]["H_TIMERS"][0]])
        timers = [self.d["tables"]["timers"]["pool"]]
        self.new[heap.new_base : heap.new_base + count] = self._targets(timers, self.m[heap.base : heap.base + count])

    # ---- the header and the hash tables ---------------------------------------------------------------------------------
    def _header(self) -> None:
        m, new, header = self.m, self.new, self.d["header"]
        for name, (at, words, pools) in OWN["header"].items():
            if name in header and name not in NOT_CARRIED:
                values = m[header[name][0] : header[name][0] + words]
                new[at : at + words] = self._targets(pools, values) if pools else values
        new[L.H_DIRTY_LOST] = 1 if m[header["H_DIRTY_COUNT"][0]] or m[header["H_DIRTY_LOST"][0]] else 0

    def _same_ids(self) -> bool:
        """Whether the entries of the ClOrdID table, which name rows by their number, hold in the new arena as they are."""
        if any(self.d.get(part) != own for part, own in OWN.items()):
            return False
        stay = self._stays(self.old["orders"]) and self._stays(self.old["archive"])
        return stay and self.old["id_hash"].used <= self.into["id_hash"].rows // LINE * PASSED

    def _ids(self) -> None:
        """The entries of the ClOrdID table, as they are."""
        table, count = self.old["id_hash"], 0
        for first in range(0, table.rows, TASK_WORDS):
            end = min(first + TASK_WORDS, table.rows)
            count += int(relocate.move_ids(self.m, self.new, first, end))
            self._carried(table.base + first, end - first)
        if count != table.used:
            raise ValueError(f"id_hash counts {table.used} entries and has {count}")
        self.new[self._descriptor("id_hash") + L.PL_USED] = count

    def _entries(self, name: str) -> Words:
        """The entries of a hash table that are in use, as an array (entries, words)."""
        table = self.old[name]
        out = np.zeros(table.used * table.width, np.int64)
        if (found := int(relocate.pick(self.m, table.base, table.rows, table.width, out))) != table.used:
            raise ValueError(f"{name} counts {table.used} entries and has {found if found >= 0 else 'more'}")
        return out.reshape(-1, table.width)

    def _pairs(self) -> None:
        entries = self.pairs
        kinds = entries[:, 0] >> 56
        for kind, pool in self.d["pairs"].items():
            chosen = kinds == int(kind)
            entries[chosen, 2] = self._targets([pool], entries[chosen, 2])
        if left := int(relocate.put_pairs(self.new, entries.reshape(-1))):
            raise ValueError(f"{left} of {len(entries)} pairs had no room")

    def _names(self) -> None:
        words = np.append(self.names.reshape(-1), np.zeros(L.NAME_WORDS - 1, np.int64))
        if left := int(relocate.put_names(self.new, words, words.view(np.uint8))):
            raise ValueError(f"{left} of {len(self.names)} names had no room")


def pack_texts(m: Words) -> None:
    """Put the texts of ClOrdIDs into their keys (core/kit/text_ids.py), in a state of this program's layout."""
    if relocate.pack_texts(m, m.view(np.uint8)):
        table = table_of(m, OWN, "id_hash")
        m[table.base : table.base + table.rows] = 0
        relocate.find_ids_again(m)


def table_of(m: Words, d: Described, name: str) -> Table:
    return (Columns if d["tables"][name]["how"] == COLUMNS else Table)(m, d, name)

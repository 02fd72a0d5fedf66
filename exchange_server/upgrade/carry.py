"""Carries a state from one arena into another, by the descriptions of both (core/layout/description.py): other capacities, or another layout.

Rows keep their places, and pointers are moved with their tables. A table whose highest row ever used lies beyond the new capacity is packed: rows in
use move to its beginning. Where both layouts have the same fields in the same words, rows are copied as they are; otherwise field by field, and a
field that the old layout does not have is 0. Hash tables are made anew. The logical state (core/audit.py) is the same afterwards; whoever calls this
compares the digests.
"""

import numpy as np
from numpy.typing import NDArray

from ..core import layout as L
from ..core import relocate, used_ids
from ..core.layout.description import BY_ID, COLUMNS, END, LIST, NOT_CARRIED, Described, describe

Words = NDArray[np.int64]
OWN = describe()
LINKED = (LIST, END)  # tables with a free list


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


def collateral_rows(m: Words, events: Table, table: Table, least: int) -> Words:
    """Pointers of the collateral rows in use, event by event. least: words of the shortest row."""
    link, head = table.fields["CO_NEXT_IN_EVENT"][0], events.fields["E_COLL_HEAD"][0]
    out, found = np.zeros(table.next // least + 1, np.int64), 0
    for first in events.block(m, events.next)[:, head].tolist():
        found = int(relocate.walk(m, first, link, out, found))
        if found < 0:
            raise ValueError("a list of collateral rows does not end")
    return out[:found]


def carry(m: Words, d: Described, new: Words) -> None:
    """Carry the state of arena `m`, described by `d`, into `new`, an arena of this program without any row (Engine(...).m). Raises CarryRefused;
    ValueError if the state contradicts its description, or is in the middle of a turn."""
    header = d["header"]
    if int(m[header["H_WORK_COUNT"][0]]) or int(m[header["H_ERROR"][0]]):
        raise ValueError("the state is in the middle of a turn, or the core has stopped with a broken invariant")
    _Carry(m, d, new).run()


class _Carry:
    """One state on its way."""

    def __init__(self, m: Words, d: Described, new: Words) -> None:
        self.m, self.d, self.new = m, d, new
        self.old = {name: table_of(m, d, name) for name in d["tables"] if name in OWN["tables"]}
        self.into = {name: Table(new, OWN, name) for name in OWN["tables"]}
        self.by_pool = {d["tables"][name]["pool"]: table for name, table in self.old.items()}

    def run(self) -> None:
        for name, table in self.old.items():
            table.new_base, table.new_width = self.into[name].base, self.into[name].width
            if table.how == COLUMNS:
                self._place_columns(table)
            else:
                self._place(table, self.into[name])
        for name, table in self.old.items():
            if table.how in (BY_ID, *LINKED):
                self._rows(table, self.into[name])
        self._columns()
        self._heap()
        self._header()
        self._pairs()
        self._names()
        relocate.find_ids_again(self.new)
        used_ids.find_again(self.new)

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
        self._counts(table, into, len(source))

    def _counts(self, table: Table, into: Table, rows: int) -> None:
        """The table's counts and its free list, in the same order."""
        at = self._descriptor(table.name)
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

    def _entries(self, name: str) -> Words:
        table = self.old[name]
        rows = table.block(self.m, table.rows)
        return rows[rows[:, 0] != 0]

    def _pairs(self) -> None:
        entries = self._entries("pair_hash").copy()
        kinds = entries[:, 0] >> 56
        for kind, pool in self.d["pairs"].items():
            chosen = kinds == int(kind)
            entries[chosen, 2] = self._targets([pool], entries[chosen, 2])
        if left := int(relocate.put_pairs(self.new, np.ascontiguousarray(entries).reshape(-1))):
            raise CarryRefused("balances", len(entries), len(entries) - left)

    def _names(self) -> None:
        words = np.append(self._entries("name_hash").reshape(-1), np.zeros(L.NAME_WORDS - 1, np.int64))
        if left := int(relocate.put_names(self.new, words, words.view(np.uint8))):
            raise CarryRefused("instruments", self.old["name_hash"].used, self.old["name_hash"].used - left)


def table_of(m: Words, d: Described, name: str) -> Table:
    return (Columns if d["tables"][name]["how"] == COLUMNS else Table)(m, d, name)

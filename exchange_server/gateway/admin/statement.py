"""The admin verb `statement`: every change of an account's balance, read from the event store a slice per turn, so that trading goes on.

Request: account, asset, from_ns, to_ns (0: open), limit (entries of a page), cursor ("" or that of the page before). The first page scans from
`from_ns` to the newest event, because the balance is known only now: closing = now less what came after `to_ns`, opening = closing less
the entries. The other pages go on from the cursor, which carries event number and balance. docs/money.md shows the answer.
"""

from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from protocol import codes, units

from ... import state
from ...core import layout as L
from ...core.layout import plain
from ...journal.event_store import EventsMissing, EventStore
from ...registry import Refused, Registry, scopes
from ...registry.access import Sight
from ...registry.holds import HOLDS_ACCOUNT
from ...registry.statement import Entry, Reader
from ...registry.tables import Account, Asset
from .office import BadRequest, Slices

SLICE_ROWS = 1024  # event rows read in one turn: about 0.2 ms
LIMIT, LIMIT_MOST = 500, 5000  # entries of a page
BACK_ROWS = 2 * L.MAX_EXTRA_ROWS  # rows before a place in which its nearest head is looked for
END_OF_TIME = 1 << 62


class Cursor(NamedTuple):
    """Where the next page begins: the first event not shown, balance and held money before it, and the event at which the statement ends."""

    event: int
    balance: int
    held: int
    end: int

    def text(self) -> str:
        return ".".join(str(part) for part in self)

    @classmethod
    def of(cls, text: str) -> "Cursor":
        parts = text.split(".")
        if (
            len(parts) != 4
            or not all(part.removeprefix("-").isascii() and part.removeprefix("-").isdigit() for part in parts)
            or len(text) > 100
        ):
            raise BadRequest("cursor: not that of a page of a statement")
        return cls(*(int(part) for part in parts))


class Statements:
    """Answers the verb. registry, arena and store are the server's."""

    def __init__(self, registry: Registry, arena: Any, store: EventStore) -> None:
        self.registry, self.arena, self.store = registry, arena, store

    def ask(self, request: dict[str, Any], sight: Sight) -> Slices:
        """A generator: each step reads one slice, its return value is the answer. Raises BadRequest, and Refused for what the asker does not
        see or may not ask."""
        account: Any = sight.find("account", "account", self._text(request, "account"))
        asset: Any = sight.find("asset", "asset", self._text(request, "asset"))
        if not sight.may(lambda role: role.may_ask("statement"), scopes.of_account(self.registry, account)):
            text = f"{sight.who} may not ask for the statement of {account.name}: it has {sight.roles_text()}"
            raise Refused(codes.R_NOT_AUTHORISED, text, "account")
        begin, end, limit = (self._number(request, key, default) for key, default in (("from_ns", 0), ("to_ns", 0), ("limit", LIMIT)))
        cursor = request.get("cursor", "")
        if not isinstance(cursor, str):
            raise BadRequest("cursor: a text is required")
        if not 1 <= limit <= LIMIT_MOST:
            raise BadRequest(f"limit: must be 1 to {LIMIT_MOST}, asked {limit}")
        if end and begin >= end:
            raise BadRequest(f"to_ns: must be later than {units.instant(begin)}, asked {units.instant(end)}")
        if account.id == HOLDS_ACCOUNT:
            raise BadRequest(f"account: {account.name} has the money of all holds; it is on the statements of its owners")
        if not account.firm and (begin or end):
            raise BadRequest(
                f"from_ns: {account.name} gets shares of fees, which no event tells one by one: its statement covers all of time"
            )
        page = _Page(self, account, asset, begin, end or END_OF_TIME, limit)
        return page.next(Cursor.of(cursor)) if cursor else page.first()

    @staticmethod
    def _text(request: dict[str, Any], key: str) -> str:
        value = request.get(key, "")
        if not isinstance(value, str) or len(value) > 64:
            raise BadRequest(f"{key}: a name is required")
        return value

    @staticmethod
    def _number(request: dict[str, Any], key: str, default: int) -> int:
        value = request.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < END_OF_TIME:
            raise BadRequest(f"{key}: a whole number is required")
        return value


class _Page:
    """One page of one statement."""

    def __init__(self, desk: Statements, account: Account, asset: Asset, begin: int, end: int, limit: int) -> None:
        self.desk, self.account, self.asset, self.begin_ns, self.end_ns, self.limit = desk, account, asset, begin, end, limit
        self.reader = Reader(desk.registry, account, asset)
        self.entries: list[Entry] = []
        self.more_at = 0  # event of the first entry that has no room on this page

    def first(self) -> Slices:
        balance, held = self._now()
        last = self.desk.store.next_number
        amount = later = held_change = held_later = 0
        totals: dict[str, list[int]] = {}
        number = yield from self._find(self.begin_ns, last)
        for entry in self._scan(number, last):
            if entry is None:
                yield
            elif entry.time_ns > self.end_ns:
                later, held_later = later + entry.amount, held_later + entry.held
            else:
                amount, held_change = amount + entry.amount, held_change + entry.held
                total = totals.setdefault(entry.kind, [0, 0])
                total[0], total[1] = total[0] + 1, total[1] + entry.amount
                self._take(entry)
        closing, held_closing = balance - later, held - held_later
        shares = 0
        if not self.account.firm:  # what no event tells one by one
            shares = closing - amount
            totals["fee_shares"] = [1, shares]
        whole = {
            "opening": closing - amount - shares, "held_opening": held_closing - held_change, "closing": closing, "held_closing": held_closing,
            "totals": {kind: {"count": count, "amount": total} for kind, (count, total) in sorted(totals.items())},
        }  # fmt: skip
        return self._answer(closing - amount - shares, held_closing - held_change, last, whole)

    def next(self, cursor: Cursor) -> Slices:
        last = min(cursor.end, self.desk.store.next_number)
        if not 1 <= cursor.event < last:
            raise BadRequest("cursor: not that of a page of a statement")
        heads = self._rows(cursor.event, 1)
        if int(heads[0, L.EVT_NUMBER]) != cursor.event:
            raise BadRequest("cursor: not that of a page of a statement")
        for entry in self._scan(cursor.event, last):
            if entry is None:
                if self.more_at:
                    break
                yield
            elif entry.time_ns <= self.end_ns:
                self._take(entry)
        return self._answer(cursor.balance, cursor.held, last, {})

    def _now(self) -> tuple[int, int]:
        """Balance (with what is held) and held money, by the ledger."""
        held = self.desk.registry.holds.held(self.account.id, self.asset.id)
        cash = state.balance(self.desk.arena, self.account.id, self.asset.id)
        return (cash[0] if cash is not None else 0) + held, held

    def _take(self, entry: Entry) -> None:
        """Onto the page, while there is room; the entries of one event are not parted."""
        if self.more_at:
            return
        if len(self.entries) >= self.limit and entry.event != self.entries[-1].event:
            self.more_at = entry.event
        else:
            self.entries.append(entry)

    def _answer(self, balance: int, held: int, last: int, whole: dict[str, Any]) -> dict[str, Any]:
        for entry in self.entries:
            balance, held = balance + entry.amount, held + entry.held
            entry.balance, entry.held_after = balance, held
        cursor = Cursor(self.more_at, balance, held, last).text() if self.more_at else ""
        end = 0 if self.end_ns == END_OF_TIME else self.end_ns
        return {
            "account": self.account.name, "asset": self.asset.name, "decimals": self.asset.record.decimals, "from_ns": self.begin_ns, "to_ns": end,
            "as_of_event": last - 1, **whole, "entries": self.entries, "cursor": cursor,
        }  # fmt: skip

    # ---- reading the store ----------------------------------------------------------------------------------------------
    def _scan(self, number: int, last: int) -> Iterator[Entry | None]:
        """All entries of the events number .. last - 1; None after each slice."""
        while number < last:
            count = min(SLICE_ROWS, last - number)
            rows = self._rows(number, count)
            heads, after = heads_of(rows, 0)
            yield from self.reader.read(rows, heads)
            number += after
            if number < last:
                yield None

    def _rows(self, number: int, count: int) -> NDArray[np.int64]:
        try:
            return self.desk.store.rows(number, count).reshape(-1, L.EVT_WORDS)
        except EventsMissing as missing:
            raise BadRequest(str(missing), missing.reason) from missing

    def _find(self, time_ns: int, last: int) -> Generator[None, None, int]:
        """Number of the first event at or after this time (`last`: there is none), by halving."""
        low, high = self.desk.store.kept_from, last
        while time_ns and low < high:
            middle = (low + high) // 2
            head, after, at_ns = self._head_from(middle, high)
            if head >= high or at_ns >= time_ns:
                high = middle
            else:
                low = after
            yield
        if not time_ns:
            return 1
        found = self._head_from(low, last)[0]
        kept = self.desk.store.kept_from
        if kept > 1 and found <= self._head_from(kept, last)[0]:  # the time is before the first event that is kept
            missing = EventsMissing(1, kept - 1, True, True)
            raise BadRequest(str(missing), missing.reason)
        return found

    def _head_from(self, number: int, last: int) -> tuple[int, int, int]:
        """The first event from `number` on that is no extra row: its number, that of the one after it, its time. `last`: none before it."""
        if number >= last:
            return last, last, 0
        first, end = max(self.desk.store.kept_from, number - BACK_ROWS), min(number + L.MAX_EXTRA_ROWS + 1, self.desk.store.next_number)
        while True:  # without what cannot be read
            try:
                rows = self.desk.store.rows(first, end - first).reshape(-1, L.EVT_WORDS)
                break
            except EventsMissing as missing:
                if missing.first <= number <= missing.last:
                    return self._head_from(missing.last + 1, last)
                first, end = (missing.last + 1, end) if missing.last < number else (first, missing.first)
        for start in range(min(L.MAX_EXTRA_ROWS + 1, len(rows))):
            heads, _ = heads_of(rows, start)
            if (rows[heads, L.EVT_NUMBER] == heads + first).all():
                found = heads[heads + first >= number]
                if not len(found) or int(found[0]) + first >= last:
                    return last, last, 0
                at = int(found[0])
                return first + at, first + at + 1 + int(plain.extra_of(rows[at, L.EVT_HEAD])), int(rows[at, L.EVT_TIME])
        raise BadRequest(f"event store: no event begins near {number}", codes.R_REPORTS_LOST)


def heads_of(rows: NDArray[np.int64], start: int) -> tuple[NDArray[np.int64], int]:
    """Indexes of the rows from `start` on that are no extra rows, and the index after the last one's extra rows."""
    extras = plain.extra_of(rows[:, L.EVT_HEAD])
    if not extras[start:].any():
        return np.arange(start, len(rows)), len(rows)
    found, at, counts = [], start, extras.tolist()
    while at < len(counts):
        found.append(at)
        at += 1 + counts[at]
    return np.array(found, np.int64), at

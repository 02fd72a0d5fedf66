"""Closed ids of the naive exchange: what became of the newest is kept; of older ones only that they were used, in blocks.

A block is a range of 4,096 numbers with some of them marked, or a list of up to 64 single ids. It is kept until the time of its newest id
is over.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from protocol import codes as C
from tests.model_world import Closed, Firm, Key, Limits, Order, Refused

RANGE = 4096
SINGLES = 64
MANY = 16  # so many ids of one range make a block of their own
LEAST_DIGITS, MOST_DIGITS = 4, 18
HOUR_NS = 3_600_000_000_000

Place = tuple[str, int, int]  # text before the digits, number of digits, number // RANGE


def place(key: Key) -> tuple[Place, int]:
    """The range of an id, and its number there. A text that does not end in digits enough is alone in its range."""
    if isinstance(key, int):
        return ("", 0, key // RANGE), key % RANGE
    text = str(key)
    digits = min(len(text) - len(text.rstrip("0123456789")), MOST_DIGITS)
    if digits < LEAST_DIGITS:
        return (text, -1, 0), 0
    number = int(text[-digits:])
    return (text[:-digits], digits, number // RANGE), number % RANGE


@dataclass(eq=False)
class Block:
    at: int  # when its newest id was closed
    range: Place | None = None  # None: a list of single ids
    keys: list[Key | None] = field(default_factory=list)  # of a list: None where one was taken out

    def count(self) -> int:
        return sum(key is not None for key in self.keys)


class Ids:
    """The closed ids of all firms, and how they leave."""

    limits: Limits
    retention: int
    now: int
    firms: dict[int, Firm]
    open: list[Order]

    def start_ids(self) -> None:
        self.closed: list[Closed] = []  # oldest first; also those whose time is over, until something forgets them
        self.forgetting = 1  # firm at which the search continues for one that has more than its share
        self.blocks: dict[int, list[Block]] = {}  # of a firm, by the time of their newest id
        self.filling: dict[int, Block | None] = {}  # the list that takes the firm's next single id
        self.dropping = 1

    def share(self, firm: int, rows: int) -> int:
        """Rows of a common table that a firm is sure of: its part by weight."""
        return rows * self.firms[firm].weight // sum(f.weight for f in self.firms.values())

    def counts(self, closed: Closed | Block) -> bool:
        """Within the retention, so that its id is still used up."""
        return (closed.closed_at if isinstance(closed, Closed) else closed.at) + self.retention > self.now

    def find(self, firm: int, key: Key) -> Order | Closed | None:
        for order in [*self.open, *filter(self.counts, self.closed)]:
            if order.firm == firm and order.key == key:
                return order
        return None

    def was_used(self, firm: int, key: Key) -> bool:
        """Nothing is known of the id any more but that it was used."""
        return any(key in block.keys for block in self.blocks.get(firm, []) if self.counts(block))

    def check_unused(self, firm: int, key: Key) -> None:
        if self.was_used(firm, key):
            raise Refused(C.R_ID_USED_BEFORE, self.retention // HOUR_NS)

    def unknown(self, firm: int, key: Key) -> Refused:
        """Why there is no order under an id."""
        return Refused(C.R_ORDER_FORGOTTEN if self.was_used(firm, key) else C.R_UNKNOWN_ORDER)

    # ------------------------------------------------------------------------------------------------ rows
    def kept(self, firm: int) -> int:
        return sum(x.firm == firm for x in self.closed)

    def forget_due(self, firm: int) -> None:
        """Each new order or replace takes back up to two of its firm's closed ids whose time is over, and one block."""
        for x in [x for x in self.closed if x.firm == firm][:2]:
            if self.counts(x):
                break
            self.closed.remove(x)
        blocks = self.blocks.get(firm)
        if blocks and not self.counts(blocks[0]):
            self.drop(firm, blocks[0])

    def remember(self, closed: Closed) -> None:
        """Keep a closed id. In a full table the oldest of a firm goes that has its share: this one, or else the next that has more."""
        if len(self.closed) >= self.limits.archive:
            firm = closed.firm
            if not self.kept(firm) or self.kept(firm) < self.share(firm, self.limits.archive):
                firm = self.forgetting
                while self.kept(firm) <= self.share(firm, self.limits.archive):
                    firm = firm % max(self.firms) + 1
                self.forgetting = firm
            oldest = next(x for x in self.closed if x.firm == firm)
            self.closed.remove(oldest)
            if self.counts(oldest):
                self.keep_used(oldest)
        self.closed.append(closed)

    # ------------------------------------------------------------------------------------------------ blocks
    def drop(self, firm: int, block: Block) -> None:
        self.blocks[firm].remove(block)
        if self.filling.get(firm) is block:
            self.filling[firm] = None

    def make_block(self, firm: int, block: Block) -> None:
        """In a full table the oldest block goes of a firm that has its share, as with the rows."""
        blocks = self.blocks.setdefault(firm, [])
        if sum(map(len, self.blocks.values())) >= self.limits.used:
            loser = firm
            if not blocks or len(blocks) < self.share(firm, self.limits.used):
                loser = self.dropping
                while len(self.blocks.get(loser, [])) <= self.share(loser, self.limits.used):
                    loser = loser % max(self.firms) + 1
                self.dropping = loser
            oldest = self.blocks[loser][0]
            if self.counts(oldest):
                self.firms[loser].forgotten += oldest.count()
                self.firms[loser].window = self.now - oldest.at
            self.drop(loser, oldest)
        blocks.append(block)

    def add(self, firm: int, block: Block, closed: Closed) -> None:
        """To a block that then has the firm's newest id."""
        block.keys.append(closed.key)
        block.at = closed.closed_at
        self.blocks[firm].remove(block)
        self.blocks[firm].append(block)

    def keep_used(self, closed: Closed) -> None:
        """Of a closed id that leaves its row early: that it was used. To a block whose time is over nothing is added: it is dropped."""
        firm, (range_, _) = closed.firm, place(closed.key)
        self.firms[firm].moved += 1
        self.firms[firm].answered = self.now - closed.closed_at
        blocks = self.blocks.get(firm, [])
        block = next((b for b in blocks if b.range == range_), None)
        if block is not None and not self.counts(block):
            self.drop(firm, block)
            block = None
        if block is not None:
            return self.add(firm, block, closed)
        near = [key for b in blocks if b.range is None and self.counts(b) for key in b.keys if key is not None and place(key)[0] == range_]
        if len(near) + 1 >= MANY:
            made = Block(closed.closed_at, range_, [closed.key])
            self.make_block(firm, made)  # which may take a block with some of the others
            for b in [b for b in blocks if b.range is None and self.counts(b) and set(b.keys) & set(near)]:
                made.keys += [key for key in b.keys if key in near]
                b.keys = [None if key in near else key for key in b.keys]
                if not b.count():
                    self.drop(firm, b)
            return None
        block = self.filling.get(firm)
        if block is not None and not self.counts(block):
            self.drop(firm, block)
            block = None
        if block is not None and len(block.keys) < SINGLES:
            return self.add(firm, block, closed)
        block = Block(closed.closed_at, None, [closed.key])
        self.make_block(firm, block)
        self.filling[firm] = block

    def used_state(self) -> list[tuple[int, int, bool, list[Key | None]]]:
        """(firm, time, whether it is a range, ids) of each block; core_rig.py turns the ids into words."""
        return [(firm, b.at, b.range is not None, b.keys) for firm in sorted(self.blocks) for b in self.blocks[firm]]

"""A mapping on top of another one: a trial writes into it, and what is below stays as it is.

Copying tables of 100,000 accounts for a trial would stop the exchange for as long as it takes; a layer costs what is put into it.
"""

from collections.abc import Iterator, MutableMapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Layer(MutableMapping[K, V]):
    """Keys below come first, in their order, then new ones in the order in which they came. What is below must not change meanwhile."""

    __slots__ = ("below", "gone", "new", "own")

    def __init__(self, below: MutableMapping[K, V]) -> None:
        self.below = below
        self.own: dict[K, V] = {}
        self.gone: set[K] = set()  # of those below
        self.new: dict[K, None] = {}  # keys of `own` that are not shown in the place of one below

    def __getitem__(self, key: K) -> V:
        if key in self.own:
            return self.own[key]
        if key in self.gone:
            raise KeyError(key)
        return self.below[key]

    def __setitem__(self, key: K, value: V) -> None:
        if key not in self.own and (key in self.gone or key not in self.below):
            self.new[key] = None
        self.own[key] = value

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError(key)
        self.own.pop(key, None)
        self.new.pop(key, None)
        if key in self.below:
            self.gone.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self.own or (key not in self.gone and key in self.below)

    def __iter__(self) -> Iterator[K]:
        for key in self.below:
            if key not in self.gone:
                yield key
        yield from self.new

    def __len__(self) -> int:
        return len(self.below) - len(self.gone) + len(self.new)


def fold(below: MutableMapping[K, V], layer: MutableMapping[K, V]) -> None:
    """Do to `below` what was done to a layer on it."""
    assert isinstance(layer, Layer) and layer.below is below, "a layer on something else"
    for key in layer.gone:
        del below[key]
    for key, value in layer.own.items():
        below[key] = value

"""Subscriptions in groups: against a dict of sets, in any order of subscribing, unsubscribing and closing."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exchange_server.gateway.feeds.subscribers import Subscribers

BOOKS, CONNECTIONS = 6, 5
OPS = st.lists(
    st.tuples(
        st.sampled_from(("add", "remove", "drop", "settle")), st.integers(0, CONNECTIONS - 1), st.sets(st.integers(1, BOOKS), min_size=1)
    ),
    max_size=60,
)


class _Connection:
    """Only its identity counts."""


def agree(books: Subscribers, naive: dict[Any, set[int]]) -> None:
    assert {c: set(mine) for c, mine in books.all()} == naive
    assert len(books) == len(naive) and bool(books) == bool(naive)
    for instrument in range(1, BOOKS + 1):
        takers = list(books.takers(instrument))
        assert len(takers) == len(set(takers))
        assert set(takers) == {c for c, mine in naive.items() if instrument in mine}
        assert books.wanted[instrument] == bool(takers)
        assert all(group.members for group in books.groups(instrument))
    assert books.books == len(set().union(*naive.values()))
    if books.only is not None:
        assert naive and set(books.only.members) == set(naive) and all(mine == books.only.instruments for mine in naive.values())


@given(OPS)
def test_it_agrees_with_a_dict_of_sets(ops: list[tuple[str, int, set[int]]]) -> None:
    books, naive = Subscribers(BOOKS + 1), {}
    connections: list[Any] = [_Connection() for _ in range(CONNECTIONS)]
    for op, number, instruments in ops:
        c = connections[number]
        if op == "add":
            for instrument in sorted(instruments):
                books.add(c, instrument)
                naive.setdefault(c, set()).add(instrument)
        elif op == "remove":
            books.remove(c, sorted(instruments))
            if c in naive:
                naive[c] -= instruments
        elif op == "drop":
            books.drop(c)
            naive.pop(c, None)
        else:
            books.settle()
        naive = {each: mine for each, mine in naive.items() if mine}
        agree(books, naive)
    books.settle()
    books.settle()
    groups = {id(group) for instrument in range(1, BOOKS + 1) for group in books.groups(instrument)}
    assert len(groups) == len({frozenset(mine) for mine in naive.values()})  # equals share a group
    assert (books.only is not None) == (len(groups) == 1)
    agree(books, naive)


def test_a_subscription_that_changes_every_turn_stays_alone() -> None:
    books = Subscribers(BOOKS + 1)
    a, b = _Connection(), _Connection()
    for instrument in (1, 2, 3):
        books.add(a, instrument)  # type: ignore[arg-type]
        books.add(b, instrument)  # type: ignore[arg-type]
        books.settle()
        assert len(books.groups(instrument)) == 2
    books.settle()
    assert len(books.groups(1)) == 1

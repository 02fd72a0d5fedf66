"""Finding the fills of a trade in the event store: by halving, among rows with extra rows, and when some cannot be read."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.core.layout import plain
from exchange_server.gateway.admin.office import BadRequest
from exchange_server.gateway.admin.trades import CHANGED, Trades
from exchange_server.journal.event_store import EventsMissing
from exchange_server.registry.rows import LEG_BYTES
from exchange_server.registry.tables import Busted
from protocol import codes


class Store:
    """Events as a list of rows; `lost`: numbers that cannot be read."""

    def __init__(self) -> None:
        self.data: list[np.ndarray] = []
        self.lost: range = range(0)
        self.kept_from = 1

    @property
    def next_number(self) -> int:
        return len(self.data) + 1

    def rows(self, number: int, count: int) -> np.ndarray:
        assert 1 <= number and number + count <= self.next_number
        if number < self.kept_from:
            raise EventsMissing(1, self.kept_from - 1, True, True)
        hit = [n for n in self.lost if number <= n < number + count]
        if hit:
            raise EventsMissing(hit[0], hit[-1], True)
        return np.concatenate(self.data[number - 1 : number - 1 + count]) if count else np.zeros(0, np.int64)

    def add(self, kind: int, extra: int = 0, trade: int = 0) -> None:
        row = np.zeros(L.EVT_WORDS, np.int64)
        row[L.EVT_HEAD] = plain.pack_event(kind, extra, 0, 0, 0, 0)
        row[L.EVT_NUMBER], row[L.EVT_TRADE] = self.next_number, trade
        row[L.EVT_INSTRUMENT] = plain.pack_instrument(7, 0)
        self.data.append(row)
        self.data += [np.full(L.EVT_WORDS, -1 - i, np.int64) for i in range(extra)]  # payload that looks like no row


def flow(seed: int, trades: int) -> Store:
    rng, store = random.Random(seed), Store()
    for trade in range(1, trades + 1):
        for _ in range(rng.choice((0, 0, 1, 5, 300))):
            store.add(
                rng.choice((codes.E_ACCEPTED, codes.E_SENT, codes.E_SETTLED)), rng.choice((0, 0, 0, 1, 3, 255)) if rng.random() < 0.2 else 0
            )
        for _ in range(2):
            store.add(codes.E_FILL, rng.choice((0, 1)), trade)
    return store


def find(store: Store, trade: int, *busts: Busted) -> ar.Bust:
    registry: Any = SimpleNamespace(instruments={7: SimpleNamespace(event_id=3)}, events={3: SimpleNamespace(name="CUP", busts=busts)})
    work = Trades(registry, store).filled_in(ar.Bust(trade=trade, reason="r", legs=(b"forged",), event="OTHER"))  # type: ignore[arg-type]
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value


@pytest.mark.parametrize("seed", range(3))
def test_every_trade_is_found_with_all_its_rows(seed: int) -> None:
    store = flow(seed, 60)
    for trade in range(1, 61) if seed == 0 else (1, 17, 59, 60):
        found = find(store, trade)
        assert found.event == "CUP" and len(found.legs) == 2
        for leg in found.legs:
            words = np.frombuffer(leg, "<i8")
            assert len(leg) == LEG_BYTES and words[L.EVT_TRADE] == trade
            assert np.array_equal(words[: L.EVT_WORDS], store.data[words[L.EVT_NUMBER] - 1])
            extra = plain.extra_of(int(words[L.EVT_HEAD]))
            assert (words[L.EVT_WORDS :] == (-1 if extra else 0)).all()


def test_the_legs_of_a_corrected_trade_are_as_the_newest_correction_left_them() -> None:
    store = flow(1, 60)
    before = [np.frombuffer(leg, "<i8") for leg in find(store, 17).legs]
    busts, numbers = [], [int(leg[L.EVT_NUMBER]) for leg in before]
    for n in (1, 2):
        busts.append(Busted(17, "a", 0, "r", 5, 6, store.next_number))
        for i in (1, 0):  # who owes comes first
            store.add(codes.E_CORRECTED, extra=1, trade=17)
            row = store.data[-2]
            row[L.EVT_BUST_OF], numbers[i] = numbers[i], int(row[L.EVT_NUMBER])
            row[L.EVT_LAST_PRICE], row[L.EVT_LAST_QTY], row[L.EVT_FEE], row[L.EVT_CUM], row[L.EVT_NOTIONAL] = (
                100 * n + i,
                200 * n + i,
                300 * n + i,
                4,
                5,
            )
        store.add(codes.E_SENT, 3)
    after = [np.frombuffer(leg, "<i8") for leg in find(store, 17, *busts).legs]
    assert [[int(leg[word]) for word in CHANGED] for leg in after] == [[numbers[i], 4, 200 + i, 400 + i, 5, 600 + i] for i in range(2)]
    kept = [word for word in range(len(after[0])) if word not in CHANGED]
    assert all(np.array_equal(one[kept], other[kept]) for one, other in zip(before, after)), "the terms of its fee are those of the fill"


@pytest.mark.parametrize("trade", [61, 10_000])
def test_what_a_client_sends_as_legs_is_not_used_and_an_unknown_trade_has_none(trade: int) -> None:
    found = find(flow(1, 60), trade)
    assert (found.event, found.legs) == ("", ())


def test_an_empty_store_has_no_trade() -> None:
    assert find(Store(), 1).legs == ()


def test_events_that_cannot_be_read_are_named() -> None:
    store = flow(2, 60)
    number = next(i for i, row in enumerate(store.data, 1) if row[L.EVT_TRADE] == 30)
    store.lost = range(number, number + 1)
    with pytest.raises(BadRequest, match="are lost") as error:
        find(store, 30)
    assert error.value.code == codes.R_REPORTS_LOST


def test_a_trade_that_may_have_been_removed_is_named_and_later_ones_are_found() -> None:
    store = flow(3, 60)
    store.kept_from = next(i for i, row in enumerate(store.data, 1) if row[L.EVT_TRADE] == 30)
    for trade in (1, 20, 29):
        with pytest.raises(BadRequest, match="are older than the exchange keeps them") as error:
            find(store, trade)
        assert error.value.code == codes.R_REPORTS_EXPIRED
    for trade in (30, 31, 60):
        assert len(find(store, trade).legs) == 2
    assert find(store, 61).legs == (), "newer than all that are here: there is no such trade"

"""The core refuses an operator's row with its numbers (Engine.refusal): limit, used and asked, as the refusal table speaks of them."""

from __future__ import annotations

from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from exchange_server.core.money.transfers import MONEY_MAX
from protocol import codes as C
from protocol import errors
from tests.core.wire_story import WireStory
from tests.model_worlds import NOW, SECOND

EXACTLY: dict[str, Any] = {"product": C.EXACTLY, "n": 2, "k": 1, "window": 5 * SECOND}


def closed() -> WireStory:
    s = WireStory(**EXACTLY)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    return s


def determined() -> WireStory:
    s = closed()
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100, 0])
    assert s.core.refused == 0
    return s


def final() -> WireStory:
    s = determined()
    s.time(seconds=6)
    s.do(C.C_FINALISE, event=1, version=1)
    assert s.core.refused == 0
    return s


def opened() -> WireStory:
    return WireStory(**EXACTLY)


ROWS: list[tuple[Any, int, dict[str, Any], int, tuple[int, int, int]]] = [
    # the world, the row, the reason, (limit, used, asked)
    (opened, C.C_DETERMINE, {"event": 7, "version": 1, "payouts": [100, 0]}, C.R_UNKNOWN_EVENT, (0, 0, 7)),
    (opened, C.C_DETERMINE, {"event": 1, "version": 1, "payouts": [100, 0]}, C.R_NOT_CLOSED, (0, 0, C.PH_OPEN)),
    (closed, C.C_DETERMINE, {"event": 1, "version": 1, "payouts": [100]}, C.R_PAYOUT_COUNT, (2, 0, 1)),
    (closed, C.C_DETERMINE, {"event": 1, "version": 1, "payouts": [101, 0]}, C.R_PAYOUT_RANGE, (100, 0, 101)),
    (closed, C.C_DETERMINE, {"event": 1, "version": 1, "payouts": [40, 50]}, C.R_PAYOUT_SUM, (100, 0, 90)),
    (closed, C.C_DETERMINE, {"event": 1, "version": 3, "payouts": [100, 0]}, C.R_RESULT_VERSION, (1, 0, 3)),
    (opened, C.C_DISPUTE, {"event": 7, "version": 1, "firm": 1}, C.R_UNKNOWN_EVENT, (0, 0, 7)),
    (opened, C.C_DISPUTE, {"event": 1, "version": 0, "firm": 1}, C.R_NOT_DISPUTABLE, (0, 0, C.PH_OPEN)),
    (determined, C.C_DISPUTE, {"event": 1, "version": 4, "firm": 1}, C.R_RESULT_VERSION, (1, 0, 4)),
    (determined, C.C_DISPUTE, {"event": 1, "version": 1, "firm": 9}, C.R_NO_PARTY, (0, 0, 9)),
    (determined, C.C_UPHOLD, {"event": 1, "version": 1}, C.R_NOT_DISPUTED, (0, 0, C.PH_DETERMINED)),
    (final, C.C_VOID, {"event": 1, "version": 2, "payouts": [100, 0]}, C.R_NOT_VOIDABLE, (0, 0, C.PH_FINAL)),
    (opened, C.C_VOID, {"event": 1, "version": 2, "payouts": [100, 0]}, C.R_RESULT_VERSION, (1, 0, 2)),
    (final, C.C_DETERMINE, {"event": 1, "version": 2, "payouts": [100, 0]}, C.R_ALREADY_FINAL, (0, 0, C.PH_FINAL)),
    (opened, C.C_FINALISE, {"event": 8, "version": 1}, C.R_UNKNOWN_EVENT, (0, 0, 8)),
    (closed, C.C_FINALISE, {"event": 1, "version": 1}, C.R_NOT_DETERMINED, (0, 0, C.PH_CLOSED)),
    (determined, C.C_FINALISE, {"event": 1, "version": 2}, C.R_NOT_DETERMINED, (1, 2, C.PH_DETERMINED)),
    (determined, C.C_FINALISE, {"event": 1, "version": 1}, C.R_CHALLENGE_WINDOW, (NOW + 5 * SECOND, 0, NOW)),
    (final, C.C_FINALISE, {"event": 1, "version": 1}, C.R_ALREADY_FINAL, (0, 0, C.PH_FINAL)),
    (opened, C.C_PHASE, {"event": 9, "phase": C.PH_PAUSED}, C.R_UNKNOWN_EVENT, (0, 0, 9)),
    (opened, C.C_PHASE, {"event": 1, "phase": C.PH_FINAL}, C.R_BAD_TRANSITION, (0, C.PH_OPEN, C.PH_FINAL)),
    (opened, C.C_TRANSFER, {"target": 16, "asset": 3, "amount": 1}, C.R_UNKNOWN_ASSET, (0, 0, 3)),
    (opened, C.C_TRANSFER, {"target": 16, "asset": 1, "amount": -4}, C.R_AMOUNT_NOT_POSITIVE, (1, 0, -4)),
    (opened, C.C_TRANSFER, {"target": 16, "asset": 1, "amount": MONEY_MAX}, C.R_OVERFLOW, (MONEY_MAX, 0, MONEY_MAX)),
    (opened, C.C_TRANSFER, {"target": 16, "asset": 1, "amount": MONEY_MAX - 1}, C.R_OVERFLOW, (MONEY_MAX, 1_000_000, MONEY_MAX + 999_999)),
    (opened, C.C_TRANSFER, {"source": 16, "asset": 1, "amount": 1_000_001}, C.R_WITHDRAW_TOO_MUCH, (1_000_000, 0, 1_000_001)),
    (opened, C.C_TRANSFER, {"source": 40, "target": 16, "asset": 1, "amount": 1}, C.R_UNKNOWN_ACCOUNT, (0, 0, 40)),
    (opened, C.C_TRANSFER, {"source": 16, "target": 41, "asset": 1, "amount": 1}, C.R_UNKNOWN_ACCOUNT, (0, 0, 41)),
    (opened, C.C_KILL, {"level": C.KILL_FIRM, "target": 9, "on": 1}, C.R_BAD_COMMAND, (C.KILL_FIRM, 0, 9)),
    (opened, C.C_KILL, {"level": C.KILL_ACCOUNT, "target": 42, "on": 1}, C.R_UNKNOWN_ACCOUNT, (0, 0, 42)),
    (opened, C.C_KILL, {"level": 12, "target": 1, "on": 1}, C.R_BAD_COMMAND, (C.KILL_SESSION, 0, 12)),
    (opened, C.C_RESTRICT, {"event": 6, "firm": 1, "on": 1}, C.R_UNKNOWN_EVENT, (0, 0, 6)),
    (opened, C.C_RESTRICT, {"event": 1, "firm": 11, "on": 1}, C.R_BAD_COMMAND, (0, 0, 11)),
    (opened, C.C_REFERENCE, {"instrument": 30, "reference": 5, "collar": -1}, C.R_UNKNOWN_INSTRUMENT, (0, 0, 30)),
    (opened, C.C_UNLIST, {"venue": 1, "instrument": 30}, C.R_UNKNOWN_INSTRUMENT, (0, 0, 30)),
    (opened, C.C_DEF_ASSET, {"id": 99}, C.R_TABLE_FULL, (5, 2, 99)),
    (opened, C.C_DEF_FIRM, {"id": 99}, C.R_TABLE_FULL, (17, 2, 99)),
    (opened, C.C_DEF_ACCOUNT, {"id": 20, "firm": 9, "account_kind": C.ACCT_TRADING}, C.R_BAD_DEFINITION, (0, 0, d.DC_FIRM)),
    (opened, C.C_DEF_LISTING, {"venue": 1, "instrument": 44, "model": C.FEE_QUADRATIC, "owner_account": 3, "venue_account": 2},
     C.R_UNKNOWN_INSTRUMENT, (0, 0, 44)),
]  # fmt: skip


@pytest.mark.parametrize(("world", "kind", "fields", "reason", "numbers"), ROWS)
def test_the_numbers_of_a_refused_row(world: Any, kind: int, fields: dict[str, Any], reason: int, numbers: tuple[int, int, int]) -> None:
    s = world()
    s.do(kind, **fields)
    assert errors.short_name(s.core.refused) == errors.short_name(reason)
    assert s.engine.refusal == numbers
    assert s.engine.check() == []


def test_open_orders_are_counted() -> None:
    """It cannot come about: closing cancels all orders. The core still refuses, should it ever."""
    s = closed()
    row = s.pool_row(L.P_EVENT, L.EVENT_WORDS, 1)
    s.engine.m[row + L.E_OPEN_ORDERS] = 3
    s.do(C.C_DETERMINE, event=1, version=1, payouts=[100, 0])
    assert (s.core.refused, s.engine.refusal) == (C.R_OPEN_ORDERS, (0, 0, 3))

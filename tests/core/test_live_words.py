"""What core/layout/definitions.py says of each word, held against the core: a second row for an existing id changes the words marked [live], and no other."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from exchange_server.registry import rows
from protocol import codes as C
from tests.core_rig import Core, tiny
from tests.model_world import Limits

Words = Any
SOURCE = Path(d.__file__).read_text()
LOGIN = ar.DefineSession(name="S", wire="fix", firm="F")
EVENT = {
    d.DE_ID: 1, d.DE_PRODUCT: C.EXACTLY, d.DE_K: 1, d.DE_N: 2, d.DE_ASSET: 1, d.DE_PAYOUT: 100, d.DE_TICK_VALUE: 1, d.DE_OWNER_VENUE: 1,
    d.DE_PHASE: C.PH_OPEN, d.DE_ROOM: 2,
}  # fmt: skip


def contract(index: int) -> Words:
    fields = {
        d.DI_ID: index + 1, d.DI_EVENT: 1, d.DI_INDEX: index, d.DI_MIN_QTY: 1, d.DI_MAX_QTY: 100, d.DI_LOT: 1, d.DI_PRICE_MIN: 1, d.DI_PRICE_MAX: 99,
        d.DI_PROTECTION: 5, d.DI_MAX_POSITION: 1000,
    }  # fmt: skip
    row = rows.row(C.C_DEF_INSTRUMENT, d.DI_EXTRA, {**fields, d.DI_BAND_COUNT: 1}.items())
    row[d.DI_SYMBOL_LEN] = rows.put_text(row, d.DI_SYMBOL, f"I{index}", 8)
    row[d.DI_BANDS : d.DI_BANDS + 3] = (1, 99, 1)
    return row


def event(**fields: int) -> Words:
    return rows.row(C.C_DEF_EVENT, d.DE_EXTRA, {**EVENT, **{getattr(d, name): value for name, value in fields.items()}}.items())


# Kind: (prefix of its words, pool, words of a row there, the row that is sent twice)
KINDS: dict[str, tuple[str, int, int, Callable[[], Words]]] = {
    "asset": ("DA_", L.P_ASSET, L.ASSET_WORDS, lambda: rows.asset(1, 4, "USD")),
    "venue": ("DV_", L.P_VENUE, L.VENUE_WORDS, lambda: rows.venue(1, 2, ar.DefineVenue(name="V"))),
    "firm": ("DF_", L.P_FIRM, L.FIRM_WORDS, lambda: rows.firm(1, ar.DefineFirm(name="F"))),
    "account": ("DC_", L.P_ACCOUNT, L.ACCOUNT_WORDS, lambda: rows.account(16, 1, C.ACCT_TRADING, 0, 0, "A")),
    "session": ("DS_", L.P_SESSION, L.SESSION_WORDS, lambda: rows.session(1, 1, 0, 16, C.WIRE_FIX, 0, LOGIN, "WE", "THEY")),
    "instrument": ("DI_", L.P_INSTRUMENT, L.INSTRUMENT_WORDS, lambda: contract(1)),
    "listing": ("DL_", L.P_LISTING, L.LISTING_WORDS, lambda: rows.listings(1, 2, 1, ar.Fees(model="quadratic", taker_bps=10), 2, 2)[0]),
}


OTHER = {"DS_FLAGS": L.SF_CANCEL_ON_DISCONNECT}  # by how much a word is changed, where 1 is no value of it


def words_of(prefix: str) -> dict[str, bool]:
    """The words of a kind of row but for those that say which row is meant: name to whether it is [live]."""
    found = {}
    for name, comment in re.findall(rf"^({prefix}\w+) = \d+(.*)$", SOURCE, re.M):
        if not name.endswith(("_EXTRA", "_ID")) and name not in ("DL_VENUE", "DL_INSTRUMENT"):
            found[name] = "[live" in comment or prefix == "DL_"  # of a listing all are, as its head says
    return found


def world() -> Core:
    core = Core(tiny(Limits(64, 64)))
    start = [
        rows.account(1, 0, C.ACCT_FEES, 0, 0, "PLATFORM"), *(KINDS[kind][3]() for kind in ("asset", "venue")),
        rows.account(2, 0, C.ACCT_FEES, 0, 1, "FEES"), *(KINDS[kind][3]() for kind in ("firm", "account", "session")),
        event(), contract(0), contract(1), KINDS["listing"][3](),
    ]  # fmt: skip
    for row in start:
        core.step(row)
        assert core.refused == C.OK
    return core


def table(core: Core, pool: int, width: int) -> Words:
    """All rows of a pool as they are now."""
    at = L.H_POOLS + pool * L.POOL_WORDS
    base, count = int(core.m[at + L.PL_BASE]), int(core.m[at + L.PL_NEXT])
    return core.m[base : base + count * width].copy()


ALL = [(kind, name, live) for kind, (prefix, *_) in KINDS.items() for name, live in words_of(prefix).items()]


@pytest.fixture(scope="module")
def core() -> Core:
    return world()


@pytest.mark.parametrize(("kind", "name", "live"), ALL, ids=[name for _, name, _ in ALL])
def test_a_second_row_changes_what_is_live(core: Core, kind: str, name: str, live: bool) -> None:
    _, pool, width, make = KINDS[kind]
    core.step(make())
    before = table(core, pool, width)
    changed = make()
    changed[getattr(d, name)] += OTHER.get(name, 1)
    core.step(changed)
    assert core.refused == C.OK
    after = table(core, pool, width)
    assert bool(np.any(after != before)) == live, f"{name} is {'' if live else 'not '}marked [live]"
    core.step(make())
    assert np.array_equal(table(core, pool, width), before), "and back again"


def test_a_second_row_of_an_event_is_refused_and_changes_nothing(core: Core) -> None:
    assert not any(words_of("DE_").values()), "nothing of an event is marked [live]"
    before = table(core, L.P_EVENT, L.EVENT_WORDS)
    core.step(event(DE_WINDOW_NS=7))
    assert core.refused == C.R_BAD_DEFINITION
    assert np.array_equal(table(core, L.P_EVENT, L.EVENT_WORDS), before)


def test_every_kind_is_looked_at() -> None:
    assert {prefix for prefix, *_ in KINDS.values()} | {"DE_"} == {f"{name[:2]}_" for name in re.findall(r"^(D\w)_EXTRA", SOURCE, re.M)} - {
        "DT_", "DP_", "DD_", "DX_", "DK_", "DR_", "DN_", "DZ_", "DG_", "DB_", "DW_", "DQ_", "DO_", "DU_", "DH_", "DM_"
    }  # fmt: skip
    assert sum(live for *_, live in ALL) > 15 and sum(not live for *_, live in ALL) > 15

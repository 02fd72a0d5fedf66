"""Statements: every change of a balance is told, and the sum is the ledger's, to the unit."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.gateway.admin import statement
from exchange_server.gateway.admin.office import BadRequest
from exchange_server.gateway.admin.statement import Statements, heads_of
from exchange_server.journal.retention import retire
from exchange_server.registry import Refused
from exchange_server.registry.access import CHECK, Sight
from exchange_server.registry.statement import KINDS, Entry
from protocol import codes
from tests.money_rig import TRADERS, Venue, finish, trade_at_random, traders


def sight_of(venue: Venue, who: str = CHECK) -> Sight:
    return Sight(venue.registry, who, venue.now)


def whole(venue: Venue, account: str, asset: str = "USD", **fields: Any) -> tuple[dict[str, Any], list[Entry]]:
    """The first page, and the entries of all pages."""
    desk = Statements(venue.registry, venue.engine.m, venue.store)
    request = {"account": account, "asset": asset, **fields}
    first = finish(desk.ask(request, sight_of(venue)))
    entries, page = list(first["entries"]), first
    while page["cursor"]:
        page = finish(desk.ask({**request, "cursor": page["cursor"]}, sight_of(venue)))
        assert page["entries"] and page["as_of_event"] == first["as_of_event"]
        entries += page["entries"]
    return first, entries


def held(venue: Venue, account: str, asset: str) -> int:
    registry = venue.registry
    return int(registry.holds.held(registry.accounts.named(account).id, registry.assets.named(asset).id))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_every_statement_sums_from_nothing_to_the_ledgers_balance(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    r = random.Random(seed)
    venue = traders(Venue(tmp_path_factory.mktemp("venue"), rows_per_file=r.choice((50, 1000))))
    trade_at_random(venue, r, 120, settle=r.random() < 0.7)
    for account in [row.name for row in venue.registry.accounts if row.firm]:
        for asset in ("USD", "BTC"):
            first, entries = whole(venue, account, asset, limit=r.choice((1, 7, 500)))
            cash, on_hold = venue.cash(account, asset), held(venue, account, asset)
            assert (first["opening"], first["held_opening"]) == (0, 0), (seed, account)
            assert (first["closing"], first["held_closing"]) == (cash + on_hold, on_hold), (seed, account)
            assert sum(e.amount for e in entries) == cash + on_hold and sum(e.held for e in entries) == on_hold
            balance = 0
            for e in entries:
                balance += e.amount
                assert e.balance == balance and (e.amount or e.held or e.kind == "settlement")
            assert [e.event for e in entries] == sorted(e.event for e in entries)
            part(venue, r, account, asset, entries)


def part(venue: Venue, r: random.Random, account: str, asset: str, entries: list[Entry]) -> None:
    """The statement of some time in between is that part of the whole."""
    begin, end = sorted(r.sample(range(1, venue.now + 2_000_000, 500_000), 2))
    first, found = whole(venue, account, asset, from_ns=begin, to_ns=end, limit=5)
    inside = [e for e in entries if begin <= e.time_ns <= end]
    assert [(e.event, e.kind, e.amount, e.balance) for e in found] == [(e.event, e.kind, e.amount, e.balance) for e in inside]
    assert first["opening"] == sum(e.amount for e in entries if e.time_ns < begin)
    assert first["closing"] == sum(e.amount for e in entries if e.time_ns <= end)


def test_each_kind_of_entry_says_what_it_is(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path))
    seen: dict[str, Entry] = {}
    counts: Counter[str] = Counter()
    trade_at_random(venue, random.Random(3), 400)
    for name in TRADERS:
        for asset in ("USD", "BTC"):
            first, entries = whole(venue, f"{name}-A", asset, limit=5000)
            counts.update(e.kind for e in entries)
            assert {kind: total["count"] for kind, total in first["totals"].items()} == Counter(e.kind for e in entries)
            seen.update({e.kind: e for e in entries})
    venue.must(ar.Transfer(key="out", asset="USD", amount=5, source="T1-A", note="to the bank"))
    seen["withdrawal"] = whole(venue, "T1-A", limit=5000)[1][-1]
    reversals = {"bust", "trade correction", "correction", "cover", "owed", "recovery"}  # tests/test_reversals_server.py
    assert set(seen) == set(KINDS) - reversals, set(KINDS) - set(seen)
    assert seen["withdrawal"].details == {"key": "out", "what": "withdrawal", "note": "to the bank", "who": "uid:0"}
    assert seen["hold"].details["hold" if "hold" in seen["hold"].details else "withdrawal"] and seen["hold"].amount == 0 < seen["hold"].held
    assert seen["payment"].amount == seen["payment"].held < 0 and seen["payment"].details["key"].startswith("e")
    assert seen["release"].amount == 0 > seen["release"].held
    assert seen["move"].details["other"].startswith("T") and seen["move"].details["note"] == "move"
    assert set(seen["trade"].details) == {
        "symbol",
        "side",
        "contract_side",
        "quantity",
        "price",
        "price_decimals",
        "qty_decimals",
        "trade",
        "order",
    }
    assert seen["settlement"].details["event"] == "FINAL" and seen["settlement"].details["version"] == 1
    assert seen["split"].amount < 0 < seen["merge"].amount and seen["split"].details["event"] == "FINAL"
    assert seen["fee"].amount < 0 < seen["rebate"].amount


def test_the_fee_accounts_statement_covers_all_of_time(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path))
    trade_at_random(venue, random.Random(4), 200)
    earned = venue.cash("V1.FEES")
    assert earned > 0
    venue.must(ar.Transfer(key="fees", asset="USD", amount=1, source="V1.FEES"))
    first, entries = whole(venue, "V1.FEES")
    assert (first["opening"], first["closing"], first["totals"]["fee_shares"]["amount"]) == (0, earned - 1, earned)
    assert [e.kind for e in entries] == ["withdrawal"]
    with pytest.raises(BadRequest, match=r"V1\.FEES gets shares of fees"):
        whole(venue, "V1.FEES", from_ns=5)


def test_a_page_that_is_asked_for_late_still_ends_where_the_first_did(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path))
    trade_at_random(venue, random.Random(5), 60, settle=False)
    desk = Statements(venue.registry, venue.engine.m, venue.store)
    request = {"account": "T1-A", "asset": "USD", "limit": 2}
    first = finish(desk.ask(request, sight_of(venue)))
    venue.must(ar.Transfer(key="late", asset="USD", amount=77, target="T1-A"))
    entries, page = list(first["entries"]), first
    while page["cursor"]:
        page = finish(desk.ask({**request, "cursor": page["cursor"]}, sight_of(venue)))
        entries += page["entries"]
    assert entries[-1].balance == first["closing"] and all(e.details.get("key") != "late" for e in entries)


def test_it_is_read_in_slices_and_trading_goes_on_in_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement, "SLICE_ROWS", 16)
    venue = traders(Venue(tmp_path))
    trade_at_random(venue, random.Random(6), 60, settle=False)
    work = Statements(venue.registry, venue.engine.m, venue.store).ask({"account": "T1-A", "asset": "USD"}, sight_of(venue))
    closing, slices, answer = venue.cash("T1-A") + held(venue, "T1-A", "USD"), 0, None
    while answer is None:
        try:
            next(work)
            slices += 1
            venue.must(ar.Transfer(key=f"between {slices}", asset="USD", amount=1, target="T1-A"))
        except StopIteration as done:
            answer = done.value
    assert slices > 5 and answer["closing"] == closing == answer["entries"][-1].balance


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"account": "NOBODY"}, 'account: there is no account "NOBODY"'),
        ({"asset": 5}, "asset: a name is required"),
        ({"asset": "EUR"}, 'asset: there is no asset "EUR"'),
        ({"limit": 0}, "limit: must be 1 to 5000, asked 0"),
        ({"limit": True}, "limit: a whole number is required"),
        ({"from_ns": -1}, "from_ns: a whole number is required"),
        ({"from_ns": 10**9, "to_ns": 10**9}, "to_ns: must be later than 1970-01-01 00:00:01 UTC, asked 1970-01-01 00:00:01 UTC"),
        ({"cursor": "1.2"}, "cursor: not that of a page of a statement"),
        ({"cursor": "1.2.3.x"}, "cursor: not that of a page of a statement"),
        ({"cursor": "0.2.3.4"}, "cursor: not that of a page of a statement"),
        ({"cursor": "99999.2.3.100000"}, "cursor: not that of a page of a statement"),
        ({"cursor": None}, "cursor: a text is required"),
        ({"account": "PLATFORM.HOLDS"}, "account: PLATFORM.HOLDS has the money of all holds; it is on the statements of its owners"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_why(tmp_path: Path, fields: dict[str, Any], text: str) -> None:
    venue = traders(Venue(tmp_path))
    with pytest.raises((BadRequest, Refused)) as refused:
        finish(Statements(venue.registry, venue.engine.m, venue.store).ask({"account": "T1-A", "asset": "USD", **fields}, sight_of(venue)))
    said = refused.value.refusal.text if isinstance(refused.value, Refused) else str(refused.value)
    assert said == text


def test_events_that_the_store_has_lost_are_named(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path, rows_per_file=20))
    trade_at_random(venue, random.Random(7), 60)
    venue.store.flush()
    venue.store.lost.add(30, 35)
    with pytest.raises(BadRequest, match="events 30 to 35 are lost") as refused:
        whole(venue, "T1-A")
    assert refused.value.code == codes.R_REPORTS_LOST
    newest = whole(venue, "T1-A", from_ns=venue.now)[0]
    assert newest["closing"] == venue.cash("T1-A") + held(venue, "T1-A", "USD"), "what came later can be told"


def test_extra_rows_are_not_taken_for_events() -> None:
    rows = np.zeros((6, L.EVT_WORDS), np.int64)
    rows[0, L.EVT_HEAD] = 2 << 8
    rows[1, L.EVT_HEAD] = codes.E_FILL | 3 << 8  # the payload of an extra row
    heads, after = heads_of(rows, 0)
    assert heads.tolist() == [0, 3, 4, 5] and after == 6


def test_only_who_may_ask_gets_a_statement(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path))
    venue.must(ar.DefineFirm(name="V1.F", venue="V1"), ar.DefineAccount(name="V1.A", firm="V1.F"))
    for name, role in (("till", "treasurer"), ("help", "support"), ("other", "treasurer")):
        home = "V2" if name == "other" else "V1"
        venue.must(ar.DefinePrincipal(name=name, venue=home), ar.Grant(principal=name, role=role, scope=f"venue:{home}"))
    desk = Statements(venue.registry, venue.engine.m, venue.store)
    request = {"account": "V1.A", "asset": "USD"}
    assert finish(desk.ask(request, sight_of(venue, "principal:till")))["closing"] == 0
    for name, code in (("help", codes.R_NOT_AUTHORISED), ("other", codes.R_UNKNOWN_ACCOUNT), ("nobody", codes.R_UNKNOWN_ACCOUNT)):
        with pytest.raises(Refused) as refused:
            desk.ask(request, sight_of(venue, f"principal:{name}"))
        assert refused.value.refusal.code == code, name
    with pytest.raises(Refused):
        desk.ask({"account": "T1-A", "asset": "USD"}, sight_of(venue, "principal:till"))


def test_a_statement_that_reaches_into_removed_events_is_refused_by_name(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path, rows_per_file=20))
    trade_at_random(venue, random.Random(7), 60)
    venue.store.flush()
    every = venue.store.rows(1, venue.store.next_number - 1).reshape(-1, L.EVT_WORDS)
    retire(venue.store.directory, 1 << 62, 41, 20)
    assert venue.store.look_retired() and venue.store.kept_from == 41
    later = next(row for row in every[50:] if row[L.EVT_NUMBER] and row[L.EVT_TIME] > every[40, L.EVT_TIME])
    for fields in ({}, {"from_ns": int(every[5, L.EVT_TIME])}, {"from_ns": 1}):
        with pytest.raises(BadRequest, match="events 1 to 40 are older than the exchange keeps them") as refused:
            whole(venue, "T1-A", **fields)
        assert refused.value.code == codes.R_REPORTS_EXPIRED
    assert whole(venue, "T1-A", from_ns=int(later[L.EVT_TIME]))[0]["closing"] == venue.cash("T1-A") + held(venue, "T1-A", "USD")

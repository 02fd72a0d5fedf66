"""What leaves with a venue: every part against the ledger and the books, and nothing that is somebody else's or secret."""

import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server.gateway.admin.venue_export import VenueExports
from exchange_server.registry import venue_copy
from exchange_server.registry.access import CHECK, Sight
from exchange_server.registry.account_view import account_view
from protocol import codes
from tests.money_rig import Venue, finish, trade_at_random, traders
from tests.registry.test_registry import FINAL, MAKER, RESULT, change


def parts(venue: Venue, name: str) -> dict[str, list[dict[str, Any]]]:
    copy = venue_copy.take(venue.registry, venue.engine.m, venue.registry.venues.named(name).id, venue.engine.row_seq)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for part, row in venue_copy.parts(copy):
        assert part in venue_copy.PARTS
        found[part].append(row)
    return found


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    venue = traders(Venue(tmp_path_factory.mktemp("venue")))
    venue.must(
        ar.DefineFirm(name="V1.F", venue="V1"), ar.DefineAccount(name="V1.A", firm="V1.F"), ar.DefineAccount(name="V1.B", firm="V1.F")
    )
    venue.must(change(MAKER, name="V1.S", key="V1.S", firm="V1.F", account="V1.A", venue="V1"))
    venue.must(ar.Transfer(key="V1 in", asset="USD", amount=5_000_000, target="V1.A"))
    venue.must(ar.Hold(key="V1 hold", account="V1.A", asset="USD", amount=77, note="bond"))
    venue.must(ar.DefinePrincipal(name="V1.op", venue="V1"), ar.Grant(principal="V1.op", role="treasurer", scope="venue:V1"))
    venue.must(
        ar.DefineFirm(name="V2.F", venue="V2"), ar.DefineAccount(name="V2.A", firm="V2.F"), ar.DefinePrincipal(name="V2.op", venue="V2")
    )
    venue.must(ar.FirmTags(firm="V1.F", kyc_level=2, tags=("vip",)), ar.FirmTags(firm="OTHER", kyc_level=1))
    venue.must(
        ar.AccessRule(rule="kyc", venue="V1", effect="deny", tags=("bad",)),
        ar.AccessRule(rule="own", event="FINAL", effect="deny", tags=("worse",)),
        ar.AccessRule(rule="x", venue="V2", effect="deny", tags=("bad",)),
    )
    venue.send(codes.C_LOGON, "V1.S")
    trade_at_random(venue, random.Random(11), 150, settle=False)
    for price in (20, 30, 30, 40):
        venue.order("V1.S", "F-ARG", codes.BUY, price, 9)
        venue.order("V1.S", "F-ARG", codes.SELL, 100 - price, 7, text=b"text id")
    return venue


def test_positions_and_orders_are_those_of_the_account_view(traded: Venue) -> None:
    found = parts(traded, "V1")
    view = account_view(traded.registry, traded.engine.m)["accounts"]
    positions = {(row["account"], row["symbol"]): row["quantity"] for row in found["positions"]}
    assert positions == {(a["name"], symbol): q for a in view for symbol, q in a["positions"].items()} and positions
    orders = sorted((row["account"], row["price"], row["quantity"] - row["filled"]) for row in found["orders"])
    assert orders == sorted((a["name"], o["price"], o["leaves"]) for a in view for o in a["orders"]) and len(orders) > 8
    assert {row["symbol"] for row in found["orders"]} > {"F-ARG"}
    mine = [row for row in found["orders"] if row["session"] == "V1.S" and row["side"] == "buy"]
    assert [row["price"] for row in mine] == sorted((row["price"] for row in mine), reverse=True), "best first"
    assert all(row["client_id"] for row in mine) and any(row["client_id"] == "text id" for row in found["orders"])


def test_own_accounts_leave_with_all_their_money_and_guests_with_what_they_need(traded: Venue) -> None:
    found = parts(traded, "V1")
    balances = {(row["account"], row["asset"]): row["balance"] for row in found["balances"]}
    assert balances["V1.A", "USD"] == traded.cash("V1.A") + 77 and balances["V1.FEES", "USD"] == traded.cash("V1.FEES")
    assert {account for account, _ in balances} == {"V1.A", "V1.FEES"}
    assert found["holds"] == [
        {"account": "V1.A", "asset": "USD", "kind": "hold", "amount": 77, "until_ns": 0, "key": "V1 hold", "note": "bond"}
    ]
    for row in found["guests"]:
        account, asset = traded.registry.accounts.named(row["account"]), traded.registry.assets.named(row["asset"])
        assert state.balance(traded.engine.m, account.id, asset.id)[1] == row["required"], "all that they locked, they locked here"  # type: ignore[index]
    assert {row["account"] for row in found["guests"]} <= {"T1-A", "T2-A", "T3-A"}
    event = state.Event.of(traded.engine.m, 1)
    assert [(row["event"], row["sets"]) for row in found["sets"]] == ([("FINAL", event.sets)] if event.sets else [])


def test_nothing_of_another_venue_and_no_secret_leaves(traded: Venue) -> None:
    found = parts(traded, "V1")
    text = str(dict(found))
    assert "V2.F" not in text and "V2.op" not in text and MAKER.verifier not in text
    assert not {"secret", "verifier"} & {key for row in found["sessions"] for key in row}
    assert [row["name"] for row in found["sessions"]] == ["MM1", "V1.S", "T1", "T2", "T3"] or {"V1.S"} <= {
        r["name"] for r in found["sessions"]
    }
    assert [row["name"] for row in found["principals"]] == ["V1.op"] and found["principals"][0]["grants"][0]["role"] == "treasurer"
    assert [row["firm"] for row in found["tags"]] == ["V1.F"] and sorted(row["rule"] for row in found["rules"]) == ["kyc", "own"]
    assert {row["name"] for row in found["assets"]} == {"BTC", "USD"}
    other = parts(traded, "V2")
    assert {part for part, rows in other.items() if rows} <= {"venue", "firms", "accounts", "principals", "assets", "rules", "tags"}


def test_a_market_leaves_with_its_results(tmp_path: Path) -> None:
    venue = traders(Venue(tmp_path))
    trade_at_random(venue, random.Random(5), 60)
    found = parts(venue, "V1")
    assert [(row["record"]["event"], row["phase"]) for row in found["markets"]] == [("FINAL", "final"), ("BTC-USD", "open")]
    (row,) = found["results"]
    (result,) = row["determinations"]
    assert row["event"] == "FINAL" and result["record"]["evidence_sha256"] == RESULT.evidence_sha256 and result["final_at_ns"]
    assert not [row for row in found["positions"] if row["symbol"] in {c.symbol for c in FINAL.contracts}]


def test_the_verb_sends_the_copy_of_one_moment_in_pieces(traded: Venue) -> None:
    wanted = parts(traded, "V1")
    work = VenueExports(traded.registry, traded.engine).ask({"venue": "V1"}, Sight(traded.registry, CHECK, 0))
    found: dict[str, list[Any]] = defaultdict(list)
    pieces, about, cash = 0, None, traded.cash("V1.A")
    while about is None:
        try:
            piece = next(work)
            found[piece["part"]] += piece["rows"]
            pieces += 1
            traded.must(ar.Transfer(key=f"V1 late {pieces} {cash}", asset="USD", amount=1, target="V1.A"))
        except StopIteration as done:
            about = done.value
    assert dict(found) == dict(wanted) and pieces > 8
    assert about["venue"] == "V1" and about["compared"] == list(venue_copy.COMPARED)
    assert (
        finish(VenueExports(traded.registry, traded.engine).ask({"venue": "V1"}, Sight(traded.registry, CHECK, 0)))["row_seq"]
        > about["row_seq"]
    )

"""The end of accounts, firms, sessions, markets and listings on the real core: what must be true first, what is refused afterwards, and that it lasts."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.engine import Engine
from protocol import codes
from tests.money_rig import Venue, traders
from tests.registry.test_registry import BASE, FINAL, LOGIN, MAKER, RESULT, change


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return traders(Venue(tmp_path))


def close(kind: Any, name: str, reason: str = "left") -> ar.Close:
    return ar.Close(kind=kind, name=name, reason=reason)


def refused(venue: Venue, record: Any, code: int) -> str:
    before = venue.registry.to_bytes()
    answer = venue.do(record)
    assert not answer.ok and answer.code == code, answer
    assert venue.registry.to_bytes() == before
    return answer.text


def test_an_account_is_closed_only_when_it_is_empty(venue: Venue) -> None:
    venue.order("T1", "F-ESP", codes.BUY, 40, 7)
    venue.order("T2", "F-ESP", codes.SELL, 40, 5)
    venue.must(ar.Hold(key="h", account="T1-A", asset="USD", amount=100))
    text = refused(venue, close("account", "T1-A"), codes.R_NOT_EMPTY)
    cash = venue.cash("T1-A")
    assert text == (
        f"name: account T1-A is not empty: it has 1 open order, a position of 5 of F-ESP, {cash // 10_000}.{cash % 10_000:04} USD, 0.01000000 BTC, hold 1"
    )
    empty(venue, "T2-B")
    venue.must(close("account", "T2-B"))


def empty(venue: Venue, name: str) -> None:
    for asset in ("USD", "BTC"):
        if amount := venue.cash(name, asset):
            venue.must(ar.Transfer(key=f"{name} {asset} out", asset=asset, amount=amount, source=name))


def test_money_on_hold_keeps_an_account_open(venue: Venue) -> None:
    venue.must(ar.Hold(key="h", account="T1-A", asset="USD", amount=venue.cash("T1-A")))
    empty(venue, "T1-A")
    assert refused(venue, close("account", "T1-A"), codes.R_NOT_EMPTY).endswith("it has hold 1")


def test_a_firm_is_closed_when_its_accounts_are_and_nobody_is_logged_on(venue: Venue) -> None:
    text = refused(venue, close("firm", "T1"), codes.R_NOT_EMPTY)
    assert text == "name: firm T1 is in use: it has the open account T1-A, T1-B, the logged-on session T1"
    for name in ("T1-A", "T1-B"):
        empty(venue, name)
        venue.must(close("account", name))
    assert refused(venue, close("firm", "T1"), codes.R_NOT_EMPTY) == "name: firm T1 is in use: it has the logged-on session T1"
    venue.send(codes.C_LOGOFF, "T1")
    venue.must(close("firm", "T1", "bankrupt"))
    assert "(bankrupt)" in refused(venue, ar.DefineAccount(name="T1-C", firm="T1"), codes.R_FIRM_CLOSED)
    assert Engine.restore(venue.engine.snapshot()).digest() == venue.engine.digest() and venue.engine.check() == []


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (ar.Transfer(key="x", asset="USD", amount=1, target="ACME-B"), codes.R_ACCOUNT_CLOSED),
        (ar.Transfer(key="x", asset="USD", amount=1, source="ACME-A", target="ACME-B"), codes.R_ACCOUNT_CLOSED),
        (ar.Hold(key="x", account="ACME-B", asset="USD", amount=1), codes.R_ACCOUNT_CLOSED),
        (close("account", "ACME-B", "again"), codes.R_ACCOUNT_CLOSED),
        (change(LOGIN, name="C9", peer_comp_id="C9", account="ACME-B"), codes.R_ACCOUNT_CLOSED),
        (change(MAKER, throttle_limit=1, throttle_window_ns=1), codes.R_SESSION_CLOSED),
        (close("session", "MM1", "again"), codes.R_SESSION_CLOSED),
        (close("account", "V1.FEES"), codes.R_BAD_DEFINITION),
        (close("account", "NOBODY"), codes.R_UNKNOWN_ACCOUNT),
    ],
)
def test_what_is_closed_is_not_used_again(venue: Venue, record: Any, code: int) -> None:
    venue.must(close("account", "ACME-B"), close("session", "MM1"))
    refused(venue, record, code)


def test_a_file_that_still_names_what_is_closed_does_no_harm(venue: Venue) -> None:
    """A start applies its configuration each time: the same definition of what was closed changes nothing."""
    venue.must(close("account", "ACME-B"), close("session", "MM1"))
    before = venue.registry.to_bytes()
    venue.must(*BASE[:-2], close("account", "ACME-B"))
    assert venue.registry.to_bytes() == before


def test_a_closed_account_of_a_session_enters_no_orders(venue: Venue) -> None:
    empty(venue, "T1-A")
    venue.must(close("account", "T1-A"))
    orders = venue.engine.m[:64].copy()
    venue.order("T1", "F-ESP", codes.BUY, 40, 7)
    assert venue.store.row(venue.store.next_number - 1)[0] & 0xFF == codes.E_REJECTED, orders


# ---- markets and listings ----------------------------------------------------------------------------------------------


def said(venue: Venue) -> int:
    """The kind of the newest event."""
    return int(venue.store.row(venue.store.next_number - 1)[0] & 0xFF)


def test_a_market_is_removed_when_nobody_holds_anything_in_it(venue: Venue) -> None:
    venue.order("T1", "F-ESP", codes.BUY, 40, 7)
    venue.order("T2", "F-ESP", codes.SELL, 40, 5)
    text = refused(venue, close("market", "FINAL"), codes.R_NOT_EMPTY)
    assert text == "name: market FINAL is in use: it has 1 open order, a position of T1-A, T2-A"
    venue.send(codes.C_SPLIT, "T3", instrument=1, values={L.CMD_SETS: 4})
    assert refused(venue, close("market", "FINAL"), codes.R_NOT_EMPTY).endswith("a position of T1-A, T2-A, T3-A, 4 sets")
    venue.must(ar.SetPhase(event="FINAL", phase="closed"), RESULT, ar.Finalise(event="FINAL"))
    rows = venue.registry.listing_rows
    venue.must(close("market", "FINAL", "over"), close("market", "FINAL", "over"))
    assert venue.registry.listing_rows == rows - 3 and venue.engine.check() == []
    assert "was removed at" in refused(venue, close("market", "FINAL", "again"), codes.R_MARKET_REMOVED)
    for record in (ar.SetPhase(event="FINAL", phase="open"), change(FINAL, max_qty=5), RESULT, ar.Restrict(event="FINAL", firm="T1")):
        refused(venue, record, codes.R_MARKET_REMOVED)
    venue.must(FINAL)  # a file that still names it as it was
    venue.order("T1", "F-ESP", codes.BUY, 40, 7)
    assert said(venue) == codes.E_REJECTED
    again = Engine.restore(venue.engine.snapshot())
    assert again.digest() == venue.engine.digest() and again.registry.events.named("FINAL").closed is not None  # type: ignore[union-attr]


def test_a_market_that_is_new_is_removed_at_once(venue: Venue) -> None:
    venue.must(close("market", "BTC-USD"))
    venue.order("T1", "BTC-USD", codes.BUY, 100, 7)
    assert said(venue) == codes.E_REJECTED and venue.engine.check() == []


def test_a_listing_ends_when_no_order_came_through_it_and_can_begin_again(venue: Venue) -> None:
    shared = change(
        FINAL, event="CUP", contracts=(ar.Contract(symbol="CUP-A"), ar.Contract(symbol="CUP-B")), sharing="shared", admits=("V2",)
    )
    listing = ar.DefineListing(venue="V2", event="CUP", fees=FINAL.fees)
    end = ar.Close(kind="listing", name="CUP", venue="V2", reason="r")
    venue.must(
        shared, listing, ar.SetPhase(event="CUP", phase="open"), change(MAKER, name="W1", key="W1", firm="T1", account="T1-A", venue="V2")
    )
    venue.send(codes.C_LOGON, "W1")
    venue.order("W1", "CUP-A", codes.BUY, 40, 7)
    assert refused(venue, end, codes.R_NOT_EMPTY) == "name: listing CUP at V2 is in use: 1 open order came through it"
    assert "the listing at V2" in refused(venue, close("market", "CUP"), codes.R_NOT_EMPTY)
    refused(venue, change(end, venue="V1"), codes.R_BAD_DEFINITION)
    refused(venue, change(end, venue=""), codes.R_BAD_DEFINITION)
    venue.send(codes.C_MASS_CANCEL, "W1", values={L.CMD_SCOPE: codes.SCOPE_FIRM})
    venue.must(end, end)
    venue.order("W1", "CUP-A", codes.BUY, 40, 7)
    assert said(venue) == codes.E_REJECTED
    venue.must(listing)
    venue.order("W1", "CUP-A", codes.BUY, 40, 7)
    assert said(venue) == codes.E_ACCEPTED and venue.engine.check() == []

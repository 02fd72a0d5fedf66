"""A venue that moves here: every fault of its rows is refused by name, and nothing is done. And that two imports of one archive are one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.registry import opening, venue_copy
from protocol import codes
from tests.money_rig import SMALL, Venue
from tests.registry.access_world import one_of
from tests.registry.test_fuzz import CUP, OPENING
from tests.registry.test_registry import BASE, RESULT, change


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    return Venue(tmp_path).must(*BASE)


def with_row(part: str, i: int, **fields: Any) -> ar.Opening:
    rows = list(getattr(OPENING, part))
    rows[i] = change(rows[i], **fields)
    return change(OPENING, **{part: tuple(rows)})


def without(part: str, i: int) -> ar.Opening:
    return change(OPENING, **{part: tuple(row for j, row in enumerate(getattr(OPENING, part)) if j != i)})


TERMS = change(CUP.fees, model="notional")
DETERMINED = {"version": 1, "who": "uid:0", "at_ns": 5, "record": msgspec.to_builtins(change(RESULT, event="V9.CUP", payouts=(0, 100)))}
AHEAD = {
    "version": 1,
    "who": "uid:0",
    "at_ns": 5,
    "index": 0,
    "until_ns": 5,
    "final_at_ns": 5,
    "record": msgspec.to_builtins(one_of("V9.CUP", "V9.YES")),
}
TWICE = change(OPENING, orders=(change(OPENING.orders[0], entered=1), *OPENING.orders[1:]))
FAULTS: list[tuple[str, ar.Opening, int, str]] = [
    ("no such market", change(OPENING, markets=()), codes.R_OPENING_MARKET, "V9.CUP is defined, and the archive does not say how it stands"),
    ("a foreign market", with_row("markets", 0, event="FINAL"), codes.R_OPENING_MARKET, "FINAL is not defined in the archive"),
    ("an auction", with_row("markets", 0, phase="auction"), codes.R_OPENING_MARKET, "V9.CUP is auction: such a market cannot move"),
    ("no result", with_row("markets", 0, phase="determined"), codes.R_OPENING_MARKET, "V9.CUP is determined and has 0 results"),
    ("a result", with_row("markets", 0, results={"determinations": [DETERMINED]}), codes.R_OPENING_MARKET, "V9.CUP is open and has 1 results"),
    ("not final", with_row("markets", 0, phase="final", results={"determinations": [DETERMINED]}), codes.R_OPENING_MARKET, "its result is not final"),
    ("a contract ahead", with_row("markets", 0, results={"ahead": [AHEAD]}), codes.R_OPENING_MARKET, "V9.CUP has contracts that are ahead of the rest, and the archive does not say what was paid for them"),
    ("no result at all", with_row("markets", 0, results={"determinations": 7}), codes.R_OPENING_MARKET, "markets[0].results: V9.CUP: "),
    ("orders in a closed one", with_row("markets", 0, phase="closed"), codes.R_OPENING_MARKET, "V9.CUP is closed: no orders rest in it"),
    ("sets", with_row("markets", 0, sets=4), codes.R_OPENING_SUM, "V9.YES: long less short is 3, its market has 4 sets"),
    ("a position", with_row("positions", 2, quantity=4), codes.R_OPENING_SUM, "V9.NO: long less short is 4, its market has 3 sets"),
    ("the same twice", with_row("positions", 1, account="V9.A"), codes.R_OPENING_SUM, "an account has two positions in one contract"),
    ("too much", with_row("positions", 0, quantity=1 << 60), codes.R_OPENING_SUM, "are worth more than can be held"),
    ("a foreign contract", with_row("positions", 0, symbol="F-ESP"), codes.R_OPENING_MARKET, "F-ESP is no contract of venue V9"),
    ("no account", with_row("positions", 0, account="V9.X"), codes.R_UNKNOWN_ACCOUNT, 'there is no account "V9.X"'),
    ("a fee account", with_row("positions", 0, account="V9.FEES"), codes.R_OPENING_MARKET, "V9.FEES is no account of a firm"),
    ("no place", without("places", 1), codes.R_OPENING_MARKET, "V9.B has a position or order in V9.CUP and no place there"),
    ("two places", with_row("places", 1, account="V9.A"), codes.R_OPENING_MARKET, "an account is named twice for one market"),
    ("a foreign place", with_row("places", 1, event="FINAL"), codes.R_OPENING_MARKET, "FINAL is no market of venue V9"),
    ("money", change(OPENING, records=OPENING.records[:-1]), codes.R_OPENING_MONEY, "money is missing: V9.B needs 0.0212 USD and has 0.0000"),
    ("off the grid", with_row("orders", 0, price=100), codes.R_OPENING_ORDER, "orders[0].price: 0.0100 is not on the price grid of V9.YES"),
    ("all filled", with_row("orders", 0, filled=9), codes.R_OPENING_ORDER, "9 of 9 are filled: nothing is left of it"),
    ("too large", with_row("orders", 1, quantity=1 << 50), codes.R_OPENING_ORDER, "are more than the server can count with"),
    ("unfilled notional", with_row("orders", 1, notional=5), codes.R_OPENING_ORDER, "0 lots were not filled for 5"),
    ("no expiry", with_row("orders", 1, expiry_ns=0), codes.R_OPENING_ORDER, "an order that is day and expires at 0"),
    ("fees", with_row("orders", 0, fee_paid=2), codes.R_OPENING_ORDER, "it was charged 2 and granted 0, its numerators say 1 and 0"),
    ("the fee model", with_row("orders", 0, terms=TERMS), codes.R_OPENING_ORDER, "V9.YES has no notional fees"),
    ("another firm's login", with_row("orders", 0, session="MM1"), codes.R_OPENING_ORDER, "MM1 is of another firm than V9.B"),
    ("no login", with_row("orders", 0, session="V9.S"), codes.R_BAD_DEFINITION, 'there is no session "V9.S"'),
    ("a venue that lists nothing", with_row("orders", 0, venue="V2"), codes.R_OPENING_ORDER, "venue V2 does not list V9.YES"),
    ("entries", TWICE, codes.R_OPENING_ORDER, "their entries are not numbered from 1 to 2"),
    ("crossed", with_row("orders", 1, price=25), codes.R_OPENING_ORDER, "the book of V9.YES crosses: 30 bid, 25 asked"),
    ("order of the book", change(OPENING, orders=OPENING.orders[::-1]), codes.R_OPENING_ORDER, "the book of V9.YES is out of order"),
    ("a number as text", with_row("orders", 0, client_id="12"), codes.R_OPENING_ORDER, '"12" is no text of a ClOrdID'),
    ("one id twice", with_row("orders", 0, client_id=7), codes.R_OPENING_ID, "firm V9.F uses 7 for another order"),
    ("a name that is taken", change(OPENING, records=(change(BASE[0], decimals=2), *OPENING.records)), codes.R_BAD_DEFINITION, "decimals: cannot be changed"),
    ("a venue that exists", change(OPENING, venue="V1"), codes.R_OPENING_VENUE, "venue V1 exists on this server"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "code", "text"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_refused_by_name(venue: Venue, record: ar.Opening, code: int, text: str) -> None:
    before, digest = venue.registry.to_bytes(), venue.engine.row_seq
    answer = venue.do(record)
    assert not answer.ok and answer.code == code and text in answer.text, answer.text
    assert venue.registry.to_bytes() == before and venue.engine.check() == [] and venue.engine.row_seq > digest
    assert venue.registry.try_act(record, venue.engine).refusal == answer.refusal, "a dry run says the same"


def test_an_id_that_a_guest_has_used_here_is_refused(venue: Venue) -> None:
    venue.must(ar.Transfer(key="in", asset="USD", amount=50_000, target="ACME-A"), ar.SetPhase(event="FINAL", phase="open"))
    venue.send(codes.C_LOGON, "MM1")
    venue.must(change(BASE[10], account="ACME-A"))
    venue.ids = 6
    venue.order("MM1", "F-ESP", codes.BUY, 20, 1)  # its id is 7
    guest = change(OPENING, places=(*OPENING.places, ar.OpeningPlace(event="V9.CUP", account="ACME-A")))
    orders = (guest.orders[0], change(guest.orders[1], account="ACME-A"))
    answer = venue.do(change(guest, orders=orders))
    assert answer.code == codes.R_OPENING_ID and "firm ACME uses 7" in answer.text
    assert venue.do(change(guest, orders=(orders[0], change(orders[1], client_id=8)))).ok and venue.engine.check() == []


def test_what_was_opened_is_what_a_copy_says(venue: Venue) -> None:
    answer = venue.must().do(OPENING)
    assert answer.ok and answer.text == "venue V9 opened: 1 markets, 3 positions, 2 open orders, 2 series, 2 scheduled acts"
    assert venue.engine.check() == []
    copy = venue_copy.take(venue.registry, venue.engine.m, venue.registry.venues.named("V9").id, venue.engine.row_seq)
    found: dict[str, list[Any]] = {}
    for part, row in venue_copy.parts(copy):
        found.setdefault(part, []).append(row)
    for part in ("prices", "places", "orders"):
        assert found[part] == list(msgspec.to_builtins(getattr(OPENING, part))), part
    assert found["sets"] == [{"event": "V9.CUP", "sets": 3, "pool": 300}]
    before = venue.registry.to_bytes()
    again = venue.do(OPENING)
    assert again.ok and "opened from this archive before" in again.text and venue.registry.to_bytes() == before
    assert venue.do(change(OPENING, note="other")).code == codes.R_OPENING_VENUE
    assert opening.key_of(OPENING) in venue.registry.done


def test_of_a_market_s_times_those_to_come_are_scheduled(venue: Venue) -> None:
    now = venue.engine.time_ns
    cup = change(CUP, open_at_ns=now - 2, live_at_ns=now - 1, close_at_ns=now + 10**9, determine_by_ns=now + 2 * 10**9)
    opened = change(OPENING, records=tuple(cup if one is CUP else one for one in OPENING.records))
    answer = venue.do(opened)
    assert answer.ok, answer.text
    record = venue.registry.events.named("V9.CUP").record
    assert (record.open_at_ns, record.live_at_ns) == (0, 0) and record.close_at_ns == now + 10**9
    waiting = [row.kind for row in venue.registry.schedule if row.about == "event:V9.CUP" and not row.ended]
    assert sorted(waiting) == ["close_at", "determine_by", "market", "phase"], "beside the acts of the archive"


def test_the_tables_must_have_room(tmp_path: Path) -> None:
    venue = Venue(tmp_path, replace(SMALL, orders=1)).must(*BASE)
    answer = venue.do(OPENING)
    assert answer.code == codes.R_TABLE_FULL and "open orders" in answer.text

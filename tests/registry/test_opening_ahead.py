"""A venue moves whose market has contracts ahead of their group: one paid, one in its window, one disputed. Books, windows and what comes after are equal; what does not fit is
refused by name."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server import venue_archive as va
from exchange_server.core import layout as L
from exchange_server.exits import Exit
from exchange_server.registry import venue_copy
from protocol import codes
from tests.cli.test_venue_import import exos as exos
from tests.money_rig import TRADERS, Venue, traders
from tests.registry.access_world import one_of
from tests.registry.test_fuzz import CUP, OPENING
from tests.registry.test_registry import BASE, FINAL, RESULT, change

NAMES = tuple(f"V1.G-{letter}" for letter in "ABCDEF")
WINDOW = 500_000_000  # 500 turns
GROUP = change(FINAL, event="V1.GROUP", k=2, contracts=tuple(ar.Contract(symbol=name) for name in NAMES), challenge_window_ns=WINDOW)


def one(symbol: str, payout: int = 0) -> Any:
    return change(one_of("V1.GROUP", symbol, payout), observed_at_ns=1)


def trade(venue: Venue, seed: int, steps: int) -> None:
    r = random.Random(seed)
    event = venue.registry.events.named("V1.GROUP").id
    for _ in range(steps):
        if r.random() < 0.15:
            sets = {L.CMD_SETS: r.randint(1, 20)}
            venue.send(r.choice((codes.C_SPLIT, codes.C_MERGE)), r.choice(TRADERS), instrument=event, values=sets)
        venue.order(
            r.choice(TRADERS), r.choice(NAMES), r.choice((codes.BUY, codes.SELL)), r.randint(40, 60), r.randint(1, 20), r.random() < 0.3
        )


def due(venue: Venue) -> list[str]:
    return [venue.do(ar.RunDue(id=id), "timer:schedule").text for _, id in venue.registry.schedule.due(venue.now + 1_000_000, 100)]


def world(folder: Path, winner: int = 0) -> Venue:
    """V1.G-A was paid ahead, V1.G-B is in its window, V1.G-C is disputed."""
    venue = traders(Venue(folder)).must(GROUP, ar.SetPhase(event="V1.GROUP", phase="open"))
    trade(venue, 5, 150)
    venue.must(one(NAMES[0], winner))
    venue.turn += 501
    assert any("is final" in text for text in due(venue))
    trade(venue, 6, 40)
    venue.must(one(NAMES[1], 0), one(NAMES[2], 0), ar.Dispute(event="V1.GROUP", symbol=NAMES[2], firm="T1", reason="offside"))
    trade(venue, 7, 60)
    assert venue.engine.check() == []
    return venue


def test_it_moves_and_goes_on(exos: Any, tmp_path: Path) -> None:
    old, new = world(tmp_path / "old"), Venue(tmp_path / "new")
    new.turn = old.turn  # windows are of exchange time
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    parts = va.read(Path(file)).parts
    assert {row["symbol"] for row in parts["settled"]} == {NAMES[0]} and NAMES[0] not in {row["symbol"] for row in parts["positions"]}
    (versions,) = (row["ahead"] for row in parts["results"] if row["event"] == "V1.GROUP")
    assert [one["firm"] for one in versions[2]["disputes"]] == ["T1"], "names, no numbers"
    code, out = exos(new, "venue", "import", file, "--deposit-guests")
    assert code == Exit.OK and "is the same here as in the archive" in out, out
    assert new.engine.check() == []
    for venue in (old, new):
        venue.ids = 10_000
        for name in TRADERS:
            venue.send(codes.C_LOGON, name)
            venue.must(ar.Transfer(key=f"{name} more", asset="USD", amount=5_000_000, target=f"{name}-A"))
        venue.turn = max(old.turn, new.turn)
    before = {name: old.cash(f"{name}-A") - new.cash(f"{name}-A") for name in TRADERS}
    assert [row.kind for row in new.registry.schedule if not row.ended] == [f"finalise {NAMES[1]}"]
    told = []
    for venue in (old, new):
        trade(venue, 8, 60)
        venue.turn += 600
        told.append([text.split(": ")[1].split(",")[0] for text in due(venue)])
        venue.must(ar.Uphold(event="V1.GROUP", symbol=NAMES[2]))
        told[-1] += [text.split(": ")[1].split(",")[0] for text in due(venue)]
        trade(venue, 9, 30)
    assert told[0] == told[1] == [f"{NAMES[1]} is final", f"{NAMES[2]} is final"]
    one, two = (str(tmp_path / name) for name in ("one.tar", "two.tar"))
    assert exos(old, "venue", "export", "V1", one)[0] == exos(new, "venue", "export", "V1", two)[0] == Exit.OK
    first, second = va.read(Path(one)), va.read(Path(two))
    assert set(va.differences(first.manifest, second.manifest)) <= {"results"}, "only the times at which it was done differ"
    for venue in (old, new):
        result = change(RESULT, event="V1.GROUP", payouts=(0, 0, 0, 100, 100, 0))
        venue.must(ar.SetPhase(event="V1.GROUP", phase="closed"), result)
        venue.turn += 600
        due(venue)
        assert venue.engine.check() == []
        venue.must(ar.Correct(**{**msgspec.structs.asdict(result), "payouts": (0, 0, 0, 0, 100, 100), "version": 0}))
        assert venue.engine.check() == []
    assert before == {name: old.cash(f"{name}-A") - new.cash(f"{name}-A") for name in TRADERS}, (
        "what stayed behind: all that followed is the same"
    )


GROUP9 = change(CUP, k=2, contracts=tuple(ar.Contract(symbol=f"V9.{letter}") for letter in "ABCDE"))
PAID = {
    "version": 1,
    "who": "uid:0",
    "at_ns": 5,
    "index": 0,
    "until_ns": 5,
    "final_at_ns": 5,
    "record": msgspec.to_builtins(one_of("V9.CUP", "V9.A")),
}
WAITS = {
    **PAID,
    "version": 2,
    "index": 1,
    "until_ns": 1 << 61,
    "final_at_ns": 0,
    "record": msgspec.to_builtins(one_of("V9.CUP", "V9.B", 100)),
}
OPENED = change(
    OPENING, records=tuple(GROUP9 if record is CUP else record for record in OPENING.records), rules=(), orders=(), prices=(), series=(), scheduled=(),
    markets=(ar.OpeningMarket(event="V9.CUP", phase="open", sets=3, results={"ahead": [PAID, WAITS]}),),
    positions=tuple(ar.OpeningPosition(symbol=f"V9.{letter}", account="V9.A", quantity=3) for letter in "BCDE"),
    settled=(ar.OpeningPosition(symbol="V9.A", account="V9.A", quantity=4), ar.OpeningPosition(symbol="V9.A", account="V9.B", quantity=-1)),
)  # fmt: skip


def market(*ahead: dict[str, Any], **fields: Any) -> ar.Opening:
    return change(OPENED, markets=(change(OPENED.markets[0], results={"ahead": list(ahead)}, **fields),))


def paid(symbol: str, account: str, quantity: int) -> ar.OpeningPosition:
    return ar.OpeningPosition(symbol=symbol, account=account, quantity=quantity)


WHOLE = {
    "version": 3,
    "who": "uid:0",
    "at_ns": 5,
    "record": msgspec.to_builtins(change(RESULT, event="V9.CUP", payouts=(100, 100, 0, 0, 0))),
}
ORDER = change(OPENING.orders[1], symbol="V9.B", entered=1)
FAULTS: list[tuple[str, ar.Opening, int, str]] = [
    ("before format 4", change(OPENED, settled=None), codes.R_OPENING_MARKET, "the archive does not say what was paid for them"),
    ("twice", market(PAID, {**PAID, "version": 2}), codes.R_OPENING_MARKET, "V9.CUP has two results of one contract ahead of the rest"),
    ("another contract", market({**PAID, "index": 3}), codes.R_OPENING_MARKET, "V9.CUP: V9.A is not its contract 3"),
    ("no contract", market({**PAID, "index": 7}), codes.R_OPENING_MARKET, "V9.CUP: V9.A is not its contract 7"),
    ("half", market(PAID, {**WAITS, "record": msgspec.to_builtins(one_of("V9.CUP", "V9.B", 50))}), codes.R_OPENING_MARKET, "V9.B pays 50 ahead of the rest"),
    ("nothing is open", market(PAID, WAITS, *({**PAID, "version": i, "index": i, "record": msgspec.to_builtins(one_of("V9.CUP", f"V9.{'ABCDE'[i]}"))} for i in (2, 3))), codes.R_OPENING_MARKET, "leave nothing open (1 winners among 1 contracts)"),
    ("another result", change(OPENED, markets=(change(OPENED.markets[0], phase="determined", results={"ahead": [PAID], "determinations": [WHOLE]}),)), codes.R_OPENING_MARKET, "V9.CUP pays something else for V9.A than was paid ahead of it"),
    ("too late", change(OPENED, markets=(change(OPENED.markets[0], phase="determined", results={"ahead": [PAID, WAITS], "determinations": [{**WHOLE, "record": msgspec.to_builtins(change(RESULT, event="V9.CUP", payouts=(0, 100, 100, 0, 0)))}]}),)), codes.R_OPENING_MARKET, "V9.B is not determined ahead of it any more"),
    ("an order", change(OPENED, orders=(ORDER,)), codes.R_OPENING_MARKET, "orders[0].symbol: V9.B is ahead of the rest: no orders rest in it"),
    ("a position", change(OPENED, positions=(*OPENED.positions, paid("V9.A", "V9.A", 3))), codes.R_OPENING_MARKET, "V9.A was paid ahead of the rest: no positions are left in it"),
    ("not paid", change(OPENED, settled=(paid("V9.B", "V9.A", 3),)), codes.R_OPENING_MARKET, "settled[0].symbol: V9.B was not paid ahead of the rest"),
    ("no place", change(OPENED, places=OPENED.places[:1]), codes.R_OPENING_MARKET, "settled[1].account: V9.B was paid for V9.A and has no place there"),
    ("twice paid", change(OPENED, settled=(*OPENED.settled, OPENED.settled[0])), codes.R_OPENING_MARKET, "settled[2]: V9.A was paid for V9.A twice"),
    ("short in all", change(OPENED, settled=(paid("V9.A", "V9.A", -4),)), codes.R_OPENING_SUM, "V9.A: long less short of what was paid is -4"),
    ("too much", change(OPENED, settled=(paid("V9.A", "V9.A", 1 << 60),)), codes.R_OPENING_MARKET, "are worth more than can be held"),
    ("no account", change(OPENED, settled=(paid("V9.A", "V9.X", 1),)), codes.R_UNKNOWN_ACCOUNT, 'there is no account "V9.X"'),
    ("another pool", market(PAID, WAITS, sets=4), codes.R_OPENING_SUM, "V9.B: long less short is 3, its market has 4 sets"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "code", "text"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, record: ar.Opening, code: int, text: str) -> None:
    venue = Venue(tmp_path).must(*BASE)
    before = venue.registry.to_bytes()
    answer = venue.do(record)
    assert (answer.code, answer.ok) == (code, False) and text in answer.text, answer.text
    assert venue.registry.to_bytes() == before and venue.engine.check() == []


def test_the_pool_has_the_money_of_the_rest(tmp_path: Path) -> None:
    """Three sets of two winners among the four that are left; with V9.A paid as a winner, of one."""
    venue = Venue(tmp_path).must(*BASE, OPENED)
    assert pool(venue) == 3 * 2 * 100 and venue.engine.check() == []
    won = {**PAID, "record": msgspec.to_builtins(one_of("V9.CUP", "V9.A", 100))}
    other = Venue(tmp_path / "other").must(*BASE, market(won))
    assert pool(other) == 3 * 100 and other.engine.check() == []


def pool(venue: Venue) -> int:
    copy = venue_copy.take(venue.registry, venue.engine.m, venue.registry.venues.named("V9").id, venue.engine.row_seq)
    (row,) = (row for part, row in venue_copy.parts(copy) if part == "sets")
    return int(row["pool"])

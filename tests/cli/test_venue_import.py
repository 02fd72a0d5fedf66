"""A venue moves: exported from one engine, imported on another, equal part by part; what cannot move is refused before anything is done."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server import venue_archive as va
from exchange_server.cli import main as cli
from exchange_server.cli.admin_client import Answer
from exchange_server.cli.connect import Server
from exchange_server.cli.venue_import import opening
from exchange_server.exits import Exit
from exchange_server.gateway.admin.venue_export import VenueExports
from exchange_server.registry.access import CHECK, Sight
from protocol import codes
from tests.money_rig import MARKETS, TRADERS, Venue, trade_at_random, traders
from tests.registry.test_registry import FINAL, MAKER, RESULT, change


class Local:
    """An admin client whose server is an engine of this process."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, verb: str, record: Any) -> Answer:
        record = ar.from_builtins(msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(record))))
        if verb == "plan":
            tried = self.venue.registry.try_act(record, self.venue.engine)
            changes = [msgspec.to_builtins(tried.change)] if tried.change else []
            return Answer(
                True,
                0,
                "",
                {"changes": changes, "refusals": [msgspec.to_builtins(tried.refusal)] if tried.refusal else [], "text": tried.text},
            )
        assert verb == "admin"
        got = self.venue.do(record)
        return Answer(got.ok, got.code, got.text, got.result, msgspec.to_builtins(got.refusal))

    def ask_pieces(self, verb: str, on_piece: Any, **fields: Any) -> Answer:
        assert verb == "venue_export"
        work = VenueExports(self.venue.registry, self.venue.engine).ask(fields, Sight(self.venue.registry, CHECK, 0))
        while True:
            try:
                on_piece(msgspec.json.decode(msgspec.json.encode(next(work))))
            except StopIteration as done:
                return Answer(True, 0, "", done.value)


@pytest.fixture
def exos(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(venue: Venue, *words: str) -> tuple[int, str]:
        monkeypatch.setattr(Server, "connect", lambda self, timeout_s=0: Local(venue))
        code = cli.main(words)
        out, err = capsys.readouterr()
        return code, out + err

    return go


DAY = 86_400 * 10**9
DAILY = ar.DefineSeries(
    name="V1.DAYS", title="Days", owner_venue="V1", every_ns=DAY, first_at_ns=DAY,
    market=change(
        FINAL, event="V1.D-19700101", series="V1.DAYS", title="Above on 1970-01-01?", close_at_ns=3600 * 10**9,
        contracts=(ar.Contract(symbol="V1.D-19700101-A"), ar.Contract(symbol="V1.D-19700101-B")),
    ),
)  # fmt: skip
PAUSE = ar.Schedule(at_ns=2 * DAY, act=ar.SetPhase(event="FINAL", phase="paused"), note="kick-off")


def timed(venue: Venue) -> Venue:
    """Series of both kinds, one that is closed, and acts that wait: in the name of the venue's operator and of the platform's."""
    venue.must(
        ar.DefinePrincipal(name="V1.maker", venue="V1"), ar.Grant(principal="V1.maker", role="market_creator", scope="venue:V1"),
        ar.DefineSeries(name="V1.CUPS", title="Cups", owner_venue="V1"), ar.DefineSeries(name="V1.OLD", owner_venue="V1"),
        ar.CloseSeries(name="V1.OLD", reason="over"),
    )  # fmt: skip
    final = venue.registry.events.named("FINAL").record
    fees = change(final, title="A new title", fees=ar.Fees(model="quadratic", taker_bps=200))
    for record in (DAILY, PAUSE, ar.Schedule(at_ns=DAY // 2, act=fees)):
        answer = venue.do(record, "principal:V1.maker")
        assert answer.ok, answer.text
    return venue.must(
        ar.Schedule(at_ns=3 * DAY, act=ar.Restrict(event="FINAL", firm="V1.F")),
        ar.Schedule(
            at_ns=DAY,
            act=change(final, event="BTC-LATER", contracts=(ar.Contract(symbol="B-1"), ar.Contract(symbol="B-2")), owner_venue="V2"),
        ),
    )


def run_due(venue: Venue, at_ns: int) -> list[str]:
    venue.turn = at_ns // 1_000_000
    return [venue.do(ar.RunDue(id=id), "timer:schedule").text for _, id in venue.registry.schedule.due(at_ns + 1_000_000, 100)]


def settled(folder: Path) -> Venue:
    """A venue after its event: results, money, holds, principals; no positions and no orders."""
    venue = traders(Venue(folder))
    venue.must(
        ar.DefineFirm(name="V1.F", venue="V1"), ar.DefineAccount(name="V1.A", firm="V1.F"), ar.DefineAccount(name="V1.B", firm="V1.F")
    )
    venue.must(change(MAKER, name="V1.S", key="V1.S", firm="V1.F", account="V1.A", venue="V1", verifier=""))
    venue.must(ar.Transfer(key="in", asset="USD", amount=12_345, target="V1.A"), ar.SetReference(symbol="BTC-USD", reference=100))
    venue.must(ar.DefinePrincipal(name="V1.op", venue="V1"), ar.Grant(principal="V1.op", role="treasurer", scope="venue:V1"))
    venue.must(
        ar.Hold(key="V1.h", account="V1.A", asset="USD", amount=45, note="bond"), ar.Close(kind="account", name="V1.B", reason="unused")
    )
    venue.must(ar.FirmTags(firm="V1.F", kyc_level=2), ar.AccessRule(rule="kyc", venue="V1", effect="deny", tags=("bad",)))
    trade_at_random(venue, random.Random(21), 80)
    venue.must(ar.SetPhase(event="BTC-USD", phase="closed"))  # cancels what rests
    return venue


def test_a_venue_without_positions_moves_with_everything(exos: Any, tmp_path: Path) -> None:
    old, new = settled(tmp_path / "old"), Venue(tmp_path / "new")
    file = str(tmp_path / "v1.tar")
    code, out = exos(old, "venue", "export", "V1", file)
    assert code == Exit.OK, out
    archive = va.read(Path(file))
    assert archive.parts["results"] and archive.parts["holds"] and archive.parts["balances"]
    code, out = exos(new, "venue", "import", file)
    assert code == Exit.OK, out
    assert f"venue V1 is the same here as in the archive: digest {archive.manifest.digest}" in out
    assert new.engine.check() == [] and new.cash("V1.FEES") == old.cash("V1.FEES") > 0
    assert new.registry.holds.get(1).note == "bond" and new.registry.accounts.named("V1.B").closed.reason == "unused"
    notes = {done.note for done in new.registry.done.values()}
    assert f"import of venue V1 from an archive as of row {archive.manifest.row_seq}" in notes
    assert exos(new, "venue", "verify", file, "--against")[0] == Exit.OK
    before = new.engine.registry.to_bytes()
    code, out = exos(new, "venue", "import", file)
    assert code != Exit.OK or new.engine.registry.to_bytes() == before, "a second import changes nothing"
    assert new.cash("V1.FEES") == old.cash("V1.FEES")


def trading(folder: Path, seed: int) -> Venue:
    """A venue in the middle of trading: positions, sets, orders under old fees and with texts, holds, rules, quotas, a freeze."""
    venue = traders(Venue(folder))
    venue.must(
        ar.DefineFirm(name="V1.F", venue="V1"), ar.DefineAccount(name="V1.A", firm="V1.F"),
        change(MAKER, name="V1.S", key="V1.S", firm="V1.F", account="V1.A", venue="V1", verifier=""),
        ar.Transfer(key="in", asset="USD", amount=500_000, target="V1.A"), ar.Hold(key="V1.h", account="V1.A", asset="USD", amount=45, note="bond"),
        ar.DefinePrincipal(name="V1.op", venue="V1"), ar.Grant(principal="V1.op", role="treasurer", scope="venue:V1"),
        ar.FirmTags(firm="V1.F", kyc_level=2), ar.AccessRule(rule="kyc", venue="V1", effect="deny", tags=("bad",)),
        ar.Quota(venue="V1", open_orders=500, sessions=40), ar.SetReference(symbol="F-ARG", reference=50, collar=60),
    )  # fmt: skip
    venue.send(codes.C_LOGON, "V1.S")
    r = random.Random(seed)
    trade_at_random(venue, r, 120, settle=False)
    old = venue.registry.events.named("FINAL").record
    venue.must(change(old, fees=ar.Fees(model="quadratic", maker_bps=-100, taker_bps=300, owner_share_bps=700)))
    trade_at_random(venue, r, 40, settle=False)
    for price in (20, 30, 40):
        venue.order("V1.S", "F-ARG", codes.BUY, price, 9, tif=codes.DAY)
        venue.order("V1.S", "F-ESP", codes.SELL, 100 - price, 7, text=f"text {price}".encode())
    return venue.must(ar.Freeze(venue="V1", level="cancel_only", reason="it moves"))


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_a_venue_moves_in_the_middle_of_trading(exos: Any, tmp_path: Path, seed: int) -> None:
    old, new = trading(tmp_path / "old", seed), Venue(tmp_path / "new")
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    archive = va.read(Path(file))
    parts = archive.parts
    assert parts["positions"] and parts["guests"] and len(parts["orders"]) > 10
    assert any(isinstance(row["client_id"], str) for row in parts["orders"]) and any(row["filled"] for row in parts["orders"])
    assert len({str(row["terms"]) for row in parts["orders"] if row["symbol"] != "BTC-USD"}) == 2, "two kinds of terms"
    code, out = exos(new, "venue", "import", file, "--dry-run", "--deposit-guests")
    assert code == Exit.OK and "would be answered: venue V1 opened" in out and not len(new.registry.venues), out
    code, out = exos(new, "venue", "import", file)
    assert code == Exit.FAILED and "money is missing: " in out and "(nothing was done)" in out and not len(new.registry.venues)
    code, out = exos(new, "venue", "import", file, "--deposit-guests")
    assert code == Exit.OK and archive.manifest.digest in out, out
    assert new.engine.check() == []
    again = new.engine.registry.to_bytes()
    assert exos(new, "venue", "import", file, "--deposit-guests")[0] == Exit.OK and new.engine.registry.to_bytes() == again
    # trading goes on: the same orders give the same books, positions and balances
    for venue in (old, new):
        venue.must(ar.Freeze(venue="V1", level="none"))
        venue.ids = 10_000
        for name in (*TRADERS, "V1.S"):
            venue.send(codes.C_LOGON, name)
            if name in TRADERS:
                venue.must(ar.Transfer(key=f"{name} more", asset="USD", amount=5_000_000, target=f"{name}-A"))
        r = random.Random(seed)
        for _ in range(60):
            symbol, low, high = r.choice(MARKETS)
            no = symbol != "BTC-USD" and r.random() < 0.4
            venue.order(
                r.choice((*TRADERS, "V1.S")),
                symbol,
                codes.BUY if symbol == "BTC-USD" else r.choice((codes.BUY, codes.SELL)),
                r.randint(low, high),
                r.randint(1, 30),
                no,
            )
    one, two = (str(tmp_path / name) for name in ("one.tar", "two.tar"))
    assert exos(old, "venue", "export", "V1", one)[0] == exos(new, "venue", "export", "V1", two)[0] == Exit.OK
    first, second = va.read(Path(one)), va.read(Path(two))
    same = set(first.manifest.compared) - {"balances"}
    assert [part for part in va.differences(first.manifest, second.manifest) if part in same] == []
    assert first.parts["balances"] == second.parts["balances"]
    for venue in (old, new):
        venue.must(ar.SetPhase(event="FINAL", phase="closed"), RESULT, ar.Finalise(event="FINAL"))
        assert venue.engine.check() == []
    assert old.cash("V1.A") == new.cash("V1.A") and old.cash("V1.FEES") == new.cash("V1.FEES")


def test_a_name_that_means_something_else_refuses_the_whole(exos: Any, tmp_path: Path) -> None:
    old, new = settled(tmp_path / "old"), Venue(tmp_path / "new")
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    new.must(ar.DefineAsset(name="USD", decimals=2))
    before = new.registry.to_bytes()
    code, out = exos(new, "venue", "import", file)
    assert code == Exit.FAILED and "decimals" in out and "(nothing was done)" in out and new.registry.to_bytes() == before


def test_series_and_scheduled_acts_move_and_go_on(exos: Any, tmp_path: Path) -> None:
    old, new = timed(trading(tmp_path / "old", 31)), Venue(tmp_path / "new")
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    parts = va.read(Path(file)).parts
    assert [(row["record"]["name"], row["who"], row["closed"]) for row in parts["series"]] == [
        ("V1.CUPS", "", ""), ("V1.DAYS", "V1.maker", ""), ("V1.OLD", "", "over"),
    ]  # fmt: skip
    found = [(row["at_ns"] // DAY, row["act"]["type"], row["who"], row["note"], row["fields"]) for row in parts["scheduled"]]
    assert found == [
        (0, "market", "V1.maker", "", ["title", "fees"]), (2, "phase", "V1.maker", "kick-off", []), (3, "restrict", "", "", []),
    ], "of the venue, without what follows from its series and markets"  # fmt: skip
    code, out = exos(new, "venue", "import", file, "--deposit-guests")
    assert code == Exit.OK and "3 series, 3 scheduled acts" in out and "is the same here" in out, out
    assert new.registry.series.named("V1.OLD").closed.reason == "over"
    for venue in (old, new):
        venue.must(ar.Freeze(venue="V1", level="none"))
        done = [text for at in (DAY // 2, DAY, 2 * DAY) for text in run_due(venue, at)]
        assert any("V1.D-19700102 listed" in text for text in done) and any("V1.D-19700103 listed" in text for text in done), done
        event = venue.registry.events.named("FINAL")
        assert event.record.title == "A new title" and event.record.fees.taker_bps == 200
        assert state.Event.of(venue.engine.m, event.id).phase == codes.PH_PAUSED
        assert venue.registry.schedule.waiting_for("series:V1.DAYS")[0].who == "principal:V1.maker"


def test_an_act_whose_time_has_passed_on_the_way_has_failed(exos: Any, tmp_path: Path) -> None:
    old, new = timed(trading(tmp_path / "old", 31)), Venue(tmp_path / "new")
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    new.turn = DAY // 1_000_000
    code, out = exos(new, "venue", "import", file, "--deposit-guests")
    assert code == Exit.FAILED and "differs from the archive: orders, scheduled" in out, "Day orders expired on the way too"
    (failed,) = [row for row in new.registry.schedule if row.ended]
    assert failed.ended == "failed" and "had passed when venue V1 was imported" in failed.reason and failed.fields == ("title", "fees")


SERIES = ar.OpeningSeries(record=ar.DefineSeries(name="V1.X", owner_venue="V1"))
LATER = ar.OpeningScheduled(at_ns=DAY, act=PAUSE.act)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"series": (SERIES, SERIES)}, "there is a series V1.X already"),
        ({"series": (msgspec.structs.replace(SERIES, record=change(SERIES.record, owner_venue="V2")),)}, "V1.X is of venue V2, not of V1"),
        ({"series": (msgspec.structs.replace(SERIES, record=change(SERIES.record, every_ns=1)),)}, "at least 1 h"),
        ({"series": (change(SERIES, who="V2.op"),)}, "V2.op is no principal of the archive"),
        ({"scheduled": (change(LATER, who="bob"),)}, "bob is no principal of the archive"),
        ({"scheduled": (change(LATER, act=ar.SetPhase(event="NO", phase="open")),)}, "is no act of venue V1"),
        ({"scheduled": (change(LATER, fields=("phase",)),)}, "a record phase has no field phase that may change by itself"),
        ({"scheduled": (change(LATER, act=change(FINAL, event="NEW", owner_venue="V2")),)}, "is no act of venue V1"),
    ],
)
def test_a_series_or_an_act_that_is_wrong_refuses_the_whole(exos: Any, tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    old, new = settled(tmp_path / "old"), Venue(tmp_path / "new")
    file = tmp_path / "v1.tar"
    assert exos(old, "venue", "export", "V1", str(file))[0] == Exit.OK
    act = change(opening(va.read(file), False), **fields)
    before = new.registry.to_bytes()
    answer = new.do(act)
    assert not answer.ok and said in answer.text and new.registry.to_bytes() == before, answer.text

"""A venue moves: exported from one engine, imported on another, equal part by part; what cannot move is refused before anything is done."""

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server import venue_archive as va
from exchange_server.cli import main as cli
from exchange_server.cli.admin_client import Answer
from exchange_server.cli.connect import Server
from exchange_server.exits import Exit
from exchange_server.gateway.admin.venue_export import VenueExports
from exchange_server.registry.access import CHECK, Sight
from protocol import codes
from tests.money_rig import MARKETS, TRADERS, Venue, trade_at_random, traders
from tests.registry.test_registry import MAKER, RESULT, change


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

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
from exchange_server.cli.venue_import import path_to
from exchange_server.exits import Exit
from exchange_server.gateway.admin.venue_export import VenueExports
from exchange_server.registry.access import CHECK, Sight
from tests.money_rig import Venue, trade_at_random, traders
from tests.registry.test_registry import FINAL, MAKER, change


class Local:
    """An admin client whose server is an engine of this process."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue

    def __enter__(self) -> "Local":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask(self, verb: str, record: Any) -> Answer:
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
    assert archive.parts["determinations"] and archive.parts["holds"] and archive.parts["balances"]
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


def test_positions_are_refused_before_anything_is_done(exos: Any, tmp_path: Path) -> None:
    old, new = traders(Venue(tmp_path / "old")), Venue(tmp_path / "new")
    trade_at_random(old, random.Random(22), 80, settle=False)
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    before = new.registry.to_bytes()
    code, out = exos(new, "venue", "import", file)
    assert code == Exit.FAILED and "positions" in out and "open orders" in out and out.rstrip().endswith("nothing was done")
    assert new.registry.to_bytes() == before


def test_a_name_that_means_something_else_refuses_the_whole(exos: Any, tmp_path: Path) -> None:
    old, new = settled(tmp_path / "old"), Venue(tmp_path / "new")
    file = str(tmp_path / "v1.tar")
    assert exos(old, "venue", "export", "V1", file)[0] == Exit.OK
    new.must(ar.DefineAsset(name="USD", decimals=2))
    before = new.registry.to_bytes()
    code, out = exos(new, "venue", "import", file)
    assert code == Exit.FAILED and "decimals" in out and "(nothing was done)" in out and new.registry.to_bytes() == before


def test_the_way_of_a_market_to_its_phase() -> None:
    assert (
        path_to("listed", "listed") == []
        and path_to("draft", "open") == ["listed", "open"]
        and path_to("listed", "paused") == ["open", "paused"]
    )
    assert FINAL.phase == "listed"

"""Every field of the table of markets makes the whole way: file -> record -> definition row -> arena -> what operators are shown."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config import load
from config.fields import fields_of, key_in_file
from exchange_server.cli.market import terms
from exchange_server.core.layout import definitions as d
from exchange_server.registry.market_view import market_view
from tests.registry.test_real_engine import Turns

FIELDS = fields_of(ar.DefineMarket)
HEAD = """
asset = [{ name = "USD", decimals = 8 }, { name = "BTC", decimals = 6 }]
venue = [{ name = "V1" }, { name = "V2" }]
"""
# What a file says of an event, every field with a value of its own, and what the record must have.
EVENT: dict[str, tuple[str, Any]] = {
    "event": ('"E"', "E"), "title": ('"T"', "T"), "product": ('"at_most"', "at_most"), "winners": ("2", 2), "owner_venue": ('"V2"', "V2"),
    "asset": ('"USD"', "USD"), "payout": ('"0.50"', 50), "price_decimals": ("2", 2), "qty_decimals": ("1", 1), "min_qty": ('"0.4"', 4),
    "max_qty": ('"90"', 900), "lot": ('"0.2"', 2), "max_notional": ('"7"', 700_000_000), "max_position": ("80", 800), "collar": ('"0.07"', 7),
    "protection": ('"0.03"', 3), "challenge_window": ('"2h"', 7_200 * 10**9), "rules": ('"R"', "R"), "source": ('"S"', "S"),
    "sharing": ('"shared"', "shared"), "admits": ('["V1"]', ("V1",)), "phase": ('"draft"', "draft"),
    "fees": ("{ model = \"minimum\", maker_bps = -3, taker_bps = 30, owner_share_bps = 20, venue_share_bps = 10 }",
             ar.Fees(model="minimum", maker_bps=-3, taker_bps=30, owner_share_bps=20, venue_share_bps=10)),
    "resting": ('{ live = "lapse", pause = "cancel" }', ar.Resting(live="lapse", pause="cancel")),
    "cut_off": ('"noon"', "noon"), "exhaustive": ('"all"', "all"), "series": ('"S"', "S"), "made_from": ('"t"', "t"),
    "open_at": ("2090-01-01T00:00:00Z", 3_786_912_000 * 10**9), "live_at": ("2090-01-01T00:00:01+00:00", 3_786_912_001 * 10**9),
    "close_at": ('"2090-01-01T00:00:02Z"', 3_786_912_002 * 10**9), "determine_by": ("2090-01-01T01:00:03+01:00", 3_786_912_003 * 10**9),
    "void": ('{ who = "W", trigger = "T", prices = "fixed", fixed = ["0.1", "0.2", "0"] }',
             ar.VoidRule(who="W", trigger="T", prices="fixed", fixed=("0.1", "0.2", "0"))),
    "sources": ('["A", "B"]', ("A", "B")), "auto_finalise": ("false", False),
    "band": ('[{ low = "0.01", high = "0.49", step = "0.01" }]', (ar.Band(low=1, high=49, step=1),)),
    "contract": ('[{ symbol = "E-1" }, { symbol = "E-2" }, { symbol = "E-3" }]', None),
}  # fmt: skip
SPOT: dict[str, tuple[str, Any]] = {
    "event": ('"B"', "B"), "product": ('"spot"', "spot"), "owner_venue": ('"V1"', "V1"), "asset": ('"USD"', "USD"), "base_asset": ('"BTC"', "BTC"),
    "price_decimals": ("3", 3), "qty_decimals": ("2", 2), "max_qty": ('"90"', 9000), "fees": ('{ model = "notional" }', ar.Fees(model="notional")),
    "band": ('[{ low = "0.001", high = "5", step = "0.001" }]', None), "contract": ('[{ symbol = "B" }]', None),
}  # fmt: skip
_CONTEST = {
    key: EVENT[key]
    for key in ("owner_venue", "asset", "payout", "price_decimals", "qty_decimals", "max_qty", "max_position", "fees", "rules", "source")
}
NUMBER: dict[str, tuple[str, Any]] = {
    **_CONTEST, "event": ('"N"', "N"), "product": ('"scalar"', "scalar"), "contract": ('[{ symbol = "N" }]', None),
    "scalar": ('{ low = "-2.5", high = "200", decimals = 1 }', ar.Scalar(low="-2.5", high="200", decimals=1)),
}  # fmt: skip
REST: dict[str, tuple[str, Any]] = {
    **_CONTEST, "event": ('"R"', "R"), "product": ('"exactly"', "exactly"), "winners": ("1", 1), "other": ('"X"', "X"), "max_contracts": ("5", 5),
    "contract": ('[{ symbol = "R-1" }, { symbol = "R-X" }]', None),
}  # fmt: skip
MARKETS = {"E": EVENT, "B": SPOT, "N": NUMBER, "R": REST}
DERIVED = {"tick_value": (100_000, 1000, 100_000, 100_000), "lot_base": (0, 10_000, 0, 0)}  # of each of them


def toml(market: dict[str, tuple[str, Any]]) -> str:
    return "[[market]]\n" + "".join(f"{key} = {text}\n" for key, (text, _) in market.items())


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By event: the record, the rows of the market and of its contracts as the core has them, the lines of `exos market show`."""
    file = tmp_path_factory.mktemp("way") / "way.toml"
    file.write_text(HEAD + "".join(map(toml, MARKETS.values())))
    turns = Turns().must([item.record for item in load.load(file).items])
    registry, m = turns.engine.registry, turns.engine.m
    out = {}
    for market in market_view(registry, m):
        record = registry.events.named(market["event"]).record  # type: ignore[union-attr]
        out[market["event"]] = (record, market, dict(line.split(" = ", 1) for line in terms(market, registry.decimals())))
    return out


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_field_makes_the_whole_way(way: dict[str, Any], field: Any) -> None:
    for at, (event, written) in enumerate(MARKETS.items()):
        record, market, shown = way[event]
        value = getattr(record, field.name)
        if field.name in DERIVED:
            assert value == DERIVED[field.name][at]
        elif written.get(field.key, ("", None))[1] is not None:
            assert value == written[field.key][1], "file -> record"
        if field.name == "contracts":
            assert [c["symbol"] for c in market["contracts"]] == [c.symbol for c in record.contracts]
            continue
        usual = {"B": 100}.get(event, 2)
        effective = usual if field.name == "protection" and not value else value  # what 0 stands for
        if field.word.startswith("DI_"):
            assert [c["terms"][field.name] for c in market["contracts"]] == [effective] * len(record.contracts), (
                "record -> row -> arena -> view"
            )
        elif field.word:
            assert market["terms"][field.name] == effective
        else:
            assert field.name in market["terms"]
        assert (field.key or field.name) in shown
    assert field.key is None or any(field.key in market for market in MARKETS.values()), "the file of this test names every key"


def test_every_field_has_a_value_of_its_own_in_one_of_the_markets(way: dict[str, Any]) -> None:
    """Else the way could be that of a default."""
    for field in FIELDS:
        values = [getattr(way[event][0], field.name) for event in MARKETS]
        assert field.required or any(value != field.default for value in values), field.name


def test_what_is_shown_is_what_a_file_says(way: dict[str, Any]) -> None:
    _, _, shown = way["E"]
    for key, wanted in (("payout", "0.50"), ("max_qty", "90.0"), ("max_notional", "7.00000000"), ("owner_venue", "V2"), ("winners", "2")):
        assert shown[key] == wanted
    assert shown["challenge_window"] == "2h"


@pytest.mark.parametrize("field", [field for field in FIELDS if field.key is not None], ids=lambda field: field.name)
def test_an_unknown_field_is_refused_with_its_key(tmp_path: Path, field: Any) -> None:
    file = tmp_path / "x.toml"
    file.write_text(
        HEAD + toml({(f"{key}x" if key == field.key else key): value for key, value in EVENT.items()} | {f"{field.key}x": ("1", 1)})
    )
    with pytest.raises(load.ConfigError, match="unknown key") as error:
        load.load(file)
    assert error.value.path == f"market[0].{field.key}x"


def test_words_are_those_of_the_rows_and_live_ones_are_copied_again() -> None:
    once, again = {word for word, _ in (*d.EVENT_COPIES, *d.INSTRUMENT_COPIES)}, {word for word, _ in d.INSTRUMENT_LIVE_COPIES}
    for field in FIELDS:
        if field.word:
            word = getattr(d, field.word)
            assert field.live == (field.word.startswith("DI_") and word in again), field.name
            assert word in once | again
    listing = {getattr(d, field.word) for field in fields_of(ar.Fees)}
    assert len(listing) == len(fields_of(ar.Fees)) and listing <= set(range(d.DL_FEE_MODEL, d.DL_FEE_MODEL + 7))


def test_keys_of_records_have_their_names_in_files() -> None:
    assert key_in_file(ar.DefineMarket, "k") == "winners" and key_in_file(ar.DefineMarket, "lot_base") == "qty_decimals"
    assert key_in_file(ar.DefineSession, "verifier") == "secret" and key_in_file(ar.DefineVenue, "cutoff_period_ns") == "trading_day"
    assert key_in_file(ar.DefineAsset, "nothing") == "nothing"

"""Configuration files: the records read from them, and for each error the file, the key and the sentence."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config import amounts, load
from config.load import ConfigError

GOOD = """
[[asset]]
name = "USD"
decimals = 4
[[asset]]
name = "BTC"
decimals = 8
[[venue]]
name = "V1"
trading_day_ends = "6h"
[[market]]
event = "E"
product = "exactly"
winners = 1
owner_venue = "V1"
asset = "USD"
payout = "1.00"
price_decimals = 2
qty_decimals = 1
band = [{ low = "0.01", high = "0.99", step = "0.01" }]
min_qty = "0.5"
max_qty = "100"
max_position = 1000
collar = "0.10"
fees = { model = "quadratic", taker_bps = 7 }
challenge_window = "24h"
contract = [{ symbol = "E-A", outcome = "A" }, { symbol = "E-B" }]
phase = "open"
[[member]]
count = 2
firm = "F{n}"
account = [{ name = "F{n}-A", deposit = { USD = "0.0001", BTC = 2 } }]
session = [{ name = "F{n}", wire = "fix", secret = "a phrase of this file, number {n}", our_comp_id = "X", peer_comp_id = "F{n}", username = "f{n}", account = "F{n}-A" }]
"""


SECRET = "a phrase of this file, number {n}"


def write(folder: Path, text: str, name: str = "c.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def records(path: Path, kind: type) -> list[Any]:
    return [item.record for item in load.load(path).items if isinstance(item.record, kind)]


def test_amounts_become_ticks_lots_and_minor_units(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    (market,) = records(path, ar.DefineMarket)
    assert (market.payout, market.tick_value, market.bands, market.collar) == (100, 10, (ar.Band(low=1, high=99, step=1),), 10)
    assert (market.lot, market.min_qty, market.max_qty, market.max_position) == (1, 5, 1000, 10_000)
    assert market.challenge_window_ns == 86_400 * 10**9 and market.phase == "listed"
    assert records(path, ar.SetPhase) == [ar.SetPhase(event="E", phase="open")]
    deposits = records(path, ar.Transfer)
    assert [(t.target, t.asset, t.amount) for t in deposits] == [
        ("F1-A", "USD", 1), ("F1-A", "BTC", 2 * 10**8), ("F2-A", "USD", 1), ("F2-A", "BTC", 2 * 10**8),
    ]  # fmt: skip
    assert len({t.key for t in deposits}) == 4
    assert [s.peer_comp_id for s in records(path, ar.DefineSession)] == ["F1", "F2"]
    assert records(path, ar.DefineVenue)[0].cutoff_offset_ns == 6 * 3600 * 10**9


def test_a_secret_is_not_shown_and_cannot_be_journaled(tmp_path: Path) -> None:
    (first, _) = records(write(tmp_path, GOOD), ar.DefineSession)
    assert first.secret == SECRET.replace("{n}", "1") and "phrase" not in repr(first)
    with pytest.raises(ValueError, match="a plain secret is not journaled"):
        ar.pack("uid:0", "1", first)
    with pytest.raises(ValueError, match="a plain secret is not journaled"):
        ar.pack_all("uid:0", "1", ar.Configuration(name="c", records=(first,)))


def test_a_session_may_have_no_secret_and_keys_stand_in_the_file(tmp_path: Path) -> None:
    public = "ab" * 32
    text = (
        GOOD.replace(f' secret = "{SECRET}",', "")
        + f'''
[[key]]
id = "F1-KEY"
session = "F1"
public = "{public}"
until = 2027-01-31T00:00:00+01:00
addresses = ["192.0.2.0/24"]
[[key]]
id = "F2-KEY"
session = "F2"
public = "{public}"
scopes = ["read"]
'''
    )
    path = write(tmp_path, text)
    path.chmod(0o644)  # nothing in it lets its reader log on
    first, second = records(path, ar.DefineKey)
    assert (first.id, first.holder, first.name, first.kind, first.verifier) == ("F1-KEY", "session", "F1", "ed25519", public)
    assert (
        first.until_ns == 1_801_350_000 * 10**9
        and first.addresses == ("192.0.2.0/24",)
        and first.scopes == ("trade", "read", "market_data")
    )
    assert second.scopes == ("read",) and second.until_ns == 0
    path.write_text(text.replace("+01:00", ""))
    with pytest.raises(ConfigError, match=r"key\[0\].until: needs an offset from UTC"):
        load.load(path)


EDITS: list[tuple[str, str, str, str]] = [
    ("unknown key", 'winners = 1', 'winers = 1', 'market[0].winers: unknown key; did you mean "winners"?'),
    ("unknown table", "[[venue]]", "[[venues]]", 'venues: unknown key; did you mean "venue"?'),
    ("unknown inner key", 'outcome = "A"', 'outcom = "A"', 'market[0].contract[0].outcom: unknown key; did you mean "outcome"?'),
    ("unknown fee key", "taker_bps", "zzz", "market[0].fees.zzz: unknown key; known here: model, maker_bps"),
    ("missing key", 'product = "exactly"', "", "market[0]: is missing the key product"),
    ("wrong enum", '"exactly"', '"exact"', "market[0].product: \"exact\" is not one of spot, exactly, at_most"),
    ("wrong type", "decimals = 8", 'decimals = "8"', "asset[1].decimals: expected int, got str"),
    ("a bound", "decimals = 8", "decimals = 19", "asset[1].decimals: expected int <= 18"),
    ("a float", 'payout = "1.00"', "payout = 1.00", 'market[0].payout: expected int | str, got float: write numbers with a decimal point in quotes, "0.01"'),
    ("too fine a price", 'high = "0.99"', 'high = "0.999"', "market[0].band[0].high: \"0.999\" has 3 decimals, the amount takes at most 2 decimals (price_decimals)"),
    ("too fine a quantity", 'min_qty = "0.5"', 'min_qty = "0.55"', "market[0].min_qty: \"0.55\" has 2 decimals, the amount takes at most 1 decimals (qty_decimals)"),
    ("too fine money", '"0.0001"', '"0.00001"', "member[0].account[0].deposit.USD: \"0.00001\" has 5 decimals, the amount takes at most 4 decimals (USD)"),
    ("29 digits", '"0.0001"', '"1000000000.0000000000000000001"', "has 19 decimals, the amount takes at most 4 decimals (USD)"),
    ("negative", '"0.0001"', '"-1"', 'member[0].account[0].deposit.USD: "-1" is no amount: write digits'),
    ("negative number", "BTC = 2", "BTC = -2", 'member[0].account[0].deposit.BTC: "-2" is no amount: write digits'),
    ("underscore text", '"0.0001"', '"1_0"', 'member[0].account[0].deposit.USD: "1_0" is no amount: write digits'),
    ("arabic digits", '"0.0001"', '"٣"', "is no amount"),
    ("exponent", '"0.0001"', '"1e3"', '"1e3" is no amount: write digits'),
    ("too much money", '"0.0001"', '"9999999999999999999"', "is above the limit"),
    ("nothing to deposit", '"0.0001"', "0", "member[0].account[0].deposit.USD.amount: expected int >= 1"),
    ("unknown asset of a deposit", "BTC = 2", "ETH = 2", "member[0].account[0].deposit.ETH: there is no asset ETH in the file (it has: USD, BTC)"),
    ("unknown asset of a market", 'asset = "USD"', 'asset = "EUR"', "market[0].asset: there is no asset EUR"),
    ("uncountable tick", "qty_decimals = 1", "qty_decimals = 3", "market[0].asset: USD has 4 decimals, and price_decimals and qty_decimals need 5"),
    ("no duration", '"24h"', '"24 hours"', 'market[0].challenge_window: not a duration: "24 hours"'),
    ("a placeholder of nothing", '"F{n}-A", deposit', '"F{m}-A", deposit', "member[0].account[0].name: {m} is unknown; known:  {n}"),
    ("no placeholder without count", "count = 2", "", "member[0].firm: {n} is unknown; known:  none here"),
    ("twice", "F{n}-A", "F-A", 'account "F-A" is defined a second time; first at'),
    ("a bad name", 'name = "V1"', 'name = "V 1"', "venue[0].name: expected str matching regex"),
    ("an empty secret", f'"{SECRET}"', '""', "member[0].session[0].secret: must not be empty"),
    ("no contracts", 'contract = [{ symbol = "E-A", outcome = "A" }, { symbol = "E-B" }]', "", "market[0]: needs either contract or contracts_from"),
    ("no TOML", "[[asset]]", "[[asset", "is not TOML: "),
    ("a table that is not there", "[[member]]", '[[market]]\nevent = "{x}"\nproduct = "spot"\nowner_venue = "V1"\nasset = "USD"\nmax_qty = 1\n'
     'each = { table = "t" }\nfees = { model = "notional" }\n[[member]]', 'market[1].each.table: there is no table "t" in the data file; known: none'),
    ("archive", "[[venue]]", '[server]\narchive = "/a"\nsnapshots_kept = 1\n[[venue]]', "server.snapshots_kept: must be at least 2 with an archive"),
    ("heartbeats", "[[venue]]", '[server]\nheartbeat_min = "90s"\n[[venue]]', "server.heartbeat_min: must be between"),
    ("a port", "[[venue]]", "[server]\nfix_port = 70000\n[[venue]]", "server.fix_port: expected int <= 65535"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "sentence"), EDITS, ids=[edit[0] for edit in EDITS])
def test_each_mistake_is_named(tmp_path: Path, name: str, old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigError) as caught:
        load.load(path)
    error = caught.value
    place = f"{path}:{error.line}: {error.path}: " if error.path else f"{path}: "
    assert str(error).startswith(place) and sentence in str(error) and bool(error.line) == bool(error.path), str(error)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file .shipped by name: .*sandbox"):
        load.load(tmp_path / "nothing.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load.load(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="is not UTF-8 at byte 8"):
        load.load(path)


def test_includes(tmp_path: Path) -> None:
    write(tmp_path, '[[asset]]\nname = "USD"\ndecimals = 2\n[server]\nfix_port = 1\n', "base.toml")
    path = write(tmp_path, 'include = ["base.toml"]\n[[venue]]\nname = "V"\n')
    config = load.load(path)
    assert config.settings.fix_port == 1 and [Path(f).name for f in config.files] == ["base.toml", "c.toml"] and len(config.items) == 2
    with pytest.raises(ConfigError, match="server: is in more than one"):
        load.load(write(tmp_path, 'include = ["base.toml"]\n[server]\n'))
    with pytest.raises(ConfigError, match=r"include\[0\]: there is no file"):
        load.load(write(tmp_path, 'include = ["none.toml"]\n'))
    with pytest.raises(ConfigError, match="include: includes itself"):
        load.load(write(tmp_path, 'include = ["c.toml"]\n'))
    write(tmp_path, "[[asset]]\nnam = 3\n", "base.toml")
    with pytest.raises(ConfigError, match=r"base.toml:2: asset\[0\].nam: unknown key"):
        load.load(write(tmp_path, 'include = ["base.toml"]\n'))


def test_markets_from_a_data_file(tmp_path: Path) -> None:
    write(
        tmp_path, '[[teams]]\ncode = "A"\ng = "1"\n[[teams]]\ncode = "B"\ng = "2"\n[[groups]]\nid = "1"\n[[groups]]\nid = "2"\n', "d.toml"
    )
    text = """data = "d.toml"
[[asset]]
name = "USD"
decimals = 4
[[market]]
each = { table = "groups" }
event = "G{id}"
contracts_from = { table = "teams", where = { g = "{id}" }, symbol = "G{id}-{code}" }
product = "at_most"
winners = 1
owner_venue = "V1"
asset = "USD"
payout = 1
max_qty = 10
max_position = 10
fees = { model = "minimum" }
"""
    markets = records(write(tmp_path, text), ar.DefineMarket)
    assert [(m.event, m.contracts[0].symbol, len(m.contracts)) for m in markets] == [("G1", "G1-A", 1), ("G2", "G2-B", 1)]
    assert markets[0].bands == (ar.Band(low=1, high=9999, step=1),), "the whole grid of an event contract when no band is given"
    for old, new, sentence in (
        ('g = "{id}"', 'h = "{id}"', "market[0].contracts_from.where.h: table teams has no such column; known: code, g"),
        ('g = "{id}"', 'g = "x"', "market[0].contracts_from: no row of teams matches"),
        ('"G{id}-{code}"', '"{cod}"', "market[0].contracts_from.symbol: {cod} is unknown; known:  {id}, {code}, {g}"),
        ('table = "groups"', 'table = "group"', 'market[0].each.table: there is no table "group" in the data file; known: teams, groups'),
    ):
        with pytest.raises(ConfigError) as caught:
            load.load(write(tmp_path, text.replace(old, new)))
        assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("text", "ns"), [("0s", 0), ("1ns", 1), ("2us", 2000), ("3ms", 3 * 10**6), ("4m", 240 * 10**9), ("5d", 432_000 * 10**9)]
)
def test_durations(text: str, ns: int) -> None:
    assert amounts.duration_ns("f", "k", text) == ns


@pytest.mark.parametrize("text", ["", "1", "s", "-1s", "1.5s", "1 s", "٣s", "9999999999999s", "999999999999d"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ConfigError):
        amounts.duration_ns("f", "k", text)


def test_every_session_has_the_servers_throttle_unless_it_says_otherwise(tmp_path: Path) -> None:
    def sessions(server: str, session: str = "") -> list[tuple[int, int]]:
        text = f"""
{server}
[[asset]]
name = "USD"
decimals = 4

[[member]]
firm = "F"

[[member.account]]
name = "F-A"

[[member.session]]
name = "S"
wire = "binary"
key = "S"
secret = "a phrase of this file"
account = "F-A"
{session}
"""
        file = tmp_path / "throttle.toml"
        file.write_text(text)
        records = [item.record for item in load.load(file).items]
        return [(x.throttle_limit, x.throttle_window_ns) for x in records if isinstance(x, ar.DefineSession)]

    second = 10**9
    assert sessions("") == [(10_000, second)]
    assert sessions('[server]\nsession_throttle = 50\nsession_throttle_window = "2s"') == [(50, 2 * second)]
    assert sessions("[server]\nsession_throttle = 0") == [(0, 0)]
    assert sessions("", "throttle = 0") == [(0, 0)], "told to have none"
    assert sessions("", "throttle = 7") == [(7, second)], "without a window of its own: the server's"
    assert sessions("", 'throttle = 7\nthrottle_window = "5s"') == [(7, 5 * second)]
    with pytest.raises(ConfigError, match=r"server.session_throttle_window: must be longer than 0s"):
        sessions('[server]\nsession_throttle_window = "0s"')


def test_the_sandbox_is_throttled_like_any_other() -> None:
    sessions = [item.record for item in load.load("sandbox").items if isinstance(item.record, ar.DefineSession)]
    assert len(sessions) > 100 and {(s.throttle_limit, s.throttle_window_ns) for s in sessions} == {(10_000, 10**9)}


def test_settings_of_the_clock_and_the_heartbeats(tmp_path: Path) -> None:
    file = tmp_path / "clock.toml"
    file.write_text('[server]\nclock_jump = "1s"\nclock_jump_at_start = "2m"\nclock_absence = "7d"\nheartbeat_min = "1500ms"')
    settings = load.load(file).settings
    assert (settings.clock_jump_ns, settings.clock_jump_at_start_ns, settings.clock_absence_ns) == (10**9, 120 * 10**9, 7 * 86_400 * 10**9)
    file.write_text('[server]\nheartbeat_min = "1100ms"\nheartbeat_max = "1900ms"')
    with pytest.raises(ConfigError, match=r"server.heartbeat_max: there is no whole second \(FIX 108\) between 1100ms and 1900ms"):
        load.load(file)

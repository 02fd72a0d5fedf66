"""Templates of markets: what comes out of the shipped ones, what is refused and in which words, and a venue's own."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config import schema, templates
from config.amounts import ConfigError
from config.load import load
from config.templates import Template, TemplateError, expand, shipped
from exchange_server.registry import listing_rules

BASE = """
[[asset]]
name = "USD"
decimals = 4
[[asset]]
name = "BTC"
decimals = 8
[[venue]]
name = "V"
"""
TEAMS = ["ESP=Spain", "ARG=Argentina", {"code": "FRA", "title": "France"}, "ENG"]
SOURCE = "FIFA, official match reports"
EXAMPLES: dict[str, dict[str, Any]] = {  # for each shipped template what it needs
    "outright": {
        "event": "TOP", "title": "Top scorer?", "outcomes": ["MBA=Mbappe", "KAN=Kane"], "rules": "Most goals of the tournament.", "source": SOURCE,
        "cut_off": "the final, extra time included",
    },
    "group_winner": {"event": "GRP-A", "group": "A", "teams": TEAMS, "source": SOURCE},
    "advance": {"event": "R2", "stage": "the final", "places": 2, "teams": TEAMS, "source": SOURCE},
    "match_result": {"home": "ESP=Spain", "away": "ARG=Argentina", "kick_off": "2026-07-19T19:00:00Z", "source": SOURCE},
    "to_win_the_tie": {"home": "ESP=Spain", "away": "ARG=Argentina", "source": SOURCE},
    "over_under": {"event": "G", "what": "goals in the final", "line": "2.5", "cut_off": "after 90 minutes", "source": SOURCE},
    "scalar_range": {"event": "N", "what": "goals of the tournament", "low": "200", "high": "400", "cut_off": "the final", "source": SOURCE},
    "price_above": {"event": "P", "what": "bitcoin", "level": "100000", "at": "2027-01-01T00:00:00Z", "source": "the index"},
    "spot_pair": {"base": "BTC", "quote": "USD", "highest": "100000", "tick": "0.5"},
}  # fmt: skip


def made(name: str, own: dict[str, Template] | None = None, **given: Any) -> dict[str, Any]:
    return expand({**shipped(), **(own or {})}[name], given, dict.fromkeys(schema.Market.__struct_fields__))


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml(one)}' for key, one in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return str(value) if isinstance(value, int) else f'"{value}"'


def read(folder: Path, *tables: dict[str, Any], text: str = "") -> list[Any]:
    lines = [BASE, *(("[[market]]\n" + "\n".join(f"{key} = {toml(value)}" for key, value in table.items())) for table in tables)]
    (folder / "t.toml").write_text(text + "\n".join(lines))
    return [item.record for item in load(folder / "t.toml").items if isinstance(item.record, ar.DefineMarket)]


def usable(name: str, **other: Any) -> dict[str, Any]:
    spot = {"price_decimals": 1, "qty_decimals": 3} if name == "spot_pair" else {"asset": "USD"}
    return {"template": name, **EXAMPLES[name], "owner_venue": "V", **spot, **other}


def refusal(name: str, **given: Any) -> str:
    with pytest.raises(TemplateError) as caught:
        made(name, **{key: value for key, value in {**EXAMPLES[name], **given}.items() if value is not None})
    return str(caught.value)


def test_every_template_has_an_example_here() -> None:
    assert set(EXAMPLES) == set(shipped()) and all(template.title and template.about for template in shipped().values())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_shipped_template_makes_a_market_that_can_be_listed(name: str, tmp_path: Path) -> None:
    (market,) = read(tmp_path, usable(name))
    listing_rules.check_market(market)
    assert market.template == name
    if name != "spot_pair":
        assert market.rules and market.source and market.cut_off and market.void is not None and market.fees.model == "quadratic"
        assert market.product in ("at_most", "scalar") or market.exhaustive or name == "outright"
    assert "{" not in repr(market), "a placeholder is left"


def test_what_the_market_is(tmp_path: Path) -> None:
    advance, result, tie, outright, spot = read(
        tmp_path, usable("advance"), usable("match_result", max_qty=7), usable("to_win_the_tie", event="TIE"), usable("outright", winners=2), usable("spot_pair")
    )  # fmt: skip
    assert (advance.product, advance.k, [c.symbol for c in advance.contracts]) == ("exactly", 2, ["R2-ESP", "R2-ARG", "R2-FRA", "R2-ENG"])
    assert [c.outcome for c in advance.contracts] == ["Spain", "Argentina", "France", "ENG"]
    assert advance.exhaustive == "all 4 teams of the competition are listed, and exactly 2 of them reach the final"
    assert [(c.symbol, c.code) for c in result.contracts] == [("ESP-ARG-ESP", "ESP"), ("ESP-ARG-DRAW", "DRAW"), ("ESP-ARG-ARG", "ARG")]
    assert (
        result.event == "ESP-ARG" and result.max_qty == 7 and result.live_at_ns == 1_784_487_600 * 10**9 and "90 minutes" in result.cut_off
    )
    assert (tie.product, tie.k, len(tie.contracts), tie.live_at_ns) == ("at_most", 1, 1, 0)
    assert outright.k == 2 and [c.code for c in outright.contracts] == ["MBA", "KAN", "FIELD"] and outright.exhaustive == ""
    assert (spot.event, spot.base_asset, spot.bands[0].step) == ("BTC-USD", "BTC", 5)


def test_outright_without_other_says_why() -> None:
    table = made("outright", **EXAMPLES["outright"], exhaustive="there are only these two")
    assert [one["code"] for one in table["contract"]] == ["MBA", "KAN"] and table["exhaustive"] == "there are only these two"
    assert [one["code"] for one in made("outright", **EXAMPLES["outright"], other="REST=The rest")["contract"]] == ["MBA", "KAN", "REST"]


@pytest.mark.parametrize(
    ("name", "given", "text"),
    [
        ("advance", {"places": 4}, "template advance: places: must be less than the 4 teams, asked 4"),
        ("advance", {"places": 0}, "template advance: places: must be a whole number, 1 to 4079, asked 0"),
        ("advance", {"places": "two"}, 'template advance: places: must be a whole number, 1 to 4079, asked "two"'),
        (
            "advance",
            {"places": None},
            "template advance: places: is missing: How many reach it; fewer than there are teams (a whole number, 1 to 4079)",
        ),
        (
            "advance",
            {"teams": ["ESP"]},
            "template advance: teams: must be a list of outcomes, CODE or CODE=Title, 2 to 4080 of them, asked ['ESP']",
        ),
        ("advance", {"teams": ["ESP", "ESP=Spain"]}, 'template advance: teams: the code "ESP" is there twice, asked '),
        ("advance", {"places": True}, "template advance: places: must be a whole number, 1 to 4079, asked True"),
        ("match_result", {"home": "E SP"}, 'template match_result: home: must be an outcome, CODE or CODE=Title, asked "E SP"'),
        ("match_result", {"away": "ESP"}, 'template match_result: two outcomes have the code "ESP": each needs one of its own'),
        (
            "match_result",
            {"kick_off": "tomorrow"},
            'template match_result: kick_off: must be a time like 2026-07-19T19:00:00Z, asked "tomorrow"',
        ),
        (
            "match_result",
            {"hoem": "ESP"},
            'template match_result: hoem: is neither a parameter nor a key of a market; did you mean "home"?',
        ),
        ("match_result", {"event": "no name"}, 'template match_result: event: must be a name, asked "no name"'),
        ("match_result", {"source": "x"}, 'template match_result: source: must be a text, 3 to 256 characters, asked "x"'),
        ("over_under", {"line": "-1"}, 'template over_under: line: must be a decimal number, 0 to 1000000000, asked "-1"'),
        ("over_under", {"line": "1e3"}, 'template over_under: line: must be a decimal number, 0 to 1000000000, asked "1e3"'),
    ],
)
def test_a_wrong_field_is_refused_with_its_bound_and_what_was_asked(name: str, given: dict[str, Any], text: str) -> None:
    assert refusal(name, **given).startswith(text)


def test_an_error_names_the_key_in_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, usable("group_winner"), usable("advance", places=9))
    assert caught.value.path == "market[1].places" and caught.value.sentence == "template advance: must be less than the 4 teams, asked 9"
    with pytest.raises(
        ConfigError, match=r"market\[0\].template: template nothing: there is no such template; known: advance, group_winner"
    ):
        read(tmp_path, {"template": "nothing"})
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, usable("group_winner"), usable("advance", max_qty="many"))
    assert caught.value.path == "market[1].max_qty"


DATA = """
[[groups]]
letter = "A"
first = 1
[[groups]]
letter = "B"
first = 2
[[teams]]
code = "ESP"
name = "Spain"
group = "A"
[[teams]]
code = "ARG"
name = "Argentina"
group = "A"
[[teams]]
code = "FRA"
name = "France"
group = "B"
[[teams]]
code = "ENG"
name = "England"
group = "B"
[[teams]]
code = "GER"
name = "Germany"
group = "B"
"""


def test_a_template_for_each_row_with_outcomes_from_another_table(tmp_path: Path) -> None:
    (tmp_path / "d.toml").write_text(DATA)
    teams = {"table": "teams", "code": "{code}", "title": "{name}", "where": {"group": "{letter}"}}
    use = usable("advance", event="ADV-{letter}", places="{first}", each={"table": "groups"}, teams=teams)
    one, other = [None, None]
    with pytest.raises(ConfigError, match=r"market\[0\].places|market\[0\]"):
        read(tmp_path, {**use, "places": 2}, text='data = "d.toml"\n')
    use["stage"] = "stage {first}"
    one, other = read(tmp_path, use, text='data = "d.toml"\n')
    assert (one.event, one.k, [c.symbol for c in one.contracts]) == ("ADV-A", 1, ["ADV-A-ESP", "ADV-A-ARG"])
    assert (other.event, other.k, [c.outcome for c in other.contracts], other.title) == (
        "ADV-B",
        2,
        ["France", "England", "Germany"],
        "Who reaches stage 2?",
    )
    for wrong, text in (
        ({"table": "none"}, 'outcomes from a table: { table = "teams"'),
        ({"table": "none", "code": "x"}, 'there is no table "none" in the data file; known: groups, teams'),
        ({**teams, "where": {"colour": "x"}}, "table teams has no such column; known: code, name, group"),
        ({**teams, "where": {"group": "Z"}}, "no row of teams matches"),
        ({**teams, "code": "{kode}"}, "{kode} is unknown; known:  {letter}, {first}, {code}, {name}, {group}"),
    ):
        with pytest.raises(ConfigError) as caught:
            read(tmp_path, {**use, "teams": wrong}, text='data = "d.toml"\n')
        assert caught.value.sentence.startswith(text)


OWN = """
[[template]]
name = "yes_no"
title = "A question"
parameter = [
    { name = "event", type = "name", about = "its name" },
    { name = "question", type = "text", about = "the question", least = 5, most = 60 },
    { name = "size", type = "choice", about = "how large", choices = ["small", "large"], default = "small" },
]
[template.market]
event = "{event}"
title = "{question} ({size})"
product = "at_most"
winners = 1
payout = "1.00"
max_qty = 10
max_position = 10
fees = { model = "quadratic" }
rules = "YES if it is so."
source = "us"
contract = [{ symbol = "{event}-YES" }]
"""


def test_a_venues_own_template_is_data(tmp_path: Path) -> None:
    use = {"template": "yes_no", "event": "Q", "question": "Is it so?", "owner_venue": "V", "asset": "USD", "price_decimals": 2}
    (market,) = read(tmp_path, use, text=OWN)
    assert market.title == "Is it so? (small)" and market.template == "yes_no"
    (tmp_path / "inner.toml").write_text(OWN)
    assert read(tmp_path, use, text='include = ["inner.toml"]\n') == [market], "of an included file too"
    with pytest.raises(ConfigError, match="size: template yes_no: must be one of small, large, asked"):
        read(tmp_path, {**use, "size": "huge"}, text=OWN)
    with pytest.raises(ConfigError, match=r"template\[0\].name: there is a template match_result already"):
        read(tmp_path, text=OWN.replace("yes_no", "match_result"))
    with pytest.raises(ConfigError, match=r"the body has \{sise\}, and there is no such parameter; known: event, question, size"):
        read(tmp_path, text=OWN.replace("({size})", "({sise})"))
    with pytest.raises(ConfigError, match="no parameter|unknown|Object"):
        read(tmp_path, text=OWN.replace("least = 5", "leest = 5"))


def test_random_fields_give_a_market_or_a_refusal_that_names_the_field() -> None:
    import random

    odd = (
        "",
        "x",
        "ESP",
        "{home}",
        "a" * 5000,
        0,
        -1,
        2**70,
        True,
        [],
        ["A", "B"],
        {},
        {"code": "A"},
        "2.5",
        "2026-07-19T19:00:00Z",
        "\x00",
    )
    for seed in range(3000):
        r = random.Random(seed)
        name = r.choice(list(EXAMPLES))
        given = dict(EXAMPLES[name])
        known = [parameter.name for parameter in shipped()[name].parameter]
        for _ in range(r.randint(1, 3)):
            given[r.choice(known)] = r.choice(odd)
        try:
            table = made(name, **given)
        except TemplateError as error:
            assert error.template == name and error.sentence and (error.field in known or not error.field)
        else:
            assert table["made_from"] == name and set(table) <= set(schema.Market.__struct_fields__)


def test_a_template_is_read_once() -> None:
    assert templates.shipped() is templates.shipped()


SERIES = """
[[series]]
name = "BTC"
owner_venue = "V"
every = "1d"
first_at = 2090-01-01T08:00:00Z

[series.market]
template = "price_above"
event = "BTC-{date}"
what = "bitcoin"
level = "100"
at = "+16h"
open_at = "+1h"
source = "the index"
asset = "USD"
"""


def series_of(folder: Path, text: str) -> ar.DefineSeries:
    (folder / "s.toml").write_text(BASE + text)
    (found,) = [item.record for item in load(folder / "s.toml").items if isinstance(item.record, ar.DefineSeries)]
    return found


def test_a_series_in_a_file(tmp_path: Path) -> None:
    hour = 3600 * 10**9
    found = series_of(tmp_path, SERIES)
    market = found.market
    assert found.every_ns == 24 * hour and found.first_at_ns == 3_786_912_000 * 10**9 + 8 * hour and market is not None
    assert (market.event, market.series, market.open_at_ns, market.close_at_ns) == ("BTC-19700101", "BTC", hour, 16 * hour)
    assert "1970-01-01T16:00:00Z" in market.rules and market.contracts[0].symbol == "BTC-19700101-ABOVE"
    assert series_of(tmp_path, SERIES.split("every")[0]).market is None
    for old, new, path in (
        ('level = "100"', 'level = "x"', "series[0].market.level"), ('at = "+16h"', 'at = "+99x"', "series[0].market.at"),
        ("price_above", "nothing", "series[0].market.template"), ('asset = "USD"', 'asset = "USD"\nmax_qty = "many"', "series[0].market.max_qty"),
    ):  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            series_of(tmp_path, SERIES.replace(old, new))
        assert caught.value.path == path


def test_a_file_with_a_series_is_applied_once(tmp_path: Path) -> None:
    from tests.registry.test_registry import World

    (tmp_path / "s.toml").write_text(BASE + SERIES)
    file = ar.Configuration(name="s.toml", records=tuple(item.record for item in load(tmp_path / "s.toml").items))  # type: ignore[arg-type]
    world = World().must(file)
    (row,) = world.registry.schedule
    assert (row.kind, row.about, row.who) == ("list", "series:BTC", "uid:0") and row.record.event == "BTC-20900101"  # type: ignore[union-attr]
    assert world.do(file).result["applied"] == 0 and len(world.registry.schedule) == 1

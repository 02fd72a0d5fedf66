"""docs/configuration.md and the JSON Schema say what the schema and the records do: every key, with its default, bounds and when it changes."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from config import about, load, reference, schema
from config.fields import LIVE, LOGON, NEVER, RESTART, fields_of
from config.settings import Settings
from scripts.make_docs import PAGES
from tests.cli.test_config import CUP
from tests.registry.naive_registry import LIVE as CHANGEABLE

ROOT = Path(__file__).resolve().parents[2]
TABLES = dict(reference.tables())
ROWS = {(path, row.key): row for path, kind in TABLES.items() for row in reference.rows(path, kind)}


def test_the_page_is_current() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert page == PAGES["docs/configuration.md"](), "run: python -m scripts.make_docs"
    for path, key in ROWS:
        assert f"| `{key}` |" in page.split(f"[{path}]" if path else "## The file", 1)[1], (path, key)


def test_every_key_and_table_is_described() -> None:
    assert set(about.TABLES) == set(TABLES)
    assert [at for at, row in ROWS.items() if not row.about.endswith(".")] == []
    everything = {(path, field.encode_name) for path, kind in TABLES.items() for field in msgspec.structs.fields(kind)}
    inner = {(path.rpartition(".")[0], path.rpartition(".")[2]) for path in TABLES if path}
    assert set(ROWS) | inner == everything and not set(ROWS) & inner


def test_when_a_key_changes_is_when_the_registry_lets_it() -> None:
    """The tables of the naive registry, which knows nothing of config/fields.py."""
    paths = {
        "asset": "asset",
        "venue": "venue",
        "firm": "member",
        "account": "member.account",
        "session": "member.session",
        "market": "market",
    }
    for kind, path in paths.items():
        for field in fields_of(reference.RECORDS[path]):
            rows = [row for (at, key), row in ROWS.items() if at == path and key == field.key]
            if not rows:  # a table, or not in files
                assert field.key is None or any(at.endswith(str(field.key)) for at in TABLES), field
                continue
            assert (rows[0].change in (LIVE, LOGON)) == (field.name in CHANGEABLE[kind]), (path, field.key)
    assert {row.change for (path, _), row in ROWS.items() if path == "server"} == {RESTART, NEVER}
    assert ROWS["market.fees", "taker_bps"].change == LIVE and ROWS["market.band", "low"].change == LIVE


def test_defaults_are_those_of_the_reader(tmp_path: Path) -> None:
    """A file with every default of [server] written out reads as one without."""
    lines = []
    for (path, key), row in ROWS.items():
        if path == "server":
            value = row.default
            lines.append(f"{key} = {msgspec.json.encode(value).decode()}")
    (tmp_path / "c.toml").write_text("[server]\n" + "\n".join(lines))
    config = load.load(tmp_path / "c.toml")
    assert config.settings == Settings() and len(config.named) == len(lines)


# ------------------------------------------------------------------------------------------------- JSON Schema
def valid(value: Any, rule: dict[str, Any], defs: dict[str, Any]) -> bool:
    """The part of JSON Schema that ours uses."""
    if "$ref" in rule:
        return valid(value, defs[rule["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in rule:
        return any(valid(value, {**one, **({"pattern": rule["pattern"]} if "pattern" in rule else {})}, defs) for one in rule["anyOf"])
    if "enum" in rule:
        return value in rule["enum"]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
    if "type" in rule and not (isinstance(value, kinds[rule["type"]]) and not (rule["type"] == "integer" and isinstance(value, bool))):
        return False
    if isinstance(value, dict):
        known, more = rule.get("properties", {}), rule.get("additionalProperties", True)
        if any(name not in value for name in rule.get("required", ())):
            return False
        inner = {name: known.get(name, more) for name in value}
        return all(
            isinstance(one, dict) and valid(value[name], one, defs) if not isinstance(one, bool) else one for name, one in inner.items()
        )
    if isinstance(value, list):
        return len(value) <= rule.get("maxItems", len(value)) and all(valid(one, rule.get("items", {}), defs) for one in value)
    if isinstance(value, str):
        return re.search(rule.get("pattern", ""), value) is not None and rule.get("minLength", 0) <= len(value) <= rule.get(
            "maxLength", len(value)
        )
    if isinstance(value, int) and not isinstance(value, bool):
        return rule.get("minimum", value) <= value <= rule.get("maximum", value)
    return True


def judged(text: str) -> bool:
    made = reference.json_schema()
    return valid(msgspec.to_builtins(tomllib.loads(text)), made, made["$defs"])


@pytest.mark.parametrize("name", ["sandbox", "worldcup", "tournament"])
def test_the_shipped_files_are_valid_by_the_json_schema(name: str) -> None:
    assert judged(load.find(name).read_text())


def test_the_json_schema_tells_good_from_bad() -> None:
    assert judged(CUP)
    for old, new in (
        ("winners = 1", "winers = 1"), ('"exactly"', '"exact"'), ("decimals = 4", "decimals = 19"), ("decimals = 4", 'decimals = "4"'),
        ('payout = "1.00"', "payout = 1.00"), ('payout = "1.00"', 'payout = "-1"'), ('"6h"', '"6 hours"'), ('firm = "V.F"', ""),
        ("throttle = 50", "throttle = -1"), ('wire = "binary"', 'wire = "x"'), ("[[venue]]", "[[venues]]"), ("maker_bps = -1", "maker_bps = -10001"),
    ):  # fmt: skip
        assert old in CUP and not judged(CUP.replace(old, new)), new


def test_the_json_schema_describes_every_key() -> None:
    made = reference.json_schema()
    for name, definition in made["$defs"].items():
        for key, one in definition["properties"].items():
            assert "description" in one or "$ref" in str(one), (name, key)
    assert made["$defs"]["Settings"]["properties"]["clock_jump"]["default"] == "5s" and schema.File.__name__ in made["$defs"]

"""A wrong enumeration value is refused with the valid values, in every kind of input."""

from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from config import schema
from config.load import ConfigError, parse
from config.wording import fault


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (
            {"type": "phase", "event": "E", "phase": "opened"},
            'phase: "opened" is not one of listed, open, live, paused, cancel_only, closed; did you mean "open"?',
        ),
        ({"type": "kill", "level": "planet"}, 'level: "planet" is not one of platform, venue, firm, account, session'),
        (
            {"type": "listing", "venue": "V", "event": "E", "fees": {"model": "quad"}},
            'fees.model: "quad" is not one of notional, quadratic, minimum',
        ),
        ({"type": "trasnfer"}, 'type: "trasnfer" is not one of '),
        ({"type": "phase", "event": "E"}, "is missing the key phase"),
        ({"type": "phase", "event": "E", "phase": 5}, "phase: expected str"),
    ],
)
def test_records(record: object, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:
        ar.from_builtins(record)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("content", "path", "sentence"),
    [
        ({"server": {"mode": "synch"}}, "server.mode", '"synch" is not one of async, sync; did you mean "sync"?'),
        (
            {"listing": [{"venue": "V", "event": "E", "fees": {"model": "x"}}]},
            "listing[0].fees.model",
            '"x" is not one of minimum, notional, quadratic',
        ),
    ],
)
def test_files(content: dict[str, object], path: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse("f.toml", content)
    assert refused.value.path == path and sentence.split(" is not one of ")[0] in refused.value.sentence
    for word in sentence.split(" is not one of ")[1].split("; ")[0].split(", "):
        assert word in refused.value.sentence


def test_the_page_of_results(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(
            "f.toml",
            {"market": [{"event": "E", "product": "exact", "owner_venue": "V", "asset": "A", "max_qty": 1, "fees": {"model": "minimum"}}]},
        )
    assert str(refused.value) == 'f.toml: market[0].product: "exact" is not one of spot, exactly, at_most, scalar; did you mean "exactly"?'


LOGIN = {"name": "S", "wire": "fix", "secret": "s"}


@pytest.mark.parametrize(
    ("kind", "value", "key", "sentence"),
    [
        (schema.File, {"member": [{"firm": "F", "session": [LOGIN, {**LOGIN, "timestamp_decimals": 4}]}]},
         ("member", 0, "session", 1, "timestamp_decimals"), '"4" is not one of 0, 3, 6, 9'),
        (schema.File, {"member": [{"firm": "F", "account": [{"name": "A", "deposit": {"USD": 1.5}}]}]}, ("member", 0, "account", 0, "deposit", "USD"),
         "expected int | str, got float"),
        (schema.File, {"member": [{"firm": "F", "count": 0}]}, ("member", 0, "count"), "expected int >= 1"),
        (schema.File, {"server": {"port": 1}}, ("server", "port"), 'unknown key; did you mean "fix_port"?'),
        (schema.File, {"server": 7}, ("server",), "expected object | null, got int"),
        (schema.File, {"market": 7}, ("market",), "expected array, got int"),
        (schema.File, {"listing": [{"venue": "V", "event": "E"}]}, ("listing", 0), "is missing the key fees"),
        (ar.DefineMarket, {"contracts": [], "event": "E"}, ("contracts",), "expected array of length >= 1"),
        (ar.DefineMarket, {"void": {"who": "W", "trigger": "T", "prices": "x"}}, ("void", "prices"), '"x" is not one of time_weighted_mid, fixed, entry_price'),
        (ar.Kill, {"level": "firm", "cancel": "yes"}, ("cancel",), "expected bool | null, got str"),
    ],
)  # fmt: skip
def test_a_fault_has_its_key_as_data(kind: Any, value: Any, key: Any, sentence: str) -> None:
    found = fault(kind, value)
    assert found.key == key and found.sentence.startswith(sentence), found

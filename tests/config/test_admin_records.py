"""Admin records: every type survives a round trip as JSON and MessagePack, each has an identity rule, and bodies are bounded."""

import typing

import msgspec
import pytest

from config import admin_records as ar
from config.fields import live_fields
from tests.registry.naive_registry import LIVE
from tests.registry.test_fuzz import RECORDS

TYPES = typing.get_args(ar.AnyRecord)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_travels(record: ar.AnyRecord) -> None:
    assert ar.unpack(ar.pack("uid:0", "7", record)) == ar.AdminEnvelope("uid:0", "7", record)
    as_json = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(record)))
    assert ar.from_builtins(as_json) == record


def test_every_type_is_exercised() -> None:
    assert {type(record) for record in RECORDS} | {ar.DefineListing} == set(TYPES)


def test_every_defining_type_says_what_may_change() -> None:
    defining = {kind for kind in TYPES if kind.__name__.startswith("Define")}
    wanted = {**LIVE, "listing": {"fees"}, "key": {"scopes", "until_ns", "addresses", "title"}}
    assert {str(kind.__struct_config__.tag): set(live_fields(kind)) for kind in defining} == wanted


def test_records_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        RECORDS[0].name = "x"  # type: ignore[misc,union-attr]


def test_a_body_that_no_row_can_carry_is_refused() -> None:
    long = ar.Contract(symbol="S" * 64, outcome="o" * 256)
    market = next(record for record in RECORDS if isinstance(record, ar.DefineMarket))
    with pytest.raises(ValueError, match="the limit is 32640"):
        ar.pack("a", "b", msgspec.structs.replace(market, contracts=(long,) * 100))


@pytest.mark.parametrize("bad", [None, 1, [], {}, {"type": "kill"}, {"type": "kill", "level": "x"}, {"level": "firm"}])
def test_what_is_no_record(bad: object) -> None:
    with pytest.raises(ValueError):
        ar.from_builtins(bad)

"""What of a venue moves, as records: they survive JSON and the journal, and their bounds are those of the server."""

import msgspec
import pytest

from config import admin_records as ar
from tests.registry.test_fuzz import OPENING


def test_an_opening_survives_json_and_the_journal() -> None:
    assert ar.from_builtins(msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(OPENING)))) == OPENING
    (body,) = ar.pack_all("uid:0", "r", OPENING)
    assert ar.unpack(body).record == OPENING


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("orders", "client_id", 0), ("orders", "client_id", ""), ("orders", "client_id", 1 << 63), ("orders", "client_id", "x" * 65), ("orders", "price", 0),
        ("orders", "filled", -1), ("orders", "side", "both"), ("orders", "flags", 128), ("orders", "entered", 0), ("positions", "quantity", 1 << 62),
        ("markets", "phase", "over"), ("markets", "sets", -1), ("prices", "last", -1),
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_is_named(part: str, field: str, value: object) -> None:
    record = msgspec.to_builtins(OPENING)
    record[part] = [dict(row) for row in record[part]]
    record[part][0][field] = value
    with pytest.raises(ValueError, match=rf"{part}\[0\]"):
        ar.from_builtins(record)

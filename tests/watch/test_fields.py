"""The table of counters: names that Prometheus takes, no two alike, units that fit."""

import re

import pytest

from exchange_server.watch import fields as f

EVERY = (*f.FIELDS, *f.READER_FIELDS)


def test_names_are_valid_and_unique() -> None:
    names = [field.metric for field in EVERY]
    assert len(set(names)) == len(names) == len(f.BY_NAME)
    assert all(re.fullmatch(r"exos_[a-z][a-z0-9_]*", name) for name in names)


@pytest.mark.parametrize("field", EVERY, ids=lambda field: field.name)
def test_each_is_whole(field: f.Field) -> None:
    assert field.kind in (f.COUNTER, f.GAUGE, f.HISTOGRAM) and field.unit in ("", "ns", "bytes")
    assert field.help and not field.help.endswith(".") and field.help[0].isupper() or field.help[0].isdigit()
    assert bool(field.label) == (field.most > 1 and field.kind != f.HISTOGRAM)
    assert field.metric.endswith("_total") == (field.kind == f.COUNTER)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("turns", "exos_turns_total"),
        ("output", "exos_output_bytes_total"),
        ("page_age", "exos_page_age_seconds"),
        ("open_orders", "exos_open_orders"),
    ],
)
def test_how_a_field_is_called(name: str, metric: str) -> None:
    assert f.BY_NAME[name].metric == metric

"""The text for Prometheus: every field, in its units, histograms that add up."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exchange_server.watch import fields as f
from exchange_server.watch.metrics import FEWER, text_of

from .kit import Wrote


def samples(data: Path) -> dict[str, float]:
    """Every sample by name and labels: `exos_sessions{wire=fix}`."""
    found = {}
    for family in text_string_to_metric_families(text_of(data).decode()):
        for one in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in one.labels.items())
            found[one.name + (f"{{{labels}}}" if labels else "")] = one.value
    return found


def test_every_field_is_there(tmp_path: Path) -> None:
    Wrote(tmp_path).put(refused=[0, 4]).write()
    got = samples(tmp_path)
    for field in (*f.FIELDS, *f.READER_FIELDS):
        name = field.metric + ("_count" if field.kind == f.HISTOGRAM else "")
        assert any(key.partition("{")[0] == name for key in got), name
    assert got["exos_refused_total{reason=R_1}"] == 4 and "exos_refused_total{reason=R_2}" not in got
    assert got["exos_sessions{wire=fix}"] == 0
    assert got["exos_info{config=test.toml,data=" + str(tmp_path) + ",mode=sync}"] == 1


def test_units(tmp_path: Path) -> None:
    Wrote(tmp_path).put(held_age=1_500_000_000, held=7, commands=3, disk_left=-1, loop_cpu=2 * 10**9).write()
    got = samples(tmp_path)
    assert got["exos_held_age_seconds"] == 1.5 and got["exos_held_bytes"] == 7 and got["exos_commands_total"] == 3
    assert got["exos_loop_cpu_seconds_total"] == 2 and got["exos_disk_left_seconds"] == pytest.approx(-1e-9)
    assert got["exos_up"] == got["exos_ready"] == 1 and 0 <= got["exos_page_age_seconds"] < 5


def test_a_histogram_adds_up(tmp_path: Path) -> None:
    counts = [3, 0, 4, *[0] * (f.LATENCY_BUCKETS - 4), 5]  # up to 1 us, 3 us, and above all bounds
    Wrote(tmp_path).put(order_to_report=[*counts, 20_000], turn_rows=[0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]).write()
    got = samples(tmp_path)
    buckets = {
        float(key[key.index("=") + 1 : -1]): value for key, value in got.items() if key.startswith("exos_order_to_report_seconds_bucket")
    }
    assert list(buckets.values()) == sorted(buckets.values()) and len(buckets) == len(FEWER["ns"]) + 1
    assert buckets[FEWER["ns"][0] / 1e9] == 3 and buckets[FEWER["ns"][1] / 1e9] == 7 and buckets[float("inf")] == 12
    assert got["exos_order_to_report_seconds_count"] == 12 and got["exos_order_to_report_seconds_sum"] == pytest.approx(20e-6)
    assert (
        got["exos_turn_rows_bucket{le=1}"] == 2 and got["exos_turn_rows_bucket{le=3}"] == 5 and got["exos_turn_rows_bucket{le=+Inf}"] == 14
    )


def test_names_with_quotes_and_lines(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path)
    wrote.writer.describe({"venue_open_orders": ['a"b\\c\nd']}, {})
    wrote.put(venue_open_orders=[5]).write()
    assert samples(tmp_path)['exos_venue_open_orders{venue=a"b\\c\nd}'] == 5


def test_without_a_page_the_server_is_down(tmp_path: Path) -> None:
    assert samples(tmp_path) == {"exos_up": 0}
    Wrote(tmp_path).write(old_s=60)
    got = samples(tmp_path)
    assert got["exos_up"] == got["exos_ready"] == 0 and got["exos_page_age_seconds"] >= 59, "a hanging server's last figures are told"

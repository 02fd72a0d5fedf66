"""Percentiles against sorted lists; log lines that are JSON, bounded and never carry a raw control character."""

import io
import json
import random

import pytest

from exchange_server.net.observe import Counters, Latency, Log, stamp


@pytest.mark.parametrize("seed", range(6))
def test_percentiles_are_at_most_an_eighth_too_high_and_never_too_low(seed: int) -> None:
    rng = random.Random(seed)
    latency = Latency()
    values = [rng.randrange(1 << rng.randrange(1, 50)) for _ in range(rng.randrange(1, 3000))]
    for value in values:
        latency.record(value)
    values.sort()
    for per_cent in (0.1, 1, 25, 50, 90, 99, 99.9, 100):
        true = values[max(0, -(-int(len(values) * per_cent * 10) // 1000) - 1)]
        shown = latency.percentile(per_cent)
        assert true <= shown <= true + true // 8 + 1, (per_cent, true, shown)
    assert latency.summary() == {
        "count": len(values), "mean": sum(values) // len(values), "p50": latency.percentile(50), "p99": latency.percentile(99), "max": values[-1],
    }  # fmt: skip


def test_every_bucket_border() -> None:
    for value in [0, *[v for shift in range(62) for v in (1 << shift, (1 << shift) - 1, (1 << shift) + 1)]]:
        latency = Latency()
        latency.record(value)
        assert latency.percentile(50) == value, "one value is shown as it is: the highest bounds the bucket's edge"


def test_nothing_recorded_is_zero_and_negative_counts_as_zero() -> None:
    latency = Latency()
    assert latency.summary() == {"count": 0, "mean": 0, "p50": 0, "p99": 0, "max": 0}
    latency.record(-5)
    assert latency.summary()["max"] == 0 and latency.count == 1
    latency.reset()
    assert latency.count == 0 and latency.percentile(99) == 0


def test_counters_start_at_zero_and_show_all() -> None:
    counters = Counters()
    assert set(counters.summary().values()) == {0} and "turns" in counters.summary()
    counters.batches[1] += 2
    counters.batches[7] += 1
    assert counters.summary()["turns"] == 3


def test_lines_are_json_in_order_a_few_at_a_time() -> None:
    out = io.StringIO()
    log = Log(out)
    for i in range(20):
        log("info", "tick", n=i)
    assert out.getvalue() == "", "nothing is written on the caller's time"
    assert log.drain(8) is True
    assert len(out.getvalue().splitlines()) == 8
    log.flush()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["n"] for line in lines] == list(range(20))
    assert all(line["level"] == "info" and line["event"] == "tick" and line["timestamp"].endswith("Z") for line in lines)


def test_text_of_a_client_cannot_make_a_line_of_its_own() -> None:
    out = io.StringIO()
    log = Log(out)
    log("warning", "cut", text='x\n{"event": "forged"}\x1b[2J')
    log.flush()
    assert len(out.getvalue().splitlines()) == 1 and "\x1b" not in out.getvalue()
    assert json.loads(out.getvalue())["text"].startswith("x\n{")


def test_levels_below_the_lowest_are_not_kept() -> None:
    out = io.StringIO()
    log = Log(out, level="warning")
    log("info", "quiet")
    log("error", "loud")
    log.flush()
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["loud"]


def test_a_flood_is_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Log, "LIMIT", 5)
    out = io.StringIO()
    log = Log(out)
    for i in range(12):
        log("info", "flood", n=i)
    log.flush()
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["flood"] * 5 + ["log_lines_dropped"] and lines[-1]["count"] == 7


def test_an_exception_is_one_line() -> None:
    out = io.StringIO()
    log = Log(out)
    try:
        raise RuntimeError("broken")
    except RuntimeError as error:
        log("error", "broken", exc_info=error)
    log.flush()
    (line,) = [json.loads(line) for line in out.getvalue().splitlines()]
    assert "RuntimeError: broken" in line["exception"]


def test_stamp() -> None:
    assert stamp(1_784_496_896_123_456_789) == "2026-07-19T21:34:56.123456Z"

"""The screen: one line a time, or a table that stays in place on a terminal."""

import io

from exchange_server.demo.client import percentile
from exchange_server.demo.screen import Screen


def test_screen() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.tick(1.0, "trading", {"fix": {"answered": 10, "fills": 4, "open": 2, "p50": 900_000, "p99": 20_000_000}}, None)
    screen.tick(2.0, "trading", {"fix": {"answered": 30, "fills": 6, "open": 3, "p50": 900_000, "p99": 20_000_000}}, None)
    assert out.getvalue().splitlines()[1] == "  2.0 s  trading       fix 20/s p50 900 µs p99 20 ms  trades 3  open 3"
    out.truncate(0)
    screen.live = True
    market = {"price_decimals": 4, "contracts": [{"outcome": "Spain", "bid": 4200, "ask": None, "last": 4300, "volume": 9}]}
    screen.tick(3.0, "trading", {"fix": {"answered": 30}}, market)
    assert "Spain" in out.getvalue() and "0.4200        -   0.4300" in out.getvalue()
    screen.line("done")
    assert out.getvalue().endswith("\x1b[5A\x1b[Jdone\n")


def test_percentile() -> None:
    assert [percentile(range(100), p) for p in (0, 50, 99)] == [0, 50, 99] and percentile([], 50) == 0 and percentile([5], 99) == 5

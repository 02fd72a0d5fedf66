"""The screen of `exos top`: it fits 80 columns and 24 lines in every state, and says what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from exchange_server.watch import fields as f
from exchange_server.watch.screen import figures, screen
from exchange_server.watch.terminal import ON
from exchange_server.watch.view import Interval, look

from .kit import Wrote

BIG = 10**15


def shown(data: Path, width: int = 80, before: Any = None) -> list[str]:
    view = look(data)
    told = screen(figures(view, Interval(before, view)), "12:00:00 UTC", width)
    lines = ["".join(text for text, _ in line) for line in told]
    assert len(lines) <= 24 and all(cell_len(line) <= width for line in lines), "\n".join(lines)
    assert all(cell_len(line) == width for line in lines[:21]), "panels end where the screen ends"
    assert {style for line in told for _, style in line} <= set(ON)
    return lines


def test_a_busy_server(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path).put(commands=0).write()
    first = look(tmp_path)
    wrote.put(
        commands=24_690, orders=20_000, trades=50, refusals=7, refused=[0, 7], open_orders=100_123, order_to_report=[50, 49, 1], sessions=[3, 14], held=2_500_000,
        held_turns=3, disk_free=74_900_000_000, disk_left=30 * 3600 * 10**9, table_rows=[50, 99, 1], table_capacity_rows=[100] * 3, venue_open_orders=[5, 7],
    ).write(later_s=2)  # fmt: skip
    text = "\n".join(shown(tmp_path, before=first))
    for piece in (
        "trading",
        "12,345",
        "10,000",
        "p50 1.0us p99 2.0us",
        "3 fix, 14 binary",
        "2.5 MB in 3 turns",
        "74.9 GB",
        "30 h",
        "7 open orders",
        "archive 99 %",
    ):
        assert piece in text, piece
    assert "nothing to worry about" in text


@pytest.mark.parametrize("width", [80, 100, 200])
def test_large_numbers_fit(tmp_path: Path, width: int) -> None:
    wrote = Wrote(tmp_path)
    for field in f.FIELDS:
        if field.name not in ("state", "start_time"):
            wrote.put(**{field.name: [BIG + i for i in range(field.words)]})
    wrote.writer.describe(
        {"venue_open_orders": ["venue-with-a-very-long-name" * 3] * 5, "refused": [f"R_REASON_{i}" * 5 for i in range(9)]},
        {"data": "/srv/" * 60},
    )
    wrote.write()
    shown(tmp_path, width)


@pytest.mark.parametrize(
    ("words", "old_s", "says"),
    [
        ({}, 75.0, "wrote its page 1m 15s ago: it hangs"),
        ({"state": f.STOPPED, "exit_code": 12}, 0, "has ended with exit code 12"),
        ({"state": f.FAILED, "exit_code": 7}, 0, "has ended with exit code 7"),
        ({"state": f.STARTING, "recovery_rows": 1000, "recovery_rows_expected": 5000}, 0, "Recovery: 1,000 of 5,000 rows replayed"),
        ({"journal_failed": 1}, 0, "! the journal has failed"),
        ({}, -500.0, "has ended without a word"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, words: dict[str, int], old_s: float, says: str) -> None:
    Wrote(tmp_path).put(**words).write(old_s=old_s)
    assert says in "\n".join(shown(tmp_path))


def test_names_do_not_steer_the_terminal(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path)
    wrote.writer.describe({"venue_open_orders": ["\x1b[2J"]}, {"data": "\x1b[31m"})
    wrote.write()
    assert "\x1b" not in "".join(shown(tmp_path))


def test_wide_letters_keep_the_columns(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path)
    wrote.writer.describe({"venue_open_orders": ["取引所", "取引所取引所取引所取引所"]}, {"data": "/srv/取引所" * 20})
    wrote.put(venue_open_orders=[5, 7]).write()
    text = "\n".join(shown(tmp_path))
    assert "venue 取引所" in text and "…" in text


def test_a_long_worry_takes_the_lines_that_are_left(tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    view = look(tmp_path)
    told = figures(view, Interval(None, view)) | {"worries": ["word " * 60, "second"]}
    lines = screen(told, "12:00:00 UTC", 80)
    assert len(lines) == 24 and len(screen(told, "12:00:00 UTC", 80, 40)) == 26


def test_figures_are_plain_data(tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    view = look(tmp_path)
    told = json.loads(json.dumps(figures(view, Interval(None, view))))
    assert told["state"] == "trading" and told["ready"] is True and told["disk"]["left_hours"] is None and told["worries"] == []


def test_a_page_of_an_older_program_that_lacks_fields(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path)
    wrote.writer._text = b""
    wrote.writer.describe({}, {})
    wrote.write()
    shown(tmp_path)

"""The refusal table is complete, its texts are distinct, and docs/errors.md is what it generates."""

import re
from pathlib import Path

import pytest

from protocol import codes, errors, units

CODES = {name: value for name, value in vars(codes).items() if name.startswith("R_") and isinstance(value, int)}


def test_every_reason_code_has_exactly_one_row() -> None:
    assert len(set(CODES.values())) == len(CODES), "two R_ constants share a number"
    assert len(errors._ROWS) == len({row[0] for row in errors._ROWS}), "a code has two rows"
    assert {row.name: code for code, row in errors.REFUSALS.items()} == CODES


def test_no_two_rows_share_a_text() -> None:
    texts = [row.template for row in errors.REFUSALS.values()]
    assert sorted(texts) == sorted(set(texts))


@pytest.mark.parametrize("row", errors.REFUSALS.values(), ids=lambda row: row.name)
def test_a_row_is_fit_for_the_wires(row: errors.Refusal) -> None:
    shown = errors.text(row.code, limit=-(2**63), used=2**63 - 1, asked=-(2**63))
    assert "{" not in shown and "}" not in shown, "a placeholder that is not limit, used or asked"
    assert shown.isascii() and shown.isprintable() and "=" not in shown
    assert len(shown) <= 160, "58 must stay short"
    assert row.cause and row.what_to_do
    assert row.fix_103 in (None, 0, 1, 2, 3, 4, 5, 6, 8, 11, 13, 15, 99)  # what FIX 4.4 knows
    assert row.fix_102 in (None, 0, 1, 2, 3, 4, 5, 6, 99)
    assert row.fix_380 in (None, *range(9))
    assert row.fix_373 in (None, *range(18), 99)
    assert row.fix_378 in (None, *range(9), 99)


def test_refusals_of_orders_and_cancels_can_travel_on_fix() -> None:
    for row in errors.REFUSALS.values():
        if row.code < 100:
            assert row.fix_103 is not None and row.fix_102 is not None, row.name


def test_safe_to_resend_says_so_and_nothing_else_does() -> None:
    for code, row in errors.REFUSALS.items():
        assert row.safe_to_resend == (code in errors.SAFE_TO_RESEND) == errors.text(code).endswith("(safe to resend)")
    assert codes.R_COLLATERAL not in errors.SAFE_TO_RESEND
    assert codes.R_THROTTLED_VENUE in errors.SAFE_TO_RESEND


def test_the_numbers_are_filled_in() -> None:
    assert errors.text(codes.R_QTY_TOO_LARGE, limit=5, asked=7) == "quantity 7 is above the maximum 5"
    assert errors.numbers_used(codes.R_QTY_TOO_LARGE) == ("asked", "limit")
    assert errors.text(999) == "refused with the unknown code 999"
    assert errors.short_name(codes.R_ID_USED) == "id_used"


def test_the_document_is_current() -> None:
    from scripts import make_docs

    path = Path(make_docs.ROOT) / "docs" / "errors.md"
    assert path.read_text(encoding="utf-8") == make_docs.errors_page(), "run: python -m scripts.make_docs"
    assert len(re.findall(r"^\| \d+ \|", path.read_text(encoding="utf-8"), re.M)) == len(CODES)


def test_a_text_is_never_shown_with_numbers_that_nobody_gave() -> None:
    for code, row in errors.REFUSALS.items():
        bare = errors.text(code)
        assert "{" not in bare and (not errors.numbers_used(code) or bare.startswith(row.cause.removesuffix("."))), row.name
        if errors.numbers_used(code):
            numbers = {"limit": 11111, "used": 22222, "asked": 33333}
            shown = errors.text(code, **numbers)
            values = [numbers[name] for name in errors.numbers_used(code)]
            assert all((units.instant(v) if code in errors.TIMES else str(v)) in shown for v in values), shown


def test_phases_are_told_by_name() -> None:
    assert errors.text(codes.R_BAD_TRANSITION, used=codes.PH_OPEN, asked=codes.PH_DRAFT) == "an event that is open cannot become draft"
    assert errors.text(codes.R_MARKET_CLOSED, asked=codes.PH_DETERMINED) == "the market takes no orders any more, it is determined"
    for code in errors.PHASES:
        assert errors.numbers_used(code)
        for phase, name in codes.PHASE_NAMES.items():
            shown = errors.text(code, limit=0, used=phase, asked=phase)
            assert name in shown and not any(letter.isdigit() for letter in shown), shown


def test_times_are_told_as_people_read_them() -> None:
    shown = errors.text(codes.R_STALE, limit=1_700_000_000_500_000_000, asked=1_700_000_001_000_000_000)
    assert "the deadline 2023-11-14 22:13:20.500 UTC had passed when the order was handled at 2023-11-14 22:13:21 UTC" in shown
    assert errors.text(codes.R_EXPIRY_PAST, limit=1_700_000_000_000_000_000, asked=0).endswith("2023-11-14 22:13:20 UTC, got none")

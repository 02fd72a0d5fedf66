"""What every test has: skips that are not listed fail the run (tests/skips.py)."""

from tests.skips import pytest_configure

__all__ = ["pytest_configure"]

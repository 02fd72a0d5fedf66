"""What every test has: skips that are not listed fail the run (tests/skips.py)."""

import os

from tests.skips import pytest_configure

os.umask(0o077)  # configurations that tests write have secrets in them, and exos refuses such a file when others may read it

__all__ = ["pytest_configure"]

"""The source that most tests of backups use."""

from pathlib import Path

import pytest

from .kit import Source


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """With snapshots, several segments, event files, and a file of the operator's."""
    made = Source(tmp_path / "data")
    made.trade(60)
    made.snapshot()
    made.trade(45)
    (made.data / "tls").mkdir()
    (made.data / "tls" / "server.key").write_bytes(b"a key")
    return made

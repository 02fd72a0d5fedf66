"""The rows over the wires at a tiny size: a server process, a load generator process, every command answered. No times are checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from perf import journal_rows, server, settle_rows, wire_rows
from perf.load import _count
from protocol import messages as M
from protocol.framing import frame

TINY = 0.004


@pytest.mark.parametrize("wire", ["binary", "fix"])
def test_pipelined(wire: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        (result,) = wire_rows.pipelined(wire, 2, 1e6, TINY)
    except ValueError as error:  # the temporary folder is memory
        assert "real disk" in str(error)
        return
    assert result.figure > 0 and result.more["answered"] == result.more["sent"] > 0
    assert "fdatasync" in result.note and not result.void


def test_a_flood_and_a_modest_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        results = wire_rows.fair(TINY)
    except ValueError as error:  # the temporary folder is memory
        assert "real disk" in str(error)
        return
    for result in results:
        assert result.figure > 0 and result.more["flood"]["count"] > 0 < result.more["quiet"]["count"]
        assert result.more["answered"] >= 4000


def test_a_flood_of_another_venue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        results = wire_rows.tenants(TINY)
    except ValueError as error:  # the temporary folder is memory
        assert "real disk" in str(error)
        return
    for result in results:
        assert result.figure > 0 and result.more["flood"]["count"] > 0 < result.more["quiet"]["count"]
        assert 0 < result.more["flooded"] < result.more["sent"]


def test_a_settlement_while_another_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        paid, wait = settle_rows.beside(TINY)
    except ValueError as error:  # the temporary folder is memory
        assert "real disk" in str(error)
        return
    assert "10,000 positions paid" in paid.name and paid.figure > 0 < wait.figure and not paid.void and "waits" in wait.note


def test_memory_is_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/dev/shm")
    with pytest.raises(ValueError, match="real disk"):
        server.BenchServer("")
    assert not list(Path("/dev/shm").glob("exos-bench-*"))


def test_file_system_is_named() -> None:
    with pytest.raises(ValueError, match="fdatasync is free there"):
        journal_rows.file_system(Path("/dev/shm"))


def test_answers_are_counted_once() -> None:
    """A Canceled is an answer if it names another order; fills and incomplete frames do not count."""
    order = (1, 2, 3, 4, 5, 16, 1, 1, 1)
    own = M.Canceled(*order, 0, 102, 0, 50, 10, 0, 0)
    asked = M.Canceled(*order, 1 << 40, 100, 0, 50, 10, 0, 0)
    accepted = M.Accepted(*order, 2, 1, 50, 10, 10, 0)
    fill = M.Fill(*order, 2, 0, 50, 10, 5, 5, 50, 5, 250, 0, 1)
    data = b"".join(frame(M.encode(m)) for m in (own, asked, accepted, fill))
    out = np.zeros(128, np.int64)
    buffer = np.frombuffer(data + data[:10], np.uint8).copy()
    assert _count(buffer, len(buffer), out) == len(data)
    assert (out[0], out[1], out[82], out[83]) == (2, 4, 1, 2)

"""The journal as a source of rows: durable ones only, in order, whatever the server does meanwhile."""

from pathlib import Path

import pytest

from exchange_server.core import layout as L
from exchange_server.follow.source import LocalJournal
from exchange_server.journal import format as fmt
from exchange_server.journal.files import JournalError
from exchange_server.journal.runner import Threads
from exchange_server.journal.walk import JournalRefused
from tests.journal.kit import SERVER, commit, open_new, patch, turn

from .kit import Live, catch_up, follow


def source(data: Path) -> LocalJournal:
    return LocalJournal(data / "journal", SERVER)


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_rows_come_once_and_in_order_over_many_segments(tmp_path: Path, mode: str) -> None:
    live = Live(tmp_path, mode=mode)
    got, at = 0, None
    for _ in range(40):
        live.trade(5, mark=False)
        live.r.journal.settle()
        for batch in source(tmp_path).batches(at):
            assert batch.first_seq == got
            got, at = got + batch.rows.size // L.CMD_WORDS, batch.end
        assert got == live.r.journal.next_seq
    assert at is not None and at.segment > 2
    assert list(source(tmp_path).batches(at)) == []
    live.end()


def test_what_is_written_but_not_synced_is_not_followed(tmp_path: Path) -> None:
    """Mode async, synced once an hour: rows are in the file, and the watermark does not cover them."""
    journal = open_new(tmp_path / "journal", mode="async", runner=Threads(), sync_ns=3600 * 10**9, idle_ms=3_600_000)
    journal.append(turn(1, 3))
    commit(journal)
    assert journal.durable == 4
    assert sum(b.rows.size for b in source(tmp_path).batches(None)) == 0
    journal.close()


def test_a_server_that_never_wrote(tmp_path: Path) -> None:
    assert source(tmp_path).durable() is None
    with pytest.raises(JournalError, match="does not exist: name the data folder of a server"):
        source(tmp_path).refuse_other_versions()
    live = Live(tmp_path)
    source(tmp_path).refuse_other_versions()
    assert list(source(tmp_path).batches(None)) == []
    live.end()


def test_other_versions_and_servers_are_named(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.trade()
    live.end()
    with pytest.raises(
        JournalError, match=f"for rules version {L.LOGIC_VERSION}, this follower has 999: start the follower of the version"
    ):
        LocalJournal(tmp_path / "journal", SERVER, logic=999).refuse_other_versions()
    with pytest.raises(JournalError, match=f"is from server {SERVER}, not 8"):
        LocalJournal(tmp_path / "journal", 8).refuse_other_versions()
    path = tmp_path / "journal" / fmt.segment_name(1)
    head = bytearray(path.read_bytes()[: fmt.CRC_BYTES])
    head[8:12] = (99).to_bytes(4, "little")
    patch(path, 0, fmt._sealed(bytes(head)))
    with pytest.raises(JournalError, match=r"cannot be followed: segment header: format version 99; this program reads \d"):
        source(tmp_path).refuse_other_versions()


def test_another_folder_under_the_same_name_is_refused(tmp_path: Path) -> None:
    """The rows that were followed are no longer there."""
    live = Live(tmp_path / "a")
    live.trade(20)
    follower = follow(tmp_path / "a")
    assert catch_up(follower) == 80
    live.end()
    other = Live(tmp_path / "b")
    other.trade(3)
    (tmp_path / "a" / "journal").rename(tmp_path / "gone")
    (tmp_path / "b" / "journal").rename(tmp_path / "a" / "journal")
    with pytest.raises(JournalRefused, match="ends at row 12, and rows up to 79 were followed already: the folder was replaced"):
        catch_up(follower)
    other.trade(40)
    with pytest.raises(JournalRefused):
        catch_up(follower)
    other.end()


def test_damage_before_the_watermark_is_refused(tmp_path: Path) -> None:
    live = Live(tmp_path)
    live.trade(3)
    patch(tmp_path / "journal" / fmt.segment_name(1), 4096 + 300, b"\xff")
    with pytest.raises(JournalRefused, match="Rows affected: 0 to 11"):
        catch_up(follow(tmp_path))
    live.end()

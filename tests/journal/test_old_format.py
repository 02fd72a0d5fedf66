"""A data folder that a server of format version 1 left, killed in its third life: read, checked, continued and mixed with version 2.

format1.zip was made with the program before packed rows: three lives of 40 turns each, `turn(life * 100 + n, n % 5, seed=life)`; a clean
stop with a snapshot after the second.
"""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from exchange_server.journal import format as fmt
from exchange_server.journal.recover import JournalRefused, iterate, recover, seal, verify
from exchange_server.journal.runner import Threads

from .kit import SEGMENT, SERVER, FakeEngine, commit, digest_of, orders, patch, turn

OLD = [turn(life * 100 + n, n % 5, seed=life) for life in (1, 2, 3) for n in range(1, 41)]
LOGIC = 1
OPTIONS = dict(runner=Threads(), segment_bytes=SEGMENT, rows_per_event_file=256, logic=LOGIC)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).with_name("format1.zip")) as old:
        old.extractall(tmp_path)
    return tmp_path


def rows_of(data: Path) -> np.ndarray:
    return np.concatenate([batch.copy() for batch in iterate(data / "journal", logic=LOGIC)])


def versions(path: Path) -> list[int]:
    """The format version of every frame of a segment, in order."""
    raw, at, found = path.read_bytes(), fmt.SEGMENT_HEADER_BYTES, []
    while raw[at : at + 8] == fmt.FRAME_MAGIC:
        found.append(int.from_bytes(raw[at + 8 : at + 10], "little"))
        at = fmt.parse_frame_header(raw[at : at + fmt.FRAME_HEADER_BYTES]).end
    return found


def test_an_old_journal_is_verified_and_read(data: Path) -> None:
    found = verify(data / "journal", logic=LOGIC)
    assert (found.rows, found.frames, found.torn_bytes) == (sum(t.size // 16 for t in OLD), 121, 0)
    assert np.array_equal(rows_of(data), np.concatenate(OLD))


def test_an_old_folder_goes_on_in_the_middle_of_its_segment(data: Path) -> None:
    new = [orders(n, n % 7) for n in range(1, 300)]
    r = recover(data, SERVER, FakeEngine, **OPTIONS)
    assert r.engine.restored and r.engine.digest() == digest_of(OLD)
    last = r.journal.position().segment
    for rows in new:
        r.journal.append(rows)
        commit(r.journal)
        r.engine.apply(rows, rows.size, r.store.append)
    seal(r, data, logic=LOGIC)
    assert set(versions(data / "journal" / fmt.segment_name(last))) == {1, 2}
    assert np.array_equal(rows_of(data), np.concatenate(OLD + new))
    for path in (data / "snapshots").glob("*"):
        path.unlink()
    again = recover(data, SERVER, FakeEngine, **OPTIONS)
    assert again.engine.digest() == digest_of(OLD + new) and again.report.marks == 2
    again.journal.close()
    again.store.close()


def test_a_torn_frame_of_an_old_journal_is_cut_and_a_flipped_one_refused(data: Path) -> None:
    path = sorted((data / "journal").glob("*.seg"))[-1]
    while not path.read_bytes().strip(b"\0"):
        path = path.with_name(fmt.segment_name(fmt.segment_number(path.name) - 1))
    end = verify(data / "journal", logic=LOGIC).end
    assert fmt.segment_name(end.segment) == path.name
    patch(path, end.offset, fmt.FRAME_MAGIC + b"torn")
    r = recover(data, SERVER, FakeEngine, **OPTIONS)
    assert r.report.cut_bytes == 12 and r.engine.digest() == digest_of(OLD)
    r.journal.close()
    r.store.close()
    patch(path, end.offset - 64, b"\x77")
    with pytest.raises(JournalRefused, match="does not match its SHA-256"):
        verify(data / "journal", logic=LOGIC)

"""exos journal list, archive and fetch: on a journal of many segments, while a server writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server import data_folder
from exchange_server.archive.recycle import recycle_next
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from exchange_server.follow.status import Status, write_status
from protocol import units
from tests.archive.kit import archive, lived, segments
from tests.follow.kit import Live
from tests.journal.kit import SERVER


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    monkeypatch.setattr(data_folder, "SERVER_ID", SERVER)
    (tmp_path / "d").mkdir(mode=0o700)
    found = lived(tmp_path / "d", rounds=8)
    (tmp_path / "archive").mkdir()
    yield found
    found.end()


def run(capsys: pytest.CaptureFixture[str], *arguments: Any) -> tuple[int, str, str]:
    code = cli.main(["journal", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def test_archive_list_and_fetch(capsys: pytest.CaptureFixture[str], live: Live, tmp_path: Path) -> None:
    data, folder, into = tmp_path / "d", tmp_path / "archive", tmp_path / "audit"
    last = live.r.journal.position().segment - 1
    code, _, err = run(capsys, "archive", "--data", data)
    assert code == Exit.USAGE and "has no archive so far: name one with --archive, or set archive in [server]" in err
    code, out, _ = run(capsys, "archive", "--data", data, "--archive", folder)
    assert code == Exit.OK and f"archived to {folder}: segments 1 to {last}: " in out
    assert "no closed segment waits" in run(capsys, "archive", "--data", data, "--archive", folder)[1]
    one = archive(data)
    while recycle_next(one):
        pass
    first = segments(data)[0]
    upto = min(first, last)
    assert upto > 1
    code, out, _ = run(capsys, "list", "--data", data, "--json")  # the archive is known from what was recycled
    rows = json.loads(out)["result"]["segments"]
    assert [r["segment"] for r in rows] == list(range(1, last + 2))
    assert [r["where"] for r in rows] == ["archive"] * (first - 1) + ["both"] * (last + 1 - first) + ["folder"]
    assert (
        rows[0]["first_row"] == 0
        and rows[-1]["rows"] is None
        and all(a["first_row"] + a["rows"] == b["first_row"] for a, b in zip(rows, rows[1:]))
    )
    assert rows[0]["covered"].endswith(".snap") and not rows[-1]["covered"] and 0 < rows[0]["packed_bytes"] < rows[0]["bytes"]
    table = run(capsys, "list", "--data", data)[1]
    assert "archive" in table and "open" in table and units.instant(rows[0]["first_ns"]) in table

    code, out, _ = run(capsys, "fetch", f"1..{upto}", "--data", data, "--into", into, "--json")
    assert code == Exit.OK and json.loads(out)["result"]["fetched"] == list(range(1, upto + 1))
    code, out, _ = run(capsys, "fetch", "1", "--data", data, "--into", into)
    assert (
        code == Exit.OK
        and f"segments 1 to 1 (rows 0 to {rows[0]['rows'] - 1}) are in {into} (1 were there already), as they were archived" in out
    )
    into.chmod(0o700)
    code, out, _ = run(capsys, "verify", into)
    assert code == Exit.OK and f"journal verified: {sum(r['rows'] for r in rows[:upto])} rows in" in out and "clean end" in out
    code, out, _ = run(
        capsys, "fetch", "--from", "1970-01-01", "--to", "2200-01-01", "--data", data, "--into", tmp_path / "by-time", "--json"
    )
    assert code == Exit.OK and json.loads(out)["result"]["fetched"] == list(range(1, last + 1))


def test_a_fetched_part_is_read_from_its_first_segment(capsys: pytest.CaptureFixture[str], live: Live, tmp_path: Path) -> None:
    data, into = tmp_path / "d", tmp_path / "audit"
    assert run(capsys, "archive", "--data", data, "--archive", tmp_path / "archive")[0] == Exit.OK
    write_status_of(data, tmp_path / "archive")
    assert run(capsys, "fetch", "2..3", "--data", data, "--into", into)[0] == Exit.OK
    code, out, _ = run(capsys, "verify", into)
    assert code == Exit.OK and "from row " in out and "they are not in this folder" in out


def write_status_of(data: Path, folder: Path) -> None:
    write_status(data / "follower", Status(archive=str(folder)))


def test_what_cannot_be_fetched(capsys: pytest.CaptureFixture[str], live: Live, tmp_path: Path) -> None:
    data, into = tmp_path / "d", tmp_path / "audit"
    options = ("--data", data, "--archive", tmp_path / "archive", "--into", into)
    assert run(capsys, "archive", *options[:4])[0] == Exit.OK
    last = live.r.journal.position().segment - 1
    for arguments, code, words in (
        (("1..99", *options), Exit.ARCHIVE, f"the archive has segments 1 to {last}; asked for 1 to 99"),
        (("x", *options), Exit.USAGE, "SEGMENTS x: "),
        (("3..2", *options), Exit.USAGE, "SEGMENTS 3..2: "),
        (options, Exit.USAGE, "name the segments (FIRST..LAST), or a time (--from, --to)"),
        (("--to", "1971-01-01", *options), Exit.ARCHIVE, "the archive has no rows of that time"),
        (("1", "--data", data, "--archive", tmp_path / "no", "--into", into), Exit.ARCHIVE, "no does not exist: create or mount it"),
    ):
        got, _, err = run(capsys, "fetch", *arguments)
        assert got == code and words in err, (arguments, err)
    packed = tmp_path / "archive" / "00000001.seg.zst"
    good = packed.read_bytes()
    packed.write_bytes(good[:-3])
    code, _, err = run(capsys, "fetch", "1", *options)
    assert code == Exit.ARCHIVE and "00000001.seg.zst is truncated" in err and not list(into.glob("*.seg"))
    packed.unlink()
    code, _, err = run(capsys, "fetch", "1", *options)
    assert code == Exit.ARCHIVE and "lacks 00000001.seg.zst, which its manifest has" in err
    (into / "00000002.seg").write_bytes(b"something else")
    code, _, err = run(capsys, "fetch", "2", *options)
    assert code == Exit.RECOVERY and "is another segment than the archive's: name an empty folder" in err

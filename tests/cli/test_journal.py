"""exos journal: verify, replay and cut on real journals: intact, damaged and in use."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config import admin_records as ar
from exchange_server.cli import main as cli
from exchange_server.cli import progress
from exchange_server.core import layout as L
from exchange_server.engine import Engine
from exchange_server.exits import Exit
from exchange_server.gateway.connection import TurnInput
from exchange_server.journal.event_files import EventFiles, EventSum
from exchange_server.journal.recover import Recovered, recover, seal
from exchange_server.journal.runner import Threads
from exchange_server.journal.snapshots import Keep, read_header
from protocol import codes
from tests.registry.test_real_engine import SMALL
from tests.registry.test_registry import BASE

SEGMENT = 1 << 20


def open_folder(data: Path) -> Recovered[Engine]:
    return recover(data, 1, lambda chunks: Engine(SMALL) if chunks is None else Engine.restore(chunks), Threads(), segment_bytes=SEGMENT)


def write(server: Recovered[Engine], turns: int) -> None:
    """A turn for each record of a small world, repeated."""
    for turn in range(turns):
        body = ar.pack("uid:0", str(turn), BASE[turn % len(BASE)])
        extra = -(-len(body) // 128)
        rows = np.zeros((2 + extra) * L.CMD_WORDS, np.int64)
        rows[:3] = codes.C_TIME, server.engine.turn + 1, server.engine.time_ns + 1
        rows[L.CMD_WORDS], rows[L.CMD_WORDS + L.CMD_BODY_BYTES] = codes.C_ADMIN | extra << 8, len(body)
        rows[2 * L.CMD_WORDS :].view(np.uint8)[: len(body)] = np.frombuffer(body, np.uint8)
        ticket = server.journal.append(rows, server.engine.row_seq)
        server.engine.apply(rows, len(rows), server.store.append)
        server.journal.wait(ticket)


def write_events(server: Recovered[Engine], turns: int) -> None:
    """A world, then a session that logs on and off: an event each time."""
    write(server, len(BASE))
    session = next(iter(server.engine.registry.sessions)).id
    turn = TurnInput(rows=2)
    for number in range(turns):
        turn.begin(server.engine.turn + 1, server.engine.time_ns + 1)
        turn.add(codes.C_LOGOFF if number % 2 else codes.C_LOGON, session)
        ticket = server.journal.append(turn.inbox[: turn.words], server.engine.row_seq)
        server.engine.apply(turn.inbox, turn.words, server.store.append)
        server.journal.wait(ticket)
    assert server.engine.event_seq > turns


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A data folder that was stopped cleanly, and its digest."""
    server = open_folder(tmp_path / "d")
    write_events(server, 20)
    digest = server.engine.digest().hex()
    seal(server, tmp_path / "d")
    yield tmp_path / "d", digest


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["journal", *arguments])
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == (0 if code == Exit.OK else 1), err
    return code, out, err


def test_a_sound_journal(capsys: pytest.CaptureFixture[str], sealed: tuple[Path, str]) -> None:
    data, digest = sealed
    code, out, _ = run(capsys, "verify", str(data))
    assert code == Exit.OK and "journal verified: " in out and "clean end" in out
    frames, store = out.splitlines()
    assert (
        store.startswith("event store: ") and "all equal to the journal, 1 digests compared" in store and store.endswith(f"digest {digest}")
    )
    assert run(capsys, "verify", str(data / "journal"))[1] == frames + "\n", "the journal's own folder will do"
    assert run(capsys, "verify", "--frames-only", str(data))[1] == frames + "\n"
    code, out, _ = run(capsys, "replay", str(data))
    assert code == Exit.OK and f"digest {digest}" in out and "1 state digests compared" in out


def test_how_far_it_is_is_told_with_verbose(
    capsys: pytest.CaptureFixture[str], sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    for verb, what in (("verify", "comparing the event store with a replay: "), ("replay", "replaying: ")):
        assert cli.main(["journal", verb, str(sealed[0]), "--verbose"]) == Exit.OK
        out, err = capsys.readouterr()
        told = [line for line in err.splitlines() if line.startswith(what) and " rows, " in line]
        done, of = re.match(rf"{what}([\d,]+) of ([\d,]+) rows, 100 %", told[-1]).groups()  # type: ignore[union-attr]
        assert done == of and f"{done.replace(',', '')} rows" in out.replace(",", "")


def test_a_journal_in_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    server = open_folder(tmp_path)
    write(server, 5)
    assert "a server is writing" in run(capsys, "verify", str(tmp_path))[1]
    assert run(capsys, "replay", str(tmp_path))[0] == Exit.OK
    code, _, err = run(capsys, "cut", str(tmp_path), "--segment", "1", "--offset", "4096")
    assert code == Exit.LOCKED and "is in use by process" in err
    seal(server, tmp_path)


def test_a_flipped_bit_is_refused_by_place(capsys: pytest.CaptureFixture[str], sealed: tuple[Path, str]) -> None:
    data, _ = sealed
    segment = min((data / "journal").glob("*.seg"), default=None) or min(
        p for p in (data / "journal").iterdir() if p.stat().st_size >= SEGMENT
    )
    with segment.open("r+b") as file:
        file.seek(8192)
        byte = file.read(1)[0]
        file.seek(8192)
        file.write(bytes([byte ^ 1]))
    for verb in ("verify", "replay"):
        code, out, err = run(capsys, verb, str(data))
        assert code == Exit.RECOVERY and "journal refused" in err and segment.name in err and out == ""
    code, _, err = run(capsys, "cut", str(data), "--segment", "1", "--offset", "64")
    assert code == Exit.RECOVERY


def test_no_journal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "verify", str(tmp_path / "none"))[0] == Exit.USAGE
    for verb in ("verify", "replay"):
        code, _, err = run(capsys, verb, str(tmp_path))
        assert code == Exit.RECOVERY and "segments" in err


def test_a_state_that_differs_from_its_digest_is_told(
    capsys: pytest.CaptureFixture[str], sealed: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "digest", lambda self: bytes(32))
    code, _, err = run(capsys, "replay", str(sealed[0]))
    assert code == Exit.RECOVERY and "differs from the digest in the journal" in err


def test_the_event_store_is_checked_row_by_row_and_against_the_journal(
    capsys: pytest.CaptureFixture[str], sealed: tuple[Path, str]
) -> None:
    data, _ = sealed
    path = data / "events" / "00000000.evt"
    raw = path.read_bytes()
    path.write_bytes(raw[:200] + bytes([raw[200] ^ 4]) + raw[201:])
    code, out, err = run(capsys, "verify", str(data))
    assert code == Exit.FAILED and "1 are damaged: 2 to 2" in err and "start it" in err and "journal verified" in out
    files = EventFiles(data / "events")
    other = np.frombuffer(bytearray(raw[192:384]), np.int64)
    other[20] ^= 1
    files.write(2, other, EventSum(next_number=2).add(other))  # whole, but a lie
    files.close()
    code, _, err = run(capsys, "verify", str(data))
    assert code == Exit.FAILED and "1 are different from the journal: 2 to 2" in err
    path.unlink()
    code, out, err = run(capsys, "verify", str(data))
    assert code == Exit.OK and "are not in the files yet" in out, "as after a crash: a start writes them"


def test_what_a_running_server_holds_in_memory_is_no_damage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    server = open_folder(tmp_path)
    write_events(server, 5)
    code, out, _ = run(capsys, "verify", str(tmp_path))
    assert code == Exit.OK and f"the newest {server.engine.event_seq - 1} are not in the files yet" in out
    server.store.flush()
    assert "are not in the files" not in run(capsys, "verify", str(tmp_path))[1]
    seal(server, tmp_path)


def test_events_older_than_the_journal_are_judged_by_their_checksums(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    server = recover(
        tmp_path, 1, lambda chunks: Engine(SMALL) if chunks is None else Engine.restore(chunks), Threads(), segment_bytes=32 << 10
    )
    write_events(server, 300)
    first = server.engine.event_seq
    seal(server, tmp_path)
    segments = sorted((tmp_path / "journal").glob("*.seg"))
    begun = [p for p in segments if p.read_bytes()[:512].strip(b"\0")]
    assert len(begun) > 1
    for path in begun[:-1]:
        path.unlink()
    code, out, err = run(capsys, "verify", str(tmp_path))
    assert code == Exit.OK and f"1 to {first - 1} are older than the journal" in out, err
    path = tmp_path / "events" / "00000000.evt"
    raw = path.read_bytes()
    path.write_bytes(raw[:1000] + b"\x55" + raw[1001:])
    assert "1 are damaged: 6 to 6" in run(capsys, "verify", str(tmp_path))[2]


def test_a_replay_of_what_is_left_begins_with_the_oldest_snapshot_that_fits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Its capacities come with the snapshot: the rows that named them are in the archive."""
    options = {"segment_bytes": 32 << 10}
    make = lambda chunks: Engine(SMALL) if chunks is None else Engine.restore(chunks)  # noqa: E731
    rows = []
    for _ in range(3):
        server = recover(tmp_path, 1, make, Threads(), **options)
        write_events(server, 300)
        digest = server.engine.digest().hex()
        rows.append(server.engine.row_seq)
        seal(server, tmp_path, keep=Keep(9, 0))
    code, out, err = run(capsys, "replay", str(tmp_path), "--json")
    assert code == Exit.OK, err
    whole = json.loads(out)["result"]
    assert (whole["first_row"], whole["snapshot"], whole["rows"], whole["digest"]) == (0, None, rows[-1], digest)
    first = sorted((tmp_path / "snapshots").glob("*.snap"))[0]
    for path in sorted((tmp_path / "journal").glob("*.seg"))[: read_header(first).position.segment - 1]:
        path.unlink()
    code, out, _ = run(capsys, "replay", str(tmp_path))
    assert code == Exit.OK and f"replayed from {first.name} (row {rows[0]}), the oldest snapshot from which the journal goes on\n" in out
    assert f"replayed {rows[-1] - rows[0]} rows" in out and f"digest {digest}" in out and "2 state digests compared" in out
    for path in (tmp_path / "snapshots").glob("*.snap"):
        path.unlink()
    code, _, err = run(capsys, "replay", str(tmp_path))
    assert (
        code == Exit.RECOVERY and "there is no good snapshot from which it goes on" in err and "restore the segments or a snapshot" in err
    )

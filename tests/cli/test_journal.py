"""exos journal: verify, replay and cut on real journals, sound, damaged and in use."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config import admin_records as ar
from exchange_server.cli import main as cli
from exchange_server.core.records import CMD_BODY_BYTES, CMD_WORDS
from exchange_server.engine import Engine
from exchange_server.exits import Exit
from exchange_server.journal.recover import Recovered, recover, seal
from protocol import codes
from tests.registry.test_real_engine import SMALL
from tests.registry.test_registry import BASE

SEGMENT = 1 << 20


def open_folder(data: Path) -> Recovered[Engine]:
    return recover(data, 1, lambda chunks: Engine(SMALL) if chunks is None else Engine.restore(chunks), segment_bytes=SEGMENT)


def write(server: Recovered[Engine], turns: int) -> None:
    """A turn for each record of a small world, over and over."""
    for turn in range(turns):
        body = ar.pack("uid:0", str(turn), BASE[turn % len(BASE)])
        extra = -(-len(body) // 128)
        rows = np.zeros((2 + extra) * CMD_WORDS, np.int64)
        rows[:3] = codes.C_TIME, server.engine.turn + 1, server.engine.time_ns + 1
        rows[CMD_WORDS], rows[CMD_WORDS + CMD_BODY_BYTES] = codes.C_ADMIN | extra << 8, len(body)
        rows[2 * CMD_WORDS :].view(np.uint8)[: len(body)] = np.frombuffer(body, np.uint8)
        ticket = server.journal.append(rows, server.engine.row_seq)
        server.engine.apply(rows, len(rows), server.store.append)
        server.journal.wait(ticket)


@pytest.fixture
def sealed(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A data folder that was stopped cleanly, and its digest."""
    server = open_folder(tmp_path / "d")
    write(server, 20)
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
    assert run(capsys, "verify", str(data / "journal"))[1] == out, "the journal's own folder will do"
    code, out, _ = run(capsys, "replay", str(data))
    assert code == Exit.OK and f"digest {digest}" in out and "1 state digests compared" in out


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

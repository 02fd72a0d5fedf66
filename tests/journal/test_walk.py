"""Torn, overwritten, flipped: a journal is either restored with everything acknowledged, or refused, naming the place. Nothing else.

Two sources: one whose last frames were never acknowledged (the watermark is before them, as after a crash in the middle of a write),
and one that was quiet before it was damaged (the watermark covers everything).
"""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from exchange_server.journal import format as fmt
from exchange_server.journal.recover import JournalRefused, iterate, verify
from exchange_server.journal.store import JournalError

from .kit import LONG, SEGMENT, SERVER, copy_folder, open_new, orders, patch, turn, write_turns

TURNS = [turn(i, orders=1 + i % 4, seed=9) if i % 2 else orders(i, 1 + i % 9) for i in range(1, 100)]
ACKED = len(TURNS) - 3


def rows_in(folder: Path) -> list[np.ndarray]:
    return [batch.copy() for batch in iterate(folder)]


def turns_recovered(folder: Path) -> int:
    """The number of whole turns restored; fails if they are not exactly a prefix of TURNS."""
    parts = rows_in(folder)
    rows = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    wanted = np.concatenate(TURNS)
    assert np.array_equal(rows, wanted[: rows.size]), "wrong rows came back"
    ends = np.cumsum([t.size for t in TURNS]).tolist()
    return ends.index(rows.size) + 1 if rows.size else 0


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[int, int, int]]]:
    folder = tmp_path_factory.mktemp("quiet") / "journal"
    return folder, write_turns(folder, TURNS)


@pytest.fixture(scope="module")
def crashed(quiet: tuple[Path, list[tuple[int, int, int]]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bytes, but only the first ACKED turns had been acknowledged."""
    source, places = quiet
    folder = copy_folder(source, tmp_path_factory.mktemp("crashed") / "journal")
    segment, begin, _ = places[ACKED]
    assert {s for s, _, _ in places[ACKED - 4 :]} == {segment}, "the last frames must lie in one segment"
    raw = (folder / fmt.segment_name(segment)).read_bytes()
    before = fmt.parse_frame_header(raw[places[ACKED - 1][1] :][:192])
    seq = sum(t.size // 16 for t in TURNS[:ACKED])
    slot = fmt.pack_watermark(fmt.Watermark(SERVER, 1, seq, segment, begin, before.chain))
    for at in fmt.SLOT_OFFSETS:
        patch(folder / "watermark", at, slot)
    assert turns_recovered(folder) == len(TURNS)
    return folder


def test_torn_at_every_byte_of_the_last_frames(crashed: Path, quiet, tmp_path: Path) -> None:
    """Zeros from byte X on, for every X in the unacknowledged frames; the acknowledged ones are always restored."""
    folder = copy_folder(crashed, tmp_path / "j")
    places = quiet[1]
    path = folder / fmt.segment_name(places[-1][0])
    raw = path.read_bytes()
    begin, end = places[-1][1], places[-1][2]
    whole = {p[2]: n for n, p in enumerate(places, 1) if p[0] == places[-1][0]}
    for x in range(begin, end, 1):
        patch(path, x, bytes(end - x))
        back = turns_recovered(folder)
        trailing_zeros = not any(raw[x:end])
        assert back == (len(TURNS) if trailing_zeros else len(TURNS) - 1), x
        patch(path, x, raw[x:end])
    for x in range(places[ACKED][1], begin, 1 if LONG else 37):
        patch(path, x, bytes(end - x))
        back = turns_recovered(folder)
        assert ACKED <= back < len(TURNS) and whole[max(e for e in whole if e <= x or back == whole[e])] >= ACKED
        patch(path, x, raw[x:end])


@pytest.mark.parametrize("what", ["zeros", "ones", "stale", "noise"])
def test_pieces_overwritten_in_the_unacknowledged_frame(crashed: Path, quiet, tmp_path: Path, what: str) -> None:
    folder = copy_folder(crashed, tmp_path / "j")
    places = quiet[1]
    path = folder / fmt.segment_name(places[-1][0])
    raw = path.read_bytes()
    begin, end = places[-1][1], places[-1][2]
    rng = random.Random(what)
    stale = raw[places[-5][1] :][: end - begin]
    for _ in range(2000 if LONG else 100):
        a = rng.randrange(begin, end)
        b = rng.randrange(a + 1, end + 1)
        data = {"zeros": bytes(b - a), "ones": b"\xff" * (b - a), "stale": stale[a - begin : b - begin], "noise": rng.randbytes(b - a)}[
            what
        ]
        patch(path, a, data)
        back = turns_recovered(folder)
        assert back == (len(TURNS) if path.read_bytes() == raw else len(TURNS) - 1)
        patch(path, a, raw[a:b])


def test_an_earlier_unacknowledged_frame_that_is_bad_is_refused_when_a_good_one_follows(crashed: Path, quiet, tmp_path: Path) -> None:
    """In sync mode a frame is only written after the one before is on the disk: so the one before was acknowledged."""
    folder = copy_folder(crashed, tmp_path / "j")
    segment, begin, _ = quiet[1][ACKED]
    patch(folder / fmt.segment_name(segment), begin + 250, b"\x55\xaa")
    with pytest.raises(JournalRefused, match=f"byte {begin}: the payload does not match its SHA-256, but a valid frame"):
        verify(folder)
    patch(folder / fmt.segment_name(segment), begin, bytes(192))
    with pytest.raises(JournalRefused, match=f"byte {begin}: .*a valid frame .* follows"):
        verify(folder)


def flips(places: list[tuple[int, int, int]], last_bytes: int) -> list[tuple[int, int]]:
    """(segment, byte) of the newest bytes that hold frames."""
    found = []
    for segment, begin, end in reversed(places):
        for at in range(end - 1, begin - 1, -1):
            found.append((segment, at))
            if len(found) == last_bytes:
                return found
    return found


def test_every_flipped_bit_of_a_quiet_journal_is_refused(quiet, tmp_path: Path) -> None:
    """A sample of all bits of the last 64 KiB (EXOS_LONG=1: all). Every flip must be refused,
    because everything had been acknowledged."""
    folder = copy_folder(quiet[0], tmp_path / "j")
    places = flips(quiet[1], 64 << 10)
    bits = [(s, at, bit) for s, at in places for bit in range(8)]
    if not LONG:
        bits = random.Random(5).sample(bits, 500)
    for segment, at, bit in bits:
        path = folder / fmt.segment_name(segment)
        with open(path, "r+b") as file:
            file.seek(at)
            old = file.read(1)
            file.seek(at)
            file.write(bytes([old[0] ^ 1 << bit]))
            file.flush()
            with pytest.raises(JournalRefused) as refused:
                verify(folder)
            assert path.name in str(refused.value)
            file.seek(at)
            file.write(old)
    assert turns_recovered(folder) == len(TURNS)


def test_flipped_bits_after_a_crash_never_lose_what_was_acknowledged(crashed: Path, quiet, tmp_path: Path) -> None:
    folder = copy_folder(crashed, tmp_path / "j")
    bits = [(s, at, bit) for s, at in flips(quiet[1], 64 << 10) for bit in range(8)]
    outcomes = {"refused": 0, "cut": 0}
    for segment, at, bit in random.Random(6).sample(bits, len(bits) if LONG else 300):
        path = folder / fmt.segment_name(segment)
        with open(path, "r+b") as file:
            file.seek(at)
            old = file.read(1)
            file.seek(at)
            file.write(bytes([old[0] ^ 1 << bit]))
            file.flush()
            try:
                back = turns_recovered(folder)
                assert back >= ACKED
                outcomes["cut"] += 1
            except JournalRefused:
                outcomes["refused"] += 1
            file.seek(at)
            file.write(old)
    assert min(outcomes.values()) > 0, "both must have been seen"


@pytest.mark.parametrize("name", ["headers", "watermark", "unused"])
def test_flipped_bits_elsewhere(quiet, tmp_path: Path, name: str) -> None:
    """Segment headers, the watermark file, the unused end of a segment and prepared segments."""
    folder = copy_folder(quiet[0], tmp_path / "j")
    last = quiet[1][-1]
    prepared = folder / fmt.segment_name(last[0] + 1)
    if not prepared.exists():
        prepared.write_bytes(bytes(SEGMENT))
    rng = random.Random(name)
    for _ in range(5000 if LONG else 150):
        if name == "headers":
            path, at = folder / fmt.segment_name(rng.randint(1, last[0])), rng.randrange(512)
        elif name == "watermark":
            path, at = folder / "watermark", rng.randrange(512) + rng.choice(fmt.SLOT_OFFSETS)
        else:
            path, at = rng.choice(
                [(folder / fmt.segment_name(last[0]), rng.randrange(last[2], SEGMENT)), (prepared, rng.randrange(SEGMENT))]
            )
        raw = path.read_bytes()
        patch(path, at, bytes([raw[at] ^ 1 << rng.randrange(8)]))
        if name == "headers":
            with pytest.raises(JournalError) as refused:
                verify(folder)
            assert path.name in str(refused.value)
        else:
            assert turns_recovered(folder) == len(TURNS)
        patch(path, at, raw[at : at + 1])


def test_both_watermark_slots_gone(quiet, tmp_path: Path) -> None:
    folder = copy_folder(quiet[0], tmp_path / "j")
    for at in fmt.SLOT_OFFSETS:
        patch(folder / "watermark", at + 40, os.urandom(8))
    with pytest.raises(JournalRefused, match="both slots are damaged"):
        verify(folder)


def test_async_frames_that_never_reached_the_disk(tmp_path: Path) -> None:
    """A power cut in async mode may keep a later frame and lose an earlier one. Neither was synced, so both are cut. A synced one is never
    cut."""
    journal = open_new(tmp_path / "a", mode="async", sync_ns=3_600_000_000_000)
    places = []
    for rows in TURNS[:10]:
        begin = journal.position().offset
        journal.append(rows)
        if not journal.commit_inline():
            journal.wait(journal.next_seq)
        places.append((begin, journal.position().offset))
        if len(places) == 6:
            crash = copy_folder(tmp_path / "a", tmp_path / "six")  # here the first six were on the disk
    folder = copy_folder(tmp_path / "a", tmp_path / "b")
    journal.close()
    crash.joinpath("lock").unlink()
    path = folder / fmt.segment_name(1)
    patch(path, places[6][0] + 200, b"\x99")
    found = verify(folder)
    assert found.rows == sum(t.size // 16 for t in TURNS[:6]) and found.torn_bytes > 0
    closed = copy_folder(tmp_path / "a", tmp_path / "c")  # closed cleanly: all was synced
    patch(closed / fmt.segment_name(1), places[6][0] + 200, b"\x99")
    with pytest.raises(JournalRefused, match="watermark"):
        verify(closed)

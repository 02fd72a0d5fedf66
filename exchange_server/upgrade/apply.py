"""Carries a data folder over to the rules of this program, and back.

What `apply` does, in this order; killed between any two of these, it is simply run again:
1. keeps the way back: `upgrade/rules<N>/` gets the old snapshot, the watermark, and `note.json` with where the old journal ends;
2. begins the next segment of the journal, under the new rules: it continues rows and chain of the old ones, which stay as they are;
3. puts the snapshot of the carried state in the place of the old one, at the beginning of that segment;
4. opens the folder like any start, journals the act (engine.SystemAct), and stops cleanly.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from ..core import layout as L
from ..data_folder import SERVER_ID
from ..engine import Engine, SystemAct
from ..journal import format as fmt
from ..journal.fence import newest_mark, replace_file
from ..journal.files import DirectoryLock, JournalLocked, Position, prepare_segment, sync_directory
from ..journal.recover import FOLLOWER, recover, seal
from ..journal.runner import Threads
from ..journal.snapshots import Keep, Snapshot, newest_snapshots, read_header, write_snapshot
from ..journal.walk import list_segments
from .folder import CannotUpgrade, Carried, carried, refuse_lost_reports

KEPT = "upgrade"  # folder in a data folder
NOTE = "note.json"


class Note(msgspec.Struct, frozen=True):
    """Where the old journal ends."""

    rules: int
    to: int
    snapshot: str
    seq: int
    segment: int
    offset: int


def _place(data: Path, rules: int) -> Path:
    return data / KEPT / f"rules{rules}"


def locks(data: Path) -> list[DirectoryLock]:
    """The folder for ourselves. Raises JournalLocked."""
    held = [DirectoryLock(data / "journal")]
    if (data / FOLLOWER).is_dir():
        try:
            held.append(DirectoryLock(data / FOLLOWER, "follower's folder"))
        except JournalLocked:
            held[0].release()
            raise
    return held


def apply(data: Path, check: Callable[[Carried], None], lose_reports: int = 0) -> str:
    """Carry the folder over. check: called with the carried state before anything is changed; may raise. lose_reports: how many past reports may be lost.
    Returns the digest under the new rules. Raises CannotUpgrade, JournalError, OSError."""
    held = locks(data)
    try:
        if not _begun(data):
            _forget_half_a_try(data)
            state = carried(data)
            if wrong := state.differences():
                raise CannotUpgrade(f"{data}: the books would not be the same: {'; '.join(wrong[:3])}. Nothing was changed; report this")
            refuse_lost_reports(data, state.snapshot, lose_reports)
            check(state)
            at = _keep_the_way_back(data, state.snapshot)
            position = _next_segment(data, state.snapshot, at)
            _put_snapshot(data, state, position)
    finally:
        for lock in held:
            lock.release()
    return _journal_the_act(data)


def _begun(data: Path) -> bool:
    """Whether an earlier try came as far as the new snapshot, and only the act is missing."""
    newest = next(newest_snapshots(data / "snapshots", []), None)
    notes = [note for note in _notes(data) if note.to == L.LOGIC_VERSION]
    return newest is not None and newest.logic == L.LOGIC_VERSION and any(note.seq == newest.position.seq for note in notes)


def _forget_half_a_try(data: Path) -> None:
    """Remove the segment that an earlier try began, if it holds nothing: without its snapshot no server has started on it."""
    if any(read_header(path).logic == L.LOGIC_VERSION for path in (data / "snapshots").glob("*.snap")):
        return
    for note in _notes(data):
        for number, path in list_segments(data / "journal"):
            if note.to == L.LOGIC_VERSION and number > note.segment:
                with open(path, "rb") as file:
                    head = file.read(fmt.SEGMENT_HEADER_BYTES + fmt.FRAME_HEADER_BYTES)
                begun, frame = head[: fmt.SEGMENT_USED_BYTES], head[fmt.SEGMENT_HEADER_BYTES :]
                if begun.strip(b"\0") and not frame.strip(b"\0") and fmt.parse_segment_header(begun).first_seq == note.seq:
                    path.unlink()


def _notes(data: Path) -> list[Note]:
    """What was carried over, the latest first."""
    found = [msgspec.json.decode(path.read_bytes(), type=Note) for path in (data / KEPT).glob(f"rules*/{NOTE}")]
    return sorted(found, key=lambda note: -note.rules)


def _keep_the_way_back(data: Path, snapshot: Snapshot) -> Path:
    place = _place(data, snapshot.logic)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = place / snapshot.path.name
    if not kept.exists():
        os.link(snapshot.path, kept)
    replace_file(place / "watermark", (data / "journal" / "watermark").read_bytes())
    p = snapshot.position
    note = Note(snapshot.logic, L.LOGIC_VERSION, snapshot.path.name, p.seq, p.segment, p.offset)
    replace_file(place / NOTE, msgspec.json.encode(note))
    sync_directory(data / KEPT)
    sync_directory(data)
    return place


def _next_segment(data: Path, snapshot: Snapshot, place: Path) -> Position:
    """Begin the segment after the snapshot's, under the new rules."""
    folder, p = data / "journal", snapshot.position
    number = p.segment + 1
    path = folder / fmt.segment_name(number)
    size = (folder / fmt.segment_name(p.segment)).stat().st_size
    fd = prepare_segment(folder, number, size)
    try:
        header = fmt.SegmentHeader(SERVER_ID, number, p.seq, p.epoch, size, L.LOGIC_VERSION, p.chain)
        if os.pwrite(fd, fmt.pack_segment_header(header), 0) != fmt.SEGMENT_USED_BYTES:
            raise OSError(f"short write of the header of {path}, see {place}")
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(folder)
    return Position(number, fmt.SEGMENT_HEADER_BYTES, p.seq, p.chain, p.epoch)


def _put_snapshot(data: Path, state: Carried, position: Position) -> None:
    old = state.snapshot
    write_snapshot(
        data / "snapshots", state.engine.snapshot(), position=position, event_seq=old.event_seq, digest=state.engine.digest(), server_id=SERVER_ID,
        logic=L.LOGIC_VERSION, event_value=old.event_value, time_ns=old.time_ns, keep=Keep(1 << 30, 0), temporary_name="upgrade.tmp",
    )  # fmt: skip


def _make(chunks: Any) -> Engine:
    if chunks is None:
        raise CannotUpgrade("the snapshot of the carried state is gone: run exos upgrade back, then exos upgrade apply")
    return Engine.restore(chunks)


def _journal_the_act(data: Path) -> str:
    """Open the folder under the new rules, journal the act unless it is there already, and stop cleanly."""
    note = _notes(data)[0]
    size = (data / "journal" / fmt.segment_name(note.segment)).stat().st_size
    opened = recover(data, SERVER_ID, _make, Threads(), segment_bytes=size)
    engine = opened.engine
    if opened.report.rows == 0 and engine.row_seq == note.seq:
        rows = engine.turn_of(SystemAct(upgraded=(note.rules, note.to)))
        opened.journal.append(rows, engine.row_seq)
        engine.apply(rows, len(rows), opened.store.append)
        opened.journal.wait(opened.journal.next_seq)
    digest = engine.digest().hex()
    seal(opened, data, keep=Keep(1 << 30, 0))
    return digest


def rows_since(data: Path, note: Note) -> int:
    """Rows that were journaled under the new rules, without the act itself: a way back loses them."""
    newest = max((s.position.seq for s in newest_snapshots(data / "snapshots", []) if s.logic == note.to), default=note.seq)
    mark = newest_mark(data / "journal")
    end = max(newest, mark.seq if mark is not None else 0)
    act = 2 + -(-len(SystemAct(upgraded=(note.rules, note.to)).body()) // fmt.ROW_BYTES)
    return max(0, end - note.seq - act)


def back(data: Path, lose: int = 0) -> Note:
    """Make the folder what it was before `apply`: for the program of the earlier rules. What was journaled since is moved to `upgrade/`, and must be
    as many rows as `lose` says. Raises CannotUpgrade, JournalError, OSError."""
    held = locks(data)
    try:
        notes = [note for note in _notes(data) if note.to == L.LOGIC_VERSION]
        if not notes:
            raise CannotUpgrade(f"{data} was not carried over to rules version {L.LOGIC_VERSION}: there is no way back from here")
        note = notes[0]
        rows = rows_since(data, note)
        if rows != lose:
            raise CannotUpgrade(
                f"{rows} rows were journaled under rules version {note.to}: going back loses them, with every order and trade in them; to do it all the "
                f"same: exos upgrade back {data} --lose {rows}"
            )
        place = _place(data, note.rules)
        away = next(p for n in range(1, 1 << 30) if not (p := data / KEPT / f"rules{note.to}-undone-{n}").exists())
        away.mkdir(mode=0o700)
        for path in sorted((data / "snapshots").glob("*.snap"), reverse=True):
            if int(path.stem) >= note.seq:
                path.rename(away / path.name)
        if not (data / "snapshots" / note.snapshot).exists():
            os.link(place / note.snapshot, data / "snapshots" / note.snapshot)
        sync_directory(data / "snapshots")
        for number, path in reversed(list_segments(data / "journal")):
            if number > note.segment:
                path.rename(away / path.name)
        (data / "events" / "synced").unlink(missing_ok=True)
        replace_file(data / "journal" / "watermark", (place / "watermark").read_bytes())
        sync_directory(data / "journal")
        shutil.rmtree(place)
        sync_directory(data / KEPT)
        return note
    finally:
        for lock in held:
            lock.release()


__all__ = ["Note", "apply", "back", "rows_since"]

"""What the follower says of itself: a small file, written atomically, that `exos status` and `exos doctor` read. Loads no kernels."""

import fcntl
import os
from pathlib import Path

import msgspec

STATUS = "status.json"

STARTING, FOLLOWING, SNAPSHOT, DIFFERS, REFUSED, STOPPED = "starting", "following", "snapshot", "differs", "refused", "stopped"


class Status(msgspec.Struct, kw_only=True):
    """`state` is one of the words above, `text` says why it is `differs` or `refused`. Times of day in ns; `lag_ms`: the longest time since the
    last report from a turn to its application here."""

    pid: int = 0
    state: str = STARTING
    text: str = ""
    row_seq: int = 0
    event_seq: int = 0
    durable_seq: int = 0
    lag_rows: int = 0
    lag_ms: int = 0
    marks: int = 0
    proven_seq: int = 0  # the newest mark that agreed: all rows before it gave the same here and there
    snapshot: str = ""
    snapshot_seq: int = 0
    snapshot_bytes: int = 0
    snapshot_ms: int = 0
    snapshots: int = 0  # made by this process
    snapshot_problem: str = ""
    archive: str = ""  # empty: off
    archive_segment: int = 0  # the newest one in it
    archive_problem: str = ""
    segments_archived: int = 0  # by this process, as the next two
    segments_recycled: int = 0
    events_retired: int = 0
    disk_free_bytes: int = 0
    disk_written_hour: int = 0  # bytes an hour of journal and events, over the last disk_measured_s
    disk_removed_hour: int = 0  # of that, recycled or retired
    disk_measured_s: int = 0
    disk_hours: int = -1  # until the disk is full at this rate; -1: not known yet, or never
    disk_levels_off: bool = False
    at_ns: int = 0


def write_status(folder: Path, status: Status) -> None:
    """Raises OSError. Not synced: after a power cut there is no process that it could speak of."""
    temporary = folder / (STATUS + ".tmp")
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.json.encode(status))
    temporary.replace(folder / STATUS)


def lasts(status: Status) -> str:
    """How long the disk lasts, in words; empty: not measured yet."""
    if not status.disk_measured_s:
        return ""
    rate = f"{status.disk_written_hour / 1e9:.2f} GB an hour written, {status.disk_removed_hour / 1e9:.2f} removed"
    over = f"measured over {status.disk_measured_s // 60} min"
    free = f"{status.disk_free_bytes / 1e9:.1f} GB free"
    if status.disk_levels_off:
        return f"{free}: the use levels off ({rate}, {over})"
    if status.disk_hours < 0:
        return f"{free}: nothing is written ({over})"
    return f"{free}: lasts {status.disk_hours} h at the present rate ({rate}, {over})"


def read_status(folder: Path) -> Status | None:
    """What was written last; None: nothing that can be read."""
    try:
        return msgspec.json.decode((folder / STATUS).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return None


def alive(status: Status, folder: Path) -> bool:
    """Whether the follower of this folder runs and has not given up: its lock decides, however long it works on something."""
    return status.state not in (DIFFERS, REFUSED, STOPPED) and locked(folder)


def locked(folder: Path) -> bool:
    """Whether a follower holds the folder. A follower that starts in the moment of this look tries again."""
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False

"""What the follower says of itself: a small file, written atomically, that `exos status` and `exos doctor` read. Loads no kernels."""

import os
from pathlib import Path

import msgspec

STATUS = "status.json"
FRESH_NS = 60_000_000_000  # a running follower reports every second, and before and after longer work

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
    at_ns: int = 0


def write_status(folder: Path, status: Status) -> None:
    """Raises OSError. Not synced: after a power cut there is no process that it could speak of."""
    temporary = folder / (STATUS + ".tmp")
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.json.encode(status))
    temporary.replace(folder / STATUS)


def read_status(folder: Path) -> Status | None:
    """What was written last; None: nothing that can be read."""
    try:
        return msgspec.json.decode((folder / STATUS).read_bytes(), type=Status)
    except (OSError, msgspec.MsgspecError):
        return None


def alive(status: Status, now_ns: int) -> bool:
    """Whether the process that wrote it still runs and reports. Loading or making a snapshot of a large state may take longer than FRESH_NS."""
    if status.state in (DIFFERS, REFUSED, STOPPED) or not status.pid:
        return False
    if status.state == FOLLOWING and now_ns - status.at_ns > FRESH_NS:
        return False
    try:
        os.kill(status.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

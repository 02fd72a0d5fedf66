"""Which server a data folder belongs to, and how a start notices that the folder is a copy.

`identity.json` in the data folder holds a random id of 128 bits and the place where the folder was when the id was written: its inode number and
the time at which the directory was created. A copy has another of both, wherever it is made and with whatever program; a folder that was renamed,
remounted, or attached to another machine or container has the same. Where the file system does not tell when a directory was created, the inode
number counts, and with it the path or the machine. A clone of a whole volume looks like the volume itself: nothing inside it can tell.

A folder that is somewhere else than its identity says does not start until it is told which server it is: a new one (`--as-new`), or the
old one, which must be gone (`--replace`). Either raises the journal's epoch by so much that no restart of the other one reaches it.
"""

import ctypes
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from .exits import Exit
from .journal.fence import replace_file

FILE = "identity.json"
RESTORING = "restoring"  # a file that is there while a backup is restored into the folder
EPOCHS = 1_000_000  # how far an act of identity raises the epoch: more than a server that was left behind will ever start
ID_BYTES = 16
FORMAT = 1

Wish = Literal["", "as-new", "replace"]
AS_NEW: Wish = "as-new"
REPLACE: Wish = "replace"

_AT_FDCWD, _STATX_BTIME = -100, 0x800
_STATX_BYTES, _BTIME_AT = 256, 80


class IdentityRefused(Exception):
    """The folder does not start as it is; `code` is the exit code, the text one sentence that says what to do."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code


class Identity(msgspec.Struct, kw_only=True, frozen=True):
    """`inode`, `born_ns` (0: not known), `path` and `machine` are the place. An inode of 0 is no place: a restored folder has none yet."""

    format: int = FORMAT
    folder_id: str
    inode: int = 0
    born_ns: int = 0
    path: str = ""
    machine: str = ""
    raise_epoch: bool = False  # the next start raises the journal's epoch by EPOCHS
    origin: str = ""  # id of the folder that this one was copied from, if it is a server of its own now
    taken_over: str = ""  # where the server is now that took this identity over: this folder must not start


@dataclass(frozen=True)
class Place:
    inode: int
    born_ns: int
    path: str
    machine: str


@dataclass(frozen=True)
class Start:
    """What a start makes of a folder: the identity to be kept once the folder is locked (None: as it is), and by how much the epoch is raised."""

    keep: Identity | None
    skip_epochs: int
    note: str = ""


def born_ns(path: Path) -> int:
    """When a file or folder was created, ns since the epoch; 0: the file system does not tell."""
    statx = getattr(ctypes.CDLL(None), "statx", None)
    if statx is None:
        return 0
    out = ctypes.create_string_buffer(_STATX_BYTES)
    if statx(_AT_FDCWD, os.fsencode(path), 0, _STATX_BTIME, out):
        return 0
    if not int.from_bytes(out.raw[:4], "little") & _STATX_BTIME:
        return 0
    seconds = int.from_bytes(out.raw[_BTIME_AT : _BTIME_AT + 8], "little", signed=True)
    return max(0, seconds * 10**9 + int.from_bytes(out.raw[_BTIME_AT + 8 : _BTIME_AT + 12], "little"))


def machine_id() -> str:
    """This machine's or container's name for itself; empty: it has none."""
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii", errors="replace").strip()[:64]
    except OSError:
        return ""


def place_of(data: Path) -> Place:
    """Raises OSError."""
    return Place(data.stat().st_ino, born_ns(data), str(data.resolve()), machine_id())


def is_at(identity: Identity, place: Place) -> bool:
    """Whether the folder is the very one that the identity was written in."""
    if not identity.inode:
        return False
    if identity.born_ns and place.born_ns:
        return identity.born_ns == place.born_ns  # to the nanosecond; some network file systems change inode numbers
    return identity.inode == place.inode and (identity.path == place.path or (bool(place.machine) and identity.machine == place.machine))


def at(identity: Identity, place: Place) -> Identity:
    """The identity, in this place."""
    return msgspec.structs.replace(identity, **vars(place))


def read(data: Path) -> Identity | None:
    """None: the folder has none yet. Raises IdentityRefused if the file cannot be understood."""
    path = data / FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise IdentityRefused(Exit.RECOVERY, f"{path}: {error.strerror or error}") from error
    try:
        found = msgspec.json.decode(content, type=Identity)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        found = None
    if found is None or found.format != FORMAT or len(found.folder_id) != 2 * ID_BYTES or found.folder_id.strip("0123456789abcdef"):
        raise IdentityRefused(
            Exit.RECOVERY,
            f"{path} is damaged or of another version: put it back from a copy, or move it away; the folder then gets a new identity at its next start",
        )
    return found


def write(data: Path, identity: Identity) -> None:
    """Whole or not at all, synced. Raises OSError."""
    replace_file(data / FILE, msgspec.json.format(msgspec.json.encode(identity), indent=2) + b"\n")


def home(data: Path) -> Identity:
    """The identity of a folder that is the server's own: it is where its identity says, and nobody took it over. Raises IdentityRefused, OSError."""
    refuse_half_restored(data)
    found = read(data)
    if found is None:
        raise IdentityRefused(Exit.COPY, f"{data} has no identity yet: its server was never started with this version of the program")
    if found.taken_over:
        raise IdentityRefused(Exit.FENCED, f"{data} is not the server any more: its identity was taken over by {found.taken_over}")
    if not is_at(found, place_of(data)):
        was = f"of {found.path}" if found.path else "from a backup"
        raise IdentityRefused(Exit.COPY, f"{data} is a copy {was} (folder id {found.folder_id})")
    return found


def new_id(random: Callable[[int], bytes] = os.urandom) -> str:
    return random(ID_BYTES).hex()


def look(data: Path, wish: Wish, random: Callable[[int], bytes] = os.urandom) -> Start:
    """Judge a folder before it is opened; changes nothing. Raises IdentityRefused, OSError."""
    refuse_half_restored(data)
    place, found = place_of(data), read(data)
    if found is None:
        fresh = Identity(folder_id=new_id(random))
        if wish == REPLACE:
            raise IdentityRefused(Exit.COPY, f"--replace: {data} has no identity that could be taken over ({FILE} is missing)")
        return Start(at(fresh, place), EPOCHS if wish else 0)
    here = is_at(found, place)
    if wish == AS_NEW:
        return Start(at(as_new(found, random), place), EPOCHS, f"a server of its own from now on; it was {found.folder_id}")
    if wish == REPLACE:
        refuse_living(found, data, "--replace")
        return Start(at(replacing(found), place), EPOCHS, f"takes over the identity {found.folder_id} from {found.path or 'a backup'}")
    if found.taken_over:
        raise IdentityRefused(
            Exit.FENCED,
            f"{data} is not the server any more: its identity was taken over by {found.taken_over}. Start that one; or make this folder a server "
            f"of its own: exos serve --data {data} --as-new",
        )
    if not here:
        raise IdentityRefused(Exit.COPY, copy_sentence(data, found))
    skip = EPOCHS if found.raise_epoch else 0
    moved = at(found, place)
    same = moved == found and not found.raise_epoch
    note = f"the folder was {found.path} before" if moved.path != found.path else ""
    return Start(None if same else msgspec.structs.replace(moved, raise_epoch=False), skip, note)


def keep(data: Path, start: Start, wish: Wish) -> tuple[Identity, Path | None]:
    """Write what `look` decided, once the folder is locked and its epoch raised: (the identity, the old folder that was fenced). Raises IdentityRefused,
    OSError."""
    if start.keep is None:
        found = read(data)
        assert found is not None
        return found, None
    before = read(data)
    old = fence(before, data) if wish == REPLACE and before is not None else None
    write(data, start.keep)
    return start.keep, old


def as_new(found: Identity, random: Callable[[int], bytes] = os.urandom) -> Identity:
    return Identity(folder_id=new_id(random), origin=found.folder_id)


def replacing(found: Identity) -> Identity:
    return Identity(folder_id=found.folder_id, origin=found.origin)


def copy_sentence(data: Path, found: Identity) -> str:
    was = f"of {found.path}" if found.path else "from a backup"
    return (
        f"{data} is a copy {was} (folder id {found.folder_id}). If it is to be a server of its own, start it with --as-new. If the old server is gone "
        "for good, or this is the same folder moved to another file system, start it with --replace: it then takes over the old one's identity"
    )


def refuse_half_restored(data: Path) -> None:
    """Raises IdentityRefused."""
    if (data / RESTORING).exists():
        raise IdentityRefused(
            Exit.RECOVERY, f"{data} holds half of a backup: its restore was interrupted. Run exos backup restore again; it begins anew"
        )


# ---- the other folder with the same identity ---------------------------------------------------------------------------
def other(found: Identity, data: Path) -> Path | None:
    """The folder that the identity was written in, if this machine can see it, it is another one than `data`, and is still that server's."""
    if not found.path:
        return None
    old = Path(found.path)
    try:
        if not old.is_dir() or old.samefile(data):
            return None
        theirs = read(old)
    except (OSError, IdentityRefused):
        return None
    return old if theirs is not None and theirs.folder_id == found.folder_id else None


def holder(journal: Path) -> str:
    """The process that has locked a journal folder; empty: none has. Raises OSError."""
    try:
        fd = os.open(journal / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(fd)
    return ""


def refuse_living(found: Identity, data: Path, act: str) -> None:
    """Raises IdentityRefused if the folder that the identity comes from can be seen from here and a server has it open; OSError."""
    for old in (other(found, data), _taker(found, data)):
        if old is not None and (process := holder(old / "journal")):
            raise IdentityRefused(
                Exit.FENCED, f"{act}: the old server lives: process {process} has {old} open. Stop it first (exos stop --data {old})"
            )


def fence(found: Identity, data: Path) -> Path | None:
    """Write into the old folder, if it can be seen from here, that its identity was taken over: it does not start any more. Returns that folder.
    Raises OSError."""
    old = _taker(found, data) or other(found, data)
    if old is not None:
        mark_taken(old, data)
    return old


def _taker(found: Identity, data: Path) -> Path | None:
    """The folder that took the identity over from this one, as `other` finds it."""
    return other(msgspec.structs.replace(found, path=found.taken_over), data)


def mark_taken(old: Path, data: Path) -> None:
    """The folder `old` does not start any more: `data` is that server now. Raises IdentityRefused, OSError."""
    theirs = read(old)
    if theirs is not None:
        write(old, msgspec.structs.replace(theirs, taken_over=str(data.resolve())))

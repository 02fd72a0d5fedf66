"""One file, packed with zstd, complete under its name or absent, and checked by the hashes of its packed and its raw bytes."""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from ..journal.files import sync_directory

PIECE = 1 << 20
SYNC_EVERY_BYTES = 4 << 20  # small syncs: the journal's own sync never waits for a large one
LEVEL = 3
TEMPORARY = ".tmp"


class BadPacked(Exception):
    """A packed file is not what it should be; the text names the file and what is wrong."""


@dataclass(frozen=True)
class Packed:
    """name: of the packed file, without its folder. Hashes are SHA-256 in hexadecimal; raw: of the file that was packed."""

    name: str
    raw_bytes: int
    raw_sha256: str
    bytes: int
    sha256: str


def pack(source: Path, target: Path, *, level: int = LEVEL, step: Callable[[int], None] = lambda done: None) -> Packed:
    """Pack `source` into `target` (mode 0600), whose folder must exist. The name appears when everything is on the disk.

    level: of zstd, 1 (fast) to 19 (small). step: called after each MiB with the raw bytes done so far; it may raise. Raises OSError with the
    name of the file, leaving nothing under either name that was not there before.
    """
    raw, packed = hashlib.sha256(), hashlib.sha256()
    raw_bytes = packed_bytes = synced = 0
    with open(source, "rb", buffering=0) as file, _whole(target) as (out, temporary):
        compressor = zstandard.ZstdCompressor(level=level, write_checksum=True).compressobj()
        while True:
            with _named(source):
                piece = file.read(PIECE)
            raw.update(piece)
            raw_bytes += len(piece)
            made = compressor.compress(piece) if piece else compressor.flush()
            packed.update(made)
            packed_bytes += len(made)
            with _named(temporary):
                _write_all(out, made)
                if packed_bytes - synced >= SYNC_EVERY_BYTES:
                    synced = packed_bytes
                    os.fdatasync(out)
            step(raw_bytes)
            if not piece:
                break
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # nobody reads it again soon: leave the cache to the exchange
    return Packed(target.name, raw_bytes, raw.hexdigest(), packed_bytes, packed.hexdigest())


def verify(path: Path, expected: Packed) -> None:
    """Read the packed file back from the disk, unpack it in memory, and compare both hashes. Raises BadPacked, OSError."""
    for _ in pieces(path, expected):
        pass


def unpack(path: Path, target: Path, expected: Packed) -> None:
    """Unpack `path` into `target` (mode 0600), which gets its name after both hashes were compared, and is replaced if it exists.

    Raises BadPacked, OSError with the name of the file, leaving nothing under a new name.
    """
    with _whole(target) as (out, temporary):
        for piece in pieces(path, expected):
            with _named(temporary):
                _write_all(out, piece)


def pieces(path: Path, expected: Packed) -> Iterator[bytes]:
    """The raw bytes in order, at most one MiB at a time and never more than expected. They may be used only once the iteration has ended:
    the hashes are compared then. Raises BadPacked, OSError."""
    with _named(path), open(path, "rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # from the disk, not from memory
        size = os.fstat(file.fileno()).st_size
        if size != expected.bytes:
            less = "truncated" if size < expected.bytes else "too long"
            raise BadPacked(f"{path} is {less}: it has {size} bytes, {expected.bytes} were written")
        packed: Any = _Hashed(file.fileno())  # all that the reader needs of a file
        raw, count = hashlib.sha256(), 0
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_size=PIECE, read_across_frames=False)
        try:
            while piece := reader.read(PIECE):
                raw.update(piece)
                count += len(piece)
                if count > expected.raw_bytes:
                    raise BadPacked(f"{path} unpacks to more than the {expected.raw_bytes} bytes that were packed")
                yield piece
        except zstandard.ZstdError as error:
            raise BadPacked(f"{path} cannot be unpacked: {error}") from error
        while packed.read(PIECE):  # what follows the packed data
            pass
        if packed.hash.hexdigest() != expected.sha256:
            raise BadPacked(f"{path} does not have the SHA-256 that it was written with")
        if count != expected.raw_bytes or raw.hexdigest() != expected.raw_sha256:
            raise BadPacked(f"{path} does not unpack to the {expected.raw_bytes} bytes that were packed")
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sha256_of(path: Path) -> str:
    """Of a whole file, in hexadecimal. Raises OSError."""
    with _named(path), open(path, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Hashed:
    """Reads a file and hashes what it reads."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = os.read(self._fd, PIECE if size < 0 else size)
        self.hash.update(data)
        return data


@contextmanager
def _whole(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file (mode 0600) that gets the name `target` once all of it is on the disk; after an error there is nothing of it. Yields its
    descriptor and its name until then."""
    temporary = target.with_name(target.name + TEMPORARY)
    with ExitStack() as undo:
        undo.callback(_forget, temporary)  # also where a process is told to stop
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            yield fd, temporary
            with _named(temporary):
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, target)
        sync_directory(target.parent)
        undo.pop_all()


def _forget(temporary: Path) -> None:
    with suppress(OSError):
        temporary.unlink(missing_ok=True)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of system calls that know only a descriptor get the file's name."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[os.write(fd, view) :]

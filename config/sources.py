"""Where the files of a configuration are read from: the disk, or texts that somebody sent.

Within `given(texts)` the disk is not looked at: `include`, `data` and the lines that errors name are taken from the texts, and from nothing else.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_given: ContextVar[Mapping[str, str] | None] = ContextVar("given", default=None)


@contextmanager
def given(texts: Mapping[str, str]) -> Iterator[None]:
    """Only these texts are read, by name."""
    token = _given.set(texts)
    try:
        yield
    finally:
        _given.reset(token)


def sent() -> bool:
    """Are the files texts that somebody sent?"""
    return _given.get() is not None


def known() -> list[str]:
    """The names of the texts; none when the disk is read."""
    return sorted(_given.get() or ())


def exists(path: Path) -> bool:
    texts = _given.get()
    return str(path) in texts if texts is not None else path.exists()


def read(path: Path) -> bytes:
    """Raises OSError; FileNotFoundError for a name that is not among the texts."""
    texts = _given.get()
    if texts is None:
        return path.read_bytes()
    if str(path) not in texts:
        raise FileNotFoundError(str(path))
    return texts[str(path)].encode()

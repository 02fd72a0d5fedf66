"""The page of counters: a file of fixed size in the data folder, written by the server's housekeeping and read by any process of its user.

    bytes 0-511       head: 64 words, H_*
    bytes 512-40959   text: JSON, what the words are and labels' values; written only when it changes
    from 40960        words

The head has checksums of itself, the text and the words. Whoever reads while the server writes finds one that does not match and reads again, so
what a reader gets is of one moment.

The server writes it with pwrite and does not map it: the page cache is the memory that both share, and a file that somebody cuts short, or a disk
without room, gives an error instead of killing the matching process with SIGBUS.
"""

import contextlib
import functools
import json
import os
import time
import zlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .fields import FIELDS, Field

NAME = "counters.page"
MAGIC = int.from_bytes(b"EXOSPAGE", "little")
VERSION = 1
HEAD_WORDS = 64
H_MAGIC, H_VERSION, H_SEQUENCE, H_WORDS, H_TEXT_BYTES, H_TEXT_SUM, H_WORDS_SUM = 0, 1, 2, 3, 4, 5, 6
H_PID, H_REAL, H_STEADY, H_BOOT, H_PID_STARTED = 7, 8, 9, 10, 11  # who wrote it and when, ns: time of day, time since the machine started
H_SUM = 63  # of the words before it
TEXT_AT = 512
WORDS_AT = 40_960
WORDS = 3_072
PAGE_BYTES = WORDS_AT + 8 * WORDS
TEXT_AGAIN = 20  # writes after which the text is written again: ten seconds
TRIES = 50
TRY_AGAIN_S = 0.001


class NoPage(Exception):
    """There is no page that can be read; the text is one sentence."""


def places(fields: Sequence[Field] = FIELDS) -> dict[str, int]:
    """Name of a field -> its first word."""
    found, at = {}, 0
    for field in fields:
        found[field.name] = at
        at += field.words
    assert at <= WORDS, f"the fields need {at} words, the page has {WORDS}"
    return found


class PageWriter:
    """The server's side. `write` costs two or three system calls; it raises nothing: what is wrong is in `problem`, and then nothing more is written."""

    def __init__(self, folder: Path, boot: int, edges: dict[str, list[int]]) -> None:
        """Replaces the page of an earlier server. boot: identifies this start of the machine. edges: upper bounds of a histogram's buckets but the
        last, in the field's unit."""
        self.at = places()
        self.words = array("q", bytes(8 * WORDS))
        self.problem = ""
        self._edges = edges
        self._head = array("q", bytes(8 * HEAD_WORDS))
        self._text = b""
        self._fd = -1
        self._head[H_MAGIC], self._head[H_VERSION], self._head[H_WORDS] = MAGIC, VERSION, WORDS
        self._head[H_PID], self._head[H_BOOT], self._head[H_PID_STARTED] = os.getpid(), boot, process_started(os.getpid())
        self.path = folder / NAME
        self.make()

    def make(self) -> None:
        """A new file under the page's name, with all that is known; the one that was open is left alone."""
        self.close()
        temporary = self.path.with_name(NAME + ".tmp")
        try:
            temporary.unlink(missing_ok=True)
            self._fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            os.posix_fallocate(self._fd, 0, PAGE_BYTES)
            temporary.replace(self.path)
        except OSError as error:
            self._give_up(error)
        self._put(self._text, TEXT_AT)

    def lost(self) -> bool:
        """Whether the page's name is another file's now, or nobody's. What cannot be looked at is taken as unchanged."""
        try:
            return self._fd >= 0 and not os.path.samestat(os.fstat(self._fd), os.stat(self.path))
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def _give_up(self, error: OSError) -> None:
        self.problem = error.strerror or str(error)
        self.close()

    def describe(self, labels: dict[str, list[str]], texts: dict[str, str]) -> None:
        """What the words are. labels: name of a field -> the values of its label, as many as have a word. texts: of the server, for people. Costs a
        millisecond: only when something has changed."""
        told: list[dict[str, Any]] = []
        for field in FIELDS:
            one: dict[str, Any] = {
                "name": field.name,
                "kind": field.kind,
                "unit": field.unit,
                "help": field.help,
                "at": self.at[field.name],
            }
            if field.label:
                one |= {"label": field.label, "values": labels.get(field.name, [])[: field.most]}
            if field.ever:
                one["ever"] = True
            if field.name in self._edges:
                one["edges"] = self._edges[field.name]
            told.append(one)
        text = json.dumps({"fields": told, "texts": texts}, separators=(",", ":"), ensure_ascii=False).encode()
        if len(text) > WORDS_AT - TEXT_AT:  # names of venues may be long: without them rather than without a page
            text = json.dumps({"fields": [one for one in told if "values" not in one], "texts": {}}, separators=(",", ":")).encode()
        self._text = text
        self._head[H_TEXT_BYTES], self._head[H_TEXT_SUM] = len(text), zlib.crc32(text)
        self._put(text, TEXT_AT)

    def write(self, real_ns: int, steady_ns: int) -> None:
        """Publish the words as they are now. real_ns: time of day; steady_ns: since the machine was started, sleep included."""
        head = self._head
        head[H_SEQUENCE] += 1
        if head[H_SEQUENCE] % TEXT_AGAIN == 0:
            self._put(self._text, TEXT_AT)  # the file may have been cut short or damaged meanwhile
        head[H_REAL], head[H_STEADY] = real_ns, steady_ns
        head[H_WORDS_SUM] = zlib.crc32(self.words)
        head[H_SUM] = zlib.crc32(memoryview(head)[:H_SUM])
        self._put(head, 0)
        self._put(self.words, WORDS_AT)

    def _put(self, data: Any, at: int) -> None:
        if self._fd < 0:
            return
        try:
            os.pwrite(self._fd, data, at)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """The file stays, with what was written last."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True)
class Column:
    """A field as the page describes it. at: its first word. values: of its label. edges: upper bounds of a histogram's buckets but the last. ever: a
    counter that goes on after a restart."""

    name: str
    kind: str
    unit: str
    help: str
    at: int
    label: str = ""
    values: tuple[str, ...] = ()
    edges: tuple[int, ...] = ()
    ever: bool = False


@dataclass(frozen=True)
class Page:
    """What a server wrote at one moment. real_ns: its time of day; steady_ns: ns since the start of the machine that `boot` identifies."""

    pid: int
    pid_started: int
    boot: int
    real_ns: int
    steady_ns: int
    sequence: int
    columns: dict[str, Column]
    texts: dict[str, str]
    words: "array[int]"

    def get(self, name: str) -> int:
        """A field without a label; 0 if this server does not have it."""
        column = self.columns.get(name)
        return 0 if column is None else self.words[column.at]

    def labelled(self, name: str) -> dict[str, int]:
        """Value of the label -> word."""
        column = self.columns.get(name)
        return {} if column is None else {value: self.words[column.at + i] for i, value in enumerate(column.values)}

    def buckets(self, name: str) -> list[int]:
        """Counts of a histogram, the last one without an upper bound."""
        column = self.columns.get(name)
        return [] if column is None else self.words[column.at : column.at + len(column.edges) + 1].tolist()

    def total(self, name: str) -> int:
        """Sum of a histogram's values."""
        column = self.columns.get(name)
        return 0 if column is None else self.words[column.at + len(column.edges) + 1]


def read_page(folder: Path, sleep: Callable[[float], None] = time.sleep) -> Page:
    """What the server of a data folder wrote last. Raises NoPage."""
    path = folder / NAME
    wrong = ""
    for _ in range(TRIES):
        try:
            with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW)) as file:
                data = file.read(PAGE_BYTES)
        except FileNotFoundError:
            what = "no server of this version has run there yet" if folder.is_dir() else "there is no such folder"
            raise NoPage(f"{path} cannot be read: {what}") from None
        except OSError as error:
            raise NoPage(f"{path} cannot be read: {error.strerror or error}") from None
        page, wrong = _parse(data)
        if page is not None:
            return page
        sleep(TRY_AGAIN_S)
    raise NoPage(f"{path} cannot be used: {wrong}")


def _parse(data: bytes) -> tuple[Page | None, str]:
    """(page, "") or (None, what is wrong)."""
    if len(data) != PAGE_BYTES:
        return None, f"it has {len(data)} bytes, a page has {PAGE_BYTES}"
    head = array("q", data[: 8 * HEAD_WORDS])
    if head[H_MAGIC] != MAGIC:
        return None, "it is no page of counters" if any(data) else "the server has not written it yet"
    if head[H_VERSION] != VERSION:
        return None, f"it is of format {head[H_VERSION]}, this program reads format {VERSION}"
    text, words = data[TEXT_AT : TEXT_AT + head[H_TEXT_BYTES]], data[WORDS_AT:]
    sums = zlib.crc32(memoryview(head)[:H_SUM]), zlib.crc32(text), zlib.crc32(words)
    if sums != (head[H_SUM], head[H_TEXT_SUM], head[H_WORDS_SUM]):
        return None, "its checksums do not match: it is damaged"
    columns, texts = _described(text)
    return Page(
        head[H_PID], head[H_PID_STARTED], head[H_BOOT], head[H_REAL], head[H_STEADY], head[H_SEQUENCE], columns, texts, array("q", words),
    ), ""  # fmt: skip


@functools.lru_cache(maxsize=2)
def _described(text: bytes) -> tuple[dict[str, Column], dict[str, str]]:
    """What the words are, and the texts: the same in most pages that a reader sees."""
    told = json.loads(text)
    columns = {
        one["name"]: Column(
            one["name"], one["kind"], one["unit"], one["help"], one["at"], one.get("label", ""), tuple(one.get("values", ())), tuple(one.get("edges", ())),
            one.get("ever", False),
        )
        for one in told["fields"]
    }  # fmt: skip
    return columns, told["texts"]


def process_started(pid: int) -> int:
    """When a process was started, in ticks since the start of the machine; 0: there is no such process. Tells a process from a later one with its
    number."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        if fields[0] not in "ZX":
            return int(fields[19])
    return 0

"""The page of counters: what is written is read, nothing torn or damaged is believed, and nothing that is wrong with it hurts the server."""

import os
import random
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from exchange_server.watch import fields as f
from exchange_server.watch import page as p

from .kit import EDGES, Wrote


def test_what_is_written_is_read(tmp_path: Path) -> None:
    Wrote(tmp_path).put(commands=12, sessions=[3, 4], turn_rows=[0, 1, 2], refused=[0, 5], clock_offset=-7).write()
    page = p.read_page(tmp_path)
    assert (page.pid, page.get("commands"), page.get("clock_offset"), page.get("no_such_field")) == (os.getpid(), 12, -7, 0)
    assert page.labelled("sessions") == {"fix": 3, "binary": 4}
    assert page.labelled("refused")["R_1"] == 5
    assert page.buckets("turn_rows") == [0, 1, 2, *[0] * 29]
    assert page.columns["order_to_report"].edges == tuple(EDGES["order_to_report"])
    assert page.columns["commands"].ever and not page.columns["turns"].ever
    assert page.texts["config"] == "test.toml"


def test_nobody_else_may_read_it_and_its_size_is_fixed(tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    found = (tmp_path / p.NAME).stat()
    assert found.st_mode & 0o777 == 0o600 and found.st_size == p.PAGE_BYTES
    assert found.st_blocks * 512 >= p.PAGE_BYTES, "its room is there from the start"


def test_fields_have_places_of_their_own() -> None:
    at, words = p.places(), {field.name: field.words for field in f.FIELDS}
    taken = sorted((at[name], at[name] + words[name]) for name in at)
    assert all(end <= begin for (_, end), (begin, _) in zip(taken, taken[1:])) and taken[-1][1] <= p.WORDS


@pytest.mark.parametrize("name", ["", "with\nnewline and \x1b[31m", "ü" * 60])
def test_names_of_venues(tmp_path: Path, name: str) -> None:
    wrote = Wrote(tmp_path)
    wrote.writer.describe({"venue_open_orders": [name] * 3}, {})
    wrote.write()
    assert p.read_page(tmp_path).columns["venue_open_orders"].values == (name,) * 3


def test_names_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path).put(commands=3)
    wrote.writer.describe({"venue_open_orders": ["v" * 1000] * f.VENUES_MOST}, {})
    wrote.write()
    page = p.read_page(tmp_path)
    assert page.get("commands") == 3 and page.labelled("venue_open_orders") == {}


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    Wrote(tmp_path).put(commands=5).write()
    path = tmp_path / p.NAME
    good = path.read_bytes()
    text_bytes = int.from_bytes(good[8 * p.H_TEXT_BYTES : 8 * p.H_TEXT_BYTES + 8], "little")
    rng = random.Random(1)
    text, words = range(p.TEXT_AT, p.TEXT_AT + text_bytes), range(p.WORDS_AT, p.PAGE_BYTES)
    used = [*range(8 * p.H_SUM + 8), *rng.sample(text, 100), *rng.sample(words, 100)]
    for at in used:
        bad = bytearray(good)
        bad[at] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        with pytest.raises(p.NoPage):
            p.read_page(tmp_path, sleep=lambda s: None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it has 0 bytes"),
        (b"x" * 100, "it has 100 bytes"),
        (bytes(p.PAGE_BYTES), "has not written it yet"),
        (b"x" * p.PAGE_BYTES, "no page of counters"),
    ],
)
def test_what_is_no_page(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / p.NAME).write_bytes(content)
    with pytest.raises(p.NoPage, match=why):
        p.read_page(tmp_path, sleep=lambda s: None)


def test_no_page(tmp_path: Path) -> None:
    with pytest.raises(p.NoPage, match="no server of this version has run there yet"):
        p.read_page(tmp_path)
    with pytest.raises(p.NoPage, match="there is no such folder"):
        p.read_page(tmp_path / "nowhere")
    (tmp_path / p.NAME).symlink_to("/etc/passwd")
    with pytest.raises(p.NoPage, match="cannot be read"):
        p.read_page(tmp_path)


def test_a_page_of_another_format_is_named(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path)
    wrote.writer._head[p.H_VERSION] = 99
    wrote.write()
    with pytest.raises(p.NoPage, match="it is of format 99, this program reads format 1"):
        p.read_page(tmp_path, sleep=lambda s: None)


def test_a_reader_beside_a_writer_sees_whole_pages(tmp_path: Path) -> None:
    """All words of a page are equal; so are those that a reader gets, however often it comes between."""
    wrote = Wrote(tmp_path).write()
    stop = threading.Event()

    def write() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            for i in range(p.WORDS):
                wrote.writer.words[i] = n
            wrote.write()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        last = -1
        for _ in range(300):
            page = p.read_page(tmp_path)
            assert len(set(page.words)) == 1 or page.sequence == 1
            assert page.sequence >= last
            last = page.sequence
    finally:
        stop.set()
        writer.join()
    assert last > 1


def test_a_folder_that_cannot_be_written_is_a_problem_and_no_error(tmp_path: Path) -> None:
    writer = p.PageWriter(tmp_path / "nowhere", 0, {})
    writer.describe({}, {})
    writer.write(1, 1)
    assert writer.problem == "No such file or directory"
    wrote = Wrote(tmp_path)
    with open("/dev/null", "rb") as null:
        os.dup2(null.fileno(), wrote.writer._fd)
    wrote.writer.write(1, 1)
    assert wrote.writer.problem == "Bad file descriptor"
    wrote.writer.write(2, 2)


def test_a_page_that_is_cut_short_does_not_kill_its_writer(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path).write()
    os.truncate(tmp_path / p.NAME, 10)
    wrote.put(commands=9).write()
    with pytest.raises(p.NoPage):
        p.read_page(tmp_path, sleep=lambda s: None)
    assert wrote.writer.problem == ""
    for _ in range(p.TEXT_AGAIN):
        wrote.write()
    page = p.read_page(tmp_path)
    assert page.get("commands") == 9 and page.texts["config"] == "test.toml", "it heals"


def test_a_page_that_was_deleted_or_replaced_is_noticed_and_made_again(tmp_path: Path) -> None:
    wrote = Wrote(tmp_path).put(commands=9).write()
    path = tmp_path / p.NAME
    assert not wrote.writer.lost()
    path.unlink()
    assert wrote.writer.lost()
    wrote.writer.make()
    assert not wrote.writer.lost()
    wrote.write()
    assert p.read_page(tmp_path).get("commands") == 9
    other = tmp_path / "other"
    other.write_bytes(b"x")
    other.replace(path)
    assert wrote.writer.lost()
    wrote.writer.make()
    wrote.write()
    assert p.read_page(tmp_path).labelled("sessions").keys() == {"fix", "binary"}


def test_no_room_is_a_problem_and_no_signal(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path; from exchange_server.watch.page import PageWriter; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)); w = PageWriter(Path(sys.argv[1]), 0, {}); w.write(1, 1); print(w.problem)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout.strip() == "File too large", done
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 1000


def test_the_start_of_a_process() -> None:
    assert p.process_started(os.getpid()) > 0
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert p.process_started(child.pid) == 0 and p.process_started(0) == 0

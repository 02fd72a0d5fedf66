"""The addresses that the kernels call."""

import ctypes
import types
from pathlib import Path

import pytest

from exchange_server.disk import native
from exchange_server.journal import system
from exchange_server.journal.format import segment_name
from exchange_server.journal.recover import iterate
from exchange_server.journal.system import functions, sha_addresses

from .kit import turn, write_turns


def test_this_python_shows_the_library() -> None:
    if not sha_addresses():
        pytest.skip("this Python's hashlib hides libcrypto: the journal hashes with the kernel's own code")
    assert len(sha_addresses()) == 3


def test_a_python_that_hides_its_library_is_served_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(name: str | None) -> object:
        if name is None:
            return real(None)
        raise OSError("cannot be opened")

    real = ctypes.CDLL
    monkeypatch.setattr(system, "ctypes", types.SimpleNamespace(CDLL=hidden, cast=ctypes.cast, c_void_p=ctypes.c_void_p))
    assert sha_addresses() == []
    fn = functions()
    assert fn[native.FN_SHA_INIT] == 0 and fn[native.FN_PWRITEV] != 0


def test_journals_with_and_without_the_library_are_the_same(tmp_path: Path) -> None:
    alone = system.FUNCTIONS.copy()
    alone[native.FN_SHA_INIT] = 0
    turns = [turn(i, i) for i in range(1, 20)]
    here, there = (write_turns(tmp_path / name, turns, fn=fn) for name, fn in (("with", system.FUNCTIONS), ("without", alone)))
    assert here == there
    for segment in {place[0] for place in here}:  # there may be one more, made ahead
        name = segment_name(segment)
        assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()
    assert sum(b.size for b in iterate(tmp_path / "with", fn=alone)) == sum(t.size for t in turns)


def test_another_system_is_told_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_LIBC", ((0, "no_such_function_here"),))
    with pytest.raises(OSError, match="has no no_such_function_here; exos runs on Linux"):
        functions()

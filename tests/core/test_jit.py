"""What names a kernel's cache folder: its own file and all that it imports, over both folders of kernels."""

import ast
from pathlib import Path

import numba
import pytest
from numba.core.itanium_mangler import mangle

from exchange_server.core import emit
from exchange_server.core.kit import jit

ROOT = Path(jit.__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout with files of one name in both folders."""
    files = {
        "exchange_server/core/kit/jit.py": "",
        "exchange_server/core/kit/__init__.py": "",
        "exchange_server/core/leaves.py": "X = 1\n",
        "exchange_server/core/layout/__init__.py": "from .words import *\n",
        "exchange_server/core/layout/words.py": "from protocol.codes import A\n",
        "exchange_server/disk/leaves.py": "Y = 1\n",
        "exchange_server/disk/writer.py": "from ..core import layout as L\nfrom . import (\n    leaves,\n)\n",
        "exchange_server/engine.py": "E = 1\n",
        "protocol/codes.py": "A = 1\n",
        "protocol/errors.py": "B = 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(jit, "_ROOT", tmp_path)
    monkeypatch.setattr(jit, "_FOLDERS", tuple(tmp_path / f for f in ("exchange_server/core", "exchange_server/disk", "protocol")))
    monkeypatch.setattr(jit, "__file__", str(tmp_path / "exchange_server/core/kit/jit.py"))
    return tmp_path


def _hash(path: Path) -> str:
    jit.source_hash.cache_clear()
    return jit.source_hash(path)


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ("exchange_server/disk/writer.py", True),
        ("exchange_server/disk/leaves.py", True),  # the neighbour of that name, not core's
        ("exchange_server/core/layout/words.py", True),
        ("protocol/codes.py", True),  # through records
        ("exchange_server/core/kit/jit.py", True),
        ("exchange_server/core/leaves.py", False),
        ("exchange_server/engine.py", False),
        ("protocol/errors.py", False),
    ],
)
def test_an_edit_recompiles_what_it_touches_and_nothing_else(checkout: Path, changed: str, differs: bool) -> None:
    kernel = checkout / "exchange_server/disk/writer.py"
    before = _hash(kernel)
    with (checkout / changed).open("a") as file:
        file.write("Z = 2\n")
    assert (_hash(kernel) != before) is differs
    jit.source_hash.cache_clear()


def test_two_files_of_one_name_have_folders_of_their_own(checkout: Path) -> None:
    same = checkout / "exchange_server/disk/leaves.py"
    same.write_bytes((checkout / "exchange_server/core/leaves.py").read_bytes())
    assert _hash(same) != _hash(checkout / "exchange_server/core/leaves.py")
    jit.source_hash.cache_clear()


def test_the_files_of_this_checkout_are_followed_over_both_folders() -> None:
    path = ROOT / "exchange_server/disk/disk_writer.py"
    names = {p.relative_to(ROOT).as_posix() for p in jit._imports(path, path.read_bytes())}
    assert {"exchange_server/core/kit/jit.py", "exchange_server/core/layout/__init__.py", "exchange_server/disk/native.py"} <= names


def test_imports_are_found_as_python_s_parser_finds_them() -> None:
    """In every file from which kernels are built: one that is missed would leave a stale kernel in use."""
    files = [path for folder in jit._FOLDERS for path in sorted(folder.rglob("*.py"))]
    assert len(files) > 100
    for path in files:
        text = path.read_text()
        parsed = [
            (n.level, n.module or "", [one.name for one in n.names]) for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ImportFrom)
        ]
        assert sorted(jit.imports_of(text)) == sorted(parsed), path


def test_functions_that_are_seldom_called_are_known_by_their_names_in_machine_code() -> None:
    """A name that numba forms in another way would have no effect, and nobody would notice."""
    named = mangle(f"{emit.refuse.py_func.__module__}.{emit.refuse.py_func.__qualname__}", (), uid=7)
    assert any(named.startswith(name) for name in jit._UNLIKELY), (named, jit._UNLIKELY)


@jit.unlikely
def _rare(x):  # type: ignore[no-untyped-def]
    return x * 3 + 1


def _usual(x):  # type: ignore[no-untyped-def]
    return _rare(x) if x < 0 else x


def test_a_seldom_called_function_is_placed_apart_and_not_inlined() -> None:
    compiled = numba.njit("i8(i8)", **jit.FLAGS)(_usual)
    (made,) = compiled.overloads.values()
    lines = made.library.get_llvm_str().splitlines()
    (defined,) = [line for line in lines if line.startswith("define") and "5_rareB" in line]
    number = defined.rpartition("#")[2].split()[0]
    attributes = next(line for line in lines if line.startswith(f"attributes #{number} "))
    assert "cold" in attributes and "noinline" in attributes
    assert compiled(-2) == -5 and compiled(4) == 4

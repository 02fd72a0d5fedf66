"""Names of the codes and of the layout that nothing uses: each is used by the source, or declared here with the reason why it stands."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from exchange_server.core.layout import definitions

ROOT = Path(__file__).resolve().parents[2]
CODES = "protocol/codes.py"
TEXTS = "protocol/errors.py"  # a table with a row for each refusal: that a code is in it does not mean that anything sends it
LAYOUT = "exchange_server/core/layout/"
SHAPE = LAYOUT + "shape.py"  # tables about the layout, which tests/core/test_layout.py reads
SOURCES = ("config", "exchange_server", "protocol", "scripts")

ID_WORD = "word 0 of every row by id; kit/rows.py and define.py compare it without its name"
KEPT = {
    "THROTTLE_WORDS": "length of the words that TH_* number (shape.WIDE)",
    "R_ID_TABLE_FULL": "retired: old journals and event stores hold it",
    "R_TEXT_TABLE_FULL": "retired: old journals and event stores hold it",
    "S_ID": ID_WORD,
}


def trees(root: Path, folders: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((root / folder).rglob("*.py")):
            yield str(path.relative_to(root)), ast.parse(path.read_text())


def names_defined(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        yield from (part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
        if isinstance(node, ast.FunctionDef):
            yield node.name


def names_used(tree: ast.Module) -> set[str]:
    """What is read by name, as an attribute, or named in a text of its own (tables that are looked up with getattr)."""
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            used.add(node.id)
        elif isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"[A-Z][A-Z0-9_]+", node.value):
            used.add(node.value)
    return used


def dead(root: Path) -> dict[str, str]:
    """Name to file, of all that no source file uses."""
    defined, used = {}, set[str]()
    for path, tree in trees(root, SOURCES):
        if path not in (TEXTS, SHAPE):
            used |= names_used(tree)
        if path == CODES or path.startswith(LAYOUT) and path != SHAPE:
            defined.update(dict.fromkeys(names_defined(tree), path))
    return {name: path for name, path in defined.items() if name not in used}


def test_every_name_is_used_or_kept_for_a_reason() -> None:
    found = dead(ROOT)
    assert {name: path for name, path in found.items() if name not in KEPT} == {}, "use them, remove them, or say in KEPT why they stay"
    assert set(KEPT) - set(found) == set(), "these are used by now: take them out of KEPT"


def test_the_finder_finds(tmp_path: Path) -> None:
    for path, text in {
        CODES: "R_SENT = 1\nR_TABLED = 2\nR_NAMED = 3\nR_DEAD: int = 4\n",
        TEXTS: "TABLE = ('R_TABLED', codes.R_TABLED)\n",
        LAYOUT + "tables.py": "V_READ, V_DEAD = 0, 1\n\ndef used(): pass\n\ndef idle(): pass\n",
        SHAPE: "ROWS = ('V_DEAD',)\n",
        "config/load.py": "C.R_SENT; L.V_READ; used(); x = 'R_NAMED'\n# R_DEAD\n",
        "tests/test_x.py": "C.R_DEAD\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    tables = LAYOUT + "tables.py"
    assert dead(tmp_path) == {"R_TABLED": CODES, "R_DEAD": CODES, "V_DEAD": tables, "idle": tables}


def words_used(folder: str) -> set[str]:
    return {name for _, tree in trees(ROOT, [folder]) for name in names_used(tree)}


BLOCK = {"DL_MAKER_BPS", "DL_TAKER_BPS", "DL_OWNER_SHARE", "DL_VENUE_SHARE"}  # the core copies the seven words from DL_FEE_MODEL on at once


@pytest.mark.parametrize("prefix", sorted({name[:3] for name in vars(definitions) if re.match(r"D[A-Z]_", name)}))
def test_each_word_of_a_definition_row_is_written_by_the_registry_and_read_by_the_core(prefix: str) -> None:
    """A word that only one side uses is a switch without an effect, or a command that is never sent."""
    words = {name for name in vars(definitions) if name.startswith(prefix) and not name.endswith("_EXTRA")}
    assert words and words - words_used("exchange_server/registry") - words_used("config") == set()  # config/fields.py: the table of fields
    assert words - words_used("exchange_server/core") - BLOCK == set()

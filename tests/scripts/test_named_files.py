"""Files and folders that docstrings, comments and documents name exist: a name that went stale sends its reader nowhere."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from scripts.tidy import tracked

ROOT = Path(__file__).resolve().parents[2]
FILE = re.compile(r"(?<![\w./<*{$-])((?:[\w-]+/)*[\w-]+\.(?:py|md|toml|csv|xml|sh))\b")
FOLDER = re.compile(r"`((?:[\w-]+/)+[\w.-]*)`")

# Named on purpose though the checkout does not hold them.
ELSEWHERE = {
    "domain.md": "the rules of the exchange, kept outside of the checkout; what of them is built is said in ARCHITECTURE.md",
    "durability.md": "like domain.md: what a crash may do",
    "FIX44.xml": "the standard dictionary that comes with other FIX engines",
    "cut/": "a folder that `exos journal cut` makes",
    "DIR/admin.sock": "DIR stands for the data folder",
    "NAME.py": "a pattern",
}


def said(path: str, text: str) -> Iterator[tuple[int, str]]:
    """The prose of a file: (line, text)."""
    if path.endswith(".md"):
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            yield node.body[0].lineno, ast.get_docstring(node, clean=False) or ""


def missing(paths: list[str], texts: dict[str, str]) -> list[tuple[str, int, str]]:
    """(file, line, name) of every name in `texts` that is no file or folder of `paths`, given in full or by its last parts."""
    places = set(paths) | {path.rsplit("/", n)[0] for path in paths for n in range(1, path.count("/") + 1)}
    known = {"/".join(parts[i:]) for parts in (place.split("/") for place in places) for i in range(len(parts))}
    found = []
    for path, text in texts.items():
        for line, words in said(path, text):
            for name in (*FILE.findall(words), *FOLDER.findall(words)):
                if name.rstrip("/") not in known:
                    found.append((path, line, name))
    return found


def test_every_file_that_is_named_exists() -> None:
    paths = tracked(ROOT)
    texts = {path: (ROOT / path).read_text() for path in paths if path.endswith((".py", ".md")) and "/fixtures/" not in path}
    found = missing(paths, texts)
    assert [one for one in found if one[2] not in ELSEWHERE] == []
    assert set(ELSEWHERE) - {name for _, _, name in found} == set(), "no longer named, or here by now: take them out of ELSEWHERE"


def test_the_finder_finds() -> None:
    paths = ["a/b/there.py", "docs/there.md"]
    texts = {
        "a/b/there.py": '"""See there.py, b/there.py and gone.py."""\n\n\ndef f():\n    """In c/there.py."""\n    return "text.py"  # not in old.md, but docs/there.md\n',
        "docs/there.md": "`a/b/` and `a/c/`\n`$DIR/x.py`, <name>.py, there.md\n",
    }
    assert sorted(missing(paths, texts)) == [
        ("a/b/there.py", 1, "gone.py"),
        ("a/b/there.py", 5, "c/there.py"),
        ("a/b/there.py", 6, "old.md"),
        ("docs/there.md", 1, "a/c/"),
    ]

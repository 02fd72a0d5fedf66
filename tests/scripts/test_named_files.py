"""Files, folders, functions and codes that docstrings, comments and documents name must exist."""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from scripts.tidy import tracked

ROOT = Path(__file__).resolve().parents[2]
FILE = re.compile(r"(?<![\w./<*{$-])((?:[\w-]+/)*[\w-]+\.(?:py|md|toml|csv|xml|sh))\b")
FOLDER = re.compile(r"`((?:[\w-]+/)+[\w.-]*)`")

FUNCTION = re.compile(r"\b([a-z]\w*_\w+)\(")
MEMBER = re.compile(r"\b([A-Z][a-z]\w+)\.([a-z_]\w+)\b(?!\.)")
CODE = re.compile(r"(?<![*\w-])((?!EXOS_)[A-Z]{1,4}_[A-Z][A-Z0-9_]+)\b(?!\*)")  # EXOS_...: settings of the environment

# Named on purpose although they are not in the checkout.
ELSEWHERE = {
    "domain.md": "the rules of the exchange, kept outside of the checkout; what of them is built is said in ARCHITECTURE.md",
    "durability.md": "like domain.md: what a crash may do",
    "FIX44.xml": "the standard dictionary that comes with other FIX engines",
    "cut/": "a folder that `exos journal cut` makes",
    "DIR/admin.sock": "DIR stands for the data folder",
    "DIR/principal.sock": "likewise",
    "DIR/follower/status.json": "likewise",
    "DIR/journal/recycled.json": "likewise",
    "DIR/upgrade/": "likewise",
    "DIR/webhooks/endpoints.json": "likewise",
    "DIR/webhooks/progress.json": "likewise",
    "webhooks/endpoints.json": "likewise",
    "webhooks/progress.json": "likewise",
    "events/retired": "a file in it",
    "follower/": "a folder in it, of the follower",
    "NAME.py": "a pattern",
    "venue.toml": "a reader's own configuration, in examples",
    "cup.toml": "likewise",
    "acme.toml": "likewise",
    "pages.toml": "likewise, of a venue's owner",
    "exchange/exos.toml": "a file that `exos init` makes",
    "exchange.toml": "a file that `exos demo worldcup` writes",
    "markets.toml": "likewise",
    "exchange/tls-ca.pem": "likewise",
    "NAME/manifest.json": "a member of the archive of a venue",
    "NAME/PART.jsonl": "likewise",
}


NAMES_ELSEWHERE = {
    "MASS_CANCEL": "the command without its C_, in a table of commands",
    "TIME_ERROR": "of the system's adjtimex",
    "STA_UNSYNC": "of the system's adjtimex",
    "clock_gettime": "a call of the system",
    "Decimal.scaleb": "of Python's library",
    "NO_COLOR": "a variable of the environment",
    "ANNA_TOKEN": "a reader's own variable",
    "prove_secret": "a function of the page's own example",
    "prove_key": "likewise",
}


@functools.cache
def parsed(text: str) -> ast.Module:
    return ast.parse(text)


@functools.cache
def said(path: str, text: str) -> list[tuple[int, str]]:
    """The prose of a file: (line, text)."""
    return list(_said(path, text))


def _said(path: str, text: str) -> Iterator[tuple[int, str]]:
    if path.endswith(".md"):
        yield from enumerate(text.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(parsed(text)):
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
    texts = {path: (ROOT / path).read_text() for path in paths if path.endswith((".py", ".md"))}
    found = missing(paths, texts)
    assert [one for one in found if one[2] not in ELSEWHERE] == []
    assert set(ELSEWHERE) - {name for _, _, name in found} == set(), "no longer named, or here by now: take them out of ELSEWHERE"


def defined(trees: list[ast.Module]) -> set[str]:
    """Every name that the code itself defines or uses."""
    names: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(name=name, asname=other):
                names.update((other or name).split("."))
            case ast.keyword(arg=str(name)):
                names.add(name)
    return names


def unknown(texts: dict[str, str]) -> list[tuple[str, int, str]]:
    """(file, line, name) of functions, members of classes and codes that no code of these files has."""
    known = defined([parsed(text) for path, text in texts.items() if path.endswith(".py")])
    found = []
    for path, text in texts.items():
        for line, words in said(path, text):
            named = [(name, {name}) for name in (*FUNCTION.findall(words), *CODE.findall(words))]
            named += [(f"{owner}.{name}", {owner, name}) for owner, name in MEMBER.findall(words)]
            found += [(path, line, shown) for shown, parts in named if parts - known]
    return found


def test_every_function_member_and_code_that_is_named_exists() -> None:
    paths = [path for path in tracked(ROOT) if path.endswith((".py", ".md")) and path != "CHANGELOG.md"]  # which describes what was removed
    texts = {path: (ROOT / path).read_text() for path in paths}
    found = unknown(texts)
    assert [one for one in found if one[2] not in NAMES_ELSEWHERE] == []
    assert set(NAMES_ELSEWHERE) - {name for _, _, name in found} == set(), (
        "no longer named, or here by now: take them out of NAMES_ELSEWHERE"
    )


def test_the_finder_of_names_finds() -> None:
    texts = {
        "a.py": '"""Calls go_there() and go_away(), Link.left and Link.gone; R_HERE, R_GONE, EVT_* and EXOS_DATA."""\nR_HERE = 1\n\n\nclass Link:\n    left = 0\n\n\ndef go_there(): ...\n',
        "b.md": "R_HERE, R_AWAY\n",
    }
    assert sorted(unknown(texts)) == [("a.py", 1, "Link.gone"), ("a.py", 1, "R_GONE"), ("a.py", 1, "go_away"), ("b.md", 1, "R_AWAY")]


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

"""No file of exchange_server imports, over whatever way, a file that imports it. Imports inside functions and for type checkers count too:
a circle that only a checker sees is still two files that cannot be read, moved or tested without each other."""

import ast
from collections.abc import Mapping
from pathlib import Path

from scripts import tidy

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = ("exchange_server.registry",)  # a circle that is completely within one of these


def imported(module: str, path: str, text: str, modules: Mapping[str, str]) -> set[str]:
    """The modules among `modules` that this one imports. `from package import name` counts for the package only when `name` is no module of
    it."""
    found = set()
    for _, name in tidy.imports_of(ast.parse(text, path), path):
        while name and name not in modules:
            name = name.rpartition(".")[0]
        if name and name != module:
            found.add(name)
    return found


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The sets of modules that reach each other (strongly connected, more than one), sorted."""
    reach: dict[str, set[str]] = {}
    for begin in graph:
        seen: set[str] = set()
        todo = [begin]
        while todo:
            for name in graph[todo.pop()] - seen:
                seen.add(name)
                todo.append(name)
        reach[begin] = seen
    together = {tuple(sorted({b for b in reach[a] if a in reach[b]})) for a in graph if a in reach[a]}
    return sorted(list(one) for one in together)


def test_the_server_has_no_import_circle() -> None:
    paths = {tidy.module_of(str(path.relative_to(ROOT))): path for path in (ROOT / "exchange_server").rglob("*.py")}
    names = {module: str(path.relative_to(ROOT)) for module, path in paths.items()}
    graph = {module: imported(module, names[module], paths[module].read_text(encoding="utf-8"), names) for module in paths}
    assert len(graph) > 50 and "exchange_server.net.endpoint" in graph["exchange_server.net.turn"]
    assert circles(graph) == []


def test_a_circle_is_found_however_it_is_imported() -> None:
    texts = {
        "p": "",
        "p.a": "from .b import thing\n",
        "p.b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p import c\n",
        "p.c": "def f():\n    import p.a\n",
        "p.d": "from . import a\n",
        "p.q": "from . import r\n",
        "p.r": "import p.q.deeper\n",
    }
    names = {module: module.replace(".", "/") + ("/__init__.py" if module == "p" else ".py") for module in texts}
    graph = {module: imported(module, names[module], text, names) for module, text in texts.items()}
    assert graph["p.d"] == {"p.a"} and graph["p.a"] == {"p.b"}
    assert circles(graph) == [["p.a", "p.b", "p.c"], ["p.q", "p.r"]]
    graph["p.c"] = set()
    assert circles(graph) == [["p.q", "p.r"]]

"""The line of a key in a TOML text, against the values that tomllib reads: every value of the text below is the number of its line."""

import random
import tomllib
from pathlib import Path
from typing import Any

import pytest

from config import load
from config.load import ConfigError
from config.places import Key, shown
from config.toml_lines import line_in, line_of, lines_of, steps

EVERYTHING = '''\
top = 1
"quoted.key" = 2
'literal' = 3
a.b.c = 4
a . "d e" = 5
text = """
[not.a.table]
key = 1 # no comment
\\""" still "" it"""
other = \'\'\'
[[nor]] this\'\'\'
after = 12
list = [ # a comment with ] and "
  14, 14,
  # nothing
  16, [ 16,
  17 ] ]
inline = { x = 18, y.z = 18, deep = { w = [18, { v = 18 }] }, s = "a } , ] # b" }
[table]
k = 20
[table.sub."x.y"]
k = 22
[[array]]
k = 24
[array.own]
k = 26
[[array.inner]]
k = 28
[[array.inner]]
k = 30
[[array]]
k = 32
  [[array.inner]]   # indented
  k = 34
  date = 1979-05-27T07:32:00Z
  escaped = "\\"] \\\\"
[array.inner.own.z]
k = 38
'''


def leaves(value: Any, path: Key = ()) -> list[tuple[Key, Any]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for i, inner in enumerate(value) for leaf in leaves(inner, (*path, i))]
    return [(path, value)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_value_is_on_its_line(newline: str) -> None:
    text = EVERYTHING.replace("\n", newline)
    numbers = [(path, value) for path, value in leaves(tomllib.loads(text)) if isinstance(value, int)]
    assert len(numbers) == 24
    assert [(path, lines_of(text)[path]) for path, _ in numbers] == numbers


def test_tables_elements_and_what_is_not_there() -> None:
    for path, line in (
        ("text", 6), ("other", 10), ("table", 19), ("table.sub", 21), ("array", 23), ("array[0]", 23), ("array[0].own", 25), ("array[0].inner[1]", 29),
        ("array[1]", 31), ("array[1].inner[0].own", 37), ("inline.deep", 18), ("list[2]", 16), ("array[1].inner[0].missing", 33), ("array[5].k", 23), ("none", 0), ("", 0),
    ):  # fmt: skip
        assert line_of(EVERYTHING, path) == line, path


def test_random_documents() -> None:
    """Tables, arrays and inline tables in a random order, with strings that look like them in between."""
    r = random.Random(1)
    for _ in range(200):
        lines: list[str] = []
        for n in range(r.randrange(1, 6)):
            lines += ["# [x]"] * r.randrange(2)
            lines.append(r.choice(("[[m]]", f"[t{n}]", f"[t{n}.u]", f"[['m']] # {n}")))
            for i in range(r.randrange(4)):
                here = len(lines) + 1
                lines.append(
                    r.choice(
                        (f"k{i} = {here}", f"k{i} = [{here}, {{ a = {here} }}]", f"k{i}.b = {here}", f'k{i} = {{ s = "}}]#", n = {here} }}')
                    )
                )
                if r.random() < 0.3:
                    lines += [f's{i} = """', f"[[m]] k = {r.randrange(9)}", '""" # """']
        text = "\n".join(lines)
        for path, value in leaves(tomllib.loads(text)):
            if isinstance(value, int):
                assert lines_of(text)[path] == value, text


@pytest.mark.parametrize("name", ["sandbox", "worldcup", "worldcup_results"])
def test_every_key_of_the_shipped_files_is_found(name: str) -> None:
    text = load.find(name).read_text()
    lines = text.splitlines()
    for path, _ in leaves(tomllib.loads(text)):
        key = str(next(step for step in reversed(path) if isinstance(step, str)))
        assert key in lines[lines_of(text)[path] - 1], path


def test_paths_as_people_see_them() -> None:
    path: Key = ("market", 0, "contract", 2, "symbol")
    assert steps(shown(path)) == path and steps("server") == ("server",) and steps("") == ()


def test_text_that_is_no_toml_ends(tmp_path: Path) -> None:
    r = random.Random(2)
    for _ in range(500):
        text = "".join(r.choice("ab=[]{}\"'#,.\n ") for _ in range(40))
        assert isinstance(lines_of(text), dict)
    assert line_in(str(tmp_path / "none.toml"), "a") == 0
    (tmp_path / "x").write_bytes(b"a = \xff")
    assert line_in(str(tmp_path / "x"), "a") == 0


def test_errors_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[[asset]]\nname = "USD"\ndecimals = 4\n\n[[venue]]\nname = "V"\ntrading_day = "x"\n')
    with pytest.raises(ConfigError) as error:
        load.load(path)
    assert str(error.value).startswith(f"{path}:7: venue[0].trading_day: not a duration") and error.value.line == 7

"""The files of the page: what its modules may and may not do, what it weighs, and that the vendored one is the one that was published."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from exchange_server.web.pages.files import STATIC, Files, resolved
from exchange_server.web.pages.routes import SHEETS

FIRST_PAGE_MOST = 300_000
VENDORED = "vendor/lightweight-charts.mjs"
OURS = sorted(path for path in STATIC.rglob("*.js"))
# Whatever reads a text as markup or as a program: market texts are data.
SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|setHTML|createContextualFragment|srcdoc|\beval\b|new Function|javascript:"
    r"|setAttribute\(\s*[\"'](?:style|on)|setTimeout\(\s*[\"'`]"
)


@pytest.fixture(scope="module")
def files() -> Files:
    return Files()


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_a_module_never_reads_a_text_as_markup(path: Path) -> None:
    assert SINKS.findall(path.read_text()) == []


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_a_module_has_one_job_and_says_which(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith("// ") and len(lines) <= 400


@pytest.mark.parametrize("name", ["index.html", "embed.html"])
def test_the_shells_have_no_inline_script_or_style(files: Files, name: str) -> None:
    text = files.text(name)
    assert "<style" not in text and " style=" not in text and not re.search(r"\son\w+=", text)
    assert all(re.search(r'src="[^"]+"', tag) for tag in re.findall(r"<script[^>]*>", text))
    assert all(tag.endswith("</script>") for tag in re.findall(r"<script[^>]*>.*", text))


def test_every_import_is_a_file_and_every_module_is_used(files: Files) -> None:
    used = {"main.js", "embed.js", "theme-early.js"}
    for start in ("main.js", "embed.js"):
        used |= set(files.imports(start))
    for name in sorted(used):
        for later in re.findall(r'import\("([^"]+)"\)', files.text(name)):
            used |= {resolved(name, later), *files.imports(resolved(name, later))}
    there = {name for name in files.all if name.endswith((".js", ".mjs"))}
    assert used == there


def test_nothing_is_fetched_from_elsewhere(files: Files) -> None:
    for name, file in files.all.items():
        if name.startswith("vendor/"):
            continue
        found = set(re.findall(r"(?:https?|wss?)://[^\"'\s)<>]+", file.body.decode()))
        assert found <= {"https://www.tradingview.com/", "http://www.w3.org/2000/svg"}, (name, found)
        assert "@import" not in file.body.decode() and "@font-face" not in file.body.decode()


def test_the_chart_library_is_the_published_file(files: Files) -> None:
    about = dict(line.split(None, 1) for line in files.text("vendor/lightweight-charts.txt").splitlines())
    body = files.all[VENDORED].body
    assert hashlib.sha256(body).hexdigest() == about["sha256"]
    assert f"v{about['version']}".encode() in body[:200] and b"Apache License 2.0" in body[:300]
    assert "Apache License" in files.text("vendor/lightweight-charts.LICENSE.txt")
    assert "TradingView Lightweight Charts" in files.text("index.html")  # its attribution is on every page


def test_the_first_page_is_light(files: Files) -> None:
    """As it is sent to a browser that takes no gzip; the chart comes when a chart is shown, and with it too the page stays below the limit for one that does."""
    first = ["index.html", "theme-early.js", "icon.svg", "main.js", *SHEETS, *files.imports("main.js")]
    plain = sum(len(files.all[name].body) for name in first)
    packed = sum(len(files.all[name].packed or files.all[name].body) for name in [*first, VENDORED])
    assert plain < FIRST_PAGE_MOST * 2 / 3 and packed < FIRST_PAGE_MOST / 2, json.dumps({"plain": plain, "packed with the chart": packed})


def test_the_version_follows_the_contents(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("// one\n")
    before = Files(tmp_path).version
    (tmp_path / "a.js").write_text("// two\n")
    assert Files(tmp_path).version != before

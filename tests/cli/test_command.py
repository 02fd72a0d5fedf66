"""The tree of commands: help, examples, near words, completion, the page, and that nothing heavy is imported for it."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from exchange_server.cli import main as cli
from exchange_server.cli.command import Noun, Verb
from exchange_server.cli.main import COMMANDS, PLACES, root
from exchange_server.exits import MEANINGS, Exit
from scripts import make_docs

ROOT = Path(__file__).resolve().parents[2]


def tree() -> Iterator[tuple[str, Verb]]:
    for name in PLACES:
        command = root.get_command(click.Context(root), name)
        if isinstance(command, Noun):
            for inner, verb in command.commands.items():
                assert isinstance(verb, Verb)
                yield f"{name} {inner}", verb
        else:
            assert isinstance(command, Verb)
            yield name, command


ALL = dict(tree())
EXAMPLES = [example for verb in ALL.values() for example in verb.examples]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("path", ALL)
def test_every_command_has_help_with_an_example_of_its_own(capsys: pytest.CaptureFixture[str], path: str) -> None:
    code, out, err = run(capsys, *path.split(), "--help")
    assert code == Exit.OK and err == "" and out.startswith(f"usage: exos {path}")
    assert ALL[path].examples and f"  {ALL[path].examples[0]}" in out
    assert all(shlex.split(example)[: 1 + len(path.split())] == ["exos", *path.split()] for example in ALL[path].examples)
    assert all(not isinstance(p, click.Option) or p.help or p.hidden for p in ALL[path].params), "every option says what it is"


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_parses(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    monkeypatch.setattr(Verb, "invoke", lambda self, ctx: 0)
    assert run(capsys, *shlex.split(example)[1:]) == (Exit.OK, "", "")


def test_the_lazy_table_says_what_the_commands_say() -> None:
    for section in COMMANDS.values():
        for name, (_, summary) in section.items():
            command = root.get_command(click.Context(root), name)
            assert command is not None and command.name == name and command.short_help == summary


def test_all_but_serve_have_json() -> None:
    without = {path for path, verb in ALL.items() if not any("--json" in p.opts for p in verb.params)}
    assert without == {"serve", "follow", "metrics", "web", "webhooks serve", "mcp"}


@pytest.mark.parametrize(
    ("arguments", "sentence", "usage"),
    [
        (("mraket",), '"mraket" is not known; did you mean market\\?', "exos [OPTIONS]"),
        (("market", "lst"), '"lst" is not one of list, show, phase, schedule, settle.*; did you mean list\\?', "exos market"),
        (("market", "phase", "X", "opne"), 'PHASE: "opne" is not one of listed, open, .*; did you mean open\\?', "exos market phase"),
        (("serve", "--dta", "x"), '"--dta" is not one of --data, .*; did you mean --data\\?', "exos serve"),
        (("serve", "--mode", "asinc"), '--mode: "asinc" is not one of sync, async; did you mean async', "exos serve"),
        (("serve", "--fix-port", "70000"), "--fix-port: port must be 0 to 65535, asked 70000", "exos serve"),
        (("trade", "buy", "X"), "QTY is missing", "exos trade buy"),
        (("journal", "cut", "d", "--segment", "1"), "--offset is missing", "exos journal cut"),
        (("stop", "now"), "got unexpected extra argument", "exos stop"),
    ],
)
def test_a_wrong_command_line_is_answered_with_the_near_words(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str, usage: str
) -> None:
    code, out, err = run(capsys, *arguments)
    first, second = err.splitlines()
    assert code == Exit.USAGE and out == "" and re.match(f"exos: {sentence}", first) and second.startswith(f"usage: {usage}")


def test_an_option_without_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "stop", "--data")
    assert code == Exit.USAGE and err.startswith("exos: option '--data' requires an argument")


def test_a_wrong_command_line_with_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "market", "lst", "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["exit"], found["result"]) == (2, False, 2, {}) and "did you mean list?" in found["text"]


def test_the_envelope_of_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "status", "--json", "--data", str(tmp_path))
    assert code == Exit.UNREACHABLE and set(json.loads(out)) == {"ok", "exit", "code", "text", "result"}
    assert json.loads(out)["exit"] == 9 and json.loads(out)["text"] in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    code, out, _ = run(capsys, "completion", shell)
    assert code == Exit.OK and f"_EXOS_COMPLETE={shell}_complete" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("exos mar", {"market"}),
        ("exos market ph", {"phase"}),
        ("exos market phase X pa", {"paused"}),
        ("exos serve --mo", {"--mode"}),
        ("exos completion ", {"bash", "zsh", "fish"}),
    ],
)
def test_what_is_completed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str, expected: set[str]) -> None:
    monkeypatch.setenv("_EXOS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    assert cli.main([]) == 0
    assert {line.partition(",")[2] for line in capsys.readouterr().out.splitlines()} == expected


def test_bash_takes_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    script = run(capsys, "completion", "bash")[1]
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


HEAVY = ("numba", "numpy", "asyncio", "rich", "msgspec", "exchange_server.core", "exchange_server.engine")


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("serve", "--help"), ("journal", "lst"), ("completion", "bash")])
def test_light_commands_import_nothing_heavy(arguments: tuple[str, ...]) -> None:
    program = (
        "import sys; from exchange_server.cli.main import main; main(sys.argv[1:]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_commands_of_the_socket_do_not_load_the_kernels(tmp_path: Path) -> None:
    program = "import sys; from exchange_server.cli.main import main; main(sys.argv[1:]); assert 'numba' not in sys.modules"
    for arguments in (("market", "list"), ("status",), ("clock",), ("admin", "{}")):
        subprocess.run([sys.executable, "-c", program, *arguments, "--data", str(tmp_path)], cwd=ROOT, capture_output=True, check=True)


def test_a_closed_pipe_is_no_failure() -> None:
    command = f"{sys.executable} -m exchange_server.cli.main completion bash | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 0 and done.stderr == ""


def test_ctrl_c(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Verb, ctx: click.Context) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Verb, "invoke", interrupted)
    assert run(capsys, "status") == (130, "", "")


def test_the_page_is_generated_and_has_every_command_and_exit_code() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert page == make_docs.PAGES["docs/cli.md"](), "run: python -m scripts.make_docs"
    for path, verb in ALL.items():
        assert f"### exos {path}\n" in page and verb.examples[0] in page
    listed = {int(code): name for code, name in re.findall(r"^\| (\d+) \| `([A-Z]+)` \|", page, re.M)}
    assert listed == {member.value: member.name for member in Exit} and set(MEANINGS) == {*Exit, 130}

"""The pure parts of the bootstrap, and its decisions about an existing environment. No network, nothing installed."""

import os
import re
import subprocess
import sys

import pytest

from scripts import bootstrap
from scripts.bootstrap import BUILDING, ROOT, STAMP, Environment, Refused

PROJECT = (
    '[project]\nname = "exos"\nversion = "0.1.0"\n[project.scripts]\nexos = "exchange_server.cli.main:main"\n[tool.x]\nname = "other"\n'
)


@pytest.mark.parametrize(
    ("system", "machine", "refused"),
    [("linux", "x86_64", False), ("linux", "aarch64", False), ("linux", "i686", True), ("darwin", "arm64", True), ("win32", "AMD64", True)],
)
def test_platforms(system, machine, refused):
    sentence = bootstrap.refuse_platform(system, machine)
    assert bool(sentence) is refused
    assert not sentence or sentence.count("\n") == 0


def test_the_stamp_changes_with_each_of_its_parts():
    parts = [b"lock", b"project", "/srv/exos", "/usr/bin/python3.11"]
    seen = {bootstrap.stamp(*parts)}
    for i, part in enumerate(parts):
        changed = [*parts[:i], part + (b"x" if isinstance(part, bytes) else "x"), *parts[i + 1 :]]
        seen.add(bootstrap.stamp(*changed))
    seen.add(bootstrap.stamp(b"loc", b"kproject", *parts[2:]))
    assert len(seen) == 6
    assert bootstrap.stamp(*parts) in seen


@pytest.mark.parametrize(
    ("output", "word"),
    [
        (
            "WARNING: Retrying ... NewConnectionError ...\nERROR: No matching distribution found for numba==0.68.1",
            "cannot reach a package registry",
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "hash"),
        ("ERROR: Could not find a version ...\nERROR: No matching distribution found for numba==0.68.1", "numba==0.68.1"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("something else", "its output is above"),
    ],
)
def test_each_failure_of_pip_is_one_sentence(output, word):
    sentence = bootstrap.pip_sentence(output)
    assert word in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_the_projects_names_are_those_that_toml_has():
    import tomllib

    text = (ROOT / "pyproject.toml").read_text()
    parsed = tomllib.loads(text)["project"]
    scripts = [(name, *target.split(":")) for name, target in parsed["scripts"].items()]
    assert bootstrap.project_names(text) == (parsed["name"], parsed["version"], scripts)
    assert bootstrap.project_names(PROJECT) == ("exos", "0.1.0", [("exos", "exchange_server.cli.main", "main")])


def test_a_console_script_runs_from_a_path_with_spaces(tmp_path):
    home = tmp_path / 'a "b" $c'
    home.mkdir()
    python = home / "python"
    python.symlink_to(sys.executable)
    script = home / "exos"
    script.write_text(bootstrap.console_script(str(python), "os", "getppid"))
    script.chmod(0o755)
    assert subprocess.run([script], check=False).returncode == os.getpid() % 256


def test_an_interpreter_that_is_too_old_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(Refused, match=r"3\.11 or newer"):
        bootstrap.interpreter(str(tmp_path))
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho False /usr/bin/python3\n")
    old.chmod(0o755)
    with pytest.raises(Refused, match=r"3\.11 or newer"):
        bootstrap.interpreter(str(tmp_path))
    bare = tmp_path / "python3.12"
    bare.write_text("#!/bin/sh\necho True /usr/bin/python3.12\nexit 1\n")
    bare.chmod(0o755)
    with pytest.raises(Refused, match=r"apt install python3\.12-venv"):
        bootstrap.interpreter(str(tmp_path))
    good = tmp_path / "python3.13"
    good.write_text("#!/bin/sh\necho True '/opt/my python/3.13'\n")
    good.chmod(0o755)
    assert bootstrap.interpreter(str(tmp_path)) == "/opt/my python/3.13"


@pytest.fixture
def environment(tmp_path):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.lock").write_text("a==1 \\\n    --hash=sha256:00\nb==2 \\\n    --hash=sha256:00\n")
    made = Environment(tmp_path)
    (made.folder / "bin").mkdir(parents=True)
    (made.folder / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    made.python.symlink_to(sys.executable)
    (made.folder / "pyvenv.cfg").write_text("")
    return made


def test_ready_only_with_the_right_stamp(environment):
    assert not environment.ready()
    (environment.folder / STAMP).write_text(environment.wanted())
    assert environment.ready()
    environment.lock.write_text("a==2\n")
    assert not environment.ready()


def test_a_python_that_is_gone_is_not_ready(environment):
    (environment.folder / STAMP).write_text(environment.wanted())
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python3")
    (environment.folder / STAMP).write_text(environment.wanted())
    assert not environment.ready()
    assert not environment.usable()


def test_install_happens_once_and_leaves_stamp_and_project(environment, monkeypatch):
    calls = []
    monkeypatch.setattr(Environment, "usable", lambda self: True)
    monkeypatch.setattr(Environment, "install", lambda self, held: calls.append((self.folder / BUILDING).exists()))
    environment.ensure()
    environment.ensure()
    assert calls == [True]
    assert not (environment.folder / BUILDING).exists()
    packages = environment.folder / "lib" / "python3.11" / "site-packages"
    assert (packages / "exos.pth").read_text() == f"{environment.root}\n"
    assert (environment.folder / "bin" / "exos").stat().st_mode & 0o111
    assert len((packages / "exos-0.1.0.dist-info" / "RECORD").read_text().splitlines()) == 6


def test_after_an_interruption_it_starts_anew(environment, monkeypatch):
    def interrupted(self, held):
        raise KeyboardInterrupt

    monkeypatch.setattr(Environment, "usable", lambda self: not (self.folder / BUILDING).exists())
    monkeypatch.setattr(Environment, "install", interrupted)
    with pytest.raises(KeyboardInterrupt):
        environment.ensure()
    anew = []
    monkeypatch.setattr(Environment, "start_anew", lambda self, held: anew.append(1))
    monkeypatch.setattr(Environment, "install", lambda self, held: None)
    environment.ensure()
    assert anew == [1]
    assert environment.ready()


def test_a_folder_that_is_no_environment_is_left_alone(tmp_path):
    environment = Environment(tmp_path)
    environment.folder.mkdir()
    (environment.folder / "thesis.txt").write_text("mine")
    with pytest.raises(Refused, match="move it away"):
        environment.start_anew(-1)
    assert (environment.folder / "thesis.txt").read_text() == "mine"


def test_the_lock_pins_each_package_with_hashes_and_names_no_registry():
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    pins = [i for i, line in enumerate(lines) if not line.startswith(" ")]
    assert len(pins) > 20
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+ \\", lines[i]) and "--hash=sha256:" in lines[i + 1] for i in pins)
    assert all(re.fullmatch(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?", line) for i, line in enumerate(lines) if i not in pins)

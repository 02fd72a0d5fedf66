"""Completion in real shells: the script is taken, and offers what fits. A shell that this machine lacks is a listed skip."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server_kit import ROOT

ZSH = r"""
compdef() { : }
compadd() { print -l -- "$@" }
_describe() { local name=$argv[-1]; print -l -- ${(P)name} ${(P)argv[-2]} }
eval "$SCRIPT"
words=(exos market ph) CURRENT=3
_exos_completion
"""
FISH = 'eval $SCRIPT; complete -C "exos market ph"'
BASH = 'eval "$SCRIPT"; COMP_WORDS=(exos market ph); COMP_CWORD=2; _exos_completion exos; printf "%s\\n" "${COMPREPLY[@]}"'


@pytest.mark.parametrize(
    ("shell", "options", "program"), [("bash", ["-c"], BASH), ("zsh", ["-f", "-c"], ZSH), ("fish", ["-N", "-c"], FISH)]
)
def test_a_shell_completes(tmp_path: Path, shell: str, options: list[str], program: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    command = tmp_path / "exos"  # the shells call the program by its name
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m exchange_server.cli.main "$@"\n')
    command.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    made = subprocess.run([command, "completion", shell], env=environment, capture_output=True, text=True, check=True)
    done = subprocess.run(
        [shell, *options, program], env={**environment, "SCRIPT": made.stdout}, capture_output=True, text=True, timeout=60, check=False
    )
    assert "phase" in done.stdout, done.stdout + done.stderr
    assert "market" not in done.stdout.split() and "Traceback" not in done.stderr

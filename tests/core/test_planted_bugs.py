"""The judge is judged: every planted bug must be caught within FLOWS flows; the seed that is known to find it goes first.

The short run plants the fifteen bugs of planted_bugs.MODEL in the model, in this process, and lets the harness find them (the core is compiled
once). EXOS_LONG=1 plants the fifteen bugs of planted_bugs.CORE in a copy of the core, compiles that with a cache of its own and runs the harness.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.core import planted_bugs

ROOT = Path(__file__).resolve().parents[2]
LONG = os.environ.get("EXOS_LONG") == "1"
MODEL_FILES = (
    "model_world.py", "model_money.py", "model_ids.py", "model_budget.py", "model_ladder.py", "model_changes.py", "model_results.py", "model_settle.py",
    "model_reverse.py", "model_opening.py", "model_operator.py", "model.py",
)  # fmt: skip
FLOWS = 1000


@pytest.mark.parametrize("bug", planted_bugs.CORE + planted_bugs.MODEL, ids=lambda bug: f"{bug[1]}: {bug[0]}")
def test_the_text_stands_where_the_list_says(bug: planted_bugs.Bug) -> None:
    name, file, text, planted = bug
    folder = ROOT / ("tests" if file in MODEL_FILES else "exchange_server/core")
    assert (folder / file).read_text().count(text) == 1, f"planted_bugs.py must follow {file}: {name}"
    assert text != planted


def test_both_lists_name_the_same_bugs() -> None:
    assert [bug[0] for bug in planted_bugs.CORE] == [bug[0] for bug in planted_bugs.MODEL]
    assert len(planted_bugs.CORE) == 15


def test_the_copy_is_of_the_whole_model() -> None:
    assert {path.name for path in (ROOT / "tests").glob("model*.py")} - {"model_worlds.py"} == set(MODEL_FILES)


def model_with(bug: planted_bugs.Bug, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The class Model of a copy of the model's modules with the bug in it; the worlds' own records stay shared."""
    _, file, text, planted = bug
    shared = sys.modules["tests.model_world"]
    for name in MODEL_FILES:
        source = (ROOT / "tests" / name).read_text()
        module = ModuleType(f"tests.{name[:-3]}")
        module.__file__ = str(ROOT / "tests" / name)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(compile(source.replace(text, planted) if name == file else source, module.__file__, "exec"), module.__dict__)
        if name == "model_world.py":
            module.__dict__.update(Row=shared.Row, Refused=shared.Refused)
    return sys.modules["tests.model"].__dict__["Model"]


@pytest.mark.parametrize("bug", planted_bugs.MODEL, ids=lambda bug: bug[0])
def test_a_bug_in_the_model_is_caught(bug: planted_bugs.Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests import core_rig
    from tests.judge import LENGTH, first_failure
    from tests.random_world import flow

    with monkeypatch.context() as patch:
        wrong = model_with(bug, patch)
    monkeypatch.setattr(core_rig, "Model", wrong)
    for seed in (planted_bugs.SEED_OF[bug[0]], *range(FLOWS)):
        if first_failure(*flow(seed, LENGTH)) is not None:
            return
    pytest.fail(f"not caught by {FLOWS} flows")


if LONG:  # fifteen compilations of the core

    @pytest.mark.parametrize("bug", planted_bugs.CORE, ids=lambda bug: bug[0])
    def test_a_bug_in_the_core_is_caught(bug: planted_bugs.Bug, tmp_path: Path) -> None:
        _, file, text, planted = bug
        for folder in ("exchange_server", "protocol", "config", "tests"):
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
        target = tmp_path / "exchange_server" / "core" / file
        target.write_text(target.read_text().replace(text, planted))
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "EXOS_CACHE_DIR": str(tmp_path / "cache")}
        compiled = subprocess.run(
            [sys.executable, "-c", "import tests.core_rig"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert compiled.returncode == 0, compiled.stderr
        for first, count in ((planted_bugs.SEED_OF[bug[0]], 1), *((first, 10) for first in range(0, FLOWS, 10))):
            run = subprocess.run(
                [sys.executable, "-m", "tests.judge", str(first), str(count)], cwd=tmp_path, env=environment, capture_output=True, text=True
            )
            if run.returncode != 0:
                assert "fails at command" in run.stdout, run.stderr
                return
        pytest.fail(f"not caught by {FLOWS} flows")

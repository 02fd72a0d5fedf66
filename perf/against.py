"""`./scripts/bench --against REV [ROW...]`: the rows of this tree and of another commit in turn, and the ratio of each with its spread.

Figures of single runs differ by a factor of two from day to day and by a third within minutes, so only alternating runs show what a change
costs. Each round runs every row once on each side, and the rounds alternate which side is first. A ratio is this tree's figure over that
commit's, inverted where needed so that above 1 is better; the median over the rounds counts, lowest and highest show how stable the machine
is. Nothing here passes or fails by a timing: the exit code is 1 only if a row's answer was wrong or a side could not run.

The other commit is unpacked into the user's cache folder and run with this checkout's environment if its requirements.lock is the same,
else with its own.
"""

from __future__ import annotations

import io
import json
import os
import signal
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ROW_SECONDS = 900  # for one row on one side; not including a first compile
COMPILE_SECONDS = 1_200
NOTABLE = 0.05  # a median this far from 1 is marked


class AgainstRefused(Exception):
    """Its text is the one sentence that the user sees."""


@dataclass
class Side:
    """One of the two trees. `command`: what runs its bench; rows and flags come after it."""

    name: str
    folder: Path
    command: list[str]


@dataclass
class Line:
    """One figure of the table over all rounds. here[i] and there[i] are of the same round."""

    name: str
    unit: str
    more_is_better: bool
    here: list[float] = field(default_factory=list)
    there: list[float] = field(default_factory=list)
    void: int = 0  # rounds that do not count, because one of the two sides was void

    @property
    def ratios(self) -> list[float]:
        """Per round: above 1, this tree is better."""
        pairs = zip(self.here, self.there)
        return sorted(a / b if self.more_is_better else b / a for a, b in pairs if a > 0 and b > 0)


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, timeout=120)
    if done.returncode:
        raise AgainstRefused(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def cache_folder() -> Path:
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "exos" / "bench"


def other_side(revision: str) -> Side:
    """The other commit, unpacked once. Raises AgainstRefused if there is no such commit or it has no bench."""
    try:
        commit = git("rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}").decode().strip()
    except AgainstRefused as error:
        raise AgainstRefused(f"{revision}: there is no such commit here") from error
    folder = cache_folder() / commit
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix="unpacking-", dir=folder.parent))
        with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
            archive.extractall(partial, filter="data")
        partial.rename(folder)
    if not (folder / "perf" / "bench.py").exists():
        raise AgainstRefused(f"{revision} has no perf/bench.py: there is nothing to compare with")
    same = (folder / "requirements.lock").read_bytes() == (ROOT / "requirements.lock").read_bytes()
    command = [sys.executable, "-m", "perf.bench"] if same else [str(folder / "scripts" / "bench")]
    return Side(f"{revision} ({commit[:8]})", folder, command)


def this_side() -> Side:
    changed = " with what is not committed" if git("status", "--porcelain", "--untracked-files=no").strip() else ""
    return Side(
        f"this tree ({git('rev-parse', '--short=8', 'HEAD').decode().strip()}{changed})", ROOT, [sys.executable, "-m", "perf.bench"]
    )


def run_rows(side: Side, rows: Sequence[str], scale: float, seconds: int = ROW_SECONDS) -> list[dict[str, Any]]:
    """Run the rows once on that side. Raises AgainstRefused with its last output."""
    with tempfile.TemporaryDirectory(prefix="exos-against-") as folder:
        file = Path(folder) / "rows.json"
        environment = {**os.environ, "PYTHONPATH": str(side.folder)}  # before the paths in the environment's .pth
        command = [*side.command, *rows, "--json", str(file), "--scale", str(scale)]
        with subprocess.Popen(
            command, cwd=side.folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        ) as process:
            try:
                output, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired as error:
                os.killpg(process.pid, signal.SIGKILL)  # including the server that the row started
                raise AgainstRefused(f"{side.name}: {' '.join(rows)}: not done after {seconds} s") from error
        if process.returncode or not file.exists():
            last = output.strip().splitlines()[-3:]
            raise AgainstRefused(f"{side.name}: {' '.join(rows)}: exit code {process.returncode}: {' | '.join(last)}")
        found: list[dict[str, Any]] = json.loads(file.read_text())["rows"]
        return found


def take(lines: dict[str, Line], here: list[dict[str, Any]], there: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Add one round of one row; returns the names that only one side has: (here, there)."""
    ours, theirs = ({row["name"]: row for row in side} for side in (here, there))
    for name in [name for name in ours if name in theirs]:  # in the table's order
        a, b = ours[name], theirs[name]
        line = lines.setdefault(name, Line(name, a["unit"], a["more_is_better"]))
        if a["void"] or b["void"]:
            line.void += 1
        else:
            line.here.append(a["figure"])
            line.there.append(b["figure"])
    return ours.keys() - theirs.keys(), theirs.keys() - ours.keys()


def show(line: Line) -> str:
    """One line of the table."""
    if not line.ratios:
        return f"{line.name:<72} VOID in all {line.void} rounds" if line.void else f"{line.name:<72} no figure above 0"
    middle = statistics.median(line.ratios)
    mark = "  slower" if middle < 1 - NOTABLE else "  faster" if middle > 1 + NOTABLE else ""
    there, here = (_figure(statistics.median(side)) for side in (line.there, line.here))
    void = f", {line.void} void" if line.void else ""
    spread = f"({line.ratios[0]:.2f} to {line.ratios[-1]:.2f}, {len(line.ratios)} rounds{void})"
    return f"{line.name:<72} {there:>12} -> {here:>12} {line.unit:<11} x {middle:.3f}  {spread}{mark}"


def _figure(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:,.3g}"


def compare(
    revision: str,
    rows: Sequence[str],
    rounds: int,
    scale: float,
    say: Callable[[str], None],
    run: Callable[..., list[dict[str, Any]]] = run_rows,
    sides: tuple[Side, Side] | None = None,
) -> list[Line]:
    """Run the rows in turn, `rounds` times, and print the table. Raises AgainstRefused."""
    here, there = sides or (this_side(), other_side(revision))
    say(f"{there.name} -> {here.name}; {rounds} rounds in turn; x above 1: this tree is better; load {os.getloadavg()[0]:.1f}")
    for side in (here, there):
        run(side, ["compile"], scale, COMPILE_SECONDS)
    lines: dict[str, Line] = {}
    for row in rows:
        mine: dict[str, Line] = {}
        for number in range(rounds):
            order = (here, there) if number % 2 else (there, here)
            found = {id(side): run(side, [row], scale) for side in order}
            only_here, only_there = take(mine, found[id(here)], found[id(there)])
        for line in mine.values():
            say(show(line))
        for name in sorted(only_here):
            say(f"{name:<72} only in this tree")
        for name in sorted(only_there):
            say(f"{name:<72} only in {there.name}")
        lines |= mine
    return list(lines.values())

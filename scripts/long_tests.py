"""The long forms of tests, by name: `./scripts/test --long NAME`; without a name they are listed.

The test command runs a short form of each. Each long form has a time limit: a run that exceeds it has failed. Standard library only.
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TIMED_OUT = 124  # as timeout(1) returns it
USAGE = 2
NO_TESTS = 5  # of pytest: nothing was selected


@dataclass(frozen=True)
class Long:
    what: str
    minutes: int  # limit
    tests: tuple[str, ...]  # arguments of pytest
    apart: bool = False  # each file is a run of its own, as many side by side as there are cores


LONG = {
    "bits": Long(
        "every bit of the journal's last 64 KiB flipped, cuts at every byte, stale and random bytes", 60, ("tests/journal/test_walk.py",)
    ),
    "crash": Long(
        "5,000 lives of a killed writer, 100 power cuts, the n-th write or sync failing for n up to 600, the same with follower and archive",
        60,
        (
            "tests/journal/test_crash.py",
            "tests/archive/test_crash.py",
            "tests/follow/test_crash.py",
            "tests/follow/test_power.py",
            "tests/archive/test_ownership_crash.py",
        ),
        apart=True,
    ),
    "backup": Long("60 backups under load, the server killed in the middle of each", 30, ("tests/backup/test_load.py",)),
    "tables": Long("a start with larger tables killed at each of its calls", 60, ("tests/upgrade/test_resize.py",)),
    "store": Long(
        "every bit of event store files flipped, detected and repaired",
        30,
        ("tests/journal/test_event_store.py", "tests/journal/test_rebuild.py"),
    ),
    "model": Long("1,000 seeds of random trading compared with the model", 120, ("tests/core/test_against_model.py",)),
    "opening": Long("160 venues that move in the middle of random trading", 60, ("tests/core/test_opening.py",)),
    "collateral": Long("2,000 random accounts against the search of all outcomes", 30, ("tests/core/test_collateral.py",)),
    "registry": Long("1,000 seeds of random records against the naive registry", 30, ("tests/registry/test_against_naive.py",)),
    "webhooks": Long("the webhooks process killed 100 times while messages are under way", 30, ("tests/hooks/test_webhooks_server.py",)),
    "users": Long("100,000 users of one venue, opened over HTTP", 30, ("tests/web/test_many_users.py",)),
    "planted": Long("bugs planted in the core: the harness must find each (a compilation each)", 90, ("tests/core/test_planted_bugs.py",)),
}


def table() -> list[str]:
    width = max(map(len, LONG))
    return [f"{name.ljust(width)}  {long.what} (limit {long.minutes} min)" for name, long in LONG.items()]


def run(name: str, more: list[str]) -> int:
    """The long form `name`, with more arguments for pytest; its exit code, TIMED_OUT over its limit."""
    long = LONG[name]
    end = time.monotonic() + 60 * long.minutes
    if not long.apart:
        code, _ = _pytest(long.tests, more, end, told=False)
    else:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # threads that wait for processes
            codes = {code for code, _ in pool.map(lambda file: _pytest((file,), more, end, told=True), long.tests)}
        code = TIMED_OUT if TIMED_OUT in codes else max(codes - {NO_TESTS}, default=NO_TESTS)
    if code == TIMED_OUT:
        print(f"scripts/test: long test '{name}' was stopped at its limit of {long.minutes} minutes", file=sys.stderr)
    return code


def _pytest(tests: tuple[str, ...], more: list[str], end: float, told: bool) -> tuple[int, str]:
    """Exit code and output of one run of pytest, which ends at `end` of the monotonic clock. told: its output is kept and shown when it has ended."""
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), *tests, *more]
    output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True} if told else {}
    try:
        left = max(end - time.monotonic(), 0.1)
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, "EXOS_LONG": "1"}, timeout=left, check=False, **output)
    except subprocess.TimeoutExpired as error:
        text = error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        code = TIMED_OUT
    else:
        code, text = done.returncode, done.stdout if told else ""
    if told:
        print(f"{' '.join(tests)}:\n{text}", flush=True)
    return code, text


def main(arguments: list[str]) -> int:
    if not arguments:
        print("\n".join(table()))
        return 0
    if arguments[0] not in LONG:
        print(f"scripts/test: there is no long test '{arguments[0]}'; there are:\n" + "\n".join(table()), file=sys.stderr)
        return USAGE
    return run(arguments[0], arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

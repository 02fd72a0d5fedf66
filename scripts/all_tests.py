"""All tests, in two halves side by side: `./scripts/test` without arguments. Standard library only.

A test run by itself keeps one core busy, so two halves take little more than half the time. The second half is written to the terminal as it
runs, the first one after it; the last line counts both.
"""

import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
# The first half: about half of the time, mostly tests that start few servers. The second half is everything else, so that no test can be forgotten.
FIRST = (
    "tests/archive", "tests/backup", "tests/config", "tests/core", "tests/disk", "tests/gateway", "tests/journal", "tests/protocol", "tests/registry",
    "tests/scripts", "tests/upgrade",
)  # fmt: skip
_CLOSING = re.compile(r"^=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s")
_COUNT = re.compile(r"(\d+) ([a-z]+)")


def halves() -> tuple[list[str], list[str]]:
    """Arguments of pytest for each."""
    return list(FIRST), ["tests", *(f"--ignore={folder}" for folder in FIRST)]


def counted(outputs: list[str]) -> str:
    """What the closing lines of pytest say, added up: "5 failed, 1200 passed"."""
    total: Counter[str] = Counter()
    for output in outputs:
        closing = next((found for line in reversed(output.splitlines()) if (found := _CLOSING.match(line))), None)
        for number, word in _COUNT.findall(closing[1]) if closing else [("1", "unfinished")]:
            total[word.removesuffix("s") if word in ("errors", "warnings") else word] += int(number)
    order = ("failed", "error", "unfinished", "passed", "skipped")
    words = [*(word for word in order if word in total), *sorted(set(total) - set(order))]
    return ", ".join(f"{total[word]} {word}" for word in words)


def _start(arguments: list[str], out: IO[bytes] | int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)


def run(first: list[str], second: list[str]) -> int:
    """Both halves; 0 if both passed, else the exit code of one that did not. Interrupted: both are, and 130 is returned."""
    began = time.monotonic()
    with tempfile.TemporaryFile() as kept:
        processes = [_start(first, kept), _start(second, subprocess.PIPE)]
        shown = bytearray()
        try:
            pipe = processes[1].stdout
            assert pipe is not None
            while data := pipe.read1(65536):  # type: ignore[attr-defined]
                shown += data
                sys.stdout.buffer.write(data)
                sys.stdout.buffer.flush()
            codes = [process.wait() for process in processes]
        except KeyboardInterrupt:
            for process in processes:
                process.send_signal(signal.SIGINT)
            for process in processes:
                process.wait()
            return 130
        kept.seek(0)
        other = kept.read()
    sys.stdout.buffer.write(other)
    sys.stdout.buffer.flush()
    print(f"==== {counted([other.decode(errors='replace'), shown.decode(errors='replace')])} in {time.monotonic() - began:.2f}s ====")
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(run(*halves()))

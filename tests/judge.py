"""Runs flows through core and model, and shrinks a failing one to the shortest that still fails.

From the command line: python -m tests.judge FIRST_SEED SEEDS [LENGTH] prints one line per failing seed and exits with their count.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import monotonic

from tests.core_rig import Difference, Pair
from tests.model_world import Row
from tests.random_world import World, flow

LENGTH = 160


def first_failure(world: World, commands: Sequence[Row]) -> tuple[int, str] | None:
    """Index of the first command after which core and model differ (-1: a definition), and how; None when they agree to the end."""
    pair = Pair(world.limits, world.retention_ns)
    done = -1
    try:
        for row in world.rows:
            pair.apply(row)
        for row in commands:
            done += 1
            pair.apply(row)
    except Difference as error:
        return done, str(error)
    return None


def shrink(world: World, commands: Sequence[Row], seconds: float = 20.0) -> tuple[list[Row], str]:
    """The shortest failing flow found in the time given: cut after the failure, then leave out ever smaller stretches."""
    failure = first_failure(world, commands)
    assert failure is not None, "this flow does not fail"
    kept, message = list(commands[: failure[0] + 1]), failure[1]
    until = monotonic() + seconds
    size = max(1, len(kept) // 2)
    while True:
        at = 0
        while at < len(kept) and monotonic() < until:
            without = kept[:at] + kept[at + size :]
            failure = first_failure(world, without)
            if failure is None:
                at += size
            else:
                kept, message = without[: failure[0] + 1], failure[1]
        if size == 1 or monotonic() >= until:
            return kept, message
        size //= 2


def judge(seed: int, length: int = LENGTH, seconds: float = 20.0) -> str | None:
    """None when core and model agree on the flow of a seed; else the report: seed, difference, shortest failing flow."""
    world, commands = flow(seed, length)
    failure = first_failure(world, commands)
    if failure is None:
        return None
    kept, message = shrink(world, commands, seconds)
    lines = [f"seed {seed}: fails at command {failure[0]} of {length}; {len(kept)} commands suffice", message, "commands:"]
    return "\n".join(lines + [f"  {dict(row)}" for row in kept])


def main() -> int:
    first, count = int(sys.argv[1]), int(sys.argv[2])
    length = int(sys.argv[3]) if len(sys.argv) > 3 else LENGTH
    bad = 0
    for seed in range(first, first + count):
        report = judge(seed, length, 10.0)
        if report is not None:
            bad += 1
            print(report, flush=True)
    print(f"{count} seeds, {bad} fail")
    return min(bad, 100)


if __name__ == "__main__":
    sys.exit(main())

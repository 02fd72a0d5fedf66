"""`./scripts/bench [ROW...] [--json FILE]`: the table of figures, targets and ratios. Without rows: the whole table, in
about half an hour; `--scale 0.1` for a short look.
`./scripts/bench --against REV [ROW...] [--rounds N]`: the same rows of this tree and of another commit in turn, and their ratios
(against.py).

A ratio of 1 or more meets the target. A row that could not be measured properly (late sends, no real disk) is marked void with the reason;
a row whose answer was wrong ends with exit code 1. Timings on a shared machine are rough: the load during the run is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .against import AgainstRefused, compare
from .rig import AnswerWrong, Result

SCALES = "fraction of the full counts: 0.02 is a smoke test, its figures mean nothing"


def _dicts(found: list[dict[str, Any]], row: str) -> list[Result]:
    """Rows of the wires' and the journal's own files: dicts of name, figure, unit, aim, note. Figures are times if the unit is one."""
    more = {"us": False, "ns": False, "ms": False}
    return [
        Result(
            row,
            d["name"],
            float(d["figure"]),
            d["unit"],
            float(d["aim"] or 0),
            more.get(str(d["unit"]).split()[0].split("/")[0], True),
            d["note"],
        )
        for d in found
    ]


def _book(scale: float) -> list[Result]:
    from . import book_rows

    return book_rows.rows(scale)


def _core(scale: float) -> list[Result]:
    from . import core_rows

    return core_rows.core(scale)


def _alone(scale: float) -> list[Result]:
    from . import core_rows

    return core_rows.alone(scale)


def _replay(scale: float) -> list[Result]:
    from . import core_rows

    folder = Path(tempfile.mkdtemp(prefix="exos-bench-", dir=Path.cwd()))
    try:
        return core_rows.replay(scale, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _memory(scale: float) -> list[Result]:
    from . import memory_rows

    return memory_rows.rows(scale)


def _scale(scale: float) -> list[Result]:
    from . import scale_rows

    return scale_rows.rows(scale)


def _settle(scale: float) -> list[Result]:
    from . import settle_rows

    return settle_rows.rows(scale)


def _watch(scale: float) -> list[Result]:
    from . import watch_rows

    return watch_rows.rows(scale)


def _web(scale: float) -> list[Result]:
    from . import web_rows

    return web_rows.rows(scale)


def _webhooks(scale: float) -> list[Result]:
    from . import webhook_rows

    return webhook_rows.rows(scale)


def _wire(name: str) -> Callable[[float], list[Result]]:
    def run(scale: float) -> list[Result]:
        from . import wire_rows

        return list(getattr(wire_rows, name)(scale))

    return run


def _folder(name: str) -> Callable[[float], list[Result]]:
    def run(scale: float) -> list[Result]:
        from . import folder_rows

        return list(getattr(folder_rows, name)(scale))

    return run


def _codecs(scale: float) -> list[Result]:
    from . import binary_rows, fix_rows

    return [*_dicts(binary_rows.rows(), "codecs"), *_dicts(fix_rows.rows(), "codecs")]


def _journal(scale: float) -> list[Result]:
    from . import journal_rows

    return _dicts(journal_rows.rows(), "journal")


def _compile(scale: float) -> list[Result]:
    """Seconds to compile (or load) each kernel in a new process with the cache as it is."""
    import exchange_server.app  # noqa: F401  (imports every kernel)
    from exchange_server.core.kit import jit

    return [
        Result("compile", f"kernel {name}", s, "s", 0, False, "from the cache" if cached else "compiled")
        for name, s, cached in jit.COMPILED
    ]


ROWS: dict[str, Callable[[float], list[Result]]] = {
    "compile": _compile,
    "book": _book,
    "core": _core,
    "alone": _alone,
    "replay": _replay,
    "memory": _memory,
    "scale": _scale,
    "settle": _settle,
    "recovery": _folder("recovery"),
    "snapshot": _folder("snapshot"),
    "grow": _folder("grow"),
    "codecs": _codecs,
    "journal": _journal,
    "binary8": _wire("binary8"),
    "binary64": _wire("binary64"),
    "fix8": _wire("fix8"),
    "wide": _wire("wide"),
    "ids": _wire("ids"),
    "long": _wire("long"),
    "shallow": _wire("shallow"),
    "latency": _wire("latency"),
    "trip": _wire("trips"),
    "loaded": _wire("loaded"),
    "fanout": _wire("fanout"),
    "fair": _wire("fair"),
    "tenants": _wire("tenants"),
    "watch": _watch,
    "web": _web,
    "webhooks": _webhooks,
}
COMPARED = [
    name
    for name in ROWS
    if name not in ("compile", "memory", "scale", "settle", "long", "recovery", "snapshot", "grow", "watch", "web", "webhooks")
]  # rows that --against runs if none is named


def machine() -> str:
    """One line: processor, cores, kernel, Python, load."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for text in file:
            if text.startswith(("model name", "Model")):
                model = text.partition(":")[2].strip()
                break
    load = os.getloadavg()
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}, load {load[0]:.1f} {load[1]:.1f}"


def show(result: Result) -> str:
    figure = f"{result.figure:,.0f}" if result.figure >= 1000 else f"{result.figure:,.3g}"
    aim = f"{result.aim:,.0f}" if result.aim >= 1000 else f"{result.aim:,.3g}" if result.aim else "-"
    ratio = f"{result.ratio:.2f}" if result.ratio else "-"
    text = f"{result.name:<72} {figure:>12} {result.unit:<11} aim {aim:>10}  ratio {ratio:>5}"
    if result.void:
        text += f"\n    VOID: {result.void}"
    return f"{text}\n    {result.note}" if result.note else text


def _against(args: argparse.Namespace) -> int:
    """The comparison with another commit; an exit code."""
    sys.stdout.write(f"{machine()}\n")
    try:
        lines = compare(args.against, args.row or COMPARED, args.rounds, args.scale, _say)
    except (AgainstRefused, OSError) as error:
        sys.stdout.write(f"FAILED: {error}\n")
        return 1
    if args.json:
        rows = [{**asdict(line), "ratios": line.ratios} for line in lines]
        args.json.write_text(json.dumps({"machine": machine(), "against": args.against, "rows": rows}, indent=1) + "\n")
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", nargs="*", metavar="ROW", help=f"of: {', '.join(ROWS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every result there as well")
    parser.add_argument("--scale", type=float, default=1.0, help=SCALES)
    parser.add_argument("--against", metavar="REV", help="a commit: run its rows and this tree's in turn and print the ratios")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="with --against: how often each row runs on either side")
    args = parser.parse_args(arguments)
    unknown = [name for name in args.row if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]!r}; rows: {', '.join(ROWS)}")
    if not 0 < args.scale <= 1:
        parser.error(f"--scale {args.scale}: must be above 0 and at most 1")
    if args.rounds < 1:
        parser.error(f"--rounds {args.rounds}: must be at least 1")
    if args.against:
        return _against(args)
    began = time.monotonic()
    code = 0
    done: list[Result] = []
    sys.stdout.write(f"{machine()}\n")
    for name in args.row or list(ROWS):
        start = time.monotonic()
        try:
            found = ROWS[name](args.scale)
        except (AnswerWrong, ValueError, RuntimeError) as error:
            code = 1
            sys.stdout.write(f"{name}: FAILED: {error}\n")
            continue
        done += found
        sys.stdout.write("".join(show(result) + "\n" for result in found))
        sys.stdout.write(f"  ({name}: {time.monotonic() - start:.0f} s, load {os.getloadavg()[0]:.1f})\n")
        sys.stdout.flush()
    sys.stdout.write(f"{len(done)} lines in {time.monotonic() - began:.0f} s\n")
    if args.json:
        rows = [{**asdict(result), "ratio": round(result.ratio, 3)} for result in done]
        args.json.write_text(json.dumps({"machine": machine(), "scale": args.scale, "rows": rows}, indent=1) + "\n")
    return code


if __name__ == "__main__":
    raise SystemExit(main())

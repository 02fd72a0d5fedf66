"""./scripts/run: the World Cup 2026 on one exchange, checked; or with --serve the sandbox's exchange, kept open.

1. Set-up: every kernel is compiled or loaded from the cache, one line each.
2. The tournament (exchange_server/demo/): a server on a fresh data folder, on which 686 contracts are listed; market makers on binary sessions,
   takers on FIX sessions, a seeded flow. 104 matches are played in half a minute; all of it takes about a minute. In the middle the server is killed with -9 and started again;
   clients come back and reconcile by themselves. All markets settle by the real results, and every client's own books are compared with the
   server's.
The exit code is 0 only if nothing was lost or duplicated and all sums are right; otherwise 1, with a list of the errors.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from exchange_server.demo.street import Failed  # noqa: E402
from exchange_server.exits import Exit  # noqa: E402
from protocol import numbers  # noqa: E402

SECONDS = 30.0
RATE = 2500.0
SECONDS_MIN, SECONDS_MAX = 4, 60
BOTS_MAX = 32


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="./scripts/run", description="Trade the World Cup on a fresh exchange and check it; --serve: keep it open."
    )
    top.add_argument("--seconds", type=_seconds, default=None, metavar="S", help=f"trading time in seconds (default {SECONDS:g}; 4 to 60)")
    top.add_argument("--seed", type=_seed, default=None, metavar="N", help="of prices and orders (default: from the clock; it is printed)")
    top.add_argument("--rate", type=_rate, default=None, metavar="N", help=f"requests per second, both wires together (default {RATE:g})")
    top.add_argument(
        "--serve",
        action="store_true",
        help="keep the exchange open: FIX on port 9880, binary sessions on 9890, the page on 9800; Ctrl-C stops it",
    )
    top.add_argument("--data", type=Path, default=None, metavar="DIR", help="with --serve: data folder (default: a fresh one)")
    top.add_argument("--bots", type=_bots, default=None, metavar="N", help="with --serve: N market makers (default 0)")
    top.add_argument(
        "--port",
        type=_port,
        default=None,
        metavar="N",
        help="with --serve: FIX on N, binary sessions on N + 10, the page on N - 80 (default 9880)",
    )
    return top


def _number(text: str, what: str, low: int, high: int, decimals: int = 0) -> int:
    """The number in units of its last decimal place."""
    try:
        value = numbers.scaled(text, decimals, what)
    except numbers.NotANumber as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not low * 10**decimals <= value <= high * 10**decimals:
        raise argparse.ArgumentTypeError(f"{text}: {what} must be {low} to {high}")
    return value


def _seconds(text: str) -> float:
    return _number(text, "number of seconds", SECONDS_MIN, SECONDS_MAX, 3) / 1000


def _rate(text: str) -> float:
    return _number(text, "rate", 10, 20_000, 3) / 1000


def _seed(text: str) -> int:
    return _number(text, "seed", 0, 2**31 - 1)


def _bots(text: str) -> int:
    return _number(text, "number of bots", 0, BOTS_MAX)


def _port(text: str) -> int:
    return _number(text, "port", 1, 65_525)


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The options, checked; if they do not fit together, argparse exits with 2 and one sentence."""
    top = parser()
    args = top.parse_args(given)
    wrong = ("seconds", "seed", "rate") if args.serve else ("data", "bots", "port")
    for name in wrong:
        if getattr(args, name) is not None and not (name == "seed" and args.serve):
            top.error(f"--{name} {'cannot be used with' if args.serve else 'needs'} --serve")
    if args.data is not None and args.data.exists() and not args.data.is_dir():
        top.error(f"--data {args.data}: is not a folder")
    if args.seed is None:
        args.seed = time.time_ns() // 10**9 % 1_000_000
    return args


def compile_kernels() -> None:
    """Import every kernel in the foreground, printing one line for each."""
    from exchange_server.core.kit import jit

    print("1. Set-up: kernels", flush=True)
    began = time.perf_counter()

    def done(name: str, seconds: float, cached: bool) -> None:
        print(f"   {name:32}{seconds:8.2f} s{'  from cache' if cached else ''}", flush=True)

    jit.on_compiled = done
    from exchange_server import app  # noqa: F401  (its import is what compiles)

    jit.on_compiled = None
    fresh = sum(not cached for _, _, cached in jit.COMPILED)
    print(f"   {len(jit.COMPILED)} kernels, {fresh} of them compiled, {time.perf_counter() - began:.1f} s", flush=True)


def main(given: list[str] | None = None) -> int:
    args = arguments(given)
    try:
        compile_kernels()
        if args.serve:
            from scripts.sandbox import serve

            return serve(args.data, args.bots or 0, args.port or 9880, args.seed)
        from exchange_server.demo import facts, timetable
        from exchange_server.demo.screen import Screen
        from exchange_server.demo.street import fresh_folder
        from exchange_server.demo.tournament import Setting, play

        speed = timetable.speed_for(facts.read(), args.seconds or SECONDS)
        print("2. The tournament", flush=True)
        return play(Setting(speed, args.seed, args.rate or RATE), fresh_folder(), Screen()).code
    except Failed as error:
        print(f"exos: {error}", file=sys.stderr)
        return Exit.FAILED
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

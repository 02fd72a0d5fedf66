"""`exos demo`: whole exchanges that play themselves and check themselves."""

import io
import sys
import time
from pathlib import Path

import click

from ..exits import Exit
from .command import Noun
from .common import CommandError, Number
from .output import JSON, Result, say
from .progress import loading_kernels

SHORT_S, SHORT_RATE = 30.0, 2_500  # without --tournament
SPEED, RATE = 30_000, 1_000  # with it
SPEED_MAX = 200_000  # the tournament in a quarter of a minute

demo = Noun("demo", "a whole exchange that plays itself, and checks itself")


@demo.verb(
    "worldcup",
    "play the World Cup 2026 on a server of its own, and check every payout",
    details="Starts a server in a folder of its own, lists 686 contracts on it, and plays all 104 matches in compressed time: markets open, go live, close, "
    "are determined from the results and become final, while bots trade on both wires. In the middle the server is killed with -9 and started again. At "
    "the end every client's books are compared with the server's, and every payout with the facts. The exit code is 0 only if all of it is right. "
    "The folder is removed then, unless --data names it.",
    examples=("exos demo worldcup", "exos demo worldcup --tournament", "exos demo worldcup --tournament --speed 60000 --data cup --json"),
    slow=True,
)
@click.option("--tournament", is_flag=True, help="At a speed that can be followed, two to three minutes; without it about a minute.")
@click.option(
    "--speed",
    type=Number("speed", 1_000, SPEED_MAX),
    metavar="N",
    help=f"With --tournament: how many times as fast as it was (default: {SPEED}; a day of the tournament takes 86400 / N seconds).",
)
@click.option(
    "--rate",
    type=Number("rate", 10, 20_000),
    metavar="N",
    help=f"Requests per second of all bots (default: {RATE}, short {SHORT_RATE}).",
)
@click.option(
    "--seed", type=Number("seed", 0, 2**31 - 1), metavar="N", help="Of prices and orders (default: from the clock; it is printed)."
)
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR", help="Keep the folder: a new or an empty one.")
@click.option("--no-kill", is_flag=True, help="Do not kill the server in the middle.")
@click.pass_context
def worldcup(
    context: click.Context, tournament: bool, speed: int | None, rate: int | None, seed: int | None, data: Path | None, no_kill: bool
) -> Result:
    if speed is not None and not tournament:
        raise click.UsageError("--speed needs --tournament")
    with loading_kernels():
        from .. import app  # noqa: F401  (its import compiles or loads the kernels, so that the server starts in seconds)
    from ..demo import facts, street, timetable
    from ..demo.screen import Screen
    from ..demo.tournament import Setting, play

    try:
        folder = street.fresh_folder() if data is None else street.own_folder(data)
    except street.Failed as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    setting = Setting(
        speed=(speed or SPEED) if tournament else timetable.speed_for(facts.read(), SHORT_S),
        seed=time.time_ns() // 10**9 % 1_000_000 if seed is None else seed,
        rate=rate or (RATE if tournament else SHORT_RATE),
        kill=not no_kill,
        scheduled=tournament,
    )
    out = io.StringIO() if context.meta.get(JSON) else sys.stdout
    ended = play(setting, folder, Screen(out), keep=data is not None)
    if isinstance(out, io.StringIO):
        for line in out.getvalue().splitlines():
            say(line)
    return Result(ended.result, Exit(ended.code))

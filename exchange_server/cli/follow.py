"""`exos follow`: a second process that replays the journal after the server, compares the two, and makes snapshots."""

from pathlib import Path

import click

from ..exits import Exit
from .command import verb
from .common import Number, OneOf
from .connect import data_option
from .output import Result
from .progress import loading_kernels


@verb(
    "follow",
    "replay the journal after the server, compare the two, make snapshots while it runs",
    details="The server starts one itself unless its setting follower is off (docs/operations.md). It may be killed at any moment; the server never waits "
    "for it.",
    examples=("exos follow --data /srv/exos",),
    as_json=False,
    slow=True,
)
@data_option
@click.option("--parent", type=Number("process id"), default=0, metavar="PID", hidden=True)
@click.option(
    "--keep-free",
    type=Number("number of bytes", 0, 10**15 - 1),
    default=0,
    metavar="BYTES",
    help="Room on the disk that a snapshot leaves (default: 2 GiB).",
)
@click.option(
    "--core", type=Number("core", 0, 4095), default=None, metavar="N", help="Run on this core (default: where the system puts it)."
)
@click.option("--log-level", type=OneOf(["debug", "info", "warning", "error"]), default="info", help="JSON lines on standard error.")
def follow(data: Path, parent: int, keep_free: int, core: int | None, log_level: str) -> Result:
    with loading_kernels():
        from ..follow import process

    return Result(exit=Exit(process.run(data, parent, keep_free or process.KEEP_FREE, log_level, core)))

"""`exos promote DIR`: make a followed copy of a data folder the server, after the old one was fenced."""

from pathlib import Path

import click

from .backup import named
from .command import verb
from .common import FILE
from .output import Result, say
from .progress import loading_kernels


@verb(
    "promote",
    "make a followed copy of a data folder the server, after the old one is gone",
    details="DIR is the copy, or the folder itself on shared storage. Refused while the old server lives. Afterwards the old folder does not start any more "
    "where it can be seen, and what an old process still writes is not taken.",
    examples=("exos promote /srv/exos-standby", "exos promote /srv/exos-standby --old /mnt/old/exos"),
    slow=True,
)
@click.argument("data", type=FILE, metavar="DIR")
@click.option("--old", type=FILE, metavar="DIR", help="Where the old server's folder can be seen from here.")
@click.option("--accept-loss", is_flag=True, help="Go on although the old folder can be seen and holds rows that were not copied.")
def promote(data: Path, old: Path | None, accept_loss: bool) -> Result:
    with named():
        with loading_kernels():
            from ..backup import promote as module
        done = module.promote(data, old=old, accept_loss=accept_loss)
    say(
        f"promoted: {data} is the server {done.folder_id}, with {done.rows} rows and epoch {done.epoch}. Start it: exos serve --data {data}"
    )
    if done.cut_bytes:
        say(f"{done.cut_bytes} bytes of a torn end were cut; a copy is in {data / 'journal' / 'cut'}")
    if done.fenced:
        say(f"the old folder {done.fenced} does not start any more")
    for note in done.notes:
        say(f"note: {note}")
    return Result(
        {
            "folder_id": done.folder_id,
            "rows": done.rows,
            "epoch": done.epoch,
            "cut_bytes": done.cut_bytes,
            "fenced": done.fenced,
            "notes": done.notes,
        }
    )

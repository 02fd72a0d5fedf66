"""`exos serve`: check the configuration, then run the server until it is stopped."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..exits import Exit
from ..journal import ahead
from .command import verb
from .common import FILE, PORT, SHIPPED_HELP, CommandError, Number, OneOf
from .connect import data_option
from .output import Result
from .progress import loading_kernels, progress

if TYPE_CHECKING:
    from config.load import Config
    from config.serve_options import ServeOptions

BYTES = Number("number of bytes", 0, 10**15 - 1)


class Core(click.ParamType):
    """auto, none, or the number of a core."""

    name = "core"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value if value in ("auto", "none") else str(Number("core (or auto, none)", 0, 4095).convert(value, param, ctx))


@verb(
    "serve",
    "start the server; Ctrl-C stops it cleanly",
    details="Without --config the server uses the definitions and settings stored in the folder; a new folder needs --config. What a configuration "
    "adds or changes is applied completely or not at all; what it does not name stays as it is. Options override the file, for this start only.",
    examples=("exos serve --data /srv/exos --config sandbox", "exos serve --data /srv/exos --binary-port 9890 --mode async"),
    as_json=False,
    slow=True,
)
@data_option
@click.option(
    "--config",
    metavar="FILE",
    help=f"A TOML file, or {SHIPPED_HELP}: creates a new folder, or adds to and changes an existing one (default: use "
    "the folder as it is).",
)
@click.option("--host", metavar="H", help="Address to listen on (default: the configuration's).")
@click.option("--expose-sandbox", is_flag=True, help="Allow a sandbox, whose passwords are published, to listen beyond this machine.")
@click.option(
    "--expose-plain", is_flag=True, help="Allow ports without TLS to listen beyond this machine: what passes can be read and changed."
)
@click.option("--fix-port", type=PORT, metavar="N", help="FIX order entry; 0: any free port.")
@click.option("--binary-port", type=PORT, metavar="N", help="Binary sessions; 0: any free port.")
@click.option("--admin-port", type=PORT, metavar="N", help="Remote administration, under TLS only; 0: off.")
@click.option(
    "--mode",
    type=OneOf(["sync", "async"]),
    help="sync: an answer is sent when the input that caused it is on the disk; async: when it is written.",
)
@click.option(
    "--follower", type=OneOf(["on", "off"]), help="on: a second process compares itself with the server and makes snapshots while it runs."
)
@click.option(
    "--follower-core",
    type=Core(),
    metavar="N",
    help="The follower's core: auto (apart from the server's loop), none (the system decides), or a number.",
)
@click.option("--spin", is_flag=True, help="Keep one core busy instead of sleeping: lowest latency.")
@click.option("--ready-file", type=FILE, metavar="FILE", help="Write the line that says ready there as well.")
@click.option("--segment-bytes", type=BYTES, default=0, metavar="N", help="Size of a journal segment (default: 256 MiB).")
@click.option("--disk-reserve-bytes", type=BYTES, default=0, metavar="N", help="Free space below which new orders are refused.")
@click.option("--as-new", is_flag=True, help="The folder is a copy: make it a server of its own, with a new id and a raised epoch.")
@click.option(
    "--replace",
    is_flag=True,
    help="The folder is a copy, and the old server is gone for good: take over its identity, with a raised epoch.",
)
@click.option("--log-level", type=OneOf(["debug", "info", "warning", "error"]), default="info", help="JSON lines on standard error.")
def serve(**given: Any) -> Result:
    ready = checked(**given)
    ahead.begin(ready.data / "snapshots")  # while the kernels are loaded
    with loading_kernels():
        from .. import app  # compiles or loads the kernels: only after all checks that do not need them

    return Result(exit=Exit(app.serve(ready, lambda: progress("starting the server", "rows"))))


def options(arguments: Sequence[str]) -> "ServeOptions":
    """What `exos serve` makes of these arguments; click.UsageError or CommandError if they are invalid."""
    with serve.make_context("serve", list(arguments)) as context:
        return checked(**context.params)


def checked(
    *,
    data: Path,
    config: str | None,
    host: str | None,
    fix_port: int | None,
    binary_port: int | None,
    admin_port: int | None,
    mode: str | None,
    follower: str | None,
    follower_core: str | None,
    as_new: bool,
    replace: bool,
    **rest: Any,
) -> "ServeOptions":
    """The options, checked as far as possible before the folder is opened; CommandError if they are invalid."""
    from config import load
    from config.serve_options import ServeOptions

    from .. import start
    from .config_cmd import read

    if data.exists() and not data.is_dir():
        raise CommandError(Exit.USAGE, f"--data {data}: is not a folder")
    new = not start.has_journal(data)
    if config is None and new:
        raise CommandError(Exit.CONFIG, start.new_folder(data))
    if as_new and replace:
        raise CommandError(Exit.USAGE, "--as-new and --replace: a folder is either a new server or takes the old one's place")
    if new and (as_new or replace):
        raise CommandError(
            Exit.USAGE, f"--{'as-new' if as_new else 'replace'}: {data} has no journal; a new folder gets an identity of its own anyway"
        )
    rest["identity"] = "as-new" if as_new else "replace" if replace else ""
    asked = {
        "host": host,
        "fix_port": fix_port,
        "binary_port": binary_port,
        "admin_port": admin_port,
        "mode": mode,
        "follower": follower,
        "follower_core": follower_core,
    }
    rest |= {"data": data, "given": {key: value for key, value in asked.items() if value is not None}}
    if config is None:
        return ServeOptions(settings=load.Settings(), configured=False, **rest)
    content = read(config) if new else _outline(config)
    effective = content.settings._replace(**rest["given"])
    if new and effective.fix_port == effective.binary_port and effective.fix_port:  # else what the file does not set is in the folder
        raise CommandError(Exit.CONFIG, f"FIX and binary sessions cannot share port {effective.fix_port}")
    name = Path(content.files[-1]).name
    return ServeOptions(
        settings=content.settings,
        named=content.named,
        items=content.items,
        config_name=name,
        sandbox=content.sandbox,
        source="" if new else config,
        **rest,
    )


def _outline(file: str) -> "Config":
    """Settings and marks of a configuration. Its items may refer to definitions in the folder, so they are read after the folder has been opened."""
    from config import load

    try:
        return load.load(file, items=False)
    except load.ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error

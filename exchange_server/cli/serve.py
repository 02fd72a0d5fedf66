"""`exos serve`: check the configuration, then become the server until it is stopped."""

import argparse
from pathlib import Path
from typing import Any

from config import load
from config.serve_options import ServeOptions

from .. import start
from ..exits import Exit
from .common import CommandError, add_data, number, port
from .config_cmd import read


def add(commands: Any) -> None:
    parser = commands.add_parser("serve", help="start the server; Ctrl-C stops it cleanly")
    add_data(parser)
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a TOML file, or the name of a shipped one: creates a new folder, or adds to and changes an existing one (default: use the folder as it is)",
    )
    parser.add_argument("--host", help="address to listen on (default: the configuration's)")
    parser.add_argument(
        "--expose-sandbox", action="store_true", help="allow a sandbox, whose passwords are published, to listen beyond this machine"
    )
    parser.add_argument("--fix-port", type=port, metavar="N", help="FIX order entry; 0: any free port")
    parser.add_argument("--binary-port", type=port, metavar="N", help="binary sessions; 0: any free port")
    parser.add_argument(
        "--mode",
        choices=["sync", "async"],
        help="sync: an answer is sent when the input that caused it is on the disk; async: when it is written",
    )
    parser.add_argument("--spin", action="store_true", help="keep one core busy instead of sleeping: lowest latency")
    parser.add_argument("--ready-file", type=Path, metavar="FILE", help="write the line that says ready there as well")
    parser.add_argument(
        "--segment-bytes",
        type=number("number of bytes", 0, 10**15 - 1),
        default=0,
        metavar="N",
        help="size of a journal segment (default: 256 MiB)",
    )
    parser.add_argument(
        "--disk-reserve-bytes",
        type=number("number of bytes", 0, 10**15 - 1),
        default=0,
        metavar="N",
        help="free space below which new orders are refused",
    )
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="info", help="JSON lines on standard error")
    parser.set_defaults(run=run)


def options(args: argparse.Namespace) -> ServeOptions:
    """The options, checked as far as possible before the folder is opened; CommandError if they are invalid."""
    if args.data.exists() and not args.data.is_dir():
        raise CommandError(Exit.USAGE, f"--data {args.data}: is not a folder")
    new = not start.has_journal(args.data)
    if args.config is None and new:
        raise CommandError(Exit.CONFIG, start.new_folder(args.data))
    given = {"host": args.host, "fix_port": args.fix_port, "binary_port": args.binary_port, "mode": args.mode}
    rest: dict[str, Any] = {
        "data": args.data,
        "given": {key: value for key, value in given.items() if value is not None},
        "expose_sandbox": args.expose_sandbox,
        "spin": args.spin,
        "ready_file": args.ready_file,
        "segment_bytes": args.segment_bytes,
        "disk_reserve_bytes": args.disk_reserve_bytes,
        "log_level": args.log_level,
    }
    if args.config is None:
        return ServeOptions(settings=load.Settings(), configured=False, **rest)
    config = read(args.config) if new else _outline(args.config)
    effective = config.settings._replace(**rest["given"])
    if new and effective.fix_port == effective.binary_port and effective.fix_port:  # else what the file does not set is in the folder
        raise CommandError(Exit.CONFIG, f"FIX and binary sessions cannot share port {effective.fix_port}")
    name = Path(config.files[-1]).name
    return ServeOptions(
        settings=config.settings,
        named=config.named,
        items=config.items,
        config_name=name,
        sandbox=config.sandbox,
        source="" if new else args.config,
        **rest,
    )


def _outline(file: str) -> load.Config:
    """Settings and marks of a configuration. Its items may refer to definitions in the folder, so they are read when the folder is open."""
    try:
        return load.load(file, items=False)
    except load.ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error


def run(args: argparse.Namespace) -> int:
    ready = options(args)
    from .. import app  # compiles or loads the kernels: only after all checks that do not need them

    return app.serve(ready)

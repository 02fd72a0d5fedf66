"""The command line: one file per command, exit codes as in docs/cli.md, errors as one line on stderr."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .. import distribution
from ..exits import Exit
from .admin_client import Unreachable
from .common import CommandError, warn

COMMANDS = ("serve", "config_cmd", "market", "trade", "status", "admin_cmd", "clock", "doctor", "journal")


def parser() -> argparse.ArgumentParser:
    """The whole command line; docs/cli.md is checked against it."""
    top = argparse.ArgumentParser(prog="exos", description="An exchange: run it, operate it, trade on it.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in COMMANDS:
        import_module(f".{name}", __package__).add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is an exits.Exit. Usage errors exit as argparse does, with 2."""
    try:
        distribution.check()
    except distribution.ForeignPackage as error:
        warn(f"exos: {error}")
        return Exit.SETUP
    args = parser().parse_args(arguments)
    os.umask(0o077)  # files that exos writes are accessible to its user only
    try:
        code: int = args.run(args)
        return code
    except CommandError as error:
        warn(f"exos: {error.sentence}")
        return error.exit_code
    except Unreachable as error:
        warn(f"exos: {error}")
        return Exit.UNREACHABLE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has closed the pipe (`exos ... | head`): Python must not try to write at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


if __name__ == "__main__":
    sys.exit(main())

"""The command line: one file per noun, exit codes as in docs/cli.md, errors as one line on stderr."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from .. import distribution
from ..exits import INTERRUPTED, Exit
from . import output
from .command import Noun, usage_error, usage_lines
from .common import CommandError
from .output import JSON, warn

# Section of the help: command: (the file and name that has it, what it does). A file is imported when one of its commands is used.
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Run a server": {
        "init": ("init_cmd:init", "make a folder with a commented configuration, credentials and two example markets"),
        "serve": ("serve:serve", "start the server; Ctrl-C stops it cleanly"),
        "web": ("web:web", "serve HTTP beside a running server: markets, books, orders and accounts for front ends"),
        "webhooks": ("webhooks:webhooks", "endpoints that are told of fills, results and money, and the process that serves them"),
        "mcp": ("mcp:mcp", "tools for agents (Model Context Protocol), over the HTTP API with a key of their own; read-only unless told"),
        "stop": ("status:stop", "stop the server cleanly, with a snapshot; a second time: without waiting for the peers"),
        "status": ("status:status", "what the running server says of itself"),
        "reload-tls": ("status:reload_tls", "have the server read its certificate's files again, for new connections"),
        "check": ("status:check", "make the server prove its ledger, books and collateral; walks the whole state"),
        "clock": ("clock:clock", "show the server's clock, or confirm that the machine's time of day is right although it jumped"),
        "doctor": ("doctor:doctor", "check this machine: ports, disk, space, memory, cores, clock"),
        "promote": ("promote:promote", "make a followed copy of a data folder the server, after the old one is gone"),
        "backup": ("backup:backup", "back up a data folder while its server runs; list, verify and restore backups"),
        "top": ("top:top", "a running server at a glance: rates, times, sessions, disk, follower"),
        "metrics": ("metrics:metrics", "a process of its own that gives the server's counters to Prometheus: /metrics, /healthz, /readyz"),
        "follow": ("follow:follow", "replay the journal after the server, compare the two, make snapshots while it runs"),
        "upgrade": ("upgrade:upgrade", "carry a data folder over to this program's version of the rules, and back"),
        "journal": ("journal:journal", "check, replay, archive or repair the journal of a data folder"),
    },
    "Configure and operate": {
        "config": ("config_cmd:config", "check, plan and apply configuration files; the revisions of what runs"),
        "asset": ("asset:asset", "list, show, define and change assets"),
        "venue": ("venue_import:venue", "list, show, define and change venues; export and import them"),
        "market": ("market:market", "list, show, define and change markets; change their phase, settle them"),
        "template": ("template:template", "list and show the templates that markets are made from"),
        "series": ("series:series", "list, show, define and close series of markets; a recurring one lists its market by itself"),
        "schedule": ("schedule:schedule", "acts at a time to come: list, show, add and cancel them"),
        "listing": ("listing:listing", "list, show, define and change the venues' offers of shared markets"),
        "firm": ("firm:firm", "list, show, define, change and close firms"),
        "account": ("account_money:account", "list, show, define and close accounts; their money and its statement"),
        "session": ("session:session", "list, show, define, change and close sessions, which log on with keys"),
        "risk": ("risk:risk", "see and set what is switched off: kill switches, restrictions, throttles"),
        "budget": ("budget:budget", "what a session may lose, where and how much at once it may trade; enforced by the exchange"),
        "principal": ("principal:principal", "list, show, define, change and close principals, who administer with roles and keys"),
        "role": ("role:role", "list, grant and revoke roles"),
        "pending": ("pending:pending", "acts that wait for a second person"),
        "approve": ("pending:approve", "carry out an act that waits, as its second person"),
        "refuse": ("pending:refuse", "end an act that waits; its proposer may do so too"),
        "key": ("key:key", "keys of sessions and principals: create, list, rotate, revoke"),
        "admin": ("admin_cmd:admin", "send one operator's record as JSON; for machines"),
    },
    "Trade": {
        "trade": ("trade:trade", "trade through a binary session: send an order, cancel, watch the market, see one's own state"),
    },
    "See it work": {
        "demo": ("demo:demo", "a whole exchange that plays itself, and checks itself"),
    },
    "This program": {
        "completion": ("completion:completion", "print the script that completes commands in bash, zsh or fish"),
    },
}
PLACES = {name: place for section in COMMANDS.values() for name, place in section.items()}


class Root(Noun):
    """`exos` itself; it knows its commands' names without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click.Group)
        return list(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click.Group)
        if cmd_name not in PLACES:
            return None
        module, _, name = PLACES[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(f".{module}", __package__), name)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click.Group)
        width = max(map(len, PLACES))
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, (_, summary) in section.items()])


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version(distribution.NAME)
        except PackageNotFoundError:
            number = "(not installed)"
        output.say(f"{distribution.NAME} {number}")
        ctx.exit()


root = Root(
    "exos",
    "an exchange: run it, operate it, trade on it",
    epilog="exos COMMAND --help says more, with examples. Exit codes and the shape of --json: docs/cli.md.",
    params=[click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")],
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is an exits.Exit, 2 for a wrong command line."""
    try:
        distribution.check()
    except distribution.ForeignPackage as error:
        warn(f"exos: {error}")
        return Exit.SETUP
    if "_EXOS_COMPLETE" in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(root, {}, "exos", "_EXOS_COMPLETE", os.environ["_EXOS_COMPLETE"])
    given = list(sys.argv[1:] if arguments is None else arguments)
    meta: dict[str, Any] = {}
    os.umask(0o077)  # files that exos writes are accessible to its user only
    try:
        with root.make_context("exos", list(given)) as context:
            meta = context.meta
            code: int = root.invoke(context)
            return code
    except click.exceptions.Exit as done:  # --help, --version
        return done.exit_code
    except click.UsageError as error:
        for line in usage_lines(error):
            warn(line)
        if "--json" in given:
            output.document(False, Exit.USAGE, 0, usage_error(error), {})
        return Exit.USAGE
    except CommandError as error:
        if meta.get(JSON):
            output.document(False, error.exit_code, error.code, error.sentence, error.result or {}, error.refusal)
        warn(f"exos: {error.sentence}")
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe (`exos ... | head`): Python must not try to write at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


if __name__ == "__main__":
    sys.exit(main())

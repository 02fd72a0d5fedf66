"""The server that a command talks to: its options, and the one way to reach it."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from ..exits import Exit
from .common import CommandError
from .remote import REMOTE_OPTIONS, Remote, remote_of

if TYPE_CHECKING:
    from .admin_client import AdminClient, Answer


def refused(answer: "Answer", sentence: str = "") -> CommandError:
    """The error for an answer that is no."""
    return CommandError(Exit.FAILED, sentence or answer.text, code=answer.code, refusal=answer.refusal)


COMPLETION_S = 0.5


class Server(NamedTuple):
    """The server that a command talks to. All ways to reach one end here."""

    data: Path
    remote: Remote | None = None  # None: the one on this machine, by its data folder

    def connect(self, timeout_s: float = 30.0) -> "AdminClient":
        """An admin client, to be used in `with`. Raises Unreachable, CommandError for a logon that cannot be made."""
        from .admin_client import AdminClient, RemoteClient  # here, so that help and wrong command lines do not pay for it

        return AdminClient(self.data, timeout_s) if self.remote is None else RemoteClient(self.remote, timeout_s)


def data_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --data, the argument `data`."""
    return click.option(
        "--data", metavar="DIR", type=click.Path(path_type=Path), envvar="EXOS_DATA", default=Path("exos-data"),
        help="The data folder (EXOS_DATA, else ./exos-data).",
    )(command)  # fmt: skip


def server_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say which server is meant, and gives the command the argument `server`."""

    @functools.wraps(command)
    def with_server(
        *args: Any,
        data: Path,
        server: str | None,
        principal_name: str | None,
        key_file: Path | None,
        key_id: str,
        ca: Path | None,
        **rest: Any,
    ) -> Any:
        remote = remote_of(server, principal_name, key_file, key_id, ca)
        return command(*args, server=Server(data, remote), **rest)

    for option in reversed(REMOTE_OPTIONS):
        with_server = option(with_server)
    return data_option(with_server)


def names(verb: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    """For completion: the names of a kind that the running server has; none when it does not answer at once."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
        given = ctx.params.get("data") or os.environ.get("EXOS_DATA") or "exos-data"
        try:
            with Server(Path(given)).connect(timeout_s=COMPLETION_S) as admin:
                rows = admin.ask(verb).result["rows"]
        except (CommandError, KeyError, TypeError):
            return []
        return [row["name"] for row in rows if row["name"].startswith(incomplete)]

    return complete

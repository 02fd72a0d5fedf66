"""The server that a command talks to: its options, and the one way to reach it."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from ..exits import Exit
from .common import CommandError

if TYPE_CHECKING:
    from .admin_client import AdminClient, Answer


COMMANDLINE = ParameterSource.COMMANDLINE


def refused(answer: "Answer", sentence: str = "") -> CommandError:
    """The error for an answer that is no."""
    return CommandError(Exit.FAILED, sentence or answer.text, code=answer.code, refusal=answer.refusal)


COMPLETION_S = 0.5


class Server(NamedTuple):
    """The server that a command talks to. All ways to reach one end here."""

    data: Path
    remote: "Remote | None" = None  # None: the one on this machine, by its data folder

    def connect(self, timeout_s: float = 30.0) -> "AdminClient":
        """An admin client, to be used in `with`. Raises Unreachable, CommandError for a logon that cannot be made."""
        from .admin_client import AdminClient, RemoteClient  # here, so that help and wrong command lines do not pay for it

        return AdminClient(self.data, timeout_s) if self.remote is None else RemoteClient(self.remote, timeout_s)


class Remote(NamedTuple):
    """A server's port for remote administration, and who logs on there."""

    host: str
    port: int
    principal: str
    key_file: Path  # a key file (its first line names the key), or a token
    key: str = ""  # its id, where the file does not name it
    ca: Path | None = None  # certificates of the authority that is trusted; None: the system's


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
        remote = _remote(server, principal_name, key_file, key_id, ca)
        return command(*args, server=Server(data, remote), **rest)

    for option in reversed(REMOTE_OPTIONS):
        with_server = option(with_server)
    return data_option(with_server)


REMOTE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--server", metavar="HOST:PORT", envvar="EXOS_SERVER", help="A server's port for remote administration (EXOS_SERVER)."),
    click.option(
        "--as", "principal_name", metavar="PRINCIPAL", envvar="EXOS_PRINCIPAL", help="Who logs on there (EXOS_PRINCIPAL).",
    ),
    click.option("--key-file", type=click.Path(path_type=Path), metavar="FILE", envvar="EXOS_KEY_FILE", help="Its key or token (EXOS_KEY_FILE)."),
    click.option("--key-id", metavar="ID", envvar="EXOS_KEY_ID", default="", help="The key's id, if the file does not name it (EXOS_KEY_ID)."),
    click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", envvar="EXOS_CA", help="Trusted certificates, PEM (EXOS_CA)."),
)  # fmt: skip


def _remote(server: str | None, principal: str | None, key_file: Path | None, key: str, ca: Path | None) -> Remote | None:
    """Raises CommandError for half of what a logon needs. A folder that is named wins over a server of the environment."""
    context = click.get_current_context()
    sources = {name: context.get_parameter_source(name) for name in ("data", "server")}
    if server is None or (sources["data"] is COMMANDLINE and sources["server"] is not COMMANDLINE):
        return None
    host, colon, port = server.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(Exit.USAGE, f'--server: "{server}" is not HOST:PORT')
    if not principal or key_file is None:
        missing = "--as PRINCIPAL" if not principal else "--key-file FILE"
        raise CommandError(Exit.USAGE, f"--server needs {missing}: who logs on there, with which key")
    return Remote(host.strip("[]"), int(port), principal, key_file, key, ca)


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

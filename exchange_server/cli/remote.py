"""The options by which a command reaches a server's port for remote administration."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.core import ParameterSource

from protocol import numbers

from ..exits import Exit
from .common import CommandError


class Remote(NamedTuple):
    """A server's port for remote administration, and who logs on there."""

    host: str
    port: int
    principal: str
    key_file: Path  # a key file (its first line names the key), or a token
    key: str = ""  # its id, where the file does not name it
    ca: Path | None = None  # certificates of the authority that is trusted; None: the system's


REMOTE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--server", metavar="HOST:PORT", envvar="EXOS_SERVER", help="A server's port for remote administration (EXOS_SERVER)."),
    click.option(
        "--as", "principal_name", metavar="PRINCIPAL", envvar="EXOS_PRINCIPAL", help="Who logs on there (EXOS_PRINCIPAL).",
    ),
    click.option("--key-file", type=click.Path(path_type=Path), metavar="FILE", envvar="EXOS_ADMIN_KEY_FILE", help="Its key or token (EXOS_ADMIN_KEY_FILE)."),
    click.option("--key-id", metavar="ID", envvar="EXOS_ADMIN_KEY_ID", default="", help="The key's id, if the file does not name it (EXOS_ADMIN_KEY_ID)."),
    click.option("--ca", type=click.Path(path_type=Path), metavar="FILE", envvar="EXOS_CA", help="Trusted certificates, PEM (EXOS_CA)."),
)  # fmt: skip


def remote_of(server: str | None, principal: str | None, key_file: Path | None, key: str, ca: Path | None) -> Remote | None:
    """Raises CommandError for half of what a logon needs. A folder that is named wins over a server of the environment."""
    typed = ParameterSource.COMMANDLINE
    context = click.get_current_context()
    sources = {name: context.get_parameter_source(name) for name in ("data", "server")}
    if server is None or (sources["data"] is typed and sources["server"] is not typed):
        return None
    host, _, number = server.rpartition(":")
    try:
        port = numbers.whole(number, "port", 1, 65535)
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f'--server: "{server}" is not HOST:PORT: {error}') from error
    if not host:
        raise CommandError(Exit.USAGE, f'--server: "{server}" is not HOST:PORT')
    if not principal or key_file is None:
        missing = "--as PRINCIPAL" if not principal else "--key-file FILE"
        raise CommandError(Exit.USAGE, f"--server needs {missing}: who logs on there, with which key")
    return Remote(host.strip("[]"), port, principal, key_file, key, ca)


def trusting(ca: Path | None) -> ssl.SSLContext:
    """A client's side of TLS that trusts these certificates; None: the system's. Raises CommandError."""
    try:
        return ssl.create_default_context(cafile=str(ca) if ca is not None else None)
    except ssl.SSLError as error:
        raise CommandError(Exit.USAGE, f"--ca {ca}: holds no certificates in PEM form") from error
    except OSError as error:
        raise CommandError(Exit.USAGE, f"--ca {ca}: {error.strerror or error}") from error

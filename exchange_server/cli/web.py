"""`exos web`: the HTTP gateway, a process beside the server."""

import ipaddress
import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import click

from protocol import numbers

from ..addresses import is_loopback
from ..exits import Exit
from .command import verb
from .common import FILE, PORT, CommandError, Number, OneOf
from .connect import Server, server_option
from .output import Result
from .remote import trusting

DEFAULT_PORT = 9800
PRINCIPAL_SOCKET = "principal.sock"
CONNECT_S = 5.0  # to the port where principals log on
SECRET = "EXOS_WEB_SECRET"


@verb(
    "web",
    "serve HTTP beside a running server: markets, books, orders and accounts for front ends",
    details="The process logs on for market data with a session of its own, and reads what markets are about with the operators' questions (on this "
    "machine by the data folder; else by --server with a principal of the role support). Clients log on through it with their own credentials. "
    "It starts and stays when the server is down, and says so. docs/http-api.md has the API.",
    examples=(
        "exos web --data /srv/exos --login WEB --secret-file /srv/web-secret",
        "exos web --data /srv/exos --login WEB --key-file-of-login /srv/web.key --connect 127.0.0.1:9890",
        "exos web --server exchange.example:9895 --as web --key-file web.key --login WEB --secret-file s --connect exchange.example:9890",
    ),
    as_json=False,
)
@server_option
@click.option("--connect", "target", metavar="HOST:PORT", help="The server's binary port (default: as its status tells, on this machine).")
@click.option(
    "--login", metavar="KEY", envvar="EXOS_WEB_LOGIN", required=True, help="The session that gets the market data (EXOS_WEB_LOGIN)."
)
@click.option("--secret-file", type=FILE, metavar="FILE", help=f"Its secret, alone in a file (or in {SECRET}).")
@click.option("--key-file-of-login", type=FILE, metavar="FILE", help="Its private key, written by exos key create --out.")
@click.option("--key-id-of-login", metavar="ID", default="", help="Which of its keys, if the file does not name it.")
@click.option("--tls", is_flag=True, help="The binary port is under TLS, with a certificate that this system or --ca trusts.")
@click.option("--host", metavar="H", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, metavar="N", default=DEFAULT_PORT, show_default=True, help="Port to listen on; 0: any free one.")
@click.option("--tls-cert", type=FILE, metavar="FILE", help="Listen under TLS with this certificate.")
@click.option("--tls-key", type=FILE, metavar="FILE", help="The certificate's key, which only this user may read.")
@click.option("--expose-plain", is_flag=True, help="Allow listening beyond this machine without TLS, for a proxy that has it.")
@click.option(
    "--expose-sandbox", is_flag=True, help="Allow listening beyond this machine with a sandbox, whose passwords are published, behind it."
)
@click.option(
    "--origin", "origins", multiple=True, metavar="ORIGIN", help="Allow pages of this origin (https://shop.example) to use the API."
)
@click.option("--public-url", metavar="URL", help="The address under which browsers see this process (https://shop.example): a proxy's.")
@click.option("--proxy", "proxies", multiple=True, metavar="ADDRESS", help="Believe X-Forwarded-For of this peer: the address of a proxy.")
@click.option("--pages", type=FILE, metavar="FILE", help="Names, colours and venues of the pages it serves (docs/page.md).")
@click.option("--rate", type=Number("rate", 1, 1_000_000), metavar="N", help="Requests a second of one address (default: 50).")
@click.option(
    "--logon-rate", type=Number("rate", 1, 1_000_000), metavar="N", help="Logons a second of one address (default: 1, and 10 at once)."
)
@click.option("--client-rate", type=Number("rate", 1, 1_000_000), metavar="N", help="Requests a second of one login (default: 200).")
@click.option("--ready-file", type=FILE, metavar="FILE", help="Write the line that says ready there as well.")
@click.option("--log-level", type=OneOf(["debug", "info", "warning", "error"]), default="info", help="JSON lines on standard error.")
def web(server: Server, **given: Any) -> Result:
    """Run until SIGTERM or SIGINT."""
    options = checked(server, **given)
    from ..web import process

    return Result(exit=Exit(process.run(options)))


def checked(
    server: Server,
    *,
    target: str | None,
    login: str,
    secret_file: Path | None,
    key_file_of_login: Path | None,
    key_id_of_login: str,
    tls: bool,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    expose_plain: bool,
    expose_sandbox: bool,
    origins: tuple[str, ...],
    public_url: str | None,
    proxies: tuple[str, ...],
    pages: Path | None,
    rate: int | None,
    logon_rate: int | None,
    client_rate: int | None,
    ready_file: Path | None,
    log_level: str,
) -> Any:
    """The options of the process. Raises CommandError for what does not go together."""
    try:
        from ..web.gateway import Settings
        from ..web.limits import Rate, Rates
        from ..web.process import WebOptions
    except ModuleNotFoundError as error:
        raise CommandError(Exit.SETUP, f"the package {error.name} is missing: install exos with its extra `web`") from error
    secret = _secret(secret_file, key_file_of_login)
    certificate = _certificate(tls_cert, tls_key)
    exposed = not is_loopback(host)
    if exposed and certificate is None and not expose_plain:
        raise CommandError(
            Exit.CONFIG,
            f"HTTP would be served without TLS on {host or 'every address'}, which can be reached from other machines: give --tls-cert and --tls-key, "
            "listen on 127.0.0.1, or give --expose-plain",
        )
    for origin in origins:
        _check_origin("--origin", origin)
    public = (public_url or "").removesuffix("/")
    if public:
        _check_origin("--public-url", public)
    usual = Rates()
    rates = usual._replace(
        public=Rate(rate, 2 * rate) if rate else usual.public, session=Rate(client_rate, 2 * client_rate) if client_rate else usual.session,
        logon=Rate(logon_rate, 10 * logon_rate) if logon_rate else usual.logon,
    )  # fmt: skip
    remote = server.remote
    return WebOptions(
        host, port, server.connect, _door(server), login, secret, key_file_of_login, key_id_of_login, _target(target),
        remote.host if remote is not None else "127.0.0.1", trusting(remote.ca if remote is not None else _ca()) if tls else None, certificate,
        exposed, expose_sandbox, Settings(certificate is not None or public.startswith("https:"), origins, rates, public, _addresses(proxies)),
        _pages(pages), ready_file, log_level,
    )  # fmt: skip


def _check_origin(option: str, origin: str) -> None:
    if not origin.startswith(("https://", "http://")) or origin.count("/") != 2 or origin.endswith("/"):
        raise CommandError(Exit.USAGE, f'{option}: "{origin[:100]}" is no origin: write it like https://shop.example, without a path')


def _addresses(given: tuple[str, ...]) -> frozenset[str]:
    try:
        return frozenset(str(ipaddress.ip_address(one)) for one in given)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--proxy: {error}") from None


def _door(server: Server) -> Any:
    """Where principals log on: the data folder's socket for them, or the port for remote administration."""
    from ..web.desk import Door
    from .admin_client import connect

    if (remote := server.remote) is None:
        path = server.data / PRINCIPAL_SOCKET
        return Door(lambda: connect(path, CONNECT_S))
    return Door(lambda: socket.create_connection((remote.host, remote.port), CONNECT_S), trusting(remote.ca), remote.host)


def _pages(file: Path | None) -> Any:
    """The pages to serve. Raises CommandError for a file that cannot be used, with the place in it."""
    from ..web.pages.brand import BrandError, read
    from ..web.pages.contrast import tokens
    from ..web.pages.files import Files
    from ..web.pages.routes import Pages

    files = Files()
    if file is None:
        return Pages((), files)
    try:
        return Pages(read(file.read_text(), tokens(files.text("tokens.css"))), files)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Exit.USAGE, f"--pages {file}: {getattr(error, 'strerror', None) or 'is no text'}") from error
    except BrandError as error:
        raise CommandError(Exit.CONFIG, f"--pages {file}: {error}") from error


def _ca() -> Path | None:
    """Where the server is on this machine: --ca, which only remote administration takes up."""
    given = click.get_current_context().params.get("ca")
    return given if isinstance(given, Path) else None


def _secret(file: Path | None, key_file: Path | None) -> str:
    """The secret of the market data's login; "": it has a private key. Raises CommandError."""
    if file is not None:
        try:
            mode, secret = file.stat().st_mode, file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(Exit.USAGE, f"--secret-file {file}: {getattr(error, 'strerror', None) or 'is no text'}") from error
        if mode & 0o077:
            raise CommandError(
                Exit.CONFIG, f"{file} can be read by other users of this machine (mode {mode & 0o777:04o}): chmod 600 {file}"
            )
    else:
        secret = os.environ.get(SECRET, "")
    if key_file is None and not secret:
        raise CommandError(Exit.USAGE, f"how does --login prove who it is? Give --secret-file, {SECRET} or --key-file-of-login")
    return "" if key_file is not None else secret


def _certificate(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    from ..certificates import CertificateError, server_context

    if (cert is None) != (key is None):
        raise CommandError(Exit.USAGE, "--tls-cert and --tls-key go together")
    if cert is None or key is None:
        return None
    try:
        return server_context(cert, key, time.time_ns())[0]
    except CertificateError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error


def _target(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, number = text.rpartition(":")
    try:
        port = numbers.whole(number, "port", 1, 65535)
    except numbers.NotANumber as error:
        raise CommandError(Exit.USAGE, f'--connect: "{text}" is not HOST:PORT: {error}') from error
    if not host:
        raise CommandError(Exit.USAGE, f'--connect: "{text}" is not HOST:PORT')
    return host.strip("[]"), port

# tidy: allow test-file because tests/mcp/test_mcp_server.py types the commands
"""`exos mcp`: tools for agents over the Model Context Protocol."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import click

from ..exits import Exit
from .command import verb
from .common import FILE, PORT, CommandError
from .output import Result

SECRET = "EXOS_MCP_SECRET"
TOKEN_LEAST = 16


@verb(
    "mcp",
    "tools for agents (Model Context Protocol), over the HTTP API with a key of their own; read-only unless told",
    details="Speaks over stdin and stdout, as agents' hosts start it; with --http over HTTP on this machine, with a token. It is a client of exos web and has the "
    "rights of its key, no more; the exchange enforces the key's budget. Tools that trade exist only with --trade. docs/agents.md says more.",
    examples=(
        "exos mcp --url http://127.0.0.1:9800",
        "exos mcp --url https://api.exchange.example --login AGENT --secret-file agent-secret",
        "exos mcp --login AGENT --secret-file agent-secret --trade --http 9810",
    ),
    as_json=False,
)
@click.option(
    "--url", metavar="URL", envvar="EXOS_API", default="http://127.0.0.1:9800", show_default=True, help="The HTTP API (EXOS_API)."
)
@click.option(
    "--login",
    metavar="KEY",
    envvar="EXOS_MCP_LOGIN",
    default="",
    help="The session of the agent (EXOS_MCP_LOGIN); without one: public tools only.",
)
@click.option("--secret-file", type=FILE, metavar="FILE", help=f"Its secret, alone in a file (or in {SECRET}).")
@click.option("--key-id", metavar="ID", default="", help="Which of its keys.")
@click.option("--trade", is_flag=True, help="Offer the tools that place and cancel orders, if the key may trade.")
@click.option("--http", "port", type=PORT, metavar="PORT", help="Speak HTTP on 127.0.0.1 instead, on this port; 0: any free one.")
@click.option(
    "--token-file",
    type=FILE,
    metavar="FILE",
    help="What HTTP clients must show, alone in a file (default: one is made and written to stdout).",
)
@click.option("--ready-file", type=FILE, metavar="FILE", help="With --http: write the line that says ready there as well.")
def mcp(
    url: str,
    login: str,
    secret_file: Path | None,
    key_id: str,
    trade: bool,
    port: int | None,
    token_file: Path | None,
    ready_file: Path | None,
) -> Result:
    try:
        from ..mcp.process import McpOptions, run
    except ModuleNotFoundError as error:
        raise CommandError(Exit.SETUP, f"the package {error.name} is missing: install exos with its extra `mcp`") from error
    _check_url(url)
    secret = _alone("--secret-file", secret_file) if secret_file is not None else os.environ.get(SECRET, "")
    if login and not secret:
        raise CommandError(Exit.USAGE, f"how does --login prove who it is? Give --secret-file or {SECRET}")
    if trade and not login:
        raise CommandError(Exit.USAGE, "--trade: who trades? Give --login")
    if port is None and (token_file is not None or ready_file is not None):
        raise CommandError(Exit.USAGE, "--token-file and --ready-file go with --http")
    token = _alone("--token-file", token_file) if token_file is not None else ""
    if token_file is not None and len(token) < TOKEN_LEAST:
        raise CommandError(
            Exit.CONFIG, f"--token-file {token_file}: a token has at least {TOKEN_LEAST} characters, this one has {len(token)}"
        )
    return Result(exit=Exit(run(McpOptions(url, login, secret, key_id, trade, port, token, ready_file))))


def _check_url(url: str) -> None:
    """https, or http on this machine: the secret goes there."""
    from ..addresses import is_loopback

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username is not None:
        raise CommandError(Exit.USAGE, f'--url: "{url[:100]}" is no address of an HTTP API: write it like https://api.exchange.example')
    if parts.scheme == "http" and not is_loopback(host):
        raise CommandError(Exit.CONFIG, f"--url {url[:100]}: the secret would go over the network without TLS: use https")


def _alone(option: str, file: Path) -> str:
    """The one thing in a file that only this user may read. Raises CommandError."""
    try:
        mode, text = file.stat().st_mode, file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Exit.USAGE, f"{option} {file}: {getattr(error, 'strerror', None) or 'is no text'}") from error
    if mode & 0o077:
        raise CommandError(Exit.CONFIG, f"{file} can be read by other users of this machine (mode {mode & 0o777:04o}): chmod 600 {file}")
    return text

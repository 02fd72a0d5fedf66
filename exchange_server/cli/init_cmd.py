"""`exos init DIR`: a folder with a configuration that is valid, its credentials, and what to type next."""

import base64
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import click

from ..exits import Exit
from .command import verb
from .common import PORT, CommandError, Number
from .output import Result, say

CONFIG, CREDENTIALS, KEY = "exos.toml", "credentials.txt", "maker.key"
TLS = ("tls-cert.pem", "tls-key.pem", "tls-ca.pem")
OURS = (CONFIG, CREDENTIALS, KEY, "data", "journal", "admin.sock", "principal.sock", *TLS)
DEFAULTS = {"venue": "DEMO", "asset": "USD", "decimals": 4, "host": "127.0.0.1"}
QUESTIONS = {
    "venue": "Name of the venue",
    "asset": "Asset that markets are settled in",
    "decimals": "Decimals of the asset",
    "host": "Address to listen on",
}


@verb(
    "init",
    "make a folder with a commented configuration, credentials and two example markets",
    details="On a terminal it asks what the options do not say; elsewhere, or with --yes, it takes the defaults. Keys and passwords are made here, with "
    "256 bits. A folder that has anything of exos is refused.",
    examples=("exos init my-exchange", "exos init my-exchange --venue CUP --asset EUR --decimals 2 --yes"),
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--venue", metavar="NAME", help="Name of the venue (default: DEMO).")
@click.option("--asset", metavar="NAME", help="Asset that markets are settled in (default: USD).")
@click.option("--decimals", type=Number("number of decimals", 2, 18), metavar="N", help="Decimals of the asset (default: 4).")
@click.option("--host", metavar="H", help="Address to listen on (default: 127.0.0.1).")
@click.option("--fix-port", type=PORT, default=9880, show_default=True, metavar="N", help="Port of FIX order entry.")
@click.option("--binary-port", type=PORT, default=9890, show_default=True, metavar="N", help="Port of the binary sessions.")
@click.option(
    "--tls-dev", is_flag=True, help="Make development certificates, put the ports under TLS, and open one for remote administration."
)
@click.option(
    "--admin-port", type=PORT, default=9900, show_default=True, metavar="N", help="Port of remote administration, with --tls-dev."
)
@click.option("--yes", is_flag=True, help="Ask nothing.")
def init(folder: Path, fix_port: int, binary_port: int, tls_dev: bool, admin_port: int, yes: bool, **given: Any) -> Result:
    from config import starter
    from protocol import credentials

    _refuse_used(folder)
    answers = _answers(given, ask=not yes and sys.stdin.isatty() and sys.stdout.isatty())
    private, _ = credentials.private_key(os.urandom(32))
    secret = base64.b32encode(os.urandom(32)).decode().rstrip("=").lower()  # 256 bits in letters and digits, which every FIX engine takes
    made = starter.Starter(
        **answers,
        fix_port=fix_port,
        binary_port=binary_port,
        maker_public=credentials.public_hex(private),
        fix_secret=secret,
        tls=(f"../{TLS[0]}", f"../{TLS[1]}") if tls_dev else None,
        admin_port=admin_port,
    )
    files = {
        KEY: credentials.key_file(private, made.maker_key, f"session {made.maker}"),
        CREDENTIALS: starter.credentials(made, str(folder / KEY)),
        CONFIG: starter.toml(made),
    }
    _write(folder, files, made.host if tls_dev else "")
    say(f"{folder / CONFIG}: one venue, one asset, three firms, two logins, two markets")
    say(f"{folder / CREDENTIALS}, {folder / KEY}: what the logins need, mode 0600")
    if tls_dev:
        say(f"{folder / TLS[2]}: the authority that clients trust (--ca); certificates for development, valid for a year")
    commands = _next(folder, made)
    say("next:")
    for command in commands:
        say(f"  {command}")
    return Result(
        {
            "files": [str(folder / name) for name in (*files, *(TLS if tls_dev else ()))],
            "next": commands,
            "sessions": [made.maker, made.institution],
        }
    )


def _refuse_used(folder: Path) -> None:
    """Raises CommandError when something of exos is there."""
    if folder.exists() and not folder.is_dir():
        raise CommandError(Exit.USAGE, f"{folder}: is not a folder")
    found = [name for name in OURS if os.path.lexists(folder / name)]
    if found:
        raise CommandError(
            Exit.CONFIG, f"{folder} has {', '.join(found)} already: exos init only writes to a folder without anything of exos"
        )


def _answers(given: dict[str, Any], ask: bool) -> dict[str, Any]:
    """What the options say, else what is answered, else the defaults; each checked. Raises CommandError."""
    out = {}
    for name, default in DEFAULTS.items():
        value = given[name]
        while value is None:
            value = click.prompt(QUESTIONS[name], default=default, type=str) if ask else default
            try:
                value = _checked(name, value)
            except ValueError as error:
                if not ask:
                    raise
                click.echo(f"  {error}")
                value = None
        try:
            out[name] = _checked(name, value)
        except ValueError as error:
            raise CommandError(Exit.USAGE, f"--{name}: {error}") from None
    return out


def _checked(name: str, value: Any) -> Any:
    """The answer as the file needs it. Raises ValueError with a sentence."""
    import msgspec

    from config import admin_records as ar
    from protocol import numbers

    if name == "decimals":
        if isinstance(value, int):
            return value
        try:
            return numbers.whole(value, "number of decimals", 2, 18)
        except numbers.NotANumber as error:
            raise ValueError(str(error)) from None
    if name == "host":
        if not value or not value.isprintable() or '"' in value or "\\" in value:
            raise ValueError(f'"{value}" is no address')
        return value
    kind: Any = ar.DefineVenue if name == "venue" else ar.DefineAsset
    try:
        msgspec.convert({"type": name, "name": value, **({"decimals": 4} if name == "asset" else {})}, kind)
    except msgspec.ValidationError:
        raise ValueError(
            f'"{value[:64]}" is no name of {"a venue" if name == "venue" else "an asset"}: letters, digits, - and _, at most 32'
        ) from None
    if name == "asset" and "." in value:
        raise ValueError(f'"{value}" has a dot: write it without')
    return value


def _write(folder: Path, files: dict[str, str], tls_host: str) -> None:
    """All files or none, each new and of mode 0600; certificates for `tls_host` ("": none). Raises CommandError."""
    written: list[Path] = []
    made = not folder.exists()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in files.items():
            with open(folder / name, "x", encoding="utf-8", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o600)) as file:
                written.append(folder / name)
                file.write(text)
        if tls_host:
            from ..certificates import make_dev_certificate

            written += [folder / name for name in TLS]
            make_dev_certificate(folder, list(dict.fromkeys((tls_host, "localhost", "127.0.0.1"))), time.time_ns())
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        if made and folder.is_dir():
            folder.rmdir()
        raise CommandError(Exit.FAILED, f"{error.filename or folder}: {error.strerror or error}: nothing was written") from error


def _next(folder: Path, made: Any) -> list[str]:
    config, data, key = (shlex.quote(str(folder / name)) for name in (CONFIG, "data", KEY))
    at = (
        f"--port {made.binary_port}"
        if made.host in ("127.0.0.1", "localhost")
        else f"--host {shlex.quote(made.host)} --port {made.binary_port}"
    )
    if made.tls:
        at += f" --ca {shlex.quote(str(folder / TLS[2]))}"
    return [
        f"exos config check {config}",
        f"exos serve --data {data} --config {config}",
        f"exos market list --data {data}",
        f"exos trade buy {made.venue}.RAIN-YES 10 0.40 --key {made.maker} --key-file {key} {at}",
        f"exos config plan {config} --data {data}",
    ]

"""The endpoints of a data folder: `webhooks/endpoints.json`, mode 0600, written by the command line only, whole and atomically.

The secrets with which messages are signed are in it and nowhere else, so the folder is its owner's alone. The process reads the file again when it has changed.
"""

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from ..journal.fence import replace_file
from .bodies import GROUPS

FOLDER, FILE = "webhooks", "endpoints.json"
ENDPOINTS_MOST = 4096
URL_MOST = 2048
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
LOOPBACKS = ("localhost", "127.0.0.1", "::1")


class EndpointError(Exception):
    """The text is one sentence for the operator."""


class Replay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asked by the command line: `number` rises with each. `event`: post this one again; `from_event`: all from this one on. Neither: end a pause."""

    number: Annotated[int, Meta(ge=1)]
    event: Annotated[int, Meta(ge=0)] = 0
    from_event: Annotated[int, Meta(ge=0)] = 0


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the events of one venue or firm go. groups: what of them (bodies.GROUPS). start: the first event that it gets. allow_private: an address of a private
    network or of this machine is meant; allow_plain: so is http."""

    name: str
    url: str
    owner: Literal["venue", "firm"]
    of: str
    groups: list[str]
    secret: str
    start: Annotated[int, Meta(ge=1)]
    added_ns: int
    allow_private: bool = False
    allow_plain: bool = False
    replays: list[Replay] = []


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: Literal[1] = 1
    numbers: int = 0  # of replays, ever
    endpoints: list[Endpoint] = []


def folder_of(data: Path) -> Path:
    return data / FOLDER


def read(data: Path) -> Content:
    """Raises EndpointError for a file that is damaged or that others can read, OSError."""
    path = folder_of(data) / FILE
    try:
        mode = path.stat().st_mode
        raw = path.read_bytes()
    except FileNotFoundError:
        return Content()
    if mode & 0o077:
        raise EndpointError(f"{path} holds secrets and others can use it (mode {mode & 0o777:04o}): chmod 600 {path}")
    try:
        found = msgspec.json.decode(raw, type=Content)
    except msgspec.MsgspecError as error:
        raise EndpointError(f"{path} is not as exos webhooks writes it: {error}") from error
    for endpoint in found.endpoints:
        check(endpoint)
    return found


def change(data: Path, how: Callable[[Content], Content]) -> Content:
    """Read, change and write the file; two at a time wait for each other. Raises EndpointError, OSError."""
    folder = folder_of(data)
    folder.mkdir(mode=0o700, exist_ok=True)
    with _locked(folder):
        after = how(read(data))
        replace_file(folder / FILE, msgspec.json.format(msgspec.json.encode(after), indent=2) + b"\n")
    return after


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def check(endpoint: Endpoint) -> None:
    """Raises EndpointError for what cannot be an endpoint."""
    if not NAME.match(endpoint.name):
        raise EndpointError(
            f'"{endpoint.name[:80]}" is no name for an endpoint: letters, digits, dots, hyphens and underscores, at most 64'
        )
    unknown = [group for group in endpoint.groups if group not in GROUPS]
    if unknown or not endpoint.groups:
        what = f'"{unknown[0][:40]}" is no group of events' if unknown else "no group of events is named"
        raise EndpointError(f"{endpoint.name}: {what}: choose from {', '.join(GROUPS)}")
    url_parts(endpoint.url, endpoint.allow_plain)


class Parts(msgspec.Struct, frozen=True):
    """Of an address: host without brackets; target: path and query."""

    secure: bool
    host: str
    port: int
    target: str


def url_parts(url: str, allow_plain: bool) -> Parts:
    """Raises EndpointError, naming what is wrong with the address."""
    shown = url[:100]
    if len(url) > URL_MOST:
        raise EndpointError(f"the address has {len(url)} characters; at most {URL_MOST}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise EndpointError(f'"{shown}" has characters that an address cannot have: encode them with %')
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise EndpointError(f'"{shown}" is no address: {error}') from None
    if parts.scheme not in ("https", "http") or not host:
        raise EndpointError(f'"{shown}" is no address: write it like https://shop.example/exchange-events')
    if parts.username is not None or parts.password is not None:
        raise EndpointError("the address has a user or password in it: messages are signed; check the signature instead")
    if parts.fragment:
        raise EndpointError(f'"{shown}" has a fragment (#), which is never sent')
    if port == 0:
        raise EndpointError(f'"{shown}": there is no port 0')
    secure = parts.scheme == "https"
    if not secure and not allow_plain and host not in LOOPBACKS:
        raise EndpointError(
            f'"{shown}" is not under TLS: everybody on the way could read it. Use https, or say --allow-plain if that is meant'
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Parts(secure, host, port or (443 if secure else 80), target)

"""A configuration file against the running server (config/asked.py), and the plan file that says what it would change.

A plan file holds no definition and no secret: the files it was made from with their SHA-256, the revision that ran, and the digest of what
would be changed. The server refuses it when anything of that is different (exchange_server/registry/revisions.py).
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from config import admin_records as ar
from config import load
from config.asked import Ask, Running, as_data, doubts, lines, prepared, refusal_text, setting_lines
from config.load import ConfigError

from ..exits import Exit
from .admin_client import AdminClient
from .common import CommandError
from .connect import refused

__all__ = ["Ask", "PlanFile", "Running", "as_data", "doubts", "lines", "refusal_text", "setting_lines"]
PLAN_VERSION = 1


def running(admin: AdminClient, file: str = "") -> Running:
    """What of the server a file is read with. Raises CommandError."""
    answer = admin.ask("running", file=file)
    if not answer.ok:
        raise refused(answer)
    return Running(**answer.result)


def read(file: str, admin: AdminClient, why: str = "", prune: bool = False) -> Ask:
    """Read a file with what the server has. `prune`: what the file made and no longer names is closed. Raises CommandError."""
    try:
        return prepared(file, running(admin, load.find(file).name), why, prune)
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error


def trial(admin: AdminClient, record: ar.AnyRecord, at: Callable[..., None] = lambda done, total: None) -> dict[str, Any]:
    """The server's answer to `plan`. `at` is told how many definitions of how many it has tried."""
    answer = admin.ask_pieces("plan", lambda piece: at(piece["done"], piece["of"]), record)
    if not answer.ok:
        raise refused(answer)
    result: dict[str, Any] = answer.result
    return result


# ------------------------------------------------------------------------------------------------- plan files
class PlanFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`files`: path to SHA-256, of all that was read."""

    exos_plan: int = PLAN_VERSION
    file: str
    files: dict[str, str]
    base: int
    digest: str
    prune: bool = False
    lines: list[str] = []


def digests(files: Iterable[str]) -> dict[str, str]:
    """SHA-256 of each file. Raises CommandError."""
    out = {}
    for name in files:
        try:
            out[str(Path(name).resolve())] = hashlib.sha256(Path(name).read_bytes()).hexdigest()
        except OSError as error:
            raise CommandError(Exit.CONFIG, f"{name}: cannot be read: {error.strerror}") from error
    return out


def write_plan(path: Path, ask: Ask, result: dict[str, Any], said: list[str], prune: bool) -> None:
    """The plan file, whole or not at all."""
    content = PlanFile(
        file=str(Path(ask.content.files[-1]).resolve()), files=digests(ask.content.files), base=result["revision"], digest=result["digest"],
        prune=prune, lines=said,
    )  # fmt: skip
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        new.replace(path)
    except OSError as error:
        raise CommandError(Exit.FAILED, f"{path}: cannot be written: {error.strerror}") from error


def read_plan(name: str) -> PlanFile | None:
    """The plan of a file, None: it is no plan but a configuration. Raises CommandError."""
    path = Path(name)
    try:
        data = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise CommandError(Exit.CONFIG, f"{name}: cannot be read: {error.strerror}") from error
    if not data.lstrip().startswith(b"{"):
        return None
    try:
        found = msgspec.json.decode(data, type=PlanFile)
    except msgspec.MsgspecError as error:
        raise CommandError(Exit.CONFIG, f"{name}: is no plan: {error}") from error
    if found.exos_plan != PLAN_VERSION:
        raise CommandError(Exit.CONFIG, f"{name}: is a plan of version {found.exos_plan}, this program reads {PLAN_VERSION}: make it again")
    return found


def unchanged_files(found: PlanFile, name: str) -> None:
    """Raises CommandError when a file that the plan was made from is another one now."""
    for path, digest in found.files.items():
        if digests([path])[path] != digest:
            raise CommandError(Exit.CONFIG, f"{path} was changed after the plan {name} was made: make the plan again")

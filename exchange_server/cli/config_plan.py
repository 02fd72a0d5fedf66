"""A configuration file against a running server: what it would change, in lines and as data, and the plan file that says so.

A plan file holds no definition and no secret: the files it was made from with their SHA-256, the revision that ran, and the digest of what
would be changed. The server refuses it when anything of that is different (exchange_server/registry/revisions.py).
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from config import lint, load, plan
from config import settings as server_settings
from config.load import Config, ConfigError
from config.places import shown
from config.reader import CLOSED, Item
from config.settings import Settings

from ..exits import Exit
from .admin_client import AdminClient
from .common import CommandError
from .connect import refused

PLAN_VERSION = 1


class Running(NamedTuple):
    """What of the running server a file is read with."""

    assets: dict[str, int]
    settings: dict[str, Any]
    revision: int
    capacities: dict[str, int]
    owned: list[tuple[str, str]] = []  # (kind, name) of what the file made that is asked about
    venues: list[str] = []  # names of those that the asker sees

    @classmethod
    def of(cls, admin: AdminClient, file: str = "") -> "Running":
        answer = admin.ask("running", file=file)
        if not answer.ok:
            raise refused(answer)
        return cls(**answer.result)


class Ask(NamedTuple):
    """A file, and the record that has the server apply it."""

    content: Config
    running: Running
    record: ar.Configuration
    prune: bool = False

    @property
    def decimals(self) -> dict[str, int]:
        return self.running.assets | self.content.decimals

    @property
    def notes(self) -> list[str]:
        """Sentences about what of the file does not take effect."""
        has = self.running.capacities
        return [
            f"capacities.{name} = {asked}: taken when the server is started with this configuration (now {has[name]})"
            for name, asked in sorted(self.content.settings.capacities.items())
            if has.get(name, asked) != asked
        ] + [
            "server.clordid_retention: it is fixed when a data folder is created"
            for name in ("clordid_retention_ns",)
            if self.content.named.get(name, self.running.settings.get(name)) != self.running.settings.get(name)
        ]


def read(file: str, admin: AdminClient, why: str = "", prune: bool = False) -> Ask:
    """Read a file with what the server has. `prune`: what the file made and no longer names is closed. Raises CommandError."""
    running = Running.of(admin, load.find(file).name)
    try:
        content = load.load(file, running.assets, base=running.settings)  # assets that the file only refers to are the server's
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    if prune:
        content = content._replace(items=[*content.items, *pruned(content, running)])
    records: Any = tuple(item.record for item in content.items)
    named = {key: value for key, value in content.named.items() if key != "clordid_retention_ns" and isinstance(value, int | str)}
    settings: dict[str, Any] | None = None
    base: int | None = None
    kept = server_settings.stored(server_settings.over(Settings(), running.settings))
    if any(kept[key] != value for key, value in named.items()):
        settings, base = {**running.settings, **named}, running.revision  # written over what there is: nobody may have changed it meanwhile
    name = Path(content.files[-1]).name
    return Ask(
        content,
        running,
        ar.Configuration(name=name, sandbox=content.sandbox, records=records, settings=settings, base=base, why=why),
        prune,
    )


def gone(content: Config, running: Running) -> list[tuple[str, str]]:
    """(kind, name) of what the file made and no longer names."""
    named = {ar.identity(item.record) for item in content.items}
    named |= {item.record.identity for item in content.items if isinstance(item.record, ar.Close)}
    return [(kind, name) for kind, name in running.owned if (kind, name) not in named]


def pruned(content: Config, running: Running) -> list[Item]:
    """What ends because the file no longer names it: rules, listings, markets, sessions, accounts and firms."""
    missing = [(kind, name) for kind in CLOSED for found, name in gone(content, running) if found == kind]
    return [Item(_end(kind, name, running), content.files[-1], "") for kind, name in missing]


def _end(kind: Any, name: str, running: Running) -> ar.AnyRecord:
    """The record that ends a thing of this name (ar.identity)."""
    if kind == "rule":
        rule, _, owner = name.partition(" of ")
        return ar.RemoveAccessRule(rule=rule, **{"venue" if owner in running.venues else "event": owner})
    what, _, venue = name.partition(" at ")
    return ar.Close(kind=kind, name=what, venue=venue, reason="no longer in the configuration")


def trial(admin: AdminClient, record: ar.AnyRecord, at: Callable[..., None] = lambda done, total: None) -> dict[str, Any]:
    """The server's answer to `plan`. `at` is told how many definitions of how many it has tried."""
    answer = admin.ask_pieces("plan", lambda piece: at(piece["done"], piece["of"]), record)
    if not answer.ok:
        raise refused(answer)
    result: dict[str, Any] = answer.result
    return result


def lines(ask: Ask, result: dict[str, Any]) -> list[str]:
    """What would be added (+) and changed (~)."""
    out = []
    for change in result["changes"]:
        if change["kind"] in ("new", "changed"):
            before = ar.from_builtins(change["before"]) if "before" in change else None
            item = ask.content.items[change["record"]]
            if isinstance(item.record, ar.SetPhase) and change["kind"] == "new":
                continue  # the first phase of a market that is a line of its own
            out.append(plan.line(item, change["fields"], ask.decimals, before))
    return out + setting_lines(result["settings"])


def doubts(ask: Ask, result: dict[str, Any]) -> list[str]:
    """Warnings about the markets that would be new or changed, with their places in the files."""
    out = []
    for change in result["changes"]:
        item = ask.content.items[change["record"]]
        if change["kind"] in ("new", "changed") and isinstance(item.record, ar.DefineMarket):
            out += [
                f"warning: {plan.place(item, one.key, lint.told(one))}" for one in lint.lint(item.record) if one.rule.level == lint.WARNING
            ]
    return out


def setting_lines(settings: dict[str, list[Any]]) -> list[str]:
    """Settings of [server] that differ."""

    def text(name: str, value: Any) -> str:
        return "(default)" if value is None else server_settings.shown(name, value) if name in Settings._fields else str(value)

    def key(name: str) -> str:
        return server_settings.key_of(name) if name in Settings._fields else name

    return [f"~ server.{key(name)}: {text(name, old)} -> {text(name, new)} (restart)" for name, (old, new) in settings.items()]


def refusal_text(content: Config, refusal: dict[str, Any]) -> str:
    """A refusal with its place in the file."""
    key, sentence, record = tuple(refusal.get("key", ())), refusal["sentence"], refusal.get("record")
    if record is not None and not content.items[record].path:  # of nothing that the file says: it is pruned
        return str(sentence)
    if record is not None:
        return str(plan.place(content.items[record], key, sentence))
    return f"{shown(key)}: {sentence}" if key else str(sentence)


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


def as_data(ask: Ask, result: dict[str, Any]) -> dict[str, Any]:
    """The answer of `plan` for --json, with the names of what each change is about."""
    changes = [{**change, "what": plan.describe(ask.content.items[change["record"]].record, ask.decimals)} for change in result["changes"]]
    return {**json.loads(msgspec.json.encode(result)), "changes": changes, "notes": ask.notes, "warnings": doubts(ask, result)}

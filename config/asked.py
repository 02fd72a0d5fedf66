"""A configuration file against a running server: what of the server it is read with, the record that has it applied, and what the answers say in lines, with places in
the file. Used by the command line (exchange_server/cli/config_plan.py) and by the web process (exchange_server/web/reading.py)."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from . import admin_records as ar
from . import lint, load, plan
from . import settings as server_settings
from .amounts import ConfigError
from .load import Config
from .places import shown
from .reader import CLOSED, Item
from .settings import Settings


class Running(NamedTuple):
    """What of the running server a file is read with."""

    assets: dict[str, int]
    settings: dict[str, Any]
    revision: int
    capacities: dict[str, int]
    owned: list[tuple[str, str]] = []  # (kind, name) of what the file made that is asked about
    venues: list[str] = []  # names of those that the asker sees


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


def prepared(file: str, running: Running, why: str = "", prune: bool = False) -> Ask:
    """Read a file with what the server has. `prune`: what the file made and no longer names is closed. Raises ConfigError."""
    content = load.load(file, running.assets, base=running.settings)  # assets that the file only refers to are the server's
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


def placed(content: Config, refusal: dict[str, Any]) -> ConfigError | str:
    """A refusal at its place in the file; a sentence where it is about nothing that the file says."""
    key, sentence, record = tuple(refusal.get("key", ())), refusal["sentence"], refusal.get("record")
    if record is not None and not content.items[record].path:  # of nothing that the file says: it is pruned
        return str(sentence)
    if record is not None:
        return plan.place(content.items[record], key, sentence)
    return f"{shown(key)}: {sentence}" if key else str(sentence)


def refusal_text(content: Config, refusal: dict[str, Any]) -> str:
    """A refusal with its place in the file."""
    return str(placed(content, refusal))


def as_data(ask: Ask, result: dict[str, Any]) -> dict[str, Any]:
    """The answer of `plan` for --json, with the names of what each change is about."""
    changes = [{**change, "what": plan.describe(ask.content.items[change["record"]].record, ask.decimals)} for change in result["changes"]]
    return {**json.loads(msgspec.json.encode(result)), "changes": changes, "notes": ask.notes, "warnings": doubts(ask, result)}

"""Decides which configuration a start uses: the folder's own journaled one, the additions of a named one, and settings that cannot apply.

The first record of a data folder (config.admin_records.Begin) says how it was created. A start without a configuration uses
what is in the folder. A sandbox, whose passwords are published, never mixes with anything else and is not reachable from other machines by
accident.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from config import admin_records as ar
from config import load
from config import settings as server_settings
from config.admin_records import open_secrets
from config.load import Item, Settings
from config.plan import place
from config.serve_options import ServeOptions
from protocol import codes, units

from . import state
from .addresses import is_loopback
from .core import layout as L
from .core.layout import plain
from .exits import Exit
from .gateway.verifiers import Recipe, secured
from .journal.runner import Reader
from .registry import Refused, Registry

if TYPE_CHECKING:
    from .engine import Engine


class StartRefused(Exception):
    """The server does not start; `code` is its exit code, the text one sentence."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code


def begun_as(journal: Path) -> ar.Begin | None:
    """The first record of a journal, which says how the folder was created; None: none can be read (recovery then reports the error)."""
    from .journal.recover import iterate  # loads the kernels, which the command line does not need
    from .journal.store import JournalError

    try:
        return _first_record(iterate(journal, live=True, logic=None))
    except (JournalError, ValueError):
        return None


def _first_record(batches: Iterator[NDArray[np.int64]]) -> ar.Begin | None:
    for rows in batches:
        at = 0
        while at < len(rows):
            kind, extra = plain.kind_of(int(rows[at])), plain.extra_of(int(rows[at]))
            if kind == codes.C_ADMIN:
                first = at + L.CMD_WORDS
                body = rows[first : first + extra * L.CMD_WORDS].tobytes()[: int(rows[at + L.CMD_BODY_BYTES])]
                record = ar.unpack(body).record
                return record if isinstance(record, ar.Begin) else None
            if kind != codes.C_TIME:
                return None
            at += (1 + extra) * L.CMD_WORDS
    return None


def has_journal(data: Path) -> bool:
    """Whether a server has written here."""
    folder = data / "journal"
    return folder.is_dir() and any(entry.suffix == ".seg" for entry in folder.iterdir())


def items_of(options: ServeOptions, registry: Registry) -> list[Item]:
    """The configuration's items, read with the folder's assets where it refers to them. Raises StartRefused."""
    if not options.source:
        return options.items
    try:
        return load.load(options.source, registry.decimals(), base=registry.settings).items
    except load.ConfigError as error:
        raise StartRefused(Exit.CONFIG, str(error)) from error


def begin_of(options: ServeOptions, salt: bytes = b"") -> ar.Begin:
    """The first record of a new folder with these options. salt: random bytes of its own."""
    settings = options.settings
    return ar.Begin(
        name=options.config_name or "-",
        sandbox=options.sandbox,
        capacities=dict(settings.capacities),
        retention_ns=settings.clordid_retention_ns,
        salt=salt.hex(),
    )


def without_secrets(items: list[Item], recipe: Recipe, registry: Registry, reader: Reader) -> list[Item]:
    """The items with verifiers in the place of their plain secrets; each takes a tenth of a second unless the folder is a sandbox. Raises
    StartRefused for a secret that is too weak."""
    asked = {i: reader.submit(secured, item.record, recipe, registry) for i, item in enumerate(items) if open_secrets(item.record)}
    out = list(items)
    for i, result in asked.items():
        try:
            out[i] = items[i]._replace(record=result.result().record)
        except Refused as refused:
            raise StartRefused(Exit.CONFIG, str(place(items[i], refused.refusal.key, refused.refusal.sentence))) from None
    return out


def file_settings(options: ServeOptions, registry: Registry) -> Settings:
    """The settings without the command line's: what the configuration sets, else what the folder has, else the defaults. The folder keeps
    them for its next start."""
    if not options.configured:
        return server_settings.over(Settings(), registry.settings)
    if options.named is None:
        return options.settings
    kept = server_settings.over(Settings(), registry.settings)
    return server_settings.over(kept, options.named)._replace(capacities=options.settings.capacities)


def settings_for(options: ServeOptions, registry: Registry) -> tuple[Settings, list[str]]:
    """The settings for this start, and sentences about those that do not apply. The command line has priority, then the named
    configuration, then the folder. Raises StartRefused."""
    lost = [
        f"{key} = {value}: this version of the server has no such setting"
        for key, value in registry.settings.items()
        if key not in Settings._fields
    ]
    settings = file_settings(options, registry)._replace(**options.given)
    try:
        server_settings.refuse_contradictions(options.config_name or str(options.data), settings)
    except load.ConfigError as error:
        raise StartRefused(Exit.CONFIG, str(error)) from error
    if settings.fix_port == settings.binary_port and settings.fix_port:
        raise StartRefused(Exit.CONFIG, f"FIX and binary sessions cannot share port {settings.fix_port}")
    return settings, lost


def not_taken(options: ServeOptions, engine: "Engine") -> list[str]:
    """Settings of a named configuration that differ from the folder's and cannot change, one sentence each: they are fixed when it is
    created."""
    if not options.configured:
        return []
    lost = []
    retention = state.Header(engine.m).retention_ns
    named = options.named is None or "clordid_retention_ns" in options.named
    if named and options.settings.clordid_retention_ns != retention:
        wish, kept = units.duration(options.settings.clordid_retention_ns), units.duration(retention)
        lost.append(f"server.clordid_retention = {wish}: the data folder was created with {kept}, which it keeps")
    return lost


def refuse_exposure(options: ServeOptions, sandbox: bool, host: str) -> None:
    """A sandbox listens only on this machine unless --expose-sandbox is given. Raises StartRefused."""
    if options.expose_sandbox and not sandbox:
        raise StartRefused(Exit.CONFIG, "--expose-sandbox is only for a sandbox, and this data folder is not one")
    if sandbox and not options.expose_sandbox and not is_loopback(host):
        raise StartRefused(
            Exit.CONFIG,
            f"this is a sandbox with published passwords, and {host or 'every address'} can be reached from other machines: "
            "listen on 127.0.0.1, or give --expose-sandbox",
        )


def plain_ports(settings: Settings) -> list[str]:
    """The ports that would be opened without TLS."""
    return [name for name in ("fix", "binary") if not settings.tls_cert or name not in settings.tls_ports]


def refuse_plain(options: ServeOptions, settings: Settings) -> list[str]:
    """Ports without TLS listen only on this machine unless --expose-plain is given (an exposed sandbox has nothing to hide). Returns those that are
    exposed. Raises StartRefused."""
    plain = [] if is_loopback(settings.host) else plain_ports(settings)
    if plain and not options.expose_plain and not options.expose_sandbox:
        raise StartRefused(
            Exit.CONFIG,
            f"{' and '.join(plain)} would listen without TLS on {settings.host or 'every address'}, which can be reached from other machines: set "
            "tls_cert and tls_key (tls_ports names these ports), listen on 127.0.0.1, or give --expose-plain",
        )
    return plain


def refuse_mixing(options: ServeOptions, registry: Registry) -> None:
    """Refuse to mix a sandbox with other configurations, and a new folder without a configuration. Raises StartRefused."""
    begun = registry.begun
    if not options.configured:
        if begun is None and not len(registry.assets):
            raise StartRefused(Exit.CONFIG, new_folder(options.data))
        return
    try:
        registry.refuse_mixing(options.config_name, options.sandbox)
    except Refused as refused:
        raise StartRefused(Exit.CONFIG, f"{options.data}: {refused.refusal.text}") from None


def new_folder(data: Path) -> str:
    return (
        f"{data} is a new data folder and needs a configuration: exos serve --data {data} --config FILE "
        "(or --config sandbox, to try things out with published passwords)"
    )

"""Applies a configuration to an empty registry with an engine that takes every row: what the rules say before anything is started."""

import re
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np

from config import admin_records as ar
from config.load import Config, ConfigError

from ..core import layout as L
from ..registry import Registry, Sink
from ..registry.engine_like import Words

UNLIMITED = 1 << 40
TABLES = ("assets", "venues", "firms", "accounts", "sessions", "events", "instruments", "listings")
# keys of the records that have another name in a configuration file
_KEYS = {
    "k": "winners",
    "bands": "band",
    "contracts": "contract",
    "throttle_limit": "throttle",
    "cutoff_offset_ns": "trading_day_ends",
    "cutoff_period_ns": "trading_day",
    "challenge_window_ns": "challenge_window",
    "password_sha256": "secret",
    "hmac_secret": "secret",
    "lot_base": "qty_decimals",
}
_LEADING = re.compile(r"([a-z_0-9]+)((\[\d+\])?(\.[a-z_]+)?: )")


class DryEngine:
    """Takes every definition row. Its tables are as large as the configuration says, else without end."""

    def __init__(self, capacities: dict[str, int]) -> None:
        self.capacities: Any = SimpleNamespace(**{name: capacities.get(name, UNLIMITED) for name in TABLES})
        self.row_seq = 0
        self.time_ns = 0
        self.m = np.zeros(L.HEADER_WORDS, np.int64)
        for pool in range(L.POOL_COUNT):
            self.m[L.H_POOLS + pool * L.POOL_WORDS + L.PL_CAP] = UNLIMITED

    def step_rows(self, rows: Words, words: int, sink: Sink) -> int:  # noqa: ARG002 (EngineLike)
        return 0


def check(config: Config) -> Registry:
    """The registry that the configuration makes; raises ConfigError naming the file and key of the first record that is refused."""
    registry, engine = Registry(), DryEngine(config.settings.capacities)
    for item in config.items:
        try:
            body = ar.pack("config", "", item.record)
        except ValueError as error:
            raise ConfigError(item.file, item.path, str(error)) from error
        answer = registry.apply(body, engine, lambda rows: None)
        if not answer.ok:
            raise place(item.file, item.path, answer.text)
    return registry


def place(file: str, path: str, text: str) -> ConfigError:
    """A record's refusal with the key as the file has it: "k: ..." at market[0] becomes market[0].winners."""
    match = _LEADING.match(text)
    if match is None:
        return ConfigError(file, path, text)
    key = _KEYS.get(match[1], match[1]) + match[2].removesuffix(": ")
    return ConfigError(file, path if path.endswith(f".{key}") else f"{path}.{key}", text[match.end() :])


def summary(registry: Registry) -> str:
    """One line: what the configuration holds."""
    wires = Counter(session.record.wire for session in registry.sessions)
    counts = {
        "assets": len(registry.assets),
        "venues": len(registry.venues),
        "markets": len(registry.events),
        "instruments": len(registry.instruments),
        "firms": len(registry.firms),
        "accounts": sum(account.record is not None for account in registry.accounts),
        **{f"{wire} sessions": count for wire, count in sorted(wires.items())},
        "deposits": len(registry.keys),
    }
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)

"""The server's own settings, [server] in a configuration file: the one table of them, and the rules between them.

The file's schema (schema.py), the reader (load.py), the settings that a data folder stores and docs/configuration.md are derived from it. A
file sets some of them; the others are what the data folder has, or the default of a new one.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from msgspec import Meta

from . import schema_types as t
from .amounts import ConfigError, duration_ns
from .fields import DURATION, NEVER, RESTART, TEXT, Field, duration_text, fields_of
from .kinds import Count, Positive

SECOND = 10**9


class Settings(NamedTuple):
    """Durations in ns. `capacities`: of the core's tables, as the file has them."""

    host: Annotated[str, Field(TEXT, takes=RESTART)] = "127.0.0.1"
    fix_port: Annotated[t.Port, Field(takes=RESTART)] = 9880
    binary_port: Annotated[t.Port, Field(takes=RESTART)] = 9890
    mode: Annotated[Literal["sync", "async"], Field(takes=RESTART)] = "sync"
    sending_time_tolerance_ns: Annotated[Count, Field(DURATION, key="sending_time_tolerance", takes=RESTART)] = 120 * SECOND
    heartbeat_min_ns: Annotated[Count, Field(DURATION, key="heartbeat_min", takes=RESTART)] = 2 * SECOND
    heartbeat_max_ns: Annotated[Count, Field(DURATION, key="heartbeat_max", takes=RESTART)] = 60 * SECOND
    clordid_retention_ns: Annotated[Count, Field(DURATION, key="clordid_retention", takes=NEVER)] = 72 * 3600 * SECOND
    clock_jump_ns: Annotated[Count, Field(DURATION, key="clock_jump", takes=RESTART)] = 5 * SECOND
    clock_jump_at_start_ns: Annotated[Count, Field(DURATION, key="clock_jump_at_start", takes=RESTART)] = 60 * SECOND
    clock_absence_ns: Annotated[Count, Field(DURATION, key="clock_absence", takes=RESTART)] = 30 * 86_400 * SECOND
    session_throttle: Annotated[int, Meta(ge=0), Field(takes=RESTART)] = 10_000
    session_throttle_window_ns: Annotated[Count, Field(DURATION, key="session_throttle_window", takes=RESTART)] = SECOND
    admin_port: Annotated[t.Port, Field(takes=RESTART)] = 0  # remote administration, under TLS only; 0: off
    tls_cert: Annotated[str, Field(TEXT, takes=RESTART)] = ""  # certificate chain, PEM; a relative path begins at the data folder
    tls_key: Annotated[str, Field(TEXT, takes=RESTART)] = ""
    tls_ports: Annotated[tuple[Literal["fix", "binary", "admin"], ...], Field(takes=RESTART)] = (
        "fix",
        "binary",
        "admin",
    )  # if there is a certificate
    operators: Annotated[
        tuple[Annotated[int, Meta(ge=0, lt=1 << 32)], ...], Field(takes=RESTART)
    ] = ()  # uids; none: the server's own, and root
    follower: Annotated[Literal["on", "off"], Field(takes=RESTART)] = "on"
    follower_core: Annotated[str, Field(TEXT, takes=RESTART)] = "auto"  # none, or the number of a core
    snapshot_rows: Annotated[Positive, Field(takes=RESTART)] = 2_000_000
    snapshot_bytes: Annotated[Positive, Field(takes=RESTART)] = 1 << 30
    snapshot_age_ns: Annotated[Positive, Field(DURATION, key="snapshot_age", takes=RESTART)] = 3600 * SECOND
    snapshots_kept: Annotated[int, Meta(ge=1, le=1000), Field(takes=RESTART)] = 3
    snapshot_days: Annotated[int, Meta(ge=0, le=1000), Field(takes=RESTART)] = 7
    archive: Annotated[str, Field(TEXT, takes=RESTART)] = ""  # a folder; a relative path begins at the data folder
    event_retention_ns: Annotated[Count, Field(DURATION, key="event_retention", takes=RESTART)] = 72 * 3600 * SECOND
    capacities: Annotated[dict[str, int], Field(key=None, takes=RESTART)] = {}


def key_of(name: str) -> str:
    """The key of a setting in [server]."""
    return next(str(field.key) for field in fields_of(Settings) if field.name == name)


def named(file: str, server: Any) -> dict[str, Any]:
    """What a file's [server] sets, by the name of the setting. Raises ConfigError for what is no duration."""
    out: dict[str, Any] = {}
    for field in fields_of(Settings):
        value = getattr(server, str(field.key), None)
        if value is not None:
            out[field.name] = duration_ns(file, f"server.{field.key}", value) if field.unit == DURATION else value
    return out


def refuse_contradictions(file: str, settings: Settings) -> None:
    """The rules between settings. Raises ConfigError."""
    low, high = settings.heartbeat_min_ns, settings.heartbeat_max_ns
    if not 0 < low <= high:
        raise ConfigError(
            file,
            "server.heartbeat_min",
            f"must be between 1ns and heartbeat_max {duration_text(high)}, asked {duration_text(low)}",
        )
    if -(-low // SECOND) > high // SECOND:
        raise ConfigError(
            file,
            "server.heartbeat_max",
            f"there is no whole second (FIX 108) between {duration_text(low)} and {duration_text(high)}",
        )
    if settings.session_throttle and not settings.session_throttle_window_ns:
        raise ConfigError(file, "server.session_throttle_window", "must be longer than 0s if there is a session_throttle")
    core = settings.follower_core
    if re.fullmatch(r"auto|none|[0-9]{1,4}", core) is None:
        raise ConfigError(file, "server.follower_core", f'is "{core[:64]}": must be "auto", "none", or the number of a core in quotes')

    if settings.archive and settings.snapshots_kept < 2:
        raise ConfigError(
            file, "server.snapshots_kept", "must be at least 2 with an archive: a start needs a second snapshot where the first is damaged"
        )
    _refuse_tls(file, settings)


def _refuse_tls(file: str, settings: Settings) -> None:
    """Certificate and key go together; remote administration is never plain."""
    cert, key = bool(settings.tls_cert), bool(settings.tls_key)
    if cert != key:
        have, need = ("tls_cert", "tls_key") if cert else ("tls_key", "tls_cert")
        raise ConfigError(file, f"server.{need}", f"is needed with {have}: a certificate and its key go together")
    if settings.admin_port and not cert:
        raise ConfigError(file, "server.admin_port", "remote administration is under TLS only: set tls_cert and tls_key, or admin_port = 0")
    if settings.admin_port and "admin" not in settings.tls_ports:
        raise ConfigError(file, "server.tls_ports", "remote administration is under TLS only: name admin, or set admin_port = 0")
    ports = [("fix_port", settings.fix_port), ("binary_port", settings.binary_port), ("admin_port", settings.admin_port)]
    for name, port in ports:
        other = next((other for other, number in ports if number == port and other != name), "")
        if port and other and "admin_port" in (name, other):
            raise ConfigError(file, "server.admin_port", f"is {port}, which is also {name if name != 'admin_port' else other}")


def stored(settings: Settings) -> dict[str, Any]:
    """The settings that a data folder keeps for its next start; a list is a text with commas."""
    values = {key: ",".join(map(str, value)) if isinstance(value, tuple) else value for key, value in settings._asdict().items()}
    return {key: value for key, value in values.items() if isinstance(value, int | str)}


def over(base: Settings, values: Mapping[str, Any]) -> Settings:
    """`base` with these values, as far as there are such settings."""
    return base._replace(**{key: _read(key, value) for key, value in values.items() if key in Settings._fields})


def _read(name: str, value: Any) -> Any:
    """A value as `stored` writes it."""
    default = Settings._field_defaults[name]
    if not isinstance(default, tuple) or not isinstance(value, str):
        return value
    words = [word for word in value.split(",") if word]
    return tuple(map(int, words)) if name == "operators" else tuple(words)


def shown(name: str, value: Any) -> str:
    """A setting's value as a file has it."""
    field = next(field for field in fields_of(Settings) if field.name == name)
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in value) + "]"
    return duration_text(value) if field.unit == DURATION else str(value)

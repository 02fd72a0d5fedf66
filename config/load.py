"""Reads configuration files: TOML to structs (schema.py) to admin records. Every error names file and key.

`load(path)` gives the settings of the server and the records in the order in which they must be applied. It checks what can be
checked on one file: keys, types, amounts on their grid, names of tables. Relations between records and the listing rules
are checked by applying them to an empty registry (`exos config check`).
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from . import admin_records as ar
from . import schema, sources, template_uses, wording
from . import settings as server
from .amounts import ConfigError, UnknownAsset
from .places import shown
from .reader import Item, LeftOut, Reader
from .secret_files import refuse_readable
from .settings import Settings
from .templates import Template

__all__ = ["Config", "ConfigError", "Item", "Settings", "UnknownAsset", "find", "load", "parse", "read_toml"]
SHIPPED = Path(__file__).resolve().parent


class Config(NamedTuple):
    settings: Settings
    items: list[Item]
    files: list[str]  # all that were read, in order
    sandbox: bool = False  # one of them has published passwords
    decimals: dict[str, int] = {}  # of the assets that the files define
    left_out: list[LeftOut] = []  # items that use unknown assets, if leaving them out was allowed
    named: dict[str, Any] = {}  # the settings that [server] sets; the others in `settings` are those of the base


def find(name: str) -> Path:
    """A configuration file by path, or by the name of a shipped one ("sandbox" or "sandbox.toml")."""
    path = Path(name)
    if not sources.sent() and not path.exists() and path.name == name:
        shipped = SHIPPED / (name if name.endswith(".toml") else f"{name}.toml")
        if shipped.exists():
            return shipped
    return path


def load(
    name: str | Path,
    known: Mapping[str, int] | None = None,
    items: bool = True,
    leave_out: bool = False,
    base: Mapping[str, Any] | None = None,
) -> Config:
    """Read a file with all its includes; raises ConfigError. `known`: decimals of assets that the file may use without defining them (those
    of the server). `items` False: only settings and marks, for a file whose assets are not known yet. `leave_out`: leave out items that use
    an unknown asset, instead of refusing them. `base`: the settings where the file has none; None: the defaults."""
    files = list(_files(find(str(name)), [], {}))
    own: dict[str, Any] | None = None
    capacities: dict[str, int] = {}
    assets: dict[str, int] = dict(known or {})
    for _, parsed in files:
        assets.update({asset.name: asset.decimals for asset in parsed.asset})
    for file, parsed in files:
        if parsed.server is not None:
            if own is not None:
                raise ConfigError(file, "server", "is in more than one of the files read")
            own = server.named(file, parsed.server)
            server.refuse_contradictions(file, server.over(server.over(Settings(), base or {}), own))
        if parsed.capacities is not None:
            capacities.update({key: value for key, value in msgspec.structs.asdict(parsed.capacities).items() if value is not None})
    settings = server.over(server.over(Settings(), base or {}), own or {})._replace(capacities=capacities)
    kinds: list[list[Item]] = [[], [], [], [], [], [], [], []]
    left_out: list[LeftOut] = []
    for file, parsed in files if items else ():
        reader = Reader(
            file,
            assets,
            _data(file, parsed.data),
            (settings.session_throttle, settings.session_throttle_window_ns),
            left_out if leave_out else None,
        )
        kinds[0] += reader.assets(parsed)
        kinds[1] += [*reader.venues(parsed), *reader.quotas(parsed)]
        kinds[2] += reader.markets(parsed)
        kinds[3] += reader.listings(parsed)
        kinds[3] += reader.series(parsed)
        kinds[4] += reader.members(parsed)
        kinds[5] += reader.keys(parsed)
        kinds[6] += reader.rules(parsed)
        kinds[7] += reader.removals(parsed)
    read = [item for kind in kinds for item in kind]
    _refuse_twice(read)
    sandbox = any(parsed.sandbox for _, parsed in files)
    defined = {asset.name: asset.decimals for _, parsed in files for asset in parsed.asset}
    return Config(settings, read, [file for file, _ in files], sandbox, defined, left_out, own or {})


def templates_of(name: str | Path) -> dict[str, Template]:
    """The templates that a file and its includes define, by name; raises ConfigError."""
    own: dict[str, Template] = {}
    for _ in _files(find(str(name)), [], own):
        pass
    return own


def _refuse_twice(items: list[Item]) -> None:
    seen: dict[tuple[str, str], Item] = {}
    for item in items:
        closed = isinstance(item.record, ar.Close | ar.RemoveAccessRule)
        key = item.record.identity if isinstance(item.record, ar.Close) else ar.identity(item.record)
        if key is None:
            continue
        if closed and key in seen:
            raise ConfigError(
                item.file, item.path, f'{key[0]} "{key[1]}" is defined at {seen[key].file}: {seen[key].path}, and removed here'
            )
        if key in seen:
            first = seen[key]
            raise ConfigError(item.file, item.path, f'{key[0]} "{key[1]}" is defined a second time; first at {first.file}: {first.path}')
        seen[key] = item


# -------------------------------------------------------------------------------------------------------- the files
def _files(path: Path, above: list[Path], own: dict[str, Template]) -> Iterator[tuple[str, schema.ReadFile]]:
    """A file, preceded by the files it includes. `own`: collects the templates that they define; a file may use those of the files before it."""
    file = str(path)
    if path.resolve() in above:
        raise ConfigError(file, "include", "includes itself")
    content = read_toml(path)
    include = content.get("include", [])
    for i, name in enumerate(include if isinstance(include, list) else []):
        inner = path.parent / str(name)
        if not sources.exists(inner):
            raise ConfigError(file, f"include[{i}]", _absent(inner))
        yield from _files(inner, [*above, path.resolve()], own)
    parsed = parse(file, content, own)
    refuse_open_secrets(path, parsed)
    yield file, parsed


def refuse_open_secrets(path: Path, parsed: schema.File) -> None:
    """A file with secrets must be accessible to its owner only; the secrets of the shipped files are published."""
    if sources.sent() or path.resolve().parent == SHIPPED:
        return
    for i, member in enumerate(parsed.member):
        for j, session in enumerate(member.session):
            if session.secret is not None:
                refuse_readable(str(path), f"member[{i}].session[{j}].secret")


def read_toml(path: Path) -> dict[str, Any]:
    """Parsed TOML; raises ConfigError with line and column if it is not TOML."""
    try:
        return tomllib.loads(sources.read(path).decode("utf-8"))
    except FileNotFoundError:
        if sources.sent():
            raise ConfigError(str(path), "", _absent(path)) from None
        shipped = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.toml")))
        raise ConfigError(str(path), "", f"there is no such file (shipped by name: {shipped})") from None
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "", f"is not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), "", f"is not TOML: {error}") from error
    except RecursionError as error:
        raise ConfigError(str(path), "", "is nested too deeply") from error


def _absent(path: Path) -> str:
    return (
        f"there is no file {path} among those that were sent: {', '.join(sources.known())}"
        if sources.sent()
        else f"there is no file {path}"
    )


def parse(file: str, content: dict[str, Any], own: dict[str, Template] | None = None) -> schema.ReadFile:
    """Structs from parsed TOML; raises ConfigError for an unknown key (naming the nearest), a missing one, or a wrong type. `own`: templates that were
    defined before; those of this file are added."""
    own = {} if own is None else own
    template_uses.own_templates(file, content, own)
    origin: list[int] = []
    if isinstance(content.get("market"), list):
        keys = schema.Market.__struct_fields__
        tables, origin = template_uses.expanded(file, content, own, _data(file, content.get("data", "")), dict.fromkeys(keys))
        content = {**content, "market": tables}
    if isinstance(content.get("series"), list):
        content = {**content, "series": template_uses.series(file, content, own, dict.fromkeys(schema.Market.__struct_fields__))}
    try:
        parsed = msgspec.convert(content, schema.File, strict=True)
        return schema.ReadFile(**{name: getattr(parsed, name) for name in schema.File.__struct_fields__}, origin=tuple(origin))
    except msgspec.ValidationError as error:
        key, sentence, value = wording.fault(schema.File, content)
        number = key[1] if len(key) > 1 and key[0] == "market" else None
        if isinstance(number, int):
            key = ("market", origin[number], *key[2:])
        if isinstance(value, float):
            sentence += ': write numbers with a decimal point in quotes, "0.01"'
        raise ConfigError(file, shown(key), sentence) from error


def _data(file: str, name: Any) -> dict[str, list[dict[str, str]]]:
    """The tables of a data file: lists of rows whose values are texts (lists and sub-tables in it are not for markets). name: "" for none."""
    if not name or not isinstance(name, str):
        return {}
    content = read_toml(Path(file).parent / name)
    tables = {}
    for name, rows in content.items():
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            tables[name] = [{key: str(value) for key, value in row.items() if isinstance(value, str | int)} for row in rows]
    return tables

"""[[market]] tables that use a template, in a configuration file: each becomes the table, or with `each` the tables, that it stands for.

Here rows of the data file are filled in, because the parameters of a template are checked with their values. Errors name the key in the file.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from . import templates
from .amounts import ConfigError, duration_ns
from .fields import instant_text
from .series import DATE, DAY
from .templates import Template, TemplateError

_PLACE = re.compile(r"\{([a-z_0-9]*)\}")
Data = Mapping[str, list[dict[str, str]]]


def own_templates(file: str, content: dict[str, Any], known: dict[str, Template]) -> None:
    """Add the file's [[template]] tables to those that are known. Raises ConfigError."""
    tables = content.get("template", [])
    if not isinstance(tables, list):
        raise ConfigError(file, "template", "is a list of tables: [[template]]")
    for i, table in enumerate(tables):
        try:
            template = templates.read(table)
        except TemplateError as error:
            raise ConfigError(file, f"template[{i}]" + (f".{error.field}" if error.field else ""), error.sentence) from None
        if template.name in templates.shipped() or template.name in known:
            raise ConfigError(file, f"template[{i}].name", f"there is a template {template.name} already")
        known[template.name] = template


def find(name: Any, own: Mapping[str, Template]) -> Template:
    """The template of that name. Raises TemplateError with the near names."""
    known = {**templates.shipped(), **own}
    if not isinstance(name, str) or name not in known:
        raise TemplateError(str(name)[:64], "template", f"there is no such template; known: {', '.join(known)}")
    return known[name]


def expanded(
    file: str, content: dict[str, Any], own: Mapping[str, Template], data: Data, market_keys: Mapping[str, Any]
) -> tuple[list[Any], list[int]]:
    """The [[market]] tables of a file without templates, and for each the number of the table that it came from. Raises ConfigError."""
    tables: list[Any] = []
    origin: list[int] = []
    for i, written in enumerate(content.get("market", [])):
        table = _times_as_text(written)
        made = [table]
        if isinstance(table, dict) and "template" in table:
            try:
                made = _uses(file, f"market[{i}]", table, own, data, market_keys)
            except TemplateError as error:
                path = f"market[{i}]" + (f".{error.field}" if error.field else "")
                raise ConfigError(file, path, f"template {error.template}: {error.sentence}") from None
        tables += made
        origin += [i] * len(made)
    return tables, origin


def _times_as_text(value: Any) -> Any:
    """TOML has a type for times; a market's table has them as texts, because {placeholders} may be filled in."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _times_as_text(one) for key, one in value.items()}
    return [_times_as_text(one) for one in value] if isinstance(value, list) else value


def _uses(
    file: str, path: str, table: dict[str, Any], own: Mapping[str, Template], data: Data, market_keys: Mapping[str, Any]
) -> list[dict[str, Any]]:
    template = find(table["template"], own)
    given = {key: value for key, value in table.items() if key not in ("template", "each")}
    rows: list[dict[str, str]] = [{}]
    if "each" in table:
        each = table["each"]
        if not isinstance(each, dict) or set(each) != {"table"}:
            raise ConfigError(file, f"{path}.each", 'names a table of the data file: each = { table = "matches" }')
        rows = rows_of(file, f"{path}.each.table", data, each["table"])
    made = []
    for row in rows:
        filled = {key: _filled(file, f"{path}.{key}", value, row, data) for key, value in given.items()} if row or data else given
        made.append(templates.expand(template, filled, market_keys))
    return made


def rows_of(file: str, path: str, data: Data, name: Any) -> list[dict[str, str]]:
    """The rows of a table of the data file. Raises ConfigError."""
    if not isinstance(name, str) or name not in data:
        known = ", ".join(data) or "none: the file names no data file"
        raise ConfigError(file, path, f'there is no table "{name}" in the data file; known: {known}')
    return data[name]


def _filled(file: str, path: str, value: Any, row: Mapping[str, str], data: Data) -> Any:
    """A parameter with the columns of a row filled in; a list of outcomes from another table, with `where`, as with contracts_from."""
    if isinstance(value, str):
        return _text(file, path, value, row) if row else value
    if isinstance(value, list):
        return [_filled(file, f"{path}[{i}]", one, row, data) for i, one in enumerate(value)]
    if isinstance(value, dict) and "table" in value:
        return _outcomes(file, path, value, row, data)
    if isinstance(value, dict):
        return {key: _filled(file, f"{path}.{key}", one, row, data) for key, one in value.items()}
    return value


def _outcomes(file: str, path: str, source: dict[str, Any], row: Mapping[str, str], data: Data) -> list[dict[str, str]]:
    unknown = set(source) - {"table", "where", "code", "title"}
    if unknown or "code" not in source:
        raise ConfigError(
            file, path, 'outcomes from a table: { table = "teams", code = "{code}", title = "{name}", where = { group = "{letter}" } }'
        )
    rows = rows_of(file, f"{path}.table", data, source["table"])
    for column, wanted in source.get("where", {}).items():
        if not any(column in one for one in rows):
            raise ConfigError(file, f"{path}.where.{column}", f"table {source['table']} has no such column; known: {', '.join(rows[0])}")
        value = _text(file, f"{path}.where.{column}", str(wanted), row)
        rows = [one for one in rows if one.get(column) == value]
    if not rows:
        raise ConfigError(file, path, f"no row of {source['table']} matches")
    return [
        {key: _text(file, f"{path}.{key}", str(source[key]), {**row, **one}) for key in ("code", "title") if key in source} for one in rows
    ]


def _text(file: str, path: str, text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            known = ", ".join(f"{{{name}}}" for name in values) or "none here"
            raise ConfigError(file, path, f"{match[0]} is unknown; known:  {known}")
        return values[match[1]]

    return _PLACE.sub(value, text)


# -------------------------------------------------------------------------------------------------- series
_OFFSET = re.compile(r"\+([0-9]+(?:ns|us|ms|s|m|h|d))\Z")


def series(file: str, content: dict[str, Any], own: Mapping[str, Template], market_keys: Mapping[str, Any]) -> list[Any]:
    """The [[series]] tables of a file, with the market of each as a [[market]] table without template. Raises ConfigError."""
    tables = []
    for i, written in enumerate(content["series"]):
        table = _times_as_text(written)
        if isinstance(table, dict) and isinstance(table.get("market"), dict):
            path = f"series[{i}].market"
            market = {"series": table.get("name", ""), "owner_venue": table.get("owner_venue", ""), **_counted(file, path, table["market"])}
            try:
                if "template" in market:
                    (market,) = _uses(file, path, market, own, {}, market_keys)
            except TemplateError as error:
                place = f"{path}.{error.field}" if error.field else path
                raise ConfigError(file, place, f"template {error.template}: {error.sentence}") from None
            table = {**table, "market": market}
        tables.append(table)
    return tables


def counted(text: str) -> str:
    """A value with what stands for the day of a listing in the place of {date} and {day}, or a time counted from it, "+6h". Raises ConfigError."""
    offset = _OFFSET.match(text)
    if offset is not None:
        return instant_text(duration_ns("", "", offset[1]))
    return text.replace("{date}", DATE).replace("{day}", DAY)


def _counted(file: str, path: str, value: Any) -> Any:
    if isinstance(value, str):
        try:
            return counted(value)
        except ConfigError as error:
            raise ConfigError(file, path, error.sentence) from None
    if isinstance(value, dict):
        return {key: _counted(file, f"{path}.{key}", one) for key, one in value.items()}
    return [_counted(file, f"{path}[{i}]", one) for i, one in enumerate(value)] if isinstance(value, list) else value

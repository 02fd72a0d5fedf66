"""Reads configuration files: TOML to structs (schema.py) to admin records, with every mistake named by file and key.

`load(path)` gives the settings of the server and the records in the order in which they must be applied. It checks what one
file can tell: keys, types, amounts on their grid, names of tables. Whether the records fit each other and the rules of
listing is told by applying them to an empty registry (`exos config check`).
"""

import difflib
import hashlib
import re
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from . import admin_records as ar
from . import schema

_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
_DURATION = re.compile(r"([0-9]{1,12})(ns|us|ms|s|m|h|d)\Z")
_AMOUNT = re.compile(r"[0-9]{1,19}(\.[0-9]{1,19})?\Z")
_PLACE = re.compile(r"\{([a-z_0-9]*)\}")
SHIPPED = Path(__file__).resolve().parent


class ConfigError(Exception):
    """A configuration that cannot be used: `file`, `path` (the key, "" for the whole file) and one sentence."""

    def __init__(self, file: str, path: str, sentence: str) -> None:
        super().__init__(f"{file}: {path}: {sentence}" if path else f"{file}: {sentence}")
        self.file, self.path, self.sentence = file, path, sentence


class Item(NamedTuple):
    """One record to apply, and where it was written. `only_with`: applied only when the market of that event is new (its first phase)."""

    record: ar.AnyRecord
    file: str
    path: str
    only_with: str = ""


class Settings(NamedTuple):
    """The server's own settings, durations in ns; see schema.Server."""

    host: str
    fix_port: int
    binary_port: int
    mode: str
    sending_time_tolerance_ns: int
    heartbeat_min_ns: int
    heartbeat_max_ns: int
    clordid_retention_ns: int
    capacities: dict[str, int]


class Config(NamedTuple):
    settings: Settings
    items: list[Item]
    files: list[str]  # all that were read, in order


def find(name: str) -> Path:
    """A configuration file by path, or by the bare name of one that is shipped ("sandbox" or "sandbox.toml")."""
    path = Path(name)
    if not path.exists() and path.name == name:
        shipped = SHIPPED / (name if name.endswith(".toml") else f"{name}.toml")
        if shipped.exists():
            return shipped
    return path


def load(name: str | Path) -> Config:
    """Read a file with all it includes; raises ConfigError."""
    files = list(_files(find(str(name)), []))
    settings: Settings | None = None
    capacities: dict[str, int] = {}
    assets: dict[str, int] = {}
    for _, parsed in files:
        assets.update({asset.name: asset.decimals for asset in parsed.asset})
    kinds: list[list[Item]] = [[], [], [], [], []]
    for file, parsed in files:
        if parsed.server is not None:
            if settings is not None:
                raise ConfigError(file, "server", "stands in more than one of the files read")
            settings = _settings(file, parsed.server)
        if parsed.capacities is not None:
            capacities.update({key: value for key, value in msgspec.structs.asdict(parsed.capacities).items() if value is not None})
        reader = Reader(file, assets, _data(file, parsed))
        kinds[0] += reader.assets(parsed)
        kinds[1] += reader.venues(parsed)
        kinds[2] += reader.markets(parsed)
        kinds[3] += reader.listings(parsed)
        kinds[4] += reader.members(parsed)
    settings = settings or _settings("", schema.Server())
    items = [item for kind in kinds for item in kind]
    _refuse_twice(items)
    return Config(settings._replace(capacities=capacities), items, [file for file, _ in files])


def _refuse_twice(items: list[Item]) -> None:
    seen: dict[tuple[str, str], Item] = {}
    for item in items:
        key = ar.identity(item.record)
        if key is None:
            continue
        if key in seen:
            first = seen[key]
            raise ConfigError(item.file, item.path, f'{key[0]} "{key[1]}" is defined a second time; first at {first.file}: {first.path}')
        seen[key] = item


def _settings(file: str, server: schema.Server) -> Settings:
    def ns(key: str) -> int:
        return duration_ns(file, f"server.{key}", getattr(server, key))

    low, high = ns("heartbeat_min"), ns("heartbeat_max")
    if not 0 < low <= high:
        raise ConfigError(
            file, "server.heartbeat_min", f"must lie between 1ns and heartbeat_max {server.heartbeat_max}, asked {server.heartbeat_min}"
        )
    return Settings(
        server.host, server.fix_port, server.binary_port, server.mode, ns("sending_time_tolerance"), low, high, ns("clordid_retention"), {}
    )  # fmt: skip


# -------------------------------------------------------------------------------------------------------- the files
def _files(path: Path, above: list[Path]) -> Iterator[tuple[str, schema.File]]:
    """A file after those it includes."""
    file = str(path)
    if path.resolve() in above:
        raise ConfigError(file, "include", "includes itself")
    parsed = parse(file, read_toml(path))
    for i, name in enumerate(parsed.include):
        inner = path.parent / name
        if not inner.exists():
            raise ConfigError(file, f"include[{i}]", f"there is no file {inner}")
        yield from _files(inner, [*above, path.resolve()])
    yield file, parsed


def read_toml(path: Path) -> dict[str, Any]:
    """Parsed TOML; raises ConfigError, with line and column where it is not TOML."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        shipped = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.toml")))
        raise ConfigError(str(path), "", f"there is no such file (shipped by name: {shipped})") from None
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "", f"is not UTF-8 at byte {error.start}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), "", f"is not TOML: {error}") from error


def parse(file: str, content: dict[str, Any]) -> schema.File:
    """Structs from parsed TOML; raises ConfigError for an unknown key (naming the nearest), a missing one, or a wrong type."""
    _refuse_unknown(file, content, schema.File, "")
    try:
        return msgspec.convert(content, schema.File, strict=True)
    except msgspec.ValidationError as error:
        sentence, _, place = str(error).partition(" - at ")
        path = place.strip("`").removeprefix("$").removeprefix(".")
        sentence = sentence.replace("`", "").replace("Object missing required field", "is missing the key")
        if "got float" in sentence:
            sentence += ': write numbers with a point in quotes, "0.01"'
        raise ConfigError(file, path, sentence[:1].lower() + sentence[1:]) from error


def _refuse_unknown(file: str, value: Any, kind: Any, path: str) -> None:
    """Walk data and types side by side, and refuse the first key that the struct there does not have."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        kind = next((a for a in typing.get_args(kind) if isinstance(a, type) and issubclass(a, msgspec.Struct)), None)
    if typing.get_origin(kind) is tuple and isinstance(value, list):
        for i, element in enumerate(value):
            _refuse_unknown(file, element, typing.get_args(kind)[0], f"{path}[{i}]")
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
        hints = typing.get_type_hints(kind)
        for key, inner in value.items():
            here = f"{path}.{key}" if path else key
            if key not in hints:
                near = difflib.get_close_matches(key, hints, 1, 0.5)
                advice = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(hints)}"
                raise ConfigError(file, here, f"unknown key; {advice}")
            _refuse_unknown(file, inner, hints[key], here)


def _data(file: str, parsed: schema.File) -> dict[str, list[dict[str, str]]]:
    """The tables of a data file: lists of rows whose values are texts (lists and sub-tables in it are not for markets)."""
    if not parsed.data:
        return {}
    content = read_toml(Path(file).parent / parsed.data)
    tables = {}
    for name, rows in content.items():
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            tables[name] = [{key: str(value) for key, value in row.items() if isinstance(value, str | int)} for row in rows]
    return tables


# ------------------------------------------------------------------------------------------------------ texts to numbers
def duration_ns(file: str, path: str, text: str) -> int:
    """ns of "72h"; refuses anything that is not digits and a unit."""
    match = _DURATION.match(text)
    if match is None:
        raise ConfigError(file, path, f'not a duration: "{text}" (a whole number with {", ".join(_UNITS)}, like "72h")')
    ns = int(match[1]) * _UNITS[match[2]]
    if ns > ar.MAX_AMOUNT:
        raise ConfigError(file, path, f"is longer than the server can count: {text}")
    return ns


def scaled(file: str, path: str, amount: schema.Amount, decimals: int, what: str) -> int:
    """An amount as a whole number of its smallest unit: ("0.62", 4) -> 6200. Refuses what is finer, negative or beyond the range."""
    text = str(amount)
    if not _AMOUNT.match(text):
        raise ConfigError(file, path, f'not an amount: "{text}" (digits, and a point where needed)')
    try:
        value = Decimal(text).scaleb(decimals)
    except InvalidOperation as error:  # beyond the precision of decimal
        raise ConfigError(file, path, f"out of range: {text}") from error
    if value != value.to_integral_value():
        raise ConfigError(file, path, f"{text} is finer than {what} allows: {decimals} decimals")
    if value > ar.MAX_AMOUNT:
        raise ConfigError(file, path, f"{text} is above the limit, {ar.MAX_AMOUNT} of its smallest unit")
    return int(value)


class Reader:
    """Turns the tables of one file into records."""

    def __init__(self, file: str, decimals: Mapping[str, int], data: Mapping[str, list[dict[str, str]]]) -> None:
        self.file, self.decimals, self.data = file, decimals, data

    def fill(self, path: str, text: str, values: Mapping[str, str]) -> str:
        """`text` with {name} replaced; refuses a name that is not there."""

        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                known = ", ".join(f"{{{name}}}" for name in values) or "none here"
                raise ConfigError(self.file, path, f"{match[0]} stands for nothing; known: {known}")
            return values[match[1]]

        return _PLACE.sub(value, text)

    def make(self, path: str, kind: type, **fields: Any) -> Item:
        """The record, its fields checked against the bounds of admin_records."""
        tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
        try:
            record: Any = msgspec.convert({"type": tag, **fields}, kind, from_attributes=True)
        except msgspec.ValidationError as error:
            sentence, _, place = str(error).partition(" - at ")
            key = place.strip("`").removeprefix("$").removeprefix(".")
            raise ConfigError(self.file, f"{path}.{key}" if key else path, sentence.replace("`", "").lower()) from error
        return Item(record, self.file, path)

    def assets(self, parsed: schema.File) -> Iterator[Item]:
        for i, asset in enumerate(parsed.asset):
            yield self.make(f"asset[{i}]", ar.DefineAsset, **msgspec.structs.asdict(asset))

    def venues(self, parsed: schema.File) -> Iterator[Item]:
        for i, venue in enumerate(parsed.venue):
            path = f"venue[{i}]"
            yield self.make(
                path,
                ar.DefineVenue,
                name=venue.name,
                title=venue.title,
                cutoff_period_ns=duration_ns(self.file, f"{path}.trading_day", venue.trading_day),
                cutoff_offset_ns=duration_ns(self.file, f"{path}.trading_day_ends", venue.trading_day_ends),
                throttle_limit=venue.throttle,
                throttle_window_ns=duration_ns(self.file, f"{path}.throttle_window", venue.throttle_window),
            )

    def listings(self, parsed: schema.File) -> Iterator[Item]:
        for i, listing in enumerate(parsed.listing):
            yield self.make(f"listing[{i}]", ar.DefineListing, venue=listing.venue, event=listing.event, fees=listing.fees)

    # -------------------------------------------------------------------------------------------------- members
    def members(self, parsed: schema.File) -> Iterator[Item]:
        for i, member in enumerate(parsed.member):
            for n in range(1, (member.count or 1) + 1):
                yield from self.member(f"member[{i}]", member, {"n": str(n)} if member.count else {})

    def member(self, path: str, member: schema.Member, values: Mapping[str, str]) -> Iterator[Item]:
        firm = self.fill(f"{path}.firm", member.firm, values)
        yield self.make(path, ar.DefineFirm, name=firm, title=self.fill(f"{path}.title", member.title, values))
        for i, account in enumerate(member.account):
            here = f"{path}.account[{i}]"
            name = self.fill(f"{here}.name", account.name, values)
            yield self.make(here, ar.DefineAccount, name=name, firm=firm, venue=account.venue)
            for asset, amount in account.deposit.items():
                if asset not in self.decimals:
                    raise ConfigError(self.file, f"{here}.deposit.{asset}", f"there is no asset {asset}; known: {', '.join(self.decimals)}")
                minor = scaled(self.file, f"{here}.deposit.{asset}", amount, self.decimals[asset], asset)
                yield self.make(
                    f"{here}.deposit.{asset}", ar.Transfer, key=f"config:{name}:{asset}", asset=asset, amount=minor, target=name,
                    note="first deposit of the configuration",
                )  # fmt: skip
        for i, session in enumerate(member.session):
            yield self.session(f"{path}.session[{i}]", session, firm, values)

    def session(self, path: str, session: schema.Session, firm: str, values: Mapping[str, str]) -> Item:
        def text(key: str) -> str:
            return self.fill(f"{path}.{key}", getattr(session, key), values)

        secret = text("secret")
        if not secret:
            raise ConfigError(self.file, f"{path}.secret", "must not be empty")
        fix = session.wire == "fix"
        return self.make(
            path,
            ar.DefineSession,
            name=text("name"),
            wire=session.wire,
            firm=firm,
            account=text("account"),
            venue=session.venue,
            our_comp_id=text("our_comp_id"),
            peer_comp_id=text("peer_comp_id"),
            username=text("username"),
            password_sha256=hashlib.sha256(secret.encode()).hexdigest() if fix else "",
            key=text("key"),
            hmac_secret="" if fix else secret,
            cancel_on_disconnect=session.cancel_on_disconnect,
            settlement_reports=session.settlement_reports,
            throttle_limit=session.throttle,
            throttle_window_ns=duration_ns(self.file, f"{path}.throttle_window", session.throttle_window),
        )

    # -------------------------------------------------------------------------------------------------- markets
    def table(self, path: str, name: str) -> list[dict[str, str]]:
        if name not in self.data:
            known = ", ".join(self.data) or "none: the file names no data file"
            raise ConfigError(self.file, path, f'there is no table "{name}" in the data file; known: {known}')
        return self.data[name]

    def markets(self, parsed: schema.File) -> Iterator[Item]:
        for i, market in enumerate(parsed.market):
            path = f"market[{i}]"
            rows: list[dict[str, str]] = [{}] if market.each is None else self.table(f"{path}.each.table", market.each.table)
            for values in rows:
                item = self.market(path, market, values)
                yield item
                if market.phase == "open":
                    event = item.record.event  # type: ignore[union-attr]
                    yield Item(ar.SetPhase(event=event, phase="open"), self.file, f"{path}.phase", only_with=event)

    def contracts(self, path: str, market: schema.Market, values: Mapping[str, str]) -> list[dict[str, str]]:
        if (market.contracts_from is None) == (not market.contract):
            raise ConfigError(self.file, path, "needs either contract or contracts_from")
        if market.contracts_from is None:
            made = []
            for i, contract in enumerate(market.contract):
                fields = msgspec.structs.asdict(contract)
                made.append({key: self.fill(f"{path}.contract[{i}].{key}", text, values) for key, text in fields.items()})
            return made
        source, here = market.contracts_from, f"{path}.contracts_from"
        rows = self.table(f"{here}.table", source.table)
        for column, wanted in source.where.items():
            value = self.fill(f"{here}.where.{column}", wanted, values)
            if not any(column in row for row in rows):
                raise ConfigError(
                    self.file, f"{here}.where.{column}", f"table {source.table} has no such column; known: {', '.join(rows[0])}"
                )
            rows = [row for row in rows if row.get(column) == value]
        if not rows:
            raise ConfigError(self.file, here, f"no row of {source.table} is chosen")
        return [
            {key: self.fill(f"{here}.{key}", getattr(source, key), {**values, **row}) for key in ("symbol", "outcome", "code")}
            for row in rows
        ]

    def market(self, path: str, market: schema.Market, values: Mapping[str, str]) -> Item:
        def text(key: str) -> str:
            return self.fill(f"{path}.{key}", getattr(market, key), values)

        def price(key: str, amount: schema.Amount) -> int:
            return scaled(self.file, f"{path}.{key}", amount, market.price_decimals, "price_decimals")

        def quantity(key: str) -> int:
            return scaled(self.file, f"{path}.{key}", getattr(market, key), market.qty_decimals, "qty_decimals")

        def unit(key: str, name: str, taken: int, formula: str) -> int:
            """Minor units of an asset in the smallest price and quantity: 1 or more, else the market cannot be counted in whole numbers."""
            if name not in self.decimals:
                raise ConfigError(self.file, f"{path}.{key}", f"there is no asset {name}; known: {', '.join(self.decimals)}")
            left = self.decimals[name] - taken
            if left < 0:
                raise ConfigError(self.file, f"{path}.{key}", f"{name} has {self.decimals[name]} decimals, and {formula} need {taken}")
            return 10**left

        lot = quantity("lot") or 1
        payout = price("payout", market.payout)
        bands = [
            {key: price(f"band[{i}].{key}", getattr(band, key)) for key in ("low", "high", "step")} for i, band in enumerate(market.band)
        ]
        if not bands and payout:
            bands = [{"low": 1, "high": payout - 1, "step": 1}]  # an event contract's whole grid
        return self.make(
            path,
            ar.DefineMarket,
            event=text("event"),
            title=text("title"),
            product=market.product,
            k=market.winners,
            contracts=self.contracts(path, market, values),
            owner_venue=market.owner_venue,
            asset=market.asset,
            base_asset=market.base_asset,
            lot_base=unit("base_asset", market.base_asset, market.qty_decimals, "qty_decimals") if market.base_asset else 0,
            payout=payout,
            tick_value=unit("asset", market.asset, market.price_decimals + market.qty_decimals, "price_decimals and qty_decimals"),
            price_decimals=market.price_decimals,
            qty_decimals=market.qty_decimals,
            bands=bands,
            min_qty=quantity("min_qty") or lot,
            max_qty=quantity("max_qty"),
            lot=lot,
            max_notional=scaled(self.file, f"{path}.max_notional", market.max_notional, self.decimals[market.asset], market.asset),
            max_position=quantity("max_position"),
            collar=price("collar", market.collar),
            protection=price("protection", market.protection),
            fees=market.fees,
            challenge_window_ns=duration_ns(self.file, f"{path}.challenge_window", market.challenge_window),
            rules=text("rules"),
            source=text("source"),
            sharing=market.sharing,
            admits=market.admits,
            void=market.void,
            phase="draft" if market.phase == "draft" else "listed",
        )

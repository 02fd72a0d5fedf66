"""Turns the tables of one configuration file (schema.py) into admin records: repetitions, placeholders, amounts as multiples of their smallest unit."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from protocol import phases

from . import admin_records as ar
from . import schema, wording
from .amounts import ConfigError, UnknownAsset, duration_ns, instant_ns, scaled
from .fields import AMOUNTS, DURATION, INSTANT, MONEY, PRICE, QUANTITY, TEXT, fields_of
from .places import in_file, shown

_PLACE = re.compile(r"\{([a-z_0-9]*)\}")


CLOSED = ("rule", "listing", "market", "session", "account", "firm")  # what a tombstone may name, in the order in which it is done


class Item(NamedTuple):
    """One record to apply, and its place in the file."""

    record: ar.AnyRecord
    file: str
    path: str


class LeftOut(NamedTuple):
    """An item that was left out because the decimals of its asset are not known; `event`: of a market."""

    asset: str
    path: str
    event: str = ""


class Reader:
    """Turns the tables of one file into records."""

    def __init__(
        self,
        file: str,
        decimals: Mapping[str, int],
        data: Mapping[str, list[dict[str, str]]],
        session_throttle: tuple[int, int] = (0, 0),
        left_out: list[LeftOut] | None = None,
    ) -> None:
        """session_throttle: (limit, window in ns) of sessions without their own throttle. left_out: collects the items that use an unknown
        asset (None: they are refused)."""
        self.left_out = left_out
        self.file, self.decimals, self.data, self.session_throttle = file, decimals, data, session_throttle

    def fill(self, path: str, text: str, values: Mapping[str, str]) -> str:
        """`text` with {name} replaced; refuses an unknown name."""

        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                known = ", ".join(f"{{{name}}}" for name in values) or "none here"
                raise ConfigError(self.file, path, f"{match[0]} is unknown; known:  {known}")
            return values[match[1]]

        return _PLACE.sub(value, text)

    def make(self, path: str, kind: type, /, **fields: Any) -> Item:
        """The record, with its fields checked against the bounds of admin_records."""
        tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
        try:
            record: Any = msgspec.convert({"type": tag, **fields}, kind, from_attributes=True)
        except msgspec.ValidationError as error:
            key, sentence, _ = wording.fault(kind, fields)
            raise ConfigError(self.file, f"{path}.{in_file(kind, key)}" if key else path, sentence) from error
        return Item(record, self.file, path)

    def fields(
        self, record: type, path: str, table: Any, values: Mapping[str, str], places: Mapping[str, tuple[int, str]]
    ) -> dict[str, Any]:
        """The record's fields that the file's table has: placeholders filled in, amounts as whole numbers. `places`: for each unit its decimals
        and what they are called."""
        out: dict[str, Any] = {}
        for field in fields_of(record):
            if field.key is None or not hasattr(table, field.key):
                continue
            value, here = getattr(table, field.key), f"{path}.{field.key}"
            if field.unit == TEXT:
                value = self.fill(here, value, values)
            elif field.unit == DURATION and value is not None:
                value = duration_ns(self.file, here, value)
            elif field.unit == INSTANT:
                value = instant_ns(self.file, here, self.fill(here, value, values) if isinstance(value, str) else value)
            elif field.unit in AMOUNTS:
                value = scaled(self.file, here, value, *places[field.unit])
            out[field.name] = value
        return out

    def assets(self, parsed: schema.File) -> Iterator[Item]:
        for i, asset in enumerate(parsed.asset):
            yield self.make(f"asset[{i}]", ar.DefineAsset, **self.fields(ar.DefineAsset, f"asset[{i}]", asset, {}, {}))

    def venues(self, parsed: schema.File) -> Iterator[Item]:
        for i, venue in enumerate(parsed.venue):
            yield self.make(f"venue[{i}]", ar.DefineVenue, **self.fields(ar.DefineVenue, f"venue[{i}]", venue, {}, {}))

    def leave_out(self, error: UnknownAsset, path: str, event: str = "") -> None:
        if self.left_out is None:
            raise error
        self.left_out.append(LeftOut(error.asset, path, event))

    def listings(self, parsed: schema.File) -> Iterator[Item]:
        """The listings, after the markets. If a market was left out, its listings are left out too."""
        for i, listing in enumerate(parsed.listing):
            market = next((left for left in self.left_out or () if left.event == listing.event), None)
            if market is not None and self.left_out is not None:
                self.left_out.append(LeftOut(market.asset, f"listing[{i}]"))
                continue
            yield self.make(f"listing[{i}]", ar.DefineListing, **self.fields(ar.DefineListing, f"listing[{i}]", listing, {}, {}))

    def series(self, parsed: schema.File) -> Iterator[Item]:
        for i, one in enumerate(parsed.series):
            path, market = f"series[{i}]", None
            if one.market is not None:
                try:
                    market = self.market(f"{path}.market", self._market_table(f"{path}.market", one.market), {}).record
                except UnknownAsset as error:
                    self.leave_out(error, path)
                    continue
            yield self.make(path, ar.DefineSeries, **self.fields(ar.DefineSeries, path, one, {}, {}), market=market)

    def _market_table(self, path: str, table: dict[str, Any]) -> schema.Market:
        try:
            return msgspec.convert(table, schema.Market, strict=True)
        except msgspec.ValidationError as error:
            key, sentence, _ = wording.fault(schema.Market, table)
            raise ConfigError(self.file, f"{path}.{shown(key)}" if key else path, sentence) from error

    # -------------------------------------------------------------------------------------------------- members
    def members(self, parsed: schema.File) -> Iterator[Item]:
        for i, member in enumerate(parsed.member):
            for n in range(1, (member.count or 1) + 1):
                yield from self.member(f"member[{i}]", member, {"n": str(n)} if member.count else {})

    def member(self, path: str, member: schema.Member, values: Mapping[str, str]) -> Iterator[Item]:
        fields = self.fields(ar.DefineFirm, path, member, values, {})
        firm = fields["name"]
        yield self.make(path, ar.DefineFirm, **fields)
        for i, account in enumerate(member.account):
            here = f"{path}.account[{i}]"
            own = self.fields(ar.DefineAccount, here, account, values, {})
            name = own["name"]
            yield self.make(here, ar.DefineAccount, firm=firm, **own)
            for asset, amount in account.deposit.items():
                try:
                    places = self.places(f"{here}.deposit.{asset}", asset)
                except UnknownAsset as error:
                    self.leave_out(error, error.path)
                    continue
                minor = scaled(self.file, f"{here}.deposit.{asset}", amount, places, asset)
                yield self.make(
                    f"{here}.deposit.{asset}", ar.Transfer, key=f"config:{name}:{asset}", asset=asset, amount=minor, target=name,
                    note="first deposit of the configuration",
                )  # fmt: skip
        for i, session in enumerate(member.session):
            yield self.session(f"{path}.session[{i}]", session, firm, values)

    def session(self, path: str, session: schema.Session, firm: str, values: Mapping[str, str]) -> Item:
        if session.secret == "":
            raise ConfigError(self.file, f"{path}.secret", "must not be empty; leave it out if the session logs on with keys")
        fields = self.fields(ar.DefineSession, path, session, values, {})
        secret = self.fill(f"{path}.secret", session.secret or "", values)
        fields |= {"firm": firm, "secret": secret, "verifier": ""}  # the verifier is made where the folder's salt is known
        # The session's own throttle, else the server's default; a limit without a window takes the default's window.
        default_limit, default_window_ns = self.session_throttle
        if fields["throttle_limit"] is None:
            fields["throttle_limit"] = default_limit
        if fields["throttle_window_ns"] is None:
            fields["throttle_window_ns"] = default_window_ns if fields["throttle_limit"] else 0
        return self.make(path, ar.DefineSession, **fields)

    # -------------------------------------------------------------------------------------------------- keys
    def keys(self, parsed: schema.File) -> Iterator[Item]:
        """Public halves of Ed25519 keys, after the sessions that they belong to."""
        for i, key in enumerate(parsed.key):
            path, until = f"key[{i}]", 0
            if key.until is not None:
                until = instant_ns(self.file, f"{path}.until", key.until)
            yield self.make(
                path, ar.DefineKey, id=key.id, holder="session", name=key.session, kind="ed25519", verifier=key.public, scopes=key.scopes,
                until_ns=until, addresses=key.addresses, title=key.title,
            )  # fmt: skip

    # -------------------------------------------------------------------------------------------------- tombstones
    def removals(self, parsed: schema.File) -> Iterator[Item]:
        """What depends on something before that on which it depends."""
        named = []
        for i, one in enumerate(parsed.remove):
            kinds = [kind for kind in CLOSED if getattr(one, kind)]
            if len(kinds) != 1:
                raise ConfigError(self.file, f"remove[{i}]", f"names one of {', '.join(CLOSED)}, asked {' and '.join(kinds) or 'none'}")
            owners = [key for key in ("venue", "event") if getattr(one, key)]
            if (
                kinds[0] == "listing"
                and owners != ["venue"]
                or kinds[0] == "rule"
                and len(owners) != 1
                or kinds[0] not in ("listing", "rule")
                and owners
            ):
                wanted = {"listing": "with venue: at which it is listed", "rule": "with venue or event: whose it is"}.get(
                    kinds[0], "without venue and event"
                )
                raise ConfigError(self.file, f"remove[{i}]", f"a {kinds[0]} is named {wanted}, asked {' and '.join(owners) or 'neither'}")
            named.append((CLOSED.index(kinds[0]), i, kinds[0], one))
        for _, i, kind, one in sorted(named, key=lambda row: row[:2]):
            if kind == "rule":
                yield self.make(f"remove[{i}]", ar.RemoveAccessRule, rule=one.rule, venue=one.venue, event=one.event)
            else:
                yield self.make(f"remove[{i}]", ar.Close, kind=kind, name=getattr(one, kind), venue=one.venue, reason=one.why)

    # -------------------------------------------------------------------------------------------------- who may trade where
    def quotas(self, parsed: schema.File) -> Iterator[Item]:
        for i, quota in enumerate(parsed.quota):
            yield self.make(f"quota[{i}]", ar.Quota, **self.fields(ar.Quota, f"quota[{i}]", quota, {}, {}))

    def rules(self, parsed: schema.File) -> Iterator[Item]:
        """Tags of firms, and access rules of venues and markets."""
        for i, tags in enumerate(parsed.tags):
            yield self.make(f"tags[{i}]", ar.FirmTags, **self.fields(ar.FirmTags, f"tags[{i}]", tags, {}, {}))
        for i, rule in enumerate(parsed.rule):
            yield self.make(f"rule[{i}]", ar.AccessRule, **self.fields(ar.AccessRule, f"rule[{i}]", rule, {}, {}))

    # -------------------------------------------------------------------------------------------------- markets
    def table(self, path: str, name: str) -> list[dict[str, str]]:
        if name not in self.data:
            known = ", ".join(self.data) or "none: the file names no data file"
            raise ConfigError(self.file, path, f'there is no table "{name}" in the data file; known: {known}')
        return self.data[name]

    def markets(self, parsed: schema.ReadFile) -> Iterator[Item]:
        for i, market in enumerate(parsed.market):
            path = f"market[{parsed.origin[i]}]"
            rows: list[dict[str, str]] = [{}] if market.each is None else self.table(f"{path}.each.table", market.each.table)
            for values in rows:
                try:
                    item = self.market(path, market, values)
                except UnknownAsset as error:
                    self.leave_out(error, path, self.fill(f"{path}.event", market.event, values))
                    continue
                yield item
                if phases.BY_NAME[market.phase] not in phases.FIRST:
                    event = item.record.event  # type: ignore[union-attr]
                    yield Item(ar.SetPhase(event=event, phase=market.phase), self.file, f"{path}.phase")

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
            raise ConfigError(self.file, here, f"no row of {source.table} matches")
        return [
            {key: self.fill(f"{here}.{key}", getattr(source, key), {**values, **row}) for key in ("symbol", "outcome", "code")}
            for row in rows
        ]

    def market(self, path: str, market: schema.Market, values: Mapping[str, str]) -> Item:
        def unit(key: str, name: str, taken: int, formula: str) -> int:
            """Minor units of an asset for the smallest price and quantity: must be at least 1, so that all amounts are whole numbers."""
            left = self.places(f"{path}.{key}", name) - taken
            if left < 0:
                raise ConfigError(self.file, f"{path}.{key}", f"{name} has {self.decimals[name]} decimals, and {formula} need {taken}")
            return 10**left

        price, qty = market.price_decimals, market.qty_decimals
        tick_value = unit("asset", market.asset, price + qty, "price_decimals and qty_decimals")
        lot_base = unit("base_asset", market.base_asset, qty, "qty_decimals") if market.base_asset else 0
        places = {
            PRICE: (price, "price_decimals"),
            QUANTITY: (qty, "qty_decimals"),
            MONEY: (self.decimals[market.asset], market.asset),
        }
        fields = self.fields(ar.DefineMarket, path, market, values, places)
        bands = [self.fields(ar.Band, f"{path}.band[{i}]", band, {}, places) for i, band in enumerate(market.band)]
        if not bands and fields["payout"]:
            bands = [{"low": 1, "high": fields["payout"] - 1, "step": 1}]  # the whole grid of an event contract
        if fields["product"] == "scalar":
            fields["k"] = fields["k"] or 1  # one contract, which pays
        fields["lot"] = fields["lot"] or 1
        fields["min_qty"] = fields["min_qty"] or fields["lot"]
        if phases.BY_NAME[market.phase] not in phases.FIRST:
            fields["phase"] = phases.name(phases.FIRST[-1])
        contracts = self.contracts(path, market, values)
        fields |= {"contracts": contracts, "bands": bands, "tick_value": tick_value, "lot_base": lot_base}
        return self.make(path, ar.DefineMarket, **fields)

    def places(self, path: str, asset: str) -> int:
        """Decimals of an asset that the file uses."""
        if asset not in self.decimals:
            raise UnknownAsset(self.file, path, asset, self.decimals)
        return self.decimals[asset]

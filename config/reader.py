"""Turns the tables of one configuration file (schema.py) into admin records: repeats, placeholders, amounts on their grid."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from protocol import phases

from . import admin_records as ar
from . import schema, wording
from .amounts import ConfigError, UnknownAsset, duration_ns, scaled

_PLACE = re.compile(r"\{([a-z_0-9]*)\}")


class Item(NamedTuple):
    """One record to apply, and where it was written. `only_with`: applied only when the market of that event is new (its first phase)."""

    record: ar.AnyRecord
    file: str
    path: str
    only_with: str = ""


class Reader:
    """Turns the tables of one file into records."""

    def __init__(
        self, file: str, decimals: Mapping[str, int], data: Mapping[str, list[dict[str, str]]], session_throttle: tuple[int, int] = (0, 0)
    ) -> None:
        """session_throttle: (limit, window ns) of sessions that say nothing themselves."""
        self.file, self.decimals, self.data, self.session_throttle = file, decimals, data, session_throttle

    def fill(self, path: str, text: str, values: Mapping[str, str]) -> str:
        """`text` with {name} replaced; refuses a name that is not there."""

        def value(match: re.Match[str]) -> str:
            if match[1] not in values:
                known = ", ".join(f"{{{name}}}" for name in values) or "none here"
                raise ConfigError(self.file, path, f"{match[0]} is unknown; known:  {known}")
            return values[match[1]]

        return _PLACE.sub(value, text)

    def make(self, path: str, kind: type, **fields: Any) -> Item:
        """The record, its fields checked against the bounds of admin_records."""
        tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
        try:
            record: Any = msgspec.convert({"type": tag, **fields}, kind, from_attributes=True)
        except msgspec.ValidationError as error:
            sentence, key = wording.explained(error, kind, fields)
            raise ConfigError(self.file, f"{path}.{key}" if key else path, sentence) from error
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
        yield self.make(path, ar.DefineFirm, name=firm, title=self.fill(f"{path}.title", member.title, values), share=member.share)
        for i, account in enumerate(member.account):
            here = f"{path}.account[{i}]"
            name = self.fill(f"{here}.name", account.name, values)
            yield self.make(here, ar.DefineAccount, name=name, firm=firm, venue=account.venue)
            for asset, amount in account.deposit.items():
                if asset not in self.decimals:
                    raise UnknownAsset(self.file, f"{here}.deposit.{asset}", asset, self.decimals)
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
            standard_dictionary=session.standard_dictionary,
            timestamp_decimals=session.timestamp_decimals,
            **self.throttle(path, session),
        )

    def throttle(self, path: str, session: schema.Session) -> dict[str, int]:
        """What the session says, else the server's default; a limit without a window takes the default's window."""
        default_limit, default_window_ns = self.session_throttle
        limit = default_limit if session.throttle is None else session.throttle
        if session.throttle_window is not None:
            window_ns = duration_ns(self.file, f"{path}.throttle_window", session.throttle_window)
        else:
            window_ns = default_window_ns if limit else 0
        return {"throttle_limit": limit, "throttle_window_ns": window_ns}

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
                if phases.BY_NAME[market.phase] not in phases.FIRST:
                    event = item.record.event  # type: ignore[union-attr]
                    yield Item(ar.SetPhase(event=event, phase=market.phase), self.file, f"{path}.phase", only_with=event)

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
        def text(key: str) -> str:
            return self.fill(f"{path}.{key}", getattr(market, key), values)

        def price(key: str, amount: schema.Amount) -> int:
            return scaled(self.file, f"{path}.{key}", amount, market.price_decimals, "price_decimals")

        def quantity(key: str) -> int:
            return scaled(self.file, f"{path}.{key}", getattr(market, key), market.qty_decimals, "qty_decimals")

        def unit(key: str, name: str, taken: int, formula: str) -> int:
            """Minor units of an asset in the smallest price and quantity: 1 or more, else the market cannot be counted in whole numbers."""
            if name not in self.decimals:
                raise UnknownAsset(self.file, f"{path}.{key}", name, self.decimals)
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
            phase=market.phase if phases.BY_NAME[market.phase] in phases.FIRST else phases.name(phases.FIRST[-1]),
        )

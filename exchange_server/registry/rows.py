"""Builds the definition rows of core/layout/definitions.py from fields: the only place that knows both the fields' names and their words."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from config import admin_records as ar
from config import budget_records as br
from config import rule_records as rr
from config.fields import Field, fields_of
from protocol import codes

from ..core import layout as L
from ..core.layout import definitions as d
from ..core.layout import plain
from .engine_like import Words

TIME_WEIGHTED = "time_weighted_mid"  # of a void's prices (config/market.py)


def head(kind: int, extra: int = 0) -> int:
    """Word 0 of a definition row."""
    return plain.pack_command(kind, extra, 0, 0, 0, 0)


def row(kind: int, extra: int, fields: Iterable[tuple[int, int]]) -> Words:
    """One row with its extra rows: every (word, value) is set, all other words are 0."""
    words = np.zeros((1 + extra) * L.CMD_WORDS, np.int64)
    words[0] = head(kind, extra)
    for word, value in fields:
        words[word] = value
    return words


def words_of(record: Any, prefix: str, ids: Mapping[tuple[str, str], int]) -> dict[int, int]:
    """The words of one kind of row (`prefix` DE_, DI_ ...), taken from the record by its table of fields; `ids`: see Field.number."""
    kind: Any = type(record)
    return {word: field.number(getattr(record, field.name), ids) for word, field in _words(kind, prefix)}


@functools.cache
def _words(kind: Any, prefix: str) -> list[tuple[int, Field]]:
    return [(getattr(d, field.word), field) for field in fields_of(kind) if field.word.startswith(prefix)]


def put_text(words: Words, word: int, text: str, room_words: int) -> int:
    """Write the UTF-8 bytes of `text` at `word`, little endian; returns their count. The caller has checked that they fit."""
    data = text.encode()
    if len(data) > room_words * 8:
        raise ValueError(f"{len(data)} bytes do not fit {room_words * 8}")
    words[word : word + room_words] = np.frombuffer(data.ljust(room_words * 8, b"\0"), "<i8")
    return len(data)


def asset(id: int, decimals: int, name: str) -> Words:
    words = row(codes.C_DEF_ASSET, d.DA_EXTRA, ((d.DA_ID, id), (d.DA_DECIMALS, decimals)))
    words[d.DA_NAME_LEN] = put_text(words, d.DA_NAME, name, 4)
    return words


def venue(id: int, fee_account: int, record: ar.DefineVenue, quota: rr.Quota | None = None) -> Words:
    words = row(codes.C_DEF_VENUE, d.DV_EXTRA, {d.DV_ID: id, d.DV_FEE_ACCOUNT: fee_account, **words_of(record, "DV_", {})}.items())
    if quota is not None:
        granted = quota.open_orders, quota.messages_per_second, quota.journal_bytes_per_second
        words[[d.DV_MAX_ORDERS, d.DV_MAX_MESSAGES, d.DV_MAX_JOURNAL]] = [value or 0 for value in granted]
    return words


def firm(id: int, record: ar.DefineFirm, closed: bool = False) -> Words:
    return row(codes.C_DEF_FIRM, d.DF_EXTRA, {d.DF_ID: id, d.DF_CLOSED: int(closed), **words_of(record, "DF_", {})}.items())


def account(id: int, firm_id: int, kind: int, session: int, venue_id: int, name: str, closed: bool = False) -> Words:
    words = row(
        codes.C_DEF_ACCOUNT,
        d.DC_EXTRA,
        (
            (d.DC_ID, id),
            (d.DC_FIRM, firm_id),
            (d.DC_KIND, kind),
            (d.DC_SESSION, session),
            (d.DC_VENUE, venue_id),
            (d.DC_CLOSED, int(closed)),
        ),
    )
    words[d.DC_NAME_LEN] = put_text(words, d.DC_NAME, name, 8)
    return words


def session(
    id: int,
    firm_id: int,
    venue_id: int,
    account_id: int,
    wire: int,
    flags: int,
    record: ar.DefineSession,
    our: str,
    peer: str,
    form: int = 0,
    closed: bool = False,
) -> Words:
    own = {
        d.DS_ID: id, d.DS_FIRM: firm_id, d.DS_VENUE: venue_id, d.DS_ACCOUNT: account_id, d.DS_WIRE: wire, d.DS_FLAGS: flags, d.DS_FORM: form,
        d.DS_CLOSED: int(closed),
    }  # fmt: skip
    words = row(codes.C_DEF_SESSION, d.DS_EXTRA, {**own, **words_of(record, "DS_", {})}.items())
    words[d.DS_OUR_LEN] = put_text(words, d.DS_OUR, our, 8)
    words[d.DS_PEER_LEN] = put_text(words, d.DS_PEER, peer, 8)
    return words


def event(id: int, record: ar.DefineMarket, ids: Mapping[tuple[str, str], int]) -> Words:
    """The row of an event, from its market's record; `ids`: of its venue and assets, see Field.number."""
    n = len(record.contracts)
    own = {d.DE_ID: id, d.DE_N: n, d.DE_MIDS: int(record.void is not None and record.void.prices == TIME_WEIGHTED)}
    own |= {d.DE_RESTING: record.resting.bits(), d.DE_ROOM: max(n, record.max_contracts)}
    return row(codes.C_DEF_EVENT, d.DE_EXTRA, {**own, **words_of(record, "DE_", ids)}.items())


def instrument(id: int, event_id: int, index: int, record: ar.DefineMarket, reference: int) -> Words:
    """The row of one contract of a market, with the operator's reference price (0: none)."""
    bands = record.bands
    if not 1 <= len(bands) <= L.MAX_BANDS:
        raise ValueError(f"{len(bands)} bands")
    own = {d.DI_ID: id, d.DI_EVENT: event_id, d.DI_INDEX: index, d.DI_REFERENCE: reference}
    grid = {d.DI_BAND_COUNT: len(bands), d.DI_PRICE_MIN: bands[0].low, d.DI_PRICE_MAX: bands[-1].high}
    words = row(codes.C_DEF_INSTRUMENT, d.DI_EXTRA, {**own, **grid, **words_of(record, "DI_", {})}.items())
    symbol = record.contracts[index].symbol
    words[d.DI_SYMBOL_LEN] = put_text(words, d.DI_SYMBOL, symbol, 8)
    for i, band in enumerate(bands):
        words[d.DI_BANDS + 3 * i : d.DI_BANDS + 3 * i + 3] = band.low, band.high, band.step
    return words


def instruments(first: int, event_id: int, record: ar.DefineMarket) -> list[Words]:
    """The rows of all contracts of a new market, whose ids follow from `first`."""
    one = instrument(first, event_id, 0, record, 0)
    rows = np.tile(one, (len(record.contracts), 1))
    symbols = [contract.symbol.encode() for contract in record.contracts]
    if any(len(symbol) > 64 for symbol in symbols):
        raise ValueError("a symbol does not fit 64 bytes")
    rows[:, d.DI_ID] += np.arange(len(symbols))
    rows[:, d.DI_INDEX] = np.arange(len(symbols))
    rows[:, d.DI_SYMBOL_LEN] = [len(symbol) for symbol in symbols]
    texts = np.frombuffer(b"".join(symbol.ljust(64, b"\0") for symbol in symbols), "<i8")
    rows[:, d.DI_SYMBOL : d.DI_SYMBOL + 8] = texts.reshape(-1, 8)
    return list(rows)


def listings(venue_id: int, first: int, count: int, fees: ar.Fees, owner_account: int, venue_account: int) -> list[Words]:
    """A venue's offer of `count` instruments from `first` on, all with the same fees."""
    own = {d.DL_VENUE: venue_id, d.DL_INSTRUMENT: first, d.DL_OWNER_ACCOUNT: owner_account, d.DL_VENUE_ACCOUNT: venue_account}
    rows = np.tile(row(codes.C_DEF_LISTING, d.DL_EXTRA, {**own, **words_of(fees, "DL_", {})}.items()), (count, 1))
    rows[:, d.DL_INSTRUMENT] += np.arange(count)
    return list(rows)


def bands(event_id: int, grid: Sequence[ar.Band]) -> Words:
    """Another price grid for an event."""
    words = row(codes.C_BANDS, d.DB_EXTRA, ((d.DB_EVENT, event_id), (d.DB_COUNT, len(grid))))
    for i, band in enumerate(grid):
        words[d.DB_BANDS + 3 * i : d.DB_BANDS + 3 * i + 3] = band.low, band.high, band.step
    return words


def add_contract(event_id: int, source: int, done: bool) -> Words:
    """The first and the last row of a new outcome. source: instrument id, 0: none."""
    return row(codes.C_ADD_CONTRACT, d.DW_EXTRA, ((d.DW_EVENT, event_id), (d.DW_FROM, source), (d.DW_DONE, int(done))))


def transfer(source: int, target: int, asset_id: int, amount: int) -> Words:
    return row(codes.C_TRANSFER, d.DT_EXTRA, ((d.DT_FROM, source), (d.DT_TO, target), (d.DT_ASSET, asset_id), (d.DT_AMOUNT, amount)))


def phase(event_id: int, to: int) -> Words:
    return row(codes.C_PHASE, d.DP_EXTRA, ((d.DP_EVENT, event_id), (d.DP_PHASE, to)))


def determine(event_id: int, version: int, payouts: Sequence[int]) -> Words:
    return _payouts(codes.C_DETERMINE, event_id, version, payouts)


def void(event_id: int, version: int, payouts: Sequence[int], trigger_ns: int) -> Words:
    words = _payouts(codes.C_VOID, event_id, version, payouts)
    words[d.DD_TRIGGER] = trigger_ns
    return words


def _payouts(kind: int, event_id: int, version: int, payouts: Sequence[int]) -> Words:
    extra = -(-len(payouts) // L.CMD_WORDS)
    if extra > L.MAX_EXTRA_ROWS:
        raise ValueError(f"{len(payouts)} payouts")
    words = row(kind, extra, ((d.DD_EVENT, event_id), (d.DD_VERSION, version), (d.DD_COUNT, len(payouts))))
    words[d.DD_PAYOUTS : d.DD_PAYOUTS + len(payouts)] = payouts
    return words


def finalise(event_id: int, version: int) -> Words:
    return row(codes.C_FINALISE, d.DX_EXTRA, ((d.DX_EVENT, event_id), (d.DX_VERSION, version), (d.DX_SLICE, d.SLICE)))


def ahead(event_id: int, instrument_id: int, act: int, version: int, payout: int = 0, firm_id: int = 0) -> Words:
    """A step of a contract ahead of its group (AHEAD_*)."""
    fields = (
        (d.DH_EVENT, event_id),
        (d.DH_INSTRUMENT, instrument_id),
        (d.DH_ACT, act),
        (d.DH_VERSION, version),
        (d.DH_PAYOUT, payout),
        (d.DH_FIRM, firm_id),
    )
    return row(codes.C_AHEAD, d.DH_EXTRA, (*fields, (d.DH_SLICE, d.SLICE)))


def reverse(event_id: int, version: int, payouts: Sequence[int], bond: int) -> Words:
    """A correction of a final result, or without payouts a recovery; bond: account id, 0: none."""
    words = row(
        codes.C_REVERSE,
        -(-len(payouts) // L.CMD_WORDS),
        ((d.DD_EVENT, event_id), (d.DD_VERSION, version), (d.DD_COUNT, len(payouts)), (d.DY_BOND, bond), (d.DY_SLICE, d.SLICE)),
    )
    words[d.DD_PAYOUTS : d.DD_PAYOUTS + len(payouts)] = payouts
    return words


def remove(event_id: int) -> Words:
    """The event takes no command any more."""
    return row(codes.C_REMOVE, d.DX_EXTRA, ((d.DX_EVENT, event_id),))


def dispute(event_id: int, version: int, firm_id: int) -> Words:
    """firm_id 0: the two sources differ."""
    return row(codes.C_DISPUTE, d.DQ_EXTRA, ((d.DQ_EVENT, event_id), (d.DQ_VERSION, version), (d.DQ_FIRM, firm_id)))


def uphold(event_id: int, version: int) -> Words:
    return row(codes.C_UPHOLD, d.DX_EXTRA, ((d.DX_EVENT, event_id), (d.DX_VERSION, version)))


LEG_BYTES = 8 * d.LEG_VENUE_ACCOUNT  # of a leg as a record has it: the words of an E_FILL, then of its texts


class LegVenue(NamedTuple):
    """Of the venue through which a leg's order came: its fee account, and the fee model (FEE_*) of its listing."""

    account: int
    model: int


def bust(
    event_id: int,
    trade: int,
    legs: Sequence[bytes],
    venues: Sequence[LegVenue],
    owner_account: int,
    bond: int,
    price: int = 0,
    qty: int = 0,
) -> Words:
    """Legs: LEG_BYTES each. price (YES ticks) and qty (lots): of a correction."""
    head_words = (
        (d.DJ_EVENT, event_id),
        (d.DJ_TRADE, trade),
        (d.DJ_LEGS, len(legs)),
        (d.DJ_BOND, bond),
        (d.DJ_OWNER_ACCOUNT, owner_account),
        (d.DJ_PRICE, price),
        (d.DJ_QTY, qty),
    )
    words = row(codes.C_BUST, len(legs) * d.BUST_LEG_WORDS // L.CMD_WORDS, head_words)
    for i, (leg, venue) in enumerate(zip(legs, venues, strict=True)):
        at = d.DJ_FIRST_LEG + i * d.BUST_LEG_WORDS
        words[at : at + d.LEG_VENUE_ACCOUNT] = np.frombuffer(leg, "<i8")
        words[at + d.LEG_VENUE_ACCOUNT], words[at + d.LEG_FEE_MODEL] = venue
    return words


def kill(level: int, target: int, on: bool, cancel: bool) -> Words:
    return row(codes.C_KILL, d.DK_EXTRA, ((d.DK_LEVEL, level), (d.DK_TARGET, target), (d.DK_ON, int(on)), (d.DK_CANCEL, int(cancel))))


def restrict(event_id: int, firm_id: int, on: bool) -> Words:
    return row(codes.C_RESTRICT, d.DR_EXTRA, ((d.DR_EVENT, event_id), (d.DR_FIRM, firm_id), (d.DR_ON, int(on))))


def freeze(venue_id: int, level: int) -> Words:
    return row(codes.C_FREEZE, d.DZ_EXTRA, ((d.DZ_VENUE, venue_id), (d.DZ_LEVEL, level)))


def access(about: int, target: int, firm_id: int, value: int) -> Words:
    """firm_id 0: how the venue or event admits; else what holds for that firm."""
    return row(codes.C_ACCESS, d.DG_EXTRA, ((d.DG_ABOUT, about), (d.DG_TARGET, target), (d.DG_FIRM, firm_id), (d.DG_VALUE, value)))


def budget(account_id: int, session_id: int, asset_id: int, record: br.Budget | None, anew: bool) -> Words:
    """asset_id 0: the end of the budget. record: complete."""
    limits = () if record is None else (
        (d.DM_LOSS, record.max_loss or 0), (d.DM_LOSS_DAY, record.max_loss_per_day or 0), (d.DM_QTY, record.max_quantity or 0), (d.DM_COST, record.max_cost or 0),
        (d.DM_APPROVE, record.approve_above or 0), (d.DM_WAIT, record.approve_within_ns or 0), (d.DM_LISTED, int(bool(record.markets or record.series))),
    )  # fmt: skip
    fields = ((d.DM_ACCOUNT, account_id), (d.DM_SESSION, session_id), (d.DM_ASSET, asset_id), (d.DM_ANEW, int(anew)))
    return row(codes.C_BUDGET, d.DM_EXTRA, (*fields, *limits))


def budget_market(account_id: int, event_id: int, on: bool) -> Words:
    """A line of the list of markets of an account's budget."""
    return row(codes.C_BUDGET, d.DM_EXTRA, ((d.DM_ACCOUNT, account_id), (d.DM_EVENT, event_id), (d.DM_ON, int(on))))


def held(number: int, passed: bool) -> Words:
    """What a person says to an order that waits."""
    return row(codes.C_BUDGET, d.DM_EXTRA, ((d.DM_HELD, number), (d.DM_ON, int(passed))))


def reference(instrument_id: int, price: int, collar: int) -> Words:
    return row(codes.C_REFERENCE, d.DN_EXTRA, ((d.DN_INSTRUMENT, instrument_id), (d.DN_REFERENCE, price), (d.DN_COLLAR, collar)))


def unlist(venue_id: int, first: int, count: int) -> list[Words]:
    """The end of a venue's offer of `count` instruments from `first` on."""
    return [row(codes.C_UNLIST, d.DU_EXTRA, ((d.DU_VENUE, venue_id), (d.DU_INSTRUMENT, first + i))) for i in range(count)]

"""What a market must satisfy before it is listed: products, price grid, sizes, fees, voids, and amounts that cannot overflow.

Pure functions of the record. Each rule refuses with one sentence that names the key, the limit and the value asked for.
Guarantee: for a market that passes, price x quantity x 10,000, P x P / 4 x quantity x 10,000 and n x P x position, each
times the value of a tick, stay below 2^62, so the core can compute in int64 without overflow checks.
"""

from config.market import MAX_CONTRACTS, Band, Contract, DefineMarket, Fees, Scalar, outcome_code
from protocol import codes, numbers, scalar

from .refused import Refused, bad

LIMIT = 1 << 62
RATE_UNIT = 10_000


def check_market(record: DefineMarket) -> None:
    """Refuse a market that cannot be listed. Rules that need other definitions (assets, venues, symbols already taken) are in markets.py."""
    if record.product == "spot":
        _check_spot(record)
    else:
        _check_event(record)
    _check_scalar(record)
    _check_growth(record)
    _check_contracts(record.contracts)
    _check_sizes(record)
    _check_bands(record.bands, record.payout, record.price_decimals)
    check_fees(record.fees, record.product == "spot")
    _check_void(record)
    _check_sources(record)
    if record.admits and record.sharing != "shared":
        raise bad("admits", 'other venues can be admitted only to a shared market: set sharing to "shared"')
    _check_amounts(record)


def _check_spot(record: DefineMarket) -> None:
    for key, value in (("k", record.k), ("payout", record.payout), ("challenge_window_ns", record.challenge_window_ns)):
        if value:
            raise bad(key, f"a spot pair has none, asked {value}", 0, value)
    if len(record.contracts) != 1:
        raise bad("contracts", f"a spot pair is one instrument, asked {len(record.contracts)}", 1, len(record.contracts))
    if not record.base_asset:
        raise bad("base_asset", "a spot pair names the asset that is bought and sold")
    if record.base_asset == record.asset:
        raise bad("base_asset", f"base and quote asset are both {record.asset}")
    if record.lot_base < 1:
        raise bad("lot_base", "minor units of the base asset per lot must be at least 1, asked 0", 1, 0)
    if record.void is not None:
        raise bad("void", "a spot pair is never voided")


def _check_event(record: DefineMarket) -> None:
    n = len(record.contracts)
    if record.payout < 2:
        raise bad(
            "payout",
            f"an event contract pays at least 2 ticks, {numbers.unscaled(2, record.price_decimals)}, asked {numbers.unscaled(record.payout, record.price_decimals)}",
            2,
            record.payout,
        )
    if n > MAX_CONTRACTS:
        raise bad("contracts", f"an event has at most {MAX_CONTRACTS} contracts, asked {n}", MAX_CONTRACTS, n)
    if not 1 <= record.k <= n:
        raise bad("k", f"the number of winners must be between 1 and the number of contracts, {n}, asked {record.k}", n, record.k)
    if record.product == "exactly" and record.k == n:
        text = f"with exactly {n} of {n} winners every contract always pays in full and NO never pays: name fewer winners than contracts, "
        raise bad("k", text + ("or add the other outcome" if n == 1 else 'or make it "at_most"'), n - 1, record.k)
    for key, value in (("base_asset", record.base_asset), ("lot_base", record.lot_base)):
        if value:
            raise bad(key, f"only a spot pair has one, asked {value}")
    if not record.rules.strip():
        raise bad("rules", "the rules of settlement must be written before listing")
    if not record.source.strip():
        raise bad("source", "the source of the result must be named before listing")
    if not record.max_position:
        raise bad("max_position", "an event contract needs a maximum position, asked 0", 1, 0)


def _check_scalar(record: DefineMarket) -> None:
    if (record.product == "scalar") != (record.scalar is not None):
        raise bad("scalar", 'a market of product "scalar" says from which value on it pays and where it pays in full; no other market does')
    if record.scalar is None:
        return
    if len(record.contracts) != 1 or record.k != 1:
        raise bad(
            "contracts",
            f"a scalar is one contract with one winner, asked {len(record.contracts)} with {record.k}",
            1,
            len(record.contracts),
        )
    low, high = scalar_bounds(record.scalar)
    if low >= high:
        raise bad(("scalar", "high"), f"above low {record.scalar.low}, asked {record.scalar.high}")


def scalar_bounds(terms: Scalar) -> tuple[int, int]:
    """(low, high) in units of the last digit of a value. Raises Refused."""
    out = []
    for key in ("low", "high"):
        number = scalar.whole(getattr(terms, key), terms.decimals)
        if number is None:
            raise bad(("scalar", key), f"a value has {terms.decimals} digits after the point, asked {getattr(terms, key)}", terms.decimals)
        out.append(number)
    return out[0], out[1]


def _check_growth(record: DefineMarket) -> None:
    """Only groups in which a new outcome raises nobody's requirement have room for one (core/markets/outcomes.py)."""
    n = len(record.contracts)
    codes_used = [outcome_code(contract) for contract in record.contracts]
    if record.other and (record.product != "exactly" or record.other not in codes_used):
        known = ", ".join(codes_used)
        raise bad("other", f'the code of an outcome of a market of product "exactly", one of {known}; asked {record.other}')
    if not record.max_contracts or record.max_contracts == n:
        return
    if record.max_contracts < n:
        raise bad("max_contracts", f"the market has {n} contracts already, asked {record.max_contracts}", n, record.max_contracts)
    if record.product == "exactly" and (record.k != 1 or not record.other):
        text = "new outcomes are split out of `other`, which only a market with one winner can declare: with more winners two parts of it could win"
        raise bad("max_contracts", text, n, record.max_contracts)
    if record.product not in ("exactly", "at_most"):
        raise bad("max_contracts", f"a market of product {record.product} gets no new outcomes", n, record.max_contracts)


def _check_contracts(contracts: tuple[Contract, ...]) -> None:
    symbols: set[str] = set()
    codes_used: set[str] = set()
    for i, contract in enumerate(contracts):
        if contract.symbol in symbols:
            raise bad(("contracts", i, "symbol"), f"{contract.symbol} appears twice in this market")
        code = outcome_code(contract)
        if code in codes_used:
            raise bad(("contracts", i, "code"), f"{code} appears twice in this market")
        symbols.add(contract.symbol)
        codes_used.add(code)


def _check_sizes(record: DefineMarket) -> None:
    def qty(lots: int) -> str:
        return numbers.unscaled(lots, record.qty_decimals)

    if record.min_qty > record.max_qty:
        raise bad("min_qty", f"above max_qty {qty(record.max_qty)}, asked {qty(record.min_qty)}", record.max_qty, record.min_qty)
    for key, value in (("min_qty", record.min_qty), ("max_qty", record.max_qty)):
        if value % record.lot:
            raise bad(key, f"not a multiple of the lot {qty(record.lot)}, asked {qty(value)}", record.lot, value)


def _check_bands(bands: tuple[Band, ...], payout: int, decimals: int) -> None:
    def price(ticks: int) -> str:
        return numbers.unscaled(ticks, decimals)

    if len(bands) > 8:
        raise bad("bands", f"at most 8 bands, asked {len(bands)}", 8, len(bands))
    end = 0
    for i, band in enumerate(bands):
        path = ("bands", i)
        if band.high < band.low:
            raise bad((*path, "high"), f"below low {price(band.low)}, asked {price(band.high)}", band.low, band.high)
        if (band.high - band.low) % band.step:
            raise bad((*path, "high"), f"not on the band's own grid: low {price(band.low)} plus a multiple of step {price(band.step)}, asked {price(band.high)}",
                      band.step, band.high)  # fmt: skip
        if band.low < end:
            raise bad(
                (*path, "low"),
                f"bands must rise without overlap, the previous one ends at {price(end)}, asked {price(band.low)}",
                end,
                band.low,
            )
        end = band.high
    if payout and end > payout - 1:
        raise bad(
            ("bands", len(bands) - 1, "high"),
            f"an event contract trades at {price(1)} to {price(payout - 1)}, asked {price(end)}",
            payout - 1,
            end,
        )
    if payout:
        _check_symmetric(bands, payout, decimals)


def disjoint(bands: tuple[Band, ...]) -> list[tuple[int, int, int]]:
    """The grid as runs (low, high, step) that share no point: a point that two bands share goes to the first."""
    runs: list[tuple[int, int, int]] = []
    for band in bands:
        low = band.low + band.step if runs and band.low == runs[-1][1] else band.low
        if low <= band.high:
            runs.append((low, band.high, band.step))
    return runs


def _check_symmetric(bands: tuple[Band, ...], payout: int, decimals: int = 0) -> None:
    """p is on the grid exactly when P - p is. The mirror image is no larger than the grid, so inclusion is equality."""
    runs = disjoint(bands)
    for low, high, step in runs:
        missing = _first_off_grid(payout - high, payout - low, step, runs)
        if missing:
            yes, no, whole = (numbers.unscaled(ticks, decimals) for ticks in (payout - missing, missing, payout))
            text = f"price {yes} is on the grid, but its NO price {no} (payout {whole} minus it) is not: make the grid symmetric"
            raise bad("bands", text, payout, payout - missing)


def _first_off_grid(low: int, high: int, step: int, runs: list[tuple[int, int, int]]) -> int:
    """The lowest of low, low + step .. high that is on no run; 0: all are on one. Takes at most a few steps per run, whatever their length."""
    point = low
    for run_low, run_high, run_step in runs:
        if point > high:
            return 0
        if point < run_low:
            return point
        if point > run_high:
            continue
        if (point - run_low) % run_step:
            return point
        last = min(high, run_high)
        if point + step <= last and step % run_step:
            return point + step
        point += ((last - point) // step + 1) * step
    return point if point <= high else 0


def check_fees(fees: Fees, spot: bool, path: str = "fees") -> None:
    """Refuse fees that are not symmetric in YES and NO, rebates larger than the taker's fee, and shares that add up to more than 100 %."""
    if spot and fees.model != "notional":
        raise bad((path, "model"), f"a spot pair takes fees on notional only, asked {fees.model}")
    if not spot and fees.model == "notional":
        raise bad((path, "model"), "event contracts take only fees that are the same for YES and NO: quadratic or minimum, asked notional")
    if fees.taker_bps < 0:
        raise bad((path, "taker_bps"), f"a taker's rate is not negative, asked {fees.taker_bps}", 0, fees.taker_bps)
    if -fees.maker_bps > fees.taker_bps:
        raise bad(
            (path, "maker_bps"),
            f"a rebate is at most the taker's rate {fees.taker_bps}, asked {fees.maker_bps}",
            -fees.taker_bps,
            fees.maker_bps,
        )
    shares = fees.owner_share_bps + fees.venue_share_bps
    if shares > RATE_UNIT:
        raise bad((path, "owner_share_bps"), f"the shares sum to {shares}, the limit is {RATE_UNIT}", RATE_UNIT, shares)


def _check_void(record: DefineMarket) -> None:
    """A void must be payable out of the event's pool."""
    rule, n = record.void, len(record.contracts)
    if rule is None:
        return
    if rule.prices == "entry_price":
        text = "refunding each account's entry price is not possible: one side's entry price is not what the other side received"
        raise Refused(codes.R_VOID_POLICY, f'{text}; write "time_weighted_mid" or "fixed"', ("void", "prices"))
    wanted = n if rule.prices == "fixed" else 0
    if len(rule.fixed) != wanted:
        what = "fixed prices: one for each contract" if wanted else f"prices are {rule.prices}, so none is given"
        raise Refused(codes.R_VOID_POLICY, f"{what}, {wanted}, asked {len(rule.fixed)}", ("void", "fixed"), wanted, len(rule.fixed))
    if wanted and record.max_contracts > n:
        text = "a market that gets new outcomes has no fixed prices for them: leave out `max_contracts`, or write time_weighted_mid"
        raise Refused(codes.R_VOID_POLICY, text, ("void", "prices"))
    for i, text in enumerate(rule.fixed):
        try:
            price = numbers.scaled(text, record.price_decimals, "price")
        except numbers.NotANumber as error:
            raise Refused(codes.R_VOID_POLICY, str(error), ("void", "fixed", i)) from None
        if price > record.payout:
            whole = numbers.unscaled(record.payout, record.price_decimals)
            text = f"{record.contracts[i].symbol} pays at most {whole}, asked {text}"
            raise Refused(codes.R_VOID_POLICY, text, ("void", "fixed", i), record.payout, price)


def _check_sources(record: DefineMarket) -> None:
    if record.product == "spot" and record.sources:
        raise bad("sources", "a spot pair is never determined")
    if len(set(record.sources)) < len(record.sources):
        raise bad("sources", f"{record.sources[0]} is named twice")
    for i, name in enumerate(record.sources):
        if not name.strip():
            raise bad(("sources", i), "a source needs a name")


def _check_amounts(record: DefineMarket) -> None:
    """Each bound is proportional to the amount that its key names, so the refusal can state the largest value allowed."""
    price, tick, payout = record.bands[-1].high, record.tick_value, record.payout
    n = max(len(record.contracts), record.max_contracts)
    bounds = [("max_qty", "highest price x max_qty x 10,000 x tick_value", price * record.max_qty * RATE_UNIT * tick)]
    if payout:
        # P*P/4 is rounded up: the bound must hold for the largest p*(P-p)
        bounds.append(
            ("max_qty", "payout^2 / 4 x max_qty x 10,000 x tick_value", -(-payout * payout // 4) * record.max_qty * RATE_UNIT * tick)
        )
        bounds.append(("max_position", "contracts x payout x max_position x tick_value", n * payout * record.max_position * tick))
        bounds.append(("max_qty", "contracts x payout x max_qty x tick_value", n * payout * record.max_qty * tick))
    else:
        bounds.append(("lot_base", "lot_base x max_qty", record.lot_base * record.max_qty))
    for key, formula, value in bounds:
        if value >= LIMIT:
            asked = getattr(record, key)
            decimals = 0 if key == "lot_base" else record.qty_decimals
            most = min((LIMIT - 1) // (other // asked) for name, _, other in bounds if name == key)
            text = f"at most {numbers.unscaled(most, decimals)}, asked {numbers.unscaled(asked, decimals)}: above that {formula} could reach 2^62"
            raise Refused(codes.R_OVERFLOW, f"{text}, more than can be represented exactly", key, LIMIT, min(value, LIMIT))


def protection(record: DefineMarket) -> int:
    """Ticks between the best opposite price and a market order's limit: the record's value, else 5 % of P, else 100."""
    if record.protection:
        return record.protection
    return max(1, record.payout * 5 // 100) if record.payout else 100

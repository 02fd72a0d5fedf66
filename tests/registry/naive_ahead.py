"""What the naive registry knows of contracts that are determined ahead of their group."""

from typing import Any

from protocol import codes as C
from tests.registry.naive_access import MAY, Fields, within
from tests.registry.naive_times import NEW, No

PHASES = (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED)


class NaiveAhead:
    """The part of NaiveRegistry (naive_registry.py) about single contracts. `newest`: newest version of a market, `whole`: of its whole result."""

    ahead: dict[str, list[Fields]]
    newest: dict[str, int]
    whole: dict[str, int]
    results: dict[str, list[Fields]]
    symbols: dict[str, tuple[int, str]]
    phases: dict[str, int]
    timed: dict[int, Fields]
    tables: dict[str, dict[str, Fields]]
    takes_all: bool
    disputed: dict[tuple[str, int], set[str]]
    now: int
    asker: str
    home: Any
    held: Any
    _event: Any
    _find: Any
    _wrong: Any
    _put_timed: Any

    def _add(self, f: Fields) -> None:
        """One more version of the whole result: what is ahead and not paid is part of it."""
        event = f["event"]
        self.results[event].append(f)
        self.newest[event] = self.whole[event] = self.newest.get(event, 0) + 1
        for one in self.ahead.get(event, ()):
            if not one["final"] and not one["ended"]:
                one["ended"] = True
                self._off(event, one["symbol"])

    def _paid(self, event: str) -> dict[str, int]:
        return {one["symbol"]: one["payout"] for one in self.ahead.get(event, ()) if one["final"]}

    def _agrees(self, market: Fields, f: Fields) -> None:
        paid = self._paid(f["event"])
        pairs = zip(market["contracts"], f["payouts"])
        self._wrong(any(paid.get(c["symbol"], ticks) != ticks for c, ticks in pairs), C.R_AHEAD_DIFFERS)

    def _one(self, f: Fields) -> tuple[Fields, Fields | None]:
        market = self._event(f["event"])
        self._wrong(f["symbol"] not in self.symbols, C.R_UNKNOWN_INSTRUMENT)
        self._wrong(self.symbols[f["symbol"]][1] != f["event"], C.R_OUTCOME_UNKNOWN)
        self._wrong(self.phases[f["event"]] not in PHASES, C.R_NOT_AHEAD)
        known = next((one for one in self.ahead.get(f["event"], ()) if one["symbol"] == f["symbol"] and not one["ended"]), None)
        self._wrong(known is not None and known["final"], C.R_ALREADY_FINAL)
        return market, known

    def _determine_one(self, f: Fields, corrects: bool = False) -> str:
        market, known = self._one(f)
        self._wrong(not corrects and known is not None and known["disputed"], C.R_ARBITER_DECIDES)
        sources, name = market["sources"], f["event"]
        self._wrong(len(sources) > 1, C.R_TWO_SOURCES)
        self._wrong(bool(sources) and f["source"] not in sources, C.R_UNKNOWN_SOURCE)
        version = self.newest.get(name, 0) + 1
        self._wrong(f["version"] not in (0, version), C.R_RESULT_VERSION)
        self._wrong(f["payout"] not in (0, market["payout"]), C.R_PAYOUT_RANGE)
        decided = {one["symbol"]: one["payout"] for one in self.ahead.get(name, ()) if not one["ended"]} | {f["symbol"]: f["payout"]}
        k, n = market["k"] - sum(ticks > 0 for ticks in decided.values()), len(market["contracts"]) - len(decided)
        open_still = 0 < k < n if market["product"] == "exactly" else market["product"] == "at_most" and k > 0 and n > 0
        self._wrong(not open_still, C.R_AHEAD_DECIDES)
        if known is not None:
            known["ended"] = True
        self._off(name, f["symbol"])
        until = self.now + market["challenge_window_ns"]
        one = {
            "symbol": f["symbol"],
            "version": version,
            "payout": f["payout"],
            "until": until,
            "final": False,
            "ended": False,
            "disputed": False,
        }
        self.ahead.setdefault(name, []).append(one)
        self.newest[name] = version
        if market["auto_finalise"] and market["challenge_window_ns"]:
            record = {"type": "finalise_one", "event": name, "symbol": f["symbol"], "version": version}
            self._put_timed(until, record, "timer:market", note="end of the challenge window", kind=f"finalise {f['symbol']}")
        return NEW

    def _finalise_one(self, f: Fields) -> str:
        one = self._pending(f)
        self._wrong(one["disputed"], C.R_AHEAD_DISPUTED)
        if self.now < one["until"] and not self.takes_all:
            raise No(C.R_CHALLENGE_WINDOW, by_core=True)
        one["final"] = True
        self._off(f["event"], f["symbol"])
        return NEW

    def _withdraw_one(self, f: Fields) -> str:
        one, asker = self._pending(f), self.asker
        arbiter = any(
            role in MAY["uphold"] and within(scope, *self.home("market", f["event"])) for role, scope, _ in self.held(asker, self.now)
        )
        self._wrong(one["disputed"] and asker.startswith("principal:") and not arbiter, C.R_ARBITER_DECIDES)
        one["ended"] = True
        self._off(f["event"], f["symbol"])
        return NEW

    def _dispute_one(self, f: Fields) -> str:
        one = self._pending(f)
        self._find("firm", f["firm"])
        self._wrong(f["firm"] in self.disputed.get((f["event"], one["version"]), ()), C.R_DISPUTED_BEFORE)
        if self.now >= one["until"] and not self.takes_all:
            raise No(C.R_DISPUTE_LATE, by_core=True)
        self.disputed.setdefault((f["event"], one["version"]), set()).add(f["firm"])
        one["disputed"] = True
        self._off(f["event"], f["symbol"])
        return NEW

    def _uphold_one(self, f: Fields) -> str:
        one = self._pending(f)
        self._wrong(not one["disputed"], C.R_NOT_DISPUTED)
        one["disputed"], one["until"] = False, self.now
        market = self.tables["market"][f["event"]]
        if market["auto_finalise"] and market["challenge_window_ns"]:
            record = {"type": "finalise_one", "event": f["event"], "symbol": f["symbol"], "version": one["version"]}
            self._put_timed(self.now, record, "timer:market", note="end of the challenge window", kind=f"finalise {f['symbol']}")
        return NEW

    def _correct_one(self, f: Fields) -> str:
        _, known = self._one(f)
        self._wrong(known is None, C.R_NOT_DETERMINED)
        self._wrong(len(f["payouts"]) != 1, C.R_PAYOUT_COUNT)
        return self._determine_one({**f, "payout": f["payouts"][0]}, corrects=True)

    def _pending(self, f: Fields) -> Fields:
        _, known = self._one(f)
        self._wrong(known is None, C.R_NOT_DETERMINED)
        assert known is not None
        self._wrong(f["version"] not in (0, known["version"]), C.R_RESULT_VERSION)
        return known

    def _off(self, event: str, symbol: str) -> None:
        for row in self.timed.values():
            record = row["record"]
            if record["type"] == "finalise_one" and (record["event"], record["symbol"]) == (event, symbol) and not row["ended"]:
                row["ended"], row["waits"] = "cancelled", ""

    def _void_payouts(self, market: Fields) -> tuple[int, ...]:
        """By fixed prices of which one at most is not 0; what was paid ahead stays."""
        paid = self._paid(market["event"])
        prices = {c["symbol"]: text != "0" for c, text in zip(market["contracts"], market["void"]["fixed"])}
        rest = [symbol for symbol in prices if symbol not in paid]
        whole = (market["k"] - sum(ticks > 0 for ticks in paid.values())) * market["payout"]
        shares = {symbol: market["payout"] if prices[symbol] else 0 for symbol in rest}
        if not any(shares.values()):
            shares = {symbol: whole // len(rest) + (i < whole % len(rest)) for i, symbol in enumerate(rest)}
        return tuple(paid.get(symbol, shares.get(symbol, 0)) for symbol in prices)

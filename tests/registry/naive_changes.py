"""What the naive registry knows of changes of markets that trade: price bands, outcomes that are added or split out."""

from typing import Any

from protocol import codes as C
from tests.model_changes import CHANGES
from tests.registry.naive_access import Fields
from tests.registry.naive_times import NEW


class NaiveChanges:
    """The part of NaiveRegistry (naive_registry.py) that changes markets while they trade."""

    symbols: dict[str, tuple[int, str]]
    listings: dict[tuple[str, str], Fields]
    phases: dict[str, int]
    _find: Any
    _wrong: Any
    _frozen: Any
    _market: Any
    _within: Any

    def _symbols_kept(self, market: Fields) -> int:
        """Ids that are kept for a market's contracts, also for those that may come."""
        return max(len(market["contracts"]), market["max_contracts"])

    def _may_change(self, event: str) -> None:
        self._wrong(self.phases[event] not in CHANGES, C.R_MARKET_CLOSED)

    def _bands(self, f: Fields) -> str:
        market = self._find("market", f["event"])
        self._frozen(market, 2)
        return self._market({**{key: value for key, value in market.items() if key != "id"}, "bands": f["bands"]})

    def _add_outcome(self, f: Fields) -> str:
        market = self._find("market", f["event"])
        self._frozen(market, 2)
        self._may_change(f["event"])
        self._wrong(market["product"] != "at_most", C.R_OUTCOME_FIXED)
        return self._join(market, f["contract"])

    def _split_outcome(self, f: Fields) -> str:
        market = self._find("market", f["event"])
        self._frozen(market, 2)
        self._may_change(f["event"])
        self._wrong(market["product"] != "exactly" or not market["other"], C.R_OUTCOME_FIXED)
        self._wrong(f["source"] not in self.symbols, C.R_UNKNOWN_INSTRUMENT)
        others = [c["symbol"] for c in market["contracts"] if (c["code"] or c["symbol"].rpartition("-")[2]) == market["other"]]
        self._wrong(f["source"] not in others, C.R_OUTCOME_UNKNOWN)
        return self._join(market, f["contract"])

    def _join(self, market: Fields, contract: Fields) -> str:
        known = market["contracts"]
        self._wrong(len(known) >= self._symbols_kept(market), C.R_NO_SPARE_CONTRACT)
        self._wrong(contract["symbol"] in self.symbols)
        codes = [c["code"] or c["symbol"].rpartition("-")[2] for c in (*known, contract)]
        self._wrong(len(set(codes)) < len(codes))
        self._within(market["owner_venue"], "instruments", 1)
        for venue, event in self.listings:
            if event == market["event"]:
                self._within(venue, "listings", 1)
        first = self.symbols[known[0]["symbol"]][0]
        self.symbols[contract["symbol"]] = (first + len(known), market["event"])
        market["contracts"] = (*known, contract)
        return NEW

"""Results in the naive registry: recorded, replaced, disputed, upheld, corrected, voided, paid. It imports nothing of exchange_server."""

from collections.abc import Callable
from typing import Any

from protocol import codes as C
from tests.registry.naive_access import NaiveAccess

Fields = dict[str, Any]
NEW, CHANGED, SAME = "new", "changed", "same"
TRADES_OR_CLOSED = (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED)


class No(Exception):
    """Refused; `by_core`: by the core, to which the registry has brought a row."""

    def __init__(self, code: int, by_core: bool = False) -> None:
        self.code, self.by_core = code, by_core


class NaiveResults(NaiveAccess):
    """`results`: event to the versions of its result; `made`: the phase that the newest one gives the market; see NaiveRegistry."""

    tables: dict[str, dict[str, Fields]]
    results: dict[str, list[Fields]]
    phases: dict[str, int]
    timed: dict[int, Fields]
    heard: dict[str, dict[str, Fields]]
    disputed: dict[tuple[str, int], set[str]]
    until: dict[str, int]
    made: dict[str, int]
    now: int
    takes_all: bool
    _find: Callable[[str, str], Fields]
    _frozen: Callable[[Fields, int], None]

    def _wrong(self, wrong: bool, code: int = C.R_BAD_DEFINITION) -> None:
        if wrong:
            raise No(code)

    def _event(self, name: str) -> Fields:
        market = self._find("market", name)
        self._wrong(market["product"] == "spot")
        self._frozen(market, 3)
        return market

    def _result(self, market: Fields, f: Fields) -> list[Fields]:
        """The results of a market, to which this one may be added."""
        kept, total = self.results.setdefault(f["event"], []), sum(f["payouts"])
        self._wrong(f["version"] not in (0, len(kept) + 1), C.R_RESULT_VERSION)
        self._wrong(len(f["payouts"]) != len(market["contracts"]), C.R_PAYOUT_COUNT)
        self._wrong(max(f["payouts"]) > market["payout"], C.R_PAYOUT_RANGE)
        whole = market["k"] * market["payout"]
        self._wrong(total > whole or market["product"] == "exactly" and total < whole, C.R_PAYOUT_SUM)
        return kept

    def _version(self, market: Fields, f: Fields, phase: int) -> str:
        self.results[f["event"]].append(f)
        self.until[f["event"]] = self.now + market["challenge_window_ns"]
        self.phases[f["event"]] = self.made[f["event"]] = phase
        self._window(f["event"])
        return NEW

    def _window(self, event: str, opens: bool = True) -> None:
        """The newest version is paid by itself at the end of its window; an earlier plan for that is off."""
        for row in self.timed.values():
            if row["record"]["type"] == "finalise" and row["record"]["event"] == event and not row["ended"]:
                row["ended"] = "cancelled"
        market = self.tables["market"][event]
        if opens and market["auto_finalise"] and market["challenge_window_ns"]:
            record = {"type": "finalise", "event": event, "version": len(self.results[event])}
            note = "end of the challenge window"
            self.timed[len(self.timed) + 1] = {
                "at": self.until[event], "record": record, "who": "timer:market", "fields": {}, "note": note, "ended": "", "code": 0,
            }  # fmt: skip

    def _said(self, market: Fields, f: Fields) -> int:
        """What a resolver's record makes of the market; -1: nothing yet."""
        sources = market["sources"]
        self._wrong(bool(sources) and f["source"] not in sources, C.R_UNKNOWN_SOURCE)
        if len(sources) < 2:
            return C.PH_DETERMINED
        others = [said for name, said in self.heard.get(f["event"], {}).items() if name != f["source"]]
        if not others:
            return -1
        return C.PH_DETERMINED if list(others[0]["payouts"]) == list(f["payouts"]) else C.PH_DISPUTED

    def _hear(self, market: Fields, f: Fields, becomes: int) -> str:
        if len(market["sources"]) == 2:
            self.heard.setdefault(f["event"], {})[f["source"]] = f
        if becomes == C.PH_DETERMINED:
            return self._version(market, f, becomes)
        if becomes == C.PH_DISPUTED:
            self.phases[f["event"]] = becomes
            self._window(f["event"], opens=False)
        return NEW

    def _determine(self, f: Fields) -> str:
        market, phase = self._event(f["event"]), self.phases[f["event"]]
        self._wrong(phase in (C.PH_DISPUTED, C.PH_VOIDED), C.R_ARBITER_DECIDES)
        self._result(market, f)
        becomes = self._said(market, f)
        if phase not in (C.PH_CLOSED, C.PH_DETERMINED) and not (self.takes_all and becomes > 0):
            raise No(C.R_ALREADY_FINAL if phase == C.PH_FINAL else C.R_NOT_CLOSED, by_core=becomes > 0)
        return self._hear(market, f, becomes)

    def _dispute(self, f: Fields) -> str:
        self._event(f["event"])
        self._find("firm", f["firm"])
        name, kept = f["event"], self.results.get(f["event"])
        self._wrong(not kept or self.phases[name] not in (C.PH_DETERMINED, C.PH_VOIDED, C.PH_DISPUTED), C.R_NOT_DISPUTABLE)
        version = len(kept or ())
        self._wrong(f["version"] not in (0, version), C.R_RESULT_VERSION)
        self._wrong(f["firm"] in self.disputed.get((name, version), ()), C.R_DISPUTED_BEFORE)
        if self.now >= self.until[name] and not self.takes_all:
            raise No(C.R_DISPUTE_LATE, by_core=True)
        self.disputed.setdefault((name, version), set()).add(f["firm"])
        self.phases[name] = C.PH_DISPUTED
        self._window(name, opens=False)
        return NEW

    def _uphold(self, f: Fields) -> str:
        self._event(f["event"])
        name, kept = f["event"], self.results.get(f["event"])
        self._wrong(self.phases[name] != C.PH_DISPUTED, C.R_NOT_DISPUTED)
        self._wrong(not kept, C.R_NOTHING_TO_UPHOLD)
        self._wrong(f["version"] not in (0, len(kept or ())), C.R_RESULT_VERSION)
        self.until[name] = self.now
        self.phases[name] = self.made[name]
        self._window(name)
        return NEW

    def _correct(self, f: Fields) -> str:
        market, phase = self._event(f["event"]), self.phases[f["event"]]
        self._wrong(phase == C.PH_FINAL, C.R_ALREADY_FINAL)
        self._wrong(phase not in (C.PH_DETERMINED, C.PH_DISPUTED, C.PH_VOIDED), C.R_NOT_CORRECTABLE)
        self._result(market, f)
        return self._version(market, f, C.PH_DETERMINED)

    def _void(self, f: Fields) -> str:
        """Here no contract keeps its prices: a void goes by fixed prices, of which one is not 0, or by none."""
        market, phase = self._event(f["event"]), self.phases[f["event"]]
        voidable = (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED, C.PH_DETERMINED, C.PH_DISPUTED)
        self._wrong(phase not in voidable, C.R_NOT_VOIDABLE)
        self._wrong(f["trigger_at_ns"] > self.now, C.R_VOID_TRIGGER)
        self._wrong(market["void"] is None or market["void"]["prices"] != "fixed", C.R_NO_VOID_POLICY)
        payouts = tuple(0 if text == "0" else market["payout"] for text in market["void"]["fixed"])
        result = {name: value for name, value in f.items() if name not in ("reason", "trigger_at_ns")} | {"payouts": payouts}
        self._result(market, result)
        return self._version(market, result, C.PH_VOIDED)

    def _finalise(self, f: Fields) -> str:
        self._event(f["event"])
        kept = self.results.get(f["event"])
        self._wrong(not kept, C.R_NOT_DETERMINED)
        self._wrong(f["event"] in self.final, C.R_ALREADY_FINAL)
        self._wrong(f["version"] not in (0, len(kept or ())), C.R_RESULT_VERSION)
        if self.phases[f["event"]] not in (C.PH_DETERMINED, C.PH_VOIDED) and not self.takes_all:
            raise No(C.R_NOT_DETERMINED, by_core=True)
        if self.now < self.until[f["event"]] and not self.takes_all:
            raise No(C.R_CHALLENGE_WINDOW, by_core=True)
        self.final.add(f["event"])
        self.phases[f["event"]] = C.PH_FINAL
        self._window(f["event"], opens=False)
        return NEW

    def _settle(self, f: Fields) -> str:
        market = self._event(f["event"])
        self._wrong(f["event"] in self.final, C.R_ALREADY_FINAL)
        self._wrong(self.phases[f["event"]] not in TRADES_OR_CLOSED, C.R_NOT_CLOSED)
        pays = f.pop("finalise")
        self._result(market, f)
        becomes = self._said(market, f)
        self._wrong(pays and market["challenge_window_ns"] > 0, C.R_CHALLENGE_WINDOW)
        self._wrong(pays and len(market["sources"]) == 2, C.R_TWO_SOURCES)
        self.phases[f["event"]] = C.PH_CLOSED
        self._hear(market, f, becomes)
        if pays:
            self.phases[f["event"]] = C.PH_FINAL
            self.final.add(f["event"])
        return NEW

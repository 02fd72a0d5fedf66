"""What the naive registry knows of bonds, busts and recoveries."""

from typing import Any

from protocol import codes as C
from tests.registry.naive_access import Fields
from tests.registry.naive_times import NEW, SAME, No


class NaiveReversals:
    """The part of NaiveRegistry (naive_registry.py) that puts right what has been paid."""

    tables: dict[str, dict[str, Fields]]
    phases: dict[str, int]
    takes_all: bool
    _find: Any
    _wrong: Any
    _platform: Any
    _fits: Any
    _event: Any

    def _bond(self, f: Fields) -> str:
        self._find("venue", f["venue"])
        name = f"{f['venue']}.BOND"
        old = self.tables["account"].get(name)
        self._wrong(old is not None and "firm" in old)
        if old is not None:
            return SAME
        self._platform()
        self.tables["account"][name] = {"id": self._fits("account"), "session": 0}
        return NEW

    def _bust(self, f: Fields) -> str:
        """The legs come from the event store, which the registry alone does not have."""
        raise No(C.R_UNKNOWN_TRADE)

    def _recover(self, f: Fields) -> str:
        self._event(f["event"])
        if not self.takes_all:
            raise No(C.R_NOTHING_OWED if self.phases[f["event"]] == C.PH_FINAL else C.R_NOT_FINAL, by_core=True)
        return NEW

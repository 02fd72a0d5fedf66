"""What the naive registry does at times: a market's own times, and scheduled acts."""

import copy
import datetime
from typing import Any

from protocol import codes as C
from tests.registry.naive_access import Fields, Refused

NEW, CHANGED, SAME = "new", "changed", "same"
TIMES = (  # field, kind of the scheduled act, the phase that it brings
    ("open_at_ns", "open_at", "open"), ("live_at_ns", "live_at", "live"), ("close_at_ns", "close_at", "closed"), ("determine_by_ns", "determine_by", ""),
)  # fmt: skip
POINTLESS = {
    C.PH_OPEN: {"open_at"}, C.PH_PAUSED: {"open_at"}, C.PH_CANCEL_ONLY: {"open_at"}, C.PH_LIVE: {"open_at", "live_at"},
    C.PH_CLOSED: {"open_at", "live_at", "close_at"},
    **dict.fromkeys((C.PH_DETERMINED, C.PH_DISPUTED, C.PH_VOIDED, C.PH_FINAL), {"open_at", "live_at", "close_at", "determine_by"}),
}  # fmt: skip
CLOSED_TO = (  # what an event that is being settled does not take
    "phase", "bands", "add_outcome", "split_outcome", "determine", "determine_one", "finalise", "finalise_one", "withdraw_one", "settle", "dispute",
    "uphold", "correct", "void", "bust", "recover",
)  # fmt: skip


class No(Exception):
    """Refused; `by_core`: by the core, to which the registry has brought a row."""

    def __init__(self, code: int, by_core: bool = False) -> None:
        self.code, self.by_core = code, by_core


class NaiveTimes:
    """The part of NaiveRegistry (naive_registry.py) that is about times."""

    LIVE: dict[str, set[str]]
    tables: dict[str, dict[str, Fields]]
    listings: dict[tuple[str, str], Fields]
    phases: dict[str, int]
    results: dict[str, list[Fields]]
    timed: dict[int, Fields]
    overdue: set[str]
    settling: set[str]
    now: int
    by_core: bool
    core_code: int
    takes_all: bool
    closed: dict[tuple[str, str], str]
    asker: str
    judge: Any
    _put: Any
    _do: Any
    _find: Any
    _wrong: Any

    # ---- a market's own times
    def _times_in_order(self, f: Fields) -> None:
        newest = 0
        for name, kind, _ in TIMES:
            if f[name]:
                self._wrong(f["product"] == "spot" and kind in ("live_at", "determine_by"))
                self._wrong(f[name] <= newest, C.R_TIMES_ORDER)
                newest = f[name]

    def _times_to_come(self, f: Fields, changed: set[str], new: bool) -> None:
        for name, kind, _ in TIMES:
            if name in changed and f[name]:
                self._wrong(f[name] <= self.now, C.R_SCHEDULE_PAST)
                self._wrong(not new and kind in POINTLESS.get(self.phases[f["event"]], ()), C.R_BAD_TRANSITION)

    def _put_timed(self, at: int, act: Fields, who: str, fields: Fields | None = None, note: str = "", kind: str = "") -> None:
        row = {"at": at, "record": act, "who": who, "fields": fields or {}, "note": note, "ended": "", "code": 0, "kind": kind, "waits": ""}
        self.timed[len(self.timed) + 1] = row

    def _cancel_timed(self, event: str, kinds: set[str]) -> None:
        for row in self.timed.values():
            if not row["ended"] and row["kind"] in kinds and event in (row["record"].get("event"), row.get("series")):
                row["ended"], row["waits"] = "cancelled", ""

    def _moved(self, event: str, phase: int) -> None:
        self._cancel_timed(event, POINTLESS.get(phase, set()))
        if "determine_by" in POINTLESS.get(phase, ()):
            self.overdue.discard(event)

    def _overdue(self, f: Fields) -> str:
        by = self._find("market", f["event"])["determine_by_ns"]
        self._wrong(bool(self.results.get(f["event"])) or not 0 < by <= self.now)
        self.overdue.add(f["event"])
        return NEW

    # ---- acts in time
    def _schedule(self, who: str, f: Fields) -> str:
        self._wrong(f["at_ns"] <= self.now, C.R_SCHEDULE_PAST)
        act = f["act"]
        trial = copy.deepcopy(self)
        trial.takes_all = True  # what phase the market has then is not known
        self._wrong(trial._do({**act}) == SAME)
        fields: dict[str, Any] = {}
        if act["type"] == "market" and act["event"] in self.tables["market"]:
            old = self.tables["market"][act["event"]]
            fields = {
                name: value
                for name, value in trial.tables["market"][act["event"]].items()
                if name in self.LIVE["market"] and value != old[name]
            }
        if act["type"] == "listing" and (act["venue"], act["event"]) in self.listings:
            fields = {"fees": act["fees"]}
        self._put_timed(f["at_ns"], act, who, fields, f["note"])
        return NEW

    def _timed_row(self, id: int) -> Fields:
        self._wrong(id not in self.timed, C.R_UNKNOWN_SCHEDULE)
        self._wrong(bool(self.timed[id]["ended"]), C.R_SCHEDULE_ENDED)
        return self.timed[id]

    def _schedule_cancel(self, f: Fields) -> str:
        row = self._timed_row(f["id"])
        row["ended"], row["waits"] = "cancelled", ""
        return NEW

    def _run_due(self, f: Fields) -> str:
        row = self._timed_row(f["id"])
        self._wrong(row["at"] > self.now, C.R_SCHEDULE_EARLY)
        record = {**row["record"]}
        about_bands = record["type"] != "market" or not row["fields"] or "bands" in row["fields"]
        if record["type"] in ("market", *CLOSED_TO) and about_bands and self._takes_none(record):
            row["waits"] = record["event"]
            return NEW
        row["waits"] = ""
        if record["type"] == "market" and row["fields"]:
            now = {name: value for name, value in self.tables["market"][record["event"]].items() if name != "id"}
            record = {**now, **row["fields"], "type": "market"}
        if row["kind"] == "list" and ("series", row["series"]) not in self.closed:
            self._next_listing(self.tables["series"][row["series"]], row["who"])
        try:
            self.judge(row["who"], row["record"], self.now)
            done = self._do(record)
        except (Refused, No) as refused:
            row["ended"], row["code"] = "failed", refused.code
            if isinstance(refused, No) and refused.by_core:
                self.by_core, self.core_code = True, refused.code
            return NEW
        row["ended"] = "done"
        return CHANGED if done == CHANGED and row["record"]["type"] in ("market", "bands") else NEW

    def _takes_none(self, record: Fields) -> bool:
        """Whether the record is about an event that is being settled and takes no such record meanwhile."""
        if record["type"] == "market" and self.tables["market"].get(record["event"], {}).get("bands") == record["bands"]:
            return False
        return record.get("event") in self.settling and record["type"] in ("market", *CLOSED_TO)

    # ---- series
    def _series(self, f: Fields) -> str:
        self._find("venue", f["owner_venue"])
        old = self.tables["series"].get(f["name"])
        if old is not None:
            self._wrong(("series", f["name"]) in self.closed, C.R_SERIES_CLOSED)
            until = old["until_ns"]
            self._wrong(
                f["until_ns"] not in (0, until)
                and not old["every_ns"]
                and all(f[k] == old[k] for k in ("every_ns", "market", "first_at_ns"))
            )
            done: str = self._put("series", f["name"], f)
            if f["until_ns"] != until:
                self._cancel_timed(f["name"], {"list"})
                self._next_listing(old, self.asker)
            return done
        self._recurs(f)
        self._put("series", f["name"], f)
        self._next_listing(f, self.asker)
        return NEW

    def _recurs(self, f: Fields) -> None:
        every, first, until, market = (f[name] for name in ("every_ns", "first_at_ns", "until_ns", "market"))
        if not every:
            self._wrong(bool(first or until or market))
            return
        self._wrong(every < 3_600_000_000_000 or market is None or not first)
        self._wrong(0 < until < first, C.R_TIMES_ORDER)
        self._wrong(market["owner_venue"] != f["owner_venue"] or market["series"] != f["name"])
        names = [market["event"], *(one["symbol"] for one in market["contracts"])]
        self._wrong(not all("19700101" in name for name in names))
        self._wrong(not self._when(f), C.R_SCHEDULE_PAST)
        trial = copy.deepcopy(self)
        trial._do({**self._of_day(market, self._when(f))})

    def _when(self, f: Fields) -> int:
        """The next listing, by counting them."""
        at: int = f["first_at_ns"]
        while at <= self.now:
            at += f["every_ns"]
        return 0 if 0 < f["until_ns"] < at else at

    def _of_day(self, market: Fields, at: int) -> Fields:
        day = str(datetime.date(1970, 1, 1) + datetime.timedelta(days=at // 86_400_000_000_000)).replace("-", "")
        times = {name: at + market[name] for name, _, _ in TIMES if market[name]}
        contracts = tuple({**one, "symbol": one["symbol"].replace("19700101", day)} for one in market["contracts"])
        return {**market, "type": "market", "event": market["event"].replace("19700101", day), "contracts": contracts, **times}

    def _opening_schedule(self, f: Fields) -> None:
        """Series and waiting acts of a venue that moves here. An act's `fields` name those that it changes."""
        for one in f["series"]:
            record = {**one["record"], "type": "series"}
            self._wrong(record["name"] in self.tables["series"] or record["owner_venue"] != f["venue"])
            self._recurs(record)
            self._put("series", record["name"], record)
            if one["closed"]:
                self.closed["series", record["name"]] = one["closed"]
            else:
                self._next_listing(record, one["who"] or self.asker)
        for one in f["scheduled"]:
            fields = {name: one["act"][name] for name in one["fields"]}
            self._put_timed(one["at_ns"], one["act"], one["who"] or self.asker, fields, one["note"])
            if one["at_ns"] <= self.now:
                self.timed[len(self.timed)]["ended"] = "failed"

    def _next_listing(self, f: Fields, who: str) -> None:
        if f["every_ns"] and (at := self._when(f)):
            self._put_timed(at, self._of_day(f["market"], at), who, kind="list")
            self.timed[len(self.timed)]["series"] = f["name"]

    def _series_close(self, f: Fields) -> str:
        self._find("series", f["name"])
        if self.closed.get(("series", f["name"])) == f["reason"]:
            return SAME
        self._wrong(("series", f["name"]) in self.closed, C.R_SERIES_CLOSED)
        self.closed["series", f["name"]] = f["reason"]
        self._cancel_timed(f["name"], {"list"})
        return NEW

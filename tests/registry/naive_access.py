"""Who may do what, in plain Python: the part of the naive registry that judges askers. It imports nothing of exchange_server.

The matrix is written by hand, not taken from the registry's table: a change of one is a change of both.
"""

from collections.abc import Iterator
from typing import Any

from protocol import codes as C

Fields = dict[str, Any]
ROLES = ("platform_operator", "venue_operator", "market_creator", "resolver", "arbiter", "risk_officer", "treasurer", "auditor", "support")
#                 PO VO MC RE AR RO TR AU SU
MATRIX = """
    asset         x  .  .  .  .  .  .  .  .
    venue         x  .  .  .  .  .  .  .  .
    firm          x  x  .  .  .  .  .  .  .
    account       x  x  .  .  .  .  .  .  .
    session       x  x  .  .  .  .  .  .  .
    market        x  x  x  .  .  .  .  .  .
    listing       x  x  x  .  .  .  .  .  .
    bands         x  x  x  .  .  .  .  .  .
    add_outcome   x  x  x  .  .  .  .  .  .
    split_outcome x  x  x  .  .  .  .  .  .
    transfer      x  .  .  .  .  .  x  .  .
    hold          x  .  .  .  .  .  x  .  .
    release       x  .  .  .  .  .  x  .  .
    withdraw_request x  .  .  .  .  .  x  .  .
    withdraw_settle  x  .  .  .  .  .  x  .  .
    withdraw_cancel  x  .  .  .  .  .  x  .  .
    hold_expire   x  .  .  .  .  .  .  .  .
    close         x  x  .  .  .  .  .  .  .
    phase         x  x  x  .  .  x  .  .  .
    determine     x  .  .  x  .  .  .  .  .
    finalise      x  .  .  x  x  .  .  .  .
    determine_one x  .  .  x  .  .  .  .  .
    finalise_one  x  .  .  x  x  .  .  .  .
    withdraw_one  x  .  .  x  x  .  .  .  .
    dispute       x  x  .  .  .  .  .  .  .
    uphold        x  .  .  .  x  .  .  .  .
    correct       x  .  .  .  x  .  .  .  .
    void          x  .  .  .  x  .  .  .  .
    settle        x  .  .  x  .  .  .  .  .
    bond          x  .  .  .  .  .  x  .  .
    recover       x  .  .  .  .  .  x  .  .
    bust          x  .  .  .  .  x  .  .  .
    kill          x  x  .  .  .  x  .  .  .
    restrict      x  x  .  .  .  x  .  .  .
    reference     x  x  x  .  .  x  .  .  .
    schedule      x  x  x  .  .  x  .  .  .
    schedule_cancel x x x  .  .  x  .  .  .
    run_due       x  .  .  .  .  .  .  .  .
    series        x  x  x  .  .  .  .  .  .
    series_close  x  x  x  .  .  .  .  .  .
    overdue       x  .  .  .  .  .  .  .  .
    begin         x  .  .  .  .  .  .  .  .
    configuration x  x  x  .  .  .  .  .  .
    opening       x  .  .  .  .  .  .  .  .
    clock_accept  x  .  .  .  .  .  .  .  .
    principal     x  x  .  .  .  .  .  .  .
    grant         x  x  .  .  .  .  .  .  .
    revoke        x  x  .  .  .  .  .  .  .
    key           x  x  .  .  .  .  .  .  .
    key_revoke    x  x  .  .  .  .  .  .  .
    approvals     x  .  .  .  .  .  .  .  .
    approve       x  x  x  x  x  x  x  .  .
    refuse        x  x  x  x  x  x  x  .  .
    firm_tags     x  .  .  .  .  x  .  .  .
    access_rule   x  x  .  .  .  x  .  .  .
    access_rule_remove x x . . . x  .  .  .
    quota         x  .  .  .  .  .  .  .  .
    freeze        x  .  .  .  .  x  .  .  .
    budget        x  x  .  .  .  x  .  .  .
    budget_clear  x  x  .  .  .  x  .  .  .
"""
MAY: dict[str, set[str]] = {
    row.split()[0]: {role for role, mark in zip(ROLES, row.split()[1:], strict=True) if mark == "x"}
    for row in MATRIX.split("\n")
    if row.strip()
}
OF_THE_PLATFORM = {"firm_tags", "quota", "freeze", "opening"}  # also when they name a venue or one of its firms
NO_VENUE_SCOPE, NO_SERIES_SCOPE = (
    {"platform_operator"},
    {"platform_operator", "venue_operator", "risk_officer", "treasurer", "auditor", "support"},
)
SEES_PENDING = set(ROLES)
SEES_SCHEDULE = set(ROLES) - {"treasurer"}
GIVES = {"platform_operator": set(ROLES), "venue_operator": set(ROLES) - {"platform_operator"}}
HIDDEN = {"asset": C.R_UNKNOWN_ASSET, "account": C.R_UNKNOWN_ACCOUNT, "market": C.R_UNKNOWN_EVENT, "symbol": C.R_UNKNOWN_INSTRUMENT}
DAY = 86_400_000_000_000


class Refused(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


def split(scope: str) -> tuple[str, str]:
    """(venue, prefix of events)"""
    venue, _, prefix = scope.partition(":")[2].partition("/")
    return venue, prefix


def within(scope: str, venue: str, event: str = "") -> bool:
    """Is a thing of that venue (or that event of it) within a scope?"""
    if scope == "platform":
        return True
    own, prefix = split(scope)
    return own == venue and (not prefix or (event != "" and event.startswith(prefix)))


class NaiveAccess:
    """`tables`, `symbols` as in NaiveRegistry."""

    tables: dict[str, dict[str, Fields]]
    keys: dict[str, Fields]
    symbols: dict[str, tuple[int, str]]
    holds: dict[int, Fields]
    final: set[str]
    budgets: dict[str, Fields]
    timed: dict[int, Fields]

    def __init__(self) -> None:
        self.waiting: dict[int, Fields] = {}
        self.next_waiting = 1
        self.second: Fields = {
            "acts": ["kill_release", "platform_grant", "approvals", "withdrawal", "correct", "bust", "void", "budget", "rollback"],
            "withdrawals": {},
            "expires_ns": DAY,
        }

    # ---- who holds what
    def held(self, who: str, now: int) -> list[tuple[str, str, int]]:
        """(role, scope, until) of the grants that hold."""
        row = self.tables["principal"].get(who.removeprefix("principal:")) if who.startswith("principal:") else None
        if row is None or row["closed"]:
            return []
        return [(role, scope, until) for (role, scope), until in row["grants"].items() if until == 0 or now < until]

    def home(self, kind: str, name: str) -> tuple[str, str]:
        """(venue, event) of a thing; ("", "") is the platform's, and what does not exist."""
        if kind == "key":
            return self.home(self.keys[name]["holder"], self.keys[name]["name"]) if name in self.keys else ("", "")
        if kind == "symbol":
            return self.home("market", self.symbols[name][1]) if name in self.symbols else ("", "")
        row = self.tables[kind].get(name)
        if row is None:
            return "", ""
        if kind in ("market", "series"):
            return row["owner_venue"], name
        if kind in ("account", "session"):
            if "firm" not in row:
                return "" if name.startswith("PLATFORM.") else name.removesuffix(".FEES").removesuffix(".BOND"), ""
            return row["venue"] or self.home("firm", row["firm"])[0], ""
        return row["venue"] if kind in ("firm", "principal") else "", ""

    def sees(self, who: str, kind: str, name: str, now: int) -> bool:
        scopes = [scope for _, scope, _ in self.held(who, now)]
        if name not in {"symbol": self.symbols, "key": self.keys}.get(kind, self.tables.get(kind, {})):
            return False
        if "platform" in scopes or kind == "asset":
            return True
        whole = {split(scope)[0] for scope in scopes if scope.startswith("venue:")}
        if kind == "venue":
            return name in {split(scope)[0] for scope in scopes}
        if kind in ("market", "symbol"):
            event = self.symbols[name][1] if kind == "symbol" else name
            row = self.tables["market"][event]
            if any(within(scope, row["owner_venue"], event) for scope in scopes):
                return True
            return row["sharing"] == "shared" and bool(whole & set(row["admits"]))
        if kind == "series":
            return any(within(scope, row["owner_venue"], name) for row in (self.tables[kind][name],) for scope in scopes)
        if kind == "principal":
            others = self.held_even_closed(name, now)
            return self.home(kind, name)[0] in whole or who == f"principal:{name}" or any(split(scope)[0] in whole for scope in others)
        return self.home(kind, name)[0] in whole

    def held_even_closed(self, name: str, now: int) -> list[str]:
        return [scope for (_, scope), until in self.tables["principal"][name]["grants"].items() if until == 0 or now < until]

    # ---- what a record says
    def wants(self, f: Fields) -> Iterator[tuple[str, str]]:
        """What it names, in the order of its fields."""
        kinds = {"firm": "firm", "venue": "venue", "account": "account", "owner_venue": "venue", "asset": "asset", "base_asset": "asset",
                 "source": "account", "target": "account", "event": "market", "principal": "principal", "symbol": "symbol", "session": "session"}  # fmt: skip
        order = {
            "firm": ("venue",), "account": ("firm", "venue"), "session": ("firm", "venue", "account"),
            "market": ("owner_venue", "asset", "base_asset"), "listing": ("venue", "event"), "transfer": ("asset", "source", "target"),
            "hold": ("account", "asset"), "withdraw_request": ("account", "asset"),
            "phase": ("event",), "overdue": ("event",), "series": ("owner_venue",), "bands": ("event",), "add_outcome": ("event",), "split_outcome": ("event",), "determine": ("event",), "finalise": ("event",),
            "determine_one": ("event", "symbol"), "finalise_one": ("event", "symbol"), "withdraw_one": ("event", "symbol"),
            "settle": ("event",), "recover": ("event",), "bust": ("event",), "bond": ("venue",), "dispute": ("event", "firm", "symbol"), "uphold": ("event", "symbol"), "correct": ("event", "symbol"), "void": ("event",), "restrict": ("event", "firm"),
            "firm_tags": ("firm",), "access_rule": ("venue", "event"), "access_rule_remove": ("venue", "event"), "quota": ("venue",), "freeze": ("venue",), "budget": ("session", "asset"), "budget_clear": ("session",),
            "reference": ("symbol",), "principal": ("venue", "firm"), "grant": ("principal",), "revoke": ("principal",),
        }  # fmt: skip
        for field in order.get(f["type"], ()):
            if f[field]:
                yield kinds[field], f[field]
        if f["type"] == "market":
            yield from (("venue", name) for name in f["admits"])
        if f["type"] == "budget":
            yield from (("market", name) for name in f["markets"] or ())
            yield from (("series", name) for name in f["series"] or ())
        if f["type"] == "split_outcome":
            yield "symbol", f["source"]
        if f["type"] == "series_close":
            yield "series", f["name"]
        if f["type"] == "key":
            yield f["holder"], f["name"]
        if f["type"] == "key_revoke":
            yield "key", f["id"]
        if f["type"] == "kill" and f["level"] != "platform":
            yield f["level"], f["target"]
        if f["type"] == "close":
            yield f["kind"], f["name"]
        if f["type"] in ("grant", "revoke") and split(f["scope"])[0]:
            yield "venue", split(f["scope"])[0]

    def places(self, f: Fields) -> list[tuple[str, str]]:
        """(venue, event) of all that the record touches."""
        match f["type"]:
            case "venue":
                return [(f["name"], "")]
            case "firm" | "principal":
                return [(f["venue"], ""), *([self.home(f["type"], f["name"])] if f["name"] in self.tables[f["type"]] else [])]
            case "account" | "session":
                home = self.home("firm", f["firm"])
                old = [self.home(f["type"], f["name"])] if f["name"] in self.tables[f["type"]] else []
                return [(f["venue"] or home[0], ""), *old, home]
            case "market":
                return [(f["owner_venue"], f["event"]), *([self.home("market", f["event"])] if f["event"] in self.tables["market"] else [])]
            case "listing":
                return [(f["venue"], f["event"])]
            case "transfer":
                return [self.home("account", name) for name in (f["source"], f["target"]) if name] or [("", "")]
            case "hold" | "withdraw_request":
                return [self.home("account", f["account"])]
            case "release" | "withdraw_settle" | "withdraw_cancel":
                row = self.holds.get(f["hold"] if f["type"] == "release" else f["withdrawal"])
                return [self.home("account", row["account"]) if row else ("", "")]
            case "budget" | "budget_clear":
                return [self.home("session", f["session"])]
            case "bond":
                return [(f["venue"], "")]
            case "dispute":
                home = self.home("firm", f["firm"])
                return [home if home[0] else self.home("market", f["event"])]
            case (
                "bands"
                | "add_outcome"
                | "split_outcome"
                | "phase"
                | "overdue"
                | "determine"
                | "finalise"
                | "determine_one"
                | "finalise_one"
                | "withdraw_one"
                | "settle"
                | "restrict"
                | "uphold"
                | "recover"
                | "bust"
                | "correct"
                | "void"
            ):
                return [self.home("market", f["event"])]
            case "access_rule" | "access_rule_remove":
                return [(f["venue"], "") if f["venue"] else self.home("market", f["event"])]
            case "series":
                return [(f["owner_venue"], f["name"]), *([self.home("series", f["name"])] if f["name"] in self.tables["series"] else [])]
            case "series_close":
                return [self.home("series", f["name"])]
            case "schedule":
                return self.places(f["act"])
            case "schedule_cancel" | "run_due":
                return self.places(self.timed[f["id"]]["record"]) if f["id"] in self.timed else [("", "")]
            case "reference":
                return [self.home("symbol", f["symbol"])]
            case "kill":
                if f["level"] in ("platform", "venue"):
                    return [(f["target"] if f["level"] == "venue" else "", "")]
                return [self.home(f["level"], f["target"])]
            case "close":
                return [self.home(f["kind"], f["name"])]
            case "grant" | "revoke":
                return [split(f["scope"])]
            case "key":
                return [self.home(f["holder"], f["name"]), *([self.home("key", f["id"])] if f["id"] in self.keys else [])]
            case "key_revoke":
                return [self.home("key", f["id"])]
        return [("", "")]

    def makes(self, f: Fields) -> Iterator[tuple[str, str]]:
        """Names that it brings into the world, unless the thing is there already."""
        fields = {"firm": ("name",), "account": ("name",), "session": ("name", "peer_comp_id", "key"), "market": ("event",), "series": ("name",),
                  "principal": ("name",), "key": ("id",), "transfer": ("key",), "hold": ("key",), "release": ("key",), "withdraw_request": ("key",),
                  "withdraw_settle": ("key",), "withdraw_cancel": ("key",)}  # fmt: skip
        for field in fields.get(f["type"], ()):
            if f[field]:
                yield f["type"], f[field]
        if f["type"] == "market":
            yield from (("symbol", contract["symbol"]) for contract in f["contracts"])
        if f["type"] in ("add_outcome", "split_outcome"):
            yield "symbol", f["contract"]["symbol"]

    # ---- the judgement
    def judge(self, who: str, f: Fields, now: int) -> None:
        """Raises Refused when the asker may not."""
        if not who.startswith("principal:"):
            return
        tag, held = f["type"], self.held(who, now)
        if tag == "revoke" and who == f"principal:{f['principal']}":
            return
        if not any(role in MAY[tag] for role, *_ in held):
            raise Refused(C.R_NOT_AUTHORISED)
        if tag in ("approve", "refuse"):
            return
        if tag == "schedule":
            self.judge(who, f["act"], now)
            return
        if tag == "schedule_cancel":
            row = self.timed.get(f["id"])
            if row is None or not self.sees_timed(who, row, now):
                raise Refused(C.R_UNKNOWN_SCHEDULE)
            if row["who"] != who:
                self.judge(who, row["record"], now)
            return
        if tag == "series" and f["market"]:
            self.judge(who, f["market"], now)
        if tag == "bust" and not any(scope == "platform" for _, scope, _ in held):
            if f["event"] not in self.tables["market"] or not self.sees(who, "market", f["event"], now):
                raise Refused(C.R_UNKNOWN_TRADE)
        for kind, name in self.wants(f):
            if not self.sees(who, kind, name, now):
                raise Refused(HIDDEN.get(kind, C.R_BAD_DEFINITION))
        if tag in ("release", "withdraw_settle", "withdraw_cancel"):
            kind = "hold" if tag == "release" else "withdrawal"
            row = self.holds.get(f[kind])
            if row is None or row["kind"] != kind or not self.sees(who, "account", row["account"], now):
                raise Refused(C.R_UNKNOWN_HOLD)
        for_all = any(role in MAY[tag] and scope == "platform" for role, scope, _ in held)
        if not for_all:
            self.judge_names(who, f, now)
        for venue, event in self.places(f):
            if not any(role in MAY[tag] and within(scope, venue, event) for role, scope, _ in held):
                raise Refused(C.R_NOT_AUTHORISED)
        if tag in ("grant", "revoke"):
            until = f["until_ns"] if tag == "grant" else -1
            if not self.could_give(held, f["role"], f["scope"], until):
                raise Refused(C.R_GRANT_BEYOND)
        if tag == "key" and f["holder"] == "principal":
            theirs = self.tables["principal"][f["name"]]["grants"]
            if not all(self.could_give(held, role, scope, -1) for (role, scope), end in theirs.items() if end == 0 or now < end):
                raise Refused(C.R_GRANT_BEYOND)

    def sees_timed(self, who: str, row: Fields, now: int) -> bool:
        """One's own act in time, or one at places whose schedule one may ask for."""
        held = self.held(who, now)
        return row["who"] == who or all(
            any(role in SEES_SCHEDULE and within(scope, *place) for role, scope, _ in held) for place in self.places(row["record"])
        )

    def could_give(self, held: list[tuple[str, str, int]], given: str, where: str, until: int) -> bool:
        venue, prefix = split(where)
        return any(
            given in GIVES.get(role, ())
            and (scope == "platform" or (where != "platform" and within(scope, venue, prefix)))
            and (end == 0 or until == -1 or 0 < until <= end)
            for role, scope, end in held
        )

    def judge_names(self, who: str, f: Fields, now: int) -> None:
        venue = self.places(f)[0][0]
        kind = f["type"]
        own = f.get("event") if kind == "market" else f.get("id") if kind == "key" else f.get("name")
        exists = kind in ("firm", "account", "session", "market", "principal", "key", "series") and own in self.tables.get(kind, self.keys)
        if (exists and self.sees(who, kind, str(own), now)) or not venue:
            return
        for what, name in self.makes(f):
            if not name.startswith(venue + "."):
                raise Refused(C.R_FOREIGN_NAME)
            if exists or (what == "symbol" and name in self.symbols and not self.sees(who, "symbol", name, now)):
                raise Refused(C.R_BAD_DEFINITION)

    # ---- the second person
    def listed(self, f: Fields) -> bool:
        match f["type"]:
            case "kill":
                name = "kill_release" if not f["on"] and f["level"] in ("platform", "venue") else ""
            case "grant":
                name = "platform_grant" if f["scope"] == "platform" else "venue_grant"
            case "key":
                name = "principal_key" if f["holder"] == "principal" else ""
            case "approvals":
                name = "approvals"
            case "void":
                name = "void"
            case "correct":
                name = "correct" if f["event"] in self.final else ""
            case "transfer":
                limit = self.second["withdrawals"].get(f["asset"])
                name = "withdrawal" if f["source"] and not f["target"] and limit is not None and f["amount"] > limit else ""
            case "withdraw_request":
                limit = self.second["withdrawals"].get(f["asset"])
                name = "withdrawal" if limit is not None and f["amount"] > limit else ""
            case "budget" | "budget_clear":
                name = "budget" if self.loosens(f) else ""
            case _:
                name = ""
        return name in self.second["acts"]

    def loosens(self, f: Fields) -> bool:
        """Does it allow what an existing budget does not?"""
        old = self.budgets.get(f["session"])
        if old is None:
            return False
        if f["type"] == "budget_clear" or f["anew"] or f["asset"] not in ("", old["asset"]):
            return True
        for name in ("max_loss", "max_loss_per_day", "max_cost", "approve_above", "max_quantity"):
            if f[name] is not None and old[name] and not 0 < f[name] <= old[name]:
                return True
        was, now = (
            [(kind, name) for kind in ("markets", "series") for name in (row[kind] if row[kind] is not None else old[kind])]
            for row in (old, f)
        )
        return bool(was) and (not now or not set(now) <= set(was))

    def could(self, who: str, f: Fields, now: int) -> bool:
        try:
            self.judge(who, f, now)
        except Refused:
            return False
        return True

    def waits(self, who: str, f: Fields, now: int) -> bool:
        if not self.listed(f):
            return False
        if who.startswith("principal:"):
            return True
        return any(self.could(f"principal:{name}", f, now) for name in self.tables["principal"])

    def sees_waiting(self, who: str, row: Fields, now: int) -> bool:
        if not who.startswith("principal:") or row["who"] == who:
            return True
        held = self.held(who, now)
        return all(any(role in SEES_PENDING and within(scope, *place) for role, scope, _ in held) for place in self.places(row["record"]))

    def keep(self, who: str, f: Fields, now: int) -> str:
        live = {id: row for id, row in self.waiting.items() if now < row["until"]}
        if any(row["who"] == who and row["record"] == f for row in live.values()):
            return "same"
        self.waiting = {**live, self.next_waiting: {"who": who, "record": f, "until": now + self.second["expires_ns"]}}
        self.next_waiting += 1
        return "kept"

    def waiting_row(self, who: str, id: int, now: int) -> Fields:
        row = self.waiting.get(id)
        if row is None or not self.sees_waiting(who, row, now):
            raise Refused(C.R_UNKNOWN_PENDING)
        return row

    def approved(self, who: str, id: int, now: int) -> Fields:
        row = self.waiting_row(who, id, now)
        if row["who"] == who or (who[:4] == row["who"][:4] == "uid:" and "uid:0" in (who, row["who"])):
            raise Refused(C.R_OWN_ACT)
        if now >= row["until"]:
            raise Refused(C.R_PENDING_EXPIRED)
        self.judge(who, row["record"], now)
        if not self.could(row["who"], row["record"], now):
            raise Refused(C.R_NOT_AUTHORISED)
        return row

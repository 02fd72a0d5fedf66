"""What the registry's tables must hold, in plain Python: names to ids and fields. It imports nothing of exchange_server.

One method per kind of record: it answers the code of the refusal, or whether something is new, changed or as it was. The order in which faults are
named is that of the record's fields: names that must exist, rules among the fields, who else has the same, what may not change, room.
"""

import copy
from typing import Any

import msgspec

from protocol import codes as C
from tests.model_changes import TRANSITIONS
from tests.registry.naive_access import NO_SERIES_SCOPE, NO_VENUE_SCOPE, NaiveAccess, Refused, split
from tests.registry.naive_ahead import NaiveAhead
from tests.registry.naive_changes import NaiveChanges
from tests.registry.naive_reversals import NaiveReversals
from tests.registry.naive_rules import NaiveRules
from tests.registry.naive_times import CHANGED, NEW, SAME, TIMES, NaiveTimes, No

Fields = dict[str, Any]
LIVE = {
    "asset": {"title"},
    "venue": {"title", "throttle_limit", "throttle_window_ns", "isolated_accounts"},
    "firm": {"title", "share"},
    "account": set(),
    "session": {
        "account", "username", "verifier", "cancel_on_disconnect", "settlement_reports", "standard_dictionary",
        "timestamp_decimals", "throttle_limit", "throttle_window_ns",
    },
    "principal": {"title", "firm", "closed"}, "series": {"title", "until_ns"},
    "market": {
        "title", "auto_finalise", "bands", "min_qty", "max_qty", "max_notional", "max_position", "collar", "protection", "fees", "open_at_ns",
        "live_at_ns", "close_at_ns", "determine_by_ns",
    },
}  # fmt: skip
UNKNOWN = {"asset": C.R_UNKNOWN_ASSET, "account": C.R_UNKNOWN_ACCOUNT, "market": C.R_UNKNOWN_EVENT}

PHASES = {name: phase for phase, name in C.PHASE_NAMES.items()}
TRADES_OR_CLOSED = (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED)


CLOSED = {"market": C.R_MARKET_REMOVED, "firm": C.R_FIRM_CLOSED, "account": C.R_ACCOUNT_CLOSED, "session": C.R_SESSION_CLOSED}


class NaiveRegistry(NaiveTimes, NaiveRules, NaiveChanges, NaiveReversals, NaiveAhead, NaiveAccess):
    LIVE = LIVE

    def __init__(self, takes_all: bool = False, **room: int) -> None:
        """takes_all: the core is one that takes every row."""
        super().__init__()
        self.now = 1_000_000_000_000
        self.takes_all, self.room = takes_all, {"principal": 100_000, "series": 1000, **room}
        self.tables: dict[str, dict[str, Fields]] = {kind: {} for kind in LIVE}  # name to fields, with "id"
        self.symbols: dict[str, tuple[int, str]] = {}  # to (id, event)
        self.listings: dict[tuple[str, str], Fields] = {}
        self.references: dict[str, tuple[int, int]] = {}
        self.transfers: dict[str, Fields] = {}  # all acts about money, by idempotency key
        self.holds: dict[int, Fields] = {}
        self.timed: dict[int, Fields] = {}  # scheduled acts
        self.overdue: set[str] = set()
        self.settling: set[str] = set()  # events that are being paid in slices
        self.closed: dict[tuple[str, str], str] = {}  # (kind, name): why
        self.results: dict[str, list[Fields]] = {}
        self.ahead: dict[str, list[Fields]] = {}
        self.newest: dict[str, int] = {}
        self.whole: dict[str, int] = {}
        self.final: set[str] = set()  # events that were paid
        self.heard: dict[str, dict[str, Fields]] = {}  # event: what each of two sources said last
        self.disputed: dict[tuple[str, int], set[str]] = {}  # (event, version): firms
        self.until: dict[str, int] = {}  # event: end of the newest version's window
        self.made: dict[str, int] = {}  # event: the phase that its newest version gave it
        self.phases: dict[str, int] = {}  # of the events, as the core has them
        self.keys: dict[str, Fields] = {}
        self.now = 0
        self.tags: dict[str, Fields] = {}
        self.rules: dict[tuple[str, str, str], Fields] = {}  # (venue or event, its name, rule), with "number"
        self.numbers = 0
        self.quotas: dict[str, dict[str, int]] = {}
        self.freezes: dict[str, Fields] = {}
        self.budgets: dict[str, Fields] = {}  # by session, with its account
        self.begun: Fields | None = None
        self.by_core = False  # who refused the latest record
        self.core_code = 0  # with what

    def apply(self, record: Any, who: str = "uid:0") -> tuple[int, str]:
        """(code, what became of it), at the time `now`."""
        fields = msgspec.to_builtins(record)
        self.by_core, self.core_code, self.asker = False, 0, who
        try:
            self.judge(who, fields, self.now)
            return C.OK, self._second_person(who, fields)
        except Refused as refused:
            return refused.code, ""
        except No as no:
            self.by_core, self.core_code = no.by_core, no.code
            return no.code, ""

    def _second_person(self, who: str, fields: Fields) -> str:
        if fields["type"] == "approve":
            row = self.approved(who, fields["id"], self.now)
            done = self._do({**row["record"]})
            del self.waiting[fields["id"]]
            return done
        if fields["type"] == "refuse":
            row = self.waiting_row(who, fields["id"], self.now)
            if row["who"] != who:
                self.judge(who, row["record"], self.now)
            del self.waiting[fields["id"]]
            return NEW
        if fields["type"] == "schedule":
            return self._schedule(who, fields)
        if fields["type"] == "run_due":
            return self._run_due(fields)
        if self.waits(who, fields, self.now) and copy.deepcopy(self)._do({**fields}) != SAME:
            return self.keep(who, fields, self.now)
        return self._do(fields)

    def _do(self, fields: Fields) -> str:
        before = dict(self.phases)
        about_rules = fields["type"] in ("market", "access_rule", "access_rule_remove")
        self._wrong(self._takes_none(fields) and not self.takes_all, C.R_SETTLING)
        self._wrong(not about_rules and ("market", fields.get("event")) in self.closed, C.R_MARKET_REMOVED)
        done: str = getattr(self, f"_{fields.pop('type')}")(fields)
        for event, phase in self.phases.items():
            if phase != before.get(event):
                self._moved(event, phase)
        return done

    def _rollback(self, f: Fields) -> str:
        """Of what was applied record by record there is no revision; test_revisions.py has the naive history of configurations."""
        self._wrong(f["base"] not in (None, 0), C.R_REVISION_MOVED)
        self._wrong(f["to"] > 0, C.R_UNKNOWN_REVISION)
        return SAME

    def _find(self, kind: str, name: str) -> Fields:
        if name not in self.tables[kind]:
            raise No(UNKNOWN.get(kind, C.R_BAD_DEFINITION))
        return self.tables[kind][name]

    def _wrong(self, wrong: bool, code: int = C.R_BAD_DEFINITION) -> None:
        if wrong:
            raise No(code)

    def _fits(self, kind: str, count: int = 1) -> int:
        used = [row["id"] for row in self.tables[kind].values()]
        first = max([*used, 15 if kind == "account" else 0]) + 1
        self._wrong(first + count - 1 > self.room[kind], C.R_TABLE_FULL)
        return first

    def _put(self, kind: str, name: str, fields: Fields, *others: tuple[str, str]) -> str:
        """A new row, or the old one with its live fields changed. `others`: what it needs that must not be closed."""
        old = self.tables[kind].get(name)
        if old is None:
            self._none_closed(*others)
            fields["id"] = self._fits(kind)
            self._platform()
            self.tables[kind][name] = fields
            return NEW
        if not fields.get("title", "-"):
            fields["title"] = old["title"]
        changed = {field for field in fields if fields[field] != old[field]}
        self._wrong(bool(changed - LIVE[kind]))
        if changed:
            self._none_closed((kind, name), *others)
        old.update(fields)
        return CHANGED if changed else SAME

    def _none_closed(self, *things: tuple[str, str]) -> None:
        for thing in things:
            self._wrong(thing in self.closed, CLOSED.get(thing[0], 0))

    def _platform(self) -> None:
        """The platform's own accounts come before everything else."""
        self.tables["account"].setdefault("PLATFORM.FEES", {"id": 1, "session": 0})
        self.tables["account"].setdefault("PLATFORM.HOLDS", {"id": 2, "session": 0})

    # ---- definitions
    def _asset(self, f: Fields) -> str:
        return self._put("asset", f["name"], f)

    def _firm(self, f: Fields) -> str:
        if f["venue"]:
            self._find("venue", f["venue"])
        return self._put("firm", f["name"], f)

    def _principal(self, f: Fields) -> str:
        if f["venue"]:
            self._find("venue", f["venue"])
        if f["firm"]:
            self._find("firm", f["firm"])
        kept = self.tables["principal"].get(f["name"], {"grants": {}})["grants"]
        return self._put("principal", f["name"], {**f, "grants": kept})

    def _grant(self, f: Fields) -> str:
        row = self._find("principal", f["principal"])
        venue, prefix = split(f["scope"])
        if venue:
            self._find("venue", venue)
        role, until = f["role"], f["until_ns"]
        self._wrong(bool(venue) and role in NO_VENUE_SCOPE)
        self._wrong(bool(prefix) and role in NO_SERIES_SCOPE)
        self._wrong(0 < until <= self.now)
        self._wrong(bool(row["venue"]) and row["venue"] != venue)
        self._wrong(row["closed"])
        old = row["grants"].get((role, f["scope"]))
        row["grants"][role, f["scope"]] = until
        return NEW if old is None else SAME if old == until else CHANGED

    def _revoke(self, f: Fields) -> str:
        row = self._find("principal", f["principal"])
        self._wrong((f["role"], f["scope"]) not in row["grants"])
        del row["grants"][f["role"], f["scope"]]
        return NEW

    def _approvals(self, f: Fields) -> str:
        for asset in f["withdrawals"]:
            self._find("asset", asset)
        same = f == self.second
        self.second = f
        return SAME if same else CHANGED

    def _venue(self, f: Fields) -> str:
        self._wrong(bool(f["throttle_limit"]) != bool(f["throttle_window_ns"]))
        self._wrong(f["cutoff_offset_ns"] >= f["cutoff_period_ns"])
        fees = f"{f['name']}.FEES"
        if f["name"] not in self.tables["venue"]:
            self._wrong(fees in self.tables["account"])
            self._fits("venue")
            account = self._fits("account")
            self._platform()
            self.tables["account"][fees] = {"id": account, "session": 0}
        return self._put("venue", f["name"], f)

    def _account(self, f: Fields) -> str:
        self._find("firm", f["firm"])
        if f["venue"]:
            self._find("venue", f["venue"])
        old = self.tables["account"].get(f["name"])
        self._wrong(old is not None and "firm" not in old)  # a fee account
        f["session"] = old["session"] if old else 0
        return self._put("account", f["name"], f, ("firm", f["firm"]))

    def _session(self, f: Fields) -> str:
        self._find("firm", f["firm"])
        if f["venue"]:
            self._find("venue", f["venue"])
        account = self._find("account", f["account"]) if f["account"] else None
        self._wrong(account is not None and account.get("firm") != f["firm"], C.R_ACCOUNT_NOT_ALLOWED)
        isolated = f["venue"] and self.tables["venue"][f["venue"]]["isolated_accounts"]
        self._wrong(isolated and account is not None and account["venue"] != f["venue"], C.R_ACCOUNT_NOT_ISOLATED)
        self._wrong(bool(f["throttle_limit"]) != bool(f["throttle_window_ns"]))
        secret, verifier, own_key = f.pop("secret"), f.pop("verifier"), f"{f['name']}:secret"
        fix, binary = ("our_comp_id", "peer_comp_id", "username"), ("key",)
        own, other = (fix, binary) if f["wire"] == "fix" else (binary, fix)
        needed = [name for name in own if name != "username" or verifier or own_key in self.keys]
        self._wrong(not all(f[name] for name in needed) or any(f[name] for name in other))
        login = own[:2] if f["wire"] == "fix" else own[:1]
        for name, row in self.tables["session"].items():
            self._wrong(name != f["name"] and row["wire"] == f["wire"] and all(row[part] == f[part] for part in login))
        self._wrong(bool(secret))
        changes = bool(verifier) and (own_key not in self.keys or self.keys[own_key]["verifier"] != verifier)
        if verifier:
            self._verifier("password" if f["wire"] == "fix" else "scram", verifier)
        if changes and (own_key not in self.keys or self.keys[own_key]["revoked"]):
            self._few_keys("session", f["name"])
        if f["name"] not in self.tables["session"]:
            self._within(f["venue"] or self.tables["firm"][f["firm"]]["venue"], "sessions", 1)
        done = self._put("session", f["name"], f, ("firm", f["firm"]), ("account", f["account"]))
        if changes:
            self._none_closed(("session", f["name"]), ("firm", f["firm"]), ("account", f["account"]))
            self.keys[own_key] = {
                "holder": "session", "name": f["name"], "kind": "password" if f["wire"] == "fix" else "scram", "verifier": verifier,
                "scopes": ("trade", "read", "market_data"), "until_ns": 0, "addresses": (), "title": "", "made": self.now, "revoked": False,
                "reason": "",
            }  # fmt: skip
            done = CHANGED if done == SAME else done
        if done != SAME and account is not None and not account["session"]:
            account["session"] = self.tables["session"][f["name"]]["id"]
        return done

    # ---- keys
    def _verifier(self, kind: str, verifier: str) -> None:
        head, *rest = verifier.split(".")
        lengths = [len(head), *map(len, rest)]
        digits = verifier if kind in ("ed25519", "token") else "".join(rest)
        good = {
            "ed25519": lengths == [64], "token": lengths == [32, 64], "scram": head == "scram" and lengths[1:] == [64],
            "password": head == "scrypt" and len(rest) == 3 and lengths[2:] == [64, 64] and rest[0] in {str(n) for n in range(1, 17)},
        }[kind]  # fmt: skip
        self._wrong(not good or not set(digits) <= set("0123456789abcdef."))

    def _alive(self, row: Fields) -> bool:
        return not row["revoked"] and (row["until_ns"] == 0 or row["until_ns"] > self.now)

    def _few_keys(self, holder: str, name: str) -> None:
        live = [row for row in self.keys.values() if (row["holder"], row["name"]) == (holder, name) and self._alive(row)]
        self._wrong(len(live) >= 8, C.R_TABLE_FULL)

    def _key(self, f: Fields) -> str:
        session = f["holder"] == "session"
        if session:
            wire = self._find("session", f["name"])["wire"]
            self._wrong(f["kind"] not in {"fix": ("ed25519", "token", "password"), "binary": ("ed25519", "scram")}[wire])
        else:
            raise No(C.R_BAD_DEFINITION)  # there is no principal in these tests
        self._wrong(f["id"].endswith(":secret") or bool(f.pop("secret")))
        self._verifier(f["kind"], f["verifier"])
        self._wrong(session != bool(f["scopes"]) or any(text.endswith("/99") for text in f["addresses"]))
        f["scopes"] = tuple(scope for scope in ("trade", "read", "market_data") if scope in f["scopes"])
        id = f.pop("id")
        old = self.keys.get(id)
        if old is not None and not f["title"]:
            f["title"] = old["title"]
        if old is not None and all(old[field] == f[field] for field in f):
            return SAME
        self._none_closed(("session", f["name"]))
        self._wrong(0 < f["until_ns"] <= self.now and (old is None or old["until_ns"] != f["until_ns"]))
        if old is not None:
            self._wrong(any(old[field] != f[field] for field in ("holder", "name", "kind", "verifier")))
            self._wrong(old["revoked"], C.R_KEY_REVOKED)
            old.update(f)
            return CHANGED
        self._few_keys(f["holder"], f["name"])
        dead = [other for other, row in self.keys.items() if row["name"] == f["name"] and not self._alive(row)]
        if len(dead) >= 32:
            del self.keys[dead[0]]
        self.keys[id] = {**f, "made": self.now, "revoked": False, "reason": ""}
        return NEW

    def _key_revoke(self, f: Fields) -> str:
        self._wrong(f["id"] not in self.keys)
        row = self.keys[f["id"]]
        if row["revoked"]:
            return SAME
        row.update(revoked=True, reason=f["reason"])
        return NEW

    def _market(self, f: Fields) -> str:
        self._times_in_order(f)
        self._find("venue", f["owner_venue"])
        self._find("asset", f["asset"])
        if f["base_asset"]:
            self._find("asset", f["base_asset"])
        for name in f["admits"]:
            self._find("venue", name)
        old = self.tables["market"].get(f["event"])
        changed = {name for name, _, _ in TIMES if old is None or f[name] != old[name]}
        fixed = old is not None and any(value != old[name] for name, value in f.items() if name not in LIVE["market"] and name in old)
        if not fixed:
            symbols = [contract["symbol"] for contract in f["contracts"]]
            self._wrong(old is None and any(symbol in self.symbols for symbol in symbols))
            self._times_to_come(f, changed, old is None)
        if f["event"] not in self.tables["market"]:
            symbols = [contract["symbol"] for contract in f["contracts"]]
            self._wrong(any(symbol in self.symbols for symbol in symbols))
            for name in ("instruments", "listings"):
                self._within(f["owner_venue"], name, len(symbols))
            self._fits("market")
            first = 1 + sum(self._symbols_kept(market) for market in self.tables["market"].values())
            self._wrong(first + self._symbols_kept(f) - 1 > self.room["symbol"], C.R_TABLE_FULL)
            self._put("market", f["event"], f)
            self.phases[f["event"]] = PHASES[f["phase"]]
            self.symbols.update({symbol: (first + i, f["event"]) for i, symbol in enumerate(symbols)})
            done = NEW
        else:
            old = self.tables["market"][f["event"]]
            if f["bands"] != old["bands"] and all(f[field] == old[field] for field in f.keys() - LIVE["market"]):
                self._may_change(f["event"])
            collar, pays_itself = old["collar"], old["auto_finalise"]
            done = self._put("market", f["event"], f)
            if (
                f["auto_finalise"] != pays_itself
                and self.results.get(f["event"])
                and self.phases[f["event"]] in (C.PH_DETERMINED, C.PH_VOIDED)
            ):
                self._window(f["event"])
            if f["collar"] != collar:
                for symbol, (_, event) in self.symbols.items():
                    if event == f["event"] and symbol in self.references:
                        self.references[symbol] = (self.references[symbol][0], f["collar"])
        self.listings[(f["owner_venue"], f["event"])] = f["fees"]
        for name, kind, to in TIMES:
            if name in changed:
                self._cancel_timed(f["event"], {kind})
                act = {"type": "phase", "event": f["event"], "phase": to} if to else {"type": "overdue", "event": f["event"]}
                if f[name]:
                    self._put_timed(f[name], act, "timer:market", kind=kind)
        return done

    def _listing(self, f: Fields) -> str:
        self._find("venue", f["venue"])
        market = self._find("market", f["event"])
        self._wrong(market["owner_venue"] == f["venue"])
        self._wrong(market["sharing"] != "shared" or f["venue"] not in market["admits"], C.R_VENUE_NOT_ALLOWED)
        old = self.listings.get((f["venue"], f["event"]))
        if old is None:
            self._within(f["venue"], "listings", len(market["contracts"]))
        self.listings[(f["venue"], f["event"])] = f["fees"]
        return NEW if old is None else SAME if old == f["fees"] else CHANGED

    # ---- acts
    def _before(self, tag: str, f: Fields) -> bool:
        """Has this act been done, under its key?"""
        done = self.transfers.get(f["key"])
        self._wrong(done is not None and done != {"tag": tag, **f}, C.R_IDEMPOTENCY)
        return done is not None

    def _party(self, name: str) -> Fields:
        account = self._find("account", name)
        self._wrong(account["id"] == 2, C.R_ACCOUNT_NOT_ALLOWED)
        self._wrong(("account", name) in self.closed, C.R_ACCOUNT_CLOSED)
        return account

    def _transfer(self, f: Fields) -> str:
        if self._before("transfer", f):
            return SAME
        self._find("asset", f["asset"])
        source = self._party(f["source"]) if f["source"] else None
        target = self._party(f["target"]) if f["target"] else None
        self._wrong(source is None and target is None)
        if source is not None and target is not None:
            self._wrong(source is target)
            self._wrong("firm" not in source or source["firm"] != target.get("firm"), C.R_ACCOUNT_NOT_ALLOWED)
        self.transfers[f["key"]] = {"tag": "transfer", **f}
        return NEW

    def _hold(self, f: Fields, tag: str = "hold") -> str:
        if self._before(tag, f):
            return SAME
        self._find("asset", f["asset"])
        self._wrong("firm" not in self._party(f["account"]), C.R_ACCOUNT_NOT_ALLOWED)
        until = f.get("until_ns", 0)
        self._wrong(0 < until <= self.now)
        self.transfers[f["key"]] = {"tag": tag, **f}
        kind = "hold" if tag == "hold" else "withdrawal"
        self.holds[len(self.holds) + 1] = {
            "kind": kind, "account": f["account"], "asset": f["asset"], "amount": f["amount"], "until": until, "ended": "",
        }  # fmt: skip
        return NEW

    def _withdraw_request(self, f: Fields) -> str:
        return self._hold(f, "withdraw_request")

    def _end(self, tag: str, kind: str, ended: str, f: Fields) -> str:
        if self._before(tag, f):
            return SAME
        row = self.holds.get(f[kind])
        self._wrong(row is None or row["kind"] != kind, C.R_UNKNOWN_HOLD)
        assert row is not None
        self._wrong(bool(row["ended"]), C.R_HOLD_ENDED)
        row["ended"] = ended
        self.transfers[f["key"]] = {"tag": tag, **f}
        return NEW

    def _release(self, f: Fields) -> str:
        return self._end("release", "hold", "released", f)

    def _withdraw_settle(self, f: Fields) -> str:
        return self._end("withdraw_settle", "withdrawal", "paid", f)

    def _withdraw_cancel(self, f: Fields) -> str:
        return self._end("withdraw_cancel", "withdrawal", "cancelled", f)

    def _hold_expire(self, f: Fields) -> str:
        row = self.holds.get(f["hold"])
        self._wrong(row is None or not row["until"], C.R_UNKNOWN_HOLD)
        assert row is not None
        self._wrong(bool(row["ended"]), C.R_HOLD_ENDED)
        self._wrong(row["until"] > self.now)
        row["ended"] = "expired"
        self.transfers[f"\x00hold {f['hold']} expired"] = {}
        return NEW

    def _close(self, f: Fields) -> str:
        kind, name = f["kind"], f["name"]
        self._wrong(bool(f["venue"]) != (kind == "listing"))
        row = self._find("market" if kind == "listing" else kind, name)
        if kind == "listing":
            self._find("venue", f["venue"])
            if (f["venue"], name) not in self.listings:
                return SAME
            self._wrong(row["owner_venue"] == f["venue"])
            del self.listings[f["venue"], name]
            return CHANGED
        if self.closed.get((kind, name)) == f["reason"]:
            return SAME
        self._wrong((kind, name) in self.closed, CLOSED[kind])
        if kind == "market":
            self._wrong(any(event == name and venue != row["owner_venue"] for venue, event in self.listings), C.R_NOT_EMPTY)
            self.listings.pop((row["owner_venue"], name), None)
        if kind == "account":
            self._wrong("firm" not in row)
            self._wrong(any(hold["account"] == name and not hold["ended"] for hold in self.holds.values()), C.R_NOT_EMPTY)
        if kind == "firm":
            accounts = self.tables["account"]
            open_ones = [own for own, account in accounts.items() if account.get("firm") == name and ("account", own) not in self.closed]
            self._wrong(bool(open_ones), C.R_NOT_EMPTY)
        self.closed[kind, name] = f["reason"]
        return NEW

    def _reference(self, f: Fields) -> str:
        self._wrong(f["symbol"] not in self.symbols, C.R_UNKNOWN_INSTRUMENT)
        market = self.tables["market"][self.symbols[f["symbol"]][1]]
        low, high = market["bands"][0]["low"], market["bands"][-1]["high"]
        self._wrong(f["reference"] != 0 and not low <= f["reference"] <= high, C.R_PRICE_OUT_OF_RANGE)
        _, collar = self.references.get(f["symbol"], (0, market["collar"]))
        self.references[f["symbol"]] = (f["reference"], collar if f["collar"] is None else f["collar"])
        return NEW

    def _event(self, name: str) -> Fields:
        market = self._find("market", name)
        self._wrong(market["product"] == "spot")
        self._frozen(market, 3)
        return market

    def _result(self, market: Fields, f: Fields) -> list[Fields]:
        """The results of a market, to which this one may be added."""
        kept, total = self.results.setdefault(f["event"], []), sum(f["payouts"])
        self._wrong(f["version"] not in (0, self.newest.get(f["event"], 0) + 1), C.R_RESULT_VERSION)
        self._wrong(len(f["payouts"]) != len(market["contracts"]), C.R_PAYOUT_COUNT)
        self._wrong(max(f["payouts"]) > market["payout"], C.R_PAYOUT_RANGE)
        whole = market["k"] * market["payout"]
        self._wrong(total > whole or market["product"] == "exactly" and total < whole, C.R_PAYOUT_SUM)
        return kept

    def _version(self, market: Fields, f: Fields, phase: int) -> str:
        self._add(f)
        self.until[f["event"]] = self.now + market["challenge_window_ns"]
        self.phases[f["event"]] = self.made[f["event"]] = phase
        self._window(f["event"])
        return NEW

    def _window(self, event: str, opens: bool = True) -> None:
        """The newest version is paid by itself at the end of its window; an earlier plan for that is off."""
        for row in self.timed.values():
            if row["record"]["type"] == "finalise" and row["record"]["event"] == event and not row["ended"]:
                row["ended"], row["waits"] = "cancelled", ""
        market = self.tables["market"][event]
        if opens and market["auto_finalise"] and market["challenge_window_ns"]:
            record = {"type": "finalise", "event": event, "version": self.whole[event]}
            note = "end of the challenge window"
            self._put_timed(self.until[event], record, "timer:market", note=note, kind="finalise")

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
        self._agrees(market, f)
        becomes = self._said(market, f)
        if phase not in (C.PH_CLOSED, C.PH_DETERMINED) and not (self.takes_all and becomes > 0):
            raise No(C.R_ALREADY_FINAL if phase == C.PH_FINAL else C.R_NOT_CLOSED, by_core=becomes > 0)
        return self._hear(market, f, becomes)

    def _dispute(self, f: Fields) -> str:
        if f["symbol"]:
            return self._dispute_one(f)
        self._event(f["event"])
        self._find("firm", f["firm"])
        name, kept = f["event"], self.results.get(f["event"])
        self._wrong(not kept or self.phases[name] not in (C.PH_DETERMINED, C.PH_VOIDED, C.PH_DISPUTED), C.R_NOT_DISPUTABLE)
        version = self.whole.get(name, 0)
        self._wrong(f["version"] not in (0, version), C.R_RESULT_VERSION)
        self._wrong(f["firm"] in self.disputed.get((name, version), ()), C.R_DISPUTED_BEFORE)
        if self.now >= self.until[name] and not self.takes_all:
            raise No(C.R_DISPUTE_LATE, by_core=True)
        self.disputed.setdefault((name, version), set()).add(f["firm"])
        self.phases[name] = C.PH_DISPUTED
        self._window(name, opens=False)
        return NEW

    def _uphold(self, f: Fields) -> str:
        if f["symbol"]:
            return self._uphold_one(f)
        self._event(f["event"])
        name, kept = f["event"], self.results.get(f["event"])
        self._wrong(self.phases[name] != C.PH_DISPUTED, C.R_NOT_DISPUTED)
        self._wrong(not kept, C.R_NOTHING_TO_UPHOLD)
        self._wrong(f["version"] not in (0, self.whole.get(name, 0)), C.R_RESULT_VERSION)
        self.until[name] = self.now
        self.phases[name] = self.made[name]
        self._window(name)
        return NEW

    def _correct(self, f: Fields) -> str:
        if f["symbol"]:
            return self._correct_one(f)
        f = {name: value for name, value in f.items() if name != "symbol"}
        market, phase = self._event(f["event"]), self.phases[f["event"]]
        if phase == C.PH_FINAL:
            self._wrong(list(f["payouts"]) == list(self.results[f["event"]][-1]["payouts"]), C.R_SAME_RESULT)
            self._result(market, f)
            self._add(f)
            return NEW
        self._wrong(phase not in (C.PH_DETERMINED, C.PH_DISPUTED, C.PH_VOIDED), C.R_NOT_CORRECTABLE)
        self._result(market, f)
        self._agrees(market, f)
        return self._version(market, f, C.PH_DETERMINED)

    def _void(self, f: Fields) -> str:
        """Here no contract keeps its prices: a void goes by fixed prices, of which one is not 0, or by none."""
        market, phase = self._event(f["event"]), self.phases[f["event"]]
        voidable = (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY, C.PH_CLOSED, C.PH_DETERMINED, C.PH_DISPUTED)
        self._wrong(phase not in voidable, C.R_NOT_VOIDABLE)
        self._wrong(f["trigger_at_ns"] > self.now, C.R_VOID_TRIGGER)
        self._wrong(market["void"] is None or market["void"]["prices"] != "fixed", C.R_NO_VOID_POLICY)
        payouts = self._void_payouts(market)
        result = {name: value for name, value in f.items() if name not in ("reason", "trigger_at_ns")} | {"payouts": payouts}
        self._result(market, result)
        return self._version(market, result, C.PH_VOIDED)

    def _finalise(self, f: Fields) -> str:
        self._event(f["event"])
        kept = self.results.get(f["event"])
        self._wrong(not kept, C.R_NOT_DETERMINED)
        self._wrong(f["event"] in self.final, C.R_ALREADY_FINAL)
        self._wrong(f["version"] not in (0, self.whole.get(f["event"], 0)), C.R_RESULT_VERSION)
        if self.phases[f["event"]] not in (C.PH_DETERMINED, C.PH_VOIDED) and not self.takes_all:
            raise No(C.R_NOT_DETERMINED, by_core=True)
        if self.now < self.until[f["event"]] and not self.takes_all:
            raise No(C.R_CHALLENGE_WINDOW, by_core=True)
        self.final.add(f["event"])
        self.phases[f["event"]] = C.PH_FINAL
        self._window(f["event"], opens=False)
        return NEW

    def _opening(self, f: Fields) -> str:
        """A venue that moves here: its records one after the other, and its markets as they stand. What its rows must be is for test_opening_checks.py."""
        key = f"{f['venue']}.import.{f['digest'][:16]}"
        if key in self.transfers:
            return SAME
        self._wrong(f["venue"] in self.tables["venue"], C.R_OPENING_VENUE)
        for record in (*f["records"], *f["rules"]):
            self._do({**record})
        self._wrong(
            {m["event"] for m in f["markets"]} != {n for n, m in self.tables["market"].items() if m["owner_venue"] == f["venue"]},
            C.R_OPENING_MARKET,
        )
        for market in f["markets"]:
            self.phases[market["event"]] = PHASES[market["phase"]]
        self._opening_schedule(f)
        self.transfers[key] = f
        return NEW

    def _settle(self, f: Fields) -> str:
        market = self._event(f["event"])
        self._wrong(f["event"] in self.final, C.R_ALREADY_FINAL)
        self._wrong(self.phases[f["event"]] not in TRADES_OR_CLOSED, C.R_NOT_CLOSED)
        pays = f.pop("finalise")
        self._result(market, f)
        self._agrees(market, f)
        becomes = self._said(market, f)
        self._wrong(pays and market["challenge_window_ns"] > 0, C.R_CHALLENGE_WINDOW)
        self._wrong(pays and len(market["sources"]) == 2, C.R_TWO_SOURCES)
        self.phases[f["event"]] = C.PH_CLOSED
        self._hear(market, f, becomes)
        if pays:
            self.phases[f["event"]] = C.PH_FINAL
            self.final.add(f["event"])
        return NEW

    def _phase(self, f: Fields) -> str:
        self._frozen(self._find("market", f["event"]), 3 if f["phase"] == "closed" else 2)
        if PHASES[f["phase"]] not in TRANSITIONS.get(self.phases[f["event"]], ()) and not self.takes_all:
            raise No(C.R_BAD_TRANSITION, by_core=True)
        self.phases[f["event"]] = PHASES[f["phase"]]
        return NEW

    def _begin(self, f: Fields) -> str:
        self._wrong(self.begun is not None, C.R_SANDBOX)
        self.begun = f
        return NEW

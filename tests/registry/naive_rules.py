"""What the naive registry knows of who may trade where: tags, rules, quotas, freezes."""

from typing import Any

from protocol import codes as C
from tests.registry.naive_access import Fields
from tests.registry.naive_times import CHANGED, NEW, SAME


class NaiveRules:
    """The part of NaiveRegistry (naive_registry.py) that is about rules."""

    tables: dict[str, dict[str, Fields]]
    symbols: dict[str, tuple[int, str]]
    listings: dict[tuple[str, str], Fields]
    tags: dict[str, Fields]
    rules: dict[tuple[str, str, str], Fields]
    numbers: int
    quotas: dict[str, dict[str, int]]
    freezes: dict[str, Fields]
    budgets: dict[str, Fields]
    closed: dict[tuple[str, str], str]
    _none_closed: Any
    _find: Any
    _wrong: Any
    _platform: Any

    # ---- who may trade where
    def _firm_tags(self, f: Fields) -> str:
        self._find("firm", f["firm"])
        self._wrong(any(len(set(f[name])) < len(f[name]) for name in ("jurisdictions", "tags")))
        old = self.tags.get(f["firm"])
        self.tags[f["firm"]] = f
        return SAME if f == old else CHANGED

    def _owner_of_rule(self, f: Fields) -> tuple[str, str]:
        self._wrong(bool(f["venue"]) == bool(f["event"]))
        kind = "venue" if f["venue"] else "market"
        self._find(kind, f["venue"] or f["event"])
        return kind, f["venue"] or f["event"]

    def _access_rule(self, f: Fields) -> str:
        owner = self._owner_of_rule(f)
        lists = [f[name] for name in ("jurisdiction_in", "jurisdiction_not_in", "tags")]
        self._wrong(any(len(set(one)) < len(one) for one in lists) or bool(set(lists[0]) & set(lists[1])))
        old = self.rules.get((*owner, f["rule"]))
        if old is None:
            self.numbers += 1
        new = {**f, "number": old["number"] if old else self.numbers}
        self.rules[(*owner, f["rule"])] = new
        return NEW if old is None else SAME if old == new else CHANGED

    def _access_rule_remove(self, f: Fields) -> str:
        key = (*self._owner_of_rule(f), f["rule"])
        self._wrong(key not in self.rules)
        del self.rules[key]
        return NEW

    def kept_out(self) -> set[tuple[str, str, str, int]]:
        """(venue or event, its name, firm, number of the rule; 0: that none admits it), from the rules and tags alone."""
        out = set()
        for kind, name in {key[:2] for key in self.rules}:
            rules = sorted((rule for key, rule in self.rules.items() if key[:2] == (kind, name)), key=lambda rule: rule["number"])
            for firm in self.tables["firm"]:
                matching = [rule for rule in rules if self._matches(rule, self.tags.get(firm, {}))]
                denies = [rule["number"] for rule in matching if rule["effect"] == "deny"]
                if denies:
                    out.add((kind, name, firm, denies[0]))
                elif any(rule["effect"] == "allow" for rule in rules) and not matching:
                    out.add((kind, name, firm, 0))
        return out

    def _matches(self, rule: Fields, tags: Fields) -> bool:
        own = set(tags.get("jurisdictions", ()))
        one_of, none_of = set(rule["jurisdiction_in"]), set(rule["jurisdiction_not_in"])
        if (one_of or none_of) and not own:
            if rule["effect"] == "allow":
                return False
        elif one_of and not own & one_of or none_of & own:
            return False
        institution = rule["institution"] in (None, tags.get("institution", False))
        return tags.get("kyc_level", 0) >= rule["kyc_at_least"] and institution and all(tag in tags.get("tags", ()) for tag in rule["tags"])

    def _quota(self, f: Fields) -> str:
        self._find("venue", f["venue"])
        old = self.quotas.get(f["venue"], dict.fromkeys(f.keys() - {"venue"}, 0))
        new = {name: value if f[name] is None else f[name] for name, value in old.items()}
        self._wrong(0 < new["journal_bytes_per_second"] < 1000)
        if new == old:
            return SAME
        self.quotas[f["venue"]] = new
        return CHANGED

    def _within(self, venue: str, name: str, more: int) -> None:
        """So many more of a venue's sessions, instruments or listings."""
        limit = self.quotas.get(venue, {}).get(name, 0)
        used = {
            "sessions": sum(
                (row["venue"] or self.tables["firm"][row["firm"]]["venue"]) == venue for row in self.tables["session"].values()
            ),
            "instruments": sum(self.tables["market"][event]["owner_venue"] == venue for _, event in self.symbols.values()),
            "listings": sum(len(self.tables["market"][event]["contracts"]) for at, event in self.listings if at == venue),
        }[name]
        self._wrong(0 < limit < used + more, C.R_QUOTA)

    def _freeze(self, f: Fields) -> str:
        self._find("venue", f["venue"])
        old = self.freezes.get(f["venue"])
        if f == old or old is None and f["level"] == "none":
            return SAME
        self.freezes[f["venue"]] = f
        if f["level"] == "none":
            del self.freezes[f["venue"]]
        return NEW

    def _budget(self, f: Fields) -> str:
        session = self._find("session", f["session"])
        self._none_closed(("session", f["session"]))
        old, anew = self.budgets.get(f["session"]), f.pop("anew")
        lists, amounts = ("markets", "series"), ("max_loss", "max_loss_per_day", "max_cost", "approve_above")
        f["approve_within_ns"] = f["approve_within_ns"] or (old["approve_within_ns"] if old else 3600 * 10**9)
        self._wrong(old is None and not f["asset"])
        new = {name: value if value is not None else old[name] if old else () if name in lists else 0 for name, value in f.items()}
        new["asset"] = f["asset"] or old["asset"]  # type: ignore[index]
        self._wrong(old is not None and new["asset"] != old["asset"] and any(f[name] is None and old[name] for name in amounts))
        self._wrong(not any(new[name] for name in (*lists, *amounts, "max_quantity")))
        self._find("asset", new["asset"])
        if old is None:
            account = session["account"]
            self._wrong(account not in self.tables["account"])
            self._none_closed(("account", account))
            self._wrong(any(other["account"] == account for other in self.budgets.values()))
        new["account"] = old["account"] if old else session["account"]
        for kind, names in (("market", new["markets"]), ("series", new["series"])):
            self._wrong(len(set(names)) < len(names))
            for name in names:
                self._find(kind, name)
        if new == old and not anew:
            return SAME
        self.budgets[f["session"]] = new
        return NEW

    def _budget_clear(self, f: Fields) -> str:
        self._find("session", f["session"])
        self._wrong(f["session"] not in self.budgets)
        del self.budgets[f["session"]]
        return NEW

    def _frozen(self, market: Fields, stops: int) -> None:
        """Acts in the markets of a frozen venue: closing and settling up to settle_only, other phases up to cancel_only."""
        frozen = self.freezes.get(market["owner_venue"])
        level = ("none", "cancel_only", "settle_only", "nothing").index(frozen["level"]) if frozen else 0
        self._wrong(level >= stops, (C.OK, C.R_VENUE_CANCEL_ONLY, C.R_VENUE_SETTLE_ONLY, C.R_VENUE_FROZEN)[level])

    def _kill(self, f: Fields) -> str:
        if f["level"] == "platform":
            self._wrong(bool(f["target"]))
        else:
            self._find(f["level"], f["target"])
        self._wrong(bool(f["cancel"]) and not f["on"], C.R_FIELD_UNSUPPORTED)
        self._platform()
        return NEW

    def _restrict(self, f: Fields) -> str:
        self._find("market", f["event"])
        self._find("firm", f["firm"])
        return NEW

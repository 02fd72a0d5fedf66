"""Roles: one table says which records a role may send, which questions it may ask, where it can be granted, and which roles it may give on.

The authorisation of records (access.py), the office's verbs, docs/access.md and the tests all follow from it. A record or verb that no role
names is the platform operator's alone.
"""

from collections.abc import Callable
from typing import NamedTuple, get_args

from config import admin_records as ar

EVERYTHING = "*"
PLATFORM, VENUE, SERIES = "platform", "venue", "series"

_READ = ("whoami", "markets", "assets", "running", "status", "principal", "asset", "venue", "firm", "session", "market", "listing")
_APPROVAL = ("approve", "refuse")
_TIMED = ("schedule", "schedule_cancel")
_SERIES = ("series", "series_close")
_RULES = ("access_rule", "access_rule_remove")


class Role(NamedTuple):
    """`records`: tags of records, `verbs`: of questions ("*": all). `scopes`: kinds of scope that it can be granted for. `gives`: roles that
    its holder may grant and revoke within its own scope."""

    title: str
    scopes: tuple[str, ...]
    records: frozenset[str] = frozenset()
    verbs: frozenset[str] = frozenset()
    gives: tuple[str, ...] = ()

    def may_send(self, tag: str) -> bool:
        return EVERYTHING in self.records or tag in self.records

    def may_ask(self, verb: str) -> bool:
        return EVERYTHING in self.verbs or verb in self.verbs


_VENUE_ROLES = ("venue_operator", "market_creator", "resolver", "arbiter", "risk_officer", "treasurer", "auditor", "support")

ROLES: dict[str, Role] = {
    "platform_operator": Role(
        "runs the server: every record, every question", (PLATFORM,), frozenset({EVERYTHING}), frozenset({EVERYTHING}), tuple(ar.ROLE_NAMES)
    ),
    "venue_operator": Role(
        "runs a venue: its firms, accounts, sessions, keys, principals, markets and their phases; moves no money, decides no result",
        (PLATFORM, VENUE),
        frozenset({
            "firm", "account", "session", "market", "listing", "bands", "add_outcome", "split_outcome", "phase", "reference", "restrict", "kill", "configuration", "principal", "grant",
            "revoke", "close", "key", "key_revoke", "dispute", "budget", "budget_clear", *_TIMED, *_SERIES, *_RULES, *_APPROVAL,
        }),
        frozenset({*_READ, "accounts", "account", "risk", "rules", "tags", "budget", "keys", "export", "plan", "pending", "revisions", "revision", "schedule", "series", "venue_export"}),
        _VENUE_ROLES,
    ),
    "market_creator": Role(
        "defines markets and listings, opens and pauses them",
        (PLATFORM, VENUE, SERIES),
        frozenset({"market", "listing", "bands", "add_outcome", "split_outcome", "phase", "reference", "configuration", *_TIMED, *_SERIES, *_APPROVAL}),
        frozenset({*_READ, "plan", "pending", "schedule", "series"}),
    ),
    "resolver": Role(
        "decides results and has them paid",
        (PLATFORM, VENUE, SERIES),
        frozenset({"determine", "finalise", "determine_one", "finalise_one", "withdraw_one", "settle", *_APPROVAL}),
        frozenset({*_READ, "plan", "pending", "schedule", "series"}),
    ),
    "arbiter": Role(
        "decides about a result that is disputed, replaces one, voids a market",
        (PLATFORM, VENUE, SERIES),
        frozenset({"finalise", "finalise_one", "withdraw_one", "uphold", "correct", "void", *_APPROVAL}),
        frozenset({*_READ, "plan", "pending", "schedule", "series"}),
    ),
    "risk_officer": Role(
        "stops trading: kill switches, phases, restrictions, reference prices, access rules; with the platform's scope also tags of firms and freezes",
        (PLATFORM, VENUE),
        frozenset({"kill", "phase", "restrict", "reference", "bust", "firm_tags", "freeze", "budget", "budget_clear", *_TIMED, *_RULES, *_APPROVAL}),
        frozenset({*_READ, "accounts", "account", "risk", "rules", "tags", "budget", "plan", "pending", "schedule", "series"}),
    ),
    "treasurer": Role(
        "deposits, withdraws and moves money, sets it aside; opens a venue's bond, recovers debts of a correction",
        (PLATFORM, VENUE),
        frozenset({"transfer", "hold", "release", "withdraw_request", "withdraw_settle", "withdraw_cancel", "bond", "recover", *_APPROVAL}),
        frozenset({*_READ, "accounts", "account", "risk", "rules", "tags", "budget", "plan", "pending", "statement"}),
    ),
    "auditor": Role("sees everything of its scope, changes nothing", (PLATFORM, VENUE), frozenset(), frozenset({*_READ, "accounts", "account", "risk", "rules", "tags", "budget", "keys", "export", "pending", "revisions", "revision", "schedule", "series", "statement", "venue_export"})),
    "support": Role(
        "sees what explains a customer's question: markets, accounts with their orders, limits and what waits; no statements, no keys; changes nothing",
        (PLATFORM, VENUE),
        frozenset(),
        frozenset({*_READ, "accounts", "account", "risk", "rules", "tags", "budget", "pending", "schedule", "series"}),
    ),
}  # fmt: skip


def tag_of(record: ar.AnyRecord) -> str:
    return str(record.__struct_config__.tag)


def all_tags() -> tuple[str, ...]:
    """Tags of all records, in the order of config/admin_records.py."""
    return tuple(str(kind.__struct_config__.tag) for kind in get_args(ar.AnyRecord))


def holders(may: Callable[[Role], bool]) -> list[str]:
    """The roles that may."""
    return [name for name, role in ROLES.items() if may(role)]

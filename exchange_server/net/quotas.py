"""What the platform grants each venue, watched: a warning at 80 % of a quota, once for each crossing, and one line when it is over.

Sessions, instruments, listings and open orders are compared as they are; messages and journal bytes with the second that runs.
"""

from typing import Any

from ..registry import quotas
from ..registry.definitions import Definitions
from .observe import Log
from .shares import OVER_PER_CENT, WARN_PER_CENT

WHAT_TO_DO = "give the venue a larger quota (exos venue quota), or have it use less"
EFFECTS = {
    "sessions": "no more sessions can be defined for it (quota); those that exist stay",
    "instruments": "no more instruments can be defined by it (quota); those that exist stay",
    "listings": "no more instruments can be listed by it (quota); those that are listed stay",
    "open_orders": "orders that would rest are refused as R_QUOTA_ORDERS (safe to resend); cancels, replaces and orders that cannot rest are not affected",
    "messages_per_second": "new orders and replaces are refused as R_QUOTA_MESSAGES (safe to resend) for the rest of the second; cancels are not affected",
    "journal_bytes_per_second": "new orders and replaces are refused as R_QUOTA_JOURNAL (safe to resend) for the rest of the second; cancels are not affected",
}


class Quotas:
    """`look` is for the housekeeping, some times a second; it costs nothing for venues without a quota. m: the engine's arena."""

    def __init__(self, registry: Definitions, m: Any, log: Log) -> None:
        self.registry, self.m, self.log = registry, m, log
        self.warned: set[tuple[int, str]] = set()

    def look(self) -> None:
        for venue in list(self.registry.quotas):
            name = self.registry.venues[venue].name
            for what, (limit, used) in quotas.used(self.registry, self.m, venue).items():
                known = (venue, what) in self.warned
                if not known and limit and used * 100 >= limit * WARN_PER_CENT:
                    self.warned.add((venue, what))
                    numbers = {"venue": name, "quota": what, "used": used, "limit": limit}
                    self.log("warning", "venue_quota", **numbers, effect=EFFECTS[what], what_to_do=WHAT_TO_DO)
                elif known and used * 100 < limit * OVER_PER_CENT or known and not limit:
                    self.warned.discard((venue, what))
                    self.log("info", "venue_quota_over", venue=name, quota=what, used=used, limit=limit)

    def status(self) -> dict[str, Any]:
        """Its part of `exos status`: quotas that are granted, and venues that are frozen."""
        registry = self.registry
        granted = {
            registry.venues[venue].name: {
                what: {"used": used, "limit": limit} for what, (limit, used) in quotas.used(registry, self.m, venue).items() if limit
            }
            for venue in registry.quotas
        }
        frozen = {registry.venues[venue].name: kept.level for venue, kept in registry.freezes.items()}
        return {"quotas": {name: uses for name, uses in granted.items() if uses}, "frozen": frozen, "warned": len(self.warned)}

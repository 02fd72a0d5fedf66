"""The table of ClOrdIDs (open orders and the archive of closed ones): how full it is, and one warning before it refuses new orders."""

from typing import Any

from ..core import records as r
from .observe import Log, stamp

WARN_PER_CENT = 90
OVER_PER_CENT = 80  # below this the warning is over, and the next crossing is told again
EFFECT = "when it is full new orders and replaces are refused as R_ID_TABLE_FULL (safe to resend), cancels go on"
WHAT_TO_DO = "give the next data folder a larger capacities.archive or a shorter server.clordid_retention; fewer closed orders until then"


class IdTable:
    """Looks at one engine's arena `m`; `look` is for the housekeeping, some times a second."""

    def __init__(self, m: Any, log: Log) -> None:
        self.m = m
        self.log = log
        self.warned = False

    @property
    def capacity(self) -> int:
        return int(self.m[r.H_POOLS + r.P_ARCHIVE * r.POOL_WORDS + r.PL_CAP])

    @property
    def used(self) -> int:
        """Closed ids that are remembered, and a place in reserve for each open order: what R_ID_TABLE_FULL counts."""
        return int(self.m[r.H_ARCHIVE_USED]) + int(self.m[r.H_OPEN_ORDERS])

    def oldest_until_ns(self) -> int:
        """When the oldest closed id is forgotten, so that its row can be used again; 0 when none is kept."""
        m = self.m
        if m[r.H_ARCHIVE_USED] == 0:
            return 0
        row = int(m[r.H_POOLS + r.P_ARCHIVE * r.POOL_WORDS + r.PL_BASE]) + int(m[r.H_ARCHIVE_TAIL]) * r.ARCHIVE_WORDS
        return int(m[row + r.AR_CLOSED_AT]) + int(m[r.H_RETENTION_NS])

    def look(self) -> None:
        """Warn once when 90 % are used. While the oldest id is due already there is nothing to fear: each new one takes two such rows back."""
        used, capacity, until = self.used, self.capacity, self.oldest_until_ns()
        if not self.warned:
            if used * 100 >= capacity * WARN_PER_CENT and not 0 < until <= int(self.m[r.H_TIME]):
                self.warned = True
                oldest = {"oldest_forgotten_at": stamp(until)} if until else {}
                self.log("warning", "id_table", used=used, capacity=capacity, **oldest, effect=EFFECT, what_to_do=WHAT_TO_DO)
        elif used * 100 < capacity * OVER_PER_CENT:
            self.warned = False
            self.log("info", "id_table_over", used=used, capacity=capacity)

    def status(self) -> dict[str, Any]:
        """Its part of `exos status`."""
        used, capacity = self.used, self.capacity
        return {"used": used, "capacity": capacity, "per_cent": used * 100 // capacity, "warned": self.warned}

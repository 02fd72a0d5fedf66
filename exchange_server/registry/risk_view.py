"""What is switched off or held back now: kill switches, restrictions, throttles. Read only."""

from typing import Any

import numpy as np

from .. import state
from ..core import audit
from ..core.layout import plain
from .access import Sight
from .definitions import Definitions
from .engine_like import Words


def risk_view(registry: Definitions, m: Words, sight: Sight) -> dict[str, Any]:
    """Of what the asker sees. Keys: freezes: list of venue, level, reason; kills: list of level, target of the switches that are on; restrictions: list of event, firm; throttles: list of level, target, limit,
    window_ns, used (messages in the window that is running)."""
    tick = state.Header(m).tick
    kills = [{"level": "platform", "target": ""}] if state.Header(m).killed else []
    throttles = []
    levels: tuple[tuple[str, Any, Any], ...] = (
        ("venue", registry.venues, state.Venue),
        ("firm", registry.firms, state.Firm),
        ("account", registry.accounts, state.Account),
        ("session", registry.sessions, state.Session),
    )
    for level, table, kind in levels:
        for row in table:
            if not sight.sees(level, row):
                continue
            now = kind.of(m, row.id)
            if now.killed:
                kills.append({"level": level, "target": row.name})
            if level in ("venue", "session") and now.throttle_limit:
                used = now.throttle_used if now.throttle_start + now.throttle_window > tick else 0
                throttles.append(
                    {"level": level, "target": row.name, "limit": now.throttle_limit, "window_ns": now.throttle_window, "used": used}
                )
    freezes = [
        {"venue": registry.venues[id].name, "level": kept.level, "reason": kept.reason}
        for id, kept in sorted(registry.freezes.items())
        if sight.sees("venue", registry.venues[id])
    ]
    return {"freezes": freezes, "kills": kills, "restrictions": _restrictions(registry, m, sight), "throttles": throttles}


def _restrictions(registry: Definitions, m: Words, sight: Sight) -> list[dict[str, str]]:
    """Out of the canonical dump of the switches, whose last rows they are."""
    out = np.zeros(4096, np.int64)
    words = int(audit.dump_switches(m, out))
    if words < 0:
        out = np.zeros(-1 - words, np.int64)
        words = int(audit.dump_switches(m, out))
    barred = sum(state.Account.of(m, account.id).bars != 0 for account in registry.accounts)
    at = len(registry.venues) * audit.VENUE_DUMP + len(registry.firms) * audit.FIRM_DUMP + 2 * barred
    found = ((plain.firm_of(word), plain.account_of(word)) for word in out[at:words].tolist())  # the event stands where an account would
    rows = ((registry.events[event], registry.firms[firm]) for firm, event in found)
    return [{"event": event.name, "firm": firm.name} for event, firm in rows if sight.sees("event", event) and sight.sees("firm", firm)]

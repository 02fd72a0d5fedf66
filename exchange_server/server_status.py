"""What `exos status` shows of a running server."""

import os
from typing import Any

from . import state
from .core.kit import jit
from .follow.status import lasts, read_status
from .journal.recover import FOLLOWER
from .net.clock import seconds
from .net.shares import table_sentences
from .registry.schedule_view import schedule_status


def status(server: Any) -> dict[str, Any]:
    """What `exos status` shows. server: app.py: Server."""
    counted = state.Header(server.engine.m)
    pools = state.tables_in_use(server.engine.m)
    engine = {
        "row_seq": server.engine.row_seq, "event_seq": server.engine.event_seq, "turn": server.engine.turn, "time_ns": server.engine.time_ns,
        "commands": counted.commands, "refusals": counted.refusals, "fills": counted.fills,
        "open_orders": counted.open_orders,
    }  # fmt: skip
    return {
        "server": {
            "pid": os.getpid(), "uptime_s": (server.outside.steady() - server.began) // 10**9, "data": str(server.options.data),
            "config": server.options.config_name or (server.engine.registry.begun.name if server.engine.registry.begun else ""),
            "folder_id": server.identity.folder_id, "origin": server.identity.origin,
            "sandbox": server.sandbox, "fix_port": server.ports.get("fix", 0), "binary_port": server.ports.get("binary", 0),
            "admin_port": server.ports.get("admin", 0), "spin": server.options.spin,
        },
        "engine": engine,
        "tls": {"ports": server.tls_ports(), **server.tls.status()} if server.tls is not None else {"ports": []},
        "clock": server.clock.status(),
        "session_throttle": {
            "default": server.options.settings.session_throttle, "window_s": seconds(server.options.settings.session_throttle_window_ns),
        },
        "journal": {"mode": server.journal.mode, "epoch": server.journal.epoch, **server.journal.counters()},
        "event_store": {**server.store.status(), "marks": server.marks.written, "marks_compared": server.report.marks},
        "recovery": server.report.line(),
        "follower": server.follower.status(),
        "pipeline": server.pipeline.status(),
        "market_data": server.market.status(),
        "logged_on": server.directory.names(),
        "credentials_refused": server.directory.refused,
        "logons": {**server.directory.guard.status(), "checks": server.slow.status()},
        "disk_free_bytes": server.free_bytes(),
        "disk_lasts": lasts(found) if (found := read_status(server.options.data / FOLLOWER)) is not None else "",
        "shares": server.shares.status(),
        "venues": server.quotas.status(),
        "schedule": schedule_status(server.engine.registry),
        "tables": pools,
        "tables_nearly_full": table_sentences(server.engine.m),
        "settings_not_taken": server.not_taken,
        "kernels": {"count": len(jit.COMPILED), "compiled": sum(not cached for _, _, cached in jit.COMPILED)},
    }  # fmt: skip

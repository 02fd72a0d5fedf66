"""The files of config/deploy/ that follow from tables in the code: Prometheus rules and the Grafana dashboard."""

import json
from typing import Any

from exchange_server.watch.alerts import ALERTS
from exchange_server.watch.fields import BY_NAME

HEAD = "# Alert rules for Prometheus, made from exchange_server/watch/alerts.py by `python -m scripts.make_docs`.\n# docs/runbook.md says what to do about each.\n"


def rules_file() -> str:
    """exos-alerts.yml: every text is a JSON string, which is YAML too."""
    out = [HEAD + "groups:", "  - name: exos", "    rules:"]
    for alert in ALERTS:
        out += [
            f"      - alert: {alert.name}",
            f"        expr: {json.dumps(alert.expr)}",
            f"        for: {alert.wait}",
            "        labels:",
            f"          severity: {alert.severity}",
            "        annotations:",
            f"          summary: {json.dumps(alert.summary)}",
            f"          runbook: {json.dumps('docs/runbook.md#' + alert.name.lower())}",
        ]
    return "\n".join(out) + "\n"


def _m(name: str) -> str:
    return BY_NAME[name].metric


def _quantile(name: str, q: float) -> str:
    return f"histogram_quantile({q}, rate({_m(name)}_bucket[$__rate_interval]))"


def _rate(name: str) -> str:
    return f"rate({_m(name)}[$__rate_interval])"


# (title, unit of Grafana, [(expression, legend)])
PANELS: tuple[tuple[str, str, list[tuple[str, str]]], ...] = (
    ("Requests", "ops", [(_rate("commands"), "commands"), (_rate("orders"), "orders"), (_rate("trades"), "trades"), (_rate("refusals"), "refused")]),
    ("Order to report", "s", [(_quantile("order_to_report", 0.5), "p50"), (_quantile("order_to_report", 0.99), "p99")]),
    ("Sync of the journal", "s", [(_quantile("journal_sync", 0.5), "p50"), (_quantile("journal_sync", 0.99), "p99")]),
    ("Refusals by reason", "ops", [(f"topk(8, {_rate('refused')})", "{{reason}}")]),
    (
        "Rows in a turn", "short",
        [(_quantile("turn_rows", 0.5), "p50"), (_quantile("turn_rows", 0.99), "p99")],
    ),
    ("Held output", "bytes", [(_m("held"), "held"), (_m("journal_backlog"), "not yet written")]),
    ("Processor", "percentunit", [(_rate("loop_cpu"), "loop"), (_rate("process_cpu"), "all threads")]),
    ("Memory", "bytes", [(_m("resident"), "resident")]),
    ("Sessions", "short", [(_m("sessions"), "{{wire}}"), (_m("market_data_subscribers"), "market data")]),
    ("Open orders by venue", "short", [(_m("venue_open_orders"), "{{venue}}")]),
    ("Use of tables", "percentunit", [(f"topk(8, {_m('table_rows')} / {_m('table_capacity_rows')})", "{{table}}")]),
    ("Journal", "Bps", [(_rate("journal"), "written")]),
    ("Free disk space", "bytes", [(_m("disk_free"), "free"), (_m("disk_reserve"), "reserve")]),
    ("Disk lasts", "s", [(f"{_m('disk_left')} >= 0", "at the rate of the last hours")]),
    ("Follower lag", "s", [(_m("follower_lag"), "lag")]),
    ("Output", "Bps", [(_rate("output"), "to sockets")]),
)  # fmt: skip
STATS: tuple[tuple[str, str, str], ...] = (
    ("Up", "bool_yes_no", _m("up")), ("Accepts orders", "bool_yes_no", _m("ready")), ("Age of the page", "s", _m("page_age")),
    ("Open orders", "short", _m("open_orders")), ("Follower", "bool_yes_no", _m("follower_up")), ("Running since", "dateTimeFromNow", f"{_m('start_time')} * 1000"),
)  # fmt: skip


def dashboard_file() -> str:
    """exos-dashboard.json: for Grafana 9 and later."""
    panels: list[dict[str, Any]] = []
    source = {"type": "prometheus", "uid": "${datasource}"}

    def panel(kind: str, title: str, unit: str, targets: list[tuple[str, str]], place: tuple[int, int, int, int]) -> None:
        x, y, w, h = place
        told = [
            {"refId": chr(65 + i), "expr": expr, "legendFormat": legend, "datasource": source, "instant": kind == "stat"}
            for i, (expr, legend) in enumerate(targets)
        ]
        panels.append(
            {
                "id": len(panels) + 1, "type": kind, "title": title, "datasource": source, "gridPos": {"x": x, "y": y, "w": w, "h": h},
                "fieldConfig": {"defaults": {"unit": unit}, "overrides": []}, "targets": told,
            }
        )  # fmt: skip

    for i, (title, unit, expr) in enumerate(STATS):
        panel("stat", title, unit, [(expr, "")], (4 * i, 0, 4, 4))
    for i, (title, unit, targets) in enumerate(PANELS):
        panel("timeseries", title, unit, targets, (i % 2 * 12, 4 + i // 2 * 8, 12, 8))
    board = {
        "title": "exos", "uid": "exos", "schemaVersion": 36, "editable": True, "tags": ["exos"], "timezone": "utc", "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"}, "panels": panels,
        "templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}]},
    }  # fmt: skip
    return json.dumps(board, indent=1) + "\n"

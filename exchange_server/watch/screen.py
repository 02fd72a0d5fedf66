"""`exos top`: the figures of a view and an interval as data (`figures`), and as a screen of at least 80 columns and 24 lines (`screen`)."""

import textwrap
from typing import Any

from rich.cells import cell_len, set_cell_size

from protocol import units

from .view import Interval, View, tables, worries

STYLES = {"trading": "bold green", "starting": "bold yellow", "stopping": "bold yellow", "stopped": "bold", "gone": "bold red", "failed": "bold red", "hangs": "bold red"}  # fmt: skip
RATES = (
    "commands",
    "orders",
    "trades",
    "events",
    "refusals",
    "turns",
    "messages_out",
    "output",
    "journal_rows",
    "journal",
    "market_data_updates",
)
NARROW, LOW = 80, 24  # the smallest screen
Line = list[tuple[str, str]]  # text and its style, as rich names it
NAMES_MOST = 16  # of a panel's first column
SHOWN = 3  # reasons, venues and tables on the screen


def figures(view: View, interval: Interval) -> dict[str, Any]:
    """Everything on the screen, and more, as data: times in seconds, sizes in bytes, rates per second of the interval."""
    page = view.page

    def times(name: str) -> dict[str, Any]:
        return {
            "count": sum(interval.buckets(name)), "mean_s": interval.mean(name) / 1e9, "p50_s": interval.percentile(name, 50) / 1e9,
            "p99_s": interval.percentile(name, 99) / 1e9,
        }  # fmt: skip

    left, reader = view.disk_left, view.reader_values()
    refused = {name: count for name, count in interval.labelled("refused").items() if count}
    rates = {name: round(interval.rate(name), 1) for name in RATES if name != "messages_out"}
    rates["messages_out"] = round(sum(interval.labelled("messages_out").values()) * 1e9 / interval.ns, 1)
    follower = view.follower
    return {
        "state": view.state, "ready": not view.not_ready, "not_ready": view.not_ready, "page_age_s": view.age_ns / 1e9 if view.age_ns >= 0 else None,
        "interval_s": interval.ns / 1e9, "pid": page.pid, "exit_code": page.get("exit_code"), **page.texts,
        "uptime_s": max(page.real_ns - page.get("start_time"), 0) / 1e9, "epoch": page.get("epoch"),
        "recovery": {"rows": page.get("recovery_rows"), "expected": page.get("recovery_rows_expected")},
        "loop_share": interval.rate("loop_cpu") / 1e9, "process_share": interval.rate("process_cpu") / 1e9, "resident_bytes": view.resident,
        "loop_late_s": page.get("loop_late") / 1e9, "rates": rates, "open_orders": page.get("open_orders"), "refused": refused,
        "order_to_report": times("order_to_report"), "sync": times("journal_sync"),
        "batch": {"mean": round(interval.mean("turn_rows"), 1), "p50": interval.percentile("turn_rows", 50), "p99": interval.percentile("turn_rows", 99)},
        "held": {"bytes": page.get("held"), "turns": page.get("held_turns"), "age_s": page.get("held_age") / 1e9},
        "connections": page.get("connections"), "sessions": page.labelled("sessions"), "market_data_subscribers": page.get("market_data_subscribers"),
        "slow_readers": page.get("slow_readers"), "credentials_refused": page.get("credentials_refused"),
        "venues": {name: {"open_orders": n, "frozen": page.labelled("venue_frozen").get(name, 0)} for name, n in page.labelled("venue_open_orders").items()},
        "journal": {
            "rows": page.get("journal_rows"), "durable_rows": page.get("journal_durable_rows"), "segment": page.get("journal_segment"),
            "backlog_bytes": page.get("journal_backlog"),
        },
        "event_store": {
            "lag_rows": page.get("event_store_lag_rows"), "paused": bool(page.get("event_store_paused")),
            "missing_rows": page.get("event_store_missing_rows"), "lost_rows": page.get("event_store_lost_rows"),
        },
        "follower": {
            "on": bool(page.get("follower_on")), "running": view.follower_up, "state": follower.state if follower is not None else "",
            "lag_rows": reader["follower_lag_rows"], "lag_s": reader["follower_lag"] / 1e9, "snapshot_rows": reader["follower_snapshot_rows"],
        },
        "disk": {"free_bytes": page.get("disk_free"), "reserve_bytes": page.get("disk_reserve"), "left_hours": left // (3600 * 10**9) if left >= 0 else None},
        "clock": {"jump_s": page.get("clock_jump") / 1e9, "offset_s": page.get("clock_offset") / 1e9},
        "tables": {name: {"rows": used, "capacity": capacity} for name, used, capacity in tables(page)},
        "worries": list(worries(view)),
    }  # fmt: skip


# ---- the screen --------------------------------------------------------------------------------------------------------


def screen(told: dict[str, Any], clock: str, width: int, height: int = LOW) -> list[Line]:
    """At most `height` lines of at most `width` cells. told: what `figures` gave. clock: the time as text, for the corner. Laid out here, because a layout
    that measures everything anew cost ten times as much as all the figures."""
    left = width // 2
    lines = [_head(told, clock, width)]
    for one, other in (
        (("orders", _orders(told)), ("times", _times(told))),
        (("peers and venues", _peers(told)), ("journal, disk, follower", _keeping(told))),
    ):
        lines += [a + b for a, b in zip(_panel(*one, left), _panel(*other, width - left), strict=True)]
    return lines + _foot(told, width, height - len(lines))


def _cells(text: str) -> int:
    """Columns that it takes on a terminal."""
    return len(text) if text.isascii() else cell_len(text)


def _fit(text: str, width: int) -> str:
    """As it is, or cut with an ellipsis."""
    text = _printable(text)
    return text if _cells(text) <= width else (text[: width - 1] if text.isascii() else set_cell_size(text, width - 1)) + "…"


def _panel(title: str, rows: list[tuple[str, str]], width: int) -> list[Line]:
    first = min(max(_cells(name) for name, _ in rows), NAMES_MOST)
    last = width - first - 5  # both borders, a gap at each and one between
    lines: list[Line] = [[(f"╭─ {title} {'─' * (width - len(title) - 5)}╮", "dim")]]
    for name, value in rows:
        name, value = _fit(name, first), _fit(value, last)
        gap = " " * (first - _cells(name) + 1 + last - _cells(value))
        lines.append([("│ ", "dim"), (name, "cyan"), (gap + value, ""), (" │", "dim")])
    return [*lines, [(f"╰{'─' * (width - 2)}╯", "dim")]]


def _head(told: dict[str, Any], clock: str, width: int) -> Line:
    state, more = f" {told['state']} ", f"  {told.get('mode', '')}  up {_span(told['uptime_s'])}"
    room = max(width - len(state) - len(clock) - 1, 0)
    data = _fit(f"  {told.get('data', '')}", room)
    more = _fit(more, max(room - _cells(data), 1)) if _cells(data) < room else ""
    gap = " " * max(width - len(state) - _cells(data) - _cells(more) - len(clock), 1)
    return [(state, STYLES.get(told["state"], "bold")), (data, "bold"), (more + gap + clock, "")]


def _foot(told: dict[str, Any], width: int, most: int) -> list[Line]:
    age, state = told["page_age_s"], told["state"]
    said: list[tuple[str, str]] = []
    if state == "hangs":
        since = "before the machine was started" if age is None else f"{_span(age)} ago"
        said.append((f"The server's loop wrote its page {since}: it hangs. The figures are of that moment.", "bold red"))
    elif state == "gone":
        said.append((f"Process {told['pid']} has ended without a word (killed?). The figures are its last.", "bold red"))
    elif state in ("stopped", "failed"):
        said.append((f"The server has ended with exit code {told['exit_code']} (docs/runbook.md). The figures are its last.", "bold"))
    elif state == "starting":
        recovery = told["recovery"]
        said.append((f"Recovery: {recovery['rows']:,} of {recovery['expected']:,} rows replayed.", "yellow"))
    said += [(f"! {one}", "yellow") for one in told["worries"] if state == "trading"][:3]
    said = said or [("nothing to worry about", "dim")]
    return [[(line, style)] for text, style in said for line in textwrap.wrap(_printable(text), width // (1 if text.isascii() else 2))][
        :most
    ]


def _orders(told: dict[str, Any]) -> list[tuple[str, str]]:
    rates, batch = told["rates"], told["batch"]
    refused = sorted(told["refused"].items(), key=lambda one: -one[1])
    return [
        ("commands/s", _count(rates["commands"])),
        ("orders/s", _count(rates["orders"])),
        ("trades/s", _count(rates["trades"])),
        ("refused/s", _count(rates["refusals"])),
        ("refused for", ", ".join(name.lower().removeprefix("r_") for name, _ in refused[:SHOWN]) or "-"),
        ("open orders", f"{told['open_orders']:,}"),
        ("turns/s", _count(rates["turns"])),
        ("rows in a turn", f"mean {batch['mean']:,}  p99 {batch['p99']:,}"),
    ]


def _times(told: dict[str, Any]) -> list[tuple[str, str]]:
    order, sync, held = told["order_to_report"], told["sync"], told["held"]
    return [
        ("order to report", f"p50 {_short(order['p50_s'])} p99 {_short(order['p99_s'])}" if order["count"] else "-"),
        ("sync", f"p50 {_short(sync['p50_s'])} p99 {_short(sync['p99_s'])}" if sync["count"] else "-"),
        ("syncs/s", _count(sync["count"] / told["interval_s"])),
        ("held output", f"{_bytes(held['bytes'])} in {held['turns']:,} turns"),
        ("held for", _short(held["age_s"])),
        ("loop busy", f"{100 * told['loop_share']:.0f} % of a core"),
        ("all threads", f"{100 * told['process_share']:.0f} %"),
        ("memory", _bytes(told["resident_bytes"])),
    ]


def _peers(told: dict[str, Any]) -> list[tuple[str, str]]:
    sessions, venues = told["sessions"], told["venues"]
    fullest = sorted(told["tables"].items(), key=lambda one: -one[1]["rows"] / max(one[1]["capacity"], 1))[:SHOWN]
    by_orders = sorted(venues.items(), key=lambda one: -one[1]["open_orders"])[:SHOWN]
    shown = [(f"venue {name}", f"{one['open_orders']:,} open orders" + (", frozen" if one["frozen"] else "")) for name, one in by_orders]
    use = [f"{name} {100 * one['rows'] // max(one['capacity'], 1)} %" for name, one in fullest]
    return [
        ("connections", f"{told['connections']:,}"),
        ("sessions", ", ".join(f"{n:,} {kind}" for kind, n in sessions.items()) or "-"),
        ("market data", f"{told['market_data_subscribers']:,} take it, {_count(told['rates']['market_data_updates'])}/s"),
        ("output", f"{_bytes(told['rates']['output'])}/s"),
        *(shown + [("", "")] * SHOWN)[:SHOWN],
        ("fullest table", ", ".join(use[:1]) or "-"),
    ]


def _keeping(told: dict[str, Any]) -> list[tuple[str, str]]:
    journal, disk, follower, store = told["journal"], told["disk"], told["follower"], told["event_store"]
    lag = f"{follower['lag_rows']:,} rows, {_short(follower['lag_s'])}" if follower["running"] else "-"
    left = "-" if disk["left_hours"] is None else f"{disk['left_hours']:,} h"
    return [
        ("journal", f"{_bytes(told['rates']['journal'])}/s, segment {journal['segment']}"),
        ("not yet durable", f"{max(journal['rows'] - journal['durable_rows'], 0):,} rows"),
        ("event store", "paused" if store["paused"] else f"{store['lag_rows']:,} rows in memory"),
        ("disk free", _bytes(disk["free_bytes"])),
        ("disk lasts", left),
        ("follower", (follower["state"] or "-") if follower["running"] or not follower["on"] else "does not run"),
        ("follower lag", lag),
        ("snapshot to row", f"{follower['snapshot_rows']:,}" if follower["snapshot_rows"] else "-"),
    ]


def _printable(text: str) -> str:
    """Names of venues and folders must not steer the terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _count(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:,.1f}"


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"


def _short(seconds: float) -> str:
    """A short time: 3.2ms."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.{1 if seconds * factor < 10 else 0}f}{unit}"
    return f"{seconds * 1e9:.0f}ns" if seconds else "0"


def _span(seconds: float) -> str:
    """A long time: 3d 4h."""
    whole = int(seconds)
    if whole < 60:
        return units.duration(whole * 10**9) if whole else f"{seconds:.1f}s"
    parts = [(whole // 86_400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    first = next(i for i, (n, _) in enumerate(parts) if n)
    return " ".join(f"{n}{unit}" for n, unit in parts[first : first + 2])

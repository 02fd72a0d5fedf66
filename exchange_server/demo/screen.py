"""The main job's output while it trades: a table that stays in place on a terminal, one line a second elsewhere."""

import sys
from typing import Any, TextIO

from protocol.fix_messages import format_scaled

TOP = 5  # contracts of the outright shown on a terminal


def microseconds(ns: int) -> str:
    return f"{ns / 1000:.0f} µs" if ns < 10_000_000 else f"{ns / 1_000_000:.0f} ms"


class Screen:
    """`line` prints a line that stays; `tick` updates the live part."""

    def __init__(self, out: TextIO | None = None) -> None:
        self.out = out or sys.stdout
        self.live = self.out.isatty()
        self.shown = 0  # lines of the table on the terminal
        self.before: dict[str, tuple[float, dict[str, int]]] = {}

    def line(self, text: str = "") -> None:
        self._clear()
        self.out.write(text + "\n")
        self.out.flush()

    def _clear(self) -> None:
        if self.shown:
            self.out.write(f"\x1b[{self.shown}A\x1b[J")
            self.shown = 0

    def tick(self, at_s: float, what: str, statuses: dict[str, dict[str, int]], market: dict[str, Any] | None) -> None:
        """Called every second. statuses: by wire; market: the outright as the server shows it (None: not available)."""
        rows = []
        for wire, status in statuses.items():
            then, old = self.before.get(wire, (at_s, status))
            rate = (status.get("answered", 0) - old.get("answered", 0)) / (at_s - then) if at_s > then else 0.0
            self.before[wire] = at_s, status
            rows.append((wire, rate, status))
        if not self.live:
            parts = [
                f"{wire} {rate:.0f}/s p50 {microseconds(s.get('p50', 0))} p99 {microseconds(s.get('p99', 0))}" for wire, rate, s in rows
            ]
            fills = sum(s.get("fills", 0) for _, _, s in rows)
            self.line(
                f"{at_s:5.1f} s  {what:12}  "
                + "  ".join(parts)
                + f"  trades {fills // 2}  open {sum(s.get('open', 0) for _, _, s in rows)}"
            )
            return
        lines = [
            f"{at_s:5.1f} s  {what}",
            f"  {'wire':8}{'answers/s':>10}{'answers':>10}{'fills':>8}{'open':>7}{'in flight':>10}{'p50':>10}{'p99':>10}",
        ]
        for wire, rate, s in rows:
            lines.append(
                f"  {wire:8}{rate:10.0f}{s.get('answered', 0):10}{s.get('fills', 0):8}{s.get('open', 0):7}{s.get('pending', 0):10}"
                f"{microseconds(s.get('p50', 0)):>10}{microseconds(s.get('p99', 0)):>10}"
            )
        if market is not None:
            lines.append(f"  {'outright':24}{'bid':>9}{'ask':>9}{'last':>9}{'volume':>10}")
            for c in sorted(market["contracts"], key=lambda c: -(c["last"] or 0))[:TOP]:
                prices = [format_scaled(c[k], market["price_decimals"]) if c[k] is not None else "-" for k in ("bid", "ask", "last")]
                lines.append(f"  {c['outcome'][:23]:24}{prices[0]:>9}{prices[1]:>9}{prices[2]:>9}{c['volume']:10}")
        self._clear()
        self.out.write("\n".join(lines) + "\n")
        self.out.flush()
        self.shown = len(lines)

"""Writes the pages of docs/ and the files of config/deploy/ that are generated from tables in the code: `python -m scripts.make_docs` (`--check`: only compare).

The tests compare each page with the output of this script, so a table cannot change without its page.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # run as a file rather than as a module
    sys.path.insert(0, str(ROOT))

from protocol import errors  # noqa: E402
from scripts.access_page import access_page  # noqa: E402
from scripts.binary_page import binary_page  # noqa: E402
from scripts.cli_page import cli_page  # noqa: E402
from scripts.configuration_page import configuration_page  # noqa: E402
from scripts.deploy_files import dashboard_file, rules_file  # noqa: E402
from scripts.markets_pages import rules_page, templates_page  # noqa: E402
from scripts.phases_page import phases_page  # noqa: E402
from scripts.watching_page import watching_page  # noqa: E402
from scripts.webhooks_page import webhooks_page  # noqa: E402

_SECTIONS = (
    (1, "Session and account"),
    (10, "Duplicate table"),
    (20, "Instrument, phase, order type"),
    (40, "Kill switch"),
    (50, "Throttle, freshness, conflict of interest"),
    (60, "Price and size"),
    (80, "Collateral and matching"),
    (90, "Cancel and replace"),
    (100, "Why an order was cancelled or expired"),
    (120, "Split, merge, transfer, settlement, operators"),
    (150, "Wires and gateway"),
    (180, "Roles and approvals"),
    (200, "Results, disputes and voids"),
    (230, "Changes of a live market"),
    (240, "Acts in time"),
    (260, "A venue that moves here"),
)


def errors_page() -> str:
    """docs/errors.md as text: one table row per reason code, sorted by number."""
    out = [
        "# Reasons",
        "",
        "Every refusal, and every cancelled or expired order, has one of these reasons: on the binary wire the number as `reason`, on FIX the tags",
        "shown here with the text in 58, on the command line and in the journal the name. Each condition has one code, and each code one condition.",
        "The groups are in the order in which an order is checked: if several refusals apply, the first one is reported.",
        "`{limit}`, `{used}` and `{asked}` are filled in. The binary wire sends them as numbers: prices in ticks in the client's terms,",
        "quantities in lots, money in minor units of its asset, times in nanoseconds. Texts on FIX have decimal numbers and UTC times.",
        "*Safe to resend*: the ClOrdID is not used up, so the same message may be sent again.",
        "",
        "This page is generated from `protocol/errors.py` by `python -m scripts.make_docs`.",
    ]
    borders = [first for first, _ in _SECTIONS[1:]] + [1 << 30]
    for (first, title), end in zip(_SECTIONS, borders):
        out += ["", f"## {title}", ""]
        out += [
            "| number | name | FIX 103 | 102 | 380 | 373 | 378 | resend | text | cause | what to do |",
            "|---|---|---|---|---|---|---|---|---|---|---|",
        ]
        for code in sorted(errors.REFUSALS):
            if not first <= code < end:
                continue
            row = errors.REFUSALS[code]
            fix = [("" if n is None else str(n)) for n in (row.fix_103, row.fix_102, row.fix_380, row.fix_373, row.fix_378)]
            resend = "safe" if row.safe_to_resend else ""
            out.append(f"| {code} | `{row.name}` | {' | '.join(fix)} | {resend} | {row.template} | {row.cause} | {row.what_to_do} |")
    return "\n".join(out) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/errors.md": errors_page,
    "docs/binary.md": binary_page,
    "docs/phases.md": phases_page,
    "docs/access.md": access_page,
    "docs/cli.md": cli_page,
    "docs/configuration.md": configuration_page,
    "docs/templates.md": templates_page,
    "docs/market-rules.md": rules_page,
    "docs/watching.md": watching_page,
    "docs/webhooks.md": webhooks_page,
    "config/deploy/exos-alerts.yml": rules_file,
    "config/deploy/exos-dashboard.json": dashboard_file,
}


def main(arguments: list[str] | None = None) -> int:
    """Write (or with --check compare) every page. Returns 0, or 1 if --check found a difference."""
    parser = argparse.ArgumentParser(prog="make_docs", description="Write the generated pages of docs/.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is not current")
    check = parser.parse_args(arguments).check
    stale = 0
    for name, page in PAGES.items():
        path, content = ROOT / name, page()
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        if check:
            print(f"{name} is not current", file=sys.stderr)
            stale = 1
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            print(f"wrote {name}")
    return stale


if __name__ == "__main__":
    sys.exit(main())

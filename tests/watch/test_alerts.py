"""Alert rules, dashboard, units and runbook: each name that they use exists, and each alert and exit code has its section."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from exchange_server.exits import INTERRUPTED, MEANINGS, Exit
from exchange_server.watch import fields as f
from exchange_server.watch.alerts import ALERTS, CRITICAL, WARNING
from exchange_server.watch.listener import PAGES
from scripts import deploy_files

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "config" / "deploy"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
METRIC = re.compile(r"\bexos_\w+")
SUFFIXES = {f.HISTOGRAM: ("_bucket", "_sum", "_count"), f.COUNTER: ("",), f.GAUGE: ("",)}
KNOWN = {field.metric + suffix: field for field in (*f.FIELDS, *f.READER_FIELDS) for suffix in SUFFIXES[field.kind]}


def expressions_of_rules() -> dict[str, str]:
    """alert -> expr, read from the file as it is, line by line."""
    found, name = {}, ""
    for line in (DEPLOY / "exos-alerts.yml").read_text(encoding="utf-8").splitlines():
        key, _, value = line.strip().removeprefix("- ").partition(": ")
        if key == "alert":
            name = value
        elif key == "expr":
            found[name] = json.loads(value)
    return found


def expressions_of_dashboard() -> dict[str, str]:
    board = json.loads((DEPLOY / "exos-dashboard.json").read_text(encoding="utf-8"))
    return {f"{panel['title']} {target['refId']}": target["expr"] for panel in board["panels"] for target in panel["targets"]}


EXPRESSIONS = {**expressions_of_rules(), **expressions_of_dashboard()}


def test_the_files_are_current() -> None:
    assert (DEPLOY / "exos-alerts.yml").read_text(encoding="utf-8") == deploy_files.rules_file()
    assert (DEPLOY / "exos-dashboard.json").read_text(encoding="utf-8") == deploy_files.dashboard_file()
    assert expressions_of_rules() == {alert.name: alert.expr for alert in ALERTS}


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_names_of_metrics_exist(where: str) -> None:
    expr = EXPRESSIONS[where]
    names = METRIC.findall(expr)
    assert names or expr == 'up{job="exos"} == 0'
    for name in names:
        assert name in KNOWN, f"{where}: {name} is no metric"
        counts = KNOWN[name].kind != f.GAUGE
        inside = re.search(rf"(rate|increase)\({name}\[", expr) is not None
        assert counts == inside or f"changes({name}[" in expr, f"{where}: {name} is a {KNOWN[name].kind}"
    for label in re.findall(r"\{(\w+)[=!]", expr):
        assert label == "job" or any(KNOWN[name].label == label for name in names), f"{where}: no metric has the label {label}"
    assert expr.count("(") == expr.count(")") and expr.count("[") == expr.count("]")


def test_legends_use_labels_that_exist() -> None:
    board = json.loads((DEPLOY / "exos-dashboard.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert any(KNOWN[name].label == label for name in METRIC.findall(target["expr"])), panel["title"]


def test_panels_do_not_overlap() -> None:
    panels: list[dict[str, Any]] = json.loads((DEPLOY / "exos-dashboard.json").read_text(encoding="utf-8"))["panels"]
    cells = [
        (x, y) for one in panels for p in [one["gridPos"]] for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])
    ]
    assert len(cells) == len(set(cells)) and all(x < 24 for x, _ in cells) and len({one["id"] for one in panels}) == len(panels)


def test_alerts_are_whole() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert.severity in (CRITICAL, WARNING) and re.fullmatch(r"\d+[smh]", alert.wait) and alert.name.startswith("Exos")
        assert alert.summary and not alert.summary.endswith(".")


def sections() -> dict[str, str]:
    parts = re.split(r"^### (.+)$", RUNBOOK, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def test_every_alert_has_its_section_and_no_section_is_left_over() -> None:
    found = {name for name in sections() if not name.startswith("Exit code")}
    assert found == {alert.name for alert in ALERTS}
    for name in found:
        text = sections()[name]
        assert all(f"* {part}: " in text for part in ("Look", "Do", "Safe")), name
        for other in re.findall(r"\bExos[A-Z]\w+", text):
            assert other in found, f"{name} sends to {other}"


def test_every_exit_code_has_its_section() -> None:
    assert set(MEANINGS) == {*Exit, INTERRUPTED}
    expected = {f"Exit code {int(code)}: {code.name if isinstance(code, Exit) else 'INTERRUPTED'}" for code in MEANINGS}
    assert {name for name in sections() if name.startswith("Exit code")} == expected
    assert all("* Do: " in sections()[name] for name in expected)


# ---- units -------------------------------------------------------------------------------------------------------------


def unit(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_server_s_unit() -> None:
    told = unit("exos.service")
    assert told["Type"] == ["notify"] and int(told["WatchdogSec"][0]) >= 10 and told["NotifyAccess"] == ["main"]
    stops = {int(code) for code in told["RestartPreventExitStatus"][0].split()}
    assert stops <= set(map(int, Exit)) and Exit.OK not in stops and Exit.UNREACHABLE not in stops
    assert {Exit.JOURNAL, Exit.BROKEN, Exit.RECOVERY, Exit.CONFIG} <= stops
    assert (
        told["UMask"] == ["0077"]
        and told["LimitCORE"] == ["0"]
        and told["NoNewPrivileges"] == ["yes"]
        and told["ProtectSystem"] == ["strict"]
    )
    assert "MemoryDenyWriteExecute" not in told, "kernels are compiled at run time"


def test_the_unit_of_the_metrics() -> None:
    told = unit("exos-metrics.service")
    assert "--expose-plain" not in told["ExecStart"][0] and told["ReadOnlyPaths"] == ["/var/lib/exos"]


@pytest.mark.parametrize("name", ["exos.service", "exos-metrics.service"])
def test_commands_of_units_parse(name: str) -> None:
    from exchange_server.cli.main import root

    words = unit(name)["ExecStart"][0].split()[1:]
    command = root.get_command(None, words[0])  # type: ignore[arg-type]
    assert command is not None
    command.make_context(words[0], words[1:])


def test_pages_that_docs_name_exist() -> None:
    text = (ROOT / "docs" / "watching.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(/\w+)` \|", text, re.MULTILINE)) == set(PAGES)

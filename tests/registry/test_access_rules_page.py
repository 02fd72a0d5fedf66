"""docs/access-rules.md: its tables are what the rules do, row by row; its commands parse."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.registry import admission, quotas
from protocol import codes, errors, freeze
from tests.registry.test_registry import BASE, World

PAGE = (Path(__file__).parents[2] / "docs" / "access-rules.md").read_text()


def rows(first_title: str) -> list[list[str]]:
    """The cells of the table whose head begins with this title, without head and rule."""
    lines = PAGE.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_title} |"))
    body = []
    for line in lines[at + 2 :]:
        if not line.startswith("|"):
            break
        body.append([cell.strip() for cell in line.strip("|").split("|")])
    return body


YES = {"yes": True, "no": False}


def conditions(text: str) -> dict[str, Any]:
    if text == "none":
        return {}
    name, *values = text.replace("`", "").split()
    if name == "kyc_at_least":
        return {name: int(values[0])}
    return {name: YES[values[0]] if name == "institution" else tuple(values)}


def tags(text: str) -> ar.FirmTags:
    if text == "nothing known":
        return ar.FirmTags(firm="ACME")
    name, *values = text.split()
    return ar.FirmTags(firm="ACME", **{name: int(values[0]) if name == "kyc_level" else tuple(values)})


@pytest.mark.parametrize("row", rows("condition"), ids=lambda row: f"{row[0]}: {row[1]}")
def test_conditions(row: list[str]) -> None:
    for effect, wanted in (("allow", row[2]), ("deny", row[3])):
        rule = ar.AccessRule(rule="r", venue="V1", effect=effect, **conditions(row[0]))  # type: ignore[arg-type]
        assert admission.matches(rule, tags(row[1])) == YES[wanted], effect


@pytest.mark.parametrize("row", rows("rules"), ids=lambda row: row[0])
def test_precedence(row: list[str]) -> None:
    world = World().must(*BASE, ar.FirmTags(firm="ACME", jurisdictions=("DE",), kyc_level=2))
    for number, text in enumerate(row[0].split(", ") if row[0] != "none" else ()):
        effect, *rest = text.split()
        condition: dict[str, Any] = {"kyc_at_least": int(rest[1])} if rest[0] == "kyc" else {"jurisdiction_in": (rest[0],)}
        world.must(ar.AccessRule(rule=f"r{number}", venue="V1", effect=effect, **condition))  # type: ignore[arg-type]
    known = world.registry.admissions.get((codes.ACCESS_VENUE, 1), admission.OPEN)
    rule = max(known.exceptions.get(1, 0), 0)
    if admission.keeps_out(known, 1):
        said = f"kept out by rule {rule}" if rule else "kept out: no rule admits it"
        code = codes.R_ACCESS_DENIED if rule else codes.R_NOT_ADMITTED
        assert (row[1], row[2]) == (said, f"`{errors.REFUSALS[code].name}`")
    else:
        assert row[1:] == ["admitted", ""]


def test_freezes() -> None:
    table = rows("level")
    assert [row[0] for row in table] == list(freeze.BY_NAME)
    for name, *cells in table:
        goes_on = [not freeze.stops(freeze.BY_NAME[name], action) for action in freeze.ACTIONS]
        assert [YES[cell] for cell in cells] == goes_on, name


def test_quotas() -> None:
    assert [row[0].strip("`") for row in rows("quota")] == list(quotas.NAMES)
    for reason in re.findall(r"`(R_\w+)`", PAGE):
        assert hasattr(codes, reason), reason


def test_commands_parse() -> None:
    """Every command of the page, as far as it can be read without a server."""
    import click

    from exchange_server.cli.main import root

    blocks = re.findall(r"```\n(.*?)```", PAGE, re.S)
    commands = [line for block in blocks for line in block.splitlines() if line.startswith("exos ")]
    assert len(commands) > 8
    for line in commands:
        words = shlex.split(line)[1:]
        command: click.Command = root
        context = click.Context(root)
        while isinstance(command, click.Group):
            found = command.get_command(context, words[0])
            assert found is not None, line
            command, words = found, words[1:]
        command.make_context(command.name, words, parent=context)

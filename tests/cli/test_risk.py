"""Kill switches and restrictions by name."""

import json

import pytest

from config import admin_records as ar
from exchange_server.exits import Exit
from tests.cli.conftest import Run
from tests.cli.fake_admin import FakeAdmin


@pytest.mark.parametrize(
    ("words", "record"),
    [
        (("kill", "firm", "CLIENT1"), ar.Kill(level="firm", target="CLIENT1", cancel=True)),
        (("kill", "venue", "WC26", "--keep-orders"), ar.Kill(level="venue", target="WC26", cancel=False)),
        (("kill", "platform"), ar.Kill(level="platform", cancel=True)),
        (("release", "account", "CLIENT1-A"), ar.Kill(level="account", target="CLIENT1-A", on=False)),
        (("restrict", "CLIENT1", "WC26-FINAL"), ar.Restrict(event="WC26-FINAL", firm="CLIENT1")),
        (("restrict", "CLIENT1", "WC26-FINAL", "--off"), ar.Restrict(event="WC26-FINAL", firm="CLIENT1", on=False)),
    ],
)
def test_what_is_sent(exos: Run, cup: FakeAdmin, words: tuple[str, ...], record: ar.AnyRecord) -> None:
    code, tried, _ = exos("risk", *words, "--dry-run")
    assert code == Exit.OK and cup.records == []
    code, out, _ = exos("risk", *words)
    assert code == Exit.OK and cup.records == [record] and tried == f"would be answered: {out}"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("kill", "firm"), "TARGET is missing: which firm?"),
        (("kill", "platform", "X"), "TARGET: the platform has no name, asked X"),
        (("kill", "frim", "X"), '"frim" is not one of platform, venue, firm, account, session; did you mean firm?'),
        (("show", "account"), "TARGET is missing: which account?"),
        (("release",), "LEVEL is missing"),
    ],
)
def test_what_is_no_switch(exos: Run, cup: FakeAdmin, words: tuple[str, ...], sentence: str) -> None:
    code, out, err = exos("risk", *words)
    assert code == Exit.USAGE and out == "" and sentence.lower() in err.lower() and cup.records == []


def test_nothing_is_on(exos: Run, cup: FakeAdmin) -> None:
    assert exos("risk", "list")[:2] == (Exit.OK, "nothing is switched off, restricted or held back\n")
    assert json.loads(exos("risk", "list", "--json")[1])["result"] == {"freezes": [], "kills": [], "restrictions": [], "throttles": []}
    code, out, _ = exos("risk", "show", "firm", "CLIENT1", "--json")
    assert code == Exit.OK and json.loads(out)["result"] == {
        "level": "firm", "target": "CLIENT1", "killed": False, "restricted": [], "throttle": None,
    }  # fmt: skip
    assert exos("risk", "show", "platform")[1].splitlines() == ["level        platform", "name         -", "kill switch  off"]

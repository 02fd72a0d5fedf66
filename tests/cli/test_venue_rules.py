"""exos venue quota, freeze and rule, and exos firm tag: what they send, show and refuse."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin
from tests.registry.test_registry import BASE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path)
    for record in BASE:
        assert fake._apply(record)["ok"]
    fake.records.clear()
    yield fake
    fake.close()


def run(folder: Path, *words: str) -> int:
    return cli.main([*words, "--data", str(folder)])


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_quota(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(tmp_path, "venue", "quota", "V1", "--sessions", "4", "--messages-per-second", "20", "--dry-run") == Exit.OK
        and server.records == []
    )
    assert "would be answered: quota of V1 changed: sessions 4, messages a second 20" in capsys.readouterr().out
    assert run(tmp_path, "venue", "quota", "V1", "--sessions", "4", "--messages-per-second", "20") == Exit.OK
    assert server.records == [ar.Quota(venue="V1", sessions=4, messages_per_second=20)]
    capsys.readouterr()
    assert run(tmp_path, "venue", "quota", "V1") == Exit.OK
    assert lines(capsys)[:3] == ["quota used limit share", "sessions 1 4 25 %", "instruments 4 - -"]
    assert run(tmp_path, "venue", "quota", "V1", "--json") == Exit.OK
    assert json.loads(capsys.readouterr().out)["result"]["sessions"] == {"limit": 4, "used": 1}
    assert run(tmp_path, "venue", "quota", "V1", "--journal-bytes-per-second", "12") == Exit.FAILED
    assert "--journal-bytes-per-second: must be 0 (no limit) or at least 1000, asked 12" in capsys.readouterr().err
    assert run(tmp_path, "venue", "quota", "V11") == Exit.FAILED and 'did you mean "V1"?' in capsys.readouterr().err


def test_freeze(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "venue", "freeze", "V2", "settle_only", "--reason", "inspection") == Exit.OK
    assert server.records == [ar.Freeze(venue="V2", level="settle_only", reason="inspection")]
    assert lines(capsys) == ["venue V2 is frozen: settle_only"]
    assert run(tmp_path, "venue", "freeze", "V2", "cancel") == Exit.USAGE
    assert '"cancel" is not one of none, cancel_only, settle_only, nothing; did you mean cancel_only?' in capsys.readouterr().err
    assert run(tmp_path, "venue", "freeze", "V2", "none") == Exit.OK and not server.registry.freezes


def test_rules(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "venue", "rule", "V1") == Exit.OK
    assert lines(capsys) == ["V1 has no access rules: every firm is admitted"]
    assert (
        run(tmp_path, "venue", "rule", "V1", "no-us", "--effect", "deny", "--jurisdiction-in", "US", "--jurisdiction-in", "US-PR")
        == Exit.OK
    )
    assert lines(capsys) == ["access rule 1 (no-us) of V1 defined: 2 of 2 firms are kept out"]
    assert (
        run(tmp_path, "venue", "rule", "FINAL", "known", "--market", "--effect", "allow", "--kyc-at-least", "2", "--no-institution")
        == Exit.OK
    )
    assert server.records == [
        ar.AccessRule(rule="no-us", venue="V1", effect="deny", jurisdiction_in=("US", "US-PR")),
        ar.AccessRule(rule="known", event="FINAL", effect="allow", kyc_at_least=2, institution=False),
    ]
    capsys.readouterr()
    assert run(tmp_path, "venue", "rule", "V1") == Exit.OK
    assert lines(capsys) == [
        "number rule market effect conditions",
        "1 no-us - deny jurisdiction in US US-PR",
        "2 known FINAL allow kyc at least 2, institution no",
    ]
    assert run(tmp_path, "venue", "rule", "V1", "no-us", "--remove") == Exit.OK and len(server.registry.rules) == 1


@pytest.mark.parametrize(("words", "exit", "said"), [
    (("V1", "r"), Exit.USAGE, "--effect is missing"),
    (("V1", "--remove"), Exit.USAGE, "RULE is missing: which rule?"),
    (("V1", "r", "--remove", "--kyc-at-least", "1"), Exit.USAGE, "--remove takes no conditions"),
    (("V1", "r", "--remove"), Exit.FAILED, 'V1 has no access rule "r" (it has: none)'),
    (("V1", "r", "--effect", "allowed"), Exit.USAGE, "did you mean allow?"),
    (("V1", "r", "--effect", "deny", "--kyc-at-least", "10"), Exit.USAGE, "--kyc-at-least: must be at most 9, asked 10"),
    (("V1", "r", "--effect", "deny", "--jurisdiction-in", "USA"), Exit.USAGE, "--jurisdiction-in"),
    (("FINAL", "r", "--effect", "deny"), Exit.FAILED, 'there is no venue "FINAL"'),
])  # fmt: skip
def test_rules_that_are_refused(
    server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], exit: Exit, said: str
) -> None:
    assert run(tmp_path, "venue", "rule", *words) == exit
    assert said in capsys.readouterr().err and server.records == []


def test_tags(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "firm", "tag", "ACME", "--jurisdictions", "DE", "--kyc-level", "2", "--institution", "--tags", "vip") == Exit.OK
    assert run(tmp_path, "firm", "tag", "ACME", "--kyc-level", "1") == Exit.OK
    assert server.records[1] == ar.FirmTags(firm="ACME", jurisdictions=("DE",), kyc_level=1, institution=True, tags=("vip",)), (
        "the rest stays"
    )
    assert run(tmp_path, "venue", "rule", "V1", "known", "--effect", "allow", "--kyc-at-least", "2") == Exit.OK
    assert run(tmp_path, "venue", "rule", "FINAL", "no-de", "--market", "--effect", "deny", "--jurisdiction-in", "DE") == Exit.OK
    capsys.readouterr()
    assert run(tmp_path, "firm", "tag", "ACME") == Exit.OK
    assert lines(capsys) == [
        "jurisdictions DE", "kyc-level 1", "institution yes", "tags vip", "kept out of V1 (no rule admits it), FINAL (rule 2)",
    ]  # fmt: skip
    assert run(tmp_path, "firm", "tag", "ACMY") == Exit.FAILED and 'did you mean "ACME"?' in capsys.readouterr().err

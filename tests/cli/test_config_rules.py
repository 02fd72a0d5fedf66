"""Tags, quotas and access rules in a file: plan, apply, diff, prune, rollback and export."""

from pathlib import Path

from config import load
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin
from tests.cli.test_config import CUP, Run, edit, file, run, server

__all__ = ["file", "run", "server"]  # fixtures

RULES = """
[[tags]]
firm = "V.F"
jurisdictions = ["DE"]
kyc_level = 2

[[quota]]
venue = "V"
open_orders = 5000
sessions = 9

[[rule]]
rule = "no-us"
venue = "V"
effect = "deny"
jurisdiction_in = ["US"]

[[rule]]
rule = "known"
event = "CUP"
effect = "allow"
kyc_at_least = 1
"""


def applied(run: Run, file: Path) -> None:
    file.write_text(CUP + RULES)
    code, out, err = run("config", "apply", file)
    assert code == 0, err


def test_a_file_says_who_may_trade_where(run: Run, server: FakeAdmin, file: Path) -> None:
    file.write_text(CUP + RULES)
    lines = run("config", "plan", file)[1].splitlines()
    assert {"+ tags V.F", "~ quota V: sessions 0 -> 9, open_orders 0 -> 5000 (live)", "+ rule no-us of V", "+ rule known of CUP"} <= set(
        lines
    )
    assert run("config", "apply", file)[0] == 0 and run("config", "diff", file) == (0, "", "")
    registry = server.registry
    assert registry.quotas[1].open_orders == 5000 and registry.quotas[1].instruments == 0, "what the file does not name has no limit"
    assert [rule.record.rule for rule in registry.rules.values()] == ["no-us", "known"] and registry.tags[1].kyc_level == 2
    edit(
        file,
        ("kyc_level = 2", "kyc_level = 3"),
        ('jurisdiction_in = ["US"]', 'jurisdiction_in = ["US", "FR"]'),
        ("sessions = 9", "instruments = 70"),
    )
    out = run("config", "plan", file)[1].splitlines()
    assert out[:3] == [
        "~ quota V: instruments 0 -> 70 (live)", "~ tags V.F: kyc_level 2 -> 3 (live)", "~ rule no-us of V: jurisdiction_in US -> US, FR (live)",
    ]  # fmt: skip
    assert run("config", "apply", file)[0] == 0
    assert registry.quotas[1].sessions == 9, "what the file no longer names stays"
    code, out, _ = run("config", "show", "2")
    assert code == 0 and "~ tags V.F: kyc_level 2 -> 3 (live)" in out
    assert run("config", "rollback", "1")[0] == 0
    assert registry.tags[1].kyc_level == 2 and registry.quotas[1].instruments == 0


def test_rules_go_with_a_tombstone_or_prune_and_come_back_with_a_rollback(run: Run, server: FakeAdmin, file: Path) -> None:
    applied(run, file)
    registry = server.registry
    known = RULES[RULES.index('[[rule]]\nrule = "known"') :]
    edit(file, (known, '[[remove]]\nrule = "known"\nevent = "CUP"\n'))
    assert run("config", "plan", file)[1].splitlines()[0] == "- rule known of CUP is removed"
    assert run("config", "apply", file)[0] == 0 and [rule.record.rule for rule in registry.rules.values()] == ["no-us"]
    assert run("config", "diff", file) == (0, "", ""), "removed already"
    assert "- rule known of CUP is removed" in run("config", "show", "2")[1]
    assert run("config", "rollback", "1")[0] == 0 and len(registry.rules) == 2, "it is there again"
    file.write_text(CUP + RULES[: RULES.index("[[rule]]")])
    assert run("config", "plan", file)[1].startswith("0 to do")
    assert run("config", "plan", file, "--prune")[1].splitlines()[:2] == ["- rule no-us of V is removed", "- rule known of CUP is removed"]
    assert run("config", "apply", file, "--prune")[0] == 0 and not registry.rules


def test_new_rules_and_tags_are_taken_back_by_a_rollback(run: Run, server: FakeAdmin, file: Path) -> None:
    assert run("config", "apply", file)[0] == 0
    applied(run, file)
    code, out, err = run("config", "rollback", "1")
    assert code == 0, (out, err)
    assert not server.registry.rules and server.registry.tags[1].kyc_level == 0 and server.registry.quotas[1].open_orders == 0


def test_export_writes_them_and_reads_back_to_unchanged(run: Run, server: FakeAdmin, file: Path, tmp_path: Path) -> None:
    applied(run, file)
    out = tmp_path / "V.toml"
    assert run("config", "export", "V", "-o", out)[0] == 0
    tags = {
        str(item.record.__struct_config__.tag) for item in load.load(out, server.registry.decimals(), base=server.registry.settings).items
    }
    assert {"firm_tags", "quota", "access_rule"} <= tags and run("config", "diff", out) == (0, "", ""), out.read_text()


def test_faults_are_named_with_their_place(run: Run, server: FakeAdmin, file: Path) -> None:
    for wrong, text in (
        ('[[rule]]\nrule = "x"\nvenue = "V"\neffect = "maybe"\n', "rule[0].effect: "),
        ('[[rule]]\nrule = "x"\neffect = "deny"\n', "rule[0].venue: an access rule belongs to one venue or to one event"),
        ('[[tags]]\nfirm = "V.F"\njurisdictions = ["Germany"]\n', "tags[0].jurisdictions"),
        ('[[quota]]\nvenue = "X"\n', 'quota[0].venue: there is no venue "X"'),
        (
            '[[rule]]\nrule = "x"\nvenue = "V"\neffect = "deny"\n[[rule]]\nrule = "x"\nvenue = "V"\neffect = "allow"\n',
            'rule "x of V" is defined a second time',
        ),
    ):
        file.write_text(CUP + wrong)
        code, out, err = run("config", "plan", file)
        assert code in (Exit.CONFIG, Exit.FAILED) and text in out + err, (out, err)

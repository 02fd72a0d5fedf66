"""exos key: pairs made on this machine, secrets shown once, rotation with overlap."""

import json
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from exchange_server.gateway.verifiers import token_right
from protocol import credentials
from tests.cli.fake_admin import FakeAdmin

NS = 10**9


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path)
    for record in (
        ar.DefineFirm(name="F"),
        ar.DefineSession(name="MM1", wire="binary", firm="F", key="MM1", secret="a phrase of the tests"),
        ar.DefineSession(name="C1", wire="fix", firm="F", our_comp_id="X", peer_comp_id="C1"),
        ar.DefinePrincipal(name="anna"),
    ):
        assert fake.answer({"id": 1, "verb": "admin", "record": _builtins(record)})["ok"]
    fake.records.clear()
    yield fake
    fake.close()


def _builtins(record: object) -> object:
    import msgspec

    return msgspec.to_builtins(record)


def run(folder: Path, *words: str) -> int:
    return cli.main(["key", *words, "--data", str(folder)])


def test_a_pair_is_made_here_and_its_private_half_goes_into_a_file(
    server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mm1.key"
    assert run(tmp_path, "create", "K1", "--session", "MM1", "--out", str(out), "--address", "192.0.2.0/24", "--until", "90d") == Exit.OK
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    private, name = credentials.private_key(out.read_text())
    (record,) = server.records
    assert name == "K1" and record.verifier == credentials.public_hex(private) and record.scopes == ("trade", "read", "market_data")
    assert abs(record.until_ns - time.time_ns() - 90 * 86400 * NS) < 60 * NS and record.addresses == ("192.0.2.0/24",)
    shown = capsys.readouterr().out
    assert "PRIVATE" not in shown and record.verifier in shown
    assert run(tmp_path, "create", "K2", "--session", "MM1", "--out", str(out)) == Exit.FAILED, "a file that is there is not overwritten"
    assert "File exists: no key was created" in capsys.readouterr().err and len(server.records) == 1


def test_without_a_file_it_is_shown_once(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "create", "A1", "--principal", "anna") == Exit.OK
    shown = capsys.readouterr().out
    private, name = credentials.private_key(shown[shown.index("exos key A1 of") :])
    assert name == "A1" and server.records[0].verifier == credentials.public_hex(private) and server.records[0].scopes == ()
    assert run(tmp_path, "create", "T1", "--session", "C1", "--kind", "token", "--scope", "read", "--json") == Exit.OK
    told = json.loads(capsys.readouterr().out)
    token = told["result"]["secret"]
    assert credentials.MADE.fullmatch(token) and token_right(server.records[1].verifier, token) and server.records[1].secret == ""
    assert token not in server.registry.to_bytes().decode("latin1")
    assert run(tmp_path, "show", "T1") == Exit.OK and run(tmp_path, "list", "--json") == Exit.OK
    assert token not in capsys.readouterr().out


def test_refused_keys_leave_nothing(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "k"
    for words, code, text in (
        (("create", "K", "--session", "MM9", "--out", str(out)), Exit.FAILED, 'name: there is no session "MM9"; did you mean "MM1"?'),
        (
            ("create", "K", "--session", "MM1", "--kind", "token"),
            Exit.FAILED,
            "kind: a binary session logs on with ed25519 or scram, asked token",
        ),
        (("create", "K"), Exit.USAGE, "name the holder"),
        (("create", "K", "--session", "MM1", "--principal", "anna"), Exit.USAGE, "name the holder"),
        (("create", "K", "--session", "MM1", "--until", "soon"), Exit.USAGE, '--until: "soon" is neither a duration'),
        (("create", "K", "--session", "MM1", "--until", "2027-01-31T00:00:00"), Exit.USAGE, "is neither a duration"),
        (("create", "K", "--session", "MM1", "--scope", "trad"), Exit.USAGE, "did you mean trade"),
        (("create", "K", "--session", "MM1", "--address", "10.0.0.1/8"), Exit.FAILED, 'addresses[0]: "10.0.0.1/8" is no network'),
        (("create", "K K", "--session", "MM1"), Exit.USAGE, "id: "),
        (("show", "K"), Exit.FAILED, 'there is no key "K"'),
        (("revoke", "K"), Exit.FAILED, 'id: there is no key "K"'),
        (("rotate", "K", "L"), Exit.FAILED, 'there is no key "K"'),
        (("rotate", "MM1:secret", "L"), Exit.FAILED, "is the secret of the session's definition"),
        (("rotate", "MM1:secret", "L", "--overlap", "x"), Exit.USAGE, "--overlap: not a duration"),
    ):
        assert run(tmp_path, *words) == code, words
        assert text in capsys.readouterr().err, words
    assert server.records == [] and not out.exists()


def test_rotation_with_overlap_and_revocation(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, "create", "K1", "--session", "MM1", "--scope", "read", "--title", "risk desk") == Exit.OK
    assert run(tmp_path, "rotate", "K1", "K2", "--overlap", "7d", "--out", str(tmp_path / "k2")) == Exit.OK
    old, new = server.registry.keys["K1"].record, server.registry.keys["K2"].record
    assert new.scopes == ("read",) and new.title == "risk desk" and new.until_ns == 0 and new.verifier != old.verifier
    assert abs(old.until_ns - time.time_ns() - 7 * 86400 * NS) < 60 * NS
    assert run(tmp_path, "create", "T1", "--session", "C1", "--kind", "token") == Exit.OK
    before = server.registry.keys["T1"].record.verifier
    assert run(tmp_path, "rotate", "T1", "T2") == Exit.OK
    assert server.registry.keys["T1"].record.verifier == before != server.registry.keys["T2"].record.verifier
    assert run(tmp_path, "revoke", "K2", "--reason", "laptop lost") == Exit.OK and run(tmp_path, "revoke", "K2") == Exit.OK
    assert "unchanged" in capsys.readouterr().out
    assert run(tmp_path, "rotate", "K2", "K3") == Exit.FAILED and "key K2 is revoked" in capsys.readouterr().err
    assert run(tmp_path, "show", "K2") == Exit.OK
    assert "laptop lost" in capsys.readouterr().out
    assert run(tmp_path, "list", "MM1") == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["key", "MM1:secret", "K1", "K2"] and "revoked" in lines[3] and "good" in lines[2]


def test_a_dry_run_makes_no_key_and_ends_none(server: FakeAdmin, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "k.key"
    assert run(tmp_path, "create", "K1", "--session", "MM1", "--out", str(out), "--dry-run") == Exit.OK
    said = capsys.readouterr().out
    assert said.startswith("would be answered: ") and not out.exists() and "PRIVATE" not in said
    assert run(tmp_path, "create", "K1", "--session", "C1", "--kind", "token", "--dry-run") == Exit.OK
    assert run(tmp_path, "create", "K1", "--session", "NOBODY", "--dry-run") == Exit.FAILED
    assert 'there is no session "NOBODY"' in capsys.readouterr().err
    assert server.records == []
    assert run(tmp_path, "create", "K1", "--session", "MM1", "--out", str(out)) == Exit.OK
    assert run(tmp_path, "create", "K2", "--session", "MM1", "--out", str(out), "--dry-run") == Exit.FAILED, "the file is there"
    assert run(tmp_path, "rotate", "K1", "K2", "--dry-run") == Exit.OK and "would stay good until" in capsys.readouterr().out
    assert run(tmp_path, "revoke", "K1", "--dry-run") == Exit.OK
    assert len(server.records) == 1 and not server.registry.keys["K1"].revoked
    assert run(tmp_path, "revoke", "K1", "--reason", "lost") == Exit.OK and server.registry.keys["K1"].revoked

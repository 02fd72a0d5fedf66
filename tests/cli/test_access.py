"""exos principal, role, pending, approve, refuse; and the remote options, against a real port under TLS."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.certificates import DAY_NS, make_dev_certificate
from exchange_server.cli import doctor
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from exchange_server.registry.roles import ROLES
from protocol import codes, credentials
from tests.cli.fake_admin import FakeAdmin

SEED = b"\4" * 32
TOKEN = credentials.made_secret("token", b"t" * 32)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path)
    for record in (ar.DefineAsset(name="USD", decimals=2), ar.DefineVenue(name="V")):
        assert fake._apply(record)["ok"]
    yield fake
    fake.close()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    def go(*arguments: str, code: Exit = Exit.OK) -> str:
        assert cli.main([*arguments, "--data", str(tmp_path)]) == code
        out, err = capsys.readouterr()
        return out if code == Exit.OK else err

    return go


def test_principals_and_roles(server: FakeAdmin, run: Any) -> None:
    assert run("principal", "create", "anna", "--title", "Anna") == "principal anna defined\n"
    assert run("principal", "create", "V.bert", "--venue", "V") == "principal V.bert defined\n"
    assert run("role", "grant", "anna", "venue_operator", "--scope", "venue:V", "--until", "2099-01-01T00:00:00Z").startswith(
        "anna is venue_operator for venue:V until 2099-01-01"
    )
    assert run("role", "grant", "V.bert", "resolver", "--scope", "series:V/V.C") == "V.bert is resolver for series:V/V.C\n"
    lines = run("principal", "list").splitlines()
    assert lines[1].split("  ")[0] == "anna" and "venue_operator for venue:V" in lines[1] and "resolver for series:V/V.C" in lines[2]
    assert "2099-01-01 00:00:00 UTC" in run("role", "list", "anna") and "V.bert" not in run("role", "list", "anna")
    shown = json.loads(run("role", "list", "--json"))["result"]
    assert [(row["principal"], row["role"], row["live"]) for row in shown] == [
        ("anna", "venue_operator", True),
        ("V.bert", "resolver", True),
    ]
    assert "holds roles only there" in run("role", "grant", "V.bert", "auditor", code=Exit.FAILED)
    assert "did you mean auditor" in run("role", "grant", "anna", "auditer", code=Exit.USAGE)
    assert run("role", "revoke", "anna", "venue_operator", "--scope", "venue:V") == "anna is no longer venue_operator for venue:V\n"
    assert run("principal", "change", "anna", "--title", "Anna B.") == "principal anna changed\n"
    assert run("principal", "close", "anna") == "principal anna changed\n"
    assert server.registry.principals.named("anna").record == ar.DefinePrincipal(name="anna", title="Anna B.", closed=True)  # type: ignore[union-attr]
    run("principal", "close", "anna", "--reopen")
    assert "closed" in run("principal", "show", "anna") and "did you mean" in run("principal", "show", "ana", code=Exit.FAILED)


def test_pending_approve_and_refuse(server: FakeAdmin, run: Any) -> None:
    for name in ("anna", "bert"):
        run("principal", "create", name)
        run("role", "grant", name, "risk_officer", "--scope", "venue:V")
    release = ar.pack("principal:anna", "r", ar.Kill(level="venue", target="V", on=False))
    assert server.registry.apply(release, server.engine, lambda rows: None).result["pending"] == 1
    lines = run("pending").splitlines()
    assert lines[1].split()[0] == "1" and "principal:anna" in lines[1] and '"target": "V"' in lines[1]
    text = run("approve", "1")
    assert text == "kill switch of venue V is off (proposed by principal:anna, approved by uid:0)\n"
    assert "no act waits under 1" in run("approve", "1", code=Exit.FAILED)
    server.registry.apply(release, server.engine, lambda rows: None)
    assert run("refuse", "2", "--note", "not yet").endswith("is refused by uid:0: not yet\n")
    assert run("pending") == "id  act  proposed by  until  record\n"


# ------------------------------------------------------------------------------------------------ remote
class Port:
    """A port for remote administration as far as the client sees it: TLS, hello, logon, then what FakeAdmin answers."""

    def __init__(self, folder: Path, fake: FakeAdmin) -> None:
        self.files = make_dev_certificate(folder, ("localhost", "127.0.0.1"), time.time_ns())
        self.fake = fake
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.files.cert, self.files.key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.logons: list[dict[str, Any]] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self.listener.accept()
                with self.context.wrap_socket(raw, server_side=True) as link, link.makefile("rb") as lines:
                    challenge = b"\1" * 32
                    link.sendall(json.dumps({"hello": "exos", "challenge": challenge.hex()}).encode() + b"\n")
                    for i, line in enumerate(lines):
                        request = json.loads(line)
                        answer = self._logon(request, challenge) if i == 0 else self.fake.answer(request)
                        link.sendall(json.dumps(answer).encode() + b"\n")
                        if not answer["ok"] and i == 0:
                            break
            except ssl.SSLError:
                continue
            except OSError:
                return

    def _logon(self, request: dict[str, Any], challenge: bytes) -> dict[str, Any]:
        self.logons.append(request)
        message = credentials.admin_message(request["principal"], request["key"], challenge)
        public = bytes.fromhex(credentials.public_hex(credentials.private_key(SEED)[0]))
        right = request.get("token") == TOKEN or credentials.signature_right(public, message, bytes.fromhex(request.get("signature", "")))
        code = 0 if right else codes.R_BAD_CREDENTIALS
        return {
            "id": request["id"],
            "ok": right,
            "code": code,
            "text": "" if right else "unknown session or wrong credentials",
            "result": {},
        }


@pytest.fixture
def port(server: FakeAdmin, tmp_path: Path) -> Iterator[Port]:
    made = Port(tmp_path, server)
    (tmp_path / "anna.key").write_text(credentials.key_file(credentials.private_key(SEED)[0], "anna-1", "principal anna"))
    (tmp_path / "other.key").write_text(credentials.key_file(credentials.private_key(b"\1" * 32)[0], "anna-1", "principal anna"))
    (tmp_path / "token").write_text(TOKEN + "\n")
    yield made
    made.listener.close()


def test_a_command_reaches_a_server_over_tls(
    port: Port, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = ("--server", port.address, "--as", "anna", "--ca", str(port.files.ca))
    assert cli.main(["venue", "list", *remote, "--key-file", str(tmp_path / "anna.key")]) == Exit.OK
    assert capsys.readouterr().out.splitlines()[1].startswith("V ")
    assert cli.main(["venue", "list", *remote, "--key-file", str(tmp_path / "token"), "--key-id", "anna-t"]) == Exit.OK
    assert [(logon["principal"], logon["key"]) for logon in port.logons] == [("anna", "anna-1"), ("anna", "anna-t")]
    for name, value in {
        "SERVER": port.address,
        "PRINCIPAL": "anna",
        "CA": str(port.files.ca),
        "ADMIN_KEY_FILE": str(tmp_path / "anna.key"),
    }.items():
        monkeypatch.setenv(f"EXOS_{name}", value)
    assert cli.main(["venue", "list"]) == Exit.OK and len(port.logons) == 3
    assert cli.main(["venue", "list", "--data", str(tmp_path)]) == Exit.OK and len(port.logons) == 3, "a folder that is named wins"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--key-file", "other.key"], Exit.FAILED, "refused the logon of anna: unknown session or wrong credentials"),
        (["--key-file", "none.key"], Exit.USAGE, "none.key: No such file or directory"),
        (["--key-file", "token"], Exit.USAGE, "is a token, which does not name its key: give --key-id"),
        (["--key-file", "tls-ca.pem"], Exit.USAGE, "--key-file"),
        ([], Exit.USAGE, "--server needs --key-file FILE"),
        (["--key-file", "anna.key", "--ca", "token"], Exit.USAGE, "holds no certificates in PEM form"),
        (["--key-file", "anna.key", "--ca", "none"], Exit.USAGE, "none: No such file or directory"),
        (["--key-file", "anna.key", "--ca", ""], Exit.UNREACHABLE, "is not trusted"),
        (["--key-file", "anna.key", "--server", "localhost"], Exit.USAGE, "is not HOST:PORT"),
        (["--key-file", "anna.key", "--server", "127.0.0.1:1"], Exit.UNREACHABLE, "cannot be reached: Connection refused"),
    ],
)
def test_what_keeps_a_command_from_a_server_is_named(
    port: Port,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    code: Exit,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [port.address, "--as", "anna", *(["--ca", str(port.files.ca)] if "--ca" not in arguments else [])]
    if "" in arguments:
        arguments = arguments[:2]
        given = given[:3]
    assert cli.main(["venue", "list", "--server", *given, *arguments]) == code
    err = capsys.readouterr().err
    assert words in err and len(err.splitlines()) == 1


def test_the_doctor_looks_at_the_certificate(tmp_path: Path) -> None:
    now = time.time_ns()
    assert list(doctor.certificate(tmp_path, "", now)) == []
    (finding,) = doctor.certificate(tmp_path, "tls-cert.pem", now)
    assert finding.level == "fail" and "cannot be read" in finding.text
    make_dev_certificate(tmp_path, ("localhost",), now)
    levels = [next(doctor.certificate(tmp_path, "tls-cert.pem", now + days * DAY_NS)).level for days in (0, 355, 366)]
    assert levels == ["ok", "warn", "fail"]


def test_the_page_names_every_role() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "access.md").read_text()
    assert all(f"| `{role}` |" in page for role in ROLES)

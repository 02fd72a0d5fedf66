"""A real server under TLS: every port, remote administration with a key, reload by SIGHUP and by verb, and what a start refuses."""

import asyncio
import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server import app
from exchange_server.certificates import DAY_NS, make_dev_certificate
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from exchange_server.net.observe import Log
from exchange_server.start import StartRefused
from protocol import codes, credentials
from protocol.client import Client
from protocol.client_errors import Disconnected
from tests.server_kit import SMALL, ServerProcess, secret_of, wait_until
from tests.test_start_rules import WITHOUT, options, refused, run

SEED = b"\5" * 32
TLS = 'tls_cert = "tls-cert.pem"\ntls_key = "tls-key.pem"\n'


def with_tls(more: str = "", tls: str = TLS) -> str:
    return SMALL.replace("[server]\n", f"[server]\n{tls}{more}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    (tmp_path / "data").mkdir(mode=0o700)
    make_dev_certificate(tmp_path / "data", ("localhost", "127.0.0.1"), time.time_ns())
    with ServerProcess(tmp_path, with_tls(f"admin_port = {free_port()}\n")) as made:
        yield made


class Remote:
    """A blocking peer of the port for remote administration."""

    def __init__(self, server: ServerProcess) -> None:
        self.trust = ssl.create_default_context(cafile=str(server.data / "tls-ca.pem"))
        raw = socket.create_connection(("127.0.0.1", server.ready["admin_port"]), timeout=10)
        self.link = self.trust.wrap_socket(raw, server_hostname="localhost")
        self.file = self.link.makefile("rb")
        self.challenge = bytes.fromhex(self.read()["challenge"])

    def read(self) -> Any:
        line = self.file.readline()
        return json.loads(line) if line else None

    def say(self, **request: Any) -> Any:
        self.link.sendall(json.dumps({"id": 1, **request}).encode() + b"\n")
        return self.read()

    def sign(self, name: str, key: str) -> Any:
        signature = credentials.private_key(SEED)[0].sign(credentials.admin_message(name, key, self.challenge))
        return self.say(verb="logon", principal=name, key=key, signature=signature.hex())


def test_remote_administration_and_a_second_person(server: ServerProcess) -> None:
    assert server.ready["tls"] == ["fix", "binary", "admin"] and "exposed_plain" not in server.ready
    public = credentials.public_hex(credentials.private_key(SEED)[0])
    for name in ("anna", "bert"):
        assert server.ask("admin", ar.DefinePrincipal(name=name)).ok
        assert server.ask("admin", ar.DefineKey(id=f"{name}-1", holder="principal", name=name, kind="ed25519", verifier=public)).ok
        assert server.ask("admin", ar.Grant(principal=name, role="risk_officer", scope="venue:V")).ok
    anna, bert = Remote(server), Remote(server)
    assert anna.sign("anna", "anna-1")["result"]["who"] == "principal:anna" and bert.sign("bert", "bert-1")["ok"]
    assert bert.say(verb="stop")["code"] == codes.R_NOT_AUTHORISED
    assert anna.say(verb="admin", record={"type": "kill", "level": "venue", "target": "V"})["ok"]
    id = anna.say(verb="admin", record={"type": "kill", "level": "venue", "target": "V", "on": False})["result"]["pending"]
    assert anna.say(verb="admin", record={"type": "approve", "id": id})["code"] == codes.R_OWN_ACT
    assert bert.say(verb="pending")["result"]["rows"][0]["who"] == "principal:anna"
    assert bert.say(verb="admin", record={"type": "approve", "id": id})["ok"]
    wait_until(lambda: "(proposed by principal:anna, approved by principal:bert)" in server.log_text())
    stranger = Remote(server)
    assert stranger.sign("anna", "bert-1")["code"] == codes.R_BAD_CREDENTIALS and stranger.read() is None
    assert server.ask("admin", ar.RevokeKey(id="anna-1", reason="lost")).ok
    goodbye = anna.read()
    assert goodbye["code"] == codes.R_KEY_REVOKED and anna.read() is None
    status = server.ask("status").result
    assert status["tls"]["ports"] == ["fix", "binary", "admin"] and not status["tls"]["ends_soon"]
    assert server.stop() == Exit.OK


def test_every_port_speaks_tls_and_nothing_else(server: ServerProcess) -> None:
    for kind in ("fix_port", "binary_port", "admin_port"):
        with socket.create_connection(("127.0.0.1", server.ready[kind]), timeout=10) as plain:
            plain.sendall(b"8=FIX.4.4\x019=5\x0135=A\x01\n" * 20)
            try:
                got = plain.recv(100)
            except ConnectionResetError:
                got = b""
            assert b"exos" not in got and b"8=FIX" not in got
        trust = ssl.create_default_context(cafile=str(server.data / "tls-ca.pem"))
        with (
            socket.create_connection(("127.0.0.1", server.ready[kind]), timeout=10) as raw,
            trust.wrap_socket(raw, server_hostname="localhost"),
        ):
            pass


def test_certificates_are_reloaded_by_sighup_and_by_verb(server: ServerProcess, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    new = make_dev_certificate(tmp_path / "new", ("localhost",), time.time_ns())
    cert, key = server.data / "tls-cert.pem", server.data / "tls-key.pem"
    cert.write_bytes(b"rubbish")
    answer = server.ask("reload_tls")
    assert not answer.ok and answer.text == f"{cert} holds no certificate in PEM form; the certificate in use stays"
    os.kill(server.process.pid, signal.SIGHUP)
    wait_until(lambda: server.log_text().count("tls_not_reloaded") == 2)
    Remote(server)
    cert.write_bytes(new.cert.read_bytes())
    key.write_bytes(new.key.read_bytes())
    os.kill(server.process.pid, signal.SIGHUP)
    wait_until(lambda: "tls_reloaded" in server.log_text())
    with pytest.raises(ssl.SSLCertVerificationError):
        Remote(server)
    (server.data / "tls-ca.pem").write_bytes(new.ca.read_bytes())
    Remote(server)
    assert server.ask("reload_tls").result["reloads"] == 2


OWN = """
[[venue]]
name = "V"

[[market]]
event = "V.CUP"
product = "exactly"
winners = 1
owner_venue = "V"
asset = "USD"
payout = "1.0000"
max_qty = 10_000
max_position = 1_000_000
fees = { model = "quadratic", taker_bps = 100 }
rules = "The winner pays 1.0000, the others nothing."
source = "the referee"
contract = [{ symbol = "V.CUP-A" }, { symbol = "V.CUP-B" }]

[[member]]
firm = "V.F"
venue = "V"
[[member.account]]
name = "V.F-A"

[[rule]]
rule = "no-us"
venue = "V"
effect = "deny"
jurisdiction_in = ["US"]
"""


@pytest.fixture
def exos(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A command as the principal `op`, an operator of venue V, over the port for remote administration: (exit code, stdout, stderr)."""
    private = credentials.private_key(SEED)[0]
    must(server, ar.DefinePrincipal(name="op"), ar.Grant(principal="op", role="venue_operator", scope="venue:V"))
    must(server, ar.DefineKey(id="op-1", holder="principal", name="op", kind="ed25519", verifier=credentials.public_hex(private)))
    file = tmp_path / "op.key"
    file.write_text(credentials.key_file(private, "op-1", "principal op"))
    file.chmod(0o600)
    remote = ("--server", f"localhost:{server.ready['admin_port']}", "--as", "op", "--key-file", file, "--ca", server.data / "tls-ca.pem")

    def go(*words: object) -> tuple[int, str, str]:
        code = cli.main([*map(str, words), *map(str, remote)])
        return code, *capsys.readouterr()

    return go


def must(server: ServerProcess, *records: Any) -> None:
    for record in records:
        answer = server.ask("admin", record)
        assert answer.ok, answer.text


def test_a_venue_s_principal_plans_and_applies_a_whole_file(server: ServerProcess, exos: Any, tmp_path: Path) -> None:
    file, plan = tmp_path / "v.toml", tmp_path / "v.plan"
    file.write_text(OWN)
    code, out, err = exos("config", "plan", file, "-o", plan)
    assert code == Exit.OK, err
    assert out.splitlines()[:4] == ["+ market V.CUP", "+ firm V.F", "+ account V.F-A", "+ rule no-us of V"]
    code, out, err = exos("config", "apply", plan, "--why", "a venue of its own")
    assert code == Exit.OK and "4 applied, 1 unchanged; revision 2" in out, (out, err)
    assert exos("config", "diff", file) == (Exit.OK, "", "")
    assert exos("config", "apply", plan)[0] == Exit.FAILED, "another revision runs"
    # what the platform changes by itself makes a plan old; the operator sees the revision of its own venue and no other
    file.write_text(OWN.replace("taker_bps = 100", "taker_bps = 90"))
    assert exos("config", "plan", file, "-o", plan)[0] == Exit.OK
    must(server, ar.DefineVenue(name="W"), ar.DefineVenue(name="W", title="Another"))
    code, _, err = exos("config", "apply", plan)
    assert code == Exit.FAILED and "the server runs revision 3" in err
    code, out, _ = exos("config", "history")
    assert code == Exit.OK and [line.split()[0] for line in out.splitlines()] == ["revision", "2", "1"] and "a venue of its own" in out
    assert "W" not in out.replace("Why", "")
    answers = [exos("config", "show", number)[2].replace(f"revision {number}", "revision N") for number in (3, 9)]
    assert answers[0] == answers[1] and "there is no revision N: the newest is 2" in answers[0]
    assert "+ market V.CUP" in exos("config", "show", 2)[1]
    # what is not its own is refused as a whole, and prune ends only what its own file made
    file.write_text(OWN + '[[quota]]\nvenue = "V"\nsessions = 100\n')
    code, _, err = exos("config", "apply", file)
    assert code == Exit.FAILED and "quota[0]" in err and "nothing was changed" in err
    file.write_text(OWN[: OWN.index("[[rule]]")])
    code, out, _ = exos("config", "apply", file, "--prune")
    assert code == Exit.OK and "1 applied" in out
    code, out, _ = exos("config", "export", "V")
    assert code == Exit.OK and 'event = "V.CUP"' in out and "[[rule]]" not in out


def test_commands_and_the_sdk_trade_under_tls(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ca, port = server.data / "tls-ca.pem", str(server.ready["binary_port"])
    login = ("--port", port, "--key", "MM1", "--secret", secret_of(1))
    for more, wanted in (
        (("--host", "localhost", "--ca", str(ca)), Exit.OK),
        (("--host", "localhost", "--tls"), Exit.UNREACHABLE),  # of an authority that this system does not know
        (("--host", "localhost"), Exit.UNREACHABLE),  # without TLS
        (("--host", "localhost", "--ca", str(tmp_path / "none.pem")), Exit.USAGE),
    ):
        code = cli.main(["trade", "buy", "CUP-A", "10", "0.25", *login, *more])
        out, err = capsys.readouterr()
        assert code == wanted, (more, out, err)

    async def with_the_sdk() -> Any:
        trust = ssl.create_default_context(cafile=str(ca))
        async with Client("127.0.0.1", int(port), "MM2", secret_of(2), tls=trust, tls_name="localhost", reconnect_s=0) as client:
            return await client.sell("CUP-A", 4, 2500)

    report = asyncio.run(with_the_sdk())
    assert report.cum == 4, "it met the order that the command sent"
    with pytest.raises(Disconnected, match="certificate verify failed"):
        asyncio.run(untrusted(int(port)))


async def untrusted(port: int) -> None:
    async with Client("localhost", port, "MM2", secret_of(2), tls=ssl.create_default_context(), reconnect_s=0):
        pass


def test_the_command_that_has_the_certificate_read_again(server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "new").mkdir()
    new = make_dev_certificate(tmp_path / "new", ("localhost",), time.time_ns())
    (server.data / "tls-cert.pem").write_bytes(new.cert.read_bytes())
    (server.data / "tls-key.pem").write_bytes(new.key.read_bytes())
    assert cli.main(["reload-tls", "--data", str(server.data)]) == Exit.OK
    assert capsys.readouterr().out.startswith("the certificate is valid until 20")
    (server.data / "tls-ca.pem").write_bytes(new.ca.read_bytes())
    Remote(server)
    (server.data / "tls-key.pem").write_bytes(b"rubbish")
    code = cli.main(["reload-tls", "--data", str(server.data)])
    assert code == Exit.FAILED and "the certificate in use stays" in capsys.readouterr().err
    Remote(server)


# ------------------------------------------------------------------------------------------------ what a start refuses
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("admin_port = 9899\n", "server.admin_port: remote administration is under TLS only: set tls_cert and tls_key, or admin_port = 0"),
        ('tls_cert = "c.pem"\n', "server.tls_key: is needed with tls_cert"),
        ('tls_key = "k.pem"\n', "server.tls_cert: is needed with tls_key"),
        (TLS + 'tls_ports = ["fix"]\nadmin_port = 9899\n', "server.tls_ports: remote administration is under TLS only: name admin"),
        (TLS + "admin_port = 9899\nfix_port = 9899\n", "server.admin_port: is 9899, which is also fix_port"),
        (TLS, "tls-cert.pem cannot be read: No such file or directory"),
    ],
)
def test_settings_that_do_not_fit_are_named(tmp_path: Path, settings: str, words: str) -> None:
    config = SMALL.replace("fix_port = 0\n", "") if "fix_port" in settings else SMALL
    try:
        text = refused(tmp_path, config.replace("[server]\n", f"[server]\n{settings}"))
    except Exception as error:
        text = str(error)
    assert words in text


def test_a_certificate_that_is_over_is_refused_and_one_that_ends_soon_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    files = make_dev_certificate(tmp_path / "data", ("localhost",), time.time_ns() - 360 * DAY_NS)
    server = run(tmp_path, with_tls())
    assert server.tls is not None and server.tls.status()["ends_soon"]
    for file in files:
        file.unlink()
    make_dev_certificate(tmp_path / "data", ("localhost",), time.time_ns() - 400 * DAY_NS)
    assert "has expired" in refused(tmp_path, WITHOUT)


def test_plain_ports_beyond_this_machine_need_a_flag(tmp_path: Path) -> None:
    text = refused(tmp_path, SMALL, "--host", "0.0.0.0")
    assert text.startswith("fix and binary would listen without TLS on 0.0.0.0") and "--expose-plain" in text
    assert run(tmp_path, SMALL, "--host", "0.0.0.0", "--expose-plain").exposed_plain == ["fix", "binary"]
    make_dev_certificate(tmp_path / "data", ("localhost",), time.time_ns())
    half = with_tls('tls_ports = ["binary"]\n')
    assert refused(tmp_path, half, "--host", "0.0.0.0").startswith("fix would listen without TLS")
    server = app.Server(options(tmp_path, with_tls(), "--host", "0.0.0.0"), Log())
    assert server.exposed_plain == []
    app.seal(server.recovered, server.options.data)
    assert run(tmp_path, WITHOUT, "--host", "0.0.0.0").tls is not None, "the folder keeps its settings"


def test_the_ready_line_repeats_what_is_exposed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, SMALL, "--host", "0.0.0.0", "--expose-plain") as server:
        assert server.ready["exposed_plain"] == ["fix", "binary"]


def test_who_is_no_operator_is_told_so(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, SMALL.replace("[server]\n", "[server]\noperators = [4711]\n")) as server:
        answer = server.ask("status")
        assert not answer.ok and answer.code == codes.R_NOT_AUTHORISED
        assert answer.text.endswith("is no operator of this server (setting operators of [server]: uid:4711)")


def test_a_start_is_refused_with_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(StartRefused) as error:
        run(tmp_path, with_tls())
    assert error.value.code == Exit.CONFIG and "server.tls_cert" in str(error.value)

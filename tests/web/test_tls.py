"""Under TLS: the listener, the cookie that only travels there, and the header that keeps browsers to it."""

import socket
import ssl
import time
from pathlib import Path

import httpx

from config import admin_records as ar
from exchange_server.certificates import make_dev_certificate
from protocol import credentials

from .rig import CONFIG, FAST, ServerProcess, Web, order, principals, problem, secret_of, wait_until


def test_https(tmp_path: Path) -> None:
    """No server is needed: the process serves what it can without one."""
    files = make_dev_certificate(tmp_path, ["127.0.0.1"], time.time_ns())
    with Web(tmp_path, tmp_path / "none", "--tls-cert", str(files.cert), "--tls-key", str(files.key)) as web:
        assert web.ready["address"] == f"https://127.0.0.1:{web.port}"
        with httpx.Client(base_url=web.ready["address"], verify=ssl.create_default_context(cafile=str(files.ca))) as api:
            wait_until(lambda: "no server runs" in api.get("/v1/status").json()["down"])
            answer = api.get("/v1/status")
            assert answer.status_code == 200 and answer.json()["server"] == "down"
            assert answer.headers["strict-transport-security"].startswith("max-age=")
            down = api.post("/v1/sessions", json={"login": "MM1", "secret": "x"})
            assert down.status_code == 503 and down.json()["name"] == "server_down"
        assert web.stop() == 0


def _reads_what_its_principal_may(server: ServerProcess, mm1: httpx.Client) -> None:
    """`support` is enough for all that a client asks; a right that the process's principal lacks is named as its own, and nothing is said to be down."""
    budget = ar.Budget(session="MM1", asset="USD", max_loss=500_0000)
    assert server.ask("admin", budget).ok
    assert [row["session"] for row in mm1.get("/v1/budget").json()["budgets"]] == ["MM1"]
    assert mm1.get("/v1/waiting-orders").json()["orders"] == []
    for record in (
        ar.Grant(principal="sue", role="market_creator", scope="platform"),
        ar.Revoke(principal="sue", role="support", scope="platform"),
    ):
        assert server.ask("admin", record).ok
    found = problem(mm1.get("/v1/budget"), 501, "web_right")
    assert found["asked"] == "budget" and "the role platform_operator or venue_operator" in found["detail"] and "support" in found["detail"]
    assert mm1.get("/v1/waiting-orders").json()["orders"] == [], "a market creator may ask what waits"
    assert mm1.get("/v1/status").json()["server"] == "up"


def test_everything_behind_it_is_on_another_machine_and_under_tls(tmp_path: Path) -> None:
    """Market data and clients by the binary port, what markets are about and operators by the port for remote administration."""
    (tmp_path / "data").mkdir(mode=0o700)
    files = make_dev_certificate(tmp_path / "data", ("localhost", "127.0.0.1"), time.time_ns())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        admin_port = taken.getsockname()[1]
    settings = f'[server]\ntls_cert = "{files.cert.name}"\ntls_key = "{files.key.name}"\nadmin_port = {admin_port}\n'
    with ServerProcess(tmp_path, CONFIG.replace("[server]\n", settings)) as server:
        tokens = principals(server)
        token = tmp_path / "web.token"
        token.write_text(tokens["sue"])
        where = ("--server", f"localhost:{admin_port}", "--as", "sue", "--key-file", str(token), "--key-id", "sue-1", "--ca", str(files.ca))
        upstream = ("--tls", "--connect", f"localhost:{server.ready['binary_port']}")
        with (
            Web(tmp_path, server.data, *where, *upstream, *FAST, "--public-url", "https://shop.example") as web,
            web.up().logged_on(1) as mm1,
        ):
            assert mm1.post("/v1/orders", json=order()).status_code == 201
            assert mm1.get("/v1/markets/CUP").json()["rules"].startswith("The winner pays")
            _reads_what_its_principal_may(server, mm1)
            with web.operator("anna", tokens) as anna:
                assert anna.get("/v1/operator/markets/CUP").json()["phase"] == "open"
                assert anna.get("/v1/operator/accounts?name=MM1-A").json()["accounts"][0]["open_orders"] == 1
            with web.api() as api:
                log_on = {"principal": "vera", "key_id": "vera-1", "token": tokens["vera"], "cookie": True}
                page = api.post("/v1/sessions", json=log_on, headers={"Origin": "https://shop.example"})
                assert page.status_code == 201 and "; Secure" in page.headers["set-cookie"]
                assert page.headers["strict-transport-security"].startswith("max-age=")
                challenge = api.post("/v1/sessions/challenges", json={"login": "MM2"}).json()
                client = credentials.client_key(secret_of(2), bytes.fromhex(challenge["salt"]), challenge["work"], "MM2")
                proof = credentials.scram_proof(client, credentials.binary_message("MM2", "", bytes.fromhex(challenge["challenge"])))
                answer = api.post("/v1/sessions", json={"login": "MM2", "challenge_id": challenge["challenge_id"], "proof": proof.hex()})
                assert answer.status_code == 201, answer.text
            server.kill()
            wait_until(lambda: mm1.get("/v1/status").json()["server"] == "down")
            with web.api() as api:
                assert api.get("/v1/operator", headers={"Cookie": page.headers["set-cookie"].partition(";")[0]}).status_code == 401

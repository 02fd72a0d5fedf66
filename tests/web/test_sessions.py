"""Logging on over HTTP: by token and by cookie, wrong credentials, tokens that are over, and what a browser must prove."""

import asyncio
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from config import admin_records as ar
from exchange_server.web import challenges
from exchange_server.web.gateway import Gateway, Settings, address_of
from exchange_server.web.link import Knock
from exchange_server.web.parties import Party, WebSession
from exchange_server.web.problems import Refusal
from exchange_server.web.sessions import IDLE_S, LIFE_S, Sessions
from exchange_server.web.words import hashed
from protocol import credentials

from .rig import ServerProcess, Web, order, problem, secret_of, wait_until

CREDENTIALS = {"login": "MM3", "secret": secret_of(3)}


def test_by_token_shared_by_two_and_logged_out(web: Web) -> None:
    with web.api() as api:
        first = api.post("/v1/sessions", json=CREDENTIALS)
        assert first.status_code == 201 and first.headers["cache-control"] == "no-store" and "set-cookie" not in first.headers
        about = first.json()
        assert (about["login"], about["default_account"], about["accounts"], about["csrf_token"]) == ("MM3", "MM3-A", ["MM3-A"], None)
        second = api.post("/v1/sessions", json=CREDENTIALS).json()
        assert second["token"] != about["token"] and second["session"] == about["session"]
        one, two = ({"Authorization": f"Bearer {found['token']}"} for found in (about, second))
        assert api.get("/v1/sessions/current", headers=one).json()["token"] is None
        assert api.delete("/v1/sessions/current", headers=one).json() == {"done": True}
        problem(api.get("/v1/balances", headers=one), 401, "not_logged_on")
        assert api.get("/v1/balances", headers=two).status_code == 200
        api.delete("/v1/sessions/current", headers=two)
        problem(api.get("/v1/balances", headers=two), 401, "not_logged_on")


def test_wrong_credentials_have_one_answer_also_when_the_right_ones_are_logged_on(web: Web, mm1: httpx.Client) -> None:
    with web.api() as api:
        wrong = api.post("/v1/sessions", json={"login": "MM1", "secret": "a guess"})
        problem(wrong, 401, "bad_credentials")
        nobody = api.post("/v1/sessions", json={"login": "NOBODY", "secret": "a guess"})
        found = problem(nobody, 401, "bad_credentials")
        assert (found["code"], found["title"]) == (wrong.json()["code"], wrong.json()["title"])
        assert wrong.headers["www-authenticate"] == "Bearer"
        assert problem(api.post("/v1/sessions", json={"login": "MM1", "password": "x"}), 400, "wire_field")["at"] in (
            "$.secret",
            "$.password",
        )
    assert mm1.get("/v1/balances").status_code == 200


def test_by_cookie_a_change_needs_the_csrf_token(web: Web) -> None:
    with web.api() as api:
        answer = api.post("/v1/sessions", json=CREDENTIALS | {"cookie": True})
        assert answer.status_code == 201 and answer.json()["token"] is None
        cookie, csrf = answer.headers["set-cookie"], answer.json()["csrf_token"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
        assert api.get("/v1/balances").status_code == 200
        assert api.get("/v1/sessions/current").json()["csrf_token"] == csrf
        problem(api.post("/v1/orders/mass-cancel", json={}), 403, "csrf")
        problem(api.post("/v1/orders/mass-cancel", json={}, headers={b"X-CSRF-Token": b"\xc3\xa9"}), 403, "csrf")
        assert (
            problem(api.post("/v1/orders/mass-cancel", json={}, headers={"X-CSRF-Token": "another's"}), 403, "csrf")["at"] == "X-CSRF-Token"
        )
        assert api.post("/v1/orders/mass-cancel", json={}, headers={"X-CSRF-Token": csrf}).status_code == 200
        value = api.cookies["exos_session"]
        gone = api.delete("/v1/sessions/current", headers={"X-CSRF-Token": csrf})
        assert "Max-Age=0" in gone.headers["set-cookie"]
        problem(api.get("/v1/balances", headers={"Cookie": f"exos_session={value}"}), 401, "not_logged_on")


def test_a_token_of_a_script_is_no_cookie(web: Web) -> None:
    """Else a page of another kind could use it without the CSRF token."""
    with web.api() as api:
        token = api.post("/v1/sessions", json=CREDENTIALS).json()["token"]
        problem(api.get("/v1/balances", headers={"Cookie": f"exos_session={token}"}), 401, "not_logged_on")
        api.delete("/v1/sessions/current", headers={"Authorization": f"Bearer {token}"})


def test_pages_of_other_origins_change_nothing_and_open_no_socket(web: Web) -> None:
    own, foreign = f"http://127.0.0.1:{web.port}", "https://shop.example"
    with web.api() as api:
        csrf = api.post("/v1/sessions", json=CREDENTIALS | {"cookie": True}, headers={"Origin": own}).json()["csrf_token"]
        change = {"url": "/v1/orders/mass-cancel", "json": {}}
        assert api.post(**change, headers={"X-CSRF-Token": csrf, "Origin": own}).status_code == 200
        for other in (foreign, "null", f"http://127.0.0.1:{web.port + 1}", f"{own}.example", ""):
            found = problem(api.post(**change, headers={"X-CSRF-Token": csrf, "Origin": other}), 403, "origin")
            assert found["at"] == "Origin"
        problem(api.post("/v1/sessions", json=CREDENTIALS, headers={"Origin": foreign}), 403, "origin")
        assert api.get("/v1/balances", headers={"Origin": foreign}).status_code == 200  # without CORS its answer is not read
        api.delete("/v1/sessions/current", headers={"X-CSRF-Token": csrf})
    with connect(f"ws://127.0.0.1:{web.port}/v1/stream", origin=own) as reader:  # type: ignore[arg-type]
        reader.send('{"op": "subscribe", "channels": [{"channel": "phase"}]}')
        assert "subscribed" in str(reader.recv(timeout=10))
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{web.port}/v1/stream", origin=foreign)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


def ask(settings: Settings, headers: dict[str, str], peer: str = "192.0.2.1") -> Any:
    """A request as the gateway sees it, for its checks."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw, "client": (peer, 1), "query_string": b""})


@pytest.mark.parametrize(
    ("settings", "headers", "good"),
    [
        (Settings(), {"Host": "a.example", "Origin": "https://a.example"}, True),  # behind a proxy that has TLS
        (Settings(), {"Host": "a.example:80", "Origin": "http://a.example"}, False),
        (Settings(), {"Host": "a.example", "Origin": "file://a.example"}, False),
        (Settings(), {"Host": "a.example"}, True),
        (Settings(public="https://a.example"), {"Host": "inside:9800", "Origin": "https://a.example"}, True),
        (Settings(public="https://a.example"), {"Host": "evil.example", "Origin": "https://evil.example"}, False),
        (Settings(public="https://a.example"), {"Host": "a.example", "Origin": "http://a.example"}, False),
        (Settings(origins=("https://shop.example",)), {"Host": "a.example", "Origin": "https://shop.example"}, True),
    ],
)
def test_which_origins_are_ones_own(settings: Settings, headers: dict[str, str], good: bool) -> None:
    gateway = Gateway(None, None, settings, lambda *a, **k: None)  # type: ignore[arg-type]
    if good:
        gateway.check_origin(ask(settings, headers))
    else:
        with pytest.raises(Refusal):
            gateway.check_origin(ask(settings, headers))


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "counted"),
    [
        ("192.0.2.1", "198.51.100.7", (), "192.0.2.1"),  # nobody is believed
        ("192.0.2.1", "198.51.100.7", ("203.0.113.1",), "192.0.2.1"),
        ("192.0.2.1", "198.51.100.7", ("192.0.2.1",), "198.51.100.7"),
        ("192.0.2.1", "1.2.3.4, 198.51.100.7", ("192.0.2.1",), "198.51.100.7"),  # what the client wrote itself is not believed
        ("192.0.2.1", "198.51.100.7, 203.0.113.1", ("192.0.2.1", "203.0.113.1"), "198.51.100.7"),
        ("192.0.2.1", "nonsense", ("192.0.2.1",), "192.0.2.1"),
        ("192.0.2.1", "2001:db8:1:2:3:4:5:6", ("192.0.2.1",), "2001:db8:1:2"),
    ],
)
def test_whose_limit_a_request_behind_a_proxy_takes(peer: str, forwarded: str, proxies: tuple[str, ...], counted: str) -> None:
    assert address_of(ask(Settings(), {"X-Forwarded-For": forwarded}, peer), frozenset(proxies)) == counted


# ---------------------------------------------------------------------------------------------------------- challenges
def proof_of(challenge: dict[str, Any], private: Ed25519PrivateKey, login: str, key_id: str, of: Any = credentials.binary_message) -> str:
    return private.sign(of(login, key_id, bytes.fromhex(challenge["challenge"]))).hex()


def test_a_client_logs_on_by_a_signature_and_its_private_key_stays_with_it(web: Web, exchange: ServerProcess) -> None:
    private = Ed25519PrivateKey.generate()
    key = ar.DefineKey(
        id="MM3-ed", holder="session", name="MM3", kind="ed25519", verifier=credentials.public_hex(private), scopes=("trade", "read", "market_data")
    )  # fmt: skip
    assert exchange.ask("admin", key).ok
    about = {"login": "MM3", "key_id": "MM3-ed"}
    with web.api() as api:

        def challenged() -> dict[str, Any]:
            answer = api.post("/v1/sessions/challenges", json=about)
            assert answer.status_code == 201, answer.text
            found: dict[str, Any] = answer.json()
            return found

        def log_on(challenge: dict[str, Any], proof: str, **more: Any) -> httpx.Response:
            return api.post("/v1/sessions", json=about | {"challenge_id": challenge["challenge_id"], "proof": proof} | more)

        first = challenged()
        problem(log_on(first, proof_of(first, Ed25519PrivateKey.generate(), "MM3", "MM3-ed")), 401, "bad_credentials")
        problem(log_on(first, proof_of(first, private, "MM3", "MM3-ed")), 401, "challenge_over")  # one proof of each
        problem(log_on({"challenge_id": "none"}, "ab" * 64), 401, "challenge_over")
        other = challenged()
        problem(log_on(other, proof_of(other, private, "MM3", "MM3-ed"), login="MM1"), 401, "challenge_over")
        good = challenged()
        one = log_on(good, proof_of(good, private, "MM3", "MM3-ed"))
        assert one.status_code == 201 and one.json()["login"] == "MM3", one.text
        with web.api(one.json()["token"]) as mm3:
            assert mm3.get("/v1/balances").status_code == 200
            placed = mm3.post("/v1/orders", json=order(price="0.02"))
            assert placed.status_code == 201
            # A second one shares the session; the exchange itself judges its proof.
            again = challenged()
            two = log_on(again, proof_of(again, private, "MM3", "MM3-ed"))
            assert two.status_code == 201 and two.json()["session"] == one.json()["session"], two.text
            wrong = challenged()
            problem(log_on(wrong, proof_of(wrong, Ed25519PrivateKey.generate(), "MM3", "MM3-ed")), 401, "bad_credentials")
            assert mm3.delete(f"/v1/orders/by-client-id/{placed.json()['client_order_id']}").status_code == 200
            assert mm3.delete("/v1/sessions/current").status_code == 200
        with web.api(two.json()["token"]) as mm3:
            assert exchange.ask("admin", ar.RevokeKey(id="MM3-ed")).ok
            wait_until(lambda: mm3.get("/v1/balances").status_code == 401)


def test_a_shared_secret_is_not_sent_either(web: Web) -> None:
    with web.api() as api:
        for _ in range(2):  # right after one session ended the next one waits for that
            found = api.post("/v1/sessions/challenges", json={"login": "MM3"}).json()
            client = credentials.client_key(secret_of(3), bytes.fromhex(found["salt"]), found["work"], "MM3")
            proof = credentials.scram_proof(client, credentials.binary_message("MM3", "", bytes.fromhex(found["challenge"]))).hex()
            answer = api.post("/v1/sessions", json={"login": "MM3", "challenge_id": found["challenge_id"], "proof": proof})
            assert answer.status_code == 201, answer.text
            token = {"Authorization": f"Bearer {answer.json()['token']}"}
            # By the secret itself it is the same session, and it is judged by the exchange.
            assert api.post("/v1/sessions", json=CREDENTIALS | {"secret": "a guess"}).status_code == 401
            same = api.post("/v1/sessions", json=CREDENTIALS)
            assert same.status_code == 201 and same.json()["session"] == answer.json()["session"]
            for held in (token, {"Authorization": f"Bearer {same.json()['token']}"}):
                assert api.delete("/v1/sessions/current", headers=held).status_code == 200


def test_a_principal_logs_on_by_a_signature(web: Web, exchange: ServerProcess, tokens: dict[str, str]) -> None:
    private = Ed25519PrivateKey.generate()
    public = credentials.public_hex(private)
    assert tokens and exchange.ask("admin", ar.DefineKey(id="sue-ed", holder="principal", name="sue", kind="ed25519", verifier=public)).ok
    about = {"principal": "sue", "key_id": "sue-ed"}
    with web.api() as api:
        found = api.post("/v1/sessions/challenges", json=about).json()
        assert found["salt"] is None and found["work"] is None
        proof = proof_of(found, private, "sue", "sue-ed", credentials.admin_message)
        answer = api.post("/v1/sessions", json=about | {"challenge_id": found["challenge_id"], "proof": proof})
        assert answer.status_code == 201 and answer.json()["roles"][0]["role"] == "support", answer.text
        problem(api.post("/v1/sessions", json=about | {"challenge_id": found["challenge_id"], "proof": proof}), 401, "challenge_over")
        wrong = api.post("/v1/sessions/challenges", json=about).json()
        proof = proof_of(wrong, private, "sue", "sue-ed")  # for the other port
        problem(api.post("/v1/sessions", json=about | {"challenge_id": wrong["challenge_id"], "proof": proof}), 401, "bad_credentials")


def test_a_challenge_is_over_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]

    class Connection(Knock):
        def __init__(self) -> None:
            self.lost = False

        def close(self) -> None:
            self.lost = True

    async def run() -> None:
        table = challenges.Challenges(lambda: now[0])
        monkeypatch.setattr(challenges, "MOST", 2)
        old, _ = table.put("client", "A", "", Connection())
        kept, made = table.put("client", "A", "", Connection())
        with pytest.raises(Refusal, match="wait for their answer"):
            table.admit()
        assert table.take(kept, "client", "A", "") is made
        now[0] += challenges.LIFE_S + 0.01
        table.admit()
        with pytest.raises(Refusal):
            table.take(old, "client", "A", "")

    asyncio.run(run())


# -------------------------------------------------------------------------------------------------------------- tokens
def party() -> Party:
    return Party("A")


@pytest.mark.parametrize(("later", "alive"), [(IDLE_S - 1, True), (IDLE_S, False)])
async def test_a_session_ends_when_it_is_not_used(later: float, alive: bool) -> None:
    now = [1000.0]
    table = Sessions(None, None, lambda *a, **k: None, lambda: now[0])  # type: ignore[arg-type]
    session = WebSession(party(), False, now[0])
    table._by_key[session.key] = session
    now[0] += later
    assert (table.find(session.token) is session) is alive
    assert len(table) == int(alive)
    await asyncio.sleep(0)


async def test_a_session_ends_after_its_life_however_it_is_used_and_a_stream_token_is_used_once() -> None:
    now = [1000.0]
    table = Sessions(None, None, lambda *a, **k: None, lambda: now[0])  # type: ignore[arg-type]
    session = WebSession(party(), False, now[0])
    table._by_key[session.key] = session
    token, _ = table.stream_token(session)
    assert table.take_stream_token(token) is session and table.take_stream_token(token) is None
    late, ends = table.stream_token(session)
    now[0] = ends + 1
    assert table.take_stream_token(late) is None
    while now[0] < 1000 + LIFE_S - 1000:
        now[0] += 1000
        assert table.find(session.token) is session
    now[0] = 1000 + LIFE_S
    table.sweep()
    assert table.find(session.token) is None and hashed(session.token) not in table._by_key
    await asyncio.sleep(0)

"""Logging on over HTTP: by token and by cookie, wrong credentials, tokens that are over, and what a browser must prove."""

import asyncio
from typing import Any

import httpx
import pytest

from exchange_server.web.sessions import IDLE_S, LIFE_S, Sessions, WebSession, hashed

from .rig import Web, problem, secret_of

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
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        assert api.get("/v1/balances").status_code == 200
        assert api.get("/v1/sessions/current").json()["csrf_token"] == csrf
        problem(api.post("/v1/orders/mass-cancel", json={}), 403, "not_authorised")
        problem(api.post("/v1/orders/mass-cancel", json={}, headers={b"X-CSRF-Token": b"\xc3\xa9"}), 403, "not_authorised")
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


class Login:
    def __init__(self) -> None:
        self.users: set[Any] = set()
        self.trader = self

    async def close(self) -> None:
        pass

    def _report(self, report: Any) -> None:
        pass


@pytest.mark.parametrize(("later", "alive"), [(IDLE_S - 1, True), (IDLE_S, False)])
async def test_a_session_ends_when_it_is_not_used(later: float, alive: bool) -> None:
    now = [1000.0]
    table = Sessions(None, lambda *a, **k: None, lambda: now[0])  # type: ignore[arg-type]
    session = WebSession(Login(), False, now[0])  # type: ignore[arg-type]
    table._by_key[session.key] = session
    now[0] += later
    assert (table.find(session.token) is session) is alive
    assert len(table) == int(alive)
    await asyncio.sleep(0)


async def test_a_session_ends_after_its_life_however_it_is_used_and_a_stream_token_is_used_once() -> None:
    now = [1000.0]
    table = Sessions(None, lambda *a, **k: None, lambda: now[0])  # type: ignore[arg-type]
    session = WebSession(Login(), False, now[0])  # type: ignore[arg-type]
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

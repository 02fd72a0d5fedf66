"""Orders over HTTP: what the answers say, and that one id is one order whatever happens."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from .rig import CONFIG, FAST, ServerProcess, Web, new_id, order, problem, secret_of, wait_until


def entered(api: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = api.post("/v1/orders", json=order(**more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_order_its_state_and_the_same_order_again(mm1: httpx.Client) -> None:
    body = order(price="0.12", quantity="7")
    first = mm1.post("/v1/orders", json=body)
    assert first.status_code == 201
    found = first.json()
    assert (found["status"], found["price"], found["quantity"], found["open"]) == ("new", "0.1200", "7", "7")
    again = mm1.post("/v1/orders", json=body)
    assert again.status_code == 200 and again.json()["order_id"] == found["order_id"]
    problem(mm1.post("/v1/orders", json=body | {"price": "0.13"}), 409, "id_used")
    assert sum(one["order_id"] == found["order_id"] for one in mm1.get("/v1/orders").json()["orders"]) == 1
    for address in (f"/v1/orders/by-client-id/{body['client_order_id']}", f"/v1/orders/{found['order_id']}"):
        one = mm1.get(address).json()
        assert (one["order_id"], one["status"], one["client_order_id"]) == (found["order_id"], "new", body["client_order_id"])
    gone = mm1.delete(f"/v1/orders/by-client-id/{body['client_order_id']}").json()
    assert (gone["status"], gone["open"], gone["reason"], gone["client_order_id"]) == (
        "canceled",
        "0",
        "user_cancel",
        body["client_order_id"],
    )
    problem(mm1.delete(f"/v1/orders/by-client-id/{body['client_order_id']}"), 409, "order_closed")
    assert mm1.get(f"/v1/orders/{found['order_id']}").json()["status"] == "canceled"


def test_the_same_order_many_times_at_once_is_one_order(mm1: httpx.Client) -> None:
    for _ in range(5):
        body = order(price="0.11", quantity="3")
        address = f"/v1/orders/by-client-id/{body['client_order_id']}"
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(mm1.get, address) if n % 2 else pool.submit(mm1.post, "/v1/orders", json=body) for n in range(16)]
        entered = [one.result() for one in asked[::2]]
        assert all(one.status_code in (200, 201) for one in entered), [one.text for one in entered if one.status_code > 201]
        assert len({one.json()["order_id"] for one in entered}) == 1
        assert all(one.result().status_code in (200, 404) for one in asked[1::2])
        assert mm1.delete(address).status_code == 200


def test_a_trade_is_in_fills_positions_statement_and_on_the_tape(web: Web, mm1: httpx.Client, mm2: httpx.Client) -> None:
    before = mm1.get("/v1/fills").json()["fills"]
    held = {one["contract"]: one["position"] for one in mm1.get("/v1/positions").json()["positions"]}.get("CUP-C", "0")
    cash = mm1.get("/v1/balances").json()["balances"][0]["cash"]
    mine = entered(mm1, contract="CUP-C", price="0.30", quantity="5")
    theirs = entered(
        mm2, contract="CUP-C", side="buy", contract_side="no", price="0.70", quantity="5"
    )  # buying NO at 0.70 is selling YES at 0.30
    assert (theirs["status"], theirs["filled"], theirs["average_price"]) == ("filled", "5", "0.700000")
    fills = mm1.get("/v1/fills", params={"limit": 500}).json()["fills"]
    assert len(fills) == len(before) + 1
    fill = fills[-1]
    assert (fill["order_id"], fill["price"], fill["quantity"], fill["liquidity"]) == (mine["order_id"], "0.3000", "5", "maker")
    paged, cursor = [], ""
    while cursor is not None:
        page = mm1.get("/v1/fills", params={"limit": 1, "cursor": cursor}).json()
        paged += page["fills"]
        cursor = page["next_cursor"]
    assert paged == fills
    now = {one["contract"]: one["position"] for one in mm1.get("/v1/positions").json()["positions"]}
    assert float(now["CUP-C"]) == float(held) + 5
    entry = mm1.get("/v1/statement", params={"limit": 500}).json()["entries"][-1]
    assert (entry["kind"], entry["amount"], entry["trade_id"]) == ("fill", "-1.5000", fill["trade_id"])
    assert float(mm1.get("/v1/balances").json()["balances"][0]["cash"]) == pytest.approx(float(cash) - 1.5)
    with web.api() as api:
        wait_until(lambda: api.get("/v1/contracts/CUP-C/trades").json()["trades"])
        trade = api.get("/v1/contracts/CUP-C/trades").json()["trades"][0]
        assert (trade["trade_id"], trade["price"], trade["taker_side"]) == (fill["trade_id"], "0.3000", "sell")
        assert api.get("/v1/contracts/CUP-C/candles", params={"interval": "1d"}).json()["candles"][-1]["close"] == "0.3000"
        assert api.get("/v1/contracts/CUP-C/statistics").json()["last"] == "0.3000"


def test_replace_and_mass_cancel(mm1: httpx.Client) -> None:
    mm1.post("/v1/orders/mass-cancel", json={})
    one = entered(mm1, contract="CUP-B", price="0.20", quantity="5")
    entered(mm1, contract="CUP-B", price="0.19", quantity="5")
    new = new_id()
    changed = mm1.put(f"/v1/orders/by-client-id/{one['client_order_id']}", json={"client_order_id": new, "price": "0.21", "quantity": "6"})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["order_id"], changed.json()["client_order_id"], changed.json()["price"]) == (one["order_id"], new, "0.2100")
    listed = mm1.get("/v1/orders", params={"contract": "CUP-B", "limit": 1}).json()
    assert len(listed["orders"]) == 1 and listed["next_cursor"]
    assert len(mm1.get("/v1/orders", params={"contract": "CUP-B", "cursor": listed["next_cursor"]}).json()["orders"]) == 1
    assert mm1.post("/v1/orders/mass-cancel", json={"scope": "contract", "contract": "CUP-B"}).json() == {"canceled": 2}
    problem(mm1.post("/v1/orders/mass-cancel", json={"scope": "contract"}), 400, "wire_field")


def test_a_refusal_has_its_number_and_its_numbers(mm1: httpx.Client) -> None:
    found = problem(mm1.post("/v1/orders", json=order(quantity="10001")), 422, "qty_too_large")
    assert (found["limit"], found["asked"], found["code"] > 0) == ("10000", "10001", True)
    found = problem(
        mm1.post("/v1/orders", json=order(price="0.99", quantity="10000", contract="CUP-B") | {"account": "MM2-A"}), 404, "unknown_account"
    )
    assert found["asked"] == "MM2-A"
    assert problem(mm1.post("/v1/orders", json=order(price="0.12345")), 400, "wire_field")["at"] == "$.price"
    assert problem(mm1.post("/v1/orders", json=order(price=None)), 400, "wire_field")["at"] == "$.price"
    assert (
        problem(mm1.post("/v1/orders", json=order(expires_at="tomorrow", time_in_force="gtd")), 400, "wire_field")["at"] == "$.expires_at"
    )
    problem(mm1.post("/v1/orders", json=order(price="1.50")), 422, "price_out_of_range")


def test_what_is_another_firms_is_answered_like_what_is_not_there(mm1: httpx.Client, mm2: httpx.Client) -> None:
    one = entered(mm1, contract="CUP-B", price="0.05")
    none, theirs = mm2.get("/v1/orders/987654321"), mm2.get(f"/v1/orders/{one['order_id']}")
    assert problem(theirs, 404, "unknown_order") and theirs.content == none.content
    for method, more in (("GET", {}), ("DELETE", {}), ("PUT", {"json": {"client_order_id": new_id(), "price": "0.1", "quantity": "1"}})):
        theirs = mm2.request(method, f"/v1/orders/by-client-id/{one['client_order_id']}", **more)
        none = mm2.request(method, "/v1/orders/by-client-id/987654321", **more)
        assert problem(theirs, 404, "unknown_order") and theirs.content == none.content, method
    for address in ("/v1/orders", "/v1/balances", "/v1/positions", "/v1/requirements"):
        theirs, none = mm2.get(address, params={"account": "MM1-A"}), mm2.get(address, params={"account": "XX1-A"})
        assert problem(theirs, 404, "unknown_account") and theirs.text.replace("MM1-A", "XX1-A") == none.text
    assert mm1.get(f"/v1/orders/by-client-id/{one['client_order_id']}").json()["status"] == "new"


def test_an_idempotency_key_gets_the_same_answer(mm1: httpx.Client) -> None:
    mm1.post("/v1/orders/mass-cancel", json={})
    entered(mm1, contract="CUP-B", price="0.06")
    key = {"Idempotency-Key": new_id()}
    first = mm1.post("/v1/orders/mass-cancel", json={}, headers=key)
    assert first.json() == {"canceled": 1}
    entered(mm1, contract="CUP-B", price="0.06")
    assert mm1.post("/v1/orders/mass-cancel", json={}, headers=key).content == first.content
    problem(mm1.post("/v1/orders/mass-cancel", json={"scope": "firm"}, headers=key), 409, "key_reused")
    assert mm1.post("/v1/orders/mass-cancel", json={}).json() == {"canceled": 1}


@pytest.fixture
def own(tmp_path: Path) -> Any:
    with ServerProcess(tmp_path, CONFIG) as server:
        yield server


def log_on(web: Web) -> httpx.Client:
    """As soon as the server has noticed that the connection of the web process before is gone."""
    found: list[httpx.Client] = []

    def tried() -> bool:
        with web.api() as api:
            answer = api.post("/v1/sessions", json={"login": "MM1", "secret": secret_of(1)})
        if answer.status_code == 201:
            found.append(web.api(answer.json()["token"]))
        return bool(found)

    wait_until(tried, 20)
    return found[0]


def test_an_answer_that_does_not_come_in_time_is_unknown_and_asked_for_by_client_id(own: ServerProcess, tmp_path: Path) -> None:
    with Web(tmp_path, own.data, *FAST) as web:
        api, body = log_on(web.up()), order()
        own.process.send_signal(signal.SIGSTOP)
        try:
            found = problem(api.post("/v1/orders", json=body), 504, "answer_unknown")
        finally:
            own.process.send_signal(signal.SIGCONT)
        assert found["limit"] == "5000"
        wait_until(lambda: api.get(f"/v1/orders/by-client-id/{body['client_order_id']}").status_code == 200)
        assert api.post("/v1/orders", json=body).status_code == 200
        assert len(api.get("/v1/orders").json()["orders"]) == 1


def test_a_web_process_killed_in_the_middle_of_orders_makes_one_of_each(own: ServerProcess, tmp_path: Path) -> None:
    """kill -9 while the exchange has the order and has not answered, and at other moments. The client asks by its id, and sends the same again."""
    bodies = [order(price=f"0.{10 + n}") for n in range(4)]
    for n, body in enumerate(bodies):
        with Web(tmp_path, own.data, *FAST) as web:
            with log_on(web.up()) as api:
                if n % 2 == 0:
                    own.process.send_signal(signal.SIGSTOP)
                try:
                    with pytest.raises(httpx.HTTPError):
                        _send_and_kill(web, api, body, 0.3 if n % 2 == 0 else 0.0)
                finally:
                    own.process.send_signal(signal.SIGCONT)
        with Web(tmp_path, own.data, *FAST) as web, log_on(web.up()) as api:
            asked = api.get(f"/v1/orders/by-client-id/{body['client_order_id']}")
            again = api.post("/v1/orders", json=body)
            assert again.status_code == (200 if asked.status_code == 200 else 201), (asked.text, again.text)
            listed = [one["client_order_id"] for one in api.get("/v1/orders").json()["orders"]]
            assert listed == [one["client_order_id"] for one in bodies[: n + 1]]
    assert own.ask("accounts").result["open_orders"] == len(bodies)


def _send_and_kill(web: Web, api: httpx.Client, body: dict[str, Any], after_s: float) -> None:
    import threading

    def kill() -> None:
        time.sleep(after_s)
        web.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        api.post("/v1/orders", json=body)
        killer.join()
        api.get("/v1/status")
    finally:
        killer.join()

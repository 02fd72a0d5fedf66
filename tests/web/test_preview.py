"""What an order would cost and tie up, before it is sent: reckoned examples, and the same as the exchange says when it is there."""

from typing import Any

import httpx
import pytest

from exchange_server.web.preview import Fees, at_market, fee_most, preview, worst
from protocol import codes
from protocol import messages as M
from tests.web.rig import order, problem, wait_until

P = 10_000


def contract(product: int = codes.EXACTLY, k: int = 1, n: int = 3, instrument: int = 1) -> M.Definition:
    return M.Definition(
        instrument,
        f"C{instrument}",
        1,
        instrument - 1,
        product,
        k,
        n,
        P,
        1,
        "USD",
        4,
        "",
        0,
        4,
        0,
        1,
        P - 1,
        1,
        1,
        10_000,
        [(1, P - 1, 1)],
        codes.PH_OPEN,
    )


def row(instrument: int, position: int, value: int, buys: int = 0, sells: int = 0) -> M.Position:
    return M.Position(1, 1, instrument, position, 0, 0, buys, sells, value)


def need(required: int, buys: int, worst_case: int) -> M.Requirement:
    return M.Requirement(1, 1, 1, 1, required, buys, worst_case)


def test_buying_yes_and_no() -> None:
    yes = preview(contract(), (), True, False, 4000, 10, None, {})
    assert (yes.notional, yes.total, yes.payout, yes.if_yes, yes.if_no) == (40_000, 40_000, 100_000, 60_000, -40_000)
    assert (yes.tied_before, yes.tied_after, yes.known) == (0, 40_000, True)
    no = preview(contract(), (), True, True, 4000, 10, None, {})
    assert (no.total, no.if_yes, no.if_no, no.tied_after) == (40_000, -40_000, 60_000, 40_000)


def test_selling_brings_the_price_less_the_fee() -> None:
    found = preview(contract(), (Fees("minimum", 0, 100),), False, False, 4000, 10, None, {})
    assert (found.fee, found.total, found.tied_after) == (400, 39_600, 60_400)  # domain.md: flat, sell 10 at 0.40: 6.00


def test_a_sell_of_what_is_held_ties_up_nothing() -> None:
    held = {1: row(1, 10, 100_000)}
    found = preview(contract(n=1, product=codes.AT_MOST), (), False, False, 6200, 10, need(0, 0, 0), held)
    assert (found.tied_before, found.tied_after) == (0, 0)


def test_bids_on_all_outcomes() -> None:
    """domain.md: exactly 1 of 3, bids 10 at 0.30 on all three: 9.00 would be tied up; the third is asked for here."""
    held = {2: row(2, 0, 30_000, buys=30_000), 3: row(3, 0, 30_000, buys=30_000)}
    found = preview(contract(), (), True, False, 3000, 10, need(60_000, 60_000, 0), held)
    assert (found.tied_after, found.known) == (90_000, True)


def test_a_short_of_two_names() -> None:
    """domain.md: exactly 1 of 3, short on A and on B: 1.00 in all."""
    found = preview(contract(), (), False, False, 3000, 1, need(10_000, 0, -10_000), {2: row(2, -1, -10_000)})
    assert found.tied_after == 10_000 and found.tied_before == 10_000


def test_what_cannot_be_reckoned_is_said() -> None:
    assert not preview(contract(), (), True, False, 3000, 1, need(5, 0, -5), {}).known


def test_worst_of_at_most() -> None:
    assert worst(contract(codes.AT_MOST, 1, 3), {1: 5, 2: 7}, 0) == 0
    assert worst(contract(codes.AT_MOST, 2, 3), {1: -5, 2: -7, 3: 1}, 0) == -12
    assert worst(contract(codes.EXACTLY, 2, 3), {1: 5, 2: 7, 3: 9}, 0) == 12
    assert worst(contract(codes.EXACTLY, 1, 3), {1: 5, 2: 7}, 1) == 5


@pytest.mark.parametrize(("fees", "most"), [(Fees("quadratic", 0, 100), 240), (Fees("notional", 50, 10), 200), (Fees("minimum", -5, 0), 0)])
def test_fees(fees: Fees, most: int) -> None:
    assert fee_most(contract(), (fees,), 4000, 10) == most
    assert fee_most(contract(), (fees, Fees("notional", 100, 100)), 4000, 10) == 400


def test_a_market_order_goes_as_far_as_its_protection() -> None:
    assert at_market(contract(), {"protection": 500}, True, 4000, 4200) == 4700
    assert at_market(contract(), {"protection": 500}, False, 400, 4200) == 1
    assert at_market(contract(), {}, True, 4000, None) is None


# ------------------------------------------------------------------------------------------------------ with an exchange
def asked(body: dict[str, object]) -> dict[str, object]:
    return {name: body[name] for name in ("contract", "side", "price", "quantity", "contract_side") if name in body}


@pytest.mark.parametrize(
    ("side", "contract_side", "price", "symbol"),
    [("buy", "yes", "0.11", "CUP-B"), ("buy", "no", "0.13", "CUP-C"), ("sell", "yes", "0.91", "CUP-B"), ("sell", "no", "0.92", "CUP-C")],
)
def test_the_exchange_ties_up_what_was_said(mm2: httpx.Client, side: str, contract_side: str, price: str, symbol: str) -> None:
    body = order(side, price, "17", contract=symbol, contract_side=contract_side)
    said = mm2.post("/v1/orders/preview", json=asked(body)).json()
    made = mm2.post("/v1/orders", json=body)
    assert made.status_code == 201, made.text
    try:
        (now,) = [one for one in mm2.get("/v1/requirements").json()["requirements"] if one["market"] == "CUP"]
        (money,) = [one for one in mm2.get("/v1/balances").json()["balances"] if one["asset"] == "USD"]
        assert (said["required_after"], said["available_after"]) == (now["required"], money["available"])
        assert said["enough"] is True and said["required_asset"] == "USD"
    finally:
        mm2.delete(f"/v1/orders/by-client-id/{body['client_order_id']}")


def test_the_fee_is_that_of_the_venue_through_which_one_trades(
    anna: httpx.Client, willy: httpx.Client, mm2: httpx.Client, web: Any
) -> None:
    """V's market costs 1 %, W offers it at 4 %. MM2 trades through the platform, the user of W through W."""
    market = {
        "market": "BOTH", "product": "at_most", "winners": 1, "venue": "V", "asset": "USD", "payout": "1.0000", "contracts": [{"contract": "BOTH"}],
        "max_quantity": "1000", "max_position": "5000", "fees": {"model": "quadratic", "taker_bps": 100}, "rules": "It is decided.", "source": "the referee",
        "bands": [{"low": "0.0100", "high": "0.9900", "step": "0.0100"}], "sharing": "shared", "admits": ["W"], "title": "Two doors", "cut_off": "none",
        "void": {"who": "the venue", "trigger": "no answer"},
    }  # fmt: skip
    listing = {"venue": "W", "market": "BOTH", "fees": {"model": "quadratic", "taker_bps": 400}}
    for act, body in (("market", market), ("listing", listing), ("phase", {"market": "BOTH", "phase": "open"})):
        answer = anna.post(f"/v1/operator/acts/{act}", json=body)
        assert answer.status_code == 200, answer.text
    user = {"user": "W.door", "venue": "W", "deposit": {"key": "W.door-1", "asset": "USD", "amount": "50.00"}}
    made = willy.post("/v1/operator/users", json=user).json()
    with web.api() as api:
        token = api.post("/v1/sessions", json={"login": "W.door", "key_id": made["key_id"], "secret": made["secret"]}).json()["token"]
    question = {"contract": "BOTH", "side": "buy", "price": "0.50", "quantity": "20"}
    with web.api(token) as theirs:
        wait_until(lambda: theirs.post("/v1/orders/preview", json=question).status_code == 200)
        wait_until(lambda: mm2.post("/v1/orders/preview", json=question).json().get("fee") == "0.0500")
        wait_until(lambda: theirs.post("/v1/orders/preview", json=question).json()["fee"] == "0.2000")
        resting = order("sell", "0.50", "20", contract="BOTH")
        assert mm2.post("/v1/orders", json=resting).status_code == 201
        assert theirs.post("/v1/orders", json=order(**question)).json()["status"] == "filled"
        assert theirs.get("/v1/fills").json()["fills"][-1]["fee"] == "0.2000"


def test_what_is_wrong_is_named(mm2: httpx.Client, web: object) -> None:
    good = {"contract": "CUP-A", "side": "buy", "price": "0.40", "quantity": "10"}
    problem(mm2.post("/v1/orders/preview", json=good | {"contract": "NO"}), 404, "unknown_instrument")
    problem(mm2.post("/v1/orders/preview", json=good | {"price": "1.40"}), 422, "price_out_of_range")
    assert problem(mm2.post("/v1/orders/preview", json=good | {"quantity": "0"}), 400, "wire_field")["at"] == "$.quantity"
    assert problem(mm2.post("/v1/orders/preview", json=good | {"type": "market"}), 400, "wire_field")["at"] == "$.price"
    problem(mm2.post("/v1/orders/preview", json=good | {"account": "MM1-A"}), 404, "unknown_account")
    with web.api() as nobody:  # type: ignore[attr-defined]
        problem(nobody.post("/v1/orders/preview", json=good), 401, "not_logged_on")

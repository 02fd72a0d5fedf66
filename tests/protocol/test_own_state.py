"""`Client.account`, `fills` and `rebuild` against a real exchange on a port; the example of docs/binary.md as it stands there."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from protocol import account_messages as AM
from protocol import codes
from protocol import messages as M
from protocol.client import Client, ClientError, Disconnected
from protocol.own_state import OwnState, Queries
from tests.protocol.client_rig import Rig
from tests.protocol.test_client import client_of, until

SPAIN = "WC26-WIN-ESP"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "binary.md"


async def test_own_state_in_the_units_that_people_write(rig: Rig) -> None:
    async with client_of(rig) as one, client_of(rig, "MM2") as two:
        await two.buy(SPAIN, 5, 4000)
        order = await one.sell(SPAIN, 8, 3900)
        await until(lambda: order.cum == 5)
        before = one.next_number
        state = await one.account()
        assert state.number == before and list(state.accounts) == ["MM1-A"]
        mine = state.accounts["MM1-A"]
        usd = mine.balances["USD"]
        assert mine.position(SPAIN) == "-5" and mine.position("BTC-USD") == "0" and mine.cash("EUR") == "0"
        places = usd.decimals
        assert [int(text.replace(".", "")) for text in (mine.cash("USD"), mine.locked("USD"), mine.available("USD"))] == [
            usd.cash,
            usd.locked,
            usd.available,
        ]
        assert mine.cash("USD")[-places - 1] == "."
        (only,) = state.orders
        assert state.line(only) == f"order {order.id}: sell 8 {SPAIN} at 0.3900, 5 filled, 3 open"
        assert state.limits is not None and state.stopped() == [] and len(mine.requirements) == 1
        small = await one.account("MM1-A", parts=AM.PART_ORDERS, instrument=SPAIN)
        assert len(small.orders) == 1 and small.limits is None and small.accounts["MM1-A"].balances == {}
        with pytest.raises(ClientError, match=r"there is no account 77 .*unknown_account"):
            await one.account(77)
        with pytest.raises(ClientError, match="there is no account 'X'"):
            await one.account("X")
    with pytest.raises(Disconnected):
        await one.account()


async def test_fills_again(rig: Rig) -> None:
    seen: list[M.Numbered] = []
    async with client_of(rig, on_report=lambda r, o: seen.append(r)) as one, client_of(rig, "MM2") as two:
        for _ in range(4):
            await two.buy(SPAIN, 5, 4000)
            await one.finished(await one.sell(SPAIN, 5, 4000))
        fills = [r for r in seen if isinstance(r, M.Fill)]
        count = len(seen)
        assert await one.fills() == fills and len(fills) == 4
        assert await one.fills(after_trade=fills[1].trade) == fills[2:]
        with pytest.raises(ClientError, match="resume_unknown"):
            await one.fills(10_000)
        assert len(seen) == count, "they are not reported a second time"


async def test_a_client_without_memory_rebuilds_its_orders(rig: Rig) -> None:
    """A new program without `next_number`: after `rebuild` it follows its orders as if it had never been away."""
    async with client_of(rig, first_id=100) as one:
        orders = [await one.buy(SPAIN, 10, 1000 + i) for i in range(5)]
        await one.cancel(orders[0])
        await one.replace(orders[1], price=1500)
        kept = {o.order: (o.id, o.price, o.qty, o.cum, o.leaves, o.side) for o in one.orders.values()}
    async with client_of(rig, first_id=1000) as again, client_of(rig, "MM2") as two:
        assert again.orders == {}
        state = await again.rebuild()
        assert {o.order: (o.id, o.price, o.qty, o.cum, o.leaves, o.side) for o in again.orders.values()} == kept and len(state.orders) == 4
        first = max(again.orders.values(), key=lambda o: o.price)
        await two.sell(SPAIN, 4, 1400)
        await until(lambda: first.cum == 4)
        assert (first.leaves, first.status, first.notional) == (6, codes.ST_PARTIAL, 4 * 1500)
        await again.cancel(first)
        assert not first.open and first.id not in again.orders


async def test_a_client_that_missed_its_orders_ends_is_put_right(rig: Rig) -> None:
    """Reports that were lost: an order that the client holds for open was filled, another the exchange does not know at all."""
    async with client_of(rig) as one, client_of(rig, "MM2") as two:
        order = await one.buy(SPAIN, 5, 2000)
        kept = await one.buy(SPAIN, 5, 1000)
        report = one.tracker.apply
        one.tracker.apply = lambda r: None if isinstance(r, M.Fill) else report(r)  # type: ignore[method-assign]
        await two.sell(SPAIN, 5, 2000)
        await two.sell(SPAIN, 2, 1000)
        await until(lambda: one.next_number == 6)
        one.tracker.apply = report  # type: ignore[method-assign]
        ghost = M.OpenOrder(1, 999, 424242, "", 1, 1, 1, 1, 2, 1, 1, 0, 5, 5, 0, 5, 0, 0, 0, 1, 0)
        lost = one.tracker.restore(ghost)
        assert order.cum == 0 and kept.cum == 0 and order.open
        await one.rebuild()
        assert (order.status, order.cum) == (codes.ST_FILLED, 5) and (kept.cum, kept.leaves) == (2, 3)
        assert not lost.open and list(one.orders) == [kept.id]


async def test_a_request_waits_for_the_next_connection(rig: Rig) -> None:
    async with client_of(rig) as one:
        await one.buy(SPAIN, 5, 2000)
        rig.mute = True
        asked = [one.account(), one.fills()]
        tasks = [asyncio.ensure_future(one_) for one_ in asked]
        await asyncio.sleep(0.05)
        rig.mute = False
        for peer in list(rig.peers):
            peer.transport.abort()
        state, fills = await asyncio.wait_for(asyncio.gather(*tasks), 10)
        assert len(state.orders) == 1 and fills == [] and one.connects == 2


async def test_the_example_of_the_page(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(from protocol\.client.*?)```", PAGE.read_text(), re.S)
    code = code.replace("9890", str(rig.port))
    body = "async def run():\n" + "".join(f"    {line}\n" for line in code.splitlines())
    names: dict[str, Any] = {}
    exec(body, names)
    await names["run"]()
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"[\d.]+ 2\.5[\d]+ [\d.]+ 0", lines[0]) and "buy 10 WC26-WIN-ESP at 0.2500, 0 filled, 10 open" in lines[1]
    assert "buy 10 of" in lines[2]


def test_answers_of_nobody_are_dropped() -> None:
    queries = Queries({})
    got: list[Any] = []
    queries.add(M.AccountRequest(5), got.append)
    for message in (
        M.AccountState(9, 1, 1, 1, [], 31),
        M.AccountStateDone(9, 0),
        M.RequestRefused(164, 23, 9, "x"),
        M.FillsDone(8, 1, 0, 0),
    ):
        assert queries.take(message) and got == []
    assert not queries.take(M.RequestRefused(20, 20, 5, "a book")) and not queries.take(M.DefinitionsDone(0))
    assert queries.take(M.AccountState(5, 3, 1, 1, [(1, "A")], 31)) and queries.take(M.AccountStateDone(5, 0))
    assert isinstance(got[0], OwnState) and got[0].number == 3 and list(got[0].accounts) == ["A"] and list(queries.again()) == []


def test_the_default_account_has_a_name_of_its_own() -> None:
    client = Client(secret="x")
    assert client.default_account == 0 and callable(client.account)

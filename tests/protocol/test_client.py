"""The SDK against a real exchange over a real socket: trading, errors, books, and everything that breaks in between."""

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest

from protocol import codes
from protocol import messages as M
from protocol.client import Client, ClientError, Disconnected, Refused
from tests.protocol.client_rig import Rig

SPAIN = "WC26-WIN-ESP"


def client_of(rig: Rig, key: str = "MM1", **options: Any) -> Client:
    return Client("127.0.0.1", rig.port, key=key, secret=options.pop("secret", f"{key.lower()}-secret"), timeout_s=10, **options)


async def until(condition: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (what is waited for is at the other end of a socket)
            await asyncio.sleep(0.005)


async def test_trading(rig: Rig) -> None:
    reports: list[M.Numbered] = []
    async with client_of(rig, on_report=lambda r, o: reports.append(r)) as maker, client_of(rig, "MM2") as taker:
        assert maker.default_account == maker.accounts["MM1-A"] and maker.server == "exos"
        order = await maker.sell(SPAIN, 100, 4200)
        assert order.open and (order.status, order.leaves, order.order) == (codes.ST_NEW, 100, reports[-1].order)  # type: ignore[union-attr]
        bought = await taker.finished(await taker.buy(SPAIN, 30, 4300, tif=codes.IOC))
        assert (bought.status, bought.cum, bought.average_price, bought.fills) == (codes.ST_FILLED, 30, 4200.0, 1)
        await until(lambda: order.cum == 30)
        old = order.id
        assert await maker.replace(order, price=4100, qty=90) is order
        assert (order.price, order.leaves, order.cum) == (4100, 60, 30) and order.id != old and order.id in maker.orders
        status = await maker.status(order)
        assert (status.id, status.status, status.leaves) == (order.id, codes.ST_PARTIAL, 60)
        canceled = await maker.cancel(order)
        assert isinstance(canceled, M.Canceled) and canceled.orig == order.id
        assert not order.open and order.reason == codes.R_USER_CANCEL and not maker.orders
        for price in (100, 200, 300):
            maker.place(SPAIN, codes.BUY, 1, price, account="MM1-A")
        assert await maker.mass_cancel() == 3 and not maker.orders
        assert (await taker.split(1, 5)).sets == 5
        assert (await taker.merge(1, 5)).sets == -5
        assert [r.number for r in reports] == list(range(1, len(reports) + 1))


async def test_refusals_are_exceptions_with_a_reason_and_a_sentence(rig: Rig) -> None:
    async with client_of(rig) as client:
        for call, reason, words in (
            (client.buy(SPAIN, 1, 10_001), codes.R_PRICE_OUT_OF_RANGE, "price 1.0001 is beyond the limit 0.9999"),
            (client.buy(77_777, 1, 5), codes.R_UNKNOWN_INSTRUMENT, "77777"),
            (client.cancel(12345), codes.R_UNKNOWN_ORDER, ""),
            (client.status(12345), codes.R_UNKNOWN_ORDER, ""),
            (client.mass_cancel(9), codes.R_BAD_SCOPE, ""),
            (client.merge(1, 5), codes.R_MERGE_TOO_MANY, ""),
        ):
            with pytest.raises(Refused) as caught:
                await call
            assert caught.value.reason == reason and words in str(caught.value) and len(str(caught.value)) > 10
        order = await client.buy(SPAIN, 10, 4000)
        with pytest.raises(Refused) as caught:
            await client.replace(order, price=4000)
        assert caught.value.reason == codes.R_NOTHING_CHANGED and order.open


async def test_mistakes_are_told_before_anything_is_sent(rig: Rig) -> None:
    async with client_of(rig) as client:
        number = client.next_number
        for call, words in (
            (lambda: client.place("WC26-WIN-XXX", codes.BUY, 1, 5), "similar names: WC26-WIN-"),
            (lambda: client.place(SPAIN, codes.BUY, 1, 2**63), "price"),
            (lambda: client.place(SPAIN, 99, 1, 5), "side"),
            (lambda: client.place(SPAIN, codes.BUY, 1, 5, account="NOBODY"), "MM1-A"),
            (lambda: client.place(SPAIN, codes.BUY, 1, 5, colour=1), "colour"),
            (lambda: client.place(SPAIN, codes.BUY, 1, 5, id=-1), "id"),
            (lambda: client.ticks(SPAIN, "0.42001"), "4 decimals"),
            (lambda: client.ticks(SPAIN, "abc"), "abc"),
            *[(lambda text=text: client.ticks(SPAIN, text), "is no price") for text in ("1e1", "1_0", " 10", "٣", "+1", "-1", "NaN")],
            (lambda: client.ticks(SPAIN, Decimal("0.42001")), "4 decimals"),
            (lambda: client.lots(SPAIN, 1.5), "give a str or a Decimal"),
        ):
            with pytest.raises(ClientError, match=words):
                call()
        assert client.ticks(SPAIN, "0.42") == client.ticks(SPAIN, Decimal("4.2E-1")) == 4200 and client.price_text(SPAIN, 4200) == "0.4200"
        order = await client.buy(SPAIN, 1, 5)
        with pytest.raises(ClientError, match="open"):
            client.place(SPAIN, codes.BUY, 1, 5, id=order.id)
        assert client.next_number == number + 1


async def test_no_session_says_why(rig: Rig) -> None:
    with pytest.raises(Disconnected) as caught:
        await client_of(rig, secret="wrong").connect()
    assert caught.value.reason == codes.R_BAD_CREDENTIALS
    with pytest.raises(Disconnected, match="cannot be reached"):
        await Client("127.0.0.1", 1, key="MM1", secret="x").connect()
    async with client_of(rig):
        with pytest.raises(Disconnected) as caught:
            await client_of(rig).connect()
        assert caught.value.reason == codes.R_ALREADY_LOGGED_ON
    with pytest.raises(Disconnected) as caught:
        await client_of(rig, next_number=99).connect()
    assert caught.value.reason == codes.R_RESUME_UNKNOWN


async def test_books_follow_the_market(rig: Rig) -> None:
    async with client_of(rig) as maker, client_of(rig, "MM2") as watcher:
        await maker.buy(SPAIN, 10, 4000)
        book = await watcher.subscribe(SPAIN)
        assert book.valid and book.best_bid == (4000, 10) and book.best_ask is None
        await maker.sell(SPAIN, 5, 4100)
        await until(lambda: book.best_ask == (4100, 5))
        watcher.unsubscribe(SPAIN)
        assert watcher.books == {}
        with pytest.raises(ClientError, match="99999"):
            await watcher.subscribe(99_999)
        books = await watcher.subscribe_all()
        assert set(books) == set(watcher.definitions) and books[watcher.instrument(SPAIN)].best_bid == (4000, 10)


async def test_streams_of_reports_and_market_data(rig: Rig) -> None:
    async with client_of(rig) as client:
        await client.subscribe(SPAIN)
        seen: list[Any] = []

        async def follow(source: Any) -> None:
            async for message in source:
                seen.append(message)

        tasks = [asyncio.create_task(follow(client.reports())), asyncio.create_task(follow(client.market_data()))]
        await asyncio.sleep(0)
        await client.buy(SPAIN, 10, 4000)
        await until(lambda: {type(m) for m in seen} == {M.Accepted, M.BookUpdate})
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


@pytest.mark.parametrize("fault", ["deaf", "mute"])
async def test_a_request_or_its_answer_that_is_lost_ends_with_one_order(rig: Rig, fault: str) -> None:
    """durability.md 9: the connection is lost before the exchange has received the request, or after it has answered."""
    reports: list[M.Numbered] = []
    async with client_of(rig, on_report=lambda r, o: reports.append(r)) as client:
        book = await client.subscribe(SPAIN)
        kept = await client.buy(SPAIN, 1, 3000)
        setattr(rig, fault, True)
        order = client.place(SPAIN, codes.BUY, 10, 4000)
        cancel = asyncio.create_task(client.cancel(kept))
        await asyncio.sleep(0.05)
        rig.cut()
        setattr(rig, fault, False)
        await client.accepted(order)
        await cancel
        await until(lambda: client.connected and book.valid)
        assert client.connects == 2 and client.resent == (2 if fault == "deaf" else 0)
        assert (order.status, order.leaves) == (codes.ST_NEW, 10) and not kept.open
        assert dict(book.bids) == {4000: 10}
        assert list(client.orders) == [order.id]
        numbers = [r.number for r in reports]
        assert numbers == list(range(1, len(numbers) + 1))


async def test_connections_break_at_any_moment_and_nothing_is_lost_or_doubled(rig: Rig) -> None:
    rng = random.Random(5)
    reports: list[M.Numbered] = []
    async with client_of(rig, on_report=lambda r, o: reports.append(r)) as client:
        orders = []
        for i in range(60):
            orders.append(client.place(SPAIN, codes.BUY, 1, 1000 + i))
            if rng.random() < 0.2:
                rig.deaf, rig.mute = rng.random() < 0.4, rng.random() < 0.4
                await asyncio.sleep(rng.random() * 0.01)
                rig.cut()
                rig.deaf = rig.mute = False
                if rng.random() < 0.7:
                    await until(lambda: client.connected)
            await asyncio.sleep(rng.random() * 0.002)
        for order in orders:
            await client.accepted(order)
        book = await client.subscribe(SPAIN)
        assert dict(book.bids) == {1000 + i: 1 for i in range(60)}
        assert len(client.orders) == 60 and client.connects >= 4
        assert len({o.order for o in orders}) == 60
        assert [r.number for r in reports] == list(range(1, len(reports) + 1))
        assert await client.mass_cancel() == 60


async def test_a_restarted_server_is_found_again(rig: Rig) -> None:
    states: list[str] = []
    async with client_of(rig, on_state=states.append) as client:
        await rig.stop()
        await until(lambda: not client.connected)
        order = client.place(SPAIN, codes.BUY, 10, 4000)
        await asyncio.sleep(0.15)
        await rig.listen()
        await client.accepted(order)
        assert order.open and any("cannot be reached" in s for s in states)


async def test_giving_up_tells_whoever_waits(rig: Rig) -> None:
    client = client_of(rig, reconnect_s=0.1)
    await client.connect()
    rig.deaf = True
    order = client.place(SPAIN, codes.BUY, 10, 4000)
    waiting = asyncio.create_task(client.accepted(order))
    await asyncio.sleep(0.02)
    await rig.stop()
    with pytest.raises(Disconnected, match="reached|lost"):
        await waiting
    with pytest.raises(Disconnected):
        client.place(SPAIN, codes.BUY, 10, 4000)
    await client.close()


async def test_an_earlier_runs_orders_are_known_by_resume(rig: Rig) -> None:
    async with client_of(rig) as first:
        order = await first.buy(SPAIN, 10, 4000)
        begin = 1
    async with client_of(rig, next_number=begin) as again:
        assert list(again.orders) == [order.id]
        found = again.orders[order.id]
        assert (found.order, found.price, found.leaves) == (order.order, 4000, 10)
        await again.cancel(found)
        assert not again.orders and again.next_number > first.next_number


async def test_closing_answers_everything_that_was_sent(rig: Rig) -> None:
    client = client_of(rig)
    await client.connect()
    order = client.place(SPAIN, codes.BUY, 10, 4000)
    await client.close()
    assert order.status == codes.ST_NEW
    await client.close()
    with pytest.raises(ClientError):
        await client.connect()

"""What a hostile or broken client sends, and what it cannot do to the others."""

import asyncio
import contextlib
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.requests import Request
from uvicorn.server import ServerState

from exchange_server.web import idle, operation, process
from exchange_server.web.operation import read_body
from exchange_server.web.problems import Refusal

from .rig import CONFIG, FAST, ServerProcess, Web, order, problem, wait_until


def test_bodies_that_are_none(mm1: httpx.Client) -> None:
    json = {"Content-Type": "application/json"}
    for content in (b"", b"{", b"\xff\xfe", b'{"scope": "firm"', b'{"scope": "firm"}}'):
        found = problem(mm1.post("/v1/orders/mass-cancel", content=content, headers=json), 400, "wire_malformed")
        assert len(found["detail"]) < 400
    for content in (b"[]", b"[" * 50_000, b"1"):
        assert problem(mm1.post("/v1/orders/mass-cancel", content=content, headers=json), 400, "wire_field")["at"] == "$"
    problem(mm1.post("/v1/orders", data={"scope": "firm"}), 415, "wire_field")  # a form of another page
    found = problem(mm1.post("/v1/orders", json=order() | {"colour": "red"}), 400, "wire_field")
    assert found["at"] == "$.colour" and "colour" in found["detail"]
    found = problem(mm1.post("/v1/orders", json=order() | {"quantity": 10}), 400, "wire_field")
    assert found["at"] == "$.quantity" and found["detail"] == 'a string is needed: "10", in quotes'
    for wrong, at, says in (
        ({"side": "BUY"}, "$.side", '"BUY" is not one of buy, sell'),
        ({"price": 0.2}, "$.price", 'a string is needed: "0.2", in quotes'),
        ({"price": "-0.2"}, "$.price", '"-0.2" does not fit: a decimal number, read exactly'),
        (
            {"client_order_id": "abc"},
            "$.client_order_id",
            '"abc" does not fit: your number for the order, 1 to 9223372036854775807, used once by your firm',
        ),
        ({"quantiti": "1"}, "$.quantiti", 'there is no field "quantiti"; did you mean "quantity"?'),
    ):
        found = problem(mm1.post("/v1/orders", json=order() | wrong), 400, "wire_field")
        assert (found["at"], found["detail"]) == (at, says)
    assert problem(mm1.get("/v1/markets?limit=x"), 400, "wire_field")["detail"] == 'a whole number is needed, asked "x"'
    assert problem(mm1.get("/v1/markets?limits=5"), 400, "wire_field")["detail"] == 'there is no parameter "limits"; did you mean "limit"?'
    assert '"opn" is not one of' in problem(mm1.get("/v1/markets?phase=opn"), 400, "wire_field")["detail"]
    assert problem(mm1.get("/v1/markets?limit=0"), 400, "wire_field")["detail"] == "must be at least 1, asked 0"
    assert problem(mm1.get("/v1/markets?limit=0"), 400, "wire_field")["at"] == "?limit"
    assert problem(mm1.get("/v1/markets?limit=5&limit=6"), 400, "wire_field")["at"] == "?limit"
    assert problem(mm1.get("/v1/markets?colour=red"), 400, "wire_field")["at"] == "?colour"
    problem(mm1.get("/v1/markets?cursor=%21"), 400, "wire_field")
    problem(mm1.get("/v1/fills?cursor=abc"), 400, "wire_field")


def test_a_huge_body_is_refused_before_it_is_read(mm1: httpx.Client) -> None:
    json = {"Content-Type": "application/json"}
    found = problem(mm1.post("/v1/orders", content=b"x" * 70_000, headers=json), 413, "wire_too_long")
    assert (found["limit"], found["asked"]) == ("65536", "70000")

    def endless() -> object:
        for _ in range(100):
            yield b"x" * 10_000

    problem(mm1.post("/v1/orders", content=endless(), headers=json), 413, "wire_too_long")  # type: ignore[arg-type]


def test_who_is_not_logged_on_is_told_why(web: Web) -> None:
    with web.api() as api:
        for header, says in (
            ({}, "log on first"), ({"Authorization": "Basic YTpi"}, "Authorization: Bearer TOKEN is needed, asked Basic"),
            ({"Authorization": "Bearer nonsense"}, "never given out, or its session is over"), ({"Cookie": "exos_session=nonsense"}, "its session is over"),
        ):  # fmt: skip
            assert says in problem(api.get("/v1/orders", headers=header), 401, "not_logged_on")["detail"]


def test_paths_and_methods_that_are_none(mm1: httpx.Client) -> None:
    problem(mm1.get("/nothing"), 404, "no_resource")
    problem(mm1.get("/v1/markets/"), 404, "no_resource")
    assert problem(mm1.delete("/v1/markets"), 405, "no_resource")["detail"] == "DELETE is not allowed here, but GET, HEAD"
    assert problem(mm1.get("/v1/markets/%2e%2e%2fetc%2fpasswd"), 404, "unknown_event")["asked"] == "../etc/passwd"
    assert problem(mm1.get("/v1/markets/A%2FB/result"), 404, "unknown_event")["asked"] == "A/B"
    problem(mm1.get("/v1/markets/A/B"), 404, "no_resource")
    problem(mm1.get("/v1/contracts/%3Cscript%3E"), 404, "unknown_instrument")
    assert mm1.get("/v1/contracts/%3Cscript%3E").headers["content-type"] == "application/problem+json"


def test_other_origins_get_nothing_unless_they_are_named(web: Web) -> None:
    origin = {"Origin": "https://shop.example"}
    with web.api() as api:
        assert "access-control-allow-origin" not in api.get("/v1/status", headers=origin).headers
        asked = api.options("/v1/orders", headers=origin | {"Access-Control-Request-Method": "POST"})
        assert asked.status_code == 405 and "access-control-allow-origin" not in asked.headers


def test_limits_and_named_origins(exchange: ServerProcess, tmp_path: Path) -> None:
    arguments = ("--rate", "2", "--origin", "https://shop.example")
    # The market data's session is taken by the other web process: this one says so, and serves what it can.
    with Web(tmp_path, exchange.data, *arguments) as web, web.api() as api:
        origin = {"Origin": "https://shop.example"}
        first = api.get("/v1/status", headers=origin)
        assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("4", "3")
        assert first.headers["access-control-allow-origin"] == "https://shop.example"
        assert "access-control-allow-origin" not in api.get("/v1/status", headers={"Origin": "https://other.example"}).headers
        answers = [api.get("/v1/status") for _ in range(6)]
        found = problem(answers[-1], 429, "http_throttled")
        assert found["limit"] == "2" and answers[-1].headers["retry-after"] == "1" and answers[-1].headers["ratelimit-remaining"] == "0"
        time.sleep(1.0)
        assert api.get("/v1/status").status_code == 200
        assert "already" in web.log_text() or "logged on" in web.log_text()


def test_two_thousand_idle_connections_leave_room_for_others(web: Web) -> None:
    idle = []
    try:
        for n in range(2000):
            one = socket.create_connection(("127.0.0.1", web.port), timeout=10)
            if n % 3 == 0:
                one.sendall(b"GET /v1/status HT")  # begun and never ended
            idle.append(one)
        with web.api() as api:
            began = time.monotonic()
            assert api.get("/v1/markets").status_code == 200
            assert time.monotonic() - began < 2
    finally:
        for one in idle:
            one.close()


async def _ok(scope: Any, receive: Any, send: Any) -> None:
    body = await read_body(Request(scope, receive))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"%02d" % len(body)})


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, byte: bytes) -> bytes:
    """Send a byte now and then; what the other end said before it closed."""
    said = b""

    async def listen() -> None:
        nonlocal said
        with contextlib.suppress(ConnectionError):  # a byte came after the end
            while data := await reader.read(1000):
                said += data

    listening = asyncio.create_task(listen())
    while not listening.done():
        writer.write(byte)
        await asyncio.wait([listening], timeout=0.02)
    return said


WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nX: ", WHOLE + b"GET / HTTP/1.1\r\nX: ", WHOLE])
async def test_headers_that_drip_or_do_not_come_end_the_connection(monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    assert idle.HEADER_S <= 15 and process.IDLE_S <= 60
    monkeypatch.setattr(idle, "HEADER_S", 0.3)
    config = uvicorn.Config(_ok, loop="none", lifespan="off", log_config=None, timeout_keep_alive=3600)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: idle.Idle(config, ServerState(), {}, loop), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    writer.write(first)
    if first == b"":
        assert await asyncio.wait_for(reader.read(), 30) == b""
    else:
        between = first == WHOLE  # empty lines are skipped before a request
        said = await asyncio.wait_for(_drip(reader, writer, b"\r\n" if between else b"x"), 30)
        assert said.count(b"200 OK") == first.count(b"\r\n\r\n")
    writer.close()
    server.close()


async def test_headers_without_end_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "HEAD_BYTES", 5_000)
    config = uvicorn.Config(_ok, loop="none", lifespan="off", log_config=None)
    config.load()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: idle.Idle(config, ServerState(), {}, loop), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    for _ in range(3):  # each request counts anew
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" % (b"x" * 4_000))
        assert (await reader.readuntil(b"\r\n\r\n00")).startswith(b"HTTP/1.1 200")
    writer.write(b"GET / HTTP/1.1\r\nX: ")
    assert await asyncio.wait_for(_drip(reader, writer, b"x" * 1_000), 30) == b""
    writer.close()
    server.close()


async def test_a_body_that_drips_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "BODY_S", 0.2)

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Refusal) as refused:
        await asyncio.wait_for(read_body(Request({"type": "http", "method": "POST", "headers": []}, receive)), 30)
    found = refused.value
    assert (found.problem.status, found.problem.name, found.headers["Connection"]) == (408, "request_late", "close")


def test_the_server_goes_down_and_comes_back(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, CONFIG) as server, Web(tmp_path, server.data, *FAST) as web:
        with web.up().logged_on(1) as api:
            one = api.post("/v1/orders", json=order(price="0.11")).json()
            server.kill()
            wait_until(lambda: api.get("/v1/status").json()["server"] == "down")
            for address in ("/v1/markets", "/v1/contracts/CUP-A/book", "/v1/balances", f"/v1/orders/{one['order_id']}"):
                answer = api.get(address)
                assert problem(answer, 503, "server_down")["detail"] and answer.headers["retry-after"] == "2"
            problem(api.post("/v1/orders", json=order()), 503, "server_down")
            assert api.get("/v1/phases").status_code == 200
            server.start()
            web.up()
            # The client's session comes back by itself, with its token.
            wait_until(lambda: api.get("/v1/balances").status_code == 200, 20)
            assert [row["order_id"] for row in api.get("/v1/orders").json()["orders"]] == [one["order_id"]]
            assert api.get("/v1/contracts/CUP-A/book").json()["bids"] == [["0.1100", "10"]]
            assert api.get("/v1/contracts/CUP-A/candles").json()["gaps"]
        assert web.stop() == 0
        assert server.ask("status").result["logged_on"] == []  # the web process logged out whoever used it

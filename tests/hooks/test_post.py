"""One request against a server on this machine that behaves in every wrong way."""

import asyncio
import contextlib
import re
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from exchange_server import certificates
from exchange_server.hooks.endpoints import Parts
from exchange_server.hooks.post import ANSWER_BYTES, Post, send

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextlib.asynccontextmanager
async def peer(answer: bytes, wait_s: float = 0.0, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that takes one request, and answers with these bytes after a while."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
            seen.append(head + await reader.readexactly(length))
            await asyncio.sleep(wait_s)
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


def post(port: int, **more: Any) -> Post:
    return Post(Parts(False, "127.0.0.1", port, "/hook?x=1"), SECRET, True, whole_s=more.pop("whole_s", 20.0), **more)


async def test_a_message_is_signed_so_that_the_library_verifies_it():
    async with peer(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, seen):
        outcome = await send(post(port), "evt_abc_1", b'{"type":"fill.created"}', int(time.time()))
    assert outcome.taken and outcome.status == 204
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /hook?x=1 HTTP/1.1"
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert Webhook(SECRET).verify(body, headers) == {"type": "fill.created"}
    assert headers["webhook-id"] == "evt_abc_1" and headers["host"] == f"127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("answer", "status", "text"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\n\r\n", 302, "redirects are not followed"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc", 500, "status 500"),
        (b"", 0, "closed without an answer"),
        (b"hello\r\n\r\n", 0, "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * (2 * ANSWER_BYTES), 0, "HTTP|longer than"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3, 0, "closed without an answer"),
    ],
)
async def test_answers_that_take_nothing(answer: bytes, status: int, text: str):
    async with peer(answer) as (port, _):
        outcome = await send(post(port), "evt_abc_1", b"{}", 1)
    assert not outcome.taken and outcome.status == status and re.search(text, outcome.text), outcome


async def test_an_answer_without_end_is_taken_by_its_status():
    async with peer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"5\r\nabcde\r\n" * 100) as (port, _):
        assert (await send(post(port), "evt_abc_1", b"{}", 1)).taken


async def test_retry_after_is_told():
    async with peer(b"HTTP/1.1 429 Too Many\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n") as (port, _):
        assert (await send(post(port), "evt_abc_1", b"{}", 1)).retry_s == 17


async def test_a_peer_that_does_not_answer_is_left():
    async with peer(b"HTTP/1.1 200 OK\r\n\r\n", wait_s=60.0) as (port, _):
        outcome = await send(post(port, whole_s=0.2), "evt_abc_1", b"{}", 1)
    assert outcome.status == 0 and "no whole answer within 0.2 s" in outcome.text


async def test_nothing_leaves_for_a_private_address_that_was_not_allowed():
    async with peer(b"HTTP/1.1 200 OK\r\n\r\n") as (port, seen):
        outcome = await send(post(port)._replace(allow_private=False), "evt_abc_1", b"{}", 1)
    assert "a private network or of this machine" in outcome.text and not seen


async def test_nobody_listens():
    async with peer(b"") as (port, _):
        pass
    assert "the connection failed" in (await send(post(port), "evt_abc_1", b"{}", 1)).text


async def test_tls_only_with_a_certificate_that_is_trusted_for_the_name(tmp_path):
    files = certificates.make_dev_certificate(tmp_path, ("localhost",), time.time_ns())
    tls, _ = certificates.server_context(files.cert, files.key, time.time_ns())
    trust = ssl.create_default_context(cafile=str(files.ca))
    async with peer(b"HTTP/1.1 204 No Content\r\n\r\n", tls=tls) as (port, seen):
        named = Post(Parts(True, "localhost", port, "/"), SECRET, True, trust)
        assert (await send(named, "evt_abc_1", b"{}", 1)).taken and len(seen) == 1
        for wrong in (named._replace(trust=None), named._replace(parts=Parts(True, "127.0.0.1", port, "/"))):
            outcome = await send(wrong, "evt_abc_1", b"{}", 1)
            assert outcome.status == 0 and "its certificate is not trusted" in outcome.text
        assert len(seen) == 1  # nothing left for a peer that is not trusted

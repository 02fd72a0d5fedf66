"""Posts one signed message: one connection, one request, one answer of which only the status counts.

No redirect is followed, at most ANSWER_BYTES of an answer are read, and nothing of it is kept or logged.
"""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from typing import NamedTuple

import h11
from standardwebhooks import Webhook

from . import addresses
from .endpoints import Parts

ANSWER_BYTES = 64 * 1024
CONNECT_S = 10.0
WHOLE_S = 20.0
AGENT = b"exos-webhooks"


class Outcome(NamedTuple):
    """status: of the answer, 0: none came. text: what happened, a sentence without anything that the other side wrote. retry_s: what Retry-After asks, 0: nothing."""

    status: int
    text: str
    retry_s: int = 0

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


class Post(NamedTuple):
    """Where a message goes and how it is signed. trust: for TLS; None: what the system trusts."""

    parts: Parts
    secret: str
    allow_private: bool
    trust: ssl.SSLContext | None = None
    whole_s: float = WHOLE_S


def signed_headers(secret: str, id: str, now_s: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    signature = Webhook(secret).sign(id, datetime.fromtimestamp(now_s, UTC), body.decode())
    return {"webhook-id": id, "webhook-timestamp": str(now_s), "webhook-signature": signature}


async def send(post: Post, id: str, body: bytes, now_s: int) -> Outcome:
    """Whatever happens is an Outcome. now_s: time of day, for the signature."""
    try:
        async with asyncio.timeout(post.whole_s):
            return await _send(post, id, body, now_s)
    except TimeoutError:
        return Outcome(0, f"no whole answer within {post.whole_s:g} s")
    except addresses.Refused as error:
        return Outcome(0, str(error))
    except ssl.SSLCertVerificationError as error:
        return Outcome(0, f"its certificate is not trusted: {error.verify_message}")
    except ssl.SSLError as error:
        return Outcome(0, f"TLS failed: {error.reason or 'no reason given'}")
    except OSError as error:
        return Outcome(0, f"the connection failed: {error.strerror or type(error).__name__}")
    except h11.ProtocolError:
        return Outcome(0, "the answer is not HTTP")


async def _send(post: Post, id: str, body: bytes, now_s: int) -> Outcome:
    parts = post.parts
    found = await addresses.resolve(parts.host, parts.port, post.allow_private)
    reader, writer = await _connect(post, found)
    try:
        return await _exchange(post, reader, writer, signed_headers(post.secret, id, now_s, body), body)
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(1.0):
                await writer.wait_closed()


async def _connect(post: Post, found: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first of the addresses that answers. Raises OSError."""
    parts = post.parts
    trust = (post.trust or ssl.create_default_context()) if parts.secure else None
    failed: Exception = OSError("no address")
    for address in found:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await asyncio.open_connection(
                    address, parts.port, ssl=trust, server_hostname=parts.host if parts.secure else None, limit=ANSWER_BYTES
                )
        except TimeoutError:
            failed = OSError(0, f"no connection within {CONNECT_S:g} s")
        except OSError as error:
            failed = error
    raise failed


async def _exchange(post: Post, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, signed: dict[str, str], body: bytes) -> Outcome:
    parts, peer = post.parts, h11.Connection(h11.CLIENT, max_incomplete_event_size=ANSWER_BYTES)
    usual = parts.port == (443 if parts.secure else 80)
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    headers = [
        (b"host", (host if usual else f"{host}:{parts.port}").encode()), (b"user-agent", AGENT), (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()), (b"accept", b"*/*"), (b"connection", b"close"),
        *((name.encode(), value.encode()) for name, value in signed.items()),
    ]  # fmt: skip
    for part in (h11.Request(method=b"POST", target=parts.target.encode(), headers=headers), h11.Data(data=body), h11.EndOfMessage()):
        writer.write(peer.send(part) or b"")
    await writer.drain()
    read = 0
    while True:
        event = peer.next_event()
        if isinstance(event, h11.Response):
            return _outcome(event)
        if event is h11.NEED_DATA:
            data = await reader.read(4096)
            if not data:
                return Outcome(0, "the connection was closed without an answer")
            read += len(data)
            if read > ANSWER_BYTES:
                return Outcome(0, f"the head of the answer is longer than {ANSWER_BYTES} bytes")
            peer.receive_data(data)


def _outcome(answer: h11.Response) -> Outcome:
    """The body of the answer is not read."""
    status = answer.status_code
    if 300 <= status < 400:
        return Outcome(status, f"status {status}: redirects are not followed, give the address itself")
    asked = next((value for name, value in answer.headers if name == b"retry-after"), b"")
    return Outcome(status, f"status {status}", min(int(asked), 86_400) if asked.isdigit() and len(asked) < 10 else 0)

"""The receiver of the row `webhooks`: takes messages as fast as they come, checks some signatures, and what became of the order.

`python -m perf.webhook_load JSON` (fields of Expected): a line with its port; after all messages a line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

import msgspec
import uvloop
from standardwebhooks import Webhook

from .server import SERVER_CORE

CHECKED = 50  # one of so many signatures is checked
QUIET_S = 60.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    """messages: how many are waited for; keys: the fields of `data` within which they come in the order of their fills."""

    messages: int
    secret_file: str
    keys: tuple[str, ...] = ("account", "contract")


class Receiver:
    def __init__(self, expected: Expected) -> None:
        self.expected = expected
        self.ids: set[str] = set()
        self.newest: dict[tuple[str, ...], int] = {}
        self.wrong = ""
        self.again = self.checked = 0
        self.first = self.last = 0.0
        self.done = asyncio.Event()
        self.hook: Any = None

    def take(self, head: bytes, body: bytes) -> None:
        self.last = time.perf_counter()
        self.first = self.first or self.last
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in fields.items()}
        id = headers["webhook-id"]
        if len(self.ids) % CHECKED == 0:
            self.hook = self.hook or Webhook(open(self.expected.secret_file).read())
            self.hook.verify(body, headers)
            self.checked += 1
        if id in self.ids:
            self.again += 1
            return
        self.ids.add(id)
        data = json.loads(body)["data"]
        key, number = tuple(data[name] for name in self.expected.keys), int(data["fill_id"])
        if number <= self.newest.get(key, 0):
            self.wrong = f"fill {number} of {key} comes after {self.newest[key]}"
        self.newest[key] = number
        if len(self.ids) >= self.expected.messages:
            self.done.set()


class Connection(asyncio.Protocol):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver, self.data = receiver, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return
        size = int(head.lower().partition(b"content-length: ")[2].split(b"\r", 1)[0])
        if len(body) < size:
            return
        self.data = body[size:]
        self.receiver.take(head, body[:size])
        self.transport.write(ANSWER)


async def receive(expected: Expected) -> dict[str, Any]:
    receiver = Receiver(expected)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(receiver), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    while not receiver.done.is_set():
        try:
            async with asyncio.timeout(QUIET_S):
                await receiver.done.wait()
        except TimeoutError:
            if time.perf_counter() - receiver.last > QUIET_S:
                raise RuntimeError(f"{len(receiver.ids)} of {expected.messages} messages came, then none for {QUIET_S:g} s") from None
    if receiver.wrong:
        raise RuntimeError(receiver.wrong)
    return {
        "seconds": receiver.last - receiver.first, "messages": len(receiver.ids), "again": receiver.again, "checked": receiver.checked,
        "keys": len(receiver.newest),
    }  # fmt: skip


def main() -> int:
    os.sched_setaffinity(0, {min(SERVER_CORE, (os.cpu_count() or 1) - 1)})
    print(json.dumps(uvloop.run(receive(msgspec.json.decode(sys.argv[1], type=Expected)))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

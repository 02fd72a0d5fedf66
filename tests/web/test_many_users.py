"""Many small users of one venue: opened over HTTP, paid once, and listed page by page at a cost that does not grow with their number."""

import asyncio
import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from .rig import CONFIG, FAST, ServerProcess, Web, principals

LONG = os.environ.get("EXOS_LONG") == "1"
USERS = 100_000 if LONG else 24
QUARTERS = 4
AT_ONCE = 32
ROOM = ("firms", "accounts", "sessions", "balances")


@pytest.fixture
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[ServerProcess, httpx.Client]]:
    """A server and a venue's backend that is logged on; in the long form with room for all."""
    if not LONG:
        yield request.getfixturevalue("exchange"), request.getfixturevalue("willy")
        return
    config = CONFIG
    for name in ROOM:
        config = config.replace(next(line for line in CONFIG.splitlines() if line.startswith(f"{name} = ")), f"{name} = 131_072")
    with ServerProcess(tmp_path, config) as server, Web(tmp_path, server.data, *FAST) as web:
        tokens = principals(server)
        with web.up().operator("willy", tokens) as willy:
            yield server, willy


def memory_mb(pid: int) -> int:
    """What a process has in memory, in MB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


class Backend:
    """One connection of the backend to the API that stays; as plain as can be, because in the long form it carries a part of 100,000 users."""

    def __init__(self, willy: httpx.Client) -> None:
        self.host, self.port = willy.base_url.host, willy.base_url.port
        self.head = f"Host: {self.host}\r\nAuthorization: {willy.headers['authorization']}\r\nContent-Type: application/json\r\n"

    async def __aenter__(self) -> "Backend":
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        data = msgspec.json.encode(body)
        self.writer.write(f"POST {path} HTTP/1.1\r\n{self.head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = int(head.partition(b"content-length: ")[2].split(b"\r", 1)[0])
        return int(head[9:12]), msgspec.json.decode(await self.reader.readexactly(size))


async def open_users(willy: httpx.Client, numbers: range) -> None:
    """Each with a first deposit; of every tenth it comes by an act of its own."""
    left = iter(numbers)

    async def work(api: Backend) -> None:
        for n in left:
            user = {"user": f"W.u{n}", "venue": "W", "login": n % 2 == 0, "public_key": f"{n:064x}" if n % 2 == 0 else ""}
            deposit = {"key": f"W.d{n}", "asset": "USD", "amount": "1.00"}
            status, told = await api.post("/v1/operator/users", user | ({"deposit": deposit} if n % 10 else {}))
            assert status == 201, told
            if n % 10 == 0:
                _, told = await api.post("/v1/operator/acts/transfer", deposit | {"target": f"W.u{n}-A"})
                assert told["outcome"] == "done", told

    async with contextlib.AsyncExitStack() as stack:
        apis = [await stack.enter_async_context(Backend(willy)) for _ in range(AT_ONCE)]
        await asyncio.gather(*(work(api) for api in apis))


def page(api: httpx.Client, noun: str, cursor: str) -> tuple[float, dict[str, Any]]:
    """(milliseconds, the page)."""
    began = time.perf_counter()
    answer = api.get(f"/v1/operator/{noun}?limit=100&cursor={cursor}")
    assert answer.status_code == 200, answer.text
    return (time.perf_counter() - began) * 1e3, answer.json()


def test_many_small_users(backend: tuple[ServerProcess, httpx.Client], capsys: pytest.CaptureFixture[str]) -> None:
    server, willy = backend
    empty, quarter, rates = memory_mb(server.process.pid), USERS // QUARTERS, []
    for first in range(0, USERS, quarter):
        began = time.perf_counter()
        asyncio.run(open_users(willy, range(first, first + quarter)))
        rates.append(quarter / (time.perf_counter() - began))
    full = memory_mb(server.process.pid)
    times: list[float] = []
    names: list[str] = []
    cursor: Any = ""
    while cursor is not None:
        took, found = page(willy, "accounts", cursor)
        times.append(took)
        names += [row["account"] for row in found["accounts"]]
        cursor = found["next_cursor"]
    users = {f"W.u{n}-A" for n in range(USERS)}
    assert len(names) == len(set(names)) and users <= set(names)
    firms_ms, found = page(willy, "firms", "")
    mine = [row for row in found["firms"] if row["firm"].startswith("W.u")]
    assert mine and all(row["accounts"] == 1 and row["definition"]["venue"] == "W" for row in mine)
    tenth = max(1, len(times) // 10)
    begin, end = sorted(times[:tenth])[tenth // 2], sorted(times[-tenth:])[tenth // 2]
    figures = (
        f"{USERS} users: {', '.join(f'{rate:.0f}' for rate in rates)} users/s by quarter, {empty} -> {full} MB, page of 100 accounts {begin:.1f} ms at the "
        f"beginning and {end:.1f} ms at the end (median of a tenth), of 100 firms {firms_ms:.0f} ms"
    )
    if LONG:
        with capsys.disabled():
            print(figures)
        assert end < 3 * begin + 10 and rates[-1] > rates[0] / 2

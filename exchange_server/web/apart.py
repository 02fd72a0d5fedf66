"""The process that reads one configuration (reading.py), as its web process sees it."""

import asyncio
import os
import sys
from typing import Any

import msgspec

from protocol import codes

from . import reading
from .problems import Refusal, refusal

AT_ONCE = 2  # such processes
WAIT_S = 30.0  # for each of its answers

_places = asyncio.Semaphore(AT_ONCE)


class Apart:
    """Use as a context: it is ended with it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> "Apart":
        if _places.locked():
            raise refusal(codes.R_OVERLOAD, f"{AT_ONCE} configurations are being read: later", limit=AT_ONCE)
        await _places.acquire()
        try:
            kept = {name: value for name, value in os.environ.items() if not name.startswith("EXOS_")}  # no secrets of this process
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", reading.__name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                env=kept,
            )  # fmt: skip
        except OSError as error:
            _places.release()
            raise refusal(codes.R_OVERLOAD, f"no process can be started to read it: {error.strerror}") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        try:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
        finally:
            _places.release()

    async def ask(self, what: Any) -> dict[str, Any]:
        """Its answer, `record` still as JSON. Raises Refusal when it took too long or too much."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        data = msgspec.json.encode(what)
        try:
            async with asyncio.timeout(WAIT_S):
                self._process.stdin.write(len(data).to_bytes(4, "big") + data)
                await self._process.stdin.drain()
                size = int.from_bytes(await self._process.stdout.readexactly(4), "big")
                answer = await self._process.stdout.readexactly(size)
        except (TimeoutError, asyncio.IncompleteReadError, OSError):
            raise _too_much() from None
        return msgspec.json.decode(answer, type=dict[str, msgspec.Raw])


def _too_much() -> Refusal:
    limit = f"{reading.PROCESSOR_S} s and {reading.MEMORY >> 20} MiB"
    return refusal(
        codes.R_WIRE_TOO_LONG, f"reading it takes more than {limit}: it stands for too many definitions, split it", at="$.toml", limit=limit
    )

"""One HTTP connection: its headers must come in time and be short, the first request's and each later one's. A client that sends nothing, or a little now
and then, does not stay. (Between two requests uvicorn's own timer runs, until the next byte.)"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_S = 15.0  # a connection that has sent no whole request by then is closed
HEAD_BYTES = 64 * 1024  # of one request's address and headers


class Idle(HttpToolsProtocol):
    _late: asyncio.TimerHandle | None = None
    _head = 0  # bytes that came since the last request was whole

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(HEADER_S, self._too_late)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._waits():
            self._in_time()
            return
        self._head += len(data)
        if self._head > HEAD_BYTES:
            self._too_late()
        elif self._late is None:
            self._late = self.loop.call_later(HEADER_S, self._too_late)

    def _waits(self) -> bool:
        """For the rest of a request's headers. A WebSocket has a protocol of its own."""
        return (self.cycle is None or self.cycle.response_complete) and self.transport.get_protocol() is self

    def _in_time(self) -> None:
        self._head = 0
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        self._late = None
        if self._waits() and not self.transport.is_closing():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

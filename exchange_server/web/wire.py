"""One socket of the stream, below its frames: a frame is made once and written as it is to everybody who gets it.

uvicorn makes the handshake, reads what the client sends, and closes. A whole text frame of a server has no mask, so it has the same bytes for all. Without TLS it is
written past the transport while nothing waits there: the system call is most of what a frame costs, and outlets.py makes one call for many sockets.
"""

import asyncio
import os
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "exos.wire"  # of the scope: the Wire itself
_SHORT, _MIDDLE = 126, 1 << 16


def framed(text: bytes) -> bytes:
    """A text as one WebSocket frame."""
    size = len(text)
    if size < _SHORT:
        return bytes((0x81, size)) + text
    if size < _MIDDLE:
        return b"\x81\x7e" + size.to_bytes(2, "big") + text
    return b"\x81\x7f" + size.to_bytes(8, "big") + text


class _Noting:
    """A transport as uvicorn sees it: what it writes or closes by itself (pings, the handshake, the end) is noted first."""

    __slots__ = ("_noted", "_transport")

    def __init__(self, transport: Any, noted: Callable[[], None]) -> None:
        self._transport, self._noted = transport, noted

    def write(self, data: bytes) -> None:
        self._noted()
        self._transport.write(data)

    def close(self) -> None:
        self._noted()
        self._transport.close()

    def abort(self) -> None:
        self._noted()
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Wire(WebSocketsSansIOProtocol):
    """`full`: the client is slow; what is written now would only wait here. `on_busy`: called before anything waits in the transport or the socket ends, so that
    nobody writes past it any more."""

    full = False
    on_busy: Callable[[], None] | None = None
    _fd = -1  # of a socket without TLS, while it is open
    _plain: Any = None  # the transport itself

    def connection_made(self, transport: Any) -> None:
        self._take_transport(transport)
        super().connection_made(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._give_up()
        super().connection_lost(exc)

    def _take_transport(self, transport: Any) -> None:
        self.transport, self._plain = _Noting(transport, self._busy), transport  # type: ignore[assignment]
        if transport.get_extra_info("sslcontext") is None and (socket := transport.get_extra_info("socket")) is not None:
            self._fd = socket.fileno()

    def _give_up(self) -> None:
        self._busy()
        self._fd = -1

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment, index]

    def _busy(self) -> None:
        if self.on_busy is not None:
            self.on_busy()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        super().resume_writing()

    @property
    def gone(self) -> bool:
        return self.close_sent or self.disconnected or self._plain.is_closing()

    @property
    def straight(self) -> int:
        """The descriptor, if a frame may be written to it past the transport: nothing waits there. Else -1."""
        return self._fd if self._fd >= 0 and not self.gone and not self._plain.get_write_buffer_size() else -1

    def write(self, frame: bytes) -> None:
        """A frame of `framed`. Nothing may be written after `close` was sent."""
        transport = self._plain
        if transport.is_closing():
            return
        if self._fd >= 0 and not transport.get_write_buffer_size():
            try:
                taken = os.write(self._fd, frame)
            except OSError:  # it is full; or broken: then the transport meets that too, and closes
                taken = 0
            if taken == len(frame):
                return
            frame = frame[taken:]
        self.rest(frame)

    def rest(self, data: bytes) -> None:
        """The end of a frame, as soon as the client takes it."""
        self._busy()
        if not self._plain.is_closing():
            self._plain.write(data)

    async def room(self, seconds: float) -> bool:
        """Wait until the client has taken most of what waits for it, or is gone; False: not in this time."""
        if not self.full:
            return True
        try:
            await asyncio.wait_for(self.writable.wait(), seconds)
        except TimeoutError:
            return False
        return True

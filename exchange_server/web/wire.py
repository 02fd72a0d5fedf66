"""One socket of the stream, below its frames: a frame is made once and written as it is to everybody who gets it.

uvicorn makes the handshake, reads what the client sends, and closes. A whole text frame of a server has no mask, so it has the same bytes for all.
"""

import asyncio
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


class Wire(WebSocketsSansIOProtocol):
    """`full`: the client is slow; what is written now would only wait here."""

    full = False

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment, index]

    def pause_writing(self) -> None:
        super().pause_writing()
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        super().resume_writing()

    @property
    def gone(self) -> bool:
        return self.close_sent or self.disconnected or self.transport.is_closing()

    def write(self, frame: bytes) -> None:
        """A frame of `framed`. Nothing may be written after `close` was sent."""
        transport = self.transport
        if not transport.is_closing():
            transport.write(frame)

    async def room(self, seconds: float) -> bool:
        """Wait until the client has taken most of what waits for it, or is gone; False: not in this time."""
        if not self.full:
            return True
        try:
            await asyncio.wait_for(self.writable.wait(), seconds)
        except TimeoutError:
            return False
        return True

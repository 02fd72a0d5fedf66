"""One socket of the stream, below its frames: a frame is made once and written as it is to everybody who gets it.

uvicorn makes the handshake, reads what the client sends, and closes. A whole text frame of a server has no mask, so it has the same bytes for all.
"""

import asyncio
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import OPEN

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
    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment, index]

    @property
    def full(self) -> bool:
        """The client is slow: what is written now would only wait here."""
        return not self.writable.is_set()

    @property
    def gone(self) -> bool:
        return self.disconnected or self.close_sent or self.conn.state is not OPEN

    def write(self, frame: bytes) -> None:
        """A frame of `framed`."""
        if not self.gone:
            self.transport.write(frame)

    async def room(self, seconds: float) -> bool:
        """Wait until the client has taken most of what waits for it; False: not in this time."""
        if not self.full:
            return True
        try:
            await asyncio.wait_for(self.writable.wait(), seconds)
        except TimeoutError:
            return False
        return True

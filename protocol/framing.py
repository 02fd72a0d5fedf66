"""Frames: a u32 little-endian length, then that many bytes (one MessagePack array). Incremental, bounded, no I/O.

The length counts the payload only. A length of 0 or above the limit ends the connection, because the next frame cannot be found after a
wrong length.
"""

from collections.abc import Iterator

from . import codes
from .messages import WireError

PREFIX = 4
MAX_LOGON_BYTES = 4096  # the most bytes that a peer may send in all before it is logged on
MAX_CLIENT_PAYLOAD = 64 * 1024
MAX_SERVER_PAYLOAD = 4 * 1024 * 1024  # the snapshot of a very deep book


def frame(payload: bytes) -> bytes:
    """The payload preceded by its length."""
    return len(payload).to_bytes(PREFIX, "little") + payload


def check_length(length: int, limit: int) -> None:
    """Raises WireError (R_WIRE_MALFORMED for 0, R_WIRE_TOO_LONG above the limit)."""
    if length == 0:
        raise WireError(codes.R_WIRE_MALFORMED, "a frame of length 0")
    if length > limit:
        raise WireError(codes.R_WIRE_TOO_LONG, f"a frame of {length} bytes, the limit is {limit}")


class FrameReader:
    """Cuts a stream of bytes into payloads.

    `feed` accepts pieces of any size; iterate over it to get complete payloads. After a WireError the stream is unusable:
    every further call raises it again. At most `limit` + 4 bytes are kept in addition to the last piece.
    """

    __slots__ = ("_buffer", "_error", "limit")

    def __init__(self, limit: int = MAX_SERVER_PAYLOAD) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._error: WireError | None = None

    @property
    def pending(self) -> int:
        """Number of bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The payloads that `data` completes, in order. Raises WireError after the last good one. Exhaust it before the next call."""
        if self._error is not None:
            raise self._error
        buffer = self._buffer
        buffer += data
        position = 0
        try:
            while len(buffer) - position >= PREFIX:
                length = int.from_bytes(buffer[position : position + PREFIX], "little")
                try:
                    check_length(length, self.limit)
                except WireError as error:
                    self._error = error
                    raise
                end = position + PREFIX + length
                if end > len(buffer):
                    break
                payload = bytes(buffer[position + PREFIX : end])
                position = end
                yield payload
        finally:
            del buffer[:position]

"""Frames: a u32 little-endian length, then that many bytes (one MessagePack array). Incremental, bounded, no I/O.

The length counts the payload only. 0 and anything above the limit end the connection: a length that is wrong cannot be skipped.
"""

from collections.abc import Iterator

from . import codes
from .messages import WireError

PREFIX = 4
MAX_LOGON_BYTES = 4096  # what an unknown peer may send in all before it is logged on
MAX_CLIENT_PAYLOAD = 64 * 1024
MAX_SERVER_PAYLOAD = 4 * 1024 * 1024  # the snapshot of a very deep book


def frame(payload: bytes) -> bytes:
    """The payload with its length in front."""
    return len(payload).to_bytes(PREFIX, "little") + payload


def check_length(length: int, limit: int) -> None:
    """Raises WireError (R_WIRE_MALFORMED for 0, R_WIRE_TOO_LONG above the limit)."""
    if length == 0:
        raise WireError(codes.R_WIRE_MALFORMED, "a frame of length 0")
    if length > limit:
        raise WireError(codes.R_WIRE_TOO_LONG, f"a frame of {length} bytes, the limit is {limit}")


class FrameReader:
    """Cuts a stream of bytes into payloads.

    `feed` takes any piece, also single bytes; iterate over it to get what is whole. After a WireError the stream is of no more use:
    every further call raises it again. At most `limit` + 4 bytes are kept beyond what was fed last.
    """

    __slots__ = ("_buffer", "_error", "limit")

    def __init__(self, limit: int = MAX_SERVER_PAYLOAD) -> None:
        self.limit = limit
        self._buffer = bytearray()
        self._error: WireError | None = None

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Payloads that `data` completes, in order. Raises WireError behind the last good one; exhaust it before feeding again."""
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

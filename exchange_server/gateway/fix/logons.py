"""Remembers recently accepted Logons, so that a replayed copy is refused.

A Logon with 141=Y (or a signature) is valid as long as its SendingTime is within the tolerance: an eavesdropper could send the same bytes
again and reset the session's numbers. So (52, 34, 10) of each accepted Logon is remembered until its time is out of the tolerance. A restart
loses this memory, but the newest SendingTime of each session is in its row (S_LOGON_SENT, journaled with C_LOGON). Until a session has logged
on once since the start, a Logon that resets the numbers must be newer than that.
"""

import base64
from collections import deque

from protocol import credentials
from protocol.fix_messages import FixMessage, parse_timestamp

from ..credentials import FixProof

UNJUDGED_NS = 600_000_000_000  # how long a Logon is remembered if SendingTime is not checked


class LogonMemory:
    """One per server, shared by its connections."""

    def __init__(self) -> None:
        self._taken: set[tuple[int, bytes, bytes, bytes]] = set()
        self._order: deque[tuple[int, tuple[int, bytes, bytes, bytes]]] = deque()  # (time after which it is forgotten, key)
        self._met: set[int] = set()  # sessions that have logged on since the start

    def __len__(self) -> int:
        return len(self._taken)

    def repeated(self, session: int, message: FixMessage, newest_ns: int, now_ns: int) -> bool:
        """Has this Logon been accepted before? newest_ns: S_LOGON_SENT of the session."""
        while self._order and self._order[0][0] < now_ns:
            self._taken.discard(self._order.popleft()[1])
        if _key(session, message) in self._taken:
            return True
        fresh = message.get(141) == b"Y" or 96 in message
        return fresh and session not in self._met and sent(message) <= newest_ns

    def took(self, session: int, message: FixMessage, skew_ns: int, now_ns: int) -> None:
        """The Logon has been accepted: remember it."""
        key = _key(session, message)
        self._met.add(session)
        self._taken.add(key)
        self._order.append((now_ns + (2 * skew_ns or UNJUDGED_NS), key))


def sent(message: FixMessage) -> int:
    """SendingTime in ns; 0 if it is missing or invalid."""
    return parse_timestamp(message.get(52)) or 0


def proof_of(message: FixMessage) -> FixProof:
    """What a Logon brings to prove who sends it. RawData (96) that is not the base64 text of something is a wrong signature."""
    signature = None
    if 96 in message:
        try:
            signature = base64.b64decode(message.get(96), validate=True)
        except ValueError:
            signature = b""
    signed = credentials.fix_message(*(message.get(tag) for tag in (52, 35, 34, 49, 56)))
    return FixProof(message.text(56), message.text(49), message.text(553), message.text(554), signature, signed)


def _key(session: int, message: FixMessage) -> tuple[int, bytes, bytes, bytes]:
    return session, message.get(52), message.get(34), message.get(10)

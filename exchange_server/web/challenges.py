"""Logons in two steps: the exchange's own challenge is passed to the client, and the client's proof of it to the exchange. What the proof is made with
never comes here."""

import asyncio
import secrets
from collections.abc import Callable
from typing import NamedTuple

from protocol import codes

from .desk import Desk
from .link import Knock
from .problems import Refusal, refusal
from .words import hashed

LIFE_S = 4.5  # the exchange closes a connection without a logon after five seconds
MOST = 256


class Challenge(NamedTuple):
    """One that waits for its proof. kind: client or operator."""

    kind: str
    name: str
    key_id: str
    ends: float
    connection: Knock | Desk


class Challenges:
    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self._waiting: dict[bytes, Challenge] = {}

    def admit(self) -> None:
        """Raises Refusal when too many wait."""
        self.sweep()
        if len(self._waiting) >= MOST:
            raise refusal(codes.R_OVERLOAD, f"{MOST} challenges wait for their answer", limit=MOST)

    def put(self, kind: str, name: str, key_id: str, connection: Knock | Desk) -> tuple[str, Challenge]:
        """(its id, the challenge)."""
        token = secrets.token_urlsafe(16)
        made = Challenge(kind, name, key_id, self.now() + LIFE_S, connection)
        self._waiting[hashed(token)] = made
        asyncio.get_running_loop().call_later(LIFE_S + 0.1, self.sweep)
        return token, made

    def take(self, token: str, kind: str, name: str, key_id: str) -> Challenge:
        """The challenge, used up. Raises Refusal: it is another's, or over."""
        found = self._waiting.pop(hashed(token), None)
        if (
            found is None
            or found.ends < self.now()
            or (found.kind, found.name, found.key_id) != (kind, name, key_id)
            or _lost(found.connection)
        ):
            if found is not None:
                found.connection.close()
            raise _over()
        return found

    def sweep(self) -> None:
        now = self.now()
        for key in [key for key, one in self._waiting.items() if one.ends < now]:
            self._waiting.pop(key).connection.close()


def _lost(connection: Knock | Desk) -> bool:
    return connection.lost if isinstance(connection, Knock) else bool(connection.ended)


def _over() -> Refusal:
    return refusal(codes.R_CHALLENGE_OVER)

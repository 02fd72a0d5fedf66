"""Who is logged on here: clients, by their binary session at the exchange, and operators, by a principal's connection."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .desk import Desk
from .trader import Trader
from .words import hashed

LIFE_S = 12 * 3600
TOKEN_BYTES = 32

Answers = OrderedDict[str, tuple[bytes, "asyncio.Future[Any]"]]  # by Idempotency-Key: hash of the request, answer


class Party:
    """A login or principal, and the web sessions that use it. `listeners`: streams."""

    kind = "client"

    def __init__(self, name: str) -> None:
        self.name = name
        self.users: set[WebSession] = set()
        self.listeners: list[Callable[[Any], None]] = []  # get each report; None: the connection was lost or made
        self.answers: Answers = OrderedDict()

    def report(self, report: Any) -> None:
        for listener in list(self.listeners):
            listener(report)

    async def close(self) -> None:
        """Log out of the exchange."""


class Login(Party):
    """One binary session."""

    def __init__(self, trader: Trader) -> None:
        super().__init__(trader.login)
        self.trader = trader
        self.entry: tuple[float, Any] = 0.0, None  # when it was asked (monotonic), a reference.Entry or None
        trader.on_report = self.report
        trader.on_state = lambda up: self.report(None)

    async def close(self) -> None:
        await self.trader.close()


class Operator(Party):
    """One connection of a principal. `known`: what the exchange said that it may do (`whoami`)."""

    kind = "operator"

    def __init__(self, name: str, desk: Desk, known: dict[str, Any], answers: Answers) -> None:
        """answers: of all sessions of the principal."""
        super().__init__(name)
        self.answers = answers
        self.desk, self.known = desk, known
        self.decimals: dict[str, int] = {}  # of the assets it has asked for

    async def close(self) -> None:
        self.desk.close()


class WebSession:
    def __init__(self, party: Party, cookie: bool, now: float) -> None:
        self.party, self.cookie = party, cookie
        self.token = secrets.token_urlsafe(TOKEN_BYTES)  # given out once, then only its hash is kept
        self.csrf = secrets.token_urlsafe(TOKEN_BYTES)
        self.ends = now + LIFE_S
        self.used = now
        self.streams = 0
        self.key = hashed(self.token)

    @property
    def trader(self) -> Trader:
        assert isinstance(self.party, Login)
        return self.party.trader

    @property
    def operator(self) -> Operator:
        assert isinstance(self.party, Operator)
        return self.party

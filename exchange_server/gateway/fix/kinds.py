"""The kinds of FIX sessions: what a session is for. The scope of the key with which it logs on chooses."""

from collections.abc import Callable
from typing import Any, Protocol

from protocol.fix_messages import FixMessage, Problem

from ..connection import ORDER_ENTRY, READ, TurnInput
from .order_entry import OrderEntry, ReadOnly


class Kind(Protocol):
    """The purpose of a session. One object for each logged-on session."""

    hot: frozenset[str]  # message types that the decode kernel handles; empty: all go through plain Python

    def logon_flags(self, logon: FixMessage) -> int:
        """LOGON_* flags for what a Logon asks of this kind."""

    def take(self, message: FixMessage, turn: TurnInput) -> Problem | None:
        """Add the rows of one application message that arrived in sequence; returns the Problem if its form is wrong."""


KINDS: dict[str, Callable[[Any, int], Kind]] = {ORDER_ENTRY: OrderEntry, READ: ReadOnly}  # (engine, session) -> the kind; chosen at logon

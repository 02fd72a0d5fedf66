"""When a market is final: with the last account that is paid, which may be many turns after the act that began it."""

from typing import Any

import msgspec

from .. import state
from .definitions import Definitions
from .engine_like import EngineLike
from .tables import Event


def became_final(registry: Definitions, event_id: int, at_ns: int) -> None:
    """The core has paid the last account of an event under its newest determination."""
    event = registry.events.get(event_id)
    if event is not None and event.determinations:
        newest = msgspec.structs.replace(event.determinations[-1], final_at_ns=at_ns)
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations[:-1], newest)))


def paid(engine: EngineLike, event: Event, version: int, text: str) -> tuple[str, dict[str, Any]]:
    """Text and result of an act that pays. text: what it says when all accounts have been paid in one act, as of a small market."""
    going_on = state.Event.of(engine.m, event.id).settling != 0
    said = f"{event.name} is being paid, version {version}: it is final when the last account has been paid" if going_on else text
    return said, {"event": event.id, "version": version, "final": int(not going_on)}

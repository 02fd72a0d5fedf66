"""When a market, or a contract ahead of it, is final: with the last account that is paid, which may be many turns after the act that began it."""

from typing import Any

import msgspec

from .. import state
from .definitions import Definitions
from .engine_like import EngineLike
from .tables import Event


def became_final(registry: Definitions, paid: state.Paid) -> None:
    """The core has paid the last account of an event under its newest determination, or for one contract of it."""
    event = registry.events.get(paid.event)
    if event is None:
        return
    if paid.contract:
        known = event.ahead_of(paid.contract - event.first_instrument)
        registry.put_event(event.with_ahead(known, final_at_ns=paid.at_ns))
    elif event.determinations:
        newest = msgspec.structs.replace(event.determinations[-1], final_at_ns=paid.at_ns)
        registry.put_event(msgspec.structs.replace(event, determinations=(*event.determinations[:-1], newest)))


def paid(engine: EngineLike, event: Event, version: int, text: str, result: dict[str, Any], what: str = "") -> tuple[str, dict[str, Any]]:
    """Text and result of an act that pays an event, or `what` of it. text: what it says when all accounts have been paid in one act, as of a small
    market."""
    going_on = state.Event.of(engine.m, event.id).settling != 0
    said = f"{what or event.name} is being paid, version {version}: it is final when the last account has been paid" if going_on else text
    return said, {**result, "final": int(not going_on)}

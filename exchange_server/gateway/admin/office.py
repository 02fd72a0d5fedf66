"""What the operator's verbs answer: one office for all admin connections of a server."""

from collections.abc import Callable
from typing import Any

from config.plan import items_from_builtins

from ...registry import AdminAnswer, Refused, Registry
from ...registry.market_view import market_view

Verb = Callable[[dict[str, Any]], Any]


class BadRequest(Exception):
    """The request cannot be carried out; the text is the answer."""


class Office:
    """What the admin connections of one server share: where answers come from, and the verbs."""

    def __init__(
        self,
        registry: Registry,
        arena: Any,
        expect: Callable[[int, Callable[[AdminAnswer], None]], None],
        status: Callable[[], dict[str, Any]],
        stop: Callable[[], None],
        extra: dict[str, Verb] | None = None,
        try_out: Callable[[tuple[Any, ...]], tuple[int, str] | None] | None = None,
    ) -> None:
        """arena: the engine's word array. expect(offset, callback): who gets the answer of the ADMIN row at that offset of the turn.
        try_out(records): what a configuration with them would be refused for."""
        self.registry = registry
        self.arena = arena
        self.expect = expect
        self._stop_server = stop
        self.try_out = try_out or (lambda records: None)
        self.acts = 0
        self.accept_clock: Callable[[str], None] = lambda who: None  # given by the composition root
        self.verbs: dict[str, Verb] = {
            "markets": self._markets,
            "plan": self._plan,
            "assets": lambda request: {"assets": registry.decimals()},
            "status": lambda request: status(),
            "stop": self._stop,
            **(extra or {}),
        }

    def _stop(self, request: dict[str, Any]) -> Any:  # noqa: ARG002 (Verb)
        self._stop_server()
        return {}

    def _markets(self, request: dict[str, Any]) -> Any:
        event = request.get("event", "")
        if not isinstance(event, str):
            raise BadRequest("event: a name is wanted")
        return {"markets": market_view(self.registry, self.arena, event)}

    def _plan(self, request: dict[str, Any]) -> Any:
        items = request.get("items")
        if not isinstance(items, list):
            raise BadRequest("items: a list is wanted")
        try:
            found = self.registry.plan(items_from_builtins(items))
            self.registry.refuse_mixing(str(request.get("name", "the configuration")), bool(request.get("sandbox", False)))
        except Refused as refused:
            raise BadRequest(refused.text) from refused
        except (ValueError, TypeError, KeyError) as error:
            raise BadRequest(f"items: {error}") from error
        refused_item = self.try_out(tuple(found.records()))
        refused_at = None
        if refused_item is not None:
            item = found.order[refused_item[0]]
            refused_at = {"file": item.file, "path": item.path, "text": refused_item[1]}
        return {"lines": found.lines(self.registry.decimals()), "same": found.same, "refused": refused_at}

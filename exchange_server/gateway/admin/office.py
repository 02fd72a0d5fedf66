"""Answers the operator's verbs; one Office for all admin connections of a server."""

from collections.abc import Callable, Generator
from typing import Any

from config import admin_records as ar
from protocol import codes

from ...registry import AdminAnswer, Registry, Trial, Tried, revision_view, revisions, rule_view
from ...registry import member_view as members
from ...registry.access import CHECK, Sight
from ...registry.key_view import key_view
from ...registry.market_view import market_view
from ...registry.risk_view import risk_view
from ..credentials import Judge

Verb = Callable[[dict[str, Any]], Any]
# An answer that takes several turns: each step does a slice of the work. What it yields is sent as a piece, if it is not None; what it returns is the last answer.
Slices = Generator[Any, None, Any]


class BadRequest(Exception):
    """The request cannot be carried out; the text is the answer."""

    def __init__(self, text: str, code: int = codes.R_BAD_COMMAND) -> None:
        super().__init__(text)
        self.code = code


class Office:
    """Shared by the admin connections of one server: the verbs and the sources of their answers."""

    def __init__(
        self,
        registry: Registry,
        arena: Any,
        expect: Callable[[int, Callable[[AdminAnswer], None]], None],
        try_out: Callable[[ar.Configuration], Trial],
        try_act: Callable[[ar.AnyRecord], Tried],
        status: Callable[[], dict[str, Any]],
        stop: Callable[[], None],
        extra: dict[str, Verb] | None = None,
    ) -> None:
        """arena: the engine's word array. expect(offset, callback): `callback` gets the answer to the ADMIN row at that offset of the turn.
        try_out: what a configuration would do; try_act: what any other record would do."""
        self.registry = registry
        self.arena = arena
        self.expect = expect
        self._stop_server = stop
        self.try_out = try_out
        self.try_act = try_act
        self.acts = 0
        self.judge = Judge(registry)  # makes verifiers of secrets; the composition root gives one that does it in threads
        self.accept_clock: Callable[[str], None] = lambda who: None  # given by the composition root
        self.verbs: dict[str, Verb] = {
            "markets": self._markets,
            "plan": self._plan,
            "keys": self._keys,
            "assets": lambda request: {"assets": registry.decimals()},
            "running": self._running,
            "revisions": self._revisions,
            "revision": self._revision,
            "export": self._export,
            "status": lambda request: status(),
            "listing": self._listings,
            "rules": lambda request: self._rules(request, "venue"),
            "tags": lambda request: self._rules(request, "firm"),
            "risk": lambda request: risk_view(registry, arena, self._sight(request)),
            "stop": self._stop,
            **{kind: self._members(kind) for kind in members.VIEWS},
            **(extra or {}),
        }

    def _stop(self, request: dict[str, Any]) -> Any:  # noqa: ARG002 (Verb)
        self._stop_server()
        return {}

    def _markets(self, request: dict[str, Any]) -> Any:
        return {"markets": market_view(self.registry, self.arena, _name(request, "event"))}

    def _sight(self, request: dict[str, Any]) -> Sight:  # noqa: ARG002 (every request of this socket has every right)
        return Sight(self.registry, CHECK, 0)

    def _members(self, kind: str) -> Verb:
        """The verb that shows all rows of a kind, or the one that `name` says."""
        return lambda request: {"rows": members.view(self.registry, self.arena, kind, _name(request, "name"), self._sight(request))}

    def _listings(self, request: dict[str, Any]) -> Any:
        return {"rows": members.listing_view(self.registry, _name(request, "venue"), _name(request, "event"), self._sight(request))}

    def _rules(self, request: dict[str, Any], kind: str) -> Any:
        """Access rules, quotas and freezes of venues, or tags of firms: of all, or of the one that `name` says."""
        name, sight = _name(request, "name"), self._sight(request)
        if name:
            sight.find(kind, (), name)
        if kind == "firm":
            return {"rows": rule_view.firms(self.registry, name, sight.sees)}
        return {"rows": rule_view.venues(self.registry, self.arena, name, sight.sees)}

    def _keys(self, request: dict[str, Any]) -> Any:
        """Keys, without what they are checked against: of one id, of one holder, or all."""
        wanted = [request.get(field, "") for field in ("key", "holder", "name")]
        if not all(isinstance(value, str) for value in wanted):
            raise BadRequest("key, holder, name: texts are required")
        return {"keys": key_view(self.registry, *wanted)}

    def _plan(self, request: dict[str, Any]) -> Any:
        """What a record would do, and what it would be refused for; of a configuration or a rollback record by record."""
        try:
            record = ar.from_builtins(request.get("record"))
        except ValueError as error:
            raise BadRequest(f"record: {error}") from error
        back: dict[str, Any] = {}
        if isinstance(record, ar.Rollback):
            record, cannot = revision_view.rollback_view(self.registry, record)
            back = {"cannot": cannot, "records": record.records}
        if isinstance(record, ar.Configuration):
            return {**revision_view.plan_view(self.registry, record, self.try_out(record)), **back}
        tried = self.try_act(record)
        changes = [] if tried.change is None else [tried.change]
        return {"changes": changes, "refusals": [] if tried.refusal is None else [tried.refusal], "text": tried.text}

    def _running(self, request: dict[str, Any]) -> Any:  # noqa: ARG002 (Verb)
        """What a file is read with: the decimals of the assets, the settings, the running revision."""
        registry = self.registry
        begun = registry.begun
        return {
            "assets": registry.decimals(),
            "settings": registry.settings,
            "revision": revisions.newest(registry),
            "capacities": begun.capacities if begun is not None else {},
        }

    def _revisions(self, request: dict[str, Any]) -> Any:
        return revision_view.revisions_view(self.registry, _number(request, "most", 100))

    def _revision(self, request: dict[str, Any]) -> Any:
        return revision_view.revision_view(self.registry, _number(request, "number", 0))

    def _export(self, request: dict[str, Any]) -> Any:
        return revision_view.export_view(self.registry, _name(request, "venue"))


def _number(request: dict[str, Any], key: str, default: int) -> int:
    value = request.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f"{key}: a whole number is required")
    return value


def _name(request: dict[str, Any], key: str) -> str:
    """A name in a request, "" when it has none."""
    name = request.get(key, "")
    if not isinstance(name, str):
        raise BadRequest(f"{key}: a name is required")
    return name

"""Answers the operator's verbs; one Office for all admin connections of a server."""

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes

from ... import state
from ...registry import AdminAnswer, Registry, Tried, access_view, budgets, checks, held_orders, revision_view, revisions, rule_view
from ...registry import member_view as members
from ...registry.access import Sight, authorise
from ...registry.account_view import account_view
from ...registry.configuration import Trying, exhausted
from ...registry.key_view import key_view
from ...registry.market_view import market_view
from ...registry.risk_view import risk_view
from ...registry.roles import Role, holders
from ...registry.schedule_view import schedule_view, series_view
from ...registry.scopes import Place
from ..credentials import Judge

Verb = Callable[[dict[str, Any]], Any]
SeenVerb = Callable[[dict[str, Any], Sight], Any]
PAGE_MOST, PAGE_SLICE, PAGE_ROWS = 500, 1000, 50  # rows of a page; rows that are looked at, and rows that are made, in a turn
PLAN_SLICE, PLAN_TRIES = 50, 3  # definitions that a plan tries in a turn; how often it begins again when something changed meanwhile
# An answer that takes several turns: each step does a slice of the work. What it yields is sent as a piece, if it is not None; what it returns is the last answer.
Slices = Generator[Any, None, Any]
Finding = Generator[None, None, ar.Bust]  # finds the legs of a bust, a step in each turn


class BadRequest(Exception):
    """The request cannot be carried out; the text is the answer. `code`: R_*."""

    def __init__(self, text: str, code: int = codes.R_BAD_COMMAND) -> None:
        super().__init__(text)
        self.code = code


def _without_store(record: ar.Bust) -> Finding:
    """No trade is known without an event store."""
    yield
    return msgspec.structs.replace(record, event="", legs=())


class Office:
    """Shared by the admin connections of one server: the verbs and the sources of their answers."""

    def __init__(
        self,
        registry: Registry,
        arena: Any,
        expect: Callable[[int, Callable[[AdminAnswer], None]], None],
        trying: Callable[[ar.Configuration, str], Trying],
        try_act: Callable[[ar.AnyRecord, str], Tried],
        status: Callable[[], dict[str, Any]],
        stop: Callable[[], None],
        extra: Mapping[str, Verb] | None = None,
    ) -> None:
        """arena: the engine's word array. expect(offset, callback): `callback` gets the answer to the ADMIN row at that offset of the turn.
        trying: what a configuration of this asker would do, a step for each record; try_act: what any other record would do.

        `seen` answers a verb with what the asker sees. `verbs` are about the whole platform: only roles for the platform get an answer. The table
        of roles says who may ask what."""
        self.registry = registry
        self.arena = arena
        self.expect = expect
        self._stop_server, self._status = stop, status
        self.trying = trying
        self.try_act = try_act
        self.acts = 0
        self.capacities: dict[str, int] = {}  # of the running tables; given by the composition root
        self.judge = Judge(registry)  # makes verifiers of secrets; the composition root gives one that does it in threads
        self.log: Callable[..., None] = lambda level, event, **fields: None
        self.operators: frozenset[str] | None = None  # `uid:N` that may use the operator's socket; None: all who can open it
        self.legs_of: Callable[[ar.Bust], Finding] = _without_store  # given by the composition root
        self.accept_clock: Callable[[str], None] = lambda who: None  # given by the composition root
        self.verbs: dict[str, Verb] = {"stop": self._stop, **(extra or {})}
        views = access_view
        self.seen: dict[str, SeenVerb] = {
            "markets": lambda request, sight: {
                "markets": views.markets_seen(registry, sight, market_view(registry, arena, _name(request, "event")))
            },
            "accounts": lambda request, sight: views.accounts_seen(registry, sight, account_view(registry, arena)),
            "keys": self._keys,
            "assets": lambda request, sight: {"assets": registry.decimals()},
            "running": self._running,
            "export": self._export,
            "revisions": self._revisions,
            "revision": self._revision,
            "status": lambda request, sight: views.status_seen(registry, sight, status()),
            "plan": self._plan,
            "listing": self._listings,
            "rules": lambda request, sight: self._rules(request, sight, "venue"),
            "tags": lambda request, sight: self._rules(request, sight, "firm"),
            "risk": lambda request, sight: risk_view(registry, arena, sight),
            "budget": lambda request, sight: {"rows": self._budgets(request, sight)},
            "whoami": lambda request, sight: views.whoami(sight),
            "principal": self._principals,
            "schedule": self._schedule,
            "series": lambda request, sight: {"rows": series_view(registry, sight, _name(request, "name"))},
            "pending": lambda request, sight: {"rows": views.pending_view(registry, sight) + held_orders.view(registry, arena, sight)},
            **{kind: self._members(kind) for kind in members.VIEWS},
        }

    def admit(self, who: str) -> None:
        """Raises BadRequest for a user of this machine who is no operator."""
        if self.operators is not None and who.startswith("uid:") and who not in self.operators:
            text = f"{who} is no operator of this server (setting operators of [server]: {', '.join(sorted(self.operators))})"
            raise BadRequest(text, codes.R_NOT_AUTHORISED)

    def known(self) -> list[str]:
        return sorted({"admin", *self.verbs, *self.seen})

    def ask(self, who: str, verb: str, request: dict[str, Any], now_ns: int) -> Any:
        """The answer to a question, as far as the asker may have it. now_ns: exchange time. Raises BadRequest."""
        sight = Sight(self.registry, who, now_ns)
        if verb not in self.verbs and verb not in self.seen:
            raise BadRequest(f"unknown verb {verb[:40]!r}; known: {', '.join(self.known())}")

        def may(role: Role) -> bool:
            return role.may_ask(verb)

        if not sight.may_anywhere(may):
            able = " or ".join(holders(may))
            raise BadRequest(f"the verb {verb} needs the role {able}; {who} has {sight.roles_text()}", codes.R_NOT_AUTHORISED)
        if verb in self.seen:
            return self.seen[verb](request, sight if sight.every_right or verb == "whoami" else sight.only(may))
        if not sight.may(may, Place()):
            raise BadRequest(f"the verb {verb} is about the whole platform; {who} has {sight.roles_text()}", codes.R_NOT_AUTHORISED)
        return self.verbs[verb](request)

    def _stop(self, request: dict[str, Any]) -> Any:
        """Stop the server; `dry_run`: say who would be logged out, and do not."""
        if request.get("dry_run"):
            return {"logged_on": self._status()["logged_on"], "open_orders": state.Header(self.arena).open_orders}
        self._stop_server()
        return {}

    def _members(self, kind: str) -> SeenVerb:
        """The verb that shows the rows of a kind, or the one that `name` says."""

        def rows(request: dict[str, Any], sight: Sight) -> Any:
            limit = _number(request, "limit", 0)
            if limit:
                return self._member_page(kind, min(limit, PAGE_MOST), _number(request, "after", 0), sight)
            found = members.view(self.registry, self.arena, kind, _name(request, "name"), sight)
            return {"rows": access_view.members_seen(self.registry, sight, kind, found)}

        return rows

    def _member_page(self, kind: str, limit: int, after: int, sight: Sight) -> Slices:
        """The next rows of a kind that the asker sees, with ids above `after`: `next` is the last one's, 0: there are no more. Many rows may have to be passed over:
        some in each turn, while others trade."""
        ids: list[int] = []
        for n, row in enumerate(members.after(sight, kind, after)):
            if n % PAGE_SLICE == PAGE_SLICE - 1:
                yield None
            if row is not None:
                ids.append(row)
                if len(ids) > limit:
                    break
        found = []
        for n, id in enumerate(ids[:limit]):
            if n % PAGE_ROWS == PAGE_ROWS - 1:
                yield None
            found.append(members.row(self.registry, self.arena, kind, id, sight))
        if kind == "firm":
            counts: dict[str, Counter[int]] = {"account": Counter(), "session": Counter()}
            for of, count in counts.items():
                for n, firm in enumerate(members.members_of(sight, of)):
                    count[firm] += 1
                    if n % PAGE_SLICE == PAGE_SLICE - 1:
                        yield None
            found = [one | {"accounts": counts["account"][id], "sessions": counts["session"][id]} for one, id in zip(found, ids)]
        rows = access_view.members_seen(self.registry, sight, kind, found)
        return {"rows": rows, "next": ids[limit - 1] if len(ids) > limit else 0}

    def _listings(self, request: dict[str, Any], sight: Sight) -> Any:
        rows = members.listing_view(self.registry, _name(request, "venue"), _name(request, "event"), sight)
        return {"rows": access_view.listings_seen(self.registry, sight, rows)}

    def _rules(self, request: dict[str, Any], sight: Sight, kind: str) -> Any:
        """Access rules, quotas and freezes of venues, or tags of firms: of all, or of the one that `name` says."""
        name = _name(request, "name")
        if name:
            sight.find(kind, (), name)
        if kind == "firm":
            return {"rows": rule_view.firms(self.registry, name, sight.sees)}
        return {"rows": rule_view.venues(self.registry, self.arena, name, sight.sees)}

    def _budgets(self, request: dict[str, Any], sight: Sight) -> Any:
        """Budgets of sessions and what is left of them: of all, or of the one that `name` says."""
        name = _name(request, "name")
        if name:
            sight.find("session", (), name)
        return budgets.view(self.registry, self.arena, name, sight.sees)

    def _keys(self, request: dict[str, Any], sight: Sight) -> Any:
        """Keys, without what they are checked against: of one id, of one holder, or all."""
        wanted = [request.get(field, "") for field in ("key", "holder", "name")]
        if not all(isinstance(value, str) for value in wanted):
            raise BadRequest("key, holder, name: texts are required")
        return {"keys": access_view.keys_seen(self.registry, sight, key_view(self.registry, *wanted))}

    def _schedule(self, request: dict[str, Any], sight: Sight) -> Any:
        """Scheduled acts: the one with the number `act`, those about an event, or all; those that have ended too if `ended`."""
        event, id, ended = _name(request, "event"), _number(request, "act", 0), request.get("ended", False)
        if not isinstance(ended, bool):
            raise BadRequest("ended: true or false is required")
        if event:
            sight.find("event", "event", event)
        found = schedule_view(self.registry, sight, id, f"event:{event}" if event else "", ended)
        if id and not found:
            raise checks.no_schedule(id)
        return {"rows": found}

    def _principals(self, request: dict[str, Any], sight: Sight) -> Any:
        return {"rows": access_view.principals_view(self.registry, sight, _name(request, "name"))}

    def _plan(self, request: dict[str, Any], sight: Sight) -> Any:
        """What a record would do, and what it would be refused for; of a configuration or a rollback record by record."""
        try:
            record = ar.from_builtins(request.get("record"))
        except ValueError as error:
            raise BadRequest(f"record: {error}") from error
        back: dict[str, Any] = {}
        if isinstance(record, ar.Rollback) or (isinstance(record, ar.Configuration) and record.settings is not None):
            authorise(self.registry, sight.who, record, sight.now_ns)  # what they are about is the platform's, and is not shown to others
        if isinstance(record, ar.Rollback):
            record, cannot = revision_view.rollback_view(self.registry, record)
            back = {"cannot": cannot, "records": record.records}
        if isinstance(record, ar.Configuration):
            if len(record.records) > PLAN_SLICE:
                return self._planned(record, sight.who, back)
            return {**revision_view.plan_view(self.registry, record, exhausted(self.trying(record, sight.who))), **back}
        tried = self.try_act(record, sight.who)
        changes = [] if tried.change is None else [tried.change]
        return {
            "changes": changes,
            "refusals": [] if tried.refusal is None else [tried.refusal],
            "text": tried.text,
            "waits": tried.waits,
            "cancels": tried.cancels,
        }

    def _planned(self, record: ar.Configuration, who: str, back: dict[str, Any]) -> Slices:
        """The plan of a long configuration, PLAN_SLICE records in each turn, while others trade. It is begun again when a definition changes
        meanwhile; the last time it is made without a pause."""
        for _ in range(PLAN_TRIES):
            version, work = self.registry.version, self.trying(record, who)
            while self.registry.version == version:
                try:
                    done = next(work)
                except StopIteration as ended:
                    return {**revision_view.plan_view(self.registry, record, ended.value), **back}
                if done % PLAN_SLICE == 0:
                    yield {"done": done, "of": len(record.records)}
        return {**revision_view.plan_view(self.registry, record, exhausted(self.trying(record, who))), **back}

    def _running(self, request: dict[str, Any], sight: Sight) -> Any:
        """What a file is read with: the decimals of the assets, the running revision, what this asker's `file` made, and for the platform's the
        settings and capacities."""
        registry = self.registry
        return {
            "assets": registry.decimals(),
            "settings": registry.settings if sight.whole else {},
            "revision": revisions.newest(registry),
            "capacities": self.capacities if sight.whole else {},
            "owned": revisions.owned(registry, sight.who, _name(request, "file")),
            "venues": [venue.name for venue in registry.venues if sight.sees("venue", venue)],
        }

    def _revisions(self, request: dict[str, Any], sight: Sight) -> Any:
        return revision_view.revisions_view(self.registry, _number(request, "most", 100), sight)

    def _revision(self, request: dict[str, Any], sight: Sight) -> Any:
        return revision_view.revision_view(self.registry, _number(request, "number", 0), sight)

    def _export(self, request: dict[str, Any], sight: Sight) -> Any:
        venue = _name(request, "venue")
        sight.find("venue", (), venue)
        return revision_view.export_view(self.registry, venue)


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

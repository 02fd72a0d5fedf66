"""The operator's socket: JSON lines in, JSON lines out; a request that changes something becomes a journaled ADMIN row.

Request `{"id": 1, "verb": "admin", "record": {"type": "phase", ...}}`, answer `{"id": 1, "ok": true, "code": 0, "text": "...", "result": {...}}`.

| verb | asks for |
|---|---|
| admin | an act: `record` is one of config/admin_records.py; carried out once it is durable, `who` is the peer's uid |
| plan | what a configuration would change, and why it would be refused: `record` is one of type configuration |
| assets | the decimals of all assets |
| markets | markets with prices; `event` names one |
| asset, venue, firm, account, session | all of a kind, or the one that `name` says: records without secrets, and how they are now |
| listing | the offers of all venues; `venue` or `event` names one |
| keys | keys without what they are checked against; `key`, `holder` or `name` names some |
| risk | kill switches that are on, restrictions, throttles |
| statement | every change of an account's balance (statement.py) |
| reports | how far the event store's files may be read, and names of ids in them (report_names.py) |
| status | counters, capacities, sessions |
| accounts | balances, positions, open orders |
| keys | keys of sessions and principals, without what they are checked against |
| principal | who may do what; `name` names one |
| schedule | acts that wait for their time; `event` or `act` (its number) names some, `ended`: true shows those that have ended too |
| series | series with the next listing and their markets; `name` names one |
| pending | acts that wait for a second person |
| whoami | the asker and its roles |
| stop | a clean stop |
and the verbs that the composition root adds (`extra`). An act that is doubtful is carried out and answered with `warnings`, a sentence each. The answer to a refused act also has `refusal`: code, key (names and numbers that lead to the
field), sentence, limit, used, asked, and for a configuration the index of the record. Every answer is held until the journal is durable, like all
output. A plain `secret` in a record becomes a verifier before the request goes on; a secret that the server makes for a key is in the answer's
result, once. A line that is not a valid request is answered with R_BAD_COMMAND and the reason; a line longer than BUFFER ends the connection.
"""

from collections.abc import Generator
from typing import Any

import msgspec

from config import admin_records as ar
from protocol import codes

from ...registry import AdminAnswer, Refusal, Refused
from ...registry.access import Sight
from ...registry.roles import holders, tag_of
from .. import verifiers
from ..connection import Connection, Outlet, SessionTable, TurnInput
from ..credentials import Crowded
from ..slow import Job
from .office import BadRequest, Finding, Office, Slices

LINES_PER_TURN = 64


class AdminConnection(Connection):
    """The server's side of one operator's connection."""

    __slots__ = ("accepts_clock", "archive", "asked", "finding", "made", "office", "parts", "securing", "slices", "tag", "waiting", "who")

    FIRST_BUFFER = 64 * 1024
    BUFFER = 4 * 1024 * 1024
    LOGS_ON = False  # the kernel says who it is

    def __init__(self, now_ns: int, outlet: Outlet, table: SessionTable, office: Office, who: str) -> None:
        """who: `uid:N` of the peer, from the kernel."""
        super().__init__(codes.WIRE_NONE, table, now_ns, outlet)
        self.office = office
        self.who = who
        self.parts: list[bytes] = []  # parts of a record that are not in a turn yet
        self.accepts_clock = False
        self.archive = ""  # digest of the archive whose parts are coming
        self.asked: Any = None  # the request that they belong to
        self.tag = ""  # of the record that is being sent
        self.waiting = 0  # acts not yet answered
        self.slices: tuple[Any, Slices] | None = None  # id of a request and the rest of the work on its answer; nothing is read meanwhile
        self.finding: tuple[Any, Finding] | None = None  # the legs of a bust are being found
        self.securing: tuple[Job, Any, dict[str, Any]] | None = None  # verifiers are being made for this request
        self.made = ""  # the secret that the server made for the record being sent: told with its answer, once

    def gather(self, turn: TurnInput) -> bool:
        for _ in range(LINES_PER_TURN):
            if self.slices is not None:
                self._slice(*self.slices)
                return True
            if turn.full:
                return True
            if self.parts:
                self._send_parts(turn)
                continue
            if self.finding is not None:
                self._find(turn, *self.finding)
                return True
            if self.securing is not None:
                if not self.securing[0].done:
                    return False  # a turn is given when it is
                self._secured(turn)
                continue
            data = bytes(self.view[self.start : self.end])
            line, newline, _ = data.partition(b"\n")
            if not newline:
                if self.start == 0 and self.end == self.capacity:
                    if self.capacity >= self.BUFFER:
                        self._say(None, False, codes.R_WIRE_TOO_LONG, f"a request is at most {self.BUFFER} bytes long", {})
                        self.close(codes.R_WIRE_TOO_LONG, "request too long")
                    else:
                        self.grow()
                return False
            self.start += len(line) + 1
            if line.strip():
                self._request(turn, line)
        return True

    def _request(self, turn: TurnInput, line: bytes) -> None:
        ident: Any = None
        try:
            try:
                request = msgspec.json.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise BadRequest(f"not JSON: {error}") from None
            if not isinstance(request, dict):
                raise BadRequest('a request must be an object, {"id": 1, "verb": "status"}')
            ident = request.get("id")
            self.office.admit(self.who)
            if not self._has_secrets(ident, request):
                self._dispatch(turn, ident, request)
        except BadRequest as error:
            self._say(ident, False, error.code, str(error), {})
        except Refused as error:
            self._say(ident, False, error.refusal.code, error.refusal.text, {}, error.refusal)

    def _slice(self, ident: Any, work: Slices) -> None:
        """One slice of a long answer."""
        try:
            piece = next(work)
            if piece is not None:
                self._say(ident, True, codes.OK, "", piece, more=True)
        except StopIteration as done:
            self.slices = None
            self._say(ident, True, codes.OK, "", done.value)
        except BadRequest as error:
            self.slices = None
            self._say(ident, False, error.code, str(error), {})
        except Refused as error:
            self.slices = None
            self._say(ident, False, error.refusal.code, error.refusal.text, {}, error.refusal)

    def _has_secrets(self, ident: Any, request: dict[str, Any]) -> bool:
        """Whether verifiers must be made of the request's secrets first: slow work, after which it goes on (`_secured`)."""
        if not isinstance(request.get("record"), dict):
            return False
        try:
            record = ar.from_builtins(request["record"])
        except ValueError:
            return False  # said where the record is used
        if not verifiers.needs_work(record):
            return False
        recipe, registry = verifiers.recipe_of(self.office.registry.begun), self.office.registry
        try:
            job = self.office.judge.wait(self, self.who, lambda: verifiers.secured(record, recipe, registry, self.office.judge.random))
        except Crowded:
            raise BadRequest("too many requests with secrets are waiting: send it again later") from None
        self.securing = job, ident, request
        return True

    def _secured(self, turn: TurnInput) -> None:
        """The verifiers are there: the request without its secrets is carried out."""
        assert self.securing is not None
        job, ident, request = self.securing
        self.securing = None
        self.office.judge.leave(self)
        try:
            secured = job.result()
        except Refused as refused:
            refusal = refused.refusal
            self._say(ident, False, refusal.code, refusal.text, {}, refusal)
            return
        try:
            self._dispatch(turn, ident, {**request, "record": msgspec.to_builtins(secured.record)}, secured.made)
        except BadRequest as error:
            self._say(ident, False, error.code, str(error), {})

    def _dispatch(self, turn: TurnInput, ident: Any, request: dict[str, Any], made: str = "") -> None:
        """Carry out a request without secrets. Raises BadRequest."""
        verb = request.get("verb")
        if verb == "admin":
            record = _record(request)
            if isinstance(record, ar.PartOf):
                self._admit_part(record, turn.now_ns)
            if isinstance(record, ar.Bust):
                record = msgspec.structs.replace(record, event="", legs=())
                if Sight(self.office.registry, self.who, turn.now_ns).may_anywhere(lambda role: role.may_send("bust")):
                    self.finding = ident, self.office.legs_of(record)
                else:  # the registry refuses it; nothing is looked for
                    self._act(turn, ident, record, made)
            else:
                self._act(turn, ident, record, made)
            return
        if not isinstance(verb, str):
            raise BadRequest(f"unknown verb {str(verb)[:40]!r}; known: {', '.join(self.office.known())}")
        result = self.office.ask(self.who, verb, request, turn.now_ns)
        if isinstance(result, Generator):
            self.slices = ident, result
        else:
            self._say(ident, True, codes.OK, "", result)

    def _admit_part(self, part: ar.PartOf, now_ns: int) -> None:
        """Parts are the server's own, because what it fills in itself could come within them; but for a venue's archive, of which it fills in nothing. Raises
        BadRequest."""
        if part.index == 0 and ar.begins_opening(part.data):
            sight = Sight(self.office.registry, self.who, now_ns)
            if not sight.may_anywhere(lambda role: role.may_send("opening")):
                able = " or ".join(holders(lambda role: role.may_send("opening")))
                text = f"the record opening needs the role {able}; {self.who} has {sight.roles_text()}"
                raise BadRequest(text, codes.R_NOT_AUTHORISED)
            self.archive = part.digest
        elif part.index == 0 or part.digest != self.archive:
            raise BadRequest(
                "record: a part of a record is made by the server, not sent (but for a venue's archive, from its first part on)"
            )

    def _find(self, turn: TurnInput, ident: Any, work: Finding) -> None:
        """One step of finding the legs of a bust; with them the record is sent."""
        try:
            next(work)
        except StopIteration as done:
            self.finding = None
            self._act(turn, ident, done.value, "")
        except BadRequest as error:
            self.finding = None
            self._say(ident, False, error.code, str(error), {})

    def _act(self, turn: TurnInput, ident: Any, record: ar.AnyRecord, made: str) -> None:
        try:
            self.parts = ar.pack_all(self.who, str(ident)[:128], record)
        except ValueError as error:
            raise BadRequest(f"record: {error}") from error
        self.asked, self.made, self.tag = ident, made, tag_of(record)
        self.accepts_clock = isinstance(record, ar.AcceptClock)
        self.office.acts += 1
        self.waiting += 1
        self._send_parts(turn)

    def _send_parts(self, turn: TurnInput) -> None:
        """Add the remaining parts of the record, over several turns if needed; the answer to the last part is that to the record."""
        while len(self.parts) > 1 and not turn.full:
            turn.add(codes.C_ADMIN, body=self.parts.pop(0))
        if len(self.parts) > 1 or turn.full:
            return
        at = turn.add(codes.C_ADMIN, body=self.parts.pop())
        ident, accepts_clock, made, tag = self.asked, self.accepts_clock, self.made, self.tag

        def answered(answer: AdminAnswer) -> None:
            self.waiting -= 1
            if answer.ok and accepts_clock:
                self.office.accept_clock(self.who)
            # An approved act has both names in its text.
            self.office.log("info", "act", who=self.who, record=tag, ok=answer.ok, code=answer.code, text=answer.text[:400])
            result = {**answer.result, "secret": made} if answer.ok and made else answer.result
            self._say(ident, answer.ok, answer.code, answer.text, result, answer.refusal, warnings=answer.warnings)

        self.office.expect(at, answered)

    def _say(
        self,
        ident: Any,
        ok: bool,
        code: int,
        text: str,
        result: Any,
        refusal: Refusal | None = None,
        more: bool = False,
        warnings: tuple[str, ...] = (),
    ) -> None:
        answer: dict[str, Any] = {"id": ident, "ok": ok, "code": code, "text": text, "result": result}
        if more:
            answer["more"] = True
        if refusal is not None:
            answer["refusal"] = refusal
        if warnings:
            answer["warnings"] = warnings
        self.outlet.write(msgspec.json.encode(answer) + b"\n")

    def lost(self, turn: TurnInput) -> None:
        self.office.judge.leave(self)
        super().lost(turn)

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:  # noqa: ARG002 (Connection)
        self._say(None, False, reason, text, {})
        self.close(reason, text)


def _record(request: dict[str, Any]) -> ar.AnyRecord:
    """The record of a request. Raises BadRequest."""
    try:
        return ar.from_builtins(request.get("record"))
    except ValueError as error:
        raise BadRequest(f"record: {error}") from error

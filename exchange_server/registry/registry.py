"""Definitions by id and name, credentials and determinations; changed only by ADMIN records.

`apply` checks a record against every rule, assigns ids, turns it into definition rows, lets the engine step these, and
only then changes the tables: a record takes effect as a whole or not at all. The same records at the same times give the
same tables on every machine. A record that changes nothing is answered "unchanged" and writes no row; one that changes
something fixed on a live server is refused, and the refusal names the key.
If the core refuses a row after an earlier row of the same record took effect, registry and core disagree about the rules. This
is a fault of the program and stops the process (RegistryBroken).
"""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from config import admin_records as ar
from protocol import codes, errors

from .. import state
from ..core.layout.definitions import PLATFORM_FEE_ACCOUNT
from . import access, acts, checks, configuration, disputes, finals, held_orders, opening, pending, revisions, series, timed_acts, timetable
from . import rows as rows_of
from .checks import Act
from .configuration import Trial
from .definitions import Definitions
from .engine_like import EngineLike, Sink, Words
from .holds import HOLDS_ACCOUNT
from .one_act import Tried, try_act
from .refused import Refusal, Refused
from .tables import Account, Event

PARTS_KEPT = 4  # incomplete records kept at once; for a fifth the sender's own oldest is discarded, or if there is none the oldest
WHO_CHARS = 128
WARNINGS = 100  # of a configuration, in its answer


class AdminAnswer(msgspec.Struct, frozen=True):
    """The answer to one ADMIN row. `code` is 0 or an R_ code; `text` is one sentence; `result`: ids and numbers of what was done;
    `refusal`: what is wrong, as data; `warnings`: what is doubtful about what was done."""

    row_seq: int
    ok: bool
    code: int
    text: str
    result: dict[str, Any] = {}
    request_id: str = ""
    who: str = ""
    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()


class RegistryBroken(RuntimeError):
    """The core refused a row of a record whose earlier rows took effect: the process must stop."""


class Registry(Definitions):
    """All definitions, and the one way to change them."""

    version = 0  # counts changes while the server runs; no part of the state
    being_told: Event | None = (
        None  # the market of the act that the core is stepping, as it will be: its reports are encoded before the commit
    )

    def said(self, event: int, version: int) -> ar.Determine | ar.DetermineOne | None:
        """The record of a version of an event's (id) result, None: there is none."""
        told = self.being_told
        row = told if told is not None and told.id == event else self.events.get(event)
        return row.said(version) if row is not None else None

    # ------------------------------------------------------------------------------------------------- changes
    def apply(self, record: bytes | memoryview, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """Apply one ADMIN body at the engine's time. `sink` gets the event rows that its definition rows cause. A refusal is an
        answer, not an exception. Raises only RegistryBroken, if state and rules no longer agree."""
        row_seq = int(engine.row_seq)
        self.version += 1
        try:
            envelope = ar.unpack(record)
        except ValueError as error:
            refusal = Refusal(code=codes.R_BAD_COMMAND, sentence=f"not an admin record: {error}")
            return AdminAnswer(row_seq, False, refusal.code, refusal.text, refusal=refusal)
        who, request_id = envelope.who, envelope.request_id
        try:
            if isinstance(envelope.record, ar.PartOf):
                access.refuse_stranger(self, who, int(engine.time_ns))
                whole = self._part(who, envelope.record)
                if whole is None:
                    text = f"part {envelope.record.index + 1} of {envelope.record.count}"
                    return AdminAnswer(row_seq, True, 0, text, {}, request_id, who)
                envelope = ar.AdminEnvelope(who, request_id, whole)
            return self._asked(envelope, row_seq, engine, sink)
        except Refused as error:
            refusal = error.refusal
            return AdminAnswer(row_seq, False, refusal.code, refusal.text, {}, request_id, who, refusal)

    def _asked(self, envelope: ar.AdminEnvelope, row_seq: int, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """Carry out what the asker may do, or keep it for a second person. Raises Refused."""
        who, now_ns = envelope.who, int(engine.time_ns)
        access.authorise(self, who, envelope.record, now_ns)
        if isinstance(envelope.record, ar.Approve) and not held_orders.is_one(envelope.record.id):
            row = pending.approved(self, who, envelope.record, now_ns)
            both = f"{row.who}, approved by {who}"
            done = self._carry_out(ar.AdminEnvelope(both[:WHO_CHARS], row.request_id, row.record), (row.who, who), row_seq, engine, sink)
            if done.ok:
                del self.pending[row.id]
            text = f"{done.text} (proposed by {row.who}, approved by {who})" if done.ok else done.text
            result = {**done.result, "pending": row.id, "proposed_by": row.who, "approved_by": who} if done.ok else {}
            return msgspec.structs.replace(done, text=text, result=result, request_id=envelope.request_id, who=who)
        if isinstance(envelope.record, ar.RunDue):
            return self._run_due(envelope.record, envelope, row_seq, engine, sink)
        entry, waits = pending.waits(self, envelope, now_ns)
        if entry is not None and waits and not self._nothing_to_do(envelope, engine):
            act = pending.propose(self, envelope, entry, now_ns)
            act.commit()
            return AdminAnswer(row_seq, True, 0, act.text, act.result, envelope.request_id, who)
        done = self._carry_out(envelope, (who,), row_seq, engine, sink)
        if entry is not None and done.ok and not waits:
            text = f"{done.text} (by one person: no second principal could approve it)"
            done = msgspec.structs.replace(done, text=text, result={**done.result, "one_person": 1})
        return done

    def _nothing_to_do(self, envelope: ar.AdminEnvelope, engine: EngineLike) -> bool:
        """Check an act that is to wait, as if it were carried out now; True: it changes nothing. Raises Refused."""
        record = envelope.record
        if isinstance(record, ar.Rollback):
            record = revisions.undone(self, record)
        if isinstance(record, ar.Configuration):
            trial = self.try_out(record, engine, envelope.who)
            if trial.refusals:
                raise Refused.of(trial.refusals[0])
            return not trial.to_do() and not trial.ask(record).settings(self)[0]
        disputes.check_judge(self, envelope.who, record, engine)
        if isinstance(record, ar.Opening):
            return not opening.prepare(self, record, envelope.who, (envelope.who,), engine).acts
        return acts.plan(self, envelope, engine).changed == ()

    def _carry_out(self, envelope: ar.AdminEnvelope, askers: tuple[str, ...], row_seq: int, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """The act itself. Raises Refused."""
        if isinstance(envelope.record, ar.Rollback):
            envelope = ar.AdminEnvelope(envelope.who, envelope.request_id, revisions.undone(self, envelope.record))
        if isinstance(envelope.record, ar.Configuration):
            return self._configure(envelope, askers, row_seq, engine, sink)
        for who in askers:
            disputes.check_judge(self, who, envelope.record, engine)
        if isinstance(envelope.record, ar.Opening):
            return self._open_venue(envelope, askers, row_seq, engine, sink)
        act = acts.plan(self, envelope, engine)
        if act.rows:
            self.being_told = act.after
            try:
                self._step_or_refuse(act, engine, sink)
            finally:
                self.being_told = None
        content = revisions.of_one(self, envelope.record, act.changed)
        act.commit()
        self.note_finals(engine.m)
        timetable.after(self, act.rows, int(engine.time_ns))
        revisions.write(self, envelope.who, content, int(engine.time_ns))
        text, result = act.told() if act.told is not None else (act.text, act.result)
        return AdminAnswer(row_seq, True, 0, text, result, envelope.request_id, envelope.who, warnings=act.warnings)

    def note_finals(self, m: Words) -> None:
        """Events, and contracts ahead of their event, whose last account has been paid since the last call are final."""
        for paid in state.take_finals(m):
            self.version += 1
            finals.became_final(self, paid)

    def _run_due(self, record: ar.RunDue, envelope: ar.AdminEnvelope, row_seq: int, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """Carry out a scheduled act with the rights that its asker has now. If it is refused, it is kept as failed with the reason, and not tried
        again; if its event is being settled, it waits. Raises Refused when the row is not due."""
        now_ns = int(engine.time_ns)
        row = timed_acts.due(self, record, now_ns)
        if event := timed_acts.waits_for(self, row, engine):
            self.schedule.hold(row.id, event.id)
            waits = {"schedule": row.id, "kind": row.kind, "failed": 0, "waits": event.id}
            return AdminAnswer(
                row_seq, True, 0, f"schedule {row.id} waits until {event.name} is settled", waits, envelope.request_id, envelope.who
            )
        self.schedule.end(row.id, "done", now_ns)  # first: the act itself may cancel the rows that it makes pointless
        result: dict[str, Any] = {"schedule": row.id, "kind": row.kind, "failed": 0, "waits": 0}
        try:
            if row.kind == series.LIST:
                series.go_on(self, row.about.partition(":")[2], row.who, now_ns)
            access.authorise(self, row.who, row.record, now_ns)
            asked = ar.AdminEnvelope(row.who, "", timed_acts.record_now(self, row))
            text = f"schedule {row.id}: {self._carry_out(asked, (row.who,), row_seq, engine, sink).text}"
        except Refused as refused:
            why = refused.refusal
            self.schedule.end(row.id, "failed", now_ns, why.text)
            text, result["failed"] = f"schedule {row.id} failed: {why.text}", why.code
        return AdminAnswer(row_seq, True, 0, text, result, envelope.request_id, envelope.who)

    def _step_or_refuse(self, act: Act, engine: EngineLike, sink: Sink) -> None:
        """Let the core step an act's rows; raises Refused with the act's text and the core's numbers."""
        code = self._step(act.rows, engine, sink)
        if code:
            said = state.Header(engine.m)
            raise Refused(code, f"{act.subject}: {checks.explained(act, code)}", (), said.limit, said.asked, said.used)

    def _part(self, who: str, part: ar.PartOf) -> ar.AnyRecord | None:
        """Keep a piece; returns the whole record with the last one, None before. Raises Refused."""
        key = f"{who} {part.digest}"
        if part.index == 0:
            self.parts.pop(key, None)
            own = [other for other in self.parts if other.startswith(f"{who} ")]
            if len(self.parts) >= PARTS_KEPT:
                del self.parts[next(iter(own or self.parts))]
            self.parts[key] = []
        pieces = self.parts.get(key)
        if pieces is None or part.index != len(pieces) or part.index >= part.count:
            self.parts.pop(key, None)
            raise Refused(
                codes.R_BAD_COMMAND, f"part {part.index + 1} of {part.count} does not follow the parts before it: send them all again"
            )
        pieces.append(part.data)
        if len(pieces) < part.count:
            return None
        del self.parts[key]
        try:
            whole = ar.put_together(pieces, part.digest)
        except ValueError as error:
            raise Refused(codes.R_BAD_COMMAND, f"not an admin record: {error}") from error
        if isinstance(whole, ar.PartOf):
            raise Refused(codes.R_BAD_COMMAND, "not an admin record: a part is made of parts")
        if ar.open_secrets(whole):
            raise Refused(codes.R_BAD_COMMAND, "not an admin record: it has a plain secret")
        return whole

    def _configure(self, envelope: ar.AdminEnvelope, askers: tuple[str, ...], row_seq: int, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """Apply all records of a configuration, or none."""
        record = envelope.record
        assert isinstance(record, ar.Configuration)
        trial = self.try_out(record, engine, *askers)
        if trial.refusals:
            first = trial.refusals[0]
            return AdminAnswer(row_seq, False, first.code, first.text, {}, envelope.request_id, envelope.who, first)
        content = revisions.content_of(self, trial.ask(record)) if not record.additions else revisions.Content()
        if record.plan and record.plan != revisions.digest_of(content):
            raise Refused(codes.R_PLAN_DIFFERS, "what the plan says is not what would be done now: make it again", "plan")

        texts = (
            configuration.carry_out(self, trial, self._stepper(engine, sink, "a configuration"))
            if trial.acts or not record.additions
            else []
        )
        timetable.after(self, [rows for act in trial.acts for rows in act.rows], int(engine.time_ns))
        if record.settings is not None:
            self.settings = dict(sorted(record.settings.items()))
        unchanged = trial.count(configuration.SAME)
        text = f"{len(texts)} applied, {unchanged} unchanged"
        if record.additions:
            same = {} if texts else {"unchanged": 1}
            return AdminAnswer(row_seq, True, 0, text, {"applied": len(texts), **same}, envelope.request_id, envelope.who)
        revisions.own(self, askers[0] if askers else envelope.who, record)
        revisions.write(self, envelope.who, content, int(engine.time_ns), record.name, record.why, record.base)
        number = revisions.newest(self)
        result = {"applied": len(texts), "unchanged": unchanged, "lines": texts, "revision": number, "settings": content.settings}
        doubts = tuple(f"{act.subject}: {warning}" for act in trial.acts for warning in act.warnings)[:WARNINGS]
        return AdminAnswer(row_seq, True, 0, text, result, envelope.request_id, envelope.who, warnings=doubts)

    def _open_venue(self, envelope: ar.AdminEnvelope, askers: tuple[str, ...], row_seq: int, engine: EngineLike, sink: Sink) -> AdminAnswer:
        """Open a venue that moves here, all of it, or nothing. Raises Refused."""
        record = envelope.record
        assert isinstance(record, ar.Opening)
        trial = opening.prepare(self, record, envelope.who, askers, engine)
        defined = ar.Configuration(name=f"import of venue {record.venue}", records=opening.defined(record, int(engine.time_ns)))
        content = revisions.content_of(self, trial.ask(defined))
        texts = configuration.carry_out(self, trial, self._stepper(engine, sink, "an archive")) if trial.acts else []
        revisions.write(self, envelope.who, content, int(engine.time_ns), defined.name)
        text = texts[-1] if texts else f"venue {record.venue} was opened from this archive before: nothing was done again"
        return AdminAnswer(row_seq, True, 0, text, {"applied": len(texts)}, envelope.request_id, envelope.who)

    def _stepper(self, engine: EngineLike, sink: Sink, what: str) -> Callable[[list[Words]], None]:
        """Lets the core step rows that were tried before."""

        def step(rows: list[Words]) -> None:
            code = self._step(rows, engine, sink)
            if code:
                raise RegistryBroken(f"the core refused with {errors.short_name(code)} {what} that the rules allow")

        return step

    def try_out(self, record: ar.Configuration, engine: EngineLike, *askers: str) -> Trial:
        """`trying`, in one go."""
        return configuration.exhausted(self.trying(record, engine, *askers))

    def trying(self, record: ar.Configuration, engine: EngineLike, *askers: str) -> configuration.Trying:
        """What a configuration would do, and why it would be refused. Changes nothing. `askers`: all of them must be allowed to do it; none: it is
        the start's own. Yields after each record; only while `version` stays the same may it be continued."""
        try:
            for who in askers:
                access.authorise(self, who, record, int(engine.time_ns))
            if record.additions:
                configuration.check_additions(record)
            else:
                self.refuse_mixing(record.name, record.sandbox)
            revisions.check_plan(self, record.base)
        except Refused as error:
            return Trial([], [error.refusal], self, [])
        trial = yield from configuration.trying(self, record.records, engine, askers)
        if record.additions:
            configuration.refuse_changes(record, trial)
        return trial

    def try_act(self, record: ar.AnyRecord, engine: EngineLike, who: str = access.CHECK) -> Tried:
        """What one record that is no configuration would do if `who` sent it, or why it would be refused. Changes nothing."""
        return try_act(self, record, engine, who)

    def refuse_mixing(self, name: str, sandbox: bool) -> None:
        """The sandbox's passwords are published: its configuration is accepted only by a folder that was created as a sandbox, and such a
        folder accepts no other. Raises Refused."""
        begun = self.begun.sandbox if self.begun is not None else None
        if begun is None and sandbox and len(self.assets):
            begun = False  # created before folders were marked, so not known to be a sandbox
        if begun is None or begun == sandbox:
            return
        if sandbox:
            text = f"{name} is a sandbox with published passwords, and this data folder was not created as one: use another folder"
        else:
            text = f"this data folder was created as a sandbox with published passwords, and {name} is not one: use another folder"
        raise Refused(codes.R_SANDBOX, text)

    def _step(self, rows: list[Words], engine: EngineLike, sink: Sink) -> int:
        """Let the engine step the rows; 0, or the first row's refusal. The rows of the platform's own accounts are stepped before all others."""
        if not self.accounts.get(PLATFORM_FEE_ACCOUNT):
            own = (
                Account(PLATFORM_FEE_ACCOUNT, "PLATFORM.FEES", 0, codes.ACCT_FEES, 0),
                Account(HOLDS_ACCOUNT, "PLATFORM.HOLDS", 0, codes.ACCT_HOLDS, 0),
            )
            first = np.concatenate([rows_of.account(one.id, 0, one.kind, 0, 0, one.name) for one in own])
            if engine.step_rows(first, len(first), sink):
                raise RegistryBroken("the core refused the platform's own accounts")
            for one in own:
                self.put_account(one)

        flat = np.concatenate(rows)
        code = int(engine.step_rows(flat, len(flat), sink))
        if code and len(rows) > 1:
            raise RegistryBroken(f"the core refused a definition row with {errors.short_name(code)}")
        return code

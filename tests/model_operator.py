"""The operator's half of the naive exchange: definitions, sessions, phases, transfers, kill switches and settlement."""

from __future__ import annotations

from collections.abc import Callable

from protocol import codes as C
from tests.model_changes import Changes
from tests.model_opening import Opening
from tests.model_reverse import Reversal
from tests.model_world import Account, Asset, Event, Firm, Instrument, Listing, Order, Refused, Row, Session, Throttle, Venue


class Operator(Changes, Reversal, Opening):
    """Commands that no client sends. A refused row changes nothing and leaves its code in `self.refused` (0: carried out)."""

    def operator_handlers(self) -> dict[int, Callable[[Row], None]]:
        return self.result_handlers() | {
            C.C_DEF_ASSET: self._def_asset, C.C_DEF_VENUE: self._def_venue, C.C_DEF_FIRM: self._def_firm,
            C.C_DEF_ACCOUNT: self._def_account, C.C_DEF_SESSION: self._def_session, C.C_DEF_EVENT: self._def_event,
            C.C_DEF_INSTRUMENT: self._def_instrument, C.C_DEF_LISTING: self._def_listing, C.C_TRANSFER: self._transfer,
            C.C_PHASE: self._phase, C.C_FINALISE: self._finalise, C.C_KILL: self._kill,
            C.C_RESTRICT: self._restrict, C.C_REFERENCE: self._reference, C.C_LOGON: self._logon, C.C_LOGOFF: self._logoff,
            C.C_CONTINUE: self._continue, C.C_REVERSE: self._reverse, C.C_BUST: self._bust, C.C_AHEAD: self._ahead,
            C.C_FREEZE: self._freeze, C.C_ACCESS: self._access, C.C_SEND: self._send, C.C_SET_IN: self._set_in,
            C.C_OPENING: self.opening, C.C_UNLIST: self._unlist, C.C_REMOVE: self._remove,
            C.C_BUDGET: self.set_budget, C.C_BANDS: self._bands, C.C_ADD_CONTRACT: self._add_contract,
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------------ definitions
    def _def_asset(self, c: Row) -> None:
        self.assets.setdefault(c.id, Asset(c.id))

    def _def_venue(self, c: Row) -> None:
        venue = self.venues.setdefault(c.id, Venue(c.id, period=c.cutoff_period, offset=c.cutoff_offset))  # its day stays what it was
        venue.fee_account = c.fee_account
        venue.throttle.limit, venue.throttle.window = c.throttle_limit, c.throttle_window
        venue.isolated, venue.max_orders = c.isolated, c.max_orders
        venue.messages.limit, venue.journal.limit = c.max_messages, c.max_journal

    def _def_firm(self, c: Row) -> None:
        firm = self.firms.setdefault(c.id, Firm(c.id))
        firm.weight, firm.closed = max(c.weight, 1), c.closed

    def _def_account(self, c: Row) -> None:
        account = self.accounts.setdefault(c.id, Account(c.id, c.firm, c.account_kind, venue=c.venue))
        account.session, account.closed = c.session, c.closed

    def _def_session(self, c: Row) -> None:
        session = self.sessions.setdefault(c.id, Session(c.id, c.firm, c.venue, wire=c.wire, throttle=Throttle()))
        session.account, session.closed = c.account, c.closed
        session.always_cancel, session.always_settlement = bool(c.cancel_on_disconnect), bool(c.settlement)
        if not session.logged_on:  # one that is on keeps what it got at its logon
            session.cancel_on_disconnect, session.settlement = session.always_cancel, session.always_settlement
        session.throttle.limit, session.throttle.window = c.throttle_limit, c.throttle_window

    def _def_event(self, c: Row) -> None:
        self.events[c.id] = Event(
            c.id, c.product, c.k, c.n, c.asset, c.base_asset, c.payout, c.tick_value, c.owner_venue, c.window, c.lot_base, c.phase,
            c.resting, c.room or c.n, mids=c.mids,
        )  # fmt: skip

    def _def_instrument(self, c: Row) -> None:
        old = self.instruments.get(c.id)
        new = Instrument(
            c.id, c.event, c.index, c.min_qty, c.max_qty, c.lot, c.max_notional, c.price_min, c.price_max, c.collar, c.reference,
            c.protection, c.max_position, c.bands,
        )  # fmt: skip
        if old is None:
            self.instruments[c.id] = new
            self.events[c.event].contracts.append(c.id)
        else:
            for name in ("min_qty", "max_qty", "max_notional", "collar", "reference", "protection", "max_position"):
                setattr(old, name, getattr(new, name))

    def _def_listing(self, c: Row) -> None:
        self.listings[(c.venue, c.instrument)] = Listing(
            c.venue, c.instrument, c.model, c.maker, c.taker, c.owner_share, c.venue_share, c.owner_account, c.venue_account
        )

    def _unlist(self, c: Row) -> None:
        if c.instrument not in self.instruments:
            raise Refused(C.R_UNKNOWN_INSTRUMENT)
        if any(o.instrument == c.instrument and o.venue == c.venue for o in self.open):
            raise Refused(C.R_OPEN_ORDERS)
        self.listings.pop((c.venue, c.instrument), None)

    def _remove(self, c: Row) -> None:
        """Over for good: nothing may be left in it, and nothing is commanded any more."""
        event = self.commanded(c.event)
        positions = sum(max(a.position.get(i, 0), 0) for a in self.accounts.values() for i in event.contracts)
        used = sum(o.instrument in event.contracts for o in self.open) + event.sets + positions
        used += sum(map(bool, (sum(event.owed.values()), sum(event.blocked.values()), event.from_bond, event.from_platform)))
        if used:
            raise Refused(C.R_NOT_EMPTY, 0, 0, used)
        event.removed = True
        if event.touched and event.phase not in (C.PH_OPEN, C.PH_LIVE, C.PH_PAUSED, C.PH_CANCEL_ONLY):
            self.removed.append(event)

    # ------------------------------------------------------------------------------------------------ money
    def moved(self, account: Account, asset: int, amount: int, why: int) -> None:
        self.pay(account, asset, amount)
        if account.budget is not None and account.budget.asset == asset:
            account.budget.high += amount
            account.budget.high_day += amount
        row = Row(kind=C.E_MOVED, flags=C.EF_UNSOLICITED, account=account.id, price=amount, qty=account.cash[asset], spare=asset, why=why)
        self.emit(account.session, row)

    def _transfer(self, c: Row) -> None:
        """From 0 is a deposit, to 0 a withdrawal; only what is free leaves an account."""
        if c.asset not in self.assets:
            raise Refused(C.R_UNKNOWN_ASSET)
        if c.amount <= 0:
            raise Refused(C.R_AMOUNT_NOT_POSITIVE)
        if not c.source and not c.target or not {c.source, c.target} <= {0, *self.accounts}:
            raise Refused(C.R_UNKNOWN_ACCOUNT)
        for party in filter(None, (c.source, c.target)):
            if self.accounts[party].firm and self.firms[self.accounts[party].firm].closed:
                raise Refused(C.R_FIRM_CLOSED)
            if self.accounts[party].closed:
                raise Refused(C.R_ACCOUNT_CLOSED)
        why = C.WHY_DEPOSIT if not c.source else C.WHY_WITHDRAWAL if not c.target else C.WHY_TRANSFER
        if c.source:
            source = self.accounts[c.source]
            if c.amount > source.cash.get(c.asset, 0) - self.locked(source.id, c.asset):
                raise Refused(C.R_WITHDRAW_TOO_MUCH)
            self.moved(source, c.asset, -c.amount, why)
        if c.target:
            self.moved(self.accounts[c.target], c.asset, c.amount, why)
            if c.asset in self.accounts[c.target].short:
                self.note_shortage(self.accounts[c.target], c.asset)
        self.assets[c.asset].external += (0 if c.source else c.amount) - (0 if c.target else c.amount)

    # ------------------------------------------------------------------------------------------------ switches
    def _kill(self, c: Row) -> None:
        """Kill or release; with `cancel` the open orders of the target are taken out as in a mass cancel."""
        wanted: Callable[[Order], bool]
        if c.level == C.KILL_PLATFORM:
            self.killed, wanted = c.on, lambda o: True
        elif c.level == C.KILL_VENUE and c.target in self.venues:
            self.venues[c.target].killed, wanted = c.on, lambda o: o.venue == c.target
        elif c.level == C.KILL_FIRM and c.target in self.firms:
            self.firms[c.target].killed, wanted = c.on, lambda o: o.firm == c.target
        elif c.level == C.KILL_ACCOUNT and c.target in self.accounts:
            self.accounts[c.target].killed, wanted = c.on, lambda o: o.account == c.target
        elif c.level == C.KILL_SESSION and c.target in self.sessions:
            self.sessions[c.target].killed, wanted = c.on, lambda o: o.session == c.target
        elif c.level == C.KILL_ACCOUNT:
            raise Refused(C.R_UNKNOWN_ACCOUNT)
        else:
            raise Refused(C.R_BAD_COMMAND)
        if c.on and c.cancel:
            self.cancel_many([o for o in self.open if wanted(o)], C.R_KILL_SWITCH, 0)

    def _restrict(self, c: Row) -> None:
        event = self.event_named(c.event)
        if c.firm not in self.firms:
            raise Refused(C.R_BAD_COMMAND)
        if c.on:
            event.restricted.add(c.firm)
        else:
            event.restricted.discard(c.firm)

    def _freeze(self, c: Row) -> None:
        """What the venue brought to others' markets is cancelled; its own books stand still."""
        if c.venue not in self.venues or not 0 <= c.level <= 3:
            raise Refused(C.R_BAD_COMMAND)
        self.venues[c.venue].freeze = c.level
        if c.level:
            guests = [o for o in self.open if o.venue == c.venue != self.event_of(o.instrument).owner_venue]
            self.cancel_many(guests, C.R_VENUE_FREEZE, 0)

    def _access(self, c: Row) -> None:
        if c.about not in (C.ACCESS_VENUE, C.ACCESS_EVENT):
            raise Refused(C.R_BAD_COMMAND)
        if c.about == C.ACCESS_VENUE and c.target not in self.venues:
            raise Refused(C.R_BAD_COMMAND)
        where = self.venues[c.target] if c.about == C.ACCESS_VENUE else self.event_named(c.target)
        if not c.firm:
            if not 0 <= c.value <= 2:
                raise Refused(C.R_BAD_COMMAND)
            where.admits = c.value
            return
        if c.firm not in self.firms or c.value < -1:
            raise Refused(C.R_BAD_COMMAND)
        where.exceptions.pop(c.firm, None)
        if c.value:
            where.exceptions[c.firm] = c.value

    def _reference(self, c: Row) -> None:
        if c.instrument not in self.instruments:
            raise Refused(C.R_UNKNOWN_INSTRUMENT)
        instrument = self.instruments[c.instrument]
        instrument.reference = c.reference
        if c.collar >= 0:
            instrument.collar = c.collar

    # ------------------------------------------------------------------------------------------------ settlement

    # ------------------------------------------------------------------------------------------------ sessions
    def _logon(self, c: Row) -> None:
        """`flags` are LOGON_*: 1 reset of the numbers, 2 cancel on disconnect, 4 settlement reports, 8 missed reports not wanted, 16 refused."""
        session = self.sessions[c.session]
        row = Row(kind=C.E_LOGON, price=session.next_out, qty=c.logon_flags)
        row.update(last_qty=session.next_out if session.logged_on else session.absent_from)
        if session.untold:
            row.update(cum=session.untold[0], leaves=session.untold[1])
        refused, skip, reset = c.logon_flags & 16, c.logon_flags & 8, c.logon_flags & 1
        if not refused and not skip:
            row.update(order=session.missed)
        number = self.event_seq
        self.emit(c.session, row, numbered=False)
        if refused:
            session.next_in = c.next_in or session.next_in
            return
        if skip:
            session.missed = 0
            session.untold = None
        away = range(max(1, session.absent_from), session.next_out if not session.logged_on and not skip else 0)
        if reset:
            session.missed = number if away or session.untold else session.missed
            session.untold = None
        elif away:
            session.untold = min(away.start, session.untold[0] if session.untold else away.start), away.stop - 1
        session.logged_on = True
        session.cancel_on_disconnect = session.always_cancel or bool(c.logon_flags & 2)
        session.settlement = session.always_settlement or bool(c.logon_flags & 4)
        session.heartbeat = c.heartbeat
        if reset:
            session.next_out = session.next_in = 1
            session.generation += 1
        if c.next_in:
            session.next_in = c.next_in

    def _logoff(self, c: Row) -> None:
        session = self.sessions[c.session]
        if not session.logged_on:
            return
        self.emit(c.session, Row(kind=C.E_LOGOFF, price=session.next_out, qty=c.logoff_flags), numbered=False)
        session.logged_on = False
        session.absent_from = min(c.unsent_from or session.next_out, session.next_out)
        if session.cancel_on_disconnect:
            self.cancel_many([o for o in self.open if o.session == session.id], C.R_DISCONNECT, 0)

    def _send(self, c: Row) -> None:
        body: bytes = c.body or b""
        rows = -(-len(body) // 192)
        self.emit(c.session, Row(kind=C.E_SENT, msg_type=c.msg_type, body_bytes=len(body), body=body), not c.unnumbered, rows)
        self._missed(c)

    def _set_in(self, c: Row) -> None:
        session = self.sessions[c.session]
        session.next_in = c.next_in
        if c.told_from and session.untold and c.told_from <= session.untold[0] <= c.told_to:
            session.untold = (c.told_to + 1, session.untold[1]) if c.told_to < session.untold[1] else None
        self._missed(c)

    def _missed(self, c: Row) -> None:
        session = self.sessions[c.session]
        session.missed_done = max(session.missed_done, c.missed)
        if c.missed and c.missed >= session.missed:
            session.missed = 0

"""Budgets of the naive exchange: what an account may lose, in all and on a day, where it may trade, and how much at once (docs/budgets.md)."""

from __future__ import annotations

from protocol import codes as C
from tests.model_ids import Ids
from tests.model_money import reserved_fee
from tests.model_world import DAY_NS, Account, Budget, Event, Held, Order, Refused, Row, Session

FIRST_HELD, MOST_HELD, HELD_ROWS = 100_000_001, 8, 1024


def order_cost(order: Order, event: Event) -> int:
    """What an order can cost at most by itself: its price (for a sell P less the price) for all its lots, and all its fees."""
    price = order.price if order.book_side == C.BUY else event.payout - order.price
    return price * order.qty * event.tick_value + reserved_fee(order, event) + order.fee_paid


class Budgets(Ids):
    """The checks of an account that has a budget, and the row that gives it one."""

    def power(self, account: Account, asset: int, orders: list[Order] | None = None) -> int:
        raise NotImplementedError  # model_ladder.py

    def check_place(self, budget: Budget, event: Event) -> None:
        """In one asset, and where a list says so only in its markets. A spot pair could lose another asset too."""
        if event.asset != budget.asset or event.product == C.SPOT:
            raise Refused(C.R_BUDGET_ASSET, budget.asset, 0, event.asset)
        if budget.listed and event.id not in budget.markets:
            raise Refused(C.R_BUDGET_MARKET, 0, 0, event.id)

    def check_loss(self, budget: Budget, before: int, after: int) -> None:
        """What buying power has lost since it was highest, with what it would lose now. What loses nothing is not refused."""
        today = self.now // DAY_NS
        if budget.day != today:
            budget.day, budget.high_day = today, before
        budget.high, budget.high_day = max(budget.high, before), max(budget.high_day, before)
        if after >= before:
            return
        for limit, high, code in (
            (budget.loss, budget.high, C.R_BUDGET_LOSS),
            (budget.loss_day, budget.high_day, C.R_BUDGET_LOSS_DAY),
        ):
            if limit and high - after > limit:
                raise Refused(code, limit, high - before, before - after)

    def check_budget(self, account: Account, event: Event, orders: list[Order], qty: int, cost: int, amended: bool = False) -> None:
        """An order of `qty` lots that can cost so much; orders: all open orders once it is accepted. 0: it only gets smaller. What is
        amended cannot be approved, as a split."""
        budget = account.budget
        if budget is None:
            return
        if qty:
            self.check_place(budget, event)
            if budget.qty and qty > budget.qty:
                raise Refused(C.R_BUDGET_QTY, budget.qty, 0, qty)
            most = self.most_cost(budget) if amended else budget.cost
            if most and cost > most:
                raise Refused(C.R_BUDGET_COST, most, 0, cost)
        self.check_loss(budget, self.power(account, budget.asset), self.power(account, budget.asset, orders))

    def check_approved(self, c: Row, session: Session, account: Account, cost: int) -> None:
        """The last check of a new order: above its cost a person must have approved exactly this one. If so, that is used up."""
        budget = account.budget
        if budget is None or not budget.approve or cost <= budget.approve:
            return
        account.held = [one for one in account.held if self.now < one.until]
        terms = (c.instrument, c.side, c.contract_side, c.type, c.tif, c.flags, c.price, c.qty, c.expiry)
        for one in account.held:
            if (one.session, one.key, one.terms) == (session.id, c.id, terms):
                if one.passed:
                    account.held.remove(one)
                    return
                raise Refused(C.R_BUDGET_APPROVAL, budget.approve, cost, one.number)
        if len(account.held) >= MOST_HELD:
            raise Refused(C.R_BUDGET_WAITING, MOST_HELD, len(account.held), 1)
        if sum(len(a.held) for a in self.accounts.values()) >= HELD_ROWS:
            for other in self.accounts.values():
                other.held = [one for one in other.held if self.now < one.until]
        if sum(len(a.held) for a in self.accounts.values()) >= HELD_ROWS:
            raise Refused(C.R_TABLE_FULL, HELD_ROWS, HELD_ROWS, 1)
        account.held.append(Held(self.held_seq, session.id, c.id, terms, cost, self.now, self.now + budget.wait))
        self.held_seq += 1
        raise Refused(C.R_BUDGET_APPROVAL, budget.approve, cost, self.held_seq - 1)

    def release(self, c: Row) -> None:
        """An order that waits is approved (on), or it waits no more."""
        found = [(a, one) for a in self.accounts.values() for one in a.held if one.number == c.held]
        if not found:
            raise Refused(C.R_UNKNOWN_PENDING)
        ((account, one),) = found
        if self.now >= one.until:
            raise Refused(C.R_PENDING_EXPIRED)
        if not c.on:
            account.held.remove(one)
        elif not one.passed:
            assert account.budget is not None
            one.passed, one.until = True, self.now + account.budget.wait

    def check_budgeted_split(self, account: Account, event: Event, sets: int, cost: int, before: int, after: int) -> None:
        """A split is an order of so many lots that costs what the sets cost. A person approves new orders only, so that limit is one of its cost."""
        budget = account.budget
        if budget is None:
            return
        self.check_place(budget, event)
        if budget.qty and sets > budget.qty:
            raise Refused(C.R_BUDGET_QTY, budget.qty, 0, sets)
        most = self.most_cost(budget)
        if most and cost > most:
            raise Refused(C.R_BUDGET_COST, most, 0, cost)
        self.check_loss(budget, before, after)

    def most_cost(self, budget: Budget) -> int:
        """Of what nobody can approve."""
        return min(filter(None, (budget.cost, budget.approve)), default=0)

    def set_budget(self, c: Row) -> None:
        """Give an account a budget, change it or (asset 0) end it; with an event: one line of its list of markets; with
        the number of an order that waits: what a person says to it."""
        if c.held:
            return self.release(c)
        account, session = self.accounts.get(c.account), self.sessions.get(c.session)
        if account is None:
            raise Refused(C.R_UNKNOWN_ACCOUNT)
        if c.event:
            if c.event not in self.events:
                raise Refused(C.R_UNKNOWN_EVENT)
            if account.budget is None:
                raise Refused(C.R_BAD_COMMAND)
            (account.budget.markets.add if c.on else account.budget.markets.discard)(c.event)
            return
        if session is None or min(c.loss, c.loss_day, c.most_qty, c.cost, c.approve, c.wait) < 0:
            raise Refused(C.R_BAD_COMMAND)
        if session.firm != account.firm:
            raise Refused(C.R_ACCOUNT_NOT_ALLOWED)
        if c.asset and c.asset not in self.assets:
            raise Refused(C.R_UNKNOWN_ASSET)
        if not c.asset:
            if account.budget is not None and account.budget.markets:
                raise Refused(C.R_NOT_EMPTY)
            account.budget, session.budget, account.held = None, 0, []
            return
        old, power = account.budget, self.power(account, c.asset)
        new = Budget(c.asset, c.loss, c.loss_day, c.most_qty, c.cost, c.approve, c.wait, bool(c.listed))
        new.high, new.high_day, new.day = power, power, self.now // DAY_NS
        if old is not None:
            new.markets = old.markets
        if old is not None and old.asset == c.asset and not c.anew:
            new.high, new.high_day, new.day = old.high, old.high_day, old.day
        account.budget, session.budget = new, account.id

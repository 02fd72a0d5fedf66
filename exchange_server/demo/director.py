# tidy: allow test-file because tests/demo/test_tournament.py runs it from end to end, as a process
"""The operator of the tournament: does what the timetable brings, through the operator's socket, while the bots trade."""

from collections.abc import Callable, Mapping
from typing import Any

from config import admin_records as ar
from exchange_server.cli.admin_client import AdminClient
from protocol import numbers

from . import outcomes as o
from .acts import PHASES, Act, acts
from .facts import Facts
from .street import Failed, Server
from .timetable import Times

BUST_TRIES = 200  # the newest trades, of which one is taken back


class Director:
    """`due` is called again and again with the time; `say` prints a line that stays."""

    def __init__(
        self,
        server: Server,
        facts: Facts,
        markets: Mapping[str, ar.DefineMarket],
        times: Mapping[str, Times],
        say: Callable[[str], None],
        scheduled: bool,
    ) -> None:
        """scheduled: the server opens and closes the markets by itself."""
        self.server, self.facts, self.markets, self.say = server, facts, markets, say
        self.outcomes = o.outcomes(facts)
        self.queue = [act for act in acts(times) if not scheduled or act.kind not in PHASES]
        self.done: dict[str, set[str]] = {}  # events by kind of act
        self.disputed_by = ""
        self.busts: list[int] = []  # trades that were taken back
        self.scheduled = scheduled

    def due(self, now_ns: Callable[[], int]) -> None:
        """Do everything that is due by now."""
        while self.queue and self.queue[0].at_ns <= now_ns() and self._ready(self.queue[0]):
            self.act(self.queue.pop(0))

    def _ready(self, act: Act) -> bool:
        """Whether the schedule has closed the market, or made its result final; it may be a moment behind, and after an outage more."""
        wanted = {"determine": "closed" if self.scheduled else "", "correct": "final"}.get(act.kind, "")
        return not wanted or bool(self.server.ask("markets", event=act.event)["markets"][0]["phase"] == wanted)

    def act(self, act: Act) -> None:
        if act.kind == "bust":
            self._bust()
            return
        market, outcome = self.markets[act.event], self.outcomes[act.event]
        if act.kind in PHASES:
            self._ask(ar.SetPhase(event=act.event, phase=PHASES[act.kind]))
        elif act.kind == "void":
            self._ask(o.void(outcome, self.facts))
            self.say(f"   {act.event}: abandoned, voided at the prices that it declared: {', '.join(o.VOID_PRICES)}")
        elif act.event == o.DISPUTED:
            self._dispute(market)
        elif act.kind == "correct":
            self._ask(o.correct(market, outcome, self.facts))
            self.say(f"   {act.event}: paid as a draw, corrected after it was final to {outcome.observed}")
        elif act.event == o.CORRECTED:
            self._ask(o.determine(market, o.mistaken(act.event, self.facts), self.facts))
        else:
            self._ask(o.determine(market, outcome, self.facts))
        self.done.setdefault(act.kind, set()).add(act.event)

    def later(self, ns: int) -> None:
        """The server was away: everything that is to come comes so much later."""
        self.queue = [act._replace(at_ns=act.at_ns + ns) for act in self.queue]

    def _dispute(self, market: ar.DefineMarket) -> None:
        """The resolver errs, a firm with a position disputes, the arbiter corrects: a new version, with a window of its own."""
        wrong, right = o.mistaken(market.event, self.facts), self.outcomes[market.event]
        symbols = {contract.symbol for contract in market.contracts}
        holders = [a["name"] for a in self.server.ask("accounts")["accounts"] if symbols & a["positions"].keys()]
        self._ask(o.determine(market, wrong, self.facts))
        if holders:
            self.disputed_by = holders[0].removesuffix("-A")
            self._ask(ar.Dispute(event=market.event, firm=self.disputed_by, reason="extra time does not count in this market"))
        self._ask(o.correct(market, right, self.facts))
        by = f"disputed by {self.disputed_by}" if holders else "disputed by nobody, as nobody holds it"
        self.say(f"   {market.event}: determined as {wrong.observed}, {by}, corrected to {right.observed}")

    def _bust(self) -> None:
        """Take the newest trade back that can be: not one of a market that is final."""
        newest = self.server.ask("accounts")["trades"]
        for trade in range(newest, max(newest - BUST_TRIES, 0), -1):
            with AdminClient(self.server.data) as admin:
                answer = admin.ask("admin", ar.Bust(trade=trade, reason="entered in the wrong market"))
            if answer.ok:
                self.busts.append(trade)
                self.say(f"   {answer.text}")
                return

    def void_at_mids(self, now_ns: int) -> None:
        self._ask(o.void_at_mids(self.facts, now_ns))
        self.say(f"   {o.AT_MIDS}: voided at the time-weighted mids of its quotes: {', '.join(o.MIDS_PAY)}")

    def _ask(self, record: ar.AnyRecord) -> Any:
        return self.server.ask("admin", record)

    def finish(self, clock: Callable[[], float], pause: Callable[[float], None], seconds: float) -> list[dict[str, Any]]:
        """Close and determine what is left, and wait until all challenge windows have ended and all is final; the markets then. Raises Failed if that
        takes longer."""
        settled = self.done.get("determine", set()) | self.done.get("void", set())
        for event in self.markets:
            if event in self.outcomes and event not in settled:
                self.act(Act(0, "close", event))
                self.act(Act(0, "determine", event))
        end = clock() + seconds
        while True:
            markets: list[dict[str, Any]] = self.server.ask("markets")["markets"]
            waiting = [m["event"] for m in markets if (m["event"] in self.outcomes or m["phase"] == "voided") and m["phase"] != "final"]
            if not waiting:
                return markets
            if clock() > end:
                raise Failed(f"{len(waiting)} markets are not final within {seconds:g} s: {', '.join(waiting[:5])}")
            pause(0.1)

    def paid(self, markets: list[dict[str, Any]]) -> dict[str, int]:
        """What each contract of an event that is final paid, ticks by symbol. markets: as the server shows them."""
        return {c["symbol"]: c["paid"] for market in markets if market["phase"] == "final" for c in market["contracts"]}

    def known(self) -> dict[str, int]:
        """What each contract pays by the facts, ticks by symbol."""
        found = {
            contract.symbol: ticks
            for event, market in self.markets.items()
            if event in self.outcomes
            for contract, ticks in zip(market.contracts, o.known(market, self.outcomes[event]))
        }
        if o.AT_MIDS in self.markets:
            market = self.markets[o.AT_MIDS]
            found |= {c.symbol: numbers.scaled(price, market.price_decimals) for c, price in zip(market.contracts, o.MIDS_PAY)}
        return found

    def told(self) -> dict[str, tuple[str, str, str]]:
        """Rule, source and SHA-256 of the evidence with which each contract is settled, by the facts."""
        said = {event: o.told(outcome, self.facts) for event, outcome in self.outcomes.items()}
        said[o.AT_MIDS] = o.told(o.at_mids(0), self.facts)
        return {contract.symbol: said[event] for event, market in self.markets.items() if event in said for contract in market.contracts}

    def repaid(self) -> list[str]:
        """Symbols of which the correction changed the payout."""
        market = self.markets[o.CORRECTED]
        pairs = zip(market.contracts, o.payouts(market, o.mistaken(o.CORRECTED, self.facts)), o.payouts(market, self.outcomes[o.CORRECTED]))
        return [contract.symbol for contract, wrong, right in pairs if wrong != right]

    def life(self, markets: list[dict[str, Any]]) -> list[str]:
        """What did not happen to the two markets that do not end as the others do."""
        shown = {market["event"]: market for market in markets}
        wrong = []
        if not self.disputed_by:
            wrong.append(f"{o.DISPUTED} was disputed by nobody: no firm held a position")
        if shown[o.DISPUTED]["version"] != 2:
            wrong.append(f"{o.DISPUTED} is final as version {shown[o.DISPUTED]['version']}, its correction is version 2")
        if not self.done.get("void") or shown[o.VOIDED]["version"] != 1:
            wrong.append(f"{o.VOIDED} was not voided")
        if shown[o.CORRECTED]["version"] != 2:
            wrong.append(f"{o.CORRECTED} is final as version {shown[o.CORRECTED]['version']}, its correction is version 2")
        return wrong

    def families(self, markets: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One row for each family of markets: name, events, contracts, traded (contracts), final (events), paid (contracts that paid anything)."""
        rows: dict[str, dict[str, Any]] = {
            name: {"family": name, "events": 0, "contracts": 0, "traded": 0, "final": 0, "paid": 0} for name in o.FAMILIES
        }
        for market in markets:
            if market["event"] in self.outcomes:
                row, contracts = rows[o.family(market["event"])], market["contracts"]
                row["events"] += 1
                row["contracts"] += len(contracts)
                row["traded"] += sum(c["volume"] for c in contracts)
                row["final"] += market["phase"] == "final"
                row["paid"] += sum(bool(c["paid"]) for c in contracts)
        return list(rows.values())

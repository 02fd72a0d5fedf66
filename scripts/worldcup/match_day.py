# tidy: allow test-file because tests/scripts/test_main_job.py runs it from end to end, as a process
"""The checked run: open, trade, kill -9, continue, close, settle, compare. `run` prints it and returns the exit code."""

import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from config import admin_records as ar
from config import results
from exchange_server.cli.admin_client import Unreachable
from exchange_server.cli.doctor import file_system, sync_times
from exchange_server.exits import Exit

from . import judge
from .books import Books
from .client import Dump, Plan, percentile
from .screen import Screen, microseconds
from .street import Clients, Failed, Server, cores, fresh_folder, remove
from .world import ASSET, World, sandbox

MAKERS, TAKERS = 6, 8  # sessions
FIX_SHARE = 0.16  # of all requests
SEGMENT_BYTES = 1 << 25  # enough for the run; the default is meant for a day, and zero-filling 256 MiB keeps the disk busy for seconds
EVENTS = "WC26-"  # the events that are settled


class MatchDay:
    """One run. `wrong` collects the sentences of all checks."""

    def __init__(self, seconds: float, seed: int, rate: float, screen: Screen) -> None:
        self.seconds, self.seed, self.rate, self.screen = seconds, seed, rate, screen
        self.world: World = sandbox()
        self.folder = fresh_folder()
        self.server = Server(self.folder, self.folder / "data", segment_bytes=SEGMENT_BYTES)
        self.parties: dict[str, Clients] = {}
        self.wrong: list[str] = []
        self.traded_s = 0.0
        self.recovery = ""
        self.broken: Exception | None = None  # why the restart failed

    def say(self, text: str = "") -> None:
        self.screen.line(text)

    # ------------------------------------------------------------------------------------------------------------- acts
    def open(self) -> None:
        times = sorted(sync_times(self.folder))
        self.say(f"2. The street: seed {self.seed}, {self.seconds:g} s, {self.rate:.0f} requests/s offered")
        self.say(
            f"   data folder {self.folder} on {file_system(self.folder)}; 4 kB and fdatasync: median {times[len(times) // 2] / 1e6:.2f} ms, "
            f"p99 {times[len(times) * 99 // 100] / 1e6:.2f} ms"
        )
        self.server.start()
        mine, theirs = cores()
        pinned = f"server on core {min(mine)}, clients on core {min(theirs)}" if mine != theirs else "one core for all"
        self.say(
            f"   server ready in {self.server.seconds:.1f} s, mode {self.server.ready['mode']}, {self.server.ready['records_applied']} records; {pinned}"
        )
        fix, binary = self.server.ports
        common: dict[str, Any] = {"host": "127.0.0.1", "seed": self.seed, "first": 1, "folder": str(self.folder)}
        self.parties["binary"] = Clients(
            "makers", Plan(wire="binary", port=binary, rate=self.rate * (1 - FIX_SHARE), count=MAKERS, **common)
        )
        self.parties["fix"] = Clients("takers", Plan(wire="fix", port=fix, rate=self.rate * FIX_SHARE, count=TAKERS, **common))
        for party in self.parties.values():
            party.wait("ready", 30)
        self.say(
            f"   {MAKERS} market makers on port {binary} (binary), {TAKERS} takers on port {fix} (FIX 4.4), {len(self.world.contracts)} contracts"
        )

    def trade(self) -> None:
        """The whole trading time, with the kill in the middle."""
        for party in self.parties.values():
            party.tell(do="trade")
        began = time.perf_counter()
        shown, end = 0, self.seconds
        restart: threading.Thread | None = None
        while (at := time.perf_counter() - began) < end or restart is not None:
            if not self.recovery and restart is None and at >= self.seconds / 2:
                self.server.kill()
                self.say(f"   {at:.1f} s: the server is killed with -9 and started again")
                dead = time.perf_counter()
                restart = threading.Thread(target=self._restart)
                restart.start()
            if restart is not None and not restart.is_alive():
                restart = None
                if self.broken is not None:
                    raise self.broken
                self.recovery = self.server.ready["recovery"]
                end = at + self.seconds / 2  # trade as long after the restart as before, however long it took
                self.say(f"   {at:.1f} s: ready again after {time.perf_counter() - dead:.1f} s; {self.recovery}")
            if at >= shown + 1:
                shown = int(at)
                self._tick(at, "trading" if restart is None else "restarting")
            for party in self.parties.values():
                if party.process.poll() is not None:
                    raise Failed(f"the {party.name} ended: {party.why()}")
            if restart is None and not self.server.alive():
                raise Failed(f"the server ended by itself: {self.server.why()}")
            time.sleep(0.02)
        self.traded_s = time.perf_counter() - began

    def _restart(self) -> None:
        try:
            self.server.start()
        except Exception as error:  # raised again by the thread that waits
            self.broken = error

    def _tick(self, at: float, what: str) -> None:
        market = None
        if self.screen.live:
            try:
                market = self.server.ask("markets", event="WC26-WIN")["markets"][0]
            except (Unreachable, Failed):
                market = None
        self.screen.tick(at, what, {wire: party.status for wire, party in self.parties.items()}, market)

    def quiet(self) -> list[Dump]:
        """Stop sending orders, wait for every answer, and return the books."""
        for party in self.parties.values():
            party.tell(do="stop")
        return [_dump(party.wait("quiet", 40)) for party in self.parties.values()]

    def close(self) -> dict[str, int]:
        """Close and settle every World Cup market; returns what each contract paid, by symbol."""
        paid: dict[str, int] = {}
        for settlement in results.load():
            if not settlement.event.startswith(EVENTS):
                continue
            market = self.world.markets[settlement.event]
            self.server.ask("admin", ar.SetPhase(event=market.event, phase="closed"))
            self.server.ask("admin", settlement.determine(market))
            self.server.ask("admin", ar.Finalise(event=market.event))
            paid |= dict(zip((c.symbol for c in market.contracts), results.payouts(market, settlement.winners)))
        names = {market: [s for s in symbols if paid.get(s)] for market, symbols in self.world.events.items()}
        groups = [winners[0].rpartition("-")[2] for market, winners in names.items() if market.startswith("WC26-GRP") and winners]
        self.say(
            f"   settled by the real results: cup {_code(names['WC26-WIN'])}, final after 90 minutes {_code(names['WC26-FINAL'])}, groups {' '.join(groups)}"
        )
        if unsettled := [market for market, winners in names.items() if not winners]:
            self.wrong.append(f"no result for {', '.join(unsettled)}")
        return paid

    def finish(self, numbers: dict[str, int]) -> list[Dump]:
        for party in self.parties.values():
            party.tell(do="finish", numbers=numbers)
        return [_dump(party.wait("done", 40)) for party in self.parties.values()]

    # ---------------------------------------------------------------------------------------------------------- judging
    def judge(self, what: str, found: list[str]) -> None:
        self.wrong += found
        self.say(f"   {'ok   ' if not found else 'WRONG'}  {what}" + (f": {len(found)} differences" if found else ""))

    def compare(self, books: list[Books], server: dict[str, Any], when: str) -> None:
        deposits, decimals = self.world.deposits, self.world.decimals
        found = [text for book in books for text in judge.client(book, server, ASSET, deposits[book.account], decimals)]
        held = sum(1 for book in books for q in book.positions.values() if q)
        opened = sum(len(book.open) for book in books)
        self.judge(f"{when}: {len(books)} clients' books against the server's: cash, {held} positions, {opened} open orders", found)

    def audit(self, when: str) -> None:
        failed = self.server.ask("check")["failed"]
        self.judge(f"{when}: the server's ledger, sets, collateral and books prove themselves", failed)

    def replayed(self) -> list[str]:
        """The stopped server's folder, replayed from the journal's first row by another process: same state, same proofs."""
        from exchange_server.engine import Engine
        from exchange_server.journal.walk import JournalRefused, Walk

        engine = Engine()
        wrong: list[str] = []
        marks = 0
        try:
            for batch in Walk(self.server.data / "journal"):
                if batch.rows.size:
                    engine.apply(batch.rows, batch.rows.size, lambda events: None)
                if batch.mark is not None:
                    marks += 1
                    if engine.digest() != batch.mark.digest:
                        wrong.append(f"the state behind row {batch.mark.seq} differs from the digest that the server wrote")
        except JournalRefused as error:
            wrong.append(str(error))
        if not marks:
            wrong.append("the journal carries no state digest")
        return wrong + engine.check()

    def run(self) -> None:
        self.open()
        self.trade()
        before = self.quiet()
        books = [book for dump in before for book in dump.books]
        self.say("   trading is over; compared while the orders rest")
        back = {wire: dump.reconnects for wire, dump in zip(self.parties, before)}
        lost = [
            f"{back[wire]} reconnects of {party.plan.count} {wire} sessions"
            for wire, party in self.parties.items()
            if back[wire] < party.plan.count
        ]
        self.judge("every client lost its connection and came back by itself", lost)
        server = self.server.ask("accounts")
        self.compare(books, server, "at the close")
        self.judge(
            "market data made the books that the server has", judge.best_prices(before[0].best, self.server.ask("markets")["markets"])
        )
        self.audit("at the close")
        status = self.server.ask("status")
        paid = self.close()
        server = self.server.ask("accounts")
        after = self.finish({session["name"]: session["next_out"] for session in server["sessions"]})
        final = [book for dump in after for book in dump.books]
        self.compare(final, server, "after the settlement")
        self.judge("every position was paid once, by its result", judge.settlements(books, final, paid, self.world.contracts))
        self.judge(f"all {server['trades']} trades are in two clients' books, both sides alike", judge.trades(final, server["trades"]))
        self.judge("no fill lost, none doubled", judge.fills(final, server) + judge.executions(final))
        self.judge(f"all {server['orders']} order ids are in one client's books each", judge.orders(final, server["orders"]))
        self.judge(
            "the sum of all cash is what was paid in, fees are where they belong", judge.money(server, final, ASSET, self.world.decimals)
        )
        self.audit("after the settlement")
        code = self.server.stop()
        self.judge("a clean stop with a snapshot", [] if code == Exit.OK else [f"the server stopped with exit code {code}"])
        self.judge("the journal, replayed from its first row by another process, gives the same state", self.replayed())
        self._summary(before, after, server, status)

    def _summary(self, before: list[Dump], after: list[Dump], server: dict[str, Any], status: dict[str, Any]) -> None:
        books = [book for dump in after for book in dump.books]
        requests, fresh, refused = (sum(getattr(b, name) for b in books) for name in ("sent", "new_orders", "refused"))
        self.say("3. The account")
        self.say(f"   requests {requests} (new orders {fresh}, refused {refused}), trades {server['trades']}, fills {server['fills']}")
        self.say(
            f"   throughput {requests / self.traded_s:.0f} requests/s over {self.traded_s:.1f} s, the outage included (offered {self.rate:.0f})"
        )
        for wire, dump in zip(self.parties, after):
            values = sorted(dump.latencies)
            self.say(
                f"   order to report, {wire:6}  p50 {microseconds(percentile(values, 50))}, p99 {microseconds(percentile(values, 99))}, "
                f"max {microseconds(values[-1] if values else 0)} ({len(values)} answers; those in flight at the kill are not in it)"
            )
        doubt, again = sum(b.in_doubt for b in books), sum(b.sent_again for b in books)
        self.say(
            f"   {sum(d.reconnects for d in after)} reconnects, {doubt} requests were in doubt, {again} were sent again under the same ClOrdID"
        )
        self.say(f"   {self.recovery}")
        slow = status["pipeline"]["slow_path_messages"]
        self.say(
            f"   server: {status['engine']['row_seq']} rows, {status['engine']['event_seq'] - 1} events, messages on the slow path since the restart: {slow}"
        )


def _dump(path: str) -> Dump:
    return msgspec.msgpack.decode(Path(path).read_bytes(), type=Dump)


def _code(winners: list[str]) -> str:
    return ", ".join(w.rpartition("-")[2] for w in winners) or "nobody"


def run(seconds: float, seed: int, rate: float) -> int:
    """Run everything and print the result. The folder is removed if there is no error, else kept and named."""
    screen = Screen()
    began = time.perf_counter()
    day = MatchDay(seconds, seed, rate, screen)
    try:
        day.run()
    except (Failed, Unreachable) as error:
        day.wrong.append(str(error))
    except KeyboardInterrupt:
        remove(day.folder)
        raise
    finally:
        for party in day.parties.values():
            party.end()
        if day.server.alive():
            day.server.kill()
    took = time.perf_counter() - began
    if day.wrong:
        screen.line(f"WRONG after {took:.1f} s ({len(day.wrong)} findings; seed {seed}; everything is kept in {day.folder}):")
        for text in day.wrong[:40]:
            screen.line(f"   {text}")
        return Exit.FAILED
    remove(day.folder)
    screen.line(f"RIGHT: nothing lost, nothing doubled, all sums are right ({took:.1f} s, seed {seed}).")
    return Exit.OK

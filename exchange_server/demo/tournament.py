"""The World Cup played on a server of its own: 104 matches in compressed time. Markets are listed on the running server, open, go live, close, are
determined from the results and become final, while bots trade on both wires; in the middle the server is killed with -9 and started again.
Then every client's books are compared with the server's, and every payout with the facts. `play` returns the exit code."""

import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config import load
from exchange_server.cli import config_plan
from exchange_server.cli.admin_client import AdminClient, Unreachable
from exchange_server.cli.doctor import file_system, sync_times
from exchange_server.exits import Exit

from . import facts as facts_of
from . import judge, people, tables, timetable, world
from . import outcomes as o
from .books import Books
from .client import Dump, Plan, percentile
from .director import Director
from .screen import Screen, microseconds
from .street import Clients, Failed, Server, cores, remove
from .world import ASSET, World

FIX_SHARE = 0.16  # of all requests
SEGMENT_BYTES = 1 << 25  # enough for the run; the default is meant for a day, and zero-filling 256 MiB keeps the disk busy for seconds
LEAD_S = 8.0  # from the listing of the markets to their opening: the bots start in it
APPLY_S = 60.0
FINAL_S = 30.0
KILL_PERCENT = 60  # of the play: after the round of 32, in which a result is disputed (a market that nobody could trade has no parties)
BACK_S = 10.0  # after an outage the clients have so long to come back before the matches go on
MIDS_S = 65.0  # a play of that length has a whole minute (UTC) in it, over which prices are weighted
NEVER_NS = 1 << 61
EVERY_S = 5.0  # between two lines of progress where there is no terminal


class Setting(NamedTuple):
    """speed: how many times as fast as it was; rate: requests a second, both wires; kill: with -9 in the middle; scheduled: the server changes the
    phases by itself at their times, else the operator does, and after an outage the matches go on where they stopped."""

    speed: int
    seed: int
    rate: float
    kill: bool = True
    scheduled: bool = False


class Tournament:
    """One play in a folder. `wrong` collects the sentences of all checks, `checks` their names."""

    def __init__(self, setting: Setting, folder: Path, screen: Screen) -> None:
        self.setting, self.folder, self.screen = setting, folder, screen
        self.facts = facts_of.read()
        self.server = Server(folder, folder / "data", segment_bytes=SEGMENT_BYTES, config=str(folder / "exchange.toml"))
        self.parties: dict[str, Clients] = {}
        self.wrong: list[str] = []
        self.checks: list[tuple[str, int]] = []
        self.result: dict[str, Any] = {"folder": str(folder), **setting._asdict()}
        self.traded_s = 0.0
        self.recovery = ""
        first, last = timetable.span(self.facts)
        self.mids = setting.scheduled and last - first >= MIDS_S * 1e9 * setting.speed
        self.broken: Exception | None = None  # why the restart failed

    def say(self, text: str = "") -> None:
        self.screen.line(text)

    # ------------------------------------------------------------------------------------------------------------- acts
    def open(self) -> None:
        """Start the server, list the markets on it, start the bots."""
        times = sorted(sync_times(self.folder))
        self.say(f"The exchange: seed {self.setting.seed}, {self.setting.speed} times as fast, {self.setting.rate:.0f} requests/s offered")
        self.say(
            f"   data folder {self.folder} on {file_system(self.folder)}; 4 kB and fdatasync: median {times[len(times) // 2] / 1e6:.2f} ms, "
            f"p99 {times[len(times) * 99 // 100] / 1e6:.2f} ms"
        )
        venue = load.load("tournament")
        exchange = people.write(self.folder, "exchange.toml", people.exchange_file(venue))
        self.server.start()
        self.server.config = ""  # from now on the folder knows
        mine, theirs = cores()
        pinned = f"server on core {min(mine)}, clients on core {min(theirs)}" if mine != theirs else "one core for all"
        self.say(
            f"   server ready in {self.server.seconds:.1f} s, mode {self.server.ready['mode']}, {self.server.ready['records_applied']} records; {pinned}"
        )
        self.clock = timetable.clock(self.facts, time.time_ns() + round(LEAD_S * 1e9), self.setting.speed)
        self.times = timetable.timetable(self.facts, self.clock)
        markets = people.write(self.folder, "markets.toml", people.markets_file(venue, self.times, self.setting.scheduled, self.mids))
        self._list(markets)
        files = (str(exchange), str(markets))
        self.world: World = world.of(files)
        for record in people.rules():
            self.server.ask("admin", record)
        self.director = Director(self.server, self.facts, self.world.markets, self.times, self.say, self.setting.scheduled)
        self._bots(files)
        if not self.setting.scheduled:  # nothing waits for a time that is written down: begin as soon as everybody is here
            self._later(time.time_ns() - (self.clock.begins_ns - timetable.BEFORE_NS))

    def _list(self, file: Path) -> None:
        """Apply the markets to the running server, all or nothing."""
        began = time.perf_counter()
        with AdminClient(self.server.data, timeout_s=APPLY_S) as admin:
            record = config_plan.read(str(file), admin, why="the World Cup").record
            answer = admin.ask("admin", record)
        if not answer.ok:
            raise Failed(f"the server refused the markets: {answer.text}")
        events = self.server.ask("markets")["markets"]
        self.result["contracts"] = sum(len(event["contracts"]) for event in events if event["event"] in self.times)
        self.result["listed_s"] = round(time.perf_counter() - began, 3)
        self.say(
            f"   {self.result['contracts']} contracts of {len(self.times)} events, a spot pair and two more venues' listings of the outright, "
            f"listed on the running server in {self.result['listed_s']:.2f} s"
        )

    def _bots(self, files: tuple[str, ...]) -> None:
        fix, binary = self.server.ports
        common: dict[str, Any] = {
            "host": "127.0.0.1", "seed": self.setting.seed, "folder": str(self.folder), "files": files, "times": timetable.traded(self.times), "often": (o.DISPUTED, o.VOIDED, o.CORRECTED),
        }  # fmt: skip
        quotes: tuple[tuple[str, int, int], ...] = ()
        if self.mids:
            common["times"][o.AT_MIDS] = (NEVER_NS, 0)
            quotes = o.quotes(self.world.markets[o.AT_MIDS])
        makers = (*people.MAKERS, *people.ARENA, people.KNOWN, people.UNKNOWN)
        rate = self.setting.rate
        self.parties["binary"] = Clients(
            "makers", Plan(wire="binary", port=binary, rate=rate * (1 - FIX_SHARE), names=makers, quotes=quotes, **common)
        )
        self.parties["fix"] = Clients("takers", Plan(wire="fix", port=fix, rate=rate * FIX_SHARE, names=people.TAKERS, **common))
        for party in self.parties.values():
            party.wait("ready", 30)
        self.say(f"   {len(makers)} sessions on port {binary} (binary), {len(people.TAKERS)} on port {fix} (FIX 4.4)")

    def trade(self) -> None:
        """All matches but for the last whistle: what is closed by hand stays open. The kill is in the middle."""
        for party in self.parties.values():
            party.tell(do="trade")
        began = time.perf_counter()
        end_ns = self.clock.at(timetable.span(self.facts)[1])
        kill_ns = self.clock.begins_ns + (end_ns - self.clock.begins_ns) * KILL_PERCENT // 100 if self.setting.kill else 0
        killed_ns, back_by = 0, 0.0
        restart: threading.Thread | None = None
        shown = 0.0
        while (now := time.time_ns()) < end_ns or restart is not None or self.director.queue:
            at = time.perf_counter() - began
            if kill_ns and now >= kill_ns:
                kill_ns, killed_ns = 0, now
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
                back_by = at + BACK_S
                self.say(f"   {at:.1f} s: ready again after {time.perf_counter() - dead:.1f} s; {self.recovery}")
            if restart is None and not self.server.alive():
                raise Failed(f"the server ended by itself: {self.server.why()}")
            if back_by and not self.setting.scheduled and (at >= back_by or self._all_back()):
                back_by = 0.0
                end_ns += self._later(time.time_ns() - killed_ns)
            if restart is None and (not back_by or self.setting.scheduled):
                self.director.due(time.time_ns)
            if at >= shown + (1 if self.screen.live else EVERY_S):
                shown = at
                self._tick(at, now, "" if restart is None else "restarting")
            for party in self.parties.values():
                if party.process.poll() is not None:
                    raise Failed(f"the {party.name} ended: {party.why()}")
            time.sleep(0.005)
        self.traded_s = time.perf_counter() - began

    def _all_back(self) -> bool:
        return all(party.status.get("back", 0) >= len(party.plan.names) for party in self.parties.values())

    def _later(self, ns: int) -> int:
        """The matches that were to be played while the server was away are played now."""
        self.clock = self.clock._replace(begins_ns=self.clock.begins_ns + ns)
        self.director.later(ns)
        for party in self.parties.values():
            party.tell(do="later", ns=ns)
        return ns

    def _restart(self) -> None:
        try:
            self.server.start()
        except Exception as error:  # raised again by the thread that waits
            self.broken = error

    def _tick(self, at: float, now_ns: int, what: str) -> None:
        market = None
        real = self.clock.real(now_ns)
        played = sum(match.over_ns <= real for match in self.facts.matches)
        date = time.strftime("%b %d", time.gmtime(max(real, self.clock.first_ns) // 10**9))
        if self.screen.live and not what:
            try:
                market = self.server.ask("markets", event="WC26-WIN")["markets"][0]
            except (Unreachable, Failed):
                market = None
        what = what or f"{date}, {played:3} of {len(self.facts.matches)} matches"
        self.screen.tick(at, what, {wire: party.status for wire, party in self.parties.items()}, market)

    def quiet(self) -> list[Dump]:
        """Stop sending orders, wait for every answer, and return the books."""
        for party in self.parties.values():
            party.tell(do="stop")
        return [_dump(party.wait("quiet", 40)) for party in self.parties.values()]

    def finish(self, numbers: dict[str, int]) -> list[Dump]:
        for party in self.parties.values():
            party.tell(do="finish", numbers=numbers)
        return [_dump(party.wait("done", 40)) for party in self.parties.values()]

    # ---------------------------------------------------------------------------------------------------------- judging
    def judge(self, what: str, found: list[str]) -> None:
        self.wrong += found
        self.checks.append((what, len(found)))
        self.say(f"   {'ok   ' if not found else 'WRONG'}  {what}" + (f": {len(found)} differences" if found else ""))

    def compare(self, books: list[Books], server: dict[str, Any], when: str) -> None:
        w = self.world
        found = [text for b in books for text in judge.client(b, server, ASSET, w.deposits[b.account], w.decimals, w.contracts)]
        held = sum(1 for book in books for q in book.positions.values() if q)
        opened = sum(len(book.open) for book in books)
        self.judge(f"{when}: {len(books)} clients' books against the server's: cash, {held} positions, {opened} open orders", found)

    def audit(self, when: str) -> None:
        failed = self.server.ask("check")["failed"]
        self.judge(f"{when}: the server's ledger, sets, collateral and books prove themselves", failed)

    def replayed(self) -> list[str]:
        """The stopped server's folder, replayed from the journal's first row by another process: same state, same proofs."""
        from exchange_server.engine import Engine
        from exchange_server.journal.marks import NO_DIGEST
        from exchange_server.journal.walk import JournalRefused, Walk

        engine = Engine()
        wrong: list[str] = []
        marks = 0
        try:
            for batch in Walk(self.server.data / "journal"):
                if batch.rows.size:
                    engine.apply(batch.rows, batch.rows.size, lambda events: None)
                if batch.mark is not None and batch.mark.digest != NO_DIGEST:  # marks of a running server have none
                    marks += 1
                    if engine.digest() != batch.mark.digest:
                        wrong.append(f"the state after row {batch.mark.seq} differs from the digest that the server wrote")
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
        self.say("The last match is over; compared while orders rest")
        if self.setting.kill:
            back = {wire: dump.reconnects for wire, dump in zip(self.parties, before)}
            lost = [
                f"{back[wire]} reconnects of {len(party.plan.names)} {wire} sessions"
                for wire, party in self.parties.items()
                if back[wire] < len(party.plan.names)
            ]
            self.judge("every client lost its connection and came back by itself", lost)
        server = self.server.ask("accounts")
        self.compare(books, server, "at the close")
        seen = judge.best_prices(before[0].best, self.server.ask("markets")["markets"])
        self.judge("market data made the books that the server has", seen)
        self.judge("each venue shows what it lists, and to whom it may", self._shown(books))
        self.audit("at the close")
        status = self.server.ask("status")
        if self.mids:
            self.director.void_at_mids(time.time_ns() - 10**9)
        markets = self.director.finish(time.perf_counter, time.sleep, FINAL_S)
        paid = self.director.paid(markets)
        server = self.server.ask("accounts")
        after = self.finish({session["name"]: session["next_out"] for session in server["sessions"]})
        final = [book for dump in after for book in dump.books]
        self.compare(final, server, "after the settlement")
        self.judge(f"{len(paid)} contracts paid what the facts say", judge.results(paid, self.director.known()))
        self.judge("a result was disputed and corrected, a market was voided", self.director.life(markets))
        self.judge("every settlement named its rule, source and evidence on the wire", judge.evidence(final, self.director.told()))
        self.judge("a result was corrected after it was paid, to the unit", judge.corrected(final, self.director.repaid()))
        self.judge("a trade was taken back from both sides", judge.busts(final, self.director.busts))
        self.judge("going live took the orders that are not marked persist, and no others", judge.persisted(final))
        self.judge("every position was paid once, by its result", judge.settlements(final, paid, self.world.contracts))
        self.judge(f"all {server['trades']} trades are in two clients' books, both sides alike", judge.trades(final, server["trades"]))
        self.judge("no fill lost, none doubled", judge.fills(final, server) + judge.executions(final))
        self.judge(f"all {server['orders']} order ids are in one client's books each", judge.orders(final, server["orders"]))
        money = judge.money(server, final, ASSET, self.world.decimals[ASSET])
        self.judge("the sum of all cash is what was paid in, fees are where they belong", money)
        self.audit("after the settlement")
        code = self.server.stop()
        self.judge("a clean stop with a snapshot", [] if code == Exit.OK else [f"the server stopped with exit code {code}"])
        self.judge("the journal, replayed from its first row by another process, gives the same state", self.replayed())
        self._families(markets)
        self._summary(after, server, status)

    def _shown(self, books: list[Books]) -> list[str]:
        """What the sessions of each venue see: all, what is listed, or (if nobody knows them) nothing."""
        wrong = []
        for book in books:
            if book.wire != "binary":
                continue
            venue = self.world.logins[book.session].venue
            wanted = 0 if book.session == people.UNKNOWN else len(self.world.offered(venue))
            if book.sees != wanted:
                wrong.append(f"{book.session}: sees {book.sees} instruments, {wanted} are offered to it")
        return wrong

    def _families(self, markets: list[dict[str, Any]]) -> None:
        self.result["families"] = rows = self.director.families(markets)
        self.say("The account")
        self.say(f"   {'':18}{'events':>8}{'contracts':>11}{'traded':>11}{'final':>8}{'paid':>7}")
        total = {"family": "all"} | {key: sum(row[key] for row in rows) for key in rows[0] if key != "family"}
        for row in (*rows, total):
            self.say(f"   {row['family']:18}{row['events']:8}{row['contracts']:11}{row['traded']:11}{row['final']:8}{row['paid']:7}")

    def _summary(self, after: list[Dump], server: dict[str, Any], status: dict[str, Any]) -> None:
        books = [book for dump in after for book in dump.books]
        requests, fresh, refused = (sum(getattr(b, name) for b in books) for name in ("sent", "new_orders", "refused"))
        groups = " ".join(rows[0].team for rows in tables.group_tables(self.facts).values())
        self.say(f"   cup {tables.champion(self.facts)}, top scorer {tables.top_scorer(self.facts)}, groups {groups}")
        self.say(f"   requests {requests} (new orders {fresh}, refused {refused}), trades {server['trades']}, fills {server['fills']}")
        self.say(
            f"   throughput {requests / self.traded_s:.0f} requests/s over {self.traded_s:.1f} s, any outage included (offered {self.setting.rate:.0f})"
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
        if self.recovery:
            self.say(f"   {self.recovery}")
        slow = status["pipeline"]["slow_path_messages"]
        rows, events = status["engine"]["row_seq"], status["engine"]["event_seq"] - 1
        self.say(f"   server: {rows} rows, {events} events, messages on the slow path since the last start: {slow}")
        self.result |= {
            "requests": requests, "refused": refused, "trades": server["trades"], "rows": rows, "traded_s": round(self.traded_s, 1),
            "recovery": self.recovery,
        }  # fmt: skip


def _dump(path: str) -> Dump:
    return msgspec.msgpack.decode(Path(path).read_bytes(), type=Dump)


class Ended(NamedTuple):
    """code: an Exit; result: as data; folder: None when it was removed."""

    code: int
    result: dict[str, Any]


def play(setting: Setting, folder: Path, screen: Screen, keep: bool = False) -> Ended:
    """Run everything and print the result. The folder is removed if there is no error and it need not be kept, else kept and named."""
    began = time.perf_counter()
    game = Tournament(setting, folder, screen)
    try:
        game.run()
    except (Failed, Unreachable) as error:
        game.wrong.append(str(error))
    except KeyboardInterrupt:
        if not keep:
            remove(folder)
        raise
    finally:
        for party in game.parties.values():
            party.end()
        if game.server.alive():
            game.server.kill()
    took = time.perf_counter() - began
    game.result |= {
        "seconds": round(took, 1), "wrong": game.wrong[:40], "checks": [{"check": what, "differences": found} for what, found in game.checks],
    }  # fmt: skip
    if game.wrong:
        screen.line(f"WRONG after {took:.1f} s ({len(game.wrong)} findings; seed {setting.seed}; everything is kept in {folder}):")
        for text in game.wrong[:40]:
            screen.line(f"   {text}")
        return Ended(Exit.FAILED, game.result)
    if not keep:
        remove(folder)
    screen.line(f"RIGHT: nothing lost, nothing doubled, all sums are right ({took:.1f} s, seed {setting.seed}).")
    return Ended(Exit.OK, game.result)

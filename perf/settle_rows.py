"""Settlement at scale: one million positions of one event, paid in slices.

`slices` runs in one process, engine and event store without a network: how long all of it and the longest slice take. `beside` runs a server:
one member trades on another market, one order at a time, while the million is paid; its waits are compared with those before. Several markets are
paid, one after the other with quiet in between, so that there are enough waits for a p99. Nothing else is asked of the server meanwhile. Each
answer is checked: every account has its payout, the pool is 0, all invariants hold.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from exchange_server.engine import Capacities, Engine
from exchange_server.journal.event_store import EventStore
from protocol import codes as C
from protocol import messages as M
from protocol.framing import frame
from tests.bridge import command_words
from tests.model_world import Row

from .kernels import compiled
from .peers import BinaryPeer, count_reports
from .rig import AnswerWrong, Result
from .server import SECRET, BenchServer

POSITIONS = 1_000_000
CONTRACTS = 50  # in process; the server has fewer accounts with more contracts each, because each account has to be defined
SERVER_CONTRACTS = 500
EVENTS = 4  # markets of the server that are paid
QUIET_S, PAID_S = 1.0, 1.5  # before each settlement, and from its request on
PAUSE_NS = 200_000
CASH = 1_000_000
MOVED, REFUSED = (int(kind.__struct_config__.tag) for kind in (M.Moved, M.Refused))  # type: ignore[arg-type]


def world(accounts: int) -> Engine:
    """An engine in which every account has one of each contract of an event that is determined."""
    engine = Engine(
        Capacities(
            accounts=accounts + 64, balances=2 * accounts + 64, collateral_words=accounts * (L.CO_COLUMNS + L.CO_COLUMN_COUNT * CONTRACTS) + 64,
            orders=1_000, archive=1_000, nodes=1_000,
        )
    )  # fmt: skip
    rows = [
        Row(kind=C.C_TIME, turn=1, now=1, tick=1), Row(kind=C.C_DEF_ASSET, id=1), Row(kind=C.C_DEF_VENUE, id=1, fee_account=2),
        *(Row(kind=C.C_DEF_ACCOUNT, id=i, account_kind=C.ACCT_FEES) for i in (1, 2)), Row(kind=C.C_DEF_FIRM, id=1),
        Row(kind=C.C_DEF_SESSION, id=1, firm=1), Row(kind=C.C_LOGON, session=1),
        Row(
            kind=C.C_DEF_EVENT, id=1, product=C.EXACTLY, k=1, n=CONTRACTS, asset=1, payout=10_000, tick_value=1, owner_venue=1, phase=C.PH_LISTED
        ),
    ]  # fmt: skip
    for i in range(CONTRACTS):
        rows.append(Row(
            kind=C.C_DEF_INSTRUMENT, id=1 + i, event=1, index=i, min_qty=1, max_qty=100, lot=1, price_min=1, price_max=9_999, protection=5,
            max_position=1_000, bands=[(1, 9_999, 1)],
        ))  # fmt: skip
    rows += [Row(kind=C.C_DEF_LISTING, venue=1, instrument=1 + i, model=C.FEE_QUADRATIC) for i in range(CONTRACTS)]
    rows.append(Row(kind=C.C_PHASE, event=1, phase=C.PH_OPEN))
    for number in range(16, 16 + accounts):
        rows.append(Row(kind=C.C_DEF_ACCOUNT, id=number, firm=1, account_kind=C.ACCT_TRADING))
        rows.append(Row(kind=C.C_TRANSFER, target=number, asset=1, amount=CASH))
        rows.append(Row(kind=C.C_SPLIT, session=1, account=number, instrument=1, sets=1, id=number))
    payouts = [100] * CONTRACTS
    payouts[0] += 10_000 - 100 * CONTRACTS
    rows += [Row(kind=C.C_PHASE, event=1, phase=C.PH_CLOSED), Row(kind=C.C_DETERMINE, event=1, version=1, payouts=payouts)]
    for row in rows:
        words = command_words(row)
        engine.apply(words, len(words), lambda events: None)
    return engine


def slices(scale: float) -> list[Result]:
    """Engine and event store: all of it, and the longest slice."""
    accounts = max(int(POSITIONS * scale) // CONTRACTS, 60)
    engine = world(accounts)
    folder = Path(tempfile.mkdtemp(prefix="exos-bench-", dir=Path.cwd()))
    try:
        store = EventStore(folder / "events")
        store.go_to(engine.event_seq)
        counted = [0]

        def sink(events: Any) -> None:
            counted[0] += int(np.count_nonzero((events[:: L.EVT_WORDS] & 255) == C.E_SETTLED))
            store.append(events)

        row = Row(kind=C.C_FINALISE, event=1, version=1, slice=d.SLICE)
        taken = []
        while True:
            words = np.concatenate([command_words(Row(kind=C.C_TIME, turn=engine.turn + 1, now=engine.time_ns + 1)), command_words(row)])
            began = time.perf_counter()
            engine.apply(words, len(words), sink)
            taken.append((time.perf_counter() - began) * 1e3)
            if not engine.settling:
                break
            row = Row(kind=C.C_CONTINUE, slice=d.SLICE)
        store.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    m = engine.m
    base = int(m[L.H_POOLS + L.P_BALANCE * L.POOL_WORDS + L.PL_BASE])
    cash = m[base : base + 2 * (accounts + 8) * L.BALANCE_WORDS].reshape(-1, L.BALANCE_WORDS)
    cash = cash[cash[:, L.B_ACCOUNT] >= 16]
    if counted[0] != accounts * CONTRACTS or len(cash) != accounts or not (cash[:, L.B_CASH] == CASH).all() or engine.check():
        raise AnswerWrong(f"settle: {counted[0]} reports, {engine.check()[:3]}")
    note = f"{len(taken)} slices, the median {sorted(taken)[len(taken) // 2]:.2f} ms; engine alone, without a journal"
    return [
        Result("settle", f"{accounts * CONTRACTS:,} positions paid, engine", sum(taken) / 1e3, "s", 1.0, False, note),
        Result("settle", "longest slice, engine", max(taken), "ms", 5.0, False),
    ]


def config(accounts: int) -> str:
    """TOML of the server. One firm has all positions, and its share of the words of positions is about half: so there are three times as many as needed."""
    common = 'owner_venue = "V"\nasset = "USD"\npayout = "1.0000"\nmax_qty = 1000\nmax_position = 100_000\nfees = { model = "quadratic" }\nphase = "open"\nrules = "A bench."\nsource = "nobody"\nband = [{ low = "0.0001", high = "0.9999", step = "0.0001" }]\n'
    wide = "".join(
        f'[[market]]\nevent = "WIDE{e}"\nproduct = "exactly"\nwinners = 1\ncontract = ['
        + ", ".join(f'{{ symbol = "W{e}-{i}" }}' for i in range(SERVER_CONTRACTS))
        + f"]\n{common}\n"
        for e in range(EVENTS)
    )
    member = "".join(f'[[member.account]]\nname = "M1-{j}"\ndeposit = {{ USD = "100.00" }}\n' for j in range(1, accounts + 1))
    return f"""
sandbox = true
[server]
fix_port = 0
binary_port = 0
session_throttle = 0
[capacities]
firms = 16
accounts = {accounts + 64}
sessions = 16
events = 8
instruments = {EVENTS * SERVER_CONTRACTS + 64}
listings = {EVENTS * SERVER_CONTRACTS + 64}
balances = {accounts + 64}
collateral_words = {3 * EVENTS * accounts * (L.CO_COLUMNS + L.CO_COLUMN_COUNT * SERVER_CONTRACTS)}
orders = 50_000
nodes = 10_000
archive = 200_000
[[asset]]
name = "USD"
decimals = 4
[[venue]]
name = "V"
{wide}[[market]]
event = "BESIDE"
product = "at_most"
winners = 1
contract = [{{ symbol = "BESIDE" }}]
{common}
[[member]]
firm = "M1"
{member}
[[member.session]]
name = "S1"
wire = "binary"
key = "S1"
secret = "{SECRET}"
account = "M1-1"
[[member]]
firm = "M2"
[[member.account]]
name = "M2-1"
deposit = {{ USD = "100000.00" }}
[[member.session]]
name = "S2"
wire = "binary"
key = "S2"
secret = "{SECRET}"
account = "M2-1"
"""


class Trader(threading.Thread):
    """One order or cancel at a time on the market beside; `waits` get (time of the answer, us)."""

    def __init__(self, peer: BinaryPeer) -> None:
        super().__init__(daemon=True)
        self.peer, self.over = peer, False
        self.waits: list[tuple[int, float]] = []
        self.account = min(peer.accounts.values())

    def run(self) -> None:
        id = 1
        while not self.over:
            new = M.NewOrder(id, self.account, EVENTS * SERVER_CONTRACTS + 1, 1, 1, 2, 1, 0, 100, 10)
            message = frame(M.encode(new if id % 2 else M.CancelOrder(id, id - 1, self.account, 0)))
            want, began = self.peer.answers + 1, time.perf_counter_ns()
            self.peer.socket.sendall(message)
            while self.peer.answers < want:
                self.peer.receive()
            now = time.perf_counter_ns()
            self.waits.append((now, (now - began) / 1e3))
            id += 1
            while time.perf_counter_ns() < now + PAUSE_NS:
                pass


def meanwhile(waits: list[tuple[int, float]], began: int, end: int) -> list[float]:
    """Of (time of the answer, its wait) in order: the waits that ended from `began` to `end`, and at least the first after `began`: a small
    settlement is over before one order is answered."""
    after = [(at, us) for at, us in waits if at >= began]
    return [us for at, us in after[:1]] + [us for at, us in after[1:] if at <= end]


def beside(scale: float) -> list[Result]:
    """A server pays while another member trades: how long, and the other's p99 against the one before."""
    from config import admin_records as ar
    from exchange_server.cli.admin_client import AdminClient

    accounts = max(int(POSITIONS * scale) // SERVER_CONTRACTS, 20)
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    with BenchServer(config(accounts), "async") as server:
        splitter, peer = (BinaryPeer(server.ready["binary_port"], key, kernel) for key in ("S1", "S2"))
        first = min(splitter.accounts.values())  # a logon names only some of so many accounts; the ids of one member follow each other
        for number in range(EVENTS * accounts):
            splitter.say(M.SplitSets(number + 1, number // accounts + 1, 1, first + number % accounts))
        while splitter.counts[MOVED] + splitter.counts[REFUSED] < EVENTS * accounts:
            splitter.receive()
        if splitter.counts[REFUSED]:
            raise AnswerWrong(f"settle: {splitter.counts[REFUSED]} splits were refused")
        payouts = (10_000, *[0] * (SERVER_CONTRACTS - 1))
        said: dict[str, Any] = {"rule_id": "r", "source": "s", "observed_value": "v", "observed_at_ns": 1, "evidence_sha256": "ab" * 32}
        trader = Trader(peer)
        spans: list[tuple[int, int]] = []  # of each settlement: when it was asked for and was final
        with AdminClient(server.data) as admin:

            def must(record: Any) -> None:
                answer = admin.ask("admin", record)
                if not answer.ok:
                    raise AnswerWrong(f"settle: {answer.text}")

            for e in range(EVENTS):
                must(ar.SetPhase(event=f"WIDE{e}", phase="closed"))
                must(ar.Determine(event=f"WIDE{e}", payouts=payouts, **said))
            trader.start()
            for e in range(EVENTS):
                time.sleep(QUIET_S)
                began, began_ns = time.perf_counter_ns(), time.time_ns()
                must(ar.Finalise(event=f"WIDE{e}"))
                time.sleep(PAID_S)
                ended_ns = admin.ask("markets", event=f"WIDE{e}").result["markets"][0]["final_at_ns"]
                if not ended_ns:
                    raise AnswerWrong(f"settle: not paid after {PAID_S} s")
                spans.append((began, began + max(ended_ns - began_ns, 1)))
                time.sleep(0.2)  # the answer to the question about the market takes a few ms
            trader.over = True
            trader.join(5)
            if trader.is_alive() or not trader.over or peer.counts[81] or peer.counts[85]:
                raise AnswerWrong(
                    f"settle: the other member's orders: {peer.counts[81] + peer.counts[85]} refused, {len(trader.waits)} answered"
                )
        failed = server.check()
        if failed:
            raise AnswerWrong(f"settle: {failed[:3]}")
    during = [us for began, end in spans for us in meanwhile(trader.waits, began, end)]
    quiet = [us for at, us in trader.waits if any(began - QUIET_S * 1e9 <= at < began for began, _ in spans)]
    p50, p99, q50, q99 = (float(np.percentile(waits, p)) for waits, p in ((during, 50), (during, 99), (quiet, 50), (quiet, 99)))
    note = f"p50 {p50:.0f} against {q50:.0f} us, p99 {p99:.0f} against {q99:.0f} us, longest {max(during):.0f} us; {len(during)} and {len(quiet)} waits"
    seconds = max(end - began for began, end in spans) / 1e9
    about = f"from the request to final, the longest of {EVENTS}"
    return [
        Result("settle", f"{accounts * SERVER_CONTRACTS:,} positions paid, server, others trade", seconds, "s", 1.0, False, about),
        Result("settle", "another member's p99 meanwhile, against the one before", p99 / q99, "times", 2.0, False, note),
    ]


def rows(scale: float) -> list[Result]:
    return [*slices(scale), *beside(scale)]

"""A large exchange and its folder: seconds from kill -9 to the first accepted order, what a snapshot costs the others, the follower's lag, tables
that grow at a start.

`recovery`: a folder with so many rows of life, the newest snapshot so many rows before its end, then a start until a new order is accepted.
`snapshot`: a server with so many resting orders and closed ids takes a paced flow, with its follower making snapshots and without.

The folders are made in a process of their own (`python -m perf.folder_rows make JSON`), which ends like one that was killed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from .journal_rows import file_system
from .rig import AnswerWrong, Result
from .server import ROOT, SECRET, BenchServer, config

LIVES, TAILS = (1_000_000, 10_000_000), (100_000, 1_000_000)
LONG_LIFE = 100_000_000  # only with EXOS_LONG=1: it takes 30 GB
AIMS_S = {100_000: 3.0, 1_000_000: 10.0}
RESTING, IDS = 1_000_000, 4_000_000
ROWS_AN_ID = 2.7  # of the flow: so many commands close one id
RATE, SECONDS = 10_000, 20.0
SESSIONS, PER_TURN, BLOCK = 8, 1_000, 200_000
MOST_OPEN = 1_000_000  # with more, all are cancelled: a flow that is repeated leaves some of its orders resting


class Wanted(msgspec.Struct):
    """A folder to be made: `life` rows of commands, the newest snapshot `tail` rows before the end. Half of `resting` is there at once, and each block of
    the flow leaves some more, as long as the table has room."""

    folder: str
    life: int
    tail: int
    resting: int
    orders: int = 0  # capacities; 0: as many as the flow needs
    archive: int = 0


def toml(wanted: Wanted) -> str:
    orders = wanted.orders or 2 * wanted.resting + 200_000 + min(
        wanted.life // 5, 3_000_000
    )  # a flow that is repeated leaves some of its orders resting
    text = config(SESSIONS, "binary", orders=orders)
    return text.replace("nodes = 60_000", f"nodes = 60_000\narchive = {wanted.archive or 4_000_000}\nused_blocks = 200_000")


def make(wanted: Wanted) -> None:
    """Trade without the network: the journal is written and the rows applied as a server does it. Prints where it stands, and ends at once."""
    import numpy as np

    from exchange_server import app
    from exchange_server.cli import serve
    from exchange_server.core import layout as L
    from exchange_server.engine import Engine
    from exchange_server.journal.marks import event_digest
    from exchange_server.journal.recover import seal
    from exchange_server.journal.snapshots import Keep, Snapshot, write_snapshot
    from exchange_server.net.observe import Log
    from protocol import codes
    from tests.flows import named_flow

    from .rig import cut

    folder = Path(wanted.folder)
    file = folder / "bench.toml"
    file.write_text(toml(wanted))
    file.chmod(0o600)
    given = ["--data", str(folder / "data"), "--config", str(file), "--mode", "async", "--follower", "off"]
    server = app.Server(serve.options(given), Log(level="error"))
    engine, journal = server.engine, server.journal

    def put(words: Any) -> None:
        ticket = journal.append(words, engine.row_seq)
        engine.apply(words, len(words), server.store.append)
        journal.wait(ticket)

    def restored(made: Snapshot) -> None:
        """As the follower checks it."""
        again = Engine.restore(made.body())
        if again.digest() != made.digest:
            raise AnswerWrong("a snapshot was not read back as it was written")

    def begin() -> Any:
        """Log every session on."""
        rows = np.zeros((SESSIONS, L.CMD_WORDS), np.int64)
        rows[:, L.CMD_HEAD] = codes.C_LOGON
        rows[:, L.CMD_SESSION_ACCOUNT] = np.arange(1, SESSIONS + 1) << 32
        rows[:, L.CMD_LOGON_NEXT_IN] = 2
        rows[:, L.CMD_LOGON_HEARTBEAT_NS] = 30 * 10**9
        return rows

    def all_cancelled() -> Any:
        """Each session's orders, by a mass cancel."""
        rows = np.zeros((SESSIONS, L.CMD_WORDS), np.int64)
        rows[:, L.CMD_HEAD] = codes.C_MASS_CANCEL
        rows[:, L.CMD_SESSION_ACCOUNT] = np.arange(1, SESSIONS + 1) << 32
        rows[:, L.CMD_SCOPE] = codes.SCOPE_SESSION
        rows[:, L.CMD_ID_LO] = 8 * 10**15 + at
        return rows

    done, at, made = 0, 0, False
    block = min(BLOCK, wanted.life)
    flow = named_flow(5, block, wanted.resting // 2, sessions=SESSIONS)
    for rows in (flow.preload, flow.flow):
        at_home(server.engine.registry, rows)
    while done < wanted.life:
        rows = np.concatenate([begin(), flow.preload]) if at == 0 else flow.flow.copy()
        if at:  # the same flow again with other ids: what it cancels and replaces is its own, but for what was there before
            for word in (L.CMD_ID_LO, L.CMD_ORIG_LO):
                rows[:, word] += np.where(rows[:, word] > 0, at * 10**7, 0)
            if engine.m[L.H_OPEN_ORDERS] > max(MOST_OPEN, wanted.resting * 2):
                rows = np.concatenate([all_cancelled(), rows])
        at += 1
        cuts, _ = cut(engine, rows, min(PER_TURN, len(rows)))
        for words in cuts:
            put(words)
            done += len(words) // L.CMD_WORDS
            if not made and done >= wanted.life - wanted.tail:
                journal.settle()
                server.store.sync()
                write_snapshot(
                    folder / "data" / "snapshots", engine.snapshot(), position=journal.settle(), event_seq=engine.event_seq, digest=engine.digest(),
                    server_id=journal.server_id, logic=L.LOGIC_VERSION, event_value=server.store.value(), time_ns=engine.time_ns, keep=Keep(2, 0), check=restored,
                )  # fmt: skip
                made = True
            if done >= wanted.life:
                break
    if wanted.tail == 0:
        seal(server.recovered, folder / "data")
    closed = engine.m[L.H_POOLS + L.P_ARCHIVE * L.POOL_WORDS + L.PL_USED]
    used = {"orders": engine.m[L.H_OPEN_ORDERS], "closed": closed, "events": engine.event_seq, "rows": engine.row_seq}
    digest = event_digest(engine, server.store.value()).hex()
    print(json.dumps({**{name: int(value) for name, value in used.items()}, "digest": digest}), flush=True)
    os._exit(0)


def at_home(registry: Any, rows: Any) -> None:
    """Give the rows of the named flow the accounts and sessions of the bench's world (server.config), which deals them to its members in another order."""
    import numpy as np

    from exchange_server.core import layout as L
    from exchange_server.core.layout import definitions as d

    index = (rows[:, L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF) - d.FIRST_TRADING_ACCOUNT
    ids = np.zeros(int(index.max()) + 1, np.int64)
    for i in np.unique(index).tolist():
        member = i % SESSIONS + 1
        account, session = registry.accounts.named(f"M{member}-{i // SESSIONS + 1}"), registry.sessions.named(f"S{member}")
        ids[i] = session.id << 32 | account.id
    rows[:, L.CMD_SESSION_ACCOUNT] = ids[index]


class Folder:
    """A folder on the disk under test, with such a life. Use as a context."""

    def __init__(self, wanted: Wanted) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="exos-bench-", dir=Path.cwd()))
        self.disk = file_system(self.path)
        self.wanted = msgspec.structs.replace(wanted, folder=str(self.path))
        self.made: dict[str, Any] = {}

    def __enter__(self) -> Folder:
        command = [sys.executable, "-m", "perf.folder_rows", "make", msgspec.json.encode(self.wanted).decode()]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AnswerWrong(f"the folder could not be made: {done.stderr[-2000:]}")
        self.made = json.loads(done.stdout.strip().splitlines()[-1])
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Started(BenchServer):
    """A server on a folder that there is already, on the cores that the system gives it."""

    environment = {"BENCH_ANY_CORE": "1"}

    def __init__(self, folder: Folder, *arguments: str, follower: str = "off") -> None:
        self.folder, self.disk, self.data = folder.path, folder.disk, folder.path / "data"
        self.arguments = ["--mode", "sync", "--follower", follower, *arguments]
        self.ready = {}

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()

    def recovered(self) -> str:
        """The line of the recovery in its log."""
        lines = [line for line in (self.folder / "log.txt").read_text().splitlines() if '"recovered"' in line]
        return str(json.loads(lines[-1])["line"])


def first_accepted(server: BenchServer, id: int) -> None:
    """Log on and have an order accepted. Raises AnswerWrong."""
    from protocol import codes
    from protocol import messages as M

    peer = logged_on(server.ready["binary_port"], "S1")
    peer.send(M.NewOrder(id, 0, 1, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 1, 1))
    while True:
        message = peer.next(30)
        if isinstance(message, M.Accepted) and message.id == id:
            peer.socket.close()
            return
        if message is None or isinstance(message, M.Rejected):
            raise AnswerWrong(f"the first order after the start was not accepted: {message}")


def recovery(scale: float) -> list[Result]:
    """Seconds from the start of a server on a killed folder until a new order is accepted, and that nothing is missing then."""
    out = []
    lives = [*LIVES, *([LONG_LIFE] if os.environ.get("EXOS_LONG") == "1" else [])]
    for life in lives:
        for tail in TAILS:
            if tail >= life:
                continue
            with Folder(Wanted("", int(life * scale), int(tail * scale), int(100_000 * scale))) as folder:
                began = time.perf_counter()
                server = Started(folder)
                with server:
                    first_accepted(server, 9 * 10**15)
                    took = time.perf_counter() - began
                    line, wrong, status = server.recovered(), server.check(), server.status()
                    if wrong:
                        raise AnswerWrong(f"the books after the recovery: {wrong[0]}")
                    if f"next event {folder.made['events']}," not in line or folder.made["digest"][:16] not in line:
                        raise AnswerWrong(f"the server came back with another state: {line}; made was {folder.made}")
                    if int(tail * scale) == 0 or "no snapshot" in line:
                        raise AnswerWrong(f"it was not recovered from a snapshot: {line}")
            name = f"start after kill -9, {int(life * scale):,} rows of life, {int(tail * scale):,} after the snapshot"
            out.append(Result("recovery", name, took, "s", AIMS_S[tail], False, f"{line}; {status['engine']['open_orders']:,} open orders"))
    return out


class Flood(msgspec.Struct):
    """A steady flow of one session: so many orders a second, none of which rests."""

    port: int
    rate: int


def flood(job: Flood) -> None:
    """Send until killed; answers are read and not looked at."""
    from protocol import codes
    from protocol import messages as M
    from protocol.framing import frame

    peer = logged_on(job.port, "S1")
    peer.socket.setblocking(False)
    each = job.rate // 100
    next_id, due, data = 8 * 10**15, time.monotonic(), b""
    while True:
        due += 0.01
        time.sleep(max(0.0, due - time.monotonic()))
        data += b"".join(
            frame(M.encode(M.NewOrder(next_id + i, 0, 1, codes.BUY, codes.YES, codes.LIMIT, codes.IOC, 0, 1, 1))) for i in range(each)
        )
        next_id += each
        try:
            data = data[peer.socket.send(data) :]
            while peer.socket.recv(1 << 20):
                continue
        except BlockingIOError:
            continue


def logged_on(port: int, key: str) -> Any:
    """A blocking binary peer of a bench session."""
    from protocol import messages as M
    from protocol.binary_session import Prover
    from tests.server_kit import BinaryPeer

    peer = BinaryPeer(port, log_on=False)
    peer.key = key
    peer.send(M.Logon(key, Prover(key, SECRET).prove(peer.hello)))
    peer.logged_on()
    return peer


def p99(values: list[float]) -> float:
    return sorted(values)[len(values) * 99 // 100] if values else 0.0


class Probe:
    """A modest member: an order every few ms, the time to its acceptance, and what the follower did meanwhile."""

    def __init__(self, server: BenchServer) -> None:
        self.peer = logged_on(server.ready["binary_port"], "S2")
        self.folder = server.data / "follower"
        self.id = 9 * 10**15
        self.quiet: list[float] = []
        self.during: list[float] = []
        self.lags: list[float] = []
        self.looked = 0.0
        self.caught_up = False
        self.status: Any = None

    def look(self) -> None:
        from exchange_server.follow.status import read_status

        now = time.monotonic()
        if now - self.looked >= 0.05:
            self.looked, self.status = now, read_status(self.folder) or self.status

    def order(self) -> float:
        """ms until it is accepted."""
        from protocol import codes
        from protocol import messages as M

        self.id += 1
        began = time.perf_counter()
        self.peer.send(M.NewOrder(self.id, 0, 2, codes.BUY, codes.YES, codes.LIMIT, codes.IOC, 0, 1, 1))
        while not (isinstance(message := self.peer.next(30), M.Accepted) and message.id == self.id):
            if message is None or isinstance(message, M.Rejected):
                raise AnswerWrong(f"an order of the probe was not accepted: {message}")
        return (time.perf_counter() - began) * 1e3

    def run(self, most_s: float) -> None:
        """Until one snapshot is made, and as long again without one."""
        end, after = time.monotonic() + most_s, 0.0
        while time.monotonic() < end and (not after or time.monotonic() < after):
            self.look()
            took, status = self.order(), self.status
            time.sleep(0.002)
            if status is None or status.state not in ("following", "snapshot"):
                continue
            self.caught_up = (
                self.caught_up or status.state == "following" and status.lag_ms < 1000
            )  # after its own start, for which the flow did not wait
            if not self.caught_up:
                continue
            (self.during if status.state == "snapshot" else self.quiet).append(took)
            self.lags.append(float(status.lag_ms))
            if status.snapshots and not after:
                after = time.monotonic() + 5.0


def snapshot(scale: float) -> list[Result]:
    """Others' p99 while the follower makes a snapshot, the snapshot's time, the follower's lag."""
    from exchange_server.follow.status import read_status

    resting, ids = int(RESTING * scale), int(IDS * scale)
    wanted = Wanted("", resting + int(ROWS_AN_ID * ids), 0, resting, orders=3 * resting + 500_000, archive=max(ids, 100_000))
    with Folder(wanted) as folder:
        text = (folder.path / "bench.toml").read_text()
        rows = int(RATE * max(3.0, SECONDS * min(1.0, 4 * scale)))
        (folder.path / "bench.toml").write_text(text.replace("[server]", f"[server]\nsnapshot_rows = {rows}"))
        with Started(folder, follower="on") as server:
            probe = Probe(server)
            job = msgspec.json.encode(Flood(server.ready["binary_port"], RATE)).decode()
            sender = subprocess.Popen([sys.executable, "-m", "perf.folder_rows", "flood", job], cwd=ROOT)
            try:
                probe.run(60 + 600 * scale)
            finally:
                sender.kill()
                sender.wait()
            if wrong := server.check():
                raise AnswerWrong(f"the books: {wrong[0]}")
            status = read_status(server.data / "follower")
    if status is None or not status.snapshots or status.state == "differs" or not status.marks:
        raise AnswerWrong(f"the follower made no snapshot that counts: {status}")
    if not probe.quiet:
        raise AnswerWrong("no order was sent while the follower rested: nothing to compare with")
    quiet, during = p99(probe.quiet), p99(probe.during)
    state = f"{folder.made['orders']:,} resting orders, {folder.made['closed']:,} closed ids"
    void = "" if len(probe.during) > 50 else f"only {len(probe.during)} orders were sent during the snapshot"
    note = f"{state}; {quiet:.2f} ms without, {during:.2f} ms during it; {len(probe.quiet):,} and {len(probe.during):,} orders; {RATE:,}/s of another member"
    return [
        Result("snapshot", "p99 of the others while the follower makes a snapshot", during / quiet, "times", 1.3, False, note, void),
        Result(
            "snapshot",
            "a snapshot and its check",
            status.snapshot_ms / 1e3,
            "s",
            20.0,
            False,
            f"{state}; {status.snapshot_bytes / 1e6:,.0f} MB",
        ),
        Result(
            "snapshot",
            f"p99 of the follower's lag at {RATE:,} orders/s",
            p99(probe.lags) / 1e3,
            "s",
            1.0,
            False,
            f"{len(probe.lags):,} looks, while it makes a snapshot too, after it has caught up once",
        ),
    ]


def grow(scale: float) -> list[Result]:
    """A start with larger tables against a start with the same ones."""
    resting, ids = int(RESTING * scale), int(IDS * scale)
    out = []
    small = 3 * resting + 200_000
    with Folder(Wanted("", resting + int(ROWS_AN_ID * ids), 0, resting, orders=small, archive=max(ids, 100_000))) as folder:
        text = (folder.path / "bench.toml").read_text()
        taken = []
        for orders in (
            small,
            small,
            2 * small,
        ):  # the first one's snapshot was checked when it was made; a clean stop makes one that the start checks
            (folder.path / "bench.toml").write_text(text.replace(f"orders = {small}", f"orders = {orders}"))
            began = time.perf_counter()
            with Started(folder) as server:
                taken.append(time.perf_counter() - began)
                if wrong := server.check():
                    raise AnswerWrong(f"the books: {wrong[0]}")
                if server.status()["tables"]["orders"][1] != orders:
                    raise AnswerWrong(f"the table of orders was to have {orders} rows: {server.status()['tables']['orders']}")
                server.process.terminate()
                server.process.wait(60)
        note = (
            f"{folder.made['orders']:,} resting orders, {folder.made['closed']:,} closed ids; after a clean stop {taken[1]:.2f} s with the same tables, "
            f"{taken[2]:.2f} s with twice as many orders; {taken[0]:.2f} s from a snapshot that was checked when it was made"
        )
        out.append(Result("grow", "start with larger tables against one with the same", taken[2] / taken[1], "times", 2.0, False, note))
    return out


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(msgspec.json.decode(sys.argv[2].encode(), type=Wanted))
    else:
        flood(msgspec.json.decode(sys.argv[2].encode(), type=Flood))

"""The server under test: the world of a flow as a configuration file, a process pinned to one core, on a real disk.

`python -m perf.server --data DIR --config FILE ...` takes the arguments of `exos serve`, and opens two more ports, in the same process and on
the same event loop. One only sends back what it receives (its number is in DIR/echo.port): the baseline of a round trip. The other sends it to
all of its peers (DIR/bare.port): the baseline of market data.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

from .journal_rows import file_system

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 280.0  # includes compiling every kernel once
SETTLED_LOOKS, SETTLED_PAGES = 4, 64  # so often, 50 ms apart, its memory grew by less than so many pages
SERVER_CORE = int(os.environ.get("BENCH_SERVER_CORE", "0"))
CLIENT_CORE = 0 if SERVER_CORE else 1
SECRET = "a-secret-of-the-bench"


def symbol(instrument: int) -> str:
    return f"B{instrument}"


def account_name(account: int, sessions: int, first: int = 16) -> str:
    """The server's name of a flow's account id: firm n's j-th account."""
    i = account - first
    return f"M{i % sessions + 1}-{i // sessions + 1}"


def config(sessions: int, wire: str, books: int = 100, group: int = 48, accounts: int = 1_000, orders: int = 600_000) -> str:
    """TOML of the named flow's world for this many sessions of one wire, and one more binary session L2 that only listens."""
    each = -(-accounts // sessions)
    lines = [f"""
sandbox = true

[server]
fix_port = 0
binary_port = 0
sending_time_tolerance = "600s"
session_throttle = 0

[capacities]
firms = 256
accounts = {2 * accounts + 64}
sessions = 256
events = 256
instruments = 512
listings = 512
balances = 8192
collateral_words = 8_000_000
orders = {orders}
nodes = 60_000

[[asset]]
name = "USD"
decimals = 4

[[venue]]
name = "V"
"""]  # fmt: skip
    sizes = [min(group, books)] + [1] * (books - min(group, books))
    number = 1
    for event, n in enumerate(sizes):
        contracts = ", ".join(f'{{ symbol = "{symbol(number + i)}" }}' for i in range(n))
        lines.append(f"""
[[market]]
event = "E{event}"
product = "{"exactly" if n > 1 else "at_most"}"
winners = 1
owner_venue = "V"
asset = "USD"
payout = "1.0000"
max_qty = 100_000
max_position = 10_000_000
fees = {{ model = "quadratic", maker_bps = -50, taker_bps = 100, owner_share_bps = 3000, venue_share_bps = 3000 }}
phase = "open"
rules = "A bench."
source = "nobody"
contract = [{contracts}]
band = [{{ low = "0.0001", high = "0.9999", step = "0.0001" }}]
""")
        number += n
    lines.append(f'[[member]]\ncount = {sessions}\nfirm = "M{{n}}"\n')
    for j in range(1, each + 1):
        lines.append(f'[[member.account]]\nname = "M{{n}}-{j}"\ndeposit = {{ USD = "100000000.00" }}\n')
    login = 'key = "S{n}"' if wire == "binary" else 'our_comp_id = "EXOS-OE"\npeer_comp_id = "S{n}"\nusername = "s{n}"'
    lines.append(f'[[member.session]]\nname = "S{{n}}"\nwire = "{wire}"\naccount = "M{{n}}-1"\nsecret = "{SECRET}"\n{login}\n')
    lines.append(
        '[[member]]\nfirm = "L2"\n[[member.account]]\nname = "L2-A"\n[[member.session]]\nname = "L2"\nwire = "binary"\nkey = "L2"\n'
    )
    lines.append(f'secret = "{SECRET}"\naccount = "L2-A"\n')
    return "\n".join(lines)


def fdatasync_us(folder: Path, times: int = 300) -> tuple[float, float]:
    """Median and p99 of one 4 kB write and fdatasync into a preallocated file of that folder, microseconds."""
    path = folder / "sync.probe"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(fd, 0, 4096 * 64)
        os.fsync(fd)
        taken = []
        for i in range(times):
            began = time.perf_counter_ns()
            os.pwrite(fd, b"\x5a" * 4096, 4096 * (i % 64))
            os.fdatasync(fd)
            taken.append((time.perf_counter_ns() - began) / 1e3)
    finally:
        os.close(fd)
        path.unlink()
    taken.sort()
    return statistics.median(taken), taken[int(len(taken) * 0.99)]


def processor_s(process: int) -> float:
    """Processor time that a process (0: this one) has used, in its threads together."""
    fields = Path(f"/proc/{process or 'self'}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class BenchServer:
    """A server process on its core with a fresh data folder on a real disk; use as a context manager. Raises ValueError for a disk in
    memory."""

    environment: dict[str, str] = {}  # of the process, beside this one's

    def __init__(self, toml: str, mode: str = "sync", spin: bool = False, *arguments: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="exos-bench-", dir=Path.cwd()))
        try:
            self.disk = file_system(self.folder)
        except ValueError:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        self.data = self.folder / "data"
        (self.folder / "bench.toml").write_text(toml)
        (self.folder / "bench.toml").chmod(0o600)  # it contains secrets
        self.arguments = ["--mode", mode, "--follower", "off", *(["--spin"] if spin else []), *arguments]
        self.ready: dict[str, Any] = {}

    def __enter__(self) -> BenchServer:
        command = [
            sys.executable,
            "-m",
            "perf.server",
            "--data",
            str(self.data),
            "--config",
            str(self.folder / "bench.toml"),
            *self.arguments,
        ]
        self.log = open(self.folder / "log.txt", "ab")
        # A server is not compiled at each start.
        environment = {**{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}, **self.environment}
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log, env=environment)
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        text = self.process.stdout.readline() if readable else b""
        if not text:
            raise RuntimeError(f"the server did not start: {(self.folder / 'log.txt').read_text()[-3000:]}")
        self.ready = json.loads(text)
        for port in ("echo", "bare"):
            self.ready[f"{port}_port"] = int((self.data / f"{port}.port").read_text())
        self._let_it_settle()
        return self

    def _let_it_settle(self) -> None:
        """Wait until the server's tables have their memory. An idle thread sees to that beside a start; where server and generator fill both cores, the
        system gives it one of them for up to 10 ms now and then, and the first round of a row would tell of that."""
        statm = Path(f"/proc/{self.process.pid}/statm")
        before, same, stop = 0, 0, time.monotonic() + START_SECONDS
        while same < SETTLED_LOOKS and time.monotonic() < stop and self.process.poll() is None:
            resident = int(statm.read_text().split()[1])
            same = same + 1 if resident - before < SETTLED_PAGES else 0
            before = resident
            time.sleep(0.05)

    def status(self) -> dict[str, Any]:
        from exchange_server.cli.admin_client import AdminClient

        with AdminClient(self.data) as admin:
            return dict(admin.ask("status").result or {})

    def check(self) -> list[str]:
        from exchange_server.cli.admin_client import AdminClient

        with AdminClient(self.data) as admin:
            return list((admin.ask("check").result or {})["failed"])

    def disk_us(self, times: int) -> tuple[float, float]:
        """fdatasync_us on the server's core, while the server is stopped (the disk's interrupts go to one core)."""
        mine = os.sched_getaffinity(0)
        self.process.send_signal(signal.SIGSTOP)
        try:
            os.sched_setaffinity(0, {min(SERVER_CORE, (os.cpu_count() or 1) - 1)})
            return fdatasync_us(self.folder, times)
        finally:
            os.sched_setaffinity(0, mine)
            self.process.send_signal(signal.SIGCONT)

    def processor_s(self) -> float:
        """Processor time used by the server."""
        return processor_s(self.process.pid)

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Echo(asyncio.Protocol):
    """Sends back what comes."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Bare(asyncio.Protocol):
    """Sends what comes from one peer to all, in a plain loop over their sockets."""

    sockets: ClassVar[list[socket.socket]] = []

    def connection_made(self, transport: Any) -> None:
        taken = transport.get_extra_info("socket")
        taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sockets.append(socket.socket(fileno=os.dup(taken.fileno())))

    def data_received(self, data: bytes) -> None:
        for each in self.sockets:
            each.send(data)


def main() -> int:
    # With a follower the server deals the cores to the two itself.
    if not os.environ.get("BENCH_ANY_CORE") and "on" not in sys.argv[sys.argv.index("--follower") :][:2]:
        os.sched_setaffinity(0, {min(SERVER_CORE, (os.cpu_count() or 1) - 1)})
    from exchange_server.cli import serve
    from exchange_server.journal import ahead

    options = serve.options(sys.argv[1:])
    ahead.begin(options.data / "snapshots")  # as `exos serve` does it
    from exchange_server import app

    class EchoServer(app.Server):
        async def _listen(self, pipeline: Any) -> list[asyncio.AbstractServer]:
            servers = list(await super()._listen(pipeline))
            for name, protocol in (("echo", Echo), ("bare", Bare)):
                server = await pipeline.loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
                (self.options.data / f"{name}.port").write_text(str(server.sockets[0].getsockname()[1]))
                servers.append(server)
            return servers

    app.Server = EchoServer  # type: ignore[misc]
    return int(app.serve(options))


if __name__ == "__main__":
    raise SystemExit(main())

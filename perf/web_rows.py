"""The row `web`: the HTTP gateway beside the server. An order over HTTP against one over the binary wire, orders a second over HTTP, and what many WebSocket
subscribers cost the gateway and the server.

The server has core 0, the gateway core 1. The clients share core 0 with the server, which is mostly asleep; they sleep while they wait.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from typing import Any

import msgspec

from .rig import AnswerWrong, Result
from .server import CLIENT_CORE, ROOT, SECRET, BenchServer, config
from .web_load import BEAT_NS, PACE_S, WebJob
from .wire_rows import checked

TRIP_AIM_MS = 1.5  # of an order over HTTP, above one over the binary wire
RATE_AIM = 5_000  # orders a second over HTTP
FRAMES_AIM = 9.5  # a second to each subscriber: one every 100 ms, a little later each time
P99_AIM = 1.2  # of the server with the subscribers, times that without
SUBSCRIBERS, BOOKS, BEATS_S = 10_000, 5, 10.0
BEATS_PER_S = 10**9 // BEAT_NS
SESSIONS, CONNECTIONS = 8, 32


class BenchWeb:
    """`exos web` on its core, beside a server. Use as a context."""

    def __init__(self, server: BenchServer) -> None:
        self.server = server

    def __enter__(self) -> BenchWeb:
        many = "1000000"
        command = [sys.executable, "-m", "exchange_server.cli.main", "web", "--data", str(self.server.data), "--login", "L2", "--port", "0"]
        command += ["--rate", many, "--client-rate", many, "--logon-rate", many, "--log-level", "warning"]
        self.log = open(self.server.folder / "web.txt", "ab")
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log, env=os.environ | {"EXOS_WEB_SECRET": SECRET}
        )
        os.sched_setaffinity(self.process.pid, {min(CLIENT_CORE, (os.cpu_count() or 1) - 1)})
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        text = self.process.stdout.readline() if readable else b""
        if not text:
            raise RuntimeError(f"the web process did not start: {(self.server.folder / 'web.txt').read_text()[-3000:]}")
        self.port = int(json.loads(text)["port"])
        self._up()
        return self

    def _up(self) -> None:
        """Wait until it reaches the exchange."""
        import time
        import urllib.request

        until = time.monotonic() + 30
        while time.monotonic() < until:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/status", timeout=10) as answer:
                if json.loads(answer.read())["server"] == "up":
                    return
            time.sleep(0.1)
        raise RuntimeError("the web process does not reach the server")

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()


def _start(job: WebJob) -> Any:
    command = [sys.executable, "-m", "perf.web_load", msgspec.json.encode(job).decode()]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _end(process: Any, kind: str, say: str = "", seconds: float = 600.0) -> dict[str, Any]:
    """Wait for a load that was started; its result. Raises AnswerWrong with its last output if it failed."""
    try:
        out, problem = process.communicate(say, timeout=seconds)
    finally:
        process.kill()
        process.wait(10)
    if process.returncode:
        raise AnswerWrong(f"{kind}: {problem[-3000:]}")
    return dict(msgspec.json.decode(out.splitlines()[-1]))


def _ready(process: Any, kind: str) -> None:
    """Wait until a load says that it is. Raises AnswerWrong with its last output if it failed."""
    if process.stdout.readline().strip() != "ready":
        raise AnswerWrong(f"{kind}: {process.communicate(timeout=30)[1][-3000:]}")


def load(job: WebJob) -> dict[str, Any]:
    """Run a load to its end. Raises AnswerWrong."""
    return _end(_start(job), job.kind)


def trip(scale: float) -> list[Result]:
    n = max(int(2_000 * scale), 40)
    with BenchServer(config(2, "binary"), "sync") as server, BenchWeb(server) as web:
        got = load(WebJob("trip", server.ready["binary_port"], web.port, n))
        checked(server, "web")
    binary, http = got["binary"], got["http"]
    note = (
        f"{n:,} each, in turn, all ends sleep; HTTP p50 {http['p50']:.0f} p99 {http['p99']:.0f} us, binary p50 {binary['p50']:.0f} p99 {binary['p99']:.0f} us; "
        "the client on the server's core"
    )
    name = "HTTP order to answer, durable, p50 above that of the binary wire"
    return [Result("web", name, (http["p50"] - binary["p50"]) / 1e3, "ms", TRIP_AIM_MS, False, note, more=got)]


def rate(scale: float) -> list[Result]:
    n = max(int(30_000 * scale), 200)
    with BenchServer(config(SESSIONS, "binary"), "sync") as server, BenchWeb(server) as web:
        job = WebJob("rate", 0, web.port, n, sessions=SESSIONS, connections=CONNECTIONS, web=web.process.pid)
        got = load(job)
        checked(server, "web")
    note = (
        f"{got['answered']:,} orders, each answered by its own state; {SESSIONS} logins, {CONNECTIONS} connections with one order under way each; p50 {got['p50']:.0f} p99 "
        f"{got['p99']:.0f} us; the web process used {100 * got['web_cpu_s'] / got['seconds']:.0f} % of its core, {1e6 * got['web_cpu_s'] / got['answered']:.0f} us an order; client and server share the other"
    )
    return [Result("web", "HTTP orders/s, durable", got["rate"], "orders/s", RATE_AIM, note=note, more=got)]


def crowd(scale: float) -> list[Result]:
    """Subscribers of BOOKS books while each changes BEATS_PER_S times a second; the same changes before and after without them."""
    subscribers, beats = max(int(SUBSCRIBERS * scale), 20), max(int(BEATS_S * scale * BEATS_PER_S), 2_000)
    with BenchServer(config(2, "binary"), "sync") as server:
        job = WebJob("beats", server.ready["binary_port"], commands=beats * BOOKS, books=BOOKS)
        alone = [load(job)]
        with BenchWeb(server) as web:
            orders = WebJob("pace", 0, web.port, commands=max(beats * BEAT_NS // int(PACE_S * 2e9), 10))
            got, busy, http = _beside(job, orders, WebJob("crowd", 0, web.port, subscribers=subscribers, books=BOOKS, web=web.process.pid))
        alone.append(load(job))
        checked(server, "web")
    without, seconds = sum(one["p99"] for one in alone) / 2, busy["seconds"]
    note = (
        f"{BOOKS} books, {BEATS_PER_S:,} changes a second of each ({busy['answered'] / seconds:,.0f} orders/s over the binary wire, durable), every 100 ms at most; {got['frames']:,} frames "
        f"in {seconds:.1f} s, {got['least']:,} to {got['most']:,} to each; a change is p50 {got['age'].get('p50', 0):.0f} p99 {got['age'].get('p99', 0):.0f} ms old; "
        f"the web process used {100 * got['web_cpu_s'] / seconds:.0f} % of its core, waited for it {100 * got['web_wait_s'] / seconds:.0f} %, and has {got['web_mb']} MB; {subscribers / got['joined_s']:,.0f} joined a second; every socket ends with the book that HTTP tells"
    )
    server_note = (
        f"p99 {busy['p99']:.0f} us with them, {alone[0]['p99']:.0f} and {alone[1]['p99']:.0f} without web process (p50 {busy['p50']:.0f}, {alone[0]['p50']:.0f}, {alone[1]['p50']:.0f}): five orders "
        "from their time to their last answer; the subscribers read on the server's core as idle tasks"
    )
    more = {**got, "busy": busy, "alone": alone}
    return [
        Result(
            "web",
            f"frames/s to each of {subscribers:,} subscribers",
            got["frames"] / subscribers / seconds,
            "frames/s",
            FRAMES_AIM,
            note=note,
            more=more,
        ),
        Result(
            "web",
            "HTTP order to answer, durable, p50 beside them",
            http["p50"] / 1e3,
            "ms",
            0,
            False,
            f"p99 {http['p99'] / 1e3:.1f} ms, max {http['max'] / 1e3:.1f}",
        ),
        Result("web", "the server's own p99 with them", busy["p99"] / without, "times", P99_AIM, False, server_note),
    ]


def _beside(beats: WebJob, orders: WebJob, readers: WebJob) -> list[dict[str, Any]]:
    """What the subscribers got, and what orders over the binary wire and over HTTP took meanwhile."""
    crowd = _start(readers)
    try:
        _ready(crowd, "crowd")
        both = [(job, _start(msgspec.structs.replace(job, waits=True))) for job in (orders, beats)]
        for job, process in both:  # a start takes seconds of the server's core
            _ready(process, job.kind)
        for _, process in both:
            process.stdin.write("go\n")
            process.stdin.flush()
        http, busy = [_end(process, job.kind) for job, process in both]
        return [_end(crowd, "crowd", "stop\n"), busy, http]
    finally:
        crowd.kill()
        crowd.wait(10)


def rows(scale: float) -> list[Result]:
    return [*trip(scale), *rate(scale), *crowd(scale)]

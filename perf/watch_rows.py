"""What it costs to be watched (row `watch`): the server's loop writes its page twice a second, which the server's core pays; `exos top` and one scrape a second read it, each in
a process of its own, which pays on whichever core it runs."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import uvloop

from exchange_server import app
from exchange_server.cli import serve
from exchange_server.net.observe import Log

from .rig import Result
from .server import ROOT, BenchServer, config

AIM = 0.5  # per cent of the server's core
WRITES_PER_S = 2
WARM_S = 4.0  # of the readers: their start is not counted


def _write_us(folder: Path, rounds: int) -> float:
    """Median time of one round of collecting and writing, in a server with the world of the bench."""
    file = folder / "bench.toml"
    file.write_text(config(64, "binary"))
    file.chmod(0o600)
    server = app.Server(serve.options(["--data", str(folder / "data"), "--config", str(file), "--follower", "off"]), Log(level="error"))
    loop = uvloop.new_event_loop()
    server.compose(loop)
    server.watch.begin()
    times = []
    try:
        for i in range(rounds):
            began = time.thread_time_ns()
            server.watch.look(loop.time() + i + 1)
            times.append((time.thread_time_ns() - began) / 1000)
    finally:
        server.close()
        loop.close()
    return statistics.median(times)


def _cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _readers(data: Path, seconds: float) -> tuple[float, float]:
    """Share of a core that `exos top --every 1` takes, and `exos metrics` with one scrape a second."""
    exos = [sys.executable, "-m", "exchange_server.cli.main"]
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"}
    top = subprocess.Popen(
        [*exos, "top", "--data", str(data), "--every", "1"], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=env
    )
    metrics = subprocess.Popen([*exos, "metrics", "--data", str(data), "--port", "0"], cwd=ROOT, stdout=subprocess.PIPE)
    assert metrics.stdout is not None
    url = next(word for word in metrics.stdout.readline().decode().split() if word.startswith("http://"))
    threading.Thread(target=_drain, args=(ours,), daemon=True).start()
    try:
        time.sleep(WARM_S)
        before, began = (_cpu_s(top.pid), _cpu_s(metrics.pid)), time.monotonic()
        while time.monotonic() - began < seconds:
            urllib.request.urlopen(url, timeout=5).read()
            time.sleep(1.0)
        took = time.monotonic() - began
        return (_cpu_s(top.pid) - before[0]) / took, (_cpu_s(metrics.pid) - before[1]) / took
    finally:
        for process in (top, metrics):
            process.kill()
            process.wait()


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 65536):
            continue
    except OSError:
        return


def rows(scale: float) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="exos-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        os.chmod(folder, 0o700)
        us = _write_us(folder, max(int(2000 * scale), 20))
    with BenchServer(config(64, "binary")) as server:  # a page that is written meanwhile
        top, metrics = _readers(server.data, max(30 * scale, 2.0))
    share = 100 * us * WRITES_PER_S / 1e6
    wrote = f"the server's loop pays: {us:.0f} us a round, {WRITES_PER_S} a second; readers ask nothing of it"
    read = f"their own processes pay, on whichever core they run: exos top once a second {100 * top:.2f} %, exos metrics with a scrape a second {100 * metrics:.2f} %"
    return [
        Result("watch", "being watched, of the server's core", share, "%", AIM, False, wrote),
        Result("watch", "its readers, were they on the server's core too", share + 100 * (top + metrics), "%", AIM, False, read),
    ]

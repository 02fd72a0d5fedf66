"""Rows over the wires: one server process on core 0, one load generator on core 1, every command answered, one L2 subscriber on.

Two of the server's threads run on any core, as in production: the one that gives tables their memory, and the one that makes the journal's next segment.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec

from . import sample, venue_flood
from .load import Job
from .rig import AnswerWrong, Result
from .server import ROOT, BenchServer, config, fdatasync_us

SECONDS = 120.0  # nothing is sent after this time
COMMANDS = 10_000_000  # of a pipelined row: at least ten seconds
REFUSED = 0.01  # more than this share of the commands refused: the row is void
BOTH = (True, False)  # both ends spin, or sleep
CORE = 2.0e6  # commands/s of the row `core`, of which the wires should reach a share


def generate(job: Job, seconds: float = 600.0) -> dict[str, Any]:
    """Run the load generator; returns its result. Raises AnswerWrong with its last output if it failed."""
    command = [sys.executable, "-m", "perf.load", msgspec.json.encode(job).decode()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise AnswerWrong(f"load generator: {done.stderr[-3000:]}")
    return dict(msgspec.json.decode(done.stdout.splitlines()[-1]))


def pipelined(
    wire: str, sessions: int, aim: float, scale: float, resting: int = 100_000, rate: int = 0, commands: int = COMMANDS, window: int = 512, ids: str = ""
) -> list[Result]:  # fmt: skip
    """The named flow as fast as a window of unanswered commands for each session allows (rate 0), or at fixed send times; durable (`sync`). Before
    it, the reports to a sample are compared with the model's."""
    full = resting
    resting, commands = max(int(resting * scale), 200), max(int(commands * scale), 400)
    with BenchServer(config(sessions, wire)) as server:
        p50, p99 = fdatasync_us(server.folder, 200)
        job = Job("flow", wire, server.ready["binary_port"], server.ready["fix_port"], sessions=sessions, commands=commands, resting=resting,
            window=window, rate=rate, seconds=SECONDS, ids=ids, server=server.process.pid, keep=str(server.folder))  # fmt: skip
        got = generate(job)
        received = [(server.folder / f"sample-{n}").read_bytes() for n in range(1, sessions + 1)]
        equal = sample.check(wire, sessions, msgspec.convert(got.pop("sampled"), sample.Sampled), server.data / "journal", received)
        status = server.status()
        checked(server, wire)
        slow = status["pipeline"]["slow_path_messages"]
    shape = f"{full:,} resting" if full >= 10_000 else "shallow"
    ends = ""
    if len(got["tenths"]) == 10:
        spent = got["spent"][0] / max(got["spent"][-1], 0.01)  # by the clock, other machines on the same processor count too
        ends = f"; last tenth {got['tenths'][-1] / got['tenths'][0]:.2f} of the first, by processor time {spent:.2f}"
    note = (
        f"mean answer {got['mean_us'] / 1e3:.2f} ms; server {1e6 * got['server_cpu'] / got['answered']:.2f} us of processor a command, by the wall "
        f"{1e6 * got['seconds'] / got['answered']:.2f}{ends}; {server.disk}, fdatasync p50 {p50:.0f} p99 {p99:.0f} us; {got['answered']:,} commands in "
        f"{got['seconds']:.1f} s, {got['reports']:,} reports, {equal} more equal to the model's; refused {100 * got['refused'] / got['answered']:.2f} %, "
        f"{got['message_bytes']:.0f} bytes a command; market data {got['market_bytes'] / 1e6:.1f} MB; client busy "
        f"{100 * got['client_cpu'] / got['seconds']:.0f} %; slow path {slow}"
    )
    void = ""
    if slow and max(slow.values() if isinstance(slow, dict) else [slow]) > 4 * sessions + 8:
        void = f"{slow} messages took the slow path"
    if got["refused"] > REFUSED * got["answered"]:
        void = f"{got['refused']:,} of {got['answered']:,} commands were refused"
    if not rate:
        how = f", {ids} ids" if ids else ""
        name = f"{wire} orders/s durable, {sessions} sessions, window {window:,}{how}, {shape}"
        return [Result(f"{wire}{sessions}", name, got["answered"] / got["seconds"], "commands/s", aim, note=note, void=void, more=got)]
    latency, late = got["latency"], got["late"]
    if late["p99"] > 0.2 * latency["p99"]:
        void = f"sends were late by p99 {late['p99']:.0f} us"
    name = f"{wire} order to report, durable, open loop {rate:,}/s, {sessions} sessions, {shape}"
    note = f"p99 {latency['p99']:.0f} us, max {latency['max']:.0f}; late p50 {late['p50']:.0f} p99 {late['p99']:.0f} us; {note}"
    return [Result("latency", name, latency["p50"], "us", 0, False, note, void, got)]


def checked(server: BenchServer, row: str) -> None:
    """Raises AnswerWrong if the server's own check of its books finds something."""
    if broken := server.check():
        raise AnswerWrong(f"{row}: {broken}")


def trips(scale: float = 1.0, resting: int = 0, modes: tuple[str, ...] = ("async", "sync"), spins: tuple[bool, ...] = BOTH) -> list[Result]:
    """Order → report against a bare echo in the same two processes, alternating; on an empty exchange, or with resting orders."""
    found = []
    resting = int(resting * scale)
    loaded = f", {resting:,} resting" if resting else ""
    for mode in modes:
        for spin in spins:
            n = max(int((10_000 if mode == "async" else 2_000) * scale), 100)
            with BenchServer(config(8, "binary"), mode, spin) as server:
                ports = server.ready["binary_port"], 0, server.ready["echo_port"]
                got = generate(Job("trip", "binary", *ports, commands=n, spin=spin, resting=resting, sessions=8 if resting else 1))
                checked(server, "trip")
                disk50, disk99 = server.disk_us(min(n, 1_000)) if mode == "sync" else (0.0, 0.0)
            order, echo = got["order"], got["echo"]
            how = "both ends spin" if spin else "both ends sleep"
            base, base99 = echo["p50"], echo["p99"]
            note = f"p99 {order['p99']:.0f} us; bare echo p50 {echo['p50']:.0f} p99 {echo['p99']:.0f} us"
            if mode == "sync":
                base, base99 = base + disk50, base99 + disk99
                note += f"; write and fdatasync on the server's core p50 {disk50:.0f} p99 {disk99:.0f} us ({server.disk}); p99 aim 3 x {base99:.0f}"
            times = 2.0 if mode == "async" else 1.15
            note += f"; aim: {times:g} x {'echo' if mode == 'async' else 'echo + sync'}; {order['p50'] / base:.2f} x"
            aim = times * base if spin else 0.0
            found.append(Result("trip", f"round trip {mode}, {how}, {n:,} each{loaded}", order["p50"], "us", aim, False, note, more=got))
            if mode == "sync" and spin:
                found.append(Result("trip", f"round trip sync, both ends spin, p99{loaded}", order["p99"], "us", 3 * base99, False))
    return found


def loaded(scale: float = 1.0) -> list[Result]:
    return trips(scale, 100_000)


def fanout(scale: float = 1.0, spins: tuple[bool, ...] = BOTH) -> list[Result]:
    """The update of one order to many subscribers, against a bare sender in the same two processes, alternating."""
    found = []
    for spin in spins:
        subscribers, n = max(int(200 * scale), 8), max(int(1_000 * scale), 40)
        with BenchServer(config(subscribers + 1, "binary"), "async", spin) as server:
            job = Job("fanout", "binary", server.ready["binary_port"], 0, server.ready["bare_port"], sessions=subscribers, commands=n)
            got = generate(job)
            checked(server, "fanout")
        each, bare = got["fanout"]["p50"], got["bare"]["p50"]
        note = (
            f"{each / subscribers:.2f} us a subscriber, p99 {got['fanout']['p99']:.0f} us; a bare sender p50 {bare:.0f} p99 {got['bare']['p99']:.0f} us; "
            f"{got['bytes']} bytes each; {each / bare:.2f} x"
        )
        name = f"order to the last of {subscribers} subscribers, async, {'spin' if spin else 'sleep'}"
        found.append(Result("fanout", name, each, "us", 1.5 * bare, False, note, more=got))
    return found


def fair(scale: float = 1.0) -> list[Result]:
    """The cost of one member's flood for another: p99 with it against p99 without, alternating, both ends spinning."""
    found = []
    for mode in ("async", "sync") if scale > 0.1 else ("async",):
        with BenchServer(config(8, "binary"), mode, True) as server:
            job = Job(
                "fair", "binary", server.ready["binary_port"], 0, commands=max(int(1_000_000 * scale), 400), window=8192, seconds=30.0
            )
            got = generate(job)
            checked(server, "fair")
        quiet, flood = got["quiet"], got["flood"]
        note = (
            f"p50 {flood['p50']:.0f} against {quiet['p50']:.0f} us, p90 {flood['p90']:.0f} against {quiet['p90']:.0f}, p99 {flood['p99']:.0f} against {quiet['p99']:.0f}, max {flood['max']:.0f} against "
            f"{quiet['max']:.0f}; {flood['count']:,} and {quiet['count']:,} orders; the flood got {got['rate']:,.0f}/s; {got['answered']:,} answered"
        )
        name = f"p99 of a modest member under another's flood, {mode}"
        found.append(Result("fair", name, flood["p99"] / quiet["p99"], "times", 2.0, False, note, more=got))
    return found


def tenants(scale: float = 1.0) -> list[Result]:
    """The cost of one venue's flood for another venue: 50 sessions send 10 times their venue's throttle."""
    found = []
    cases = (("async", 1_000), ("sync", 1_000), ("sync", 10_000))
    for mode, throttle in cases if scale > 0.1 else cases[:1]:
        with BenchServer(venue_flood.config(50, throttle), mode, True) as server:
            seconds = max(2.0 * scale, 0.1)
            got = generate(Job("tenants", "binary", server.ready["binary_port"], 0, sessions=50, rate=throttle, seconds=seconds))
            checked(server, "tenants")
        quiet, flood = got["quiet"], got["flood"]
        note = (
            f"p50 {flood['p50']:.0f} against {quiet['p50']:.0f} us, p99 {flood['p99']:.0f} against {quiet['p99']:.0f}, max {flood['max']:.0f} against "
            f"{quiet['max']:.0f}; {flood['count']:,} and {quiet['count']:,} orders, none refused; of the flood's {got['sent']:,} orders {got['flooded']:,} refused"
        )
        name = f"p99 of a venue while another sends {venue_flood.TIMES * throttle:,}/s with a throttle of {throttle:,}/s, {mode}"
        found.append(Result("tenants", name, flood["p99"] / quiet["p99"], "times", 2.0, False, note, more=got))
    return found


def binary8(scale: float = 1.0) -> list[Result]:
    return pipelined("binary", 8, 0.8 * CORE, scale)


def binary64(scale: float = 1.0) -> list[Result]:
    return pipelined("binary", 64, 0.8 * CORE, scale)


def fix8(scale: float = 1.0) -> list[Result]:
    return pipelined("fix", 8, 0.5 * CORE, scale)


def wide(scale: float = 1.0) -> list[Result]:
    """A window so large that the server always has input: the highest rate, the longest answers."""
    return [*pipelined("binary", 8, 0, scale, window=8192), *pipelined("fix", 8, 0, scale, window=8192)]


def ids(scale: float = 1.0) -> list[Result]:
    """Other ClOrdIDs: large integers on the binary wire; on FIX texts of a usual form, then of one that takes rows of its own."""
    texts = [pipelined("fix", 8, 0, scale, ids=kind) for kind in ("text", "unusual")]
    return [*pipelined("binary", 8, 0, scale, ids="large"), *texts[0], *texts[1]]


def long(scale: float = 1.0) -> list[Result]:
    """Twenty million commands in one run: nobody is refused for a table, and the last tenth is as fast as the first."""
    return pipelined("binary", 8, 0, scale, commands=2 * COMMANDS)


def shallow(scale: float = 1.0) -> list[Result]:
    return [*pipelined("binary", 8, 0, scale, resting=500), *pipelined("fix", 8, 0, scale, resting=500)]


def latency(scale: float = 1.0) -> list[Result]:
    return [*pipelined("binary", 8, 0, scale, rate=5_000, commands=60_000), *pipelined("fix", 8, 0, scale, rate=5_000, commands=60_000)]

"""`exos doctor`: checks whether this machine can run the server: ports, disk and its sync, space, memory, cores, clock; one line each and a
summary."""

import errno
import os
import platform
import resource
import shlex
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from config.secret_files import OTHERS, mode_of
from protocol import numbers, units

from ..certificates import CertificateError, read_certificate
from ..exits import Exit
from ..follow.status import DIFFERS, REFUSED, STOPPED, alive, lasts, read_status
from .clock import sentence
from .command import verb
from .common import CommandError, Unreachable
from .connect import Server, data_option
from .output import Result, fancy, say

SYNCS = 64
BLOCK = 4096
MEMORY_FILE_SYSTEMS = {"tmpfs", "ramfs", "devtmpfs"}
GIB = 1 << 30
SLOW_FOLLOWER_MS = 10_000
SHORT_HOURS = 24
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


class Finding(NamedTuple):
    """`level`: ok, warn (it runs, but not well) or fail (it will not run)."""

    level: str
    what: str
    text: str


@verb(
    "doctor",
    "check this machine: ports, disk, space, memory, cores, clock",
    details="For a running server also the offset of exchange time from the time of day, and its follower.",
    examples=("exos doctor", "exos doctor --config venue.toml --data /srv/exos"),
)
@click.option("--config", metavar="FILE", default="sandbox", help="The configuration whose ports are checked (default: sandbox).")
@data_option
def doctor(config: str, data: Path) -> Result:
    from config import load

    try:
        settings = load.load(config).settings
    except load.ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error
    findings = [
        *system(),
        *ports(settings.host, {"FIX": settings.fix_port, "binary": settings.binary_port}),
        *certificate(data, settings.tls_cert, time.time_ns()),
        *disk(data),
        *memory(),
        *clock(),
        *running_clock(Server(data)),
        *follower(data),
        *journal_disk(data),
    ]
    for finding in findings:
        level = finding.level.ljust(4)
        say(f"{click.style(level, fg=COLOURS[finding.level]) if fancy(sys.stdout) else level}  {finding.what:8}  {finding.text}")
    failed = sum(finding.level == "fail" for finding in findings)
    warned = sum(finding.level == "warn" for finding in findings)
    say(f"{'not ready' if failed else 'ready'}: {failed} failed, {warned} warnings")
    return Result({"findings": [finding._asdict() for finding in findings]}, Exit.FAILED if failed else Exit.OK)


def system() -> Iterator[Finding]:
    name, machine = platform.system(), platform.machine()
    known = name == "Linux" and machine in ("x86_64", "aarch64")
    yield Finding(
        "ok" if known else "fail",
        "system",
        f"{name} {platform.release()} on {machine}" + ("" if known else ": needs Linux on x86-64 or arm64"),
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding(
        "ok" if cores >= 2 else "warn",
        "cores",
        f"{cores} usable" + ("" if cores >= 2 else ": the journal's thread shares the server's core"),
    )
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield Finding("ok" if soft >= 1024 else "warn", "files", f"{soft} open files allowed")


def ports(host: str, wanted: dict[str, int]) -> Iterator[Finding]:
    for name, port in wanted.items():
        try:
            info = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            with socket.socket(info[0], info[1], info[2]) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(info[4])
            yield Finding("ok", "port", f"{host}:{port} ({name}) is free")
        except socket.gaierror as error:
            yield Finding("fail", "port", f"{host} is not an address of this machine: {error.strerror}")
        except OSError as error:
            reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror}"
            yield Finding("fail", "port", f"{host}:{port} ({name}) {reason}")


def certificate(data: Path, cert: str, now_ns: int) -> Iterator[Finding]:
    """The server's certificate, if the configuration names one."""
    if not cert:
        return
    try:
        found = read_certificate(data / cert)
    except CertificateError as error:
        yield Finding("fail", "tls", str(error))
        return
    until = units.instant(found.until_ns)
    if now_ns >= found.until_ns:
        yield Finding("fail", "tls", f"the certificate {found.file} has expired ({until})")
    elif found.ends_soon(now_ns):
        yield Finding("warn", "tls", f"the certificate {found.file} ends soon ({until}): replace it, then exos reload-tls")
    else:
        yield Finding("ok", "tls", f"the certificate {found.file} is valid until {until}")


def file_system(path: Path) -> str:
    """Type of the file system that holds `path`, from /proc/self/mountinfo; "unknown" where there is none."""
    path = path.resolve()
    best, kind = "", "unknown"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return kind
    for line in mounts:
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].replace("\\040", " ")
        if (path == Path(point) or Path(point) in path.parents) and len(point) >= len(best):
            best, kind = point, right.split(" ")[0]
    return kind


def existing(path: Path) -> Path:
    """The path itself, or its nearest existing parent folder."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def sync_times(folder: Path, count: int = SYNCS) -> list[int]:
    """ns of writing 4 kB in place and fdatasync, `count` times, into a preallocated file that is removed again."""
    with tempfile.TemporaryFile(dir=folder) as file:
        number = file.fileno()
        os.posix_fallocate(number, 0, BLOCK * count)
        os.pwrite(number, bytes(BLOCK * count), 0)
        os.fsync(number)
        times = []
        block = os.urandom(BLOCK)
        for i in range(count):
            began = time.perf_counter_ns()
            os.pwrite(number, block, i * BLOCK)
            os.fdatasync(number)
            times.append(time.perf_counter_ns() - began)
    return times


def disk(data: Path) -> Iterator[Finding]:
    folder = existing(data)
    kind = file_system(folder)
    if not folder.is_dir():
        yield Finding("fail", "data", f"{folder} is not a folder")
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("fail", "data", f"{folder} cannot be written by this user")
        return
    if folder == data.absolute() and mode_of(folder) & OTHERS:
        yield Finding("warn", "data", f"{folder} can be used by others (mode {mode_of(folder):04o}): chmod 700 {shlex.quote(str(folder))}")
    if kind in MEMORY_FILE_SYSTEMS:
        yield Finding("warn", "disk", f"{data} is on {kind}: nothing on it survives a power cut")
    else:
        yield Finding("ok", "disk", f"{data} is on {kind}")
    try:
        times = sorted(sync_times(folder))
    except OSError as error:
        yield Finding("fail", "sync", f"writing to {folder} failed: {error.strerror}")
        return
    median, high = statistics.median(times) / 1e6, times[len(times) * 99 // 100] / 1e6
    level = "ok" if median < 5 else "warn"
    yield Finding(level, "sync", f"4 kB and fdatasync: median {median:.2f} ms, p99 {high:.2f} ms ({len(times)} tries)")
    space = shutil.disk_usage(folder)
    level = "ok" if space.free >= 4 * GIB else "warn" if space.free >= GIB else "fail"
    yield Finding(
        level,
        "space",
        f"{space.free / GIB:.1f} GiB free of {space.total / GIB:.1f}" + ("" if level == "ok" else ": the journal needs at least 4"),
    )


def memory() -> Iterator[Finding]:
    try:
        rows = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        available = numbers.whole(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        yield Finding("warn", "memory", "the available memory is unknown")
        return
    level = "ok" if available >= 4 * GIB else "warn" if available >= GIB else "fail"
    yield Finding(level, "memory", f"{available / GIB:.1f} GiB available" + ("" if level == "ok" else ": large capacities need 4"))


def clock() -> Iterator[Finding]:
    now = time.time()
    if now < 1_767_225_600:  # 2026-01-01: older than this program
        yield Finding("warn", "clock", f"shows {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now))}, before this program was written")
        return
    step = time.get_clock_info("time").resolution
    synced = _clock_synced()
    text = f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now))}, resolution {step * 1e9:.0f} ns"
    if synced is None:
        yield Finding("ok", "clock", f"{text}; synchronisation unknown")
    else:
        yield Finding("ok" if synced else "warn", "clock", f"{text}; {'synchronised' if synced else 'not synchronised (NTP)'}")


def running_clock(server: Server) -> Iterator[Finding]:
    """The clock of the server, if it runs."""
    try:
        with server.connect(timeout_s=5.0) as admin:
            answer = admin.ask("status")
    except Unreachable:
        return
    if answer.ok:
        found = answer.result["clock"]
        apart = found["held"] or not found["offset_s"].removeprefix("-").startswith("0.")
        yield Finding("warn" if apart else "ok", "exchange", sentence(found))
        yield from (Finding("warn", "tables", said) for said in answer.result.get("tables_nearly_full", []))


def follower(data: Path) -> Iterator[Finding]:
    """What the follower of the folder said last, if one ever ran there."""
    found = read_status(data / "follower")
    if found is None:
        return
    said = f"at row {found.row_seq}, {found.lag_rows} rows and {units.duration(found.lag_ms * 10**6)} after the server"
    newest = f"newest snapshot at row {found.snapshot_seq}" if found.snapshot else "no snapshot yet"
    if found.state == DIFFERS:
        yield Finding("fail", "follower", found.text)
    elif found.state == REFUSED:
        yield Finding("warn", "follower", f"ended: {found.text}")
    elif found.state == STOPPED:
        yield Finding("ok", "follower", f"stopped at row {found.row_seq}; {newest}")
    elif not alive(found, data / "follower"):
        yield Finding("warn", "follower", f"does not run; it reported last at {units.instant(found.at_ns)}: {said}; {newest}")
    elif found.snapshot_problem:
        yield Finding("warn", "follower", f"{found.snapshot_problem}; {newest}")
    else:
        yield Finding("ok" if found.lag_ms < SLOW_FOLLOWER_MS else "warn", "follower", f"{found.state}, {said}; {newest}")


def journal_disk(data: Path) -> Iterator[Finding]:
    """How long the disk lasts, and the archive: as the follower said last."""
    found = read_status(data / "follower")
    if found is None:
        return
    if text := lasts(found):
        short = 0 <= found.disk_hours < SHORT_HOURS
        yield Finding(
            "warn" if short else "ok", "lasts", text + (": free some, or switch an archive on (docs/journal.md)" if short else "")
        )
    if found.archive_problem:
        yield Finding("warn", "archive", f"{found.archive_problem}. Nothing is removed until then")
    elif found.archive:
        yield Finding("ok", "archive", f"{found.archive} holds the segments up to {found.archive_segment}")


def _clock_synced() -> bool | None:
    """The kernel's clock status (adjtimex): False for STA_UNSYNC; None if it is not available."""
    import ctypes

    buffer = (ctypes.c_long * 64)()  # struct timex is 208 bytes; modes = 0 only reads
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != 5  # TIME_ERROR

"""Peers that mean harm, against a whole server: bytes of every kind on every port, and thousands that never log on. Others trade on, memory is bounded."""

import os
import random
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange_server.net.limits import OWN_FILES, connections_that_fit
from protocol import codes
from protocol import messages as M
from protocol.framing import frame
from tests.server_kit import BinaryPeer, FixPeer, ServerProcess, order, wait_until

HALF_OPEN = 2_000
KIB = 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Started with the small limit of open files that most systems give."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    small = 1024 if hard == resource.RLIM_INFINITY else min(1024, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (small, hard))
    running = ServerProcess(tmp_path_factory.mktemp("exos"))
    try:
        running.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    yield running
    running.__exit__()


def memory(server: ServerProcess) -> int:
    """Resident bytes of the server."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith("VmRSS"))


def rubbish(seed: int) -> list[bytes]:
    """64 KiB each: noise, frames and messages that are nearly right, lengths that lie, one message without an end."""
    rng = random.Random(seed)
    noise = rng.randbytes(64 * KIB)
    logon = b"8=FIX.4.4\x019=70\x0135=A\x0134=1\x0149=CLIENT1\x0152=20260101-00:00:00\x0156=EXOS-OE\x0198=0\x01108=30\x0110=000\x01"
    mutated = bytearray(logon * (64 * KIB // len(logon)))
    for _ in range(2000):
        mutated[rng.randrange(len(mutated))] = rng.randrange(256)
    frames = b"".join(frame(rng.randbytes(rng.randrange(1, 200))) for _ in range(600))
    logons = b"".join(frame(M.encode(M.Logon("MM1", rng.randbytes(32)))) for _ in range(1200))
    deep = frame(b"\x91" * 4000) * 16
    return [
        noise,
        bytes(mutated),
        frames[: 64 * KIB],
        logons[: 64 * KIB],
        deep,
        b"\xff" * (64 * KIB),
        b"\x00" * (64 * KIB),
        b"8=FIX.4.4\x019=" + b"9" * (64 * KIB),
        b"8=FIX.4.4\x019=99999\x0135=A\x01" + b"58=" + b"x" * (64 * KIB),
        b"[" * (64 * KIB),
        b'{"id":1,"verb":"' + b"x" * (64 * KIB) + b'"}\n',
    ]


def throw(peer: socket.socket, data: bytes) -> None:
    """Send it all, and read until the server has had enough or a moment has passed."""
    peer.settimeout(0.3)
    try:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(64 * KIB):
            continue
    except OSError:  # cut, or silent: both are right
        pass
    peer.close()


def still_trades(server: ServerProcess, member: BinaryPeer, id: int) -> None:
    member.send(order(id, codes.BUY, 1000, 1), M.CancelOrder(id + 500_000, id))
    assert member.read(M.Accepted).id == id
    member.read(M.Canceled)
    assert server.ask("status").result["pipeline"]["gateway_faults"] == 0


def test_hostile_bytes_on_every_port_harm_nobody(server: ServerProcess) -> None:
    member = BinaryPeer(server.ready["binary_port"], 2)
    member.logged_on()
    before = memory(server)
    for seed in range(2):
        for n, data in enumerate(rubbish(seed)):
            for port in (server.ready["fix_port"], server.ready["binary_port"]):
                throw(socket.create_connection(("127.0.0.1", port)), data)
            admin = socket.socket(socket.AF_UNIX)
            admin.connect(str(server.data / "admin.sock"))
            throw(admin, data)
            still_trades(server, member, 1000 + 100 * seed + n)
    assert memory(server) - before < 32 * KIB * KIB
    member.close()


def test_hostile_bytes_of_a_member_harm_nobody_else(server: ServerProcess) -> None:
    member = BinaryPeer(server.ready["binary_port"], 2)
    member.logged_on()
    for n, data in enumerate(rubbish(7)):
        bad = BinaryPeer(server.ready["binary_port"], 3)
        bad.logged_on()
        throw(bad.socket, data)
        fix = FixPeer(server.ready["fix_port"], 2)
        fix.read("A")
        throw(fix.socket, data)
        still_trades(server, member, 3000 + n)
        wait_until(lambda: server.ask("status").result["logged_on"] == ["MM2"])
    member.close()


def test_thousands_of_half_open_logons_are_bounded_and_end(server: ServerProcess) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = HALF_OPEN + 256 + len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    member = BinaryPeer(server.ready["binary_port"], 2)
    member.logged_on()
    before, ended = memory(server), server.ask("status").result["pipeline"]["logon_timeouts"]
    peers = []
    try:
        pieces = {"binary_port": frame(M.encode(M.Logon("MM1", bytes(32))))[:20], "fix_port": b"8=FIX.4.4\x019=70\x0135=A\x0134=1\x01"}
        for n in range(HALF_OPEN):
            port = ("binary_port", "fix_port")[n % 2]
            peers.append(socket.create_connection(("127.0.0.1", server.ready[port])))
            if n % 4 < 2:
                peers[-1].sendall(pieces[port])
        late = BinaryPeer(server.ready["binary_port"], 1)  # a good logon in the middle of it
        late.logged_on()
        still_trades(server, member, 5000)
        assert memory(server) - before < HALF_OPEN * 24 * KIB, "8 kB of buffer each, and the loop's own"
        late.close()
        wait_until(lambda: server.ask("status").result["pipeline"]["logon_timeouts"] - ended == HALF_OPEN, 20)
        still_trades(server, member, 5001)
        wait_until(lambda: server.ask("status").result["pipeline"]["links"] <= 2, 20)  # the member, and who asks
    finally:
        for peer in peers:
            peer.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    member.close()


def test_connections_are_bounded_by_what_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, pair: asked.append(pair))
    for now, wanted, allowed, pair in (
        ((1024, 1 << 20), 10_000, 10_000, [(10_000 + OWN_FILES, 1 << 20)]),
        ((1024, 4096), 10_000, 4096 - OWN_FILES, [(4096, 4096)]),
        ((1024, resource.RLIM_INFINITY), 500, 500, []),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 10_000, 10_000, []),
        ((100, 100), 10, 1, []),
    ):
        asked.clear()
        monkeypatch.setattr(resource, "getrlimit", lambda kind, now=now: now)
        assert connections_that_fit(wanted) == allowed
        assert asked == pair

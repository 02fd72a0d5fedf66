"""Durability 13, short: one member floods with fresh ids and texts, subscriptions, logons and messages that are refused. No other member is
refused, memory stays bounded, and nothing of it remains after a restart. The throttle is off: what holds here holds without it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol import codes
from protocol import messages as M
from protocol.framing import frame
from tests.server_kit import SMALL, BinaryPeer, FixPeer, ServerProcess, order

KIB = 1024
ARCHIVE = 2048  # closed ids that the server holds for all firms
CONFIG = SMALL.replace("[server]", "[server]\nsession_throttle = 0").replace("archive = 16384", f"archive = {ARCHIVE}")
# Of resident memory, at most, by any of the floods: rings and the event store's buffers are touched for the first time.
GROWTH = 24 * KIB * KIB
TEXTS = 4 * ARCHIVE
REFUSED = 10_000
SUBSCRIPTIONS = 4_000
LOGONS = 120


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, CONFIG) as running:
        yield running


def memory(server: ServerProcess) -> int:
    """Resident bytes of the server."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * KIB for line in lines if line.startswith("VmRSS"))


class Member:
    """One that trades now and then while another floods: everything it does must be taken."""

    def __init__(self, server: ServerProcess) -> None:
        self.peer = BinaryPeer(server.ready["binary_port"], 2)
        self.peer.logged_on()
        self.ids = 0

    def trades(self) -> None:
        self.ids += 2
        self.peer.send(order(self.ids - 1, codes.BUY, 1000, 1), M.CancelOrder(self.ids, self.ids - 1))
        assert self.peer.read(M.Accepted).id == self.ids - 1
        assert self.peer.read(M.Canceled).reason == codes.R_USER_CANCEL


def floods(server: ServerProcess, flood: Callable[[int], None], count: int) -> None:
    """`flood(i)` in `count` pieces; the other member trades after each, and memory grows only within the limit."""
    member = Member(server)
    member.trades()
    flood(0)  # once, so that what is allocated at the first use is there
    before = memory(server)
    for i in range(1, count):
        flood(i)
        member.trades()
    assert memory(server) - before < GROWTH
    orders = server.ask("status").result["engine"]["open_orders"]
    member.peer.close()
    server.kill()
    server.start()
    status = server.ask("status").result
    assert status["logged_on"] == [] and status["engine"]["open_orders"] == orders == 0
    again = Member(server)
    again.ids = member.ids
    again.peer.send(order(1, codes.BUY, 1000, 2))
    assert again.peer.read(M.Rejected).reason == codes.R_ID_USED, "its duplicate window is not shortened by the other's flood"
    again.trades()
    flooder = BinaryPeer(server.ready["binary_port"], 1)
    flooder.logged_on()
    flooder.send(order(10**9, codes.BUY, 1000, 1), M.CancelOrder(10**9 + 1, 10**9))
    assert flooder.read(M.Accepted).id == 10**9, "and the one that flooded is served like anybody"
    flooder.read(M.Canceled)
    flooder.close()
    again.trades()
    again.peer.close()


def test_fresh_ids(server: ServerProcess) -> None:
    peer = BinaryPeer(server.ready["binary_port"], 1)
    peer.logged_on()
    piece = 500

    def flood(i: int) -> None:
        first = 1 + i * piece
        peer.socket.sendall(b"".join(frame(M.encode(order(first + k, codes.BUY, 1000, 1, tif=codes.IOC))) for k in range(piece)))
        assert [peer.read(M.Accepted).id if k % 2 == 0 else peer.read(M.Canceled).id for k in range(2 * piece)][::2] == [
            first + k for k in range(piece)
        ]

    floods(server, flood, TEXTS // piece)


def test_fresh_texts(server: ServerProcess) -> None:
    peer = FixPeer(server.ready["fix_port"], 1)
    peer.read("A")
    piece = 250

    def flood(i: int) -> None:
        peer.socket.sendall(b"".join(peer.build("D", (11, f"text-{i:06}-{k:06}-{'x' * 40}"), (55, "CUP-A"), (54, 1), (60, "20260101-00:00:00"), (38, 1), (40, 2),
                                                (44, "0.1000"), (59, 3)) for k in range(piece)))  # fmt: skip
        kinds = [peer.read("8")[150] for _ in range(2 * piece)]
        assert kinds == ["0", "4"] * piece

    floods(server, flood, TEXTS // piece)
    peer.close()


def test_subscriptions(server: ServerProcess) -> None:
    peer = BinaryPeer(server.ready["binary_port"], 1)
    peer.logged_on()
    piece = 400

    def flood(i: int) -> None:
        asks = [frame(M.encode(M.Subscribe([1, 2, 3] if k % 3 else []))) + frame(M.encode(M.Unsubscribe([k % 5]))) for k in range(piece)]
        peer.socket.sendall(b"".join(asks) + frame(M.encode(M.OrderStatusRequest(10**6 + i))))
        until(peer, lambda message: isinstance(message, M.OrderStatus))

    floods(server, flood, SUBSCRIPTIONS // piece)
    assert server.ask("status").result["market_data"]["subscribers"] == 0


def until(peer: BinaryPeer, right: Callable[[Any], bool]) -> None:
    """Read on to the first message that is right."""
    while True:
        message = peer.next()
        assert message is not None, "the connection was closed"
        if right(message):
            return


def test_logons(server: ServerProcess) -> None:
    piece = 10

    def flood(_: int) -> None:
        for _ in range(piece):
            peer = BinaryPeer(server.ready["binary_port"], 1)
            peer.logged_on()
            peer.close()
            fix = FixPeer(server.ready["fix_port"], 1)
            fix.read("A")
            fix.send("5")
            while fix.next() is not None:
                continue
            fix.close()

    floods(server, flood, LOGONS // piece)


def test_messages_that_are_refused(server: ServerProcess) -> None:
    peer = BinaryPeer(server.ready["binary_port"], 1)
    peer.logged_on()
    piece = 500

    def flood(i: int) -> None:
        wrong: list[bytes] = []
        for k in range(piece):
            id = 1 + i * piece + k
            wrong.append(frame(M.encode(order(id, codes.BUY, 1000, 1, instrument=63 if k % 2 else 1, tif=codes.AT_OPEN))))
        peer.socket.sendall(b"".join(wrong))
        assert {peer.read(M.Rejected).reason for _ in range(piece)} == {codes.R_UNKNOWN_INSTRUMENT, codes.R_FIELD_UNSUPPORTED}
        peer.send(*(M.CancelOrder(10**7 + i * piece + k, 10**8 + k) for k in range(piece)))
        assert {peer.read(M.CancelRejected).reason for _ in range(piece)} == {codes.R_UNKNOWN_ORDER}

    floods(server, flood, REFUSED // piece)

"""An independent engine at the other end: QuickFIX as initiator, with our dictionary and all its checks on, against the running server."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol import fix_tables
from tests.server_kit import ServerProcess, wait_until

fix = pytest.importorskip("quickfix", reason="quickfix-tls is not installed: no wheel of it for this machine")

DICTIONARY = Path(fix_tables.__file__).parent / "dict" / "FIX44-OE.xml"
NOW = "20260101-00:00:00"
SETTINGS = """
[DEFAULT]
ConnectionType=initiator
ReconnectInterval=1
StartTime=00:00:00
EndTime=00:00:00
NonStopSession=Y
UseDataDictionary=Y
DataDictionary={dictionary}
ValidateUserDefinedFields=Y
[SESSION]
BeginString=FIX.4.4
SenderCompID=CLIENT1
TargetCompID=EXOS-OE
SocketConnectHost=127.0.0.1
SocketConnectPort={port}
HeartBtInt=2
"""


class Peer(fix.Application):
    """Collects what QuickFIX lets through; what it rejects shows as an outgoing Reject in `admin`."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__()
        self.reports: list[dict[str, str]] = []
        self.admin: list[tuple[str, dict[str, str]]] = []
        self.on, self.off = threading.Event(), threading.Event()
        settings = folder / "quickfix.cfg"
        settings.write_text(SETTINGS.format(dictionary=DICTIONARY, port=port))
        self.settings, self.store = fix.SessionSettings(str(settings)), fix.MemoryStoreFactory()
        self.engine = fix.SocketInitiator(self, self.store, self.settings)
        self.engine.start()

    @staticmethod
    def fields(message: Any) -> dict[str, str]:
        return dict(part.split("=", 1) for part in message.toString().split("\x01")[:-1])

    def onCreate(self, session: Any) -> None:
        self.session = session

    def onLogon(self, session: Any) -> None:
        self.on.set()

    def onLogout(self, session: Any) -> None:
        self.off.set()

    def toAdmin(self, message: Any, session: Any) -> None:
        if message.getHeader().getField(35) == "A":
            message.setField(553, "client1")
            message.setField(554, "client1-secret")
        self.admin.append(("out", self.fields(message)))

    def fromAdmin(self, message: Any, session: Any) -> None:
        self.admin.append(("in", self.fields(message)))

    def toApp(self, message: Any, session: Any) -> None:
        pass

    def fromApp(self, message: Any, session: Any) -> None:
        self.reports.append(self.fields(message))

    def send(self, kind: str, *fields: tuple[int, object]) -> None:
        message = fix.Message()
        message.getHeader().setField(8, "FIX.4.4")
        message.getHeader().setField(35, kind)
        for tag, value in fields:
            message.setField(tag, str(value))
        assert fix.Session.sendToTarget(message, self.session)

    def order(self, kind: str, cl_ord_id: object, side: int, qty: int, price: str, *more: tuple[int, object]) -> None:
        self.send(kind, *more, (11, cl_ord_id), (55, "CUP-A"), (54, side), (60, NOW), (38, qty), (40, 2), (44, price), (59, 1))

    def wait(self, count: int) -> list[dict[str, str]]:
        """The first `count` reports, when they are there."""
        wait_until(lambda: len(self.reports) >= count)
        return self.reports[:count]

    def seen(self, way: str, kind: str) -> list[dict[str, str]]:
        return [m for w, m in self.admin if w == way and m["35"] == kind]


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with ServerProcess(tmp_path) as server:
        peer = Peer(tmp_path, server.ready["fix_port"])
        try:
            assert peer.on.wait(10), peer.admin
            yield peer
        finally:
            peer.engine.stop()


def test_quickfix_trades_asks_again_and_says_goodbye(peer: Peer) -> None:
    peer.order("D", 1, 1, 10, "0.4000")
    peer.order("D", "x y", 2, 4, "0.4500", (5010, "N"))
    peer.order("G", 2, 1, 20, "0.4100", (41, 1))
    peer.send("H", (11, 2), (55, "CUP-A"), (54, 1))
    peer.send("F", (41, "nope"), (11, 3), (55, "CUP-A"), (54, 1), (60, NOW))
    peer.order("D", 4, 1, 10, "0.40001")
    peer.order("D", 5, 1, 10, "0.4000", (110, 5))
    peer.send("q", (11, 6), (530, 7), (60, NOW))
    live = peer.wait(9)
    assert [(m["35"], m.get("150", ""), m["11"], m.get("39", "")) for m in live] == [
        ("8", "0", "1", "0"), ("8", "0", "x y", "0"), ("8", "5", "2", "0"), ("8", "I", "2", "0"), ("9", "", "3", "8"),
        ("8", "8", "5", "8"), ("8", "4", "x y", "4"), ("8", "4", "2", "4"), ("r", "", "6", ""),
    ]  # fmt: skip
    assert live[1]["5010"] == "N" and live[1]["44"] == "0.4500" and "tag 110 " in live[5]["58"]
    assert [m["58"] for m in peer.seen("in", "3")] == ["Price(44): 0.40001 has 5 decimals, at most 4 are taken here (CUP-A)"]

    wait_until(lambda: peer.seen("in", "0"))  # a heartbeat lies among the numbers to be asked for
    fix.Session.lookupSession(peer.session).setNextTargetMsgSeqNum(2)
    peer.send("H", (11, 2), (55, "CUP-A"), (54, 1))
    again = peer.wait(19)[9:]
    changing = {"9", "10", "43", "52", "122"}
    assert [{t: v for t, v in m.items() if t not in changing} for m in again[:9]] == [
        {t: v for t, v in m.items() if t not in changing} for m in live
    ], "the resend has the same bodies under the same numbers"
    assert all(m["43"] == "Y" and m["122"] == one["52"] for m, one in zip(again, live, strict=False))
    assert again[9]["150"] == "I" and "43" not in again[9]
    assert [m["123"] for m in peer.seen("in", "4")] == ["Y"]

    peer.engine.stop()
    assert peer.off.wait(5) and len(peer.seen("in", "5")) == 1
    assert peer.seen("out", "3") == [], "QuickFIX found nothing to reject"

"""An independent engine at the other end: QuickFIX as initiator with all its checks on, against the running server.

With our dictionary on a session that has `standard_dictionary = false`, with the standard's own on one that is not told anything, and,
where the machine has it, with the FIX44.xml that QuickFIX itself comes with (its wheels do not: Debian's libquickfix-dev and its source
have it).
"""

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from protocol import fix_tables
from tests.protocol import fix44_standard
from tests.server_kit import SMALL, FixPeer, ServerProcess, secret_of, wait_until

fix = pytest.importorskip("quickfix", reason="quickfix-tls is not installed: no wheel of it for this machine")

DICTIONARY = Path(fix_tables.__file__).parent / "dict" / "FIX44-OE.xml"
STOCK = [
    Path(p) for p in (os.environ.get("EXOS_FIX44_XML", ""), "/usr/share/quickfix/FIX44.xml", "/usr/local/share/quickfix/FIX44.xml") if p
]
OWN_FIELDS = SMALL + "standard_dictionary = false\ntimestamp_decimals = 9\n"  # the last table is the clients' session
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

    server: ServerProcess

    def __init__(self, folder: Path, port: int, dictionary: Path = DICTIONARY, own_fields: bool = True) -> None:
        super().__init__()
        self.own_fields = own_fields
        self.reports: list[dict[str, str]] = []
        self.admin: list[tuple[str, dict[str, str]]] = []
        self.on, self.off = threading.Event(), threading.Event()
        settings = folder / "quickfix.cfg"
        settings.write_text(SETTINGS.format(dictionary=dictionary, port=port))
        self.settings, self.store = fix.SessionSettings(str(settings)), fix.FileStoreFactory(str(folder / "store"))
        self.engine: Any = fix.SocketInitiator(self, self.store, self.settings)
        self.engine.start()

    def stop(self) -> None:
        """Once: QuickFIX falls over a second stop when another session of the same name has come and gone."""
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.stop()

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
            message.setField(554, secret_of(1))
            if self.own_fields:
                message.setField(5001, "Y")
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

    def request_positions(self, account: str) -> None:
        """With a party, as the standard wants it: QuickFIX writes the group."""
        message = fix.Message()
        message.getHeader().setField(8, "FIX.4.4")
        message.getHeader().setField(35, "AN")
        for tag, value in ((710, "pos"), (724, 0), (1, account), (581, 1), (715, NOW[:8]), (60, NOW)):
            message.setField(tag, str(value))
        party = fix.Group(453, 448)
        for tag, value in ((448, "DESK"), (447, "D"), (452, 1)):
            party.setField(tag, str(value))
        message.addGroup(party)
        assert fix.Session.sendToTarget(message, self.session)

    def wait(self, count: int) -> list[dict[str, str]]:
        """The first `count` reports, when they are there."""
        wait_until(lambda: len(self.reports) >= count)
        return self.reports[:count]

    def seen(self, way: str, kind: str) -> list[dict[str, str]]:
        return [m for w, m in self.admin if w == way and m["35"] == kind]


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    with ServerProcess(tmp_path, OWN_FIELDS) as server:
        peer = Peer(tmp_path, server.ready["fix_port"])
        peer.server = server
        try:
            assert peer.on.wait(10), peer.admin
            yield peer
        finally:
            peer.stop()


def test_quickfix_trades_asks_again_and_says_goodbye(peer: Peer) -> None:
    peer.order("D", 1, 1, 10, "0.4000")
    peer.order("D", "x y", 2, 4, "0.4500", (5010, "N"))
    peer.order("G", 2, 1, 20, "0.4100", (41, 1))
    peer.send("H", (11, 2), (55, "CUP-A"), (54, 1))
    peer.send("F", (41, "nope"), (11, 3), (55, "CUP-A"), (54, 1), (60, NOW))
    peer.order("D", 4, 1, 10, "0.40001")
    peer.order("D", 5, 1, 10, "0.4000", (110, 5))
    peer.send("q", (11, 6), (530, 7), (60, NOW))
    live = peer.wait(10)
    assert [(m["35"], m.get("150", ""), m["11"], m.get("39", "")) for m in live] == [
        ("8", "0", "1", "0"), ("8", "0", "x y", "0"), ("8", "5", "2", "0"), ("8", "I", "2", "0"), ("9", "", "3", "8"),
        ("8", "8", "4", "8"), ("8", "8", "5", "8"), ("8", "4", "x y", "4"), ("8", "4", "2", "4"), ("r", "", "6", ""),
    ]  # fmt: skip
    assert live[1]["5010"] == "N" and live[1]["44"] == "0.4500" and "tag 110 " in live[6]["58"]
    assert "tag 44 has 5 decimals, at most 4" in live[5]["58"] and peer.seen("in", "3") == [] and len(live[0]["60"]) == 27

    wait_until(lambda: peer.seen("in", "0"))  # a heartbeat is among the numbers to be requested
    fix.Session.lookupSession(peer.session).setNextTargetMsgSeqNum(2)
    peer.send("H", (11, 2), (55, "CUP-A"), (54, 1))
    again = peer.wait(21)[10:]
    changing = {"9", "10", "43", "52", "122"}
    assert [{t: v for t, v in m.items() if t not in changing} for m in again[:10]] == [
        {t: v for t, v in m.items() if t not in changing} for m in live
    ], "the resend has the same bodies under the same numbers"
    assert all(m["43"] == "Y" and m["122"] == one["52"] for m, one in zip(again, live, strict=False))
    assert again[10]["150"] == "I" and "43" not in again[10]
    assert [m["123"] for m in peer.seen("in", "4")] == ["Y"]

    peer.stop()
    assert peer.off.wait(5) and len(peer.seen("in", "5")) == 1
    assert peer.seen("out", "3") == [], "QuickFIX found nothing to reject"


def settle(server: ServerProcess) -> None:
    """The cup goes to CUP-A; the window is over at once."""
    for record in (
        ar.SetPhase(event="CUP", phase="closed"),
        ar.Determine(
            event="CUP",
            payouts=(10_000, 0, 0),
            rule_id="winner",
            source="the referee",
            observed_value="A",
            observed_at_ns=1,
            evidence_sha256="ab" * 32,
        ),
        ar.Finalise(event="CUP"),
    ):
        answer = server.ask("admin", record)
        assert answer.ok, answer.text


def test_quickfix_is_told_of_a_settlement_live_and_again_by_resend(peer: Peer, tmp_path: Path) -> None:
    peer.order("D", 1, 1, 10, "0.4000")
    other = FixPeer(peer.server.ready["fix_port"], 2)
    other.read("A")
    other.order("1", 2, "0.4000", 10)
    assert [other.read("8")[150] for _ in range(2)] == ["0", "F"]
    peer.wait(2)
    settle(peer.server)
    told = peer.wait(3)[2]
    assert {tag: told[tag] for tag in ("35", "1", "55", "5106", "5102", "5103", "5104")} == {
        "35": "UMS", "1": "CLIENT1-A", "55": "CUP-A", "5106": "1", "5102": "1.0000", "5103": "10", "5104": "10.0000",
    }  # fmt: skip
    assert told["5105"] == "1000006.0000" and int(told["5101"]) > 0 and told["60"] and int(told["17"]) > 0

    peer.stop()
    assert peer.off.wait(5)
    (stored,) = (tmp_path / "store").glob("*.seqnums")  # as if it had crashed before it noted the settlement: the next logon shows the gap
    ours = stored.read_text().partition(":")[0]
    stored.write_text(f"{ours}: {int(told['34']):010}")
    later = Peer(tmp_path, peer.server.ready["fix_port"])
    try:
        assert later.on.wait(10), later.admin
        (again,) = later.wait(1)
        assert later.seen("out", "2")[0]["7"] == told["34"] and later.seen("out", "3") == []
    finally:
        later.stop()
    changing = {"9", "10", "43", "52", "122"}
    assert again["43"] == "Y" and again["122"] == told["52"]
    assert {t: v for t, v in again.items() if t not in changing} == {t: v for t, v in told.items() if t not in changing}
    assert peer.seen("out", "3") == [], "QuickFIX found nothing to reject"


def a_day_at_the_desk(tmp_path: Path, dictionary: Path) -> None:
    """Trade, cancel, replace, status, resend, mass cancel, a throttle's refusal, the end: QuickFIX must find nothing to reject."""
    config = SMALL + 'throttle = 12\nthrottle_window = "1h"\n'
    with ServerProcess(tmp_path, config) as server:
        peer = Peer(tmp_path, server.ready["fix_port"], dictionary, own_fields=False)
        try:
            assert peer.on.wait(10), peer.admin
            other = FixPeer(server.ready["fix_port"], 2)
            other.read("A")
            peer.order("D", 1, 1, 10, "0.4000")
            peer.order("D", "no", 1, 10, "0.4500", (5010, "N"))
            peer.wait(2)
            other.order("1", 2, "0.4000", 4)
            assert [other.read("8")[150] for _ in range(2)] == ["0", "F"]
            peer.wait(3)
            peer.order("G", 2, 1, 20, "0.4100", (41, 1))
            peer.order("G", 3, 1, 20, "0.41001", (41, 2))
            peer.send("H", (11, 2), (790, "how is it"), (55, "CUP-A"), (54, 1))
            peer.send("F", (41, "nope"), (11, 4), (55, "CUP-A"), (54, 1), (60, NOW))
            peer.send("F", (41, 2), (11, 5), (55, "CUP-A"), (54, 1), (60, NOW))
            peer.order("D", 6, 1, 10, "0.40001")
            peer.order("D", 7, 1, 10, "0.4000", (110, 5))
            peer.send("E", (66, "a list"))
            peer.send("q", (11, 8), (530, 7), (60, NOW))
            peer.wait(13)
            for i in range(12):
                peer.order("D", 100 + i, 1, 1, "0.0100")
            live = peer.wait(25)
            assert [(m["35"], m.get("150", ""), m.get("11", m.get("379", ""))) for m in live[:13]] == [
                ("8", "0", "1"), ("8", "0", "no"), ("8", "F", "1"), ("8", "5", "2"), ("9", "", "3"), ("8", "I", "2"), ("9", "", "4"), ("8", "4", "5"),
                ("8", "8", "6"), ("8", "8", "7"), ("j", "", ""), ("8", "4", "no"), ("r", "", "8"),
            ]  # fmt: skip
            assert live[2]["527"].isdigit() and live[5]["790"] == "how is it" and "5010" not in live[1] and len(live[0]["60"]) == 21
            assert ("j", "0") in {(m["35"], m.get("380", "")) for m in live[13:]}, "a throttle's refusal"
            fix.Session.lookupSession(peer.session).setNextTargetMsgSeqNum(2)
            peer.send("H", (11, 2), (55, "CUP-A"), (54, 1))
            again = peer.wait(51)[25:]
            changing = {"9", "10", "43", "52", "122"}
            assert [{t: v for t, v in m.items() if t not in changing} for m in again[:25]] == [
                {t: v for t, v in m.items() if t not in changing} for m in live
            ]
            begun = len(peer.reports)
            peer.order("D", 200, 1, 3, "0.0200")
            peer.send("AF", (584, "mass"), (585, 7))
            peer.send("AF", (584, "one"), (585, 1), (55, "CUP-B"))
            peer.request_positions("CLIENT1-A")
            peer.request_positions("NOBODY")
            peer.send("BB", (909, "money"))
            wait_until(lambda: sum(m["35"] == "BA" for m in peer.reports) >= 1)
            states = peer.reports[begun:]
            kinds = [m["35"] for m in states if m["35"] != "j"]
            orders = kinds.count("8")
            assert kinds == [*["8"] * orders, "AO", "AP", "AO", "BG", *["BA"] * (len(kinds) - orders - 4)], kinds
            mass, one = ([m for m in states if m.get("584") == id] for id in ("mass", "one"))
            assert len(mass) == int(mass[0]["911"]) > 1 and [m["912"] for m in mass][-2:] == ["N", "Y"] and one[0]["911"] == "0"
            position = next(m for m in states if m["35"] == "AP")
            assert (position["55"], position["704"], position["1"]) == ("CUP-A", "4", "CLIENT1-A")
            server.stop()
            assert peer.off.wait(10)
            assert peer.reports[-1]["35"] == "B", "the News of the server's end"
        finally:
            peer.stop()
    assert peer.seen("out", "3") == [] and peer.seen("in", "3") == [], "0 rejects either way"


def test_quickfix_with_the_standard_dictionary_rejects_nothing(tmp_path: Path) -> None:
    path = tmp_path / "standard.xml"
    path.write_text(fix44_standard.dictionary())
    a_day_at_the_desk(tmp_path, path)


def test_quickfix_with_its_own_fix44_xml_rejects_nothing(tmp_path: Path) -> None:
    stock = next((path for path in STOCK if path.is_file()), None)
    if stock is None:
        pytest.skip("this machine has no FIX44.xml of QuickFIX's own: set EXOS_FIX44_XML")
    a_day_at_the_desk(tmp_path, stock)


def test_quickfix_with_the_standard_dictionary_would_reject_our_own_fields(tmp_path: Path) -> None:
    """The counter-proof: on a session with `standard_dictionary = false` the same engine rejects a NO order's report."""
    path = tmp_path / "standard.xml"
    path.write_text(fix44_standard.dictionary())
    with ServerProcess(tmp_path, OWN_FIELDS) as server:
        peer = Peer(tmp_path, server.ready["fix_port"], path, own_fields=False)
        try:
            assert peer.on.wait(10), peer.admin
            peer.order("D", 1, 1, 10, "0.4000", (5010, "N"))
            wait_until(lambda: bool(peer.seen("out", "3")))
            assert peer.seen("out", "3")[0]["371"] == "5010"
        finally:
            peer.stop()

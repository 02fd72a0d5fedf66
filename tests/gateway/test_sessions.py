"""The directory: who may log on, and that a session has one connection at most."""

from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.gateway.connection import Connection, TurnInput
from exchange_server.gateway.credentials import FixProof
from exchange_server.gateway.sessions import Directory
from exchange_server.registry import Registry
from protocol import codes
from protocol import messages as M
from protocol.binary_session import Prover
from tests.fake_engine import FakeEngine
from tests.safe import QUICK, safe

SECRET, FIX_SECRET = "mm1-secret", "c1-secret"
CHALLENGE = bytes(range(32))


class Peer(Connection):
    """A connection that does nothing."""

    def __init__(self, directory: Directory, wire: int = codes.WIRE_BINARY) -> None:
        super().__init__(wire, directory, 1)

    def gather(self, turn: TurnInput) -> bool:
        return False

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        self.close(reason, text)


@pytest.fixture
def directory() -> Directory:
    registry, engine = Registry(), FakeEngine()
    records: list[Any] = [
        ar.DefineAsset(name="USD", decimals=2),
        ar.DefineVenue(name="V"),
        ar.DefineFirm(name="F"),
        ar.DefineAccount(name="F-A", firm="F"),
        ar.DefineSession(name="MM1", wire="binary", firm="F", account="F-A", key="MM1", secret=SECRET),
        ar.DefineSession(
            name="C1", wire="fix", firm="F", account="F-A", our_comp_id="EXOS-OE", peer_comp_id="C1", username="c1",
            secret=FIX_SECRET,
        ),
    ]  # fmt: skip
    for record in [ar.Begin(name="box", sandbox=True), *records]:
        answer = registry.apply(ar.pack("uid:0", "1", safe(record)), engine, lambda rows: None)
        assert answer.ok, answer
    return Directory(registry)


def mac(secret: str = SECRET, challenge: bytes = CHALLENGE, login: str = "MM1") -> bytes:
    return Prover(login, secret).prove(M.Hello(2, challenge, "", QUICK.binary_salt, QUICK.work))


def binary(directory: Directory, login: str, challenge: bytes, proof: bytes, key_id: str = "", peer: Peer | None = None) -> tuple[int, int]:
    return directory.authenticate_binary(peer or Peer(directory), login, key_id, challenge, proof, 1)[:2]


def fix(directory: Directory, our: str, peer: str, username: str, password: str) -> tuple[int, int]:
    return directory.authenticate_fix(Peer(directory, codes.WIRE_FIX), FixProof(our, peer, username, password), 1, 1)[:2]


def test_binary_credentials(directory: Directory) -> None:
    session = directory.registry.binary_session("MM1").id
    assert binary(directory, "MM1", CHALLENGE, mac()) == (session, codes.OK)
    for login, challenge, proof in (
        ("MM1", CHALLENGE, mac("wrong")),
        ("MM1", bytes(32), mac()),  # the proof of another challenge: a replay
        ("MM1", CHALLENGE, mac(login="MM2")),
        ("MM2", CHALLENGE, mac()),
        ("", CHALLENGE, b""),
        ("MM1", CHALLENGE, bytes(64)),
        ("MM1", CHALLENGE, mac() + b"x"),
    ):
        assert binary(directory, login, challenge, proof) == (0, codes.R_BAD_CREDENTIALS)
    assert directory.refused == 7


def test_fix_credentials(directory: Directory) -> None:
    session = directory.registry.fix_session("EXOS-OE", "C1").id
    assert fix(directory, "EXOS-OE", "C1", "c1", "c1-secret") == (session, codes.OK)
    assert fix(directory, "EXOS-OE", "C1", "c1", "guess") == (0, codes.R_BAD_CREDENTIALS)
    assert fix(directory, "EXOS-OE", "C1", "mm1", "c1-secret") == (0, codes.R_BAD_CREDENTIALS)
    assert fix(directory, "EXOS-OE", "C1", "", "c1-secret") == (0, codes.R_BAD_CREDENTIALS)
    assert fix(directory, "EXOS-OE", "C2", "c1", "c1-secret") == (0, codes.R_BAD_COMP_ID)
    assert fix(directory, "EXOS-MD", "C1", "c1", "c1-secret") == (0, codes.R_BAD_COMP_ID)
    assert fix(directory, "EXOS-OE", "C1", "c1", "\udcff") == (0, codes.R_BAD_CREDENTIALS), "bytes that are no text"
    assert directory.refused == 6


def test_the_second_connection_of_a_session_is_refused_and_the_first_keeps_it(directory: Directory) -> None:
    session, _ = binary(directory, "MM1", CHALLENGE, mac())
    first, second = Peer(directory), Peer(directory)
    assert directory.bind(session, first)
    assert binary(directory, "MM1", CHALLENGE, mac()) == (0, codes.R_ALREADY_LOGGED_ON)
    assert binary(directory, "MM1", CHALLENGE, mac("wrong")) == (0, codes.R_BAD_CREDENTIALS), "told only to who knows the secret"
    assert not directory.bind(session, second)
    directory.unbind(session, second)
    assert directory.connection_of(session) is first and directory.names() == ["MM1"]
    assert directory.wires[codes.WIRE_BINARY] == 1 and directory.fresh == {session}
    directory.unbind(session, first)
    assert directory.connection_of(session) is None and directory.wires == [0, 0, 0] and not directory.fresh
    assert directory.bind(session, second)


def test_a_lost_connection_gives_its_session_back(directory: Directory) -> None:
    session, _ = binary(directory, "MM1", CHALLENGE, mac())
    peer = Peer(directory)
    assert directory.bind(session, peer)
    peer.session = session
    turn = TurnInput(rows=4)
    turn.begin(1, 1)
    peer.lost(turn)
    assert binary(directory, "MM1", CHALLENGE, mac()) == (session, codes.OK)


def act(directory: Directory, record: Any) -> None:
    answer = directory.registry.apply(ar.pack("uid:0", "1", safe(record)), FakeEngine(), lambda rows: None)  # type: ignore[arg-type]
    assert answer.ok, answer


def closed(directory: Directory, kind: str, name: str) -> None:
    act(directory, ar.Close(kind=kind, name=name, reason="left"))


def test_the_owners_of_a_session_are_its_venue_or_the_home_of_its_firm(directory: Directory) -> None:
    act(directory, ar.DefineFirm(name="V.F", venue="V"))
    for name, firm, venue in (("HOME", "V.F", ""), ("GUEST", "F", "V")):
        act(directory, ar.DefineSession(name=name, wire="binary", firm=firm, venue=venue, key=name, secret=f"{name}-secret"))
    firms = {name: directory.registry.firms.named(name).id for name in ("F", "V.F")}
    owners = {name: directory.owners(directory.registry.sessions.named(name).id) for name in ("MM1", "HOME", "GUEST")}
    assert owners == {"MM1": ("", firms["F"]), "HOME": ("V", firms["V.F"]), "GUEST": ("V", firms["F"])}
    assert directory.owners(999) == ("", 0)


def test_a_closed_session_is_answered_like_one_that_never_was(directory: Directory) -> None:
    never = binary(directory, "NEVER", CHALLENGE, mac()), fix(directory, "EXOS-OE", "C9", "c1", FIX_SECRET)
    for name in ("MM1", "C1"):
        closed(directory, "session", name)
    assert (binary(directory, "MM1", CHALLENGE, mac()), fix(directory, "EXOS-OE", "C1", "c1", FIX_SECRET)) == never
    assert never == ((0, codes.R_BAD_CREDENTIALS), (0, codes.R_BAD_COMP_ID))


def test_the_connection_of_a_closed_session_ends_with_the_reason(directory: Directory) -> None:
    peer, other = Peer(directory), Peer(directory)
    peer.session, _ = binary(directory, "MM1", CHALLENGE, mac(), peer=peer)
    assert directory.ended(1, acted=True) == []
    closed(directory, "session", "MM1")
    assert directory.ended(1) == [], "only after an act"
    assert directory.ended(1, acted=True) == [(peer, codes.R_SESSION_CLOSED, "this session is closed: left")]
    assert other.session == 0


def test_the_sessions_of_a_closed_firm_cannot_log_on(directory: Directory) -> None:
    closed(directory, "account", "F-A")
    closed(directory, "firm", "F")
    assert binary(directory, "MM1", CHALLENGE, mac()) == (0, codes.R_BAD_CREDENTIALS)

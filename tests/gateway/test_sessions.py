"""The directory: who may log on, and that a session has one connection at most."""

import hashlib
import hmac
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.gateway.connection import Connection, TurnInput
from exchange_server.gateway.sessions import Directory
from exchange_server.registry import Registry
from protocol import codes
from tests.fake_engine import FakeEngine

SECRET = "mm1-secret"
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
        ar.DefineSession(name="MM1", wire="binary", firm="F", account="F-A", key="MM1", hmac_secret=SECRET),
        ar.DefineSession(
            name="C1", wire="fix", firm="F", account="F-A", our_comp_id="EXOS-OE", peer_comp_id="C1", username="c1",
            password_sha256=hashlib.sha256(b"c1-secret").hexdigest(),
        ),
    ]  # fmt: skip
    for record in records:
        answer = registry.apply(ar.pack("uid:0", "1", record), engine, lambda rows: None)
        assert answer.ok, answer
    return Directory(registry)


def mac(secret: str = SECRET, challenge: bytes = CHALLENGE) -> bytes:
    return hmac.digest(secret.encode(), challenge, "sha256")


def test_binary_credentials(directory: Directory) -> None:
    session = directory.registry.binary_session("MM1").id
    assert directory.authenticate_binary("MM1", CHALLENGE, mac()) == (session, codes.OK)
    for key, challenge, proof in (
        ("MM1", CHALLENGE, mac("wrong")),
        ("MM1", bytes(32), mac()),  # the proof of another challenge: a replay
        ("MM2", CHALLENGE, mac()),
        ("", CHALLENGE, b""),
    ):
        assert directory.authenticate_binary(key, challenge, proof) == (0, codes.R_BAD_CREDENTIALS)
    assert directory.refused == 4


def test_fix_credentials(directory: Directory) -> None:
    session = directory.registry.fix_session("EXOS-OE", "C1").id
    assert directory.authenticate_fix("EXOS-OE", "C1", "c1", "c1-secret") == (session, codes.OK)
    assert directory.authenticate_fix("EXOS-OE", "C1", "c1", "guess") == (0, codes.R_BAD_CREDENTIALS)
    assert directory.authenticate_fix("EXOS-OE", "C1", "mm1", "c1-secret") == (0, codes.R_BAD_CREDENTIALS)
    assert directory.authenticate_fix("EXOS-OE", "C2", "c1", "c1-secret") == (0, codes.R_BAD_COMP_ID)
    assert directory.authenticate_fix("EXOS-MD", "C1", "c1", "c1-secret") == (0, codes.R_BAD_COMP_ID)
    assert directory.authenticate_fix("EXOS-OE", "C1", "c1", "\udcff") == (0, codes.R_BAD_CREDENTIALS), "bytes that are no text"
    assert directory.refused == 5


def test_the_second_connection_of_a_session_is_refused_and_the_first_keeps_it(directory: Directory) -> None:
    session, _ = directory.authenticate_binary("MM1", CHALLENGE, mac())
    first, second = Peer(directory), Peer(directory)
    assert directory.bind(session, first)
    assert directory.authenticate_binary("MM1", CHALLENGE, mac()) == (0, codes.R_ALREADY_LOGGED_ON)
    assert directory.authenticate_binary("MM1", CHALLENGE, mac("wrong")) == (0, codes.R_BAD_CREDENTIALS), (
        "told only to who knows the secret"
    )
    assert not directory.bind(session, second)
    directory.unbind(session, second)
    assert directory.connection_of(session) is first and directory.names() == ["MM1"]
    assert directory.wires[codes.WIRE_BINARY] == 1 and directory.fresh == {session}
    directory.unbind(session, first)
    assert directory.connection_of(session) is None and directory.wires == [0, 0, 0] and not directory.fresh
    assert directory.bind(session, second)


def test_a_lost_connection_gives_its_session_back(directory: Directory) -> None:
    session, _ = directory.authenticate_binary("MM1", CHALLENGE, mac())
    peer = Peer(directory)
    assert directory.bind(session, peer)
    peer.session = session
    turn = TurnInput(rows=4)
    turn.begin(1, 1)
    peer.lost(turn)
    assert directory.authenticate_binary("MM1", CHALLENGE, mac()) == (session, codes.OK)

"""Remote administration: logons with right, wrong, expired, revoked and foreign keys, what a principal may do then, and how it ends."""

import json
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.gateway.admin.office import Office
from exchange_server.gateway.admin.remote import RemoteAdminConnection
from exchange_server.gateway.connection import NullOutlet, TurnInput
from exchange_server.gateway.logon_guard import FREE
from exchange_server.gateway.sessions import Directory
from exchange_server.gateway.verifiers import recipe_of, verifier
from protocol import codes, credentials
from tests.registry.access_world import Venues

HERE = "192.0.2.7:5000"
SEED = b"\7" * 32
TOKEN = credentials.made_secret("token", b"t" * 32)
SECOND = 10**9
WRONG = "unknown session or wrong credentials"


class Port:
    """The port for remote administration of a server with two venues."""

    def __init__(self) -> None:
        self.world = Venues("V1", "V2")
        self.engine = self.world.engine
        private, _ = credentials.private_key(SEED)
        public, token = credentials.public_hex(private), verifier("token", TOKEN, "V1.t", recipe_of(None))
        key = ar.DefineKey(id="V1.e", holder="principal", name="V1.op", kind="ed25519", verifier=public)
        self.world.must(key, ar.DefineKey(id="V1.t", holder="principal", name="V1.op", kind="token", verifier=token))
        self.world.must(ar.DefineKey(id="V2.e", holder="principal", name="V2.op", kind="ed25519", verifier=public))
        self.logged: list[dict[str, Any]] = []
        self.directory = Directory(self.world.registry, lambda level, event, **fields: self.logged.append({"event": event, **fields}))
        self.expected: list[tuple[int, Any]] = []
        self.office = Office(
            self.world.registry, self.engine.m, lambda at, call: self.expected.append((at, call)),
            lambda record, who: self.world.registry.trying(record, self.engine, who),
            lambda record, who: self.world.registry.try_act(record, self.engine, who), dict, lambda: None,
        )  # fmt: skip
        self.office.log = self.directory.guard.log  # type: ignore[assignment]
        self.tick = 10**15

    def connect(self, peer: str = HERE) -> "Peer":
        return Peer(self, peer)


class Peer:
    def __init__(self, port: Port, peer: str) -> None:
        self.port = port
        self.outlet = NullOutlet()
        self.outlet.peer = peer  # type: ignore[attr-defined]
        self.connection = RemoteAdminConnection(port.tick, self.outlet, port.directory, port.office)
        (hello,) = self.turn()
        self.challenge = bytes.fromhex(hello["challenge"])
        assert hello["hello"] == "exos" and len(self.challenge) == 32

    def turn(self, data: bytes = b"") -> list[dict[str, Any]]:
        port = self.port
        turn = TurnInput(rows=64)
        turn.begin(1, port.engine.time_ns, port.tick)
        if data:
            assert self.connection.feed(data) == len(data)
        for _ in range(5):
            self.connection.gather(turn)
        for at, call in port.expected:
            body = turn.inbox[at + L.CMD_WORDS :].tobytes()[: int(turn.inbox[at + L.CMD_BODY_BYTES])]
            call(port.world.registry.apply(body, port.engine, lambda rows: None))
        port.expected.clear()
        out = [json.loads(line) for line in bytes(self.outlet.written).splitlines()]
        self.outlet.written.clear()
        return out

    def say(self, **request: Any) -> list[dict[str, Any]]:
        return self.turn(json.dumps({"id": 1, **request}).encode() + b"\n")

    def sign(self, name: str = "V1.op", key: str = "V1.e", seed: bytes = SEED, signs: str = "") -> list[dict[str, Any]]:
        message = credentials.admin_message(signs or name, key, self.challenge)
        signature = credentials.private_key(seed)[0].sign(message).hex()
        return self.say(verb="logon", principal=name, key=key, signature=signature)

    def token(self, token: str = TOKEN, name: str = "V1.op", key: str = "V1.t") -> list[dict[str, Any]]:
        return self.say(verb="logon", principal=name, key=key, token=token)


@pytest.fixture
def port() -> Port:
    return Port()


def test_a_local_program_says_from_where_a_logon_comes(port: Port) -> None:
    """And only a local one: for the delay of guesses, the networks of a key, and the log."""
    there = port.connect()
    (answer,) = there.say(verb="logon", principal="V1.op", key="V1.t", token=TOKEN, address="203.0.113.7")
    assert not answer["ok"] and "address" in answer["text"]
    local = port.connect("uid:1000")
    local.connection.local = True
    (answer,) = local.say(verb="logon", principal="V1.op", key="V1.t", token="wrong", address="203.0.113.7")
    assert answer["code"] == codes.R_BAD_CREDENTIALS and list(port.directory.guard.addresses) == ["203.0.113.7"]
    for address, good in (("2001:db8::7", True), ("nowhere", False)):
        local = port.connect("uid:1000")
        local.connection.local = True
        (answer,) = local.say(verb="logon", principal="V1.op", key="V1.t", token=TOKEN, address=address)
        assert answer["ok"] is good, answer
    assert port.logged[-2]["event"] == "logon" and port.logged[-2]["peer"] == "[2001:db8::7]:0"


def test_a_principal_logs_on_with_a_signature_or_a_token_and_is_who_it_is(port: Port) -> None:
    for logon in (Peer.sign, Peer.token):
        peer = port.connect()
        (answer,) = logon(peer)
        assert answer["ok"] and answer["id"] == 1 and answer["result"]["who"] == "principal:V1.op"
        assert {"role": "venue_operator", "scope": "venue:V1", "until_ns": 0} in answer["result"]["roles"]
        (answer,) = peer.say(verb="admin", record={"type": "firm", "name": f"V1.{logon.__name__}", "venue": "V1"})
        assert answer["ok"], answer
        (answer,) = peer.say(verb="admin", record={"type": "firm", "name": "X"})
        assert answer["code"] == codes.R_NOT_AUTHORISED and "principal:V1.op may not use the record firm for the platform" in answer["text"]
        (answer,) = peer.say(verb="stop")
        assert answer["code"] == codes.R_NOT_AUTHORISED
        (answer,) = peer.say(verb="whoami")
        assert answer["result"]["who"] == "principal:V1.op"
    assert [line["event"] for line in port.logged] == ["logon", "act", "act"] * 2
    assert {line["key"] for line in port.logged if line["event"] == "logon"} == {"V1.e", "V1.t"}
    assert port.logged[1] | {"text": ""} == {
        "event": "act", "who": "principal:V1.op", "record": "firm", "ok": True, "code": 0, "text": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "logon",
    [
        lambda peer: peer.sign(seed=b"\1" * 32), lambda peer: peer.sign(name="V1.none"), lambda peer: peer.sign(key="V1.none"),
        lambda peer: peer.sign(key="V2.e"), lambda peer: peer.sign(key="V1.t"), lambda peer: peer.sign(signs="V2.op"),
        lambda peer: peer.token(credentials.made_secret("token", b"x" * 32)), lambda peer: peer.token(name="V1.none"), lambda peer: peer.token(key="V1.e"),
        lambda peer: peer.token(name="V2.op"), lambda peer: peer.token("x"),
    ],
)  # fmt: skip
def test_whatever_is_wrong_is_told_alike(port: Port, logon: Any) -> None:
    peer = port.connect()
    assert logon(peer) == [{"id": 1, "ok": False, "code": codes.R_BAD_CREDENTIALS, "text": WRONG, "result": {}}]
    assert peer.outlet.closed == (codes.R_BAD_CREDENTIALS, WRONG) and peer.connection.who == ""
    assert peer.say(verb="status") == [], "nothing is read after it"
    assert port.directory.refused == 1 and port.logged[-1]["event"] == "logon_refused"


def test_a_signature_is_good_for_its_own_challenge_only(port: Port) -> None:
    one, two = port.connect(), port.connect()
    two.challenge = one.challenge
    assert two.sign()[0]["code"] == codes.R_BAD_CREDENTIALS
    assert one.sign()[0]["ok"]


def test_the_same_work_for_a_name_that_does_not_exist(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    work: list[str] = []
    for name in ("signature_right",):
        real = getattr(credentials, name)
        monkeypatch.setattr(credentials, name, lambda *args, real=real, name=name: (work.append(name), real(*args))[1])
    done = []
    for options in ({"seed": b"\1" * 32}, {"name": "NONE"}, {"key": "NONE"}, {"key": "V1.t"}):
        work.clear()
        port.connect().sign(**options)  # type: ignore[arg-type]
        done.append(list(work))
    assert done == [["signature_right"]] * 4


def test_expired_revoked_foreign_and_closed_are_told_to_who_has_the_key(port: Port) -> None:
    now = port.engine.time_ns
    private, _ = credentials.private_key(SEED)
    key = ar.DefineKey(
        id="V1.x", holder="principal", name="V1.op", kind="ed25519", verifier=credentials.public_hex(private), until_ns=now + 5
    )
    port.world.must(key)
    assert port.connect().sign(key="V1.x")[0]["ok"]
    port.engine.time_ns = now + 5
    assert port.connect().sign(key="V1.x")[0]["code"] == codes.R_KEY_EXPIRED
    port.world.must(ar.RevokeKey(id="V1.e", reason="lost"))
    assert port.connect().sign()[0]["text"] == "key V1.e was revoked: lost"
    port.world.must(
        ar.DefineKey(id="V1.a", holder="principal", name="V1.op", kind="ed25519", verifier=key.verifier, addresses=("10.0.0.0/8",))
    )
    assert port.connect().sign(key="V1.a")[0]["code"] == codes.R_KEY_ADDRESS
    assert port.connect("10.1.2.3:4").sign(key="V1.a")[0]["ok"]
    port.world.must(ar.DefinePrincipal(name="V1.op", venue="V1", closed=True))
    assert port.connect().token()[0]["text"] == "principal V1.op was closed"
    assert port.connect().token(credentials.made_secret("token", b"x" * 32))[0]["code"] == codes.R_BAD_CREDENTIALS


def test_a_live_connection_ends_with_its_key_and_with_its_principal(port: Port) -> None:
    peer, other = port.connect(), port.connect()
    assert peer.sign()[0]["ok"] and other.token()[0]["ok"]
    port.world.must(ar.RevokeKey(id="V1.e"))
    ((connection, code, _),) = port.directory.ended(port.engine.time_ns, acted=True)
    assert connection is peer.connection and code == codes.R_KEY_REVOKED
    port.world.must(ar.DefinePrincipal(name="V1.op", venue="V1", closed=True))
    (answer,) = other.say(verb="status")
    assert answer["code"] == codes.R_NOT_AUTHORISED and other.outlet.closed == (codes.R_NOT_AUTHORISED, "principal V1.op was closed")
    peer.connection.lost(TurnInput(rows=4))
    assert peer.connection not in port.directory.used


def test_who_fails_often_waits_right_or_wrong(port: Port) -> None:
    for _ in range(FREE):
        assert port.connect().sign(seed=b"\1" * 32)[0]["code"] == codes.R_BAD_CREDENTIALS
    peer = port.connect()
    assert peer.sign() == [] and peer.connection.held_until > port.tick and peer.connection.next_due == peer.connection.held_until
    assert port.connect("192.0.2.8:1").sign()[0]["ok"], "another address does not"
    port.tick = peer.connection.held_until
    assert peer.turn()[0]["ok"]


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[]", b"\xff", b'{"verb": "status"}', b'{"verb": "logon"}', b'{"verb": "logon", "principal": "a", "key": "b"}',
     b'{"verb": "logon", "principal": "a", "key": "b", "token": "x", "signature": "ab"}', b'{"verb": "logon", "principal": 1, "key": "b", "token": "x"}'],
)  # fmt: skip
def test_anything_but_a_logon_ends_the_connection(port: Port, line: bytes) -> None:
    peer = port.connect()
    (answer,) = peer.turn(line + b"\n")
    assert answer["code"] == codes.R_NOT_LOGGED_ON and "the first line is a logon" in answer["text"] and peer.outlet.closed is not None


def test_a_bad_signature_and_a_long_line(port: Port) -> None:
    (answer,) = port.connect().say(verb="logon", principal="a", key="b", signature="zz")
    assert answer["text"] == "signature: 128 hexadecimal digits are needed"
    peer = port.connect()
    (answer,) = peer.turn(b"x" * RemoteAdminConnection.FIRST_BUFFER)
    assert answer["code"] == codes.R_WIRE_TOO_LONG and peer.outlet.closed is not None


def test_an_approved_act_has_both_names_in_answer_and_log(port: Port) -> None:
    port.world.holder("V9", ("risk_officer", "venue:V1"))
    peer = port.connect()
    peer.sign()
    id = port.world.good("V9", ar.Kill(level="venue", target="V1", on=False)).result["pending"]
    (answer,) = peer.say(verb="admin", record={"type": "approve", "id": id})
    both = "(proposed by principal:V9, approved by principal:V1.op)"
    assert answer["ok"] and answer["text"].endswith(both) and answer["result"]["proposed_by"] == "principal:V9"
    assert port.logged[-1]["text"].endswith(both) and port.logged[-1]["record"] == "approve"

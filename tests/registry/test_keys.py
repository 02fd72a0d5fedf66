"""Keys: what may be defined, how many, what a change and a revocation do, and which key is good where and when."""

from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from config import key_records as kr
from exchange_server.registry import Registry, keys
from protocol import codes
from tests.registry.test_registry import BASE, LOGIN, PASSWORD, World, change

PUBLIC = "ab" * 32
TOKEN = f"{'0' * 32}.{'1' * 64}"
KEY = ar.DefineKey(id="K1", holder="session", name="C1", kind="ed25519", verifier=PUBLIC, scopes=("trade",))
NOW = 1_000_000_000_000


@pytest.fixture
def world() -> World:
    made = World().must(*BASE, ar.DefinePrincipal(name="anna"))
    made.engine.seen.clear()
    return made


def test_a_key_is_a_row_of_its_holder(world: World) -> None:
    world.must(change(KEY, scopes=("read", "trade"), addresses=("192.0.2.7", "2001:db8::/32", "192.0.2.7/32"), title="desk"))
    row = world.registry.keys["K1"]
    assert row.record.scopes == ("trade", "read") and row.record.addresses == ("192.0.2.7/32", "2001:db8::/32") and row.made_ns == NOW
    assert [key.id for key in world.registry.keys_of("session", "C1")] == ["C1:secret", "K1"] and world.engine.seen == []
    world.must(ar.DefineKey(id="A1", holder="principal", name="anna", kind="token", verifier=TOKEN))
    assert world.registry.keys["A1"].holder == ("principal", "anna")


REFUSALS: list[tuple[Any, int, str]] = [
    (change(KEY, name="C11"), codes.R_BAD_DEFINITION, 'name: there is no session "C11"; did you mean "C1"?'),
    (change(KEY, holder="principal", name="ann", scopes=()), codes.R_BAD_DEFINITION, 'name: there is no principal "ann"; did you mean "anna"?'),
    (change(KEY, kind="scram"), codes.R_BAD_DEFINITION, "kind: a fix session logs on with ed25519 or token or password, asked scram"),
    (change(KEY, name="MM1", kind="token", verifier=TOKEN), codes.R_BAD_DEFINITION, "kind: a binary session logs on with ed25519 or scram, asked token"),
    (change(KEY, holder="principal", name="anna", kind="password"), codes.R_BAD_DEFINITION, "kind: a principal logs on with ed25519 or token"),
    (change(KEY, id="X:secret"), codes.R_BAD_DEFINITION, "id: ids that end with :secret"),
    (change(KEY, secret="a phrase of the tests"), codes.R_BAD_DEFINITION, "secret: a plain secret is not journaled"),
    (change(KEY, verifier="ab"), codes.R_BAD_DEFINITION, "verifier: the public half of an Ed25519 key is 64 hexadecimal digits"),
    (change(KEY, kind="token"), codes.R_BAD_DEFINITION, "verifier: is no verifier of a token"),
    (change(KEY, kind="password", verifier=PASSWORD.replace("scrypt.1.", "scrypt.30.")), codes.R_BAD_DEFINITION, "verifier: is no verifier of a password"),
    (change(KEY, scopes=()), codes.R_BAD_DEFINITION, "scopes: a session's key has one or more of trade, read, market_data"),
    (change(KEY, holder="principal", name="anna"), codes.R_BAD_DEFINITION, "scopes: a principal's key has none: its grants say"),
    (change(KEY, addresses=("::/0", "10.0.0.1/8")), codes.R_BAD_DEFINITION, 'addresses[1]: "10.0.0.1/8" is no network'),
    (change(KEY, addresses=("localhost",)), codes.R_BAD_DEFINITION, 'addresses[0]: "localhost" is no network'),
    (change(KEY, until_ns=NOW), codes.R_BAD_DEFINITION, "until_ns: lies in the past"),
    (ar.RevokeKey(id="C1:secre"), codes.R_BAD_DEFINITION, 'id: there is no key "C1:secre"; did you mean "C1:secret"?'),
]  # fmt: skip


@pytest.mark.parametrize(("record", "code", "text"), REFUSALS, ids=lambda value: None)
def test_refusals(world: World, record: Any, code: int, text: str) -> None:
    before = world.registry.to_bytes()
    body = msgspec.msgpack.encode(ar.AdminEnvelope("uid:0", "r", record))  # not packed: a plain secret would not be
    answer = world.registry.apply(body, world.engine, world.sink)
    assert (answer.ok, answer.code) == (False, code) and text in answer.text, answer
    assert world.registry.to_bytes() == before


def test_terms_change_and_the_rest_does_not(world: World) -> None:
    world.must(KEY)
    for field, value in (("scopes", ("read",)), ("until_ns", NOW + 1), ("addresses", ("::1/128",)), ("title", "T")):
        record = change(world.registry.keys["K1"].record, **{field: value})
        assert "changed" in world.do(record).text and getattr(world.registry.keys["K1"].record, field) == value
        assert world.do(record).result["unchanged"] == 1
    assert world.do(change(record, title="")).result["unchanged"] == 1, "a file without the title does not take it away"
    for field, value in (("verifier", "cd" * 32), ("name", "MM1"), ("kind", "token")):
        answer = world.do(change(record, **{field: value, **({"verifier": TOKEN} if value == "token" else {})}))
        assert answer.code == codes.R_BAD_DEFINITION and "cannot be changed: key K1 exists" in answer.text, answer
    world.engine.time_ns = NOW + 5
    assert world.do(record).result["unchanged"] == 1, "expired, and said again: nothing is new"
    assert world.do(change(record, until_ns=0)).ok, "and its life may be made longer"


def test_a_revoked_key_stays_revoked(world: World) -> None:
    world.must(KEY, ar.RevokeKey(id="K1", reason="lost"), ar.RevokeKey(id="C1:secret"))
    assert world.registry.keys["K1"].revoked and world.registry.keys["K1"].reason == "lost"
    assert world.do(ar.RevokeKey(id="K1")).result["unchanged"] == 1 and world.registry.keys["K1"].reason == "lost"
    assert world.do(KEY).result["unchanged"] == 1, "a file that still has it is applied again"
    answer = world.do(change(KEY, title="again"))
    assert answer.code == codes.R_KEY_REVOKED and "create another one" in answer.text
    assert world.do(LOGIN).result["unchanged"] == 1 and world.registry.keys["C1:secret"].revoked, "the same secret does not come back"
    world.must(change(LOGIN, verifier=PASSWORD.replace("ab", "ba")))
    assert not world.registry.keys["C1:secret"].revoked, "another one is another key"


def test_eight_live_keys_and_a_memory_of_dead_ones(world: World) -> None:
    for n in range(7):
        world.must(change(KEY, id=f"K{n}"))
    answer = world.do(change(KEY, id="K9"))
    assert (answer.code, answer.refusal.limit, answer.refusal.used) == (codes.R_TABLE_FULL, 8, 8) and "revoke one first" in answer.text  # type: ignore[union-attr]
    world.must(change(KEY, id="M1", name="MM1"))
    for n in range(100, 150):
        world.must(ar.RevokeKey(id=f"K{n - 1}" if n > 100 else "K0"), change(KEY, id=f"K{n}"))
    rows = world.registry.keys_of("session", "C1")
    assert len(rows) == kr.MOST_LIVE + kr.MOST_KEPT - 1 and sum(row.alive(NOW) for row in rows) == 8
    assert rows[0].id == "C1:secret" and "K0" not in world.registry.keys and "K148" in world.registry.keys
    copy = Registry.from_bytes(world.registry.to_bytes())
    assert copy.keys_of("session", "C1") == rows and copy.to_bytes() == world.registry.to_bytes()


def test_which_key_is_good(world: World) -> None:
    world.must(change(KEY, until_ns=NOW + 10, addresses=("192.0.2.0/24", "2001:db8::/32")))
    row = world.registry.keys["K1"]
    for host in ("192.0.2.77", "2001:db8::5", "::ffff:192.0.2.1"):
        assert keys.fault(row, NOW, host) == (codes.OK, "")
    for host in ("192.0.3.1", "2001:db9::1", "memory", "", "::ffff:10.0.0.1"):
        assert keys.fault(row, NOW, host)[0] == codes.R_KEY_ADDRESS
    assert keys.fault(row, NOW + 10, "192.0.2.1")[0] == codes.R_KEY_EXPIRED
    world.must(ar.RevokeKey(id="K1", reason="lost"))
    assert keys.fault(world.registry.keys["K1"], NOW, "192.0.2.1") == (codes.R_KEY_REVOKED, "key K1 was revoked: lost")

"""Logons with keys on both wires: right, wrong, expired, revoked, from elsewhere, another holder's; and what a limited key cannot do."""

import random
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.gateway.binary.order_entry import MarketDataOnly, OrderEntry, ReadOnly
from exchange_server.gateway.credentials import FixProof, Judge
from exchange_server.gateway.verifiers import Recipe, verifier
from protocol import codes, credentials
from protocol import messages as M
from protocol.binary_session import Prover
from protocol.fix_client import FixClient
from tests.gateway.binary.world import SECOND, End, limit
from tests.gateway.fix.street import OUR, FixEnd, Street

SEEDS = {id: bytes([n]) * 32 for n, id in enumerate(("MM1-A", "MM1-B", "MM2-A", "CLIENT1-A", "CLIENT2-A", "ANNA"))}
TOKEN = credentials.made_secret("token", b"t" * 32)
PASSWORD = credentials.made_secret("password", b"p" * 32)
HERE = "192.0.2.7:5000"


def public(id: str) -> str:
    return credentials.public_hex(credentials.private_key(SEEDS[id])[0])


def key(id: str, name: str, **terms: Any) -> ar.DefineKey:
    return ar.DefineKey(
        id=id, **{"holder": "session", "name": name, "kind": "ed25519", "verifier": public(id), "scopes": ("trade", "read"), **terms}
    )


@pytest.fixture
def street(tmp_path: Path) -> Street:
    world = Street(tmp_path)
    world.admin(
        key("MM1-A", "MM1"), key("MM1-B", "MM1"), key("MM2-A", "MM2"), key("CLIENT1-A", "CLIENT1"), key("CLIENT2-A", "CLIENT2"),
        ar.DefineKey(id="CLIENT1-T", holder="session", name="CLIENT1", kind="token", secret=TOKEN, scopes=("trade", "read")),
        ar.DefineKey(id="CLIENT1-P", holder="session", name="CLIENT1", kind="password", secret=PASSWORD, scopes=("trade",)),
    )  # fmt: skip
    return world


def binary(street: Street, id: str, login: str = "MM1", as_id: str = "", peer: str = HERE, **options: Any) -> End:
    """A client that signs with the key of `id` and says it is `as_id`."""
    prover = Prover(login, private_key=SEEDS[id], key_id=as_id or id)
    end = street.end(login, secret=prover, **options)
    end.outlet.peer = peer
    street.turn(3)
    return end


def fix(street: Street, id: str, number: int = 1, username: str = "", password: str = "", peer: str = HERE) -> FixEnd:
    name = f"CLIENT{number}"
    private = SEEDS.get(id) if not password else None
    client = FixClient(name, OUR, username or id, password, private_key=private)
    end = FixEnd(street, number, client)
    end.outlet.peer = peer
    street.ends.append(end)
    end.raw = client.connect(street.now, reset=True)
    street.turn(3)
    return end


def said(end: Any) -> tuple[int, str]:
    """Why the connection was closed."""
    assert end.outlet.closed is not None and not end.connection.session
    return end.outlet.closed[0], end.outlet.closed[1]


def test_a_session_logs_on_with_any_of_its_keys(street: Street) -> None:
    for id in ("MM1-A", "MM1-B"):
        end = binary(street, id)
        assert end.connection.session and street.directory.key_of(end.connection) == id
        street.drop(end)
    assert street.logged_on("MM1").connection.session, "and its own secret is good as before"
    for options in ({"id": "CLIENT1-A"}, {"id": "CLIENT1-T", "password": TOKEN}, {"id": "CLIENT1-P", "password": PASSWORD}):
        peer = fix(street, **options)
        assert peer.client.live, (options, peer.outlet.closed)
        assert street.directory.key_of(peer.connection) == options["id"]
        street.drop(peer)
        street.now += SECOND
    assert street.up(1, reset=True).client.live


@pytest.mark.parametrize(
    ("id", "options"),
    [("MM2-A", {"as_id": "MM1-A"}), ("MM2-A", {}), ("MM1-A", {"as_id": "MM1-B"}), ("MM1-A", {"as_id": "NONE"}), ("MM1-A", {"as_id": "MM1:secret"}),
     ("MM1-A", {"login": "MM2"}), ("CLIENT1-A", {}), ("MM1-A", {"login": "NOBODY"})],
)  # fmt: skip
def test_a_wrong_binary_key_is_told_nothing(street: Street, id: str, options: dict[str, Any]) -> None:
    assert said(binary(street, id, **options)) == (codes.R_BAD_CREDENTIALS, "unknown session or wrong credentials")


@pytest.mark.parametrize(
    "options",
    [{"id": "CLIENT2-A"}, {"id": "CLIENT2-A", "username": "CLIENT1-A"}, {"id": "CLIENT1-A", "username": "CLIENT1-T"}, {"id": "CLIENT1-A", "username": "client1"},
     {"id": "CLIENT1-A", "number": 2}, {"id": "MM1-A"}, {"id": "CLIENT1-T", "password": TOKEN[:-1] + "x"}, {"id": "CLIENT1-P", "password": TOKEN},
     {"id": "CLIENT1-T", "password": PASSWORD}, {"id": "CLIENT1-A", "password": PASSWORD}, {"id": "client1", "password": PASSWORD}],
)  # fmt: skip
def test_a_wrong_fix_key_is_told_nothing(street: Street, options: dict[str, Any]) -> None:
    assert said(fix(street, **options)) == (codes.R_BAD_CREDENTIALS, "unknown CompIDs or wrong credentials")


def test_raw_data_that_is_no_signature_is_a_wrong_one(street: Street) -> None:
    for raw in ("xx", "=", "QUJD", "A" * 88):
        end = street.fix_end(1, plain=True)
        end.logon_raw(body="98=0|108=30|141=Y|", login=f"553=CLIENT1-A|95={len(raw)}|96={raw}|")
        street.turn(2)
        assert said(end)[0] == codes.R_BAD_CREDENTIALS


def test_a_signature_is_good_once_and_for_its_fields(street: Street) -> None:
    client = FixClient("CLIENT1", OUR, "CLIENT1-A", private_key=SEEDS["CLIENT1-A"])
    raw = client.connect(street.now)
    for change in (b"", b"\x0134=2\x01", b"again"):
        end = street.fix_end(1, plain=True)
        end.raw = raw
        if change.startswith(b"\x01"):
            body = raw[raw.index(b"35=") : raw.index(b"10=")].replace(b"\x0134=1\x01", change)
            head = b"8=FIX.4.4\x019=%d\x01" % len(body)
            end.raw = head + body + b"10=%03d\x01" % (sum(head + body) % 256)
        street.turn(2)
        wanted = {b"": None, b"again": codes.R_LOGON_REPEATED}.get(change, codes.R_BAD_CREDENTIALS)
        assert (end.outlet.closed[0] if end.outlet.closed else None) == wanted, change
        street.drop(end)


@pytest.mark.parametrize(
    ("record", "code", "text"),
    [(ar.RevokeKey(id="MM1-A", reason="laptop lost"), codes.R_KEY_REVOKED, "key MM1-A was revoked: laptop lost"),
     (key("MM1-A", "MM1", until_ns=1), codes.R_KEY_EXPIRED, "key MM1-A has expired"),
     (key("MM1-A", "MM1", addresses=("198.51.100.0/24",)), codes.R_KEY_ADDRESS, "key MM1-A may not be used from 192.0.2.7")],
)  # fmt: skip
def test_whoever_has_the_key_is_told_why_it_is_not_good(street: Street, record: Any, code: int, text: str) -> None:
    if isinstance(record, ar.DefineKey) and record.until_ns:
        record = key("MM1-A", "MM1", until_ns=street.exchange + SECOND)
        street.admin(record)
        street.now += 2 * SECOND
    else:
        street.admin(record)
    assert said(binary(street, "MM1-A")) == (code, text)
    assert said(binary(street, "MM2-A", as_id="MM1-A"))[0] == codes.R_BAD_CREDENTIALS, "and nobody else is"
    assert binary(street, "MM1-B").connection.session, "the other key is good"
    failures = street.directory.guard.addresses["192.0.2.7"].failures
    assert failures == 2, "both count against the address"


def test_the_same_on_fix(street: Street) -> None:
    street.admin(ar.RevokeKey(id="CLIENT1-A"), key("CLIENT2-A", "CLIENT2", addresses=("198.51.100.0/24",)))
    end = fix(street, "CLIENT1-A")
    assert said(end)[0] == codes.R_KEY_REVOKED and end.take()[-1].text(58) == "key CLIENT1-A was revoked"
    assert said(fix(street, "CLIENT2-A", 2))[0] == codes.R_KEY_ADDRESS
    assert fix(street, "CLIENT2-A", 2, peer="198.51.100.9:1").client.live


# ------------------------------------------------------------------------------------------------- live sessions
def ended(street: Street, acted: bool = True) -> list[tuple[Any, int, str]]:
    return street.directory.ended(street.exchange, acted)


def test_a_live_session_ends_with_its_key_and_no_other_does(street: Street) -> None:
    first, second = binary(street, "MM1-A"), binary(street, "MM2-A", "MM2")
    third = fix(street, "CLIENT1-A")
    assert ended(street) == []
    street.admin(ar.RevokeKey(id="MM1-B"), ar.RevokeKey(id="MM1-A", reason="lost"))
    assert ended(street) == [(first.connection, codes.R_KEY_REVOKED, "key MM1-A was revoked: lost")]
    street.drop(first)
    assert ended(street) == []
    street.admin(key("MM2-A", "MM2", addresses=("10.0.0.0/8",)), key("CLIENT1-A", "CLIENT1", scopes=("read",)))
    assert [(connection, code) for connection, code, _ in ended(street)] == [
        (second.connection, codes.R_KEY_ADDRESS), (third.connection, codes.R_KEY_SCOPE),
    ]  # fmt: skip


def test_a_live_session_ends_when_its_key_expires(street: Street) -> None:
    street.admin(key("MM1-A", "MM1", until_ns=street.exchange + 10 * SECOND), key("MM1-B", "MM1", title="T"))
    end = binary(street, "MM1-A")
    assert end.connection.session and ended(street, acted=False) == []
    street.now += 5 * SECOND
    street.admin(key("MM1-A", "MM1", until_ns=street.exchange + 60 * SECOND))
    assert ended(street) == []
    street.now += 20 * SECOND
    street.begin()
    assert ended(street, acted=False) == [], "it was made longer"
    street.now += 60 * SECOND
    street.begin()
    assert ended(street, acted=False) == [(end.connection, codes.R_KEY_EXPIRED, "key MM1-A has expired")]


# --------------------------------------------------------------------------------------------------------- scopes
TRADING = (M.NewOrder, M.CancelOrder, M.ReplaceOrder, M.MassCancel, M.SplitSets, M.MergeSets)
READING = (M.OrderStatusRequest, M.Resume, M.AccountRequest, M.FillsRequest)
EVERYBODYS = (M.Logon, M.Logout, M.Heartbeat, M.Subscribe, M.Unsubscribe, M.DefinitionsRequest)


def test_every_message_of_a_client_has_its_scope() -> None:
    """A new message must be put into one of these lists, and into `forbidden` of the kinds that may not send it."""
    assert set(M.ClientMessage.__args__) == {*TRADING, *READING, *EVERYBODYS}  # type: ignore[attr-defined]
    assert OrderEntry.forbidden == () and set(ReadOnly.forbidden) == set(TRADING) and set(MarketDataOnly.forbidden) == {*TRADING, *READING}


def test_a_key_that_reads_does_not_trade(street: Street) -> None:
    trader = street.logged_on("MM1")
    spain = street.instruments()[0]
    trader.send(limit(1, spain, codes.BUY, 1000, 10_000))
    street.turn(2)
    street.drop(trader)
    street.admin(key("MM1-A", "MM1", scopes=("read", "market_data")))
    end = binary(street, "MM1-A", next_number=1)
    street.turn(4)
    reports = end.take()
    assert any(isinstance(report, M.Accepted) for report in reports), "the reports of the session are its own"
    rows = street.engine.row_seq
    end.send(
        limit(2, spain, codes.BUY, 1000, 10), M.CancelOrder(3, 1), M.ReplaceOrder(4, 1, 0, 0, 900, 10), M.MassCancel(5, codes.SCOPE_SESSION),
        M.SplitSets(6, 1, 1), M.MergeSets(7, 1, 1), M.OrderStatusRequest(1), M.Subscribe([spain]),
    )  # fmt: skip
    street.turn(4)
    refused = [report.body for report in end.take() if isinstance(report, M.Sent)]
    assert [(body.reason, body.id) for body in refused] == [(codes.R_KEY_SCOPE, id) for id in range(2, 8)]
    assert "NewOrder needs a key with another scope" in refused[0].text
    status = [message for message in end.messages if isinstance(message, M.OrderStatus)]
    assert status and status[-1].status == codes.ST_NEW, "the order still rests"
    assert any(isinstance(message, M.BookSnapshot) for message in end.messages) and street.engine.row_seq > rows
    assert said(binary(street, "MM1-A", flags=M.LOGON_CANCEL_ON_DISCONNECT))[0] in (codes.R_KEY_SCOPE, codes.R_ALREADY_LOGGED_ON)
    street.drop(end)
    assert said(binary(street, "MM1-A", flags=M.LOGON_CANCEL_ON_DISCONNECT))[0] == codes.R_KEY_SCOPE


def test_a_key_for_market_data_has_nothing_else_and_takes_no_place(street: Street) -> None:
    street.admin(key("MM1-A", "MM1", scopes=("market_data",)))
    spain = street.instruments()[0]
    listener = binary(street, "MM1-A")
    assert listener.connection.session and not street.directory.bound
    row = street.engine.row_seq
    trader = street.logged_on("MM1")
    assert trader.connection.session, "the session is free for who trades"
    listener.messages.clear()
    listener.send(M.Subscribe([spain]), limit(2, spain, codes.BUY, 1000, 10_000), M.OrderStatusRequest(1), M.Resume(1, 0))
    listener.send(M.AccountRequest(7), M.FillsRequest(8))
    trader.send(limit(3, spain, codes.BUY, 1000, 10_000))
    street.turn(5)
    refused = [(m.reason, m.tag, m.item) for m in listener.messages if isinstance(m, M.RequestRefused)]
    assert refused == [
        (codes.R_KEY_SCOPE, 10, 2),
        (codes.R_KEY_SCOPE, 14, 1),
        (codes.R_KEY_SCOPE, 4, 0),
        (codes.R_KEY_SCOPE, 23, 7),
        (codes.R_KEY_SCOPE, 24, 8),
    ]
    assert not any(isinstance(m, M.NUMBERED) for m in listener.messages), "reports go to who trades"
    assert any(isinstance(m, M.BookUpdate | M.BookSnapshot) for m in listener.messages)
    assert [m.id for m in trader.messages if isinstance(m, M.Accepted)] == [3] and street.engine.row_seq > row
    street.drop(listener)
    trader.send(M.OrderStatusRequest(3))
    street.turn(2)
    assert trader.connection.session in street.directory.bound, "the listener's end is not the session's"
    assert said(binary(street, "MM1-A", next_number=1))[0] == codes.R_KEY_SCOPE
    crowd = [binary(street, "MM1-A") for _ in range(9)]
    assert [bool(end.connection.session) for end in crowd] == [True] * 8 + [False]
    assert crowd[-1].outlet.closed[0] == codes.R_ALREADY_LOGGED_ON
    street.admin(ar.RevokeKey(id="MM1-A"))
    assert len(ended(street)) == 8, "a revocation ends all of them"


def test_a_fix_key_that_reads_does_not_trade(street: Street) -> None:
    street.admin(key("CLIENT1-A", "CLIENT1", scopes=("read",)), key("CLIENT2-A", "CLIENT2", scopes=("market_data",)))
    end = fix(street, "CLIENT1-A")
    assert end.client.live
    symbol = "WC26-WIN-ESP"
    end.client.new_order(street.now, 1, symbol, 1, "10", "0.5")
    end.client.cancel(street.now, 2, 1, symbol, 1)
    end.client.replace(street.now, 3, 1, symbol, 1, "10", "0.4")
    end.client.mass_cancel(street.now, 4)
    end.client.status(street.now, 1, symbol, 1)
    end.take()
    street.turn(3)
    answers = [(m.msg_type, m.text(380), m.text(372)) for m in end.take()]
    assert answers[:4] == [("j", "6", kind) for kind in "DFGq"] and answers[4][0] == "8"
    assert all("[key_scope]" in m.text(58) for m in end.client.rejects)
    assert end.client.live
    assert said(fix(street, "CLIENT2-A", 2)) == (
        codes.R_KEY_SCOPE,
        "key CLIENT2-A has the scope market_data alone, and FIX sessions have no market data",
    )


def test_no_bytes_in_the_fields_of_a_logon_break_it(street: Street) -> None:
    """Random user names, passwords, signatures and proofs: refused, each in one answer, and nobody else is touched."""
    rng = random.Random(7)
    words = ("", "CLIENT1-A", "CLIENT1-T", "client1", "CLIENT1:secret", "MM1-A", "x" * 64, "\udcff\udc80", "key.with.dots", "0")
    peer = street.end("MM1", plain=True).connection
    for _ in range(400):
        noise = rng.randbytes(rng.choice((0, 1, 31, 32, 33, 63, 64, 65, 200)))
        text = noise.decode("ascii", "surrogateescape") if rng.random() < 0.5 else credentials.TOKEN_PREFIX + rng.choice(words)
        proof = FixProof(OUR, rng.choice(("CLIENT1", "CLIENT2", "X")), rng.choice(words), text, rng.choice((None, noise)), noise)
        assert street.directory.authenticate_fix(peer, proof, 1, 1).code in (codes.R_BAD_CREDENTIALS, codes.R_BAD_COMP_ID)
        login, key_id = rng.choice(("MM1", "MM2", "X")), rng.choice(words[:6])
        assert street.directory.authenticate_binary(peer, login, key_id, bytes(32), noise, 1).code == codes.R_BAD_CREDENTIALS
    assert not street.directory.used and not street.directory.judge.jobs


# ----------------------------------------------------------------------------------------------------- principals
def test_principals(street: Street) -> None:
    token = credentials.made_secret("token", b"a" * 32)
    street.admin(
        ar.DefinePrincipal(name="anna"), ar.DefinePrincipal(name="bert"),
        key("ANNA", "anna", holder="principal", scopes=(), addresses=("192.0.2.0/24",)),
        ar.DefineKey(id="ANNA-T", holder="principal", name="anna", kind="token", verifier=verifier("token", token, "ANNA-T", Recipe(b""))),
    )  # fmt: skip
    judge, challenge = Judge(street.engine.registry), b"c" * 32
    private, _ = credentials.private_key(SEEDS["ANNA"])
    signature = private.sign(credentials.admin_message("anna", "ANNA", challenge))
    assert judge.principal("anna", "ANNA", signature, challenge, "192.0.2.1", 1)[0] == codes.OK
    assert judge.principal("anna", "ANNA-T", token, challenge, "10.0.0.1", 1)[0] == codes.OK
    for name, id, proof, where, code in (
        ("bert", "ANNA", signature, "192.0.2.1", codes.R_BAD_CREDENTIALS), ("anna", "ANNA-T", signature, "192.0.2.1", codes.R_BAD_CREDENTIALS),
        ("anna", "ANNA", token, "192.0.2.1", codes.R_BAD_CREDENTIALS), ("anna", "ANNA", signature[::-1], "192.0.2.1", codes.R_BAD_CREDENTIALS),
        ("anna", "ANNA", signature, "10.0.0.1", codes.R_KEY_ADDRESS), ("anna", "ANNA-T", token + "x", "10.0.0.1", codes.R_BAD_CREDENTIALS),
        ("anna", "MM1-A", signature, "192.0.2.1", codes.R_BAD_CREDENTIALS), ("carl", "ANNA-T", token, "192.0.2.1", codes.R_BAD_CREDENTIALS),
    ):  # fmt: skip
        found, text, row = judge.principal(name, id, proof, challenge, where, 1)
        assert found == code and text and row is None, (name, id)
    assert judge.principal("anna", "ANNA", signature, bytes(32), "192.0.2.1", 1)[0] == codes.R_BAD_CREDENTIALS, "one challenge, one proof"

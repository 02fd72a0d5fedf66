"""Plain secrets in a request: verifiers in the row, nothing of them in the turn, the requests in their order, and a made secret told once."""

import json
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.gateway import slow as S
from exchange_server.gateway.slow import SlowWork
from exchange_server.gateway.verifiers import token_right
from protocol import codes, credentials
from tests.gateway.admin.test_connection import Desk, request
from tests.gateway.test_slow import Held

GOOD = "a phrase of the tests"
SESSION = {"type": "session", "name": "MM1", "wire": "binary", "firm": "F", "key": "MM1", "secret": GOOD}
TOKEN = {"type": "key", "id": "T1", "holder": "session", "name": "C1", "kind": "token", "scopes": ["read"]}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    for record in (ar.Begin(name="box", sandbox=True, salt="ab" * 32), ar.DefineFirm(name="F"),
                   ar.DefineSession(name="C1", wire="fix", firm="F", our_comp_id="X", peer_comp_id="C1")):  # fmt: skip
        assert made.registry.apply(ar.pack("uid:0", "1", record), made.engine, lambda rows: None).ok
    return made


def turn_bytes(desk: Desk) -> bytes:
    return desk.turn.inbox[: desk.turn.words].tobytes()


def test_a_secret_is_in_no_row(desk: Desk) -> None:
    whole = {"type": "configuration", "name": "c.toml", "sandbox": True, "records": [SESSION, {**SESSION, "name": "MM2", "key": "MM2"}]}
    desk.say(request("admin", 1, record=SESSION), request("admin", 2, record=whole))
    rows = turn_bytes(desk)
    assert GOOD.encode() not in rows and rows.count(b"scram.") == 3
    assert [answer["ok"] for answer in desk.settle()] == [True, True]
    assert desk.registry.keys["MM1:secret"].record.verifier.startswith("scram.") and "MM2:secret" in desk.registry.keys
    (plan,) = desk.say(request("plan", 3, record=whole))
    assert [change["kind"] for change in plan["result"]["changes"]] == ["same", "same"], "the same secret has the same verifier"
    changed = {**whole, "records": [{**SESSION, "secret": GOOD + "!"}]}
    (plan,) = desk.say(request("plan", 4, record=changed))
    assert [(change["kind"], change["fields"]) for change in plan["result"]["changes"]] == [("changed", ["verifier"])]


def test_a_made_secret_is_told_once(desk: Desk) -> None:
    desk.say(request("admin", 1, record=TOKEN), request("admin", 2, record={"type": "firm", "name": "G"}))
    first, second = desk.settle()
    token = first["result"]["secret"]
    assert (
        credentials.MADE.fullmatch(token)
        and token_right(desk.registry.keys["T1"].record.verifier, token)
        and "secret" not in second["result"]
    )
    assert token.encode() not in turn_bytes(desk) + desk.registry.to_bytes()
    assert token not in json.dumps(desk.say(request("keys", 3)))
    desk.say(request("admin", 4, record={**TOKEN, "scopes": ["trade"]}))
    (again,) = desk.settle()
    assert again["ok"] and "secret" not in again["result"] and token_right(desk.registry.keys["T1"].record.verifier, token), (
        "other scopes, the same token"
    )
    desk.say(request("admin", 5, record={**TOKEN, "id": "T2", "name": "NONE"}))
    (refused,) = desk.settle()
    assert not refused["ok"] and "secret" not in refused["result"]


def test_a_weak_secret_is_refused_and_makes_no_row() -> None:
    desk = Desk()  # no sandbox
    weak: dict[str, Any] = {**SESSION, "secret": "mm1-secret"}
    (answer,) = desk.say(request("admin", record=weak))
    assert (answer["ok"], answer["code"]) == (False, codes.R_WEAK_SECRET) and answer[
        "text"
    ] == "secret: has 10 characters, at least 16 are needed"
    (answer,) = desk.say(request("admin", record={"type": "configuration", "name": "c", "records": [{"type": "firm", "name": "F"}, weak]}))
    assert answer["refusal"]["record"] == 1 and answer["refusal"]["key"] == ["secret"]
    assert desk.turn.rows == 1 and "mm1-secret" not in json.dumps(answer)


def test_what_follows_waits_until_the_verifier_is_made(desk: Desk) -> None:
    held: Any = Held()
    slow = desk.office.judge.slow = SlowWork(held)
    assert (
        desk.say(request("admin", 1, record=SESSION), request("status", 2), request("admin", 3, record={"type": "firm", "name": "G"})) == []
    )
    assert desk.turn.rows == 1 and desk.connection.gather(desk.turn) is False, "it does not ask for turns in vain"
    held.finish(slow)
    desk.connection.gather(desk.turn)
    (answer,) = desk.answers()
    assert answer["id"] == 2 and [one["id"] for one in desk.settle()] == [1, 3]


def test_a_peer_that_is_gone_leaves_nothing(desk: Desk) -> None:
    held: Any = Held()
    slow = desk.office.judge.slow = SlowWork(held)
    for n in range(S.AT_ONCE):
        slow.ask(n, "elsewhere", lambda: None)
    desk.say(request("admin", 1, record=SESSION))
    desk.connection.lost(desk.turn)
    while held.begun:
        held.finish(slow)
    assert slow.done == S.AT_ONCE and not desk.office.judge.jobs and desk.turn.rows == 1


def test_a_record_that_is_wrong_is_told_as_ever(desk: Desk) -> None:
    for record, words in (
        ({**SESSION, "secret": 7}, "record: secret: expected str"),
        ({**SESSION, "wire": "ftp"}, '"ftp" is not one of fix, binary'),
        (7, "record: "),
    ):
        (answer,) = desk.say(request("admin", record=record))
        assert not answer["ok"] and answer["code"] == codes.R_BAD_COMMAND and words in answer["text"]

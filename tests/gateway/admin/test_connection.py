"""The operator's lines: what is answered at once, what becomes a row, and what no line can break."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.gateway.admin.connection import LINES_PER_TURN, AdminConnection
from exchange_server.gateway.admin.office import Office
from exchange_server.gateway.connection import NullOutlet, TurnInput
from exchange_server.registry import AdminAnswer, Registry, Tried
from exchange_server.registry.configuration import Trying
from protocol import codes
from tests.fake_engine import FakeEngine

WHOLE = {"type": "configuration", "name": "c.toml", "records": [{"type": "asset", "name": "USD", "decimals": 2}]}


class Desk:
    """An admin connection on a real registry; rows are carried out by `settle`, as the engine would."""

    def __init__(self) -> None:
        self.registry, self.engine, self.outlet = Registry(), FakeEngine(), NullOutlet()
        self.expected: list[tuple[int, Any]] = []
        self.stopped = 0
        self.office = Office(
            self.registry, self.engine.m, lambda at, call: self.expected.append((at, call)), self._trying, self._try_act, lambda: {"turn": 7}, self._stop,
            {"double": lambda request: request.get("n", 0) * 2},
        )  # fmt: skip
        self.connection = AdminConnection(1, self.outlet, None, self.office, "uid:1000")  # type: ignore[arg-type]
        self.turn = TurnInput(rows=64)
        self.turn.begin(1, 1)

    def _trying(self, record: ar.Configuration, who: str) -> Trying:
        return self.registry.trying(record, self.engine, who)

    def _try_act(self, record: ar.AnyRecord, who: str) -> Tried:
        return self.registry.try_act(record, self.engine, who)

    def _stop(self) -> None:
        self.stopped += 1

    def say(self, *lines: bytes) -> list[dict[str, Any]]:
        """Feed lines, gather, and take the answers that are there."""
        data = b"".join(line + b"\n" for line in lines)
        while data:
            data = data[self.connection.feed(data) :]
            while self.connection.gather(self.turn) and not self.turn.full:
                continue
        return self.answers()

    def answers(self) -> list[dict[str, Any]]:
        out = [json.loads(line) for line in bytes(self.outlet.written).splitlines()]
        self.outlet.written.clear()
        return out

    def settle(self) -> list[dict[str, Any]]:
        """Apply the ADMIN rows of the turn and give the answers back."""
        for at, call in self.expected:
            size = int(self.turn.inbox[at + L.CMD_BODY_BYTES])
            body = self.turn.inbox[at + L.CMD_WORDS :].tobytes()[:size]
            call(self.registry.apply(body, self.engine, lambda rows: None))
        self.expected.clear()
        return self.answers()


@pytest.fixture
def desk() -> Desk:
    return Desk()


def request(verb: str, id: Any = 1, **fields: Any) -> bytes:
    return json.dumps({"id": id, "verb": verb, **fields}).encode()


def test_questions_are_answered_and_make_no_row(desk: Desk) -> None:
    assert desk.say(request("status", 3)) == [{"id": 3, "ok": True, "code": 0, "text": "", "result": {"turn": 7}}]
    assert desk.say(request("markets"))[0]["result"] == {"markets": []}
    assert desk.say(request("double", n=21))[0]["result"] == 42
    plan = desk.say(request("plan", record=WHOLE))[0]["result"]
    assert (plan["changes"], plan["refusals"], plan["revision"]) == ([{"record": 0, "kind": "new", "fields": []}], [], 0)
    assert desk.turn.rows == 1


LONG = {"type": "configuration", "name": "c.toml", "records": [{"type": "firm", "name": f"F{i}"} for i in range(120)]}


def test_a_long_plan_says_how_far_it_is(desk: Desk) -> None:
    answers = desk.say(request("plan", 4, record=LONG))
    assert [answer["result"] for answer in answers[:-1]] == [{"done": 50, "of": 120}, {"done": 100, "of": 120}]
    assert all(answer["more"] and answer["id"] == 4 for answer in answers[:-1]) and "more" not in answers[-1]
    plan = answers[-1]["result"]
    assert len(plan["changes"]) == 120 and plan["refusals"] == [] and desk.turn.rows == 1 and not len(desk.registry.firms)


@pytest.mark.parametrize(("times", "pieces"), [(1, [50, 50, 100]), (9, [50, 50, 50])])
def test_a_long_plan_is_begun_again_when_something_changes(desk: Desk, times: int, pieces: list[int]) -> None:
    """After the third time it is made in one go."""
    desk.connection.feed(request("plan", 4, record=LONG) + b"\n")
    seen: list[dict[str, Any]] = []
    for _ in range(20):
        desk.connection.gather(desk.turn)
        found = desk.answers()
        seen += found
        changes = len(desk.registry.firms)
        if found and "more" in found[-1] and changes < times:
            desk.registry.apply(ar.pack("uid:0", "x", ar.DefineFirm(name=f"F{changes}")), desk.engine, lambda rows: None)
    assert [answer["result"]["done"] for answer in seen[:-1]] == pieces
    same = [change["kind"] for change in seen[-1]["result"]["changes"]].count("same")
    assert same == len(desk.registry.firms) > 0, "the plan is that of the tables as they are"


def test_an_act_is_a_row_and_its_answer_comes_with_the_engine(desk: Desk) -> None:
    record = {"type": "asset", "name": "USD", "decimals": 2}
    assert desk.say(request("admin", "a-1", record=record)) == []
    assert desk.connection.waiting == 1 and int(desk.turn.inbox[L.CMD_WORDS]) & 255 == codes.C_ADMIN
    at = L.CMD_WORDS
    body = desk.turn.inbox[at + L.CMD_WORDS :].tobytes()[: int(desk.turn.inbox[at + L.CMD_BODY_BYTES])]
    envelope = ar.unpack(body)
    assert (envelope.who, envelope.request_id, envelope.record) == ("uid:1000", "a-1", ar.DefineAsset(name="USD", decimals=2))
    (answer,) = desk.settle()
    assert answer["id"] == "a-1" and answer["ok"] and desk.connection.waiting == 0
    assert desk.registry.assets.named("USD") is not None


def test_the_peer_cannot_say_who_it_is(desk: Desk) -> None:
    (answer,) = desk.say(request("admin", record={"type": "asset", "name": "USD", "decimals": 2, "who": "uid:0"}))
    assert not answer["ok"] and answer["code"] == codes.R_BAD_COMMAND and "who" in answer["text"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "a request must be an object"),
        (b"7", "a request must be an object"),
        (b"{}", "unknown verb 'None'; known: account, accounts, admin, asset, assets, budget, double"),
        (b'{"verb": ["status"]}', "unknown verb"),
        (b'{"verb": "admin"}', "record: "),
        (b'{"verb": "admin", "record": {"type": "asset", "name": "USD", "decimals": 99}}', "decimals"),
        (b'{"verb": "admin", "record": {"type": "no-such"}}', "record: "),
        (b'{"verb": "markets", "event": 7}', "event: a name is required"),
        (b'{"verb": "plan"}', "record: "),
        (b'{"verb": "firm", "name": 7}', "name: a name is required"),
    ],
)
def test_what_is_no_request_is_answered_by_a_sentence(desk: Desk, line: bytes, words: str) -> None:
    (answer,) = desk.say(line)
    assert not answer["ok"] and answer["code"] == codes.R_BAD_COMMAND and words in answer["text"]
    assert desk.turn.rows == 1
    assert desk.say(request("status"))[0]["ok"], "the connection goes on"


def test_a_refusal_of_the_registry_reaches_the_asker_with_its_code(desk: Desk) -> None:
    desk.say(request("admin", 9, record={"type": "phase", "event": "NO-SUCH", "phase": "open"}))
    (answer,) = desk.settle()
    assert answer["id"] == 9 and not answer["ok"] and answer["code"] == codes.R_UNKNOWN_EVENT and "NO-SUCH" in answer["text"]
    assert answer["refusal"] == {
        "code": codes.R_UNKNOWN_EVENT, "sentence": 'there is no event "NO-SUCH"', "key": ["event"], "limit": 0, "used": 0, "asked": 0, "fixed": False,
        "record": None,
    }  # fmt: skip


def test_a_name_that_is_not_there_is_a_refusal_of_a_question(desk: Desk) -> None:
    (answer,) = desk.say(request("firm", 9, name="NO-SUCH"))
    assert (answer["ok"], answer["text"], answer["refusal"]["key"]) == (False, 'there is no firm "NO-SUCH"', [])
    assert answer["code"] == answer["refusal"]["code"] == codes.R_BAD_DEFINITION


def test_a_single_record_is_tried(desk: Desk) -> None:
    (answer,) = desk.say(request("plan", 9, record={"type": "asset", "name": "EUR", "decimals": 2}))
    assert answer["result"] == {
        "changes": [{"record": 0, "kind": "new", "fields": []}],
        "refusals": [],
        "text": "asset EUR defined",
        "waits": False,
        "cancels": None,
    }
    (answer,) = desk.say(request("plan", 9, record={"type": "clock_accept"}))
    assert answer["ok"] and answer["result"]["changes"] == [] and answer["result"]["refusals"][0]["code"] == codes.R_CLOCK_NOT_HELD
    assert desk.expected == [] and len(desk.registry.assets) == 0, "nothing was sent to the journal"


def test_what_a_configuration_would_be_refused_for_is_told_as_data(desk: Desk) -> None:
    """Of things that cannot change all of it, and the first thing that is wrong anew."""
    assets = [{"type": "asset", "name": name, "decimals": 2} for name in ("USD", "EUR")]
    for asset in assets:
        desk.say(request("admin", record=asset))
    desk.settle()
    others = [{**asset, "decimals": 3} for asset in assets]
    account = {"type": "account", "name": "A", "firm": "F"}
    result = desk.say(request("plan", record={**WHOLE, "records": [*others, account, account]}))[0]["result"]
    assert [(r["record"], r["key"], r["fixed"]) for r in result["refusals"]] == [
        (0, ["decimals"], True),
        (1, ["decimals"], True),
        (2, ["firm"], False),
    ]
    assert result["changes"] == [] and desk.expected == []


def test_answers_of_acts_find_their_own_connection(desk: Desk) -> None:
    other = AdminConnection(1, NullOutlet(), None, desk.office, "uid:7")  # type: ignore[arg-type]
    other.feed(request("admin", "theirs", record={"type": "asset", "name": "EUR", "decimals": 2}) + b"\n")
    other.gather(desk.turn)
    desk.say(request("admin", "ours", record={"type": "asset", "name": "USD", "decimals": 2}))
    answers = [AdminAnswer(1, True, 0, "first"), AdminAnswer(2, True, 0, "second")]
    for (_, call), answer in zip(desk.expected, answers):
        call(answer)
    assert json.loads(bytes(other.outlet.written))["text"] == "first"
    assert [(a["id"], a["text"]) for a in desk.answers()] == [("ours", "second")]


def test_many_lines_are_taken_in_pieces_and_a_full_turn_is_not_overfilled(desk: Desk) -> None:
    desk.connection.grow()
    desk.connection.feed((request("status") + b"\n") * (LINES_PER_TURN + 5))
    assert desk.connection.gather(desk.turn) is True
    assert len(desk.answers()) == LINES_PER_TURN
    assert desk.connection.gather(desk.turn) is False
    assert len(desk.answers()) == 5
    small = TurnInput(rows=1)
    small.begin(1, 1)
    desk.connection.feed(request("status") + b"\n")
    assert small.full and desk.connection.gather(small) is True and desk.answers() == []


def test_a_line_without_end_grows_the_buffer_once_and_then_ends_the_connection(desk: Desk) -> None:
    sent = 0
    while desk.outlet.closed is None:
        sent += desk.connection.feed(b"x" * 65536)
        desk.connection.gather(desk.turn)
        assert sent <= AdminConnection.BUFFER
    assert desk.answers()[0]["code"] == codes.R_WIRE_TOO_LONG and sent == AdminConnection.BUFFER
    assert desk.outlet.closed[0] == codes.R_WIRE_TOO_LONG


def test_stop_and_farewell(desk: Desk) -> None:
    assert desk.say(request("stop"))[0]["ok"] and desk.stopped == 1
    desk.connection.expel(desk.turn, codes.R_SHUTDOWN, "the server stops")
    assert desk.answers() == [{"id": None, "ok": False, "code": codes.R_SHUTDOWN, "text": "the server stops", "result": {}}]
    assert desk.outlet.closed == (codes.R_SHUTDOWN, "the server stops")


@given(st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"")), max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_bytes_break_it(lines: list[bytes]) -> None:
    desk = Desk()
    answers = desk.say(*lines)
    assert len(answers) == sum(bool(line.strip()) for line in lines)
    assert not any(a["ok"] for a in answers)


def test_who_accepted_the_clock_is_told_to_it_once_the_act_is_done(desk: Desk) -> None:
    told: list[str] = []
    desk.office.accept_clock = told.append
    line = request("admin", record={"type": "clock_accept"})
    desk.say(line)
    (answer,) = desk.settle()
    assert answer["code"] == codes.R_CLOCK_NOT_HELD and told == []
    desk.engine.m[L.H_REFUSE] = codes.R_CLOCK_JUMP
    desk.say(line)
    assert told == []
    (answer,) = desk.settle()
    assert answer["ok"] and told == ["uid:1000"]


def parts_of(record: ar.AnyRecord, size: int) -> list[bytes]:
    """The lines that send a record in parts, as `exos venue import` does."""
    whole = msgspec.msgpack.encode(record)
    digest, pieces = hashlib.sha256(whole).hexdigest(), [whole[at : at + size] for at in range(0, len(whole), size)]
    parts = [ar.PartOf(digest=digest, index=i, count=len(pieces), data=data) for i, data in enumerate(pieces)]
    return [msgspec.json.encode({"id": i, "verb": "admin", "record": msgspec.to_builtins(part)}) for i, part in enumerate(parts)]


def test_an_archive_comes_in_parts_and_nothing_else_does() -> None:
    """Within parts could come what the server fills in itself: the legs of a bust, a verifier."""
    desk = Desk()
    archive = parts_of(ar.Opening(venue="V", digest="ab" * 32, note="x" * 200), 100)
    for line in archive:
        assert desk.say(line) == []
        (answer,) = desk.settle()
        assert answer["ok"], answer
    assert "venue V opened" in answer["text"]
    bust = parts_of(ar.Bust(trade=1, reason="r" * 200), 100)
    for line in (*bust, parts_of(ar.Opening(venue="W", digest="ab" * 32, note="y" * 200), 100)[1]):
        (answer,) = desk.say(line)
        assert not answer["ok"] and "part" in answer["text"] and not desk.expected, answer
    secret = ar.Opening(
        venue="S", digest="ab" * 32, records=(ar.DefineSession(name="S", wire="binary", firm="F", key="S", secret="a plain secret"),)
    )
    for line in parts_of(secret, 100):
        assert desk.say(line) == []
        (answer,) = desk.settle()
    assert "it has a plain secret" in answer["text"]


def test_who_may_not_open_a_venue_sends_no_part_of_one() -> None:
    desk = Desk()
    desk.connection.who = "principal:nobody"
    (answer,) = desk.say(parts_of(ar.Opening(venue="V", digest="ab" * 32, note="x" * 200), 100)[0])
    assert answer["code"] == codes.R_NOT_AUTHORISED and "needs the role platform_operator" in answer["text"] and not desk.expected

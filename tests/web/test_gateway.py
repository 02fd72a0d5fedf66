"""A request with an Idempotency-Key: what is the same request, what is remembered, and what is not. Addresses with slashes in names."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from exchange_server.web import gateway as g
from exchange_server.web import schemas as S
from exchange_server.web.app import Slashes
from exchange_server.web.gateway import SLASH, Gateway, Settings
from exchange_server.web.operation import Made, Operation
from exchange_server.web.parties import Party
from exchange_server.web.problems import Refusal, refusal
from protocol import codes


class Door:
    """One operation, and requests for it."""

    def __init__(self, answers: Any = None) -> None:
        self.done = 0
        self.answers = answers
        self.gateway = Gateway(None, None, Settings(), lambda *a, **k: None)  # type: ignore[arg-type]
        self.operation = Operation("act", "POST", "/v1/act", "", S.Done, self.handler, private=True)
        self.login = SimpleNamespace(party=Party("A"))

    async def handler(self, call: Any) -> Made:
        self.done += 1
        n = self.done
        if self.answers is not None:
            await self.answers(n)
        return Made(S.Done(done=True), status=n)

    async def ask(self, key: str, body: bytes = b"{}", path: bytes = b"/v1/act", asked: bytes = b"", **query: Any) -> Made:
        scope = {"raw_path": path, "query_string": asked}
        request = SimpleNamespace(headers={"idempotency-key": key}, scope=scope)
        call: Any = SimpleNamespace(request=request, login=self.login, query=SimpleNamespace(**query))
        return await self.gateway._once(self.operation, call, body)


async def test_the_same_request_gets_the_same_answer_and_another_is_refused() -> None:
    door = Door()
    first = await door.ask("k")
    assert await door.ask("k") is first and door.done == 1
    for other in ({"body": b"[]"}, {"path": b"/v1/other"}, {"asked": b"a=1"}):
        with pytest.raises(Refusal) as refused:
            await door.ask("k", **other)  # type: ignore[arg-type]
        assert refused.value.problem.name == "key_reused"
    assert (await door.ask("")).status == 2 and (await door.ask("")).status == 3, "without a key nothing is remembered"
    with pytest.raises(Refusal, match="129 characters"):
        await door.ask("k" * 129)


async def test_a_preview_is_made_anew_each_time() -> None:
    door = Door()
    assert [(await door.ask("k", preview=True)).status for _ in range(2)] == [1, 2]
    assert (await door.ask("k", preview=False)).status == 3 == (await door.ask("k", preview=False)).status


async def test_what_did_nothing_is_tried_again_and_what_was_refused_stays_so() -> None:
    async def answers(n: int) -> None:
        if n == 1:
            raise refusal(codes.R_SERVER_DOWN)
        if n == 2:
            raise refusal(codes.R_BAD_DEFINITION)

    door = Door(answers)
    for name in ("server_down", "bad_definition", "bad_definition"):
        with pytest.raises(Refusal) as refused:
            await door.ask("k")
        assert refused.value.problem.name == name
    assert door.done == 2


async def test_what_is_under_way_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(g, "ANSWERS_KEPT", 2)
    go = asyncio.Event()

    async def answers(n: int) -> None:
        if n <= 2:
            await go.wait()

    door = Door(answers)
    under_way = [asyncio.create_task(door.ask(key)) for key in ("a", "b")]
    again = asyncio.create_task(door.ask("a"))
    for _ in range(3):  # each has begun
        await asyncio.sleep(0)
    assert door.done == 2
    with pytest.raises(Refusal, match="are under way"):
        await door.ask("c")
    go.set()
    assert [(await task).status for task in under_way] == [1, 2] and (await again).status == 1
    assert (await door.ask("c")).status == 3, "the oldest answer made room"
    assert list(door.login.party.answers) == ["b", "c"]


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/v1/markets/A%2FB/result", f"/v1/markets/A{SLASH}B/result"),
        (b"/v1/markets/A%2fB%20C", f"/v1/markets/A{SLASH}B C"),
        (b"/v1/markets/A", "/v1/markets/A"),
        (b"/market/A%2FB", "/market/A/B"),
    ],
)
async def test_a_slash_within_a_name_parts_nothing(raw: bytes, path: str) -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])

    plain = raw.replace(b"%2F", b"/").replace(b"%2f", b"/").replace(b"%20", b" ").decode()
    await Slashes(app)({"type": "http", "path": plain, "raw_path": raw}, None, None)  # type: ignore[arg-type]
    assert seen == [path]

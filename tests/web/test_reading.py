"""The process that reads a configuration, by its frames; and what it may not have."""

import io
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exchange_server.web import apart, reading
from exchange_server.web.apart import Apart
from exchange_server.web.problems import Refusal

RUNNING = {"assets": {"USD": 4}, "settings": {}, "revision": 7, "capacities": {}}
FIRM = '[[member]]\nfirm = "F"\n'


def given(text: str, **more: Any) -> reading.Given:
    return reading.Given(name="f.toml", texts={"f.toml": text}, running=RUNNING, **more)


def spoken(*frames: Any) -> list[Any]:
    sent = [msgspec.json.encode(frame) for frame in frames]
    out = io.BytesIO()
    reading.serve(io.BytesIO(b"".join(len(data).to_bytes(4, "big") + data for data in sent)), out)
    out.seek(0)
    found = []
    while size := int.from_bytes(out.read(4), "big"):
        found.append(msgspec.json.decode(out.read(size)))
    return found


def test_a_record_and_then_what_the_answers_mean() -> None:
    refusal = {"record": 0, "key": ["name"], "sentence": "is taken", "code": 135}
    plan = {"changes": [{"record": 0, "kind": "new", "fields": []}], "settings": {}, "refusals": []}
    first, shown, refused, done = spoken(
        given(FIRM, base=3, plan="ab" * 32, why="w"), reading.Told(plan=plan), reading.Told(refusal=refusal), reading.Told()
    )
    record = first["record"]
    assert (record["type"], record["base"], record["plan"], record["why"], record["name"]) == ("configuration", 3, "ab" * 32, "w", "f.toml")
    assert shown == {"lines": ["+ firm F"], "notes": [], "warnings": [], "refusals": [], "unchanged": 0}
    assert refused == {
        "refusals": [{"code": 135, "detail": "f.toml:2: member[0].firm: is taken", "file": "f.toml", "line": 2, "key": "member[0].firm"}]
    }
    assert done == {"notes": []}


def test_what_is_wrong_ends_it() -> None:
    (found,) = spoken(given("[[member]]\nfirma = 'F'\n"), reading.Told())
    assert found["refusals"][0] | {"detail": ""} == {"code": 153, "detail": "", "file": "f.toml", "line": 2, "key": "member[0].firma"}
    (found,) = spoken(given("x = 1\ny = = 2\n"))
    assert (found["refusals"][0]["line"], found["refusals"][0]["key"]) == (2, None)


def test_a_record_that_is_too_long_is_told_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RECORD_BYTES", 50)
    (found,) = spoken(given(FIRM))
    assert found["bytes"] > 50


def environment(process: int) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()


async def test_only_some_at_once_and_none_knows_the_secrets_of_the_web_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXOS_WEB_SECRET", "a secret")
    async with Apart() as one, Apart() as other:
        assert one._process is not None and other._process is not None
        assert "firm" in msgspec.json.decode((await one.ask(given(FIRM)))["record"], type=str | dict)["records"][0]["type"]  # type: ignore[index]
        assert b"EXOS_" not in environment(one._process.pid) and "EXOS_WEB_SECRET" in os.environ
        with pytest.raises(Refusal) as refused:
            async with Apart():
                pass
        assert refused.value.problem.status == 503 and refused.value.problem.limit == str(apart.AT_ONCE)
        other._process.kill()
        with pytest.raises(Refusal, match="stands for too many definitions"):
            await other.ask(given(FIRM))
    async with Apart():
        pass  # there is room again

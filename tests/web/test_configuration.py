"""Configuration files over HTTP: applied whole or not at all, with the checks of the command line, and with the place of what is wrong in the text that was sent."""

import json
import socket
from typing import Any

import httpx
import pytest

from exchange_server.cli import main as cli
from exchange_server.web.reading import MEMORY, PROCESSOR_S
from exchange_server.web.routes.configuration import BODY

from .rig import ServerProcess, Web, problem

ACT = "/v1/operator/acts/configuration"
FIRM = '[[member]]\nfirm = "{name}"\nvenue = "W"\n\n[[member.account]]\nname = "{name}-A"\n'
MARKET = """
[[market]]
event = "{name}"
product = "exactly"
winners = {winners}
owner_venue = "W"
asset = "USD"
payout = "1.0000"
max_qty = 10_000
max_position = 1_000_000
fees = {{ model = "quadratic" }}
phase = "open"
rules = "The winner pays 1.0000, the others nothing."
source = "the referee"
contract = [{{ symbol = "{name}-A" }}, {{ symbol = "{name}-B" }}]
"""


def given(toml: str, name: str = "w.toml", **more: Any) -> dict[str, Any]:
    return {"name": name, "toml": toml, **more}


def test_a_plan_is_applied_once_and_only_as_it_was_shown(willy: httpx.Client, anna: httpx.Client, exchange: ServerProcess) -> None:
    toml = FIRM.format(name="W.C1") + MARKET.format(name="W.C1M", winners=1)
    shown = willy.post(f"{ACT}?preview=true", json=given(toml)).json()
    assert shown["outcome"] == "preview" and shown["lines"] == ["+ market W.C1M", "+ firm W.C1", "+ account W.C1-A"], shown
    assert willy.get("/v1/operator/firms?name=W.C1").status_code != 200
    other = given(FIRM.format(name="W.C2"), base=shown["base"], plan=shown["plan"])
    assert problem(willy.post(ACT, json=other), 409, "plan_differs")["at"] == "$.plan"
    sure = given(toml, base=shown["base"], plan=shown["plan"], why="a new market")
    done = willy.post(ACT, json=sure).json()
    assert done["outcome"] == "done" and int(done["revision"]) == int(shown["base"]) + 1, done
    moved = problem(willy.post(ACT, json=sure), 409, "revision_moved")
    assert moved["at"] == "$.base" and (moved["limit"], moved["asked"]) == (done["revision"], shown["base"])
    again = willy.post(ACT, json=given(toml)).json()
    assert (again["outcome"], again["unchanged"], again["revision"]) == ("unchanged", 3, done["revision"])
    heads = exchange.ask("revisions", most=1).result["revisions"]
    assert [(one["who"], one["name"], one["why"]) for one in heads] == [("principal:willy", "w.toml", "a new market")]
    assert anna.get("/v1/operator/markets/W.C1M").json()["phase"] == "open"


def test_it_says_what_the_command_line_says(
    willy: httpx.Client,
    anna: httpx.Client,
    exchange: ServerProcess,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    toml = FIRM.format(name="W.C3") + MARKET.format(name="W.C3M", winners=1)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.toml").write_text(toml)
    assert cli.main(["config", "plan", "w.toml", "--data", str(exchange.data)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert anna.post(f"{ACT}?preview=true", json=given(toml)).json()["lines"] == [line for line in lines if line[0] in "+~-"]
    for wrong in (toml.replace("winners = 1", "winners = 3"), toml.replace("max_qty", "max_quantity"), toml + "x = ["):
        (tmp_path / "w.toml").write_text(wrong)
        assert cli.main(["config", "apply", "w.toml", "--data", str(exchange.data)]) != 0
        text = capsys.readouterr().err.strip().removeprefix("exos: ")
        found = anna.post(ACT, json=given(wrong)).json()
        assert found["refusals"][0]["detail"] == text.removesuffix(" (nothing was changed)"), found


@pytest.mark.parametrize(
    ("toml", "status", "line", "key", "says"),
    [
        ("x = [", 400, None, None, "is not TOML"),
        ("[[asset]]\nname = 'X'\ndecimals = = 2", 400, 3, None, "is not TOML"),
        ("[[member]]\nfirm = 'W.C9'\nvenu = 'W'\n", 400, 3, "member[0].venu", "did you mean"),
        ("include = ['/etc/passwd']\n", 400, 1, "include[0]", "there is no file /etc/passwd among those that were sent: w.toml"),
        ("include = ['fees.toml']\n", 400, 1, "include[0]", "there is no file fees.toml among those that were sent"),
        ("data = '../secret.toml'\n[[market]]\nevent = 'E'\n", 400, None, None, "there is no file ../secret.toml among those"),
        ("a = " + "[" * 3000 + "]" * 3000, 400, None, None, "nested too deeply"),
        (MARKET.format(name="W.C9M", winners=2), 422, None, "market[0].winners", "winners"),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_place_in_the_text(
    willy: httpx.Client, toml: str, status: int, line: int | None, key: str | None, says: str
) -> None:
    for query in ("", "?preview=true"):
        answer = willy.post(ACT + query, json=given(toml))
        assert answer.status_code == status, answer.text
        (found,) = answer.json()["refusals"]
        assert says in found["detail"] and (found["key"], found["line"] if line else line) == (key, line), found
        assert answer.json()["at"] == "$.toml"
    assert "W.C9" not in willy.get("/v1/operator/firms").text + willy.get("/v1/operator/markets").text, "all or nothing"


def test_files_that_it_includes_come_with_it(willy: httpx.Client) -> None:
    files = {"firms.toml": FIRM.format(name="W.C4")}
    done = willy.post(ACT, json=given("include = ['firms.toml']\n" + FIRM.format(name="W.C5"), files=files)).json()
    assert done["outcome"] == "done" and willy.get("/v1/operator/firms?name=W.C4").status_code == 200, done
    broken = {"firms.toml": FIRM.format(name="W.C6") + "x = 1\n"}
    (found,) = willy.post(ACT, json=given("include = ['firms.toml']\n", files=broken)).json()["refusals"]
    assert (found["file"], found["line"], found["key"]) == ("firms.toml", 7, "member[0].account[0].x"), found
    assert problem(willy.post(ACT, json=given("", files={"w.toml": ""})), 400, "wire_field")["at"] == "$.files"


def test_a_secret_in_it_is_taken_and_prune_ends_what_is_gone(willy: httpx.Client) -> None:
    login = '\n[[member.session]]\nname = "W.C7"\nwire = "binary"\nkey = "W.C7"\nsecret = "{secret}"\n'
    toml = FIRM.format(name="W.C7") + login.format(secret="a long phrase of nobody else")
    done = willy.post(ACT, json=given(toml, name="c7.toml")).json()
    assert done["outcome"] == "done" and "phrase" not in json.dumps(done), done
    weak = problem(willy.post(ACT, json=given(FIRM.format(name="W.C8") + login.format(secret="short"), name="c8.toml")), 422, "weak_secret")
    assert weak["refusals"][0]["key"].endswith("secret")
    pruned = willy.post(ACT, json=given("", name="c7.toml", prune=True)).json()
    assert pruned["outcome"] == "done" and willy.get("/v1/operator/firms?name=W.C7").json()["firms"][0]["closed"], pruned


def test_without_the_role_and_for_anothers_venue(web: Web, willy: httpx.Client, tokens: dict[str, str]) -> None:
    with web.operator("sue", tokens) as sue:
        for query, what in (("", "the record configuration"), ("?preview=true", "the verb plan")):
            found = problem(sue.post(ACT + query, json=given("")), 403, "not_authorised")
            assert found["detail"].startswith(f"{what} needs the role platform_operator or venue_operator or market_creator")
            assert found["detail"].endswith("principal:sue has support for the platform")
        assert problem(sue.post(ACT, content=b"x" * (3 * BODY)), 403, "not_authorised"), "a body that nobody may send is not read"
    with web.logged_on(1) as mm1:
        assert problem(mm1.post(ACT, json=given("")), 403, "not_authorised")
    with web.api() as api:
        assert problem(api.post(ACT, json=given("")), 401, "not_logged_on")
    listing = '[[listing]]\nvenue = "W"\nevent = "{name}"\nfees = {{ model = "quadratic" }}\n'
    for toml, theirs, none in ((listing, "CUP", "NUP"), (FIRM.replace('"W"', '"{venue}"'), "V", "N")):  # of V, which W does not see
        answers = [willy.post(ACT, json=given(toml.format(name=name, venue=name))) for name in (theirs, none)]
        texts = [answer.text.replace(f'"{name}', '"X').replace(f" {name}", " X") for answer, name in zip(answers, (theirs, none))]
        assert answers[0].status_code in (404, 422) and texts[0].replace(f"{theirs}-A", "X-A") == texts[1].replace(f"{none}-A", "X-A"), (
            texts
        )
    assert problem(willy.post(ACT, json=given('[server]\nhost = "0.0.0.0"\n')), 403, "not_authorised")["detail"].startswith(
        "settings of the server"
    )


def test_once_for_an_idempotency_key(willy: httpx.Client) -> None:
    headers, body = {"Idempotency-Key": "config-1"}, given(FIRM.format(name="W.C10"))
    one, two = (willy.post(ACT, json=body, headers=headers) for _ in range(2))
    assert one.json()["outcome"] == "done" and one.content == two.content
    assert problem(willy.post(ACT, json={**body, "why": "x"}, headers=headers), 409, "key_reused")


def test_too_big_and_broken_bodies(web: Web, willy: httpx.Client) -> None:
    found = problem(willy.post(ACT, json=given("#" * BODY)), 413, "wire_too_long")
    assert found["limit"] == str(BODY)
    with socket.create_connection(("127.0.0.1", web.port), 10) as raw:  # its length is told: refused before it comes
        token = willy.headers["authorization"]
        raw.sendall(
            f"POST {ACT} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Type: application/json\r\nContent-Length: {BODY + 1}\r\n\r\n".encode()
        )
        assert b" 413 " in raw.recv(4096).split(b"\r\n")[0]
    assert problem(willy.post(ACT, content=b'{"name": "w.toml", ', headers={"Content-Type": "application/json"}), 400, "wire_malformed")
    assert problem(willy.post(ACT, json={"name": "w.toml"}), 400, "wire_field")["at"] == "$.toml"
    assert problem(willy.post(ACT, json=given("", plans="x")), 400, "wire_field")["at"] == "$.plans"
    assert problem(willy.post(ACT, content=b"a = 1", headers={"Content-Type": "application/toml"}), 415, "wire_field")


def test_a_short_text_that_stands_for_too_much_ends_where_it_is_read(web: Web, willy: httpx.Client) -> None:
    """Nobody else waits for it, and the web process goes on."""
    accounts = "".join(f'[[member.account]]\nname = "W.B{{n}}-{n}"\n' for n in range(400))
    found = problem(
        willy.post(ACT, json=given(f'[[member]]\nfirm = "W.B{{n}}"\nvenue = "W"\ncount = 100_000\n{accounts}')), 413, "wire_too_long"
    )
    assert found["limit"] == f"{PROCESSOR_S} s and {MEMORY >> 20} MiB"
    many = problem(willy.post(ACT, json=given('[[member]]\nfirm = "W.B{n}"\nvenue = "W"\ncount = 90_000\n')), 413, "wire_too_long")
    assert "as the exchange takes them" in many["detail"]
    with web.api() as api:
        assert api.get("/v1/status").json()["server"] == "up"


def test_an_archive_is_not_imported_over_http_and_the_answer_says_why(anna: httpx.Client, web: Web) -> None:
    found = problem(anna.post("/v1/operator/acts/opening", content=b"x" * 200_000), 501, "not_over_http")
    assert "exos venue import" in found["detail"]
    with web.api() as api:
        assert problem(api.post("/v1/operator/acts/opening"), 401, "not_logged_on")
    assert "configuration" in anna.get("/v1/operator").json()["acts"] and "opening" not in anna.get("/v1/operator").json()["acts"]

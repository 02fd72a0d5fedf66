"""Revisions: their numbers, what they keep, plans that are no longer right, and rollbacks; random ones against a naive history of states."""

import random
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.registry import Refused, Registry, revision_view, revisions
from exchange_server.registry.access import Sight
from protocol import codes as C
from tests.registry.test_configuration import send, whole
from tests.registry.test_registry import BASE, FINAL, MAKER, World, change

SETTINGS: dict[str, int | str] = {"fix_port": 1, "mode": "sync"}


def begun(titles: bool = False) -> World:
    world = World()
    titled = [change(record, title="0") if "title" in record.__struct_fields__ and not record.title else record for record in BASE]
    assert send(world, whole(*(titled if titles else BASE), settings=SETTINGS, why="first")).ok
    return world


def test_a_revision_says_who_when_why_and_what() -> None:
    world = begun()
    world.engine.time_ns = 77
    answer = send(world, whole(*BASE[:-2], change(FINAL, max_qty=900), ar.DefineFirm(name="NEW"), why="more", base=1), "config:x")
    assert answer.ok and answer.result["revision"] == 2, answer
    head = world.registry.revisions[2]
    assert (head.number, head.base, head.who, head.time_ns, head.why, head.name) == (2, 1, "config:x", 77, "more", "c.toml")
    assert (head.new, head.changed, head.settings) == (1, 1, 0) and len(head.digest) == 64
    content = revisions.content(world.registry, 2)
    assert [(one.after, one.before, one.fields) for one in content.changes] == [
        (change(FINAL, max_qty=900), FINAL, ("max_qty",)), (ar.DefineFirm(name="NEW"), None, ()),
    ]  # fmt: skip
    again = Registry.from_bytes(world.registry.to_bytes())
    assert again.to_bytes() == world.registry.to_bytes() and revisions.content(again, 2) == content


def test_what_changes_nothing_is_no_revision() -> None:
    world = begun()
    assert send(world, whole(*BASE, settings=SETTINGS)).result["revision"] == 1 and len(world.registry.revisions) == 1
    assert not send(world, whole(*BASE, change(BASE[0], decimals=1))).ok and len(world.registry.revisions) == 1
    world.must(
        ar.DefineFirm(name="ONE"), ar.SetPhase(event="FINAL", phase="open"), ar.Transfer(key="k", asset="USD", amount=1, target="ACME-A")
    )
    assert len(world.registry.revisions) == 1, "what is new by itself, phases and money are none"
    assert send(world, whole(settings={**SETTINGS, "mode": "async"})).result == {
        "applied": 0, "unchanged": 0, "lines": [], "revision": 2, "settings": {"mode": "async"},
    }  # fmt: skip


def test_nothing_that_checks_a_logon_is_kept() -> None:
    world = begun()
    assert send(world, whole(change(MAKER, verifier="scram." + "ef" * 32))).ok
    assert b"scram" not in b"".join(world.registry.contents.values())
    answer = world.do(ar.Rollback(to=1))
    assert answer.code == C.R_CANNOT_UNDO and "the former secret of session MM1, which revision 2 replaced, is not kept" in answer.text


def test_plans_that_are_no_longer_right() -> None:
    world = begun()
    record = whole(change(FINAL, max_qty=900))
    plan = revisions.digest_of(revisions.content_of(world.registry, world.registry.try_out(record, world.engine).ask(record)))
    planned = msgspec.structs.replace(record, base=1, plan=plan)
    before = world.registry.to_bytes()
    for wrong, code, text in (
        (change(planned, base=0), C.R_REVISION_MOVED, "made against revision 0, and the server runs revision 1"),
        (change(planned, base=2), C.R_REVISION_MOVED, "made against revision 2"),
        (change(planned, plan="ab" * 32), C.R_PLAN_DIFFERS, "make it again"),
        (change(planned, records=(change(FINAL, max_qty=901),)), C.R_PLAN_DIFFERS, "make it again"),
    ):
        answer = send(world, wrong)
        assert answer.code == code and text in answer.text and world.registry.to_bytes() == before, answer
    world.must(change(FINAL, max_qty=800))
    assert send(world, planned).code == C.R_REVISION_MOVED, "a definition was changed by itself"
    world.must(change(FINAL, max_qty=1000))
    assert send(world, change(planned, base=3)).ok


def test_a_definition_that_is_changed_by_itself_is_a_revision() -> None:
    world = begun()
    world.must(
        change(FINAL, max_qty=800),
        change(FINAL, max_qty=800),
        ar.Close(kind="account", name="ACME-B", reason="left"),
        ar.Quota(venue="V1", sessions=9),
    )
    heads = world.registry.revisions
    assert [(heads[n].number, heads[n].name, heads[n].new, heads[n].changed, heads[n].who) for n in (2, 3, 4)] == [
        (n, "", 0, 1, "uid:0") for n in (2, 3, 4)
    ]
    (one,) = revisions.content(world.registry, 2).changes
    assert (one.after.max_qty, one.before.max_qty, one.fields) == (800, 1000, ("max_qty",))  # type: ignore[union-attr]
    world.must(ar.Rollback(to=1, partial=True))
    assert world.registry.events.named("FINAL").record.max_qty == 1000 and world.registry.quotas[1].sessions == 0  # type: ignore[union-attr]


def test_a_venue_s_operator_sees_what_changed_its_venue_and_nothing_else() -> None:
    world = begun()
    world.must(
        ar.DefinePrincipal(name="op"), ar.Grant(principal="op", role="venue_operator", scope="venue:V2"), change(FINAL, max_qty=800),
        change(BASE[3], title="Two"),
    )  # fmt: skip
    assert send(world, whole(change(BASE[3], title="2"), change(FINAL, max_qty=900), why="both")).ok
    sight = Sight(world.registry, "principal:op", world.engine.time_ns)
    found = revision_view.revisions_view(world.registry, 9, sight)["revisions"]
    assert [(head.number, head.changed, head.why, set(head.places)) for head in found] == [
        (4, 1, "", {"V2"}),
        (3, 1, "", {"V2"}),
        (1, 0, "", {"V2"}),
    ]
    seen = revision_view.revision_view(world.registry, 4, sight)
    assert [type(one.after) for one in seen["changes"]] == [ar.DefineVenue] and seen["settings"] == {} and seen["head"].name == ""
    answers = []
    for number in (2, 77):
        with pytest.raises(Refused) as error:
            revision_view.revision_view(world.registry, number, sight)
        answers.append(error.value.refusal.text.replace(str(number), "N"))
    assert answers[0] == answers[1] == "revision: there is no revision N: the newest is 4"
    every = Sight(world.registry, "uid:0", 0)
    assert len(revision_view.revisions_view(world.registry, 9, every)["revisions"]) == 4


def test_old_contents_are_let_go_and_heads_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    world = begun()
    for n in range(40):
        assert send(world, whole(ar.DefineFirm(name="ACME", title=f"T{n}"))).ok
    assert sorted(world.registry.contents) == list(range(10, 42)) and len(world.registry.revisions) == 41
    answer = world.do(ar.Rollback(to=8))
    assert answer.code == C.R_UNKNOWN_REVISION and "revision 9 changed is no longer kept: the oldest that is, is 10" in answer.text
    assert world.do(ar.Rollback(to=9)).ok and world.registry.firms.named("ACME").record.title == "T7"  # type: ignore[union-attr]
    monkeypatch.setattr(revisions, "CONTENT_BYTES", 0)
    assert send(world, whole(ar.DefineFirm(name="ACME", title="U"))).ok and list(world.registry.contents) == [43]


def test_a_rollback_says_what_it_cannot_undo() -> None:
    world = begun()
    deposit = ar.Transfer(key="k", asset="USD", amount=5, target="ACME-A")
    assert send(world, whole(ar.DefineFirm(name="NEW"), deposit, change(FINAL, max_qty=900), settings={"mode": "async", "x": 1})).ok
    before = world.registry.to_bytes()
    answer = world.do(ar.Rollback(to=1))
    assert answer.code == C.R_CANNOT_UNDO and world.registry.to_bytes() == before
    assert "firm NEW was created by revision 2; deposit k was made by revision 2; the setting x was not there before" in answer.text
    assert world.do(ar.Rollback(to=1, base=1)).code == C.R_REVISION_MOVED
    assert world.do(ar.Rollback(to=3)).code == C.R_UNKNOWN_REVISION
    answer = world.do(ar.Rollback(to=1, partial=True, base=2, why="back"))
    assert answer.ok and world.registry.events.named("FINAL").record == FINAL and world.registry.settings["mode"] == "sync"  # type: ignore[union-attr]
    assert world.registry.revisions[3].why == "back" and world.registry.firms.named("NEW") is not None
    assert world.do(ar.Rollback(to=3)).result["revision"] == 3, "nothing to do"


def state_of(registry: Registry) -> dict[str, Any]:
    tables = (registry.assets, registry.venues, registry.firms, registry.sessions, registry.events)
    out = {f"{table.kind} {row.name}": msgspec.to_builtins(row.record) for table in tables for row in table}
    out |= {f"listing {key}": msgspec.to_builtins(fees) for key, fees in registry.listings.items()}
    return {**out, "settings": dict(registry.settings)}


def some_records(r: random.Random) -> list[Any]:
    """Live changes of what BASE defines, and now and then something new."""
    found: list[Any] = []
    for _ in range(r.randrange(1, 5)):
        found.append(r.choice((
            change(BASE[0], title=r.choice("abc")),
            ar.DefineVenue(name="V2", throttle_limit=r.randrange(1, 4), throttle_window_ns=1000),
            ar.DefineFirm(name="ACME", title=r.choice("abc"), share=r.randrange(1, 4)),
            change(MAKER, verifier="", cancel_on_disconnect=r.random() < 0.5),
            change(FINAL, max_qty=r.choice((900, 1000)), fees=change(FINAL.fees, taker_bps=r.choice((50, 100)))),
        )))  # fmt: skip
    if r.random() < 0.15:
        found.append(ar.DefineFirm(name=f"N{r.randrange(1000)}"))
    return list({ar.identity(record): record for record in found}.values())


@pytest.mark.parametrize("seed", range(20))
def test_random_rollbacks_give_what_was(seed: int) -> None:
    """The naive history keeps the whole state of each revision. A rollback leads to it, or names something that it did not have."""
    r, world = random.Random(seed), begun(titles=seed % 4 > 0)
    history = [{"settings": {}}, state_of(world.registry)]
    rolled = refused = 0
    for _ in range(30):
        now = state_of(world.registry)
        if r.random() < 0.4:
            to = r.randrange(len(history))
            wanted = history[to]
            answer = world.do(ar.Rollback(to=to))
            untitled = [key for key, fields in wanted.items() if fields.get("title") == "" and now[key]["title"]]
            impossible = bool(untitled) or now.keys() > wanted.keys() or bool(now["settings"].keys() - wanted["settings"].keys())
            assert (answer.code == C.R_CANNOT_UNDO) == impossible, answer
            assert state_of(world.registry) == (now if impossible else wanted), f"to {to}"
            rolled, refused = rolled + (not impossible), refused + impossible
        else:
            settings = r.choice((None, {**now["settings"], "mode": r.choice(("sync", "async"))}))
            answer = send(world, whole(*some_records(r), settings=settings))
            assert answer.ok, answer
        if state_of(world.registry) != now:
            history.append(state_of(world.registry))
        assert len(world.registry.revisions) == len(history) - 1
        if r.random() < 0.2:
            world.registry = Registry.from_bytes(world.registry.to_bytes())
    assert rolled or refused


def user(name: str = "U1", title: str = "", amount: int = 5, key: str = "d1") -> tuple[Any, ...]:
    return (
        ar.DefineFirm(name=name, title=title), ar.DefineAccount(name=f"{name}-A", firm=name),
        ar.DefineSession(name=name, wire="binary", firm=name, account=f"{name}-A", key=name),
        ar.DefineKey(id=f"{name}-K", holder="session", name=name, kind="scram", verifier="scram." + "ab" * 32, scopes=("trade",)),
        ar.Transfer(key=key, asset="USD", amount=amount, target=f"{name}-A"),
    )  # fmt: skip


def added(*records: Any, **more: Any) -> ar.Configuration:
    return ar.Configuration(name="user", additions=True, records=records, **more)


def test_additions_are_done_as_one_and_are_no_revision() -> None:
    """A new user's definitions and deposit: a plan that was made before is still good, and no file's tombstones know them."""
    world = begun()
    before = world.registry.to_bytes()
    for wrong, text in (
        (added(*user(), ar.DefineAccount(name="U1-B", firm="NOBODY")), "NOBODY"),
        (added(*user(), ar.SetPhase(event="FINAL", phase="open")), "additions are of firm, account, session, key, transfer; asked phase"),
        (added(*user(), base=1), "additions have no settings, base, plan and sandbox"),
        (added(*user(), settings={}), "additions have no settings, base, plan and sandbox"),
    ):
        answer = world.do(wrong)
        assert not answer.ok and text in answer.text and world.registry.to_bytes() == before, answer
    answer = world.do(added(*user()))
    assert (answer.ok, answer.result) == (True, {"applied": 5}), answer
    assert len(world.registry.revisions) == 1 and not [key for key in world.registry.origins if key[1].startswith("U1")]
    after = world.registry.to_bytes()
    assert world.do(added(*user())).result == {"applied": 0, "unchanged": 1} and world.registry.to_bytes() == after
    for changed, text in ((user(title="B"), "firm U1 exists with other title"), (user(amount=6), "was used for a deposit")):
        answer = world.do(added(*changed))
        assert not answer.ok and text in answer.text and world.registry.to_bytes() == after, answer
    assert Registry.from_bytes(after).to_bytes() == after

"""Random records of random askers at two venues against the naive registry: the same codes, the same tables, whoever asks and whatever waits."""

import random
from collections import Counter
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.registry import Registry, access
from protocol import codes as C
from tests.registry.access_world import PLATFORM, VENUE_ROLES, Venues, market, of_venue, record_of
from tests.registry.naive_registry import NaiveRegistry
from tests.registry.test_against_naive import event_row, tables, wanted
from tests.registry.test_registry import change

PEOPLE = ("V1.op", "V2.op", "boss", "V1.x", "V2.x", "free")
ASKERS = ("uid:0", "uid:5", *(f"principal:{name}" for name in PEOPLE), "principal:nobody")
SCOPES = ("platform", "platform", "venue:V1", "venue:V2", "venue:V3", "series:V1/V1.C", "series:V1/V1.M", "series:V2/V2.")
SHORT = 60


def some_record(r: random.Random, now: int, newest: int) -> Any:
    """newest: id of the act that waits since the shortest time."""
    venue, other = r.choice((("V1", "V2"), ("V2", "V1")))
    match r.randrange(16):
        case 15:
            act = r.choice([one for one in record_of(venue).values() if isinstance(one, ar.Schedulable)])
            number = r.randrange(1, 4)
            at_ns = now + r.randrange(-1, SHORT)
            return r.choice((ar.Schedule(at_ns=at_ns, act=mixed(r, act, other)), ar.CancelSchedule(id=number), ar.RunDue(id=number)))
        case 0 | 1:
            until = r.choice((0, 0, now + r.randrange(1, SHORT), now - 1))
            return ar.Grant(principal=r.choice(PEOPLE), role=r.choice(ar.ROLE_NAMES), scope=r.choice(SCOPES), until_ns=until)
        case 2:
            return ar.Revoke(principal=r.choice(PEOPLE), role=r.choice(ar.ROLE_NAMES), scope=r.choice(SCOPES))
        case 3:
            home = r.choice(("V1", "V2", "", "V3"))
            return ar.DefinePrincipal(name=r.choice(PEOPLE), venue=home, closed=r.random() < 0.1)
        case 4 | 10 | 11 | 12:
            id = max(1, newest - r.randrange(3))
            return r.choice((ar.Approve(id=id), ar.Approve(id=id), ar.Refuse(id=id)))
        case 5:
            if r.random() < 0.2:
                acts = tuple(sorted(r.sample(ar.DUAL_CONTROL, r.randrange(len(ar.DUAL_CONTROL)))))
                return ar.Approvals(acts=acts, withdrawals=r.choice(({}, {"USD": 3}, {"XXX": 3})), expires_ns=r.choice((SHORT, 10**15)))
            return ar.Transfer(
                key=f"{r.choice((venue, other))}.{r.randrange(99)}", asset=r.choice(("USD", "BTC")), amount=r.choice((1, 5)), source=f"{venue}.A",
                target=r.choice(("", "", f"{venue}.B", f"{other}.A")),
            )  # fmt: skip
        case 13 | 14:
            key, number = f"{r.choice((venue, other))}.{r.randrange(99)}", r.randrange(1, 6)
            account = f"{venue}.{r.choice('AB')}"
            kinds = (
                ar.Hold(key=key, account=account, asset="USD", amount=5), ar.RequestWithdrawal(key=key, account=account, asset="USD", amount=r.choice((1, 5))),
                ar.Release(key=key, hold=number), ar.SettleWithdrawal(key=key, withdrawal=number), ar.CancelWithdrawal(key=key, withdrawal=number),
            )  # fmt: skip
            return r.choice(kinds)
        case 6:
            level = r.choice(("platform", "venue", "venue", "firm", "account", "session"))
            targets = {"platform": "", "venue": venue, "firm": f"{venue}.F", "account": f"{venue}.A", "session": f"{venue}.S"}
            return ar.Kill(level=level, target=targets[level], on=r.random() < 0.3)
        case _:
            known = record_of(venue)
            record = known[
                r.choice([tag for tag in known if tag not in ("begin", "configuration", "opening", "clock_accept", "approve", "refuse")])
            ]
            return mixed(r, record, other)


def mixed(r: random.Random, record: Any, other: str) -> Any:
    """Now and then a field from the other venue, another name, none, or free."""
    if r.random() < 0.6:
        return record
    fields = [name for name in record.__struct_fields__ if isinstance(getattr(record, name), str) and "V" in getattr(record, name)]
    if not fields:
        return record
    field = r.choice(fields)
    value = getattr(record, field)
    new = r.choice((f"{other}{value[2:]}", f"{value}x", "FREE", "" if field == "venue" else value))
    try:
        return ar.from_builtins(msgspec.to_builtins(change(record, **{field: new})))
    except ValueError:
        return record


def run(seed: int, steps: int, seen: Counter[Any]) -> None:
    r, world = random.Random(seed), Venues()
    naive = NaiveRegistry(asset=32, venue=16, firm=256, account=512, session=256, market=64, symbol=256)
    assert all(naive.apply(record)[0] == C.OK for record in PLATFORM)
    first: list[Any] = [*of_venue("V1"), *of_venue("V2"), ar.DefinePrincipal(name="boss")]
    first += [
        ar.Grant(principal="boss", role=r.choice(("platform_operator", *VENUE_ROLES)), scope="platform"),
        ar.DefineFirm(name="V1.HID"),
    ]
    first.append(
        change(
            market("V2"),
            event="V2.SH",
            sharing="shared",
            admits=("V1",),
            contracts=(ar.Contract(symbol="V2.sa"), ar.Contract(symbol="V2.sb")),
        )
    )
    for step in range(len(first) + steps):
        record = first[step] if step < len(first) else some_record(r, world.engine.time_ns, naive.next_waiting - 1)
        who = "uid:0" if step < len(first) else r.choice(ASKERS)
        for event in world.registry.events:
            world.engine.m[event_row(world, event.id) + L.E_PHASE_NOW] = naive.phases[event.name]
        naive.now = world.engine.time_ns
        code, _ = naive.apply(record, who)
        world.engine.refuse = {0: naive.core_code} if naive.by_core else {}
        answer = world.do(record, who)
        assert answer.code == code, f"seed {seed}, step {step}, {who}, {record}: {answer}"
        assert tables(world.registry) == wanted(naive), f"seed {seed}, step {step}, {who}, {record}"
        seen[type(record).__name__, code] += 1
        world.engine.time_ns += r.randrange(3)
    assert tables(Registry.from_bytes(world.registry.to_bytes())) == wanted(naive)


def test_random_askers_against_the_naive_registry() -> None:
    seen: Counter[Any] = Counter()
    for seed in range(120):
        run(seed, 150, seen)
    assert {code for _, code in seen} >= {
        C.OK, C.R_NOT_AUTHORISED, C.R_FOREIGN_NAME, C.R_GRANT_BEYOND, C.R_UNKNOWN_PENDING, C.R_PENDING_EXPIRED, C.R_OWN_ACT, C.R_UNKNOWN_EVENT,
        C.R_UNKNOWN_ACCOUNT, C.R_UNKNOWN_INSTRUMENT, C.R_BAD_DEFINITION, C.R_UNKNOWN_HOLD, C.R_UNKNOWN_SCHEDULE, C.R_SCHEDULE_ENDED,
    }  # fmt: skip
    assert {kind for kind, code in seen if code == C.OK} >= {
        "Approve",
        "Refuse",
        "Grant",
        "Revoke",
        "DefinePrincipal",
        "Approvals",
        "Kill",
        "Transfer",
        "Hold",
        "Release",
        "RequestWithdrawal",
        "SettleWithdrawal",
        "CancelWithdrawal",
        "Schedule",
        "CancelSchedule",
        "RunDue",
    }


@pytest.mark.parametrize("fault", ["sees", "covers"])
def test_the_comparison_sees_a_wrong_judgement(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """A registry in which everything is seen, or in which every scope covers everything, is told apart."""
    if fault == "sees":
        monkeypatch.setattr(access.Sight, "sees", lambda self, kind, row: True)
    else:
        monkeypatch.setattr(access.scopes.Scope, "covers", lambda self, place: True)
    with pytest.raises(AssertionError, match="seed"):
        for seed in range(60):
            run(seed, 150, Counter())

"""Hostile and random input: an answer, never an exception; what is refused changes nothing; what is taken changes what a naive registry says."""

import random

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config import admin_records as ar
from exchange_server.registry import Registry
from protocol import codes, errors
from tests.registry.access_world import one_of
from tests.registry.naive_registry import NaiveRegistry
from tests.registry.test_against_naive import tables, wanted
from tests.registry.test_registry import BASE, FEES, FINAL, RESULT, World, change

FINAL_FEES = change(FINAL, fees=change(FEES, taker_bps=50))
RECORDS = (
    *BASE,
    RESULT,
    ar.Finalise(event="FINAL"),
    ar.Settle(**{field: getattr(RESULT, field) for field in RESULT.__struct_fields__}, finalise=True),
    one_of("FINAL", "F-ESP"),
    ar.FinaliseOne(event="FINAL", symbol="F-ESP"),
    ar.WithdrawOne(event="FINAL", symbol="F-ESP", note="too early"),
    ar.Bond(venue="V1"),
    ar.Recover(event="FINAL"),
    ar.Bust(trade=7, reason="a wrong price", event="FINAL"),
    ar.Correct(**{field: getattr(RESULT, field) for field in RESULT.__struct_fields__}),
    ar.Dispute(event="FINAL", firm="ACME", reason="wrong"),
    ar.Uphold(event="FINAL", note="right"),
    ar.Void(**{field: getattr(RESULT, field) for field in RESULT.__struct_fields__ if field != "payouts"}, reason="rain"),
    ar.Begin(name="test.toml", capacities={"assets": 8}),
    ar.Configuration(name="test.toml", settings={"mode": "sync"}, records=(*BASE, ar.SetPhase(event="FINAL", phase="open"))),
    ar.PartOf(digest="ab" * 32, index=0, count=2, data=b"x"),
    ar.Kill(level="account", target="ACME-A"),
    ar.Transfer(key="k", asset="USD", amount=5, target="ACME-A"),
    ar.Hold(key="h", account="ACME-A", asset="USD", amount=5, until_ns=2_000_000_000_000, note="bond"),
    ar.RequestWithdrawal(key="w", account="ACME-A", asset="USD", amount=5),
    ar.Release(key="r", hold=1),
    ar.SettleWithdrawal(key="s", withdrawal=2),
    ar.CancelWithdrawal(key="c", withdrawal=2),
    ar.ExpireHold(hold=1),
    ar.Schedule(at_ns=2_000_000_000_000, act=ar.SetPhase(event="FINAL", phase="open"), note="n"),
    ar.Schedule(at_ns=2_000_000_000_000, act=FINAL_FEES),
    ar.CancelSchedule(id=1),
    ar.RunDue(id=1),
    ar.DefineSeries(name="DAILY", owner_venue="V1"),
    ar.CloseSeries(name="DAILY", reason="over"),
    ar.MarkOverdue(event="FINAL"),
    change(
        FINAL,
        event="TIMED",
        contracts=(ar.Contract(symbol="T-A"), ar.Contract(symbol="T-B")),
        open_at_ns=2 * 10**12,
        close_at_ns=3 * 10**12,
    ),
    ar.Close(kind="account", name="ACME-B", reason="left"),
    ar.Close(kind="market", name="BTC-USD", reason="a mistake"),
    ar.Close(kind="listing", name="FINAL", venue="V2", reason="a mistake"),
    ar.SetReference(symbol="F-ESP", reference=3),
    ar.SetBands(event="FINAL", bands=(ar.Band(low=5, high=95, step=5),)),
    ar.AddOutcome(event="FINAL", contract=ar.Contract(symbol="F-X")),
    ar.SplitOutcome(event="FINAL", source="F-ESP", contract=ar.Contract(symbol="F-X", outcome="x", code="X")),
    ar.AcceptClock(),
    ar.Restrict(event="FINAL", firm="ACME"),
    ar.DefineKey(
        id="K", holder="session", name="C1", kind="ed25519", verifier="ab" * 32, scopes=("trade", "read"), addresses=("192.0.2.0/24",)
    ),
    ar.DefineKey(id="T", holder="session", name="C1", kind="token", verifier=f"{'0' * 32}.{'1' * 64}", scopes=("read",), until_ns=10**18),
    ar.DefineKey(id="P", holder="principal", name="anna", kind="ed25519", verifier="ab" * 32),
    ar.RevokeKey(id="MM1:secret", reason="leaked"),
    ar.SetPhase(event="FINAL", phase="open"),
    ar.DefinePrincipal(name="alice", title="Alice"),
    ar.Grant(principal="alice", role="auditor", scope="venue:V1"),
    ar.Revoke(principal="alice", role="auditor", scope="venue:V1"),
    ar.Rollback(to=0, base=0, partial=True, why="w"),
    ar.Approvals(acts=("withdrawal",), withdrawals={"USD": 100}),
    ar.Approve(id=1),
    ar.Refuse(id=1, note="no"),
    ar.FirmTags(firm="ACME", jurisdictions=("DE", "US-CA"), kyc_level=2, institution=True, tags=("vip",)),
    ar.AccessRule(
        rule="known", venue="V1", effect="allow", jurisdiction_in=("DE",), jurisdiction_not_in=("US",), kyc_at_least=1, tags=("vip",)
    ),
    ar.AccessRule(rule="no-us", event="FINAL", effect="deny", jurisdiction_in=("US",), institution=False),
    ar.RemoveAccessRule(rule="known", venue="V1"),
    ar.Quota(venue="V1", sessions=1, instruments=3, listings=9, open_orders=10, messages_per_second=5, journal_bytes_per_second=2000),
    ar.Freeze(venue="V1", level="settle_only", reason="a reason"),
    ar.Budget(
        session="C1",
        asset="USD",
        max_loss=5,
        max_loss_per_day=4,
        max_quantity=3,
        max_cost=2,
        approve_above=1,
        approve_within_ns=5,
        markets=("FINAL",),
    ),
    ar.ClearBudget(session="C1"),
)
CUP = change(
    FINAL, event="V9.CUP", owner_venue="V9", contracts=(ar.Contract(symbol="V9.YES"), ar.Contract(symbol="V9.NO")), max_position=10_000
)
OPENING = ar.Opening(
    venue="V9", digest="ab" * 32,
    records=(
        ar.DefineVenue(name="V9"), ar.DefineFirm(name="V9.F", venue="V9"), ar.DefineAccount(name="V9.A", firm="V9.F"), ar.DefineAccount(name="V9.B", firm="V9.F"),
        CUP, ar.Transfer(key="V9.1", asset="USD", amount=5000, target="V9.A"), ar.FirmTags(firm="V9.F", kyc_level=1), ar.Quota(venue="V9", sessions=3), ar.Transfer(key="V9.2", asset="USD", amount=5000, target="V9.B"),
    ),
    rules=(ar.SetReference(symbol="V9.YES", reference=50), ar.Freeze(venue="V9", level="cancel_only")),
    markets=(ar.OpeningMarket(event="V9.CUP", phase="open", sets=3),),
    prices=(ar.OpeningPrice(symbol="V9.YES", last=40, volume=7),),
    places=(ar.OpeningPlace(event="V9.CUP", account="V9.A"), ar.OpeningPlace(event="V9.CUP", account="V9.B")),
    positions=(
        ar.OpeningPosition(symbol="V9.YES", account="V9.A", quantity=5), ar.OpeningPosition(symbol="V9.YES", account="V9.B", quantity=-2),
        ar.OpeningPosition(symbol="V9.NO", account="V9.A", quantity=3),
    ),
    orders=(
        ar.OpeningOrder(
            symbol="V9.YES", account="V9.B", venue="V9", side="buy", contract_side="yes", price=30, quantity=9, filled=2, notional=60, tif="gtc",
            expiry_ns=0, flags=0, client_id="text", terms=FINAL.fees, fee_numerator=1_000_000, fee_paid=1, rebate_numerator=0, rebate_paid=0, net_fee=1,
            entered=2,
        ),
        ar.OpeningOrder(
            symbol="V9.YES", account="V9.A", venue="V9", side="buy", contract_side="no", price=60, quantity=4, filled=0, notional=0, tif="day",
            expiry_ns=2_000_000_000_000, flags=1, client_id=7, terms=FINAL.fees, fee_numerator=0, fee_paid=0, rebate_numerator=0, rebate_paid=0, net_fee=0,
            entered=1,
        ),
    ),
    series=(
        ar.OpeningSeries(record=ar.DefineSeries(name="V9.DAYS", owner_venue="V9")),
        ar.OpeningSeries(record=ar.DefineSeries(name="V9.OLD", owner_venue="V9"), closed="over"),
    ),
    scheduled=(
        ar.OpeningScheduled(at_ns=1_000_000_000_001, act=ar.SetPhase(event="V9.CUP", phase="closed"), note="the end"),
        ar.OpeningScheduled(at_ns=2_000_000_000_000, act=change(CUP, title="T"), fields=("title",)),
    ),
)  # fmt: skip
RECORDS = (*RECORDS, OPENING)
HELD = (
    ar.Schedule(at_ns=1_000_000_000_001, act=ar.SetPhase(event="FINAL", phase="open")),
    ar.Hold(key="h1", account="ACME-A", asset="USD", amount=3, until_ns=1_000_000_000_001),
    ar.RequestWithdrawal(key="w2", account="ACME-A", asset="USD", amount=4),
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def sound(answer: object, before: bytes, world: World) -> None:
    assert answer.ok == (answer.code == 0)  # type: ignore[attr-defined]
    if not answer.ok:  # type: ignore[attr-defined]
        assert answer.code in errors.REFUSALS and answer.text and world.engine.seen == []  # type: ignore[attr-defined]
        assert world.registry.to_bytes() == before


@quick
@given(st.binary(max_size=200))
def test_random_bytes(body: bytes) -> None:
    world = World()
    sound(world.registry.apply(body, world.engine, world.sink), world.registry.to_bytes(), world)


@quick
@given(st.sampled_from(RECORDS), st.integers(0, 2**32))
def test_flipped_bytes(record: object, seed: int) -> None:
    """Bytes of a valid record changed: whatever still reads as a record is judged, the rest refused."""
    chosen = random.Random(seed)
    world = World().must(*BASE)
    world.engine.seen.clear()
    body = bytearray(ar.pack("uid:1", "r", record))  # type: ignore[arg-type]
    for _ in range(chosen.randint(1, 4)):
        body[chosen.randrange(len(body))] = chosen.randrange(256)
    before = world.registry.to_bytes()
    sound(world.registry.apply(bytes(body), world.engine, world.sink), before, world)


def _leaves(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list) and value:
        return [leaf for i, inner in enumerate(value) for leaf in _leaves(inner, (*path, i))]
    return [path]


ODD = (0, 1, -1, 2**31, 2**62 - 1, 2**62, 2**63 - 1, -(2**63), 2**64 - 1, "", "x", "\ud7ff", "V1", "USD", None, True, [], {}, 1.5, "a" * 70)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(RECORDS), st.integers(0, 2**32))
def test_odd_values_in_every_field(record: object, seed: int) -> None:
    """One to three fields replaced by extremes and values of other types; the field's bound or a rule refuses, or all goes well."""
    chosen = random.Random(seed)
    fields = msgspec.to_builtins(record)
    for _ in range(chosen.randint(1, 3)):
        path = chosen.choice(_leaves(fields) or [()])
        place = fields
        for step in path[:-1]:
            place = place[step]  # type: ignore[index]
        if path:
            place[path[-1]] = chosen.choice(ODD)  # type: ignore[index]
    world = World().must(*BASE, *HELD)
    world.engine.seen.clear()
    before = world.registry.to_bytes()
    body = msgspec.msgpack.encode({"who": "uid:0", "request_id": "r", "record": fields})
    answer = world.registry.apply(body, world.engine, world.sink)
    sound(answer, before, world)
    naive = naive_after((*BASE, *HELD))
    if answer.ok:
        taken = ar.unpack(body).record
        for one in taken.records if isinstance(taken, ar.Configuration) else (taken,):
            if not isinstance(one, ar.PartOf):  # taken, and nothing of it is seen in the registry's tables
                assert naive.apply(one)[0] == codes.OK, f"taken, and should not be: {one}"
    assert tables(world.registry) == wanted(naive) == tables(Registry.from_bytes(world.registry.to_bytes()))


def naive_after(records: tuple[object, ...]) -> NaiveRegistry:
    naive = NaiveRegistry(takes_all=True, asset=32, venue=16, firm=256, account=512, session=256, market=64, symbol=256)
    naive.now = World().engine.time_ns
    assert all(naive.apply(record)[0] == codes.OK for record in records)
    return naive

"""The registry: what it accepts, what each refusal says, that a record takes effect whole or not at all, and snapshots."""

from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server import state
from exchange_server.core import layout as L
from exchange_server.core.layout import definitions as d
from exchange_server.registry import Registry, RegistryBroken
from protocol import codes
from tests.fake_engine import FakeEngine

FEES = ar.Fees(model="quadratic", maker_bps=0, taker_bps=100, owner_share_bps=5000)
FINAL = ar.DefineMarket(
    event="FINAL", product="exactly", k=1,
    contracts=(ar.Contract(symbol="F-ESP", outcome="Spain"), ar.Contract(symbol="F-DRAW"), ar.Contract(symbol="F-ARG")),
    owner_venue="V1", asset="USD", payout=100, bands=(ar.Band(low=1, high=99, step=1),), max_qty=1000, max_position=10_000, fees=FEES,
    rules="After 90 minutes.", source="FIFA",
)  # fmt: skip
SPOT = ar.DefineMarket(
    event="BTC-USD", product="spot", contracts=(ar.Contract(symbol="BTC-USD"),), owner_venue="V1", asset="USD", base_asset="BTC", lot_base=1000,
    bands=(ar.Band(low=1, high=10_000_000, step=1),), max_qty=1000, fees=ar.Fees(model="notional", maker_bps=-1, taker_bps=5), price_decimals=2,
)  # fmt: skip
PASSWORD, STORED = f"scrypt.1.{'00' * 32}.{'ab' * 32}", f"scram.{'cd' * 32}"  # of no secret in particular
LOGIN = ar.DefineSession(
    name="C1", wire="fix", firm="ACME", account="ACME-A", our_comp_id="EXOS-OE", peer_comp_id="C1", username="c1",
    verifier=PASSWORD,
)  # fmt: skip
MAKER = ar.DefineSession(name="MM1", wire="binary", firm="ACME", key="MM1", verifier=STORED, venue="V1")
RESULT = ar.Determine(
    event="FINAL", payouts=(0, 100, 0), rule_id="90min", source="FIFA", observed_value="0-0", observed_at_ns=5, evidence_sha256="ab" * 32
)
BASE: tuple[Any, ...] = (
    ar.DefineAsset(name="USD", decimals=4),
    ar.DefineAsset(name="BTC", decimals=8),
    ar.DefineVenue(name="V1"),
    ar.DefineVenue(name="V2", throttle_limit=10, throttle_window_ns=1000),
    ar.DefineFirm(name="ACME"),
    ar.DefineFirm(name="OTHER"),
    ar.DefineAccount(name="ACME-A", firm="ACME"),
    ar.DefineAccount(name="ACME-B", firm="ACME"),
    ar.DefineAccount(name="OTHER-A", firm="OTHER", venue="V2"),
    LOGIN,
    MAKER,
    FINAL,
    SPOT,
)


def change(record: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(record, **fields)


class World:
    """A registry with a fake engine."""

    def __init__(self, **capacities: int) -> None:
        self.engine, self.registry, self.events = FakeEngine(**capacities), Registry(), 0

    def sink(self, rows: Any) -> None:
        self.events += len(rows)

    def do(self, record: Any, who: str = "uid:0", request_id: str = "r1") -> Any:
        self.engine.seen.clear()
        return self.registry.apply(ar.pack(who, request_id, record), self.engine, self.sink)

    def must(self, *records: Any) -> "World":
        for record in records:
            answer = self.do(record)
            assert answer.ok, answer.text
        return self


@pytest.fixture
def world() -> World:
    return World().must(*BASE)


def test_ids_are_dense_and_names_lead_to_them(world: World) -> None:
    r = world.registry
    assert [a.id for a in r.assets] == [1, 2] and r.assets.named("BTC").id == 2  # type: ignore[union-attr]
    assert r.accounts[1].name == "PLATFORM.FEES"
    assert r.accounts[2].name == "PLATFORM.HOLDS"
    assert [(a.id, a.name) for a in r.accounts][2:5] == [(16, "V1.FEES"), (17, "V2.FEES"), (18, "ACME-A")]
    assert r.venues.named("V2").fee_account == 17  # type: ignore[union-attr]
    assert [i.symbol for i in r.instruments] == ["F-ESP", "F-DRAW", "F-ARG", "BTC-USD"]
    assert r.events[r.instruments[2].event_id] is r.events.named("FINAL") and r.instruments[1].outcome == "Spain"
    assert r.fix_session("EXOS-OE", "C1").id == 1 and r.binary_session("MM1").venue == 1  # type: ignore[union-attr]
    assert r.fix_session("EXOS-OE", "C2") is None and r.binary_session("C1") is None
    assert world.events > 0, "the events of the definition rows reach the sink"


def test_the_rows_of_a_market(world: World) -> None:
    fresh = World().must(*BASE[:4])
    answer = fresh.do(
        change(FINAL, collar=7, bands=(ar.Band(low=1, high=10, step=1), ar.Band(low=10, high=90, step=5), ar.Band(low=90, high=99, step=1)))
    )
    assert answer.ok and answer.result == {"id": 1, "first_instrument": 1, "instruments": 3}
    assert fresh.engine.kinds() == [codes.C_DEF_EVENT] + [codes.C_DEF_INSTRUMENT] * 3 + [codes.C_DEF_LISTING] * 3
    event, second, listing = fresh.engine.seen[0], fresh.engine.seen[2], fresh.engine.seen[4]
    assert [int(event[w]) for w in (d.DE_ID, d.DE_PRODUCT, d.DE_K, d.DE_N, d.DE_PAYOUT, d.DE_PHASE)] == [
        1,
        codes.EXACTLY,
        1,
        3,
        100,
        codes.PH_LISTED,
    ]
    assert second[d.DI_ID] == 2 and second[d.DI_INDEX] == 1 and second[d.DI_COLLAR] == 7 and second[d.DI_PROTECTION] == 5
    assert second[d.DI_SYMBOL : d.DI_SYMBOL + 8].tobytes().rstrip(b"\0") == b"F-DRAW" and second[d.DI_SYMBOL_LEN] == 6
    assert second[d.DI_BAND_COUNT] == 3 and second[d.DI_BANDS : d.DI_BANDS + 9].tolist() == [1, 10, 1, 10, 90, 5, 90, 99, 1]
    assert listing[d.DL_TAKER_BPS] == 100 and listing[d.DL_OWNER_ACCOUNT] == 16 == listing[d.DL_VENUE_ACCOUNT]


def test_a_session_gets_the_events_of_its_default_account(world: World) -> None:
    assert world.registry.accounts.named("ACME-A").session == 1  # type: ignore[union-attr]
    world.must(change(MAKER, name="MM2", key="MM2", account="ACME-A"))
    assert world.registry.accounts.named("ACME-A").session == 1, "the first one keeps it"  # type: ignore[union-attr]
    assert world.engine.kinds() == [codes.C_DEF_SESSION]


def test_what_is_already_so_is_unchanged_and_writes_no_row(world: World) -> None:
    for record in BASE:
        answer = world.do(record)
        assert answer.ok and answer.result["unchanged"] == 1 and world.engine.seen == [], record


@pytest.mark.parametrize(
    ("record", "kinds"),
    [
        (change(FINAL, collar=3, max_qty=10), [codes.C_DEF_INSTRUMENT] * 3),
        (change(FINAL, fees=change(FEES, taker_bps=50)), [codes.C_DEF_LISTING] * 3),
        (change(FINAL, title="The final"), []),
        (change(LOGIN, account="ACME-B", throttle_limit=5, throttle_window_ns=9), [codes.C_DEF_SESSION, codes.C_DEF_ACCOUNT]),
        (change(LOGIN, verifier=PASSWORD.replace("ab", "ba")), [codes.C_DEF_SESSION]),
        (change(BASE[3], throttle_limit=20), [codes.C_DEF_VENUE]),
        (change(BASE[4], title="Acme Ltd"), [codes.C_DEF_FIRM]),
    ],
)
def test_live_changes(world: World, record: Any, kinds: list[int]) -> None:
    answer = world.do(record)
    assert answer.ok and "changed" in answer.text and world.engine.kinds() == kinds
    assert world.do(record).result["unchanged"] == 1


R = codes
REFUSALS: list[tuple[Any, int, str]] = [
    (change(FINAL, k=2), R.R_BAD_DEFINITION, "k: cannot be changed: market FINAL exists"),
    (change(BASE[0], decimals=2), R.R_BAD_DEFINITION, "decimals: cannot be changed"),
    (change(LOGIN, peer_comp_id="C9"), R.R_BAD_DEFINITION, "peer_comp_id: cannot be changed"),
    (ar.DefineAccount(name="X", firm="ACNE"), R.R_BAD_DEFINITION, 'firm: there is no firm "ACNE"; did you mean "ACME"?'),
    (ar.DefineAccount(name="V1.FEES", firm="ACME"), R.R_BAD_DEFINITION, "name: V1.FEES is an account of the platform or a venue"),
    (change(LOGIN, name="C2"), R.R_BAD_DEFINITION, "peer_comp_id: session C1 has the same login"),
    (
        change(LOGIN, name="C2", peer_comp_id="C2", account="OTHER-A"),
        R.R_ACCOUNT_NOT_ALLOWED,
        "account: OTHER-A does not belong to firm ACME",
    ),
    (change(LOGIN, name="C2", peer_comp_id="C2", username=""), R.R_BAD_DEFINITION, "username: a fix session needs one"),
    (
        change(LOGIN, name="C2", peer_comp_id="C2", verifier=STORED),
        R.R_BAD_DEFINITION,
        "verifier: is no verifier of a password: give `secret`",
    ),
    (change(MAKER, name="M2", key="M2", verifier=PASSWORD), R.R_BAD_DEFINITION, "verifier: is no verifier of a scram: give `secret`"),
    (change(MAKER, name="M2", key="M2", username="x"), R.R_BAD_DEFINITION, "username: a binary session has none"),
    (change(MAKER, name="M2", key="M2", throttle_limit=4), R.R_BAD_DEFINITION, "throttle_limit: limit and window go together"),
    (ar.DefineVenue(name="V3", cutoff_offset_ns=10**15), R.R_BAD_DEFINITION, "cutoff_offset_ns: must be below the period"),
    (change(FINAL, event="E2"), R.R_BAD_DEFINITION, "contracts[0].symbol: F-ESP exists in event FINAL"),
    (change(FINAL, event="E2", asset="EUR"), R.R_UNKNOWN_ASSET, 'asset: there is no asset "EUR"'),
    (ar.DefineListing(venue="V2", event="FINAL", fees=FEES), R.R_VENUE_NOT_ALLOWED, "FINAL is segmented and does not admit V2"),
    (ar.DefineListing(venue="V1", event="FINAL", fees=FEES), R.R_BAD_DEFINITION, "V1 owns FINAL"),
    (ar.Transfer(key="k", asset="USD", amount=1), R.R_BAD_DEFINITION, "source: a transfer names a source"),
    (
        ar.Transfer(key="k", asset="USD", amount=1, source="ACME-A", target="OTHER-A"),
        R.R_ACCOUNT_NOT_ALLOWED,
        "ACME-A are not accounts of one firm",
    ),
    (ar.Transfer(key="k", asset="USD", amount=1, source="V1.FEES", target="V2.FEES"), R.R_ACCOUNT_NOT_ALLOWED, "not accounts of one firm"),
    (ar.Transfer(key="k", asset="USD", amount=1, source="ACME-A", target="ACME-A"), R.R_BAD_DEFINITION, "is also the source"),
    (ar.Transfer(key="k", asset="USD", amount=1, target="ACME-Z"), R.R_UNKNOWN_ACCOUNT, "did you mean"),
    (ar.SetPhase(event="NO", phase="open"), R.R_UNKNOWN_EVENT, 'event: there is no event "NO"'),
    (change(RESULT, payouts=(0, 100)), R.R_PAYOUT_COUNT, "payouts: FINAL has 3 contracts, asked 2"),
    (change(RESULT, payouts=(0, 0, 101)), R.R_PAYOUT_RANGE, "payouts[2]: F-ARG pays at most 0.0100, asked 0.0101"),
    (change(RESULT, payouts=(0, 99, 0)), R.R_PAYOUT_SUM, "exactly 1 x 0.0100 = 0.0100, asked 0.0099"),
    (change(RESULT, payouts=(1, 100, 0)), R.R_PAYOUT_SUM, "asked 0.0101"),
    (change(RESULT, version=2), R.R_RESULT_VERSION, "version: the next one is 1, asked 2"),
    (change(RESULT, event="BTC-USD"), R.R_BAD_DEFINITION, "BTC-USD is a spot pair"),
    (ar.Finalise(event="FINAL"), R.R_NOT_DETERMINED, "FINAL has no determination"),
    (ar.Kill(level="firm", target="NOONE"), R.R_BAD_DEFINITION, 'target: there is no firm "NOONE"'),
    (ar.Kill(level="venue", target="V1", on=False, cancel=True), R.R_FIELD_UNSUPPORTED, "cancel: only switching on"),
    (ar.Kill(level="platform", target="x"), R.R_BAD_DEFINITION, "the platform has no name"),
    (ar.SetReference(symbol="F-ESP", reference=100), R.R_PRICE_OUT_OF_RANGE, "F-ESP trades at 0.0001 to 0.0099, asked 0.0100"),
]


@pytest.mark.parametrize(("record", "code", "text"), REFUSALS, ids=lambda value: None)
def test_refusals(world: World, record: Any, code: int, text: str) -> None:
    before = world.registry.to_bytes()
    answer = world.do(record)
    assert (answer.ok, answer.code) == (False, code) and text in answer.text, answer
    assert answer.row_seq == 100 and answer.request_id == "r1" and answer.who == "uid:0"
    assert world.engine.seen == [] and world.registry.to_bytes() == before


@pytest.mark.parametrize(
    "body", [b"", b"\xc1", b"\x80", b"\x93\xa1\xff\xa0\x80", ar.pack("a", "b", FINAL)[:-1], ar.pack("a", "b", FINAL) + b"\0"]
)
def test_rubbish_is_refused_by_name(world: World, body: bytes) -> None:
    answer = world.registry.apply(body, world.engine, world.sink)
    assert not answer.ok and answer.code == codes.R_BAD_COMMAND and answer.text.startswith("not an admin record: ")


def test_a_field_out_of_bounds_names_its_path(world: World) -> None:
    body = msgspec.msgpack.encode(("a", "b", {"type": "transfer", "key": "k", "asset": "USD", "amount": 2**63}))
    named = msgspec.msgpack.encode({"who": "a", "request_id": "b", "record": msgspec.msgpack.decode(body)[2]})
    assert "$.record.amount" in world.registry.apply(named, world.engine, world.sink).text


@pytest.mark.parametrize(
    ("table", "records"),
    [
        ("assets", [ar.DefineAsset(name=f"A{i}", decimals=0) for i in range(3)]),
        ("firms", [ar.DefineFirm(name=f"F{i}") for i in range(3)]),
        ("venues", [ar.DefineVenue(name=f"W{i}") for i in range(3)]),
    ],
)
def test_a_full_table_is_refused_before_any_row(table: str, records: list[Any]) -> None:
    world = World(**{table: 2}).must(*records[:2])
    answer = world.do(records[2])
    assert answer.code == codes.R_TABLE_FULL and f"raise the capacity `{table}`" in answer.text and world.engine.seen == []


@pytest.mark.parametrize(("table", "size"), [("instruments", 2), ("listings", 2), ("events", 0)])
def test_a_market_that_does_not_fit_is_refused_before_any_row(table: str, size: int) -> None:
    world = World(**{table: size}).must(*BASE[:4])
    assert world.do(FINAL).code == codes.R_TABLE_FULL and world.engine.seen == []
    World(**{table: {"instruments": 3, "listings": 3, "events": 1}[table]}).must(*BASE[:4], FINAL)


@pytest.mark.parametrize("pool", [L.P_NAME_HASH, L.P_PAIR_HASH, L.P_BALANCE])
def test_a_market_is_refused_when_a_table_that_trading_fills_has_no_room(pool: int) -> None:
    world = World().must(*BASE[:4])
    limit = 1024 if pool == L.P_BALANCE else 1024 - 128
    used = L.H_POOLS + pool * L.POOL_WORDS + L.PL_USED
    world.engine.m[used] = limit - 2
    answer = world.do(FINAL)
    assert answer.code == codes.R_TABLE_FULL and f"holds {limit} rows, {limit - 2} are used" in answer.text and world.engine.seen == []
    world.engine.m[used] = limit - 6
    assert world.do(FINAL).ok


def test_a_refusal_of_the_core_is_answered_with_its_numbers_and_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    before = world.registry.to_bytes()
    world.engine.refuse = {0: codes.R_WITHDRAW_TOO_MUCH}
    monkeypatch.setattr(state, "balance", lambda m, account, asset: (11, 6))
    record = ar.Transfer(key="w1", asset="USD", amount=7, source="ACME-A")
    answer = world.do(record)
    assert (
        answer.code == codes.R_WITHDRAW_TOO_MUCH
        and answer.text
        == "withdrawal of 0.0007 USD from ACME-A: 0.0005 USD of its 0.0011 USD is available, 0.0006 USD is locked by orders and positions; asked 0.0007 USD"
    )
    assert world.registry.to_bytes() == before
    assert world.do(record).ok, "a refused transfer does not use up its key"


@pytest.mark.parametrize(
    ("code", "record", "text"),
    [
        (
            R.R_BAD_TRANSITION,
            ar.SetPhase(event="FINAL", phase="listed"),
            "event FINAL: it is open and cannot become listed (what may follow: live, paused, cancel_only, closed, voided)",
        ),
        (R.R_NOT_CLOSED, RESULT, "event FINAL: it is open; only a market that is closed or determined is determined"),
        (
            R.R_CHALLENGE_WINDOW,
            ar.Finalise(event="FINAL"),
            "event FINAL: its challenge window ends at 1970-01-01 00:00:00.000000077 UTC, the time is 1970-01-01 00:16:40 UTC",
        ),
        (R.R_OVERFLOW, ar.Transfer(key="k", asset="USD", amount=1, target="ACME-A"), "deposit of 0.0001 USD to ACME-A: A product of price"),
    ],
)
def test_refusals_of_the_core_in_words(world: World, code: int, record: Any, text: str) -> None:
    if isinstance(record, ar.Finalise):
        world.must(RESULT)
    event = int(world.engine.m[L.H_POOLS + L.P_EVENT * L.POOL_WORDS + L.PL_BASE]) + L.EVENT_WORDS
    world.engine.m[event + L.E_PHASE_NOW], world.engine.m[event + L.E_WINDOW_END] = codes.PH_OPEN, 77
    world.engine.refuse = {0: code}
    answer = world.do(record)
    assert answer.code == code and answer.text.startswith(text), answer.text


def test_a_refusal_in_the_middle_of_a_record_stops_the_process(world: World) -> None:
    world.engine.refuse = {2: codes.R_TABLE_FULL}
    with pytest.raises(RegistryBroken, match="table_full"):
        world.do(change(FINAL, event="E2", contracts=(ar.Contract(symbol="X-A"), ar.Contract(symbol="X-B"))))


def test_transfers_are_done_once_per_key(world: World) -> None:
    deposit = ar.Transfer(key="d1", asset="USD", amount=500, target="ACME-A")
    first = world.do(deposit)
    assert first.ok and world.engine.kinds() == [codes.C_TRANSFER]
    row = world.engine.seen[0]
    assert [int(row[w]) for w in (d.DT_FROM, d.DT_TO, d.DT_ASSET, d.DT_AMOUNT)] == [0, 18, 1, 500]
    again = world.do(deposit, request_id="r2")
    assert again.ok and again.result == {**first.result, "done_before": 1} and world.engine.seen == []
    other = world.do(change(deposit, amount=501))
    assert other.code == codes.R_IDEMPOTENCY and world.engine.seen == []
    restored = Registry.from_bytes(world.registry.to_bytes())
    assert restored.apply(ar.pack("uid:0", "b", deposit), world.engine, world.sink).ok and world.engine.seen == []


def test_a_result_is_recorded_with_its_evidence_and_paid_once(world: World) -> None:
    answer = world.do(RESULT, who="uid:7")
    assert answer.ok and answer.result["version"] == 1
    row = world.engine.seen[0]
    assert int(row[d.DD_COUNT]) == 3 and row[d.DD_PAYOUTS : d.DD_PAYOUTS + 3].tolist() == [0, 100, 0]
    event = world.registry.events.named("FINAL")
    assert event is not None and event.determinations[0].who == "uid:7" and event.determinations[0].record.evidence_sha256 == "ab" * 32
    assert world.do(change(RESULT, payouts=(100, 0, 0))).result["version"] == 2, "a correction is a new version"
    assert world.do(ar.Finalise(event="FINAL", version=1)).code == codes.R_RESULT_VERSION
    assert world.do(ar.Finalise(event="FINAL", version=2)).ok
    final = world.do(ar.Finalise(event="FINAL"))
    assert final.code == codes.R_ALREADY_FINAL and world.engine.seen == []


def test_the_operators_switches_become_rows(world: World) -> None:
    def row_of(record: Any) -> list[int]:
        assert world.do(record).ok
        return [int(word) for word in world.engine.seen[0][:6]]

    assert row_of(ar.SetPhase(event="FINAL", phase="open")) == [codes.C_PHASE, 1, codes.PH_OPEN, 0, 0, 0]
    assert row_of(ar.Kill(level="firm", target="OTHER")) == [codes.C_KILL, codes.KILL_FIRM, 2, 1, 1, 0]
    assert row_of(ar.Kill(level="platform", on=False)) == [codes.C_KILL, codes.KILL_PLATFORM, 0, 0, 0, 0]
    assert row_of(ar.Restrict(event="FINAL", firm="OTHER")) == [codes.C_RESTRICT, 1, 2, 1, 0, 0]
    assert row_of(ar.SetReference(symbol="F-ARG", reference=40, collar=5)) == [codes.C_REFERENCE, 3, 40, 5, 0, 0]
    world.must(change(FINAL, max_qty=900))
    assert world.engine.seen[2][d.DI_REFERENCE] == 40 and world.engine.seen[2][d.DI_COLLAR] == 5, "a live change keeps the reference"


def test_shared_markets_are_listed_elsewhere(world: World) -> None:
    shared = change(FINAL, event="S", sharing="shared", admits=("V2",), contracts=(ar.Contract(symbol="S-A"), ar.Contract(symbol="S-B")))
    world.must(shared)
    assert world.do(ar.DefineListing(venue="V2", event="S", fees=FEES)).ok
    rows = world.engine.seen
    assert [(int(r[d.DL_VENUE]), int(r[d.DL_OWNER_ACCOUNT]), int(r[d.DL_VENUE_ACCOUNT])) for r in rows] == [(2, 16, 17)] * 2


def test_the_secret_of_a_definition_is_a_key_of_the_session(world: World) -> None:
    own = world.registry.keys["C1:secret"]
    assert (own.record.kind, own.record.verifier, own.holder, own.record.scopes) == (
        "password",
        PASSWORD,
        ("session", "C1"),
        ("trade", "read", "market_data"),
    )
    assert world.registry.keys["MM1:secret"].record.verifier == STORED
    world.must(change(LOGIN, verifier=""))
    assert world.registry.keys["C1:secret"] == own, "a file without the secret leaves it"
    assert world.registry.sessions[1].record.verifier == "" == world.registry.sessions[2].record.verifier


def test_verifiers_are_shown_nowhere(world: World) -> None:
    shown = (
        repr([*world.registry.sessions]) + repr(world.registry.keys) + repr(MAKER) + repr(LOGIN) + repr(ar.AdminEnvelope("a", "b", MAKER))
    )
    assert "ab" * 32 not in shown and "cd" * 32 not in shown


def test_a_snapshot_is_the_whole_registry(world: World) -> None:
    world.must(
        RESULT,
        ar.SetReference(symbol="F-ARG", reference=40),
        ar.Transfer(key="k", asset="USD", amount=1, target="ACME-A"),
        change(FINAL, title="T"),
    )
    data = world.registry.to_bytes()
    copy = Registry.from_bytes(data)
    assert copy.to_bytes() == data
    world.registry = copy
    for record in (*BASE[:-2], change(FINAL, title="T"), SPOT):
        assert world.do(record).result["unchanged"] == 1
    assert copy.keys["C1:secret"].record.verifier == PASSWORD and copy.accounts.next_id == 21
    assert copy.listing_rows == 4
    for wrong in (b"", b"\xc0", data[:-1], data.replace(b"\xa7version\x04", b"\xa7version\x05")):
        with pytest.raises(ValueError, match="registry"):
            Registry.from_bytes(wrong)


@pytest.mark.parametrize(
    ("level", "target", "cancel", "word"),
    [
        (level, target, cancel, word)
        for level, target in (("platform", ""), ("venue", "V1"), ("firm", "ACME"), ("account", "ACME-A"))
        for cancel, word in ((None, 1), (True, 1), (False, 0))
    ],
)
def test_a_kill_switch_cancels_unless_told_not_to(world: World, level: Any, target: str, cancel: bool | None, word: int) -> None:
    answer = world.do(ar.Kill(level=level, target=target, cancel=cancel))
    assert answer.ok and answer.text.endswith("open orders are cancelled" if word else "open orders stay")
    assert int(world.engine.seen[-1][d.DK_CANCEL]) == word
    world.must(ar.Kill(level=level, target=target, on=False))
    assert int(world.engine.seen[-1][d.DK_CANCEL]) == 0

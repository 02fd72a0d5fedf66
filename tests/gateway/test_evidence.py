"""Evidence of results in the reports of settlements: on both wires, the same bytes in a resend and after a restart."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.engine import Engine
from exchange_server.gateway.binary.encoder import BinaryEncoder
from exchange_server.gateway.binary.encoder import evidence_text as binary_text
from exchange_server.gateway.evidence import FIRST_SLOTS, Evidence
from exchange_server.gateway.feeds.market_data import MarketData
from exchange_server.gateway.fix.encoder import FixEncoder
from exchange_server.gateway.fix.encoder import evidence_text as fix_text
from exchange_server.wires.evidence import EW_AT, EW_BYTES, evidence_slot
from protocol import codes
from protocol import messages as M
from tests.model_world import Row
from tests.registry.access_world import one_of
from tests.registry.test_disputes import Court, correct, dispute, result
from tests.registry.test_registry import LOGIN, change
from tests.registry.test_voids import void

SAID = {
    "rule_id": "90min",
    "source": "Fédération",
    "observed_value": "1-0",
    "observed_at_ns": 1_784_494_800_123_456_789,
    "evidence_name": "ruling.pdf",
}
FIX_FIELDS = (
    b"\x015108=90min\x015109=F\\xe9d\\xe9ration\x015110=1-0\x015111=20260719-21:00:00.123\x015112=" + b"ab" * 32 + b"\x015113=ruling.pdf\x01"
)  # fmt: skip


@pytest.fixture
def court() -> Court:
    """A corrected result that is paid: version 2."""
    court = with_reports(Court())
    court.closed().must([result(), correct(**SAID)])
    court.later(60)
    return court


def with_reports(court: Court) -> Court:
    """Settlement reports for the FIX session of ACME and the binary one of OTHER."""
    court.must([change(LOGIN, settlement_reports=True)])
    other = next(session.record for session in court.engine.registry.sessions if session.name == "MM2")
    court.must([change(other, verifier="", settlement_reports=True)])
    for session in (1, 3):
        court.client(Row(kind=codes.C_LOGOFF, session=session), Row(kind=codes.C_LOGON, session=session, logon_flags=1))
    return court


def pay(court: Court) -> Any:
    """The event rows of the payment."""
    return capture(court, ar.Finalise(event="FINAL"))


def capture(court: Court, *records: Any) -> Any:
    """The event rows of some records."""
    rows: list[Any] = []
    apply = court.engine.apply
    court.engine.apply = lambda flat, words, sink: apply(flat, words, lambda ev: rows.append(ev.copy()))  # type: ignore[method-assign]
    court.must(records)
    court.engine.apply = apply  # type: ignore[method-assign]
    return np.concatenate(rows)


def encoded(engine: Engine, rows: Any) -> tuple[bytes, bytes]:
    (binary,) = (data for _, data in BinaryEncoder(engine).encode(rows))
    (fix,) = (data for _, data in FixEncoder(engine).encode(rows))
    return binary, fix


def test_an_act_that_records_and_pays_has_its_evidence_in_its_own_reports() -> None:
    """Its reports are encoded while the core steps it, before the registry has the result."""
    court = with_reports(Court(challenge_window_ns=0))
    encoder, told = FixEncoder(court.engine), []
    apply = court.engine.apply

    def at_once(flat: Any, words: int, sink: Any) -> Any:
        return apply(flat, words, lambda events: told.extend(data for _, data in encoder.encode(events)))

    court.engine.apply = at_once  # type: ignore[method-assign]
    said = {name: getattr(result(**SAID), name) for name in ar.Determine.__struct_fields__}
    court.closed().must([ar.Settle(**said, finalise=True)])
    (live,) = (data for data in told if b"35=UMS" in data)
    assert FIX_FIELDS in live


def test_both_wires_name_the_evidence_of_the_version_that_is_paid(court: Court) -> None:
    binary, fix = encoded(court.engine, pay(court))
    (settled,) = (M.decode_server(frame) for frame in frames(binary))
    assert isinstance(settled, M.Settled) and settled.version == 2
    assert (settled.rule, settled.source, settled.observed, settled.observed_at) == ("90min", "Fédération", "1-0", SAID["observed_at_ns"])
    assert (settled.evidence, settled.evidence_name) == ("ab" * 32, "ruling.pdf")
    assert fix.count(b"\x0135=UMS\x01") == 1 and FIX_FIELDS in fix
    length = int(fix.split(b"\x019=")[1].split(b"\x01")[0])
    body = fix[fix.index(b"35=UMS") : fix.rindex(b"10=")]
    assert length == len(body)


def frames(data: bytes) -> list[bytes]:
    out = []
    while data:
        size = int.from_bytes(data[:4], "little")
        out.append(data[4 : 4 + size])
        data = data[4 + size :]
    return out


def test_the_same_bytes_again_also_after_a_restart(court: Court) -> None:
    rows = pay(court)
    first = encoded(court.engine, rows)
    assert encoded(court.engine, rows) == first
    assert encoded(Engine.restore(court.engine.snapshot()), rows) == first
    fix = FixEncoder(court.engine)
    resent = fix.resend(rows_of(rows, 1), 2_000_000_000 * 10**9)
    assert b"\x0143=Y\x01" in resent and FIX_FIELDS in resent


def rows_of(rows: Any, session: int) -> Any:
    shaped = rows.reshape(-1, L.EVT_WORDS)
    return shaped[shaped[:, L.EVT_SESSION_ACCOUNT] >> 32 == session].reshape(-1).copy()


def test_a_table_that_grows_finds_all() -> None:
    class Empty:
        registry = None

    table = Evidence(Empty(), lambda record: b"")
    for event in range(1, 4 * FIRST_SLOTS):
        table.text = lambda record, event=event: f"text of {event}".encode()  # type: ignore[misc]
        words = table.add(event, event % 3 + 1)
    for event in range(1, 4 * FIRST_SLOTS):
        slot = int(evidence_slot.py_func(words, event, event % 3 + 1))
        at, size = int(words[slot + EW_AT]), int(words[slot + EW_BYTES])
        assert words[at : at + 9].tobytes()[:size] == f"text of {event}".encode()


def test_without_a_registry_nothing_is_named() -> None:
    assert fix_text(None) == b"" and binary_text(None).startswith(b"\xa0\xa0\xa0\x00")


def test_the_longest_texts_fit(court: Court) -> None:
    long = {"rule_id": "r" * 64, "source": "\U0001f600" * 256, "observed_value": "o" * 256, "evidence_name": "n" * 256}
    court.must([correct(**long)])
    court.later(60)
    binary, fix = encoded(court.engine, pay(court))
    (settled,) = (M.decode_server(frame) for frame in frames(binary))
    assert isinstance(settled, M.Settled) and settled.source == "\U0001f600" * 256 and settled.evidence_name == "n" * 256
    assert len(fix) < 4096 and fix.endswith(b"\x01")


class Watcher:
    """A connection that asked for definitions."""

    def __init__(self, session: int) -> None:
        self.session, self.sent, self.last_out_ns = session, b"", 0
        self.outlet = SimpleNamespace(write=self._write, write_all=lambda outlets, data: [outlet.write(data) for outlet in outlets])

    def _write(self, data: bytes) -> None:
        self.sent += data


def test_a_contract_ahead_of_its_group_has_its_evidence_on_both_wires() -> None:
    court = with_reports(Court())
    court.must([change(one_of("FINAL", "F-ESP"), **SAID)])
    court.later(60)
    rows = capture(court, ar.FinaliseOne(event="FINAL", symbol="F-ESP"))
    binary, fix = encoded(court.engine, rows)
    (settled,) = (M.decode_server(frame) for frame in frames(binary))
    assert isinstance(settled, M.Settled) and (settled.version, settled.payout, settled.amount) == (1, 0, 0)
    assert (settled.rule, settled.source, settled.observed, settled.evidence_name) == ("90min", "Fédération", "1-0", "ruling.pdf")
    assert fix.count(b"\x0135=UMS\x01") == 1 and FIX_FIELDS in fix
    assert encoded(Engine.restore(court.engine.snapshot()), rows) == (binary, fix)


class Follower:
    """A FIX session that asked for phases; it notes (phase, contract)."""

    def __init__(self, changes: list[tuple[int, ...]]) -> None:
        self.changes = changes

    def phase_changed(self, event: int, phase: int, time_ns: int, contract: int = -1) -> None:
        self.changes.append((phase, contract))


def test_market_data_tells_of_a_contract_ahead_of_its_group() -> None:
    court = Court()
    feed, watcher = MarketData(court.engine), Watcher(3)
    list(feed.definitions(watcher))  # type: ignore[arg-type]
    changes: list[tuple[int, ...]] = []
    feed.follow(Follower(changes), 1)

    def told(*records: Any) -> list[Any]:
        watcher.sent = b""
        feed.encode(capture(court, *records))
        feed.turn(SimpleNamespace(tick_ns=5))  # type: ignore[arg-type]
        return [M.decode_server(frame) for frame in frames(watcher.sent)]

    (made,) = told(change(one_of("FINAL", "F-ESP"), **SAID))
    assert isinstance(made, M.Result) and (made.instrument, made.phase, made.version, made.payouts) == (1, codes.PH_DETERMINED, 1, [0])
    assert made.until == court.engine.time_ns + 50_000_000 and (made.rule, made.observed) == ("90min", "1-0")
    (again,) = told(ar.WithdrawOne(event="FINAL", symbol="F-ESP"))
    assert (again.phase, again.version) == (codes.PH_OPEN, 1)
    told(change(one_of("FINAL", "F-ESP"), **SAID))
    court.later(60)
    (paid,) = told(ar.FinaliseOne(event="FINAL", symbol="F-ESP"))
    assert (paid.phase, paid.version) == (codes.PH_FINAL, 2)
    assert changes == [(codes.PH_DETERMINED, 0), (codes.PH_OPEN, 0), (codes.PH_DETERMINED, 0), (codes.PH_FINAL, 0)]
    later = b"".join(feed.definitions(Watcher(3)))  # type: ignore[arg-type]
    found = [M.decode_server(frame) for frame in frames(later)]
    assert [type(one) for one in found[:2]] == [M.Definition, M.Result] and found[0].phase == codes.PH_OPEN


def test_market_data_tells_results_disputes_and_voids() -> None:
    court = Court()
    feed, watcher = MarketData(court.engine), Watcher(3)
    list(feed.definitions(watcher))  # type: ignore[arg-type]

    def told(*records: Any) -> list[Any]:
        watcher.sent = b""
        feed.encode(capture(court, *records))
        feed.turn(SimpleNamespace(tick_ns=5))  # type: ignore[arg-type]
        return [M.decode_server(frame) for frame in frames(watcher.sent)]

    told(ar.SetPhase(event="FINAL", phase="closed"))
    phase, made = told(result(**SAID))
    assert (phase.phase, made.phase, made.version, made.payouts) == (codes.PH_DETERMINED, codes.PH_DETERMINED, 1, [0, 100, 0])
    assert (made.rule, made.source, made.observed, made.observed_at) == ("90min", "Fédération", "1-0", SAID["observed_at_ns"])
    assert made.until == court.engine.time_ns + 50_000_000 and (made.evidence, made.evidence_name) == ("ab" * 32, "ruling.pdf")
    (phase,) = told(dispute())
    assert phase.phase == codes.PH_DISPUTED
    phase, again = told(ar.Uphold(event="FINAL"))
    assert (phase.phase, again.version, again.until) == (codes.PH_DETERMINED, 1, court.engine.time_ns)
    phase, made = told(void())
    assert (phase.phase, made.phase, made.version, sum(made.payouts)) == (codes.PH_VOIDED, codes.PH_VOIDED, 2, 100)

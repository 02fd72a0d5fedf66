"""The flow that the wire rows send: the named flow's shares and rules, and the same bytes as plain Python writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from exchange_server.core import layout as L
from perf.messages import binary_frames, fix_message
from perf.rig import Counts, apply_all, cut, engine_of, kinds_of
from perf.stream import TEXT_DIGITS, Rows, Stream, binary_bytes, fix_bytes, joined
from protocol import codes as C
from protocol import messages as M
from tests.flows import SHARES, named_flow

SESSIONS = 4


def both(stream: Stream, resting: int = 400, mixed: int = 3_000) -> Rows:
    parts = [stream.take(resting, True), stream.take(mixed)]
    return Rows(np.concatenate([p.words for p in parts]), np.concatenate([p.about for p in parts]))


def fix_messages(
    rows: np.ndarray, comp_ids: Sequence[str], accounts: Callable[[int], str], symbols: Sequence[str], sending_time: str, text: Callable[[int], str]
) -> list[bytes]:  # fmt: skip
    """One message for each row, numbered within its session from 2; a cancel or replace has symbol and side of the order's NEW, which must be in
    `rows`."""
    numbers: dict[int, int] = {}
    known: dict[tuple[int, int], tuple[str, int, int, str]] = {}
    found = []
    for w in rows.tolist():
        head, session, who = w[L.CMD_HEAD], w[L.CMD_SESSION_ACCOUNT] >> 32, w[L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF
        kind, key, orig = head & 255, w[L.CMD_ID_LO], w[L.CMD_ORIG_LO]
        price, qty = w[L.CMD_PRICE], w[L.CMD_QTY]
        shown = f"{price // 10_000}.{price % 10_000:04d}"
        if kind == C.C_NEW:
            symbol, side, contract = symbols[w[L.CMD_INSTRUMENT] >> 32], head >> 16 & 15, head >> 20 & 15
            no = "5010=N|" if contract == C.NO else ""
            known[session, key] = symbol, side, contract, no
            body = f"D|11={text(key)}|1={accounts(who)}|55={symbol}|54={side}|60={sending_time}|38={qty}|40=2|44={shown}|59={head >> 28 & 15}|{no}"
        else:
            symbol, side, contract, no = known[session, orig]
            letter = "F" if kind == C.C_CANCEL else "G"
            body = f"{letter}|41={text(orig)}|11={text(key)}|1={accounts(who)}|55={symbol}|54={side}|60={sending_time}|"
            if kind == C.C_REPLACE:
                known[session, key] = known[session, orig]
                body += f"38={qty}|40=2|44={shown}|{no}"
        number = numbers.get(session, 2)
        numbers[session] = number + 1
        found.append(fix_message(body, comp_ids[session], number, sending_time))
    return found


def by_session(rows: np.ndarray, messages: list[bytes]) -> list[list[bytes]]:
    owner = rows[:, L.CMD_SESSION_ACCOUNT] >> 32
    return [[messages[i] for i in range(len(rows)) if owner[i] == n] for n in range(1, SESSIONS + 1)]


def test_the_flow_has_the_shares_and_is_hardly_refused() -> None:
    stream = Stream(5, SESSIONS)
    world = named_flow(5, 16, 16, sessions=SESSIONS)
    world.preload, world.flow = (stream.take(n, resting).words for n, resting in ((1_000, True), (20_000, False)))
    engine, counts = engine_of(world), Counts()
    apply_all(engine, cut(engine, world.preload, 100)[0])
    cuts, n = cut(engine, world.flow, 1_000)
    apply_all(engine, cuts, counts)
    kinds = kinds_of(world.flow)
    assert counts.check(kinds[:n], "stream") < 0.02
    shares = Counter(kinds.tolist())
    for name, kind in (("new", C.C_NEW), ("cancel", C.C_CANCEL), ("replace", C.C_REPLACE)):
        assert shares[kind] / n == pytest.approx(SHARES[name], abs=0.02)
    assert not engine.check()


def test_ids_count_up_by_session_from_the_first() -> None:
    rows = both(Stream(5, SESSIONS, first_id=10**17))
    for session in range(1, SESSIONS + 1):
        mine = rows.words[rows.words[:, L.CMD_SESSION_ACCOUNT] >> 32 == session]
        assert mine[:, L.CMD_ID_LO].tolist() == list(range(10**17, 10**17 + len(mine)))


def test_a_stream_in_parts_is_the_same_stream_only_longer() -> None:
    """The parts of a seed depend on how they are cut, but not on what is done with them."""
    a, b = both(Stream(9, SESSIONS)), both(Stream(9, SESSIONS))
    assert np.array_equal(a.words, b.words) and np.array_equal(a.about, b.about)


@pytest.mark.parametrize("first", [1, 10**17])
def test_binary_bytes(first: int) -> None:
    rows = both(Stream(5, SESSIONS, first_id=first))
    wires = binary_bytes(rows, SESSIONS, np.arange(2_000) + 7)
    for wire, want in zip(wires, by_session(rows.words, binary_frames(rows.words, lambda account: account + 7))):
        assert wire.data.tobytes() == b"".join(want)
        assert np.diff(wire.ends).tolist() == [len(one) for one in want]
        assert M.decode_client(want[0][4:]).id == first  # type: ignore[attr-defined]


@pytest.mark.parametrize("prefix", ["", "DESK-7F-"])
def test_fix_bytes(prefix: str) -> None:
    rows = both(Stream(5, SESSIONS))
    comp_ids, names = [f"S{n}" for n in range(SESSIONS + 1)], [f"M{i}-{i}" for i in range(2_000)]
    symbols, time = [f"B{i}" for i in range(101)], "20260101-00:00:00.123"
    wires = fix_bytes(rows, comp_ids, names, symbols, time, [2] * (SESSIONS + 1), prefix)
    wanted = fix_messages(
        rows.words, comp_ids, lambda a: names[a], symbols, time, lambda key: f"{prefix}{key:0{TEXT_DIGITS}}" if prefix else str(key)
    )
    for wire, want in zip(wires, by_session(rows.words, wanted)):
        assert wire.data.tobytes() == b"".join(want)
        assert np.diff(wire.ends).tolist() == [len(one) for one in want]


def test_parts_are_joined_with_their_ends() -> None:
    stream = Stream(5, SESSIONS)
    parts = [binary_bytes(stream.take(300, resting), SESSIONS, np.arange(2_000)) for resting in (True, False)]
    for a, b in zip(*parts):
        one = joined([a, b])
        assert one.data.tobytes() == a.data.tobytes() + b.data.tobytes()
        assert one.ends.tolist() == a.ends.tolist() + (b.ends[1:] + a.ends[-1]).tolist()

"""Benchmark rows of the binary wire's kernels and of market data, against msgspec. `python -m perf.binary_rows` prints them.

The flow is the named one: 46 % new, 44 % cancel, 10 % replace; reports in similar shares with some fills. Best of many passes over 10,000
messages; each pass decodes or encodes all of them in one call, like a busy turn.
"""

from time import perf_counter
from typing import Any

import msgspec
import numpy as np

from exchange_server.core import layout as L
from exchange_server.gateway.binary.encoder import evidence_text
from exchange_server.gateway.evidence import Evidence
from exchange_server.wires import binary_in, binary_out
from exchange_server.wires import feeds as market_data
from exchange_server.wires.route import route, route_words
from protocol import codes
from protocol import messages as M
from protocol.framing import frame
from tests.core.binary_arena import Book, event, expected, sessions

COUNT = 10_000
Row = dict[str, Any]


def _row(name: str, figure: float, unit: str, aim: float | None, note: str) -> Row:
    return {"name": name, "figure": round(figure, 1), "unit": unit, "aim": aim, "note": note}


def best(call: Any, passes: int = 40) -> float:
    """Seconds of the fastest of several passes."""
    fastest = float("inf")
    for _ in range(passes):
        began = perf_counter()
        call()
        fastest = min(fastest, perf_counter() - began)
    return fastest


def requests(rng: np.random.Generator) -> list[bytes]:
    """Payloads of the named flow, optional fields left out; ids counted up as by a client."""
    found = []
    for i in range(COUNT):
        id, share = 10**12 + i, rng.random()
        price, qty = int(rng.integers(1, 9_999)), int(rng.integers(1, 1_000))
        if share < 0.46:
            fields = [10, id, 0, int(rng.integers(1, 100)), 1 + i % 2, 1, 2, 1, 0, price, qty]
        elif share < 0.90:
            fields = [11, id, id - 50]
        else:
            fields = [12, id, id - 50, 0, 0, price, qty]
        found.append(msgspec.msgpack.encode(fields))
    return found


def decode_rows(rng: np.random.Generator) -> list[Row]:
    payloads = requests(rng)
    stream = b"".join(frame(p) for p in payloads)
    buf = np.frombuffer(stream + bytes(64), dtype=np.uint8).copy()
    out = np.zeros(COUNT * L.CMD_WORDS, dtype=np.int64)
    conn, res = np.zeros(L.CN_WORDS, dtype=np.int64), np.zeros(L.RES_WORDS, dtype=np.int64)

    def kernel() -> None:
        conn[L.CN_SESSION], conn[L.CN_BUDGET] = 1, COUNT
        binary_in.decode(buf, 0, len(stream), conn, out, 0, res)

    kernel_ns = best(kernel) / COUNT * 1e9
    assert res[L.RES_COUNT] == COUNT and res[L.RES_POS] == len(stream)
    decoder = msgspec.msgpack.Decoder(M.ClientMessage)

    def plain() -> None:
        for payload in payloads:
            decoder.decode(payload)

    plain_ns = best(plain, 5) / COUNT * 1e9
    note = f"{len(stream) / COUNT:.0f} bytes a message; msgspec {plain_ns:.0f} ns: {plain_ns / kernel_ns:.1f} times as long"
    return [_row("binary decode, one message", kernel_ns, "ns", 60, note)]


def encode_rows(rng: np.random.Generator) -> list[Row]:
    kinds = [codes.E_ACCEPTED] * 45 + [codes.E_CANCELED] * 43 + [codes.E_REPLACED] * 9 + [codes.E_FILL] * 3
    events = []
    for i in range(COUNT):
        price, qty = int(rng.integers(1, 9_999)), int(rng.integers(1, 1_000))
        events.append(
            event(
                kinds[int(rng.integers(len(kinds)))], session=1 + i % 8, account=int(rng.integers(16, 1_000)), number=10**7 + i,
                time=1_790_000_000 * 10**9 + i, session_number=10**5 + i, instrument=int(rng.integers(1, 100)), order=10**6 + i,
                id_lo=10**12 + i, orig_lo=10**12 + i - 50, price=price, qty=qty, leaves=qty, status=1, reason=100, side=1, contract_side=1,
                type=2, tif=1, last_price=price, last_qty=qty, notional=price * qty, trade=10**5 + i,
            )
        )  # fmt: skip
    ev = np.concatenate(events)
    m = sessions([codes.WIRE_BINARY] * 8)
    out = np.zeros(binary_out.out_bytes(COUNT), dtype=np.uint8)
    index, res = np.zeros(binary_out.index_words(m), dtype=np.int64), np.zeros(L.RES_WORDS, dtype=np.int64)
    routes = np.zeros(route_words(m, COUNT), dtype=np.int64)

    evidence = Evidence(None, evidence_text).words

    def kernel() -> None:
        route(m, ev, ev.size, routes)
        binary_out.encode(ev, routes, out, index, res, evidence)

    kernel_ns = best(kernel) / COUNT * 1e9
    size = int(index[L.IX_LENGTH : 8 * L.INDEX_WORDS : L.INDEX_WORDS].sum()) / COUNT
    reports = [expected(e) for e in events]
    encoder = msgspec.msgpack.Encoder()

    def plain() -> None:
        for report in reports:
            encoder.encode(report)

    plain_ns = best(plain, 5) / COUNT * 1e9
    note = f"8 sessions, {size:.0f} bytes a report; msgspec {plain_ns:.0f} ns from structs that are there: {plain_ns / kernel_ns:.1f} times"
    return [_row("binary encode, one report", kernel_ns, "ns", 60, note)]


def market_rows(rng: np.random.Generator) -> list[Row]:
    book = Book(n=64, dirty=16_384)
    m = book.m
    wanted = np.ones(70, dtype=np.uint8)
    index, res = np.zeros(market_data.md_index_words(m), dtype=np.int64), np.zeros(L.RES_WORDS, dtype=np.int64)
    out, tape = np.zeros(1 << 20, dtype=np.uint8), np.zeros(6, dtype=np.int64)
    for _ in range(2_000):
        book.rest(int(rng.integers(1, 65)), int(rng.integers(0, 2)), int(rng.integers(1, 10_000)), int(rng.integers(1, 1_000)))
    touched = int(m[L.H_DIRTY_COUNT])

    def kernel() -> None:
        m[L.H_DIRTY_COUNT] = touched
        market_data.updates(m, wanted, tape, 0, out, index, res)

    level_ns = best(kernel) / touched * 1e9
    snapshot_ns = best(lambda: market_data.snapshot(m, 1, 20_000, out, 0, res)) * 1e9
    levels = int(m[book.inst(1) + L.I_LEVEL_COUNT])
    return [
        _row("market data, one touched level", level_ns, "ns", 60, f"{touched} levels of 64 books in one turn, encoded once"),
        _row("market data, snapshot of one book", snapshot_ns / max(levels, 1), "ns/level", None, f"{levels} levels"),
    ]


def rows() -> list[Row]:
    """The rows of the binary wire: name, figure, unit, aim (None: none), note."""
    rng = np.random.default_rng(20260723)
    return decode_rows(rng) + encode_rows(rng) + market_rows(rng)


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']:36} {row['figure']:10} {row['unit']:9} aim {row['aim']}  {row['note']}")

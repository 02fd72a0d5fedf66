"""FIX wire kernels against simplefix: ns per message in and out, on the definitions that the tests use."""

import random
from time import perf_counter_ns, thread_time_ns
from typing import Any

import numpy as np
import simplefix

from exchange_server.core import layout as L
from exchange_server.core.kit.loads import SLACK
from exchange_server.core.layout import plain as W
from exchange_server.gateway.encoders import Router
from exchange_server.gateway.fix.encoder import FixEncoder
from exchange_server.wires.fix_in import CN_LIMIT, FIX_CONN_WORDS, decode
from exchange_server.wires.fix_out import encode
from protocol import codes
from protocol.fix_messages import build, encode_fields, format_timestamp, parse_timestamp
from tests.core.fix_world import OUR, world

MESSAGES = 512  # about 90 kB, like a busy turn
ROUNDS = 200
NOW = parse_timestamp(b"20260101-12:00:00") or 0


class _Engine:
    def __init__(self) -> None:
        self.m = world()


def flow(count: int, seed: int = 1) -> list[bytes]:
    """The named flow's mix as FIX messages of CLIENT1, decimal ClOrdIDs: 46 % D, 44 % F, 10 % G."""
    rng = random.Random(seed)
    time = format_timestamp(NOW, 3)
    out = []
    for seq in range(1, count + 1):
        kind = rng.choices("DFG", (46, 44, 10))[0]
        fields: list[tuple[int, bytes | str | int]] = [] if kind == "D" else [(41, 1_000_000 + rng.randrange(10**6))]
        fields += [
            (11, 2_000_000 + seq),
            (1, "CLIENT1-A"),
            (55, rng.choice(["WC26-WIN-ESP", "WC26-WIN-FRA"])),
            (54, rng.choice("12")),
            (60, time),
        ]
        if kind != "F":
            fields += [(38, rng.randint(1, 500)), (40, 2), (44, f"0.{rng.randint(1, 9999):04d}"), (59, 1)]
        out.append(build("FIX.4.4", kind, "CLIENT1", OUR, seq, time, encode_fields(fields)))
    return out


def best(act: Any, count: int, rounds: int = ROUNDS) -> float:
    """Shortest processor time of a round, ns per item: the least affected by other processes."""
    act()
    times = []
    for _ in range(rounds):
        began = thread_time_ns()
        act()
        times.append(thread_time_ns() - began)
    return min(times) / count


def decoding(raw: list[bytes]) -> float:
    """ns per message of the decode kernel; the number of rows is checked."""
    engine = _Engine()
    data = b"".join(raw)
    buf = np.zeros(len(data) + SLACK, np.uint8)
    buf[: len(data)] = np.frombuffer(data, np.uint8)
    conn = np.zeros(FIX_CONN_WORDS, np.int64)
    out = np.zeros((len(raw) + 4) * L.CMD_WORDS, np.int64)
    res = np.zeros(L.RES_WORDS, np.int64)
    conn[L.CN_SESSION], conn[L.CN_NOW], conn[L.CN_SKEW], conn[CN_LIMIT] = 1, NOW, 10**9, len(raw) * L.CMD_WORDS

    def act() -> None:
        conn[L.CN_NEXT_IN], conn[L.CN_BUDGET] = 1, len(raw) + 1
        decode(engine.m, buf, 0, len(data), conn, out, 0, res)
        assert res[L.RES_COUNT] == len(raw)

    return best(act, len(raw))


def events(kind: int, count: int, sessions: int = 8) -> np.ndarray:
    """Event rows of reports to `sessions` sessions."""
    ev = np.zeros((count, L.EVT_WORDS), np.int64)
    ev[:, 0] = W.pack_event(kind, 0, W.pack_terms(codes.BUY, codes.YES, codes.LIMIT, codes.GTC), codes.ST_NEW, 0, 0)
    n = np.arange(count)
    session = n % sessions + 1
    ev[:, L.EVT_NUMBER], ev[:, L.EVT_TIME], ev[:, L.EVT_SESSION_NUMBER] = n + 10**6, NOW, n + 1
    ev[:, L.EVT_SESSION_ACCOUNT], ev[:, L.EVT_INSTRUMENT] = session << 32 | session, (n % 2 + 1) << 32
    ev[:, L.EVT_ORDER], ev[:, L.EVT_ID_LO], ev[:, L.EVT_PRICE] = n + 77, n + 2_000_000, 1 + n * 17 % 9998
    ev[:, L.EVT_QTY] = ev[:, L.EVT_LEAVES] = 1 + n % 500
    if kind == codes.E_FILL:
        ev[:, L.EVT_CUM] = ev[:, L.EVT_LAST_QTY] = 1 + n % 100
        ev[:, L.EVT_LAST_PRICE] = ev[:, L.EVT_PRICE]
        ev[:, L.EVT_NOTIONAL] = ev[:, L.EVT_PRICE] * ev[:, L.EVT_CUM]
        ev[:, L.EVT_FEE], ev[:, L.EVT_TRADE] = 12, n + 1
    return ev.reshape(-1)


def encoding(kind: int) -> float:
    """ns per report of the encode kernel, 8 sessions."""
    engine = _Engine()
    encoder = FixEncoder(engine)
    ev = events(kind, MESSAGES)
    messages = sum(data.count(b"\x0110=") for _, data in encoder.encode(ev))
    assert messages == MESSAGES

    router = Router(engine, MESSAGES)

    def act() -> None:
        routes = router.route(ev)
        encode(engine.m, ev, routes, 0, encoder.out, encoder.index, encoder.res, encoder.texts, 0, encoder.evidence.words)

    return best(act, MESSAGES)


def simplefix_parse(raw: list[bytes]) -> float:
    """µs per message of simplefix's parser on the same messages."""

    def act() -> None:
        parser = simplefix.FixParser()
        for one in raw:
            parser.append_buffer(one)
            assert parser.get_message() is not None

    return best(act, len(raw), 3) / 1000


def simplefix_build() -> float:
    """µs per ExecutionReport of 21 fields written by simplefix."""
    raw = next(iter(FixEncoder(_Engine()).encode(events(codes.E_ACCEPTED, 1))))[1]
    pairs = [part.split(b"=", 1) for part in raw.split(b"\x01")[:-1] if not part.startswith((b"9=", b"10="))]

    def act() -> None:
        for _ in range(100):
            message = simplefix.FixMessage()
            for tag, value in pairs:
                message.append_pair(tag, value)
            message.encode()

    return best(act, 100, 3) / 1000


def rows() -> list[dict[str, Any]]:
    """The table's rows: name, figure, unit, aim, note."""
    raw = flow(MESSAGES)
    size = sum(map(len, raw)) // len(raw)
    began = perf_counter_ns()
    table = [
        {
            "name": "fix decode, named flow",
            "figure": decoding(raw),
            "unit": "ns",
            "aim": 250,
            "note": f"{size} bytes a message; rows, ids and accounts resolved",
        },
        {"name": "fix encode, accepted", "figure": encoding(codes.E_ACCEPTED), "unit": "ns", "aim": 400, "note": "8 sessions, 222 bytes"},
        {"name": "fix encode, fill", "figure": encoding(codes.E_FILL), "unit": "ns", "aim": 500, "note": "8 sessions, 280 bytes"},
        {
            "name": "simplefix parse",
            "figure": simplefix_parse(raw[:64]),
            "unit": "us",
            "aim": None,
            "note": "the same messages, for comparison",
        },
        {"name": "simplefix build", "figure": simplefix_build(), "unit": "us", "aim": None, "note": "the accepted report, for comparison"},
    ]
    table[0]["note"] = f"{table[0]['note']}; all rows in {(perf_counter_ns() - began) // 10**9} s"
    return table


if __name__ == "__main__":
    for row in rows():
        print(f"{row['name']:28} {row['figure']:10.1f} {row['unit']:3} aim {row['aim'] or '-'}  {row['note']}")

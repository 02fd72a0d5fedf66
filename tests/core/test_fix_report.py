"""The FIX encoder against simplefix: every report reads back as the event it was made of; a resend has the same body."""

import random

import numpy as np
import pytest
import simplefix
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.gateway.fix.encoder import FixEncoder
from exchange_server.wires.fix_out import MESSAGE_BYTES
from protocol import codes, errors
from protocol.fix_messages import Framer, check, format_scaled, format_timestamp, parse, parse_timestamp
from tests.core.fix_world import INSTRUMENTS, OUR, WIRE_OF, world

NOW = parse_timestamp(b"20260101-12:00:00.000")
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
instruments = st.integers(0, len(INSTRUMENTS) - 1)


@pytest.fixture(scope="module")
def arena():
    return world()


class Arena:
    def __init__(self, m):
        self.m = m


@pytest.fixture(scope="module")
def encoder(arena):
    return FixEncoder(Arena(arena))


def event(kind, number=1, session=1, status=1, reason=0, side=1, contract=1, type_=2, tif=1, flags=0, texts=None, body=b"", **words):
    extra = 1 if texts else -(-len(body) // (L.EVT_WORDS * 8))
    row = np.zeros((1 + extra) * L.EVT_WORDS, np.int64)
    flags |= codes.EF_TEXT if texts else 0
    row[0] = W.pack_event(kind, extra, W.pack_terms(side, contract, type_, tif), status, reason, flags)
    row[L.EVT_NUMBER], row[L.EVT_TIME], row[L.EVT_SESSION_NUMBER] = 900 + number, NOW + 123456789, number
    row[L.EVT_SESSION_ACCOUNT] = session << 32 | session
    row[L.EVT_INSTRUMENT] = 1 << 32
    for name, value in words.items():
        row[getattr(L, f"EVT_{name}")] = value
    raw = row.view(np.uint8)
    if texts:
        for at, text in zip((192, 256), texts):
            raw[at : at + len(text)] = np.frombuffer(text, np.uint8)
    if body:
        raw[192 : 192 + len(body)] = np.frombuffer(body, np.uint8)
        row[L.EVT_BODY_BYTES] = len(body)
    return row


def write_as(encoder, own_fields=False, decimals=3):
    """How messages to all sessions are written."""
    form = W.pack_form(L.FORM_OWN_FIELDS * own_fields, {3: 0, 0: 1, 6: 2, 9: 3}[decimals])
    base = int(encoder.m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE])
    encoder.m[base + L.SESSION_WORDS + L.S_FORM : base + 9 * L.SESSION_WORDS : L.SESSION_WORDS] = form


@pytest.fixture(autouse=True)
def written_in_full(encoder):
    write_as(encoder, own_fields=True, decimals=9)


def encoded(encoder, *rows):
    return {session: data for session, data in encoder.encode(np.concatenate(rows))}


def fields_of(raw):
    """A message as simplefix reads it; length and checksum are checked by building it again."""
    parser = simplefix.FixParser()
    parser.append_buffer(raw)
    parsed = parser.get_message()
    assert parsed is not None and parser.get_message() is None
    assert parsed.encode() == raw
    return {int(tag): value.decode() for tag, value in parsed.pairs}


numbers = st.integers(0, 2**62)
reports = st.sampled_from(
    [
        codes.E_ACCEPTED,
        codes.E_REJECTED,
        codes.E_FILL,
        codes.E_CANCELED,
        codes.E_REPLACED,
        codes.E_EXPIRED,
        codes.E_STATUS,
        codes.E_BUST,
        codes.E_CORRECTED,
    ]  # fmt: skip
)


@SETTINGS
@given(
    kind=reports, instrument=instruments, status=st.integers(1, 6), side=st.integers(1, 2), contract=st.integers(1, 2), price=st.integers(1, 10**9),
    qty=st.integers(1, 10**15), cum=st.integers(0, 10**6), leaves=st.integers(0, 10**15), last=st.integers(1, 10**9), last_qty=st.integers(1, 10**6),
    fee=st.integers(-(10**9), 10**9), order=numbers, number=st.integers(1, 2**40), own=st.integers(1, 2**62), reason=st.sampled_from(sorted(errors.REFUSALS)),
    time=st.integers(0, 4 * 10**18), flags=st.integers(0, 1), rest=st.integers(0, 10**6),
    own_fields=st.booleans(), decimals=st.sampled_from([0, 3, 6, 9]),
)  # fmt: skip
def test_reports_read_back_as_the_event(
    encoder,
    kind,
    instrument,
    status,
    side,
    contract,
    price,
    qty,
    cum,
    leaves,
    last,
    last_qty,
    fee,
    order,
    number,
    own,
    reason,
    time,
    flags,
    rest,
    own_fields,
    decimals,
):
    symbol, price_decimals, qty_decimals = INSTRUMENTS[instrument]
    refused = kind == codes.E_REJECTED
    status = 6 if refused else min(status, 5)
    if reason in (codes.R_THROTTLED_SESSION, codes.R_THROTTLED_VENUE) or not refused:
        reason = codes.R_COLLATERAL if refused else 0
    notional = cum * last + min(rest, max(cum - 1, 0))
    words = {
        "ORDER": order, "ID_LO": own, "PRICE": price, "QTY": qty, "CUM": cum, "LEAVES": leaves, "NOTIONAL": notional, "EXPIRY": time, "TIME": time,
        "INSTRUMENT": (instrument + 1) << 32, "SESSION_NUMBER": number,
    }  # fmt: skip
    reverses = kind in (codes.E_BUST, codes.E_CORRECTED)
    if kind == codes.E_FILL or reverses:
        words |= {"LAST_PRICE": last, "LAST_QTY": last_qty, "FEE": fee, "TRADE": order + 1}
    if reverses:
        words |= {"BUST_BALANCE": rest, "BUST_AMOUNT": fee, "BUST_OF": 777}
        del words["EXPIRY"]
    if kind == codes.E_CORRECTED:
        words |= {"WAS_PRICE": last, "WAS_QTY": last_qty}
    row = event(kind, 1, 2, status, reason, side, contract, 2, 6, flags, **words)
    write_as(encoder, own_fields, decimals)
    f = fields_of(encoded(encoder, row)[2])
    assert check(parse(encoded(encoder, row)[2]), from_server=True) is None
    assert (f[8], f[35], f[49], f[56], f[34]) == ("FIX.4.4", "8", OUR, "CLIENT2", str(number))
    assert f[52] == f[60] == format_timestamp(time, decimals).decode()
    assert f[126] == format_timestamp(time, decimals).decode() if time and not reverses else 126 not in f
    assert f[37] == (str(order) if order else "NONE")
    assert f[11] == str(own) and 41 not in f
    assert f[17] == "901" and f[55] == symbol and f[54] == str(side) and f[1] == "CLIENT2-A"
    assert f.get(5010, "Y") == ("N" if contract == codes.NO and own_fields else "Y")
    assert (f[44], f[38]) == (format_scaled(price, price_decimals), format_scaled(qty, qty_decimals))
    assert (f[14], f[151]) == (format_scaled(cum, qty_decimals), format_scaled(leaves, qty_decimals))
    assert f[6] == (format_scaled(notional * 10000 // cum, price_decimals + 4) if cum else "0")
    assert f[150] == {1: "0", 2: "8", 3: "F", 4: "4", 5: "5", 7: "C", 8: "I", codes.E_BUST: "H", codes.E_CORRECTED: "G"}[kind]
    assert f.get(19) == ("777" if reverses else None)
    assert f[39] == codes.ORD_STATUS_FIX[status]
    assert f[59] == "6" and f[40] == "2"
    if kind == codes.E_FILL or reverses:
        assert (f[31], f[32]) == (format_scaled(last, price_decimals), format_scaled(last_qty, qty_decimals))
        assert (f[12], f[13], f[527]) == (format_scaled(fee, 4), "3", str(order + 1))
        assert f[851] == ("2" if flags & codes.EF_TAKER else "1")
    else:
        assert not {31, 32, 12, 851} & f.keys()
    if refused:
        want = errors.REFUSALS[reason].fix_103
        assert f.get(103) == (None if want is None else str(want))
        assert len(f[58]) > 5
    assert len(encoded(encoder, row)[2]) < MESSAGE_BYTES - 64


@SETTINGS
@given(
    own=st.binary(min_size=1, max_size=64),
    orig=st.binary(max_size=64),
    kind=st.sampled_from([codes.E_CANCELED, codes.E_CANCEL_REJECT]),
    replace=st.booleans(),
)
def test_texts_of_clordids_come_back_whole(encoder, own, orig, kind, replace):
    own = bytes(32 + b % 95 for b in own)
    orig = bytes(32 + b % 95 for b in orig) or b"1"
    row = event(kind, 3, 1, 4, codes.R_ORDER_CLOSED if kind == codes.E_CANCEL_REJECT else 100, flags=codes.EF_REPLACE if replace else 0,
                texts=(own, orig), ID_HI=-5, ID_LO=1, ORIG_HI=-9, ORIG_LO=2, ORDER=7)  # fmt: skip
    f = fields_of(encoded(encoder, row)[1])
    assert (f[11], f[41], f[37], f[39]) == (own.decode(), orig.decode(), "7", "4")
    if kind == codes.E_CANCEL_REJECT:
        assert (f[35], f[434], f[102]) == ("9", "2" if replace else "1", "0") and f[58] == errors.text(codes.R_ORDER_CLOSED)


def test_other_messages(encoder):
    r = fields_of(encoded(encoder, event(codes.E_MASS_DONE, 4, side=0, PRICE=codes.SCOPE_SESSION, QTY=12, ID_LO=8))[1])
    assert (r[35], r[11], r[530], r[531], r[533], r[5011]) == ("r", "8", "7", "7", "12", "S") and 55 not in r and 54 not in r
    r = fields_of(encoded(encoder, event(codes.E_MASS_DONE, 4, PRICE=codes.SCOPE_INSTRUMENT, QTY=1, ID_LO=8))[1])
    assert (r[530], r[531], r[55], r[54], r[5011]) == ("1", "1", "WC26-WIN-ESP", "1", "I")
    bad = event(
        codes.E_MASS_DONE,
        4,
        status=codes.ST_REJECTED,
        reason=codes.R_UNKNOWN_INSTRUMENT,
        PRICE=codes.SCOPE_INSTRUMENT,
        INSTRUMENT=0,
        ID_LO=8,
    )
    r = fields_of(encoded(encoder, bad)[1])
    assert (r[531], r[532], r[533]) == ("0", "1", "0") and "Symbol" in r[58]
    u = fields_of(
        encoded(
            encoder, event(codes.E_SETTLED, 5, PRICE=10000, QTY=-30, LAST_PRICE=-300000, LAST_QTY=70000, LEAVES=1, ORDER=9, SETTLED_ASSET=1)
        )[1]
    )
    assert [u[t] for t in (35, 1, 55, 5101, 5106, 5102, 5103, 5104, 5105)] == [
        "UMS", "CLIENT1-A", "WC26-WIN-ESP", "9", "1", "1.0000", "-30", "-30.0000", "7.0000",
    ]  # fmt: skip
    r = event(
        codes.E_REVERSED, 5, PRICE=10000, QTY=-30, CUM=0, LAST_PRICE=-300000, LAST_QTY=70000, LEAVES=2, ORDER=9, NOTIONAL=50000, FEE=100,
        TRADE=codes.WHY_CORRECTION, SETTLED_ASSET=1,
    )  # fmt: skip
    r = fields_of(encoded(encoder, r)[1])
    assert [r[t] for t in (35, 55, 5101, 5106, 5102, 5131, 5103, 5104, 5105, 5130, 5132, 5133)] == [
        "UMS", "WC26-WIN-ESP", "9", "2", "1.0000", "0.0000", "-30", "-30.0000", "7.0000", "10", "5.0000", "0.0100",
    ]  # fmt: skip
    u = fields_of(encoded(encoder, event(codes.E_CONTRACT, 5, PRICE=2, QTY=-30, ORDER=9))[1])
    assert [u[t] for t in (35, 17, 1, 55, 5101, 5121)] == ["UPS", "905", "CLIENT1-A", "WC26-WIN-ESP", "9", "-30"]
    g = fields_of(encoded(encoder, event(codes.E_MOVED, 6))[1])
    assert (g[35], g[34], g[123], g[36]) == ("4", "6", "Y", "7"), "a number that no message of this session kind carries is filled"
    j = event(codes.E_REJECTED, 7, status=6, reason=codes.R_THROTTLED_SESSION, LIMIT=50, USED=50, CLIENT_NUMBER=33, ID_LO=4)
    j = fields_of(encoded(encoder, j)[1])
    assert (j[35], j[45], j[372], j[379], j[380]) == ("j", "33", "D", "4", "8") and "50 messages" in j[58]
    w = fields_of(encoded(encoder, event(codes.E_REJECTED, 8, status=6, reason=codes.R_FIELD_UNSUPPORTED, ASKED=L.CMD_MIN_QTY, ID_LO=4))[1])
    assert "tag 110 " in w[58]
    p = fields_of(encoded(encoder, event(codes.E_REJECTED, 8, status=6, reason=codes.R_PRICE_OFF_GRID, ASKED=6215, LIMIT=10, ID_LO=4))[1])
    assert p[58] == "price 0.6215 is not on the grid: the increment there is 0.0010"


@pytest.mark.parametrize("size", [0, 5, 90, 200, 900, 5000, 30000])
def test_sent_bodies_of_any_length(encoder, size):
    body = b"58=" + b"x" * (size - 4) + b"\x01" if size else b""
    kind = event(codes.E_SENT, 3, body=body, MSG_TYPE=int.from_bytes(b"5", "little"))
    raw = encoded(encoder, kind)[1]
    assert raw.endswith(b"\x0110=%03d\x01" % (sum(raw[:-7]) & 255)) and body in raw
    head, _, behind = raw.partition(b"\x0135=")
    assert int(head.rpartition(b"9=")[2]) == len(behind) + 3 - 7
    assert raw.count(b"\x01\x01") == 0


def test_a_resend_has_the_same_body(encoder):
    rows = np.concatenate(
        [event(codes.E_ACCEPTED, 1, ID_LO=5), event(codes.E_SENT, 2, body=b"45=7\x01", MSG_TYPE=ord("3")), event(codes.E_FILL, 3, ID_LO=5)]
    )
    live = [raw for raw in iter_messages(encoded(encoder, rows)[1])]
    again = [raw for raw in iter_messages(encoder.resend(rows, NOW + 10**12))]
    assert len(live) == len(again) == 3
    for a, b in zip(live, again):
        x, y = parse(a), parse(b)
        assert y.get(43) == b"Y" and y.get(122) == x.get(52) and y.get(52) == format_timestamp(NOW + 10**12) and y.get(34) == x.get(34)
        head = {8, 9, 35, 49, 56, 34, 52, 43, 122, 10}
        assert [f for f in x.fields if f[0] not in head] == [f for f in y.fields if f[0] not in head]
        assert a[a.index(b"\x0152=") + 31 : -7] == b[b.index(b"\x01122=") + 32 : -7]


def iter_messages(data):
    framer = Framer()
    framer.feed(data)
    yield from framer
    assert framer.garbled == 0


def test_many_sessions_in_one_call_and_a_small_buffer(arena):
    m = world(sessions=8, binary=(3,))
    e = FixEncoder(Arena(m))
    e.out = np.empty(3 * MESSAGE_BYTES, np.uint8)
    rng = random.Random(5)
    next_out = [0] * 9
    rows = []
    for _ in range(400):
        session = rng.randint(0, 8)
        if rng.random() < 0.1:
            rows.append(event(codes.E_PHASE, 0, session))  # has no number: it is not sent
            continue
        next_out[session] += 1
        texts = (b"abc", b"def") if rng.random() < 0.2 else None
        rows.append(event(codes.E_ACCEPTED, next_out[session], session, texts=texts, ID_LO=1))
    big = event(codes.E_SENT, next_out[1] + 1, 1, body=b"58=" + b"y" * 3000 + b"\x01", MSG_TYPE=ord("B"))
    got = {}
    for session, data in e.encode(np.concatenate([*rows, big])):
        got[session] = got.get(session, b"") + data
    assert sorted(got) == [s for s in range(1, 9) if WIRE_OF[s] == 1 and s != 3]
    for session, data in got.items():
        seqs = [parse(raw).seq for raw in iter_messages(data)]
        assert seqs == list(range(1, next_out[session] + 1 + (session == 1)))
    assert not e.index[L.INDEX_WORDS * 10 :].any(), "the kernel leaves its own part of the index clean"

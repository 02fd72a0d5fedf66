"""The FIX kernels against simplefix and plain Python: same rows in, same fields out, and nothing hostile gets through."""

import random

import numpy as np
import pytest
import simplefix
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange_server.core import layout as L
from exchange_server.core.kit.loads import SLACK
from exchange_server.core.layout import plain as W
from exchange_server.gateway.connection import TurnInput
from exchange_server.gateway.fix.order_entry import add_order
from exchange_server.wires import fix_parse
from exchange_server.wires.fix_in import CN_LIMIT, FIX_CONN_WORDS, HAND_OVER, RES_GARBLED, RES_LENGTH, RES_TOO_LONG, decode
from protocol.fix_messages import Framer, Problem, build, check, format_scaled, parse, parse_timestamp, read_order
from protocol.fix_tables import DATA_FIELDS, MAX_MESSAGE_BYTES
from tests.core.fix_world import INSTRUMENTS, OUR, world

NOW = parse_timestamp(b"20260101-12:00:00.000")
SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


class Decoder:
    """One connection's kernel state over a world."""

    def __init__(self, m, session=1, rows=4096):
        self.m = m
        self.conn = np.zeros(FIX_CONN_WORDS, np.int64)
        self.conn[L.CN_SESSION], self.conn[L.CN_NEXT_IN], self.conn[L.CN_NOW], self.conn[L.CN_SKEW] = session, 1, NOW, 10**9
        self.conn[CN_LIMIT] = rows * L.CMD_WORDS
        self.out = np.full(rows * L.CMD_WORDS + 64, -7, np.int64)
        self.res = np.zeros(L.RES_WORDS, np.int64)

    def run(self, data, budget=10**6):
        """(status, rows, message that was handed over, bytes used)"""
        buf = np.full(len(data) + SLACK, 255, np.uint8)
        buf[: len(data)] = np.frombuffer(data, np.uint8)
        self.conn[L.CN_BUDGET] = budget
        status = decode(self.m, buf, 0, len(data), self.conn, self.out, 0, self.res)
        at, words, length = int(self.res[L.RES_POS]), int(self.res[L.RES_OUT]), int(self.res[RES_LENGTH])
        return status, self.out[:words].copy(), data[at : at + length], at


@pytest.fixture(scope="module")
def arena():
    return world()


def message(msg_type, seq, fields, sender="CLIENT1", target=OUR, sending="20260101-12:00:00.000"):
    x = simplefix.FixMessage()
    for tag, value in ((8, "FIX.4.4"), (35, msg_type), (49, sender), (56, target), (34, seq), (52, sending), *fields):
        x.append_pair(tag, value)
    return x.encode()


def by_python(arena, raw, session=1):
    """What plain Python makes of the message: its row, or the Problem."""
    parsed = parse(raw)
    problem = check(parsed)
    if problem is not None:
        return problem
    order = read_order(parsed)
    if isinstance(order, Problem):
        return order
    turn = TurnInput(64)
    turn.begin(1, NOW)
    add_order(arena, turn, session, order)
    row = turn.inbox[L.CMD_WORDS : turn.words].copy()
    if W.row_flags_of(int(row[L.CMD_HEAD])) & L.ROWFLAG_REFUSED:
        return Problem(5, int(row[L.CMD_REFUSED_USED]), "a number that cannot be read")
    return row


ids = st.one_of(
    st.integers(1, 2**63 + 5).map(str),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64),
    st.sampled_from(["007", "0", "9223372036854775807", "9223372036854775808", "-1", "1.0", "a" * 64]),
)
instruments = st.integers(0, len(INSTRUMENTS) - 1)
times = st.sampled_from(
    ["20260101-12:00:00", "20260101-12:00:00.1", "20251231-23:59:59.999", "20240229-00:00:00.123456", "20260101-12:00:00.123456789"]
)


@st.composite
def orders(draw, edges=False):
    """(MsgType, fields) of a D, F or G in any field order. edges: also values that plain Python must judge."""
    kind = draw(st.sampled_from("DFG"))
    symbol, price_decimals, qty_decimals = INSTRUMENTS[draw(instruments)]
    fields = [(11, draw(ids)), (55, symbol), (54, draw(st.sampled_from("12"))), (60, draw(times))]
    if kind != "D":
        fields.append((41, draw(ids)))
    if kind != "F":
        order_type = draw(st.sampled_from("12"))
        qty = format_scaled(draw(st.integers(0, 10**9)), draw(st.integers(0, qty_decimals)))
        fields += [(38, qty), (40, order_type)]
        if order_type == "2" or draw(st.booleans()):
            fields.append((44, format_scaled(draw(st.integers(0, 10**7)), draw(st.integers(0, price_decimals)))))
        if draw(st.booleans()):
            fields.append((59, draw(st.sampled_from("012346"))))
        for tag, values in ((18, "6"), (21, "12"), (126, None)):
            if draw(st.integers(0, 3)) == 0:
                fields.append((tag, draw(times) if values is None else draw(st.sampled_from(values))))
    for tag, value in ((1, "CLIENT1-A"), (5010, draw(st.sampled_from("YN"))), (58, "hello = there"), (37, "77")):
        if draw(st.integers(0, 2)) == 0 and not (tag == 37 and kind == "D"):
            fields.append((tag, value))
    if edges:
        tag, value = draw(st.sampled_from([
            (1, "NOBODY"), (55, "NOTHING"), (54, "7"), (54, ""), (38, "-1"), (38, "9" * 19), (38, "1.5"), (44, "0.123456789"), (44, "1e3"), (44, "."),
            (40, "3"), (59, "9"), (60, "20261301-00:00:00"), (60, "20260101-24:00:00"), (126, "x"), (18, "6 6"), (110, "1"), (99, "0.5"), (5012, "7"),
            (5017, "Y"), (2964, "2"), (999, "1"), (5999, "1"), (11, "a" * 65), (11, "\t"), (5010, "X"), (43, "Y"), (34, "1"), (7, "1"), (1138, "5"), (95, "3"), (354, "2"),
        ]))  # fmt: skip
        fields = [f for f in fields if f[0] != tag or draw(st.booleans())] + [(tag, value)]
    return kind, draw(st.permutations(fields))


@SETTINGS
@given(orders())
def test_what_simplefix_writes_the_kernel_reads_as_plain_python_does(arena, order):
    raw = message(order[0], 1, order[1])
    expected = by_python(arena, raw)
    status, rows, slow, used = Decoder(arena).run(raw)
    if isinstance(expected, Problem):  # -1 and the like as ids are fine texts; nothing else may be wrong here
        pytest.fail(f"{expected} {raw!r}")
    assert (status, used, slow) == (L.DEC_NEED_MORE, len(raw), b"")
    assert rows.tolist() == expected.tolist()


@SETTINGS
@given(orders(edges=True))
def test_the_kernel_takes_nothing_that_plain_python_would_refuse(arena, order):
    raw = message(order[0], 1, [(t, v) for t, v in order[1] if v != ""] + [(t, v) for t, v in order[1] if v == ""])
    status, rows, slow, _ = Decoder(arena).run(raw)
    if status == L.DEC_SLOW:
        assert slow == raw
        return
    expected = by_python(arena, raw)
    assert not isinstance(expected, Problem), expected
    assert rows.tolist() == expected.tolist()


D1 = [(11, 1), (55, "WC26-WIN-ESP"), (54, 1), (60, "20260101-12:00:00"), (38, 10), (40, 2), (44, "0.62")]


@pytest.mark.parametrize(
    "change",
    [
        {"sender": "CLIENT2"}, {"target": "EXOS"}, {"seq": 2}, {"seq": 0}, {"sending": "20260101-12:00:02"}, {"sending": "20260101-11:59:58.999"},
        {"sending": "garbage"}, {"msg_type": "H"}, {"msg_type": "DD"}, {"session": HAND_OVER},
    ],
)  # fmt: skip
def test_what_is_not_plainly_next_is_handed_over_whole(arena, change):
    d = Decoder(arena)
    options = {"msg_type": "D", "seq": 1} | {k: v for k, v in change.items() if k != "session"}
    raw = message(options.pop("msg_type"), options.pop("seq"), D1, **options)
    if "session" in change:
        d.conn[L.CN_NEXT_IN] = HAND_OVER
    status, rows, slow, _ = d.run(raw + message("D", 2, D1))
    assert (status, len(rows), slow) == (L.DEC_SLOW, 0, raw)


def test_a_buffer_of_orders_stops_at_the_budget_and_at_the_limit(arena):
    data = b"".join(message("D", i, [(11, i), *D1[1:]]) for i in range(1, 51))
    d = Decoder(arena)
    status, rows, _, used = d.run(data, budget=20)
    assert (status, len(rows), int(d.conn[L.CN_NEXT_IN])) == (L.DEC_FULL, 20 * L.CMD_WORDS, 21)
    d.conn[CN_LIMIT] = 5 * L.CMD_WORDS
    status, rows, _, more = d.run(data[used:])
    assert (status, len(rows)) == (L.DEC_FULL, 5 * L.CMD_WORDS)
    d.conn[CN_LIMIT] = 4096 * L.CMD_WORDS
    status, rows, _, rest = d.run(data[used + more :])
    assert (status, len(rows), used + more + rest) == (L.DEC_NEED_MORE, 25 * L.CMD_WORDS, len(data))
    assert rows.reshape(-1, L.CMD_WORDS)[:, L.CMD_ID_LO].tolist() == list(range(26, 51))
    assert rows.reshape(-1, L.CMD_WORDS)[:, L.CMD_GROUP_SEQ].tolist() == list(range(26, 51))


SENT = st.sampled_from(
    ["20260101-12:00:00.000", "20260101-12:00:00.250", "20260101-12:00:00", "20260101-11:59:59.500", "20260101-12:00:00.000250"]
)


@SETTINGS
@given(st.lists(st.tuples(orders(edges=True), SENT), min_size=2, max_size=20), st.integers(1, 20))
def test_what_a_decoder_remembers_of_a_sender_changes_nothing(arena, flow, budget):
    alone, expected = [], []
    for (kind, fields), sending in flow:
        d = Decoder(arena)
        d.conn[L.CN_NEXT_IN] = seq = len(alone) + 1
        raw = message(kind, seq, fields, sending=sending)
        status, rows, slow, used = d.run(raw)
        if used == len(raw) and not len(rows):
            continue  # garbled
        alone.append(raw)
        expected.append(slow or rows.tolist())
    d, got, data = Decoder(arena), [], b"".join(alone)
    while data:
        status, rows, slow, used = d.run(data, budget)
        while len(rows):
            words = L.CMD_WORDS * (1 + W.extra_of(int(rows[0])))
            got.append(rows[:words].tolist())
            rows = rows[words:]
        if status == L.DEC_SLOW:
            got.append(slow)
            d.conn[L.CN_NEXT_IN] += 1
        data = data[used + len(slow) :]
    assert got == expected


def test_a_time_like_the_last_one_is_read_in_full(arena):
    """What is remembered of a time must be all of it, also before there is any."""
    for first in ("20260101-12:00:00", "20260101-12:00:00.000", "20260101-12:00:00.123456"):
        for second in ("20260101" + 13 * "\0", "20260101-12:00\0\0\0\0\0\0\0", "20260101-12:00:0x.000", "20260102" + 13 * "\0"):
            bad = message("D", 2, [*D1[:3], (60, second), *D1[4:]])
            status, rows, slow, _ = Decoder(arena).run(message("D", 1, [*D1[:3], (60, first), *D1[4:]]) + bad)
            assert (status, len(rows), slow) == (L.DEC_SLOW, L.CMD_WORDS, bad), (first, second)


def drain(arena, data, pieces):
    """Feed in pieces as a connection does: ids of the orders taken and messages handed over, in order."""
    d = Decoder(arena)
    buffer, got = b"", []
    for piece in pieces:
        buffer += piece
        while True:
            d.res[RES_GARBLED] = 0
            status, rows, slow, at = d.run(buffer)
            got += rows.reshape(-1, L.CMD_WORDS)[:, L.CMD_ID_LO].tolist()
            buffer = buffer[at:]
            if status != L.DEC_SLOW:
                break
            got.append(slow)
            buffer = buffer[len(slow) :]
    return got, buffer


def test_whole_byte_by_byte_and_with_rubbish(arena):
    one, beat, two = message("D", 1, D1), message("0", 2, []), message("D", 2, [(11, 2), *D1[1:]])
    data = one + beat + two
    whole, rest = drain(arena, data, [data])
    assert whole == [1, beat, 2] and rest == b""
    assert drain(arena, data, [data[i : i + 1] for i in range(len(data))]) == (whole, b"")
    for rubbish in (
        b"\x00\xff" * 50,
        b"8=FIX",
        b"8=FIX.4.4\x019=5\x0135=",
        b"10=123\x01",
        b"8=FIX.4.4\x019=99999\x01",
        b"8",
        b"8=FIX.4.4\x019=abc\x01",
    ):
        data = rubbish + one + rubbish + beat + rubbish + two
        got = drain(arena, data, [data])[0]
        assert got == whole, rubbish
        assert drain(arena, data, [data[i : i + 7] for i in range(0, len(data), 7)])[0] == whole


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw.replace(b"38=10\x01", b"38=11\x01"),  # checksum
        lambda raw: raw.replace(b"9=1", b"9=2", 1),  # body too long: swallows what follows
        lambda raw: raw.replace(b"9=1", b"9=0", 1),  # too short
        lambda raw: raw.replace(b"9=", b"9=x", 1),
        lambda raw: raw.replace(b"\x019=", b"\x0199=", 1),  # 8, 9, 35 not in order
        lambda raw: raw.replace(b"38=10", b"38_10"),  # a part without =
        lambda raw: raw.replace(b"38=", b"=", 1),
        lambda raw: raw[:-4] + b"x3\x01",
        lambda raw: raw[:-1] + b"|",
    ],
)
def test_only_the_damaged_message_is_lost(arena, damage):
    good = [message("D", i, [(11, i), *D1[1:]]) for i in (1, 2, 3)]
    beat = message("0", 9, [])
    data = damage(message("D", 1, [(11, 99), *D1[1:]])) + good[0] + damage(beat.replace(b"34=9", b"38=10\x0134=9")) + good[1] + good[2]
    got = drain(arena, data, [data])[0]
    assert [g for g in got if g in (1, 2, 3)] == [1, 2, 3]
    assert 99 not in got


def test_data_fields_may_hold_anything(arena):
    data = b"x\x0110=000\x018=FIX.4.4\x01"
    raw = simplefix.FixMessage()
    for tag, value in (
        (8, "FIX.4.4"),
        (35, "A"),
        (49, "CLIENT1"),
        (56, OUR),
        (34, 1),
        (52, "20260101-12:00:00"),
        (95, len(data)),
        (96, data),
        (98, 0),
    ):
        raw.append_pair(tag, value)
    raw = raw.encode()
    beat = message("0", 2, [])
    for pieces in ([raw + beat], [bytes([b]) for b in raw + beat]):
        assert drain(arena, raw + beat, pieces)[0] == [raw, beat]
    framer = Framer()
    framer.feed(raw + beat)
    assert list(framer) == [raw, beat]
    assert parse(raw).get(96) == data


@pytest.mark.parametrize(("length", "data"), [(95, 96), (212, 213), (93, 89), (354, 355), (90, 91), (621, 622)])
def test_every_data_field_of_the_standard_may_hold_the_delimiter(arena, length, data):
    raw = build("FIX.4.4", "0", "CLIENT1", OUR, 1, b"20260101-12:00:00", b"%d=9\x01%d=a\x0110=000\x01\x01" % (length, data))
    beat = message("0", 2, [])
    for pieces in ([raw + beat], [bytes([b]) for b in raw + beat]):
        assert drain(arena, raw + beat, pieces)[0] == [raw, beat]
    framer = Framer()
    framer.feed(raw + beat)
    assert list(framer) == [raw, beat]


def test_the_kernel_and_the_table_know_the_same_data_fields():
    assert set(fix_parse.LENGTH_TAGS) == DATA_FIELDS.keys() and fix_parse.MAX_MESSAGE == MAX_MESSAGE_BYTES
    assert {tag: (89 if tag == 93 else tag + 1) for tag in fix_parse.LENGTH_TAGS} == DATA_FIELDS


@pytest.mark.parametrize("zeros", [1, 4, 7, 40, 3500])
def test_body_length_with_leading_zeros_of_any_length(arena, zeros):
    raw = message("D", 1, D1)
    head, _, rest = raw.partition(b"9=")
    raw = head + b"9=" + b"0" * zeros + rest
    raw = raw[:-7] + b"10=%03d\x01" % (sum(raw[:-7]) & 255)
    for pieces in ([raw], [bytes([b]) for b in raw]):
        assert drain(arena, raw, pieces)[0] == [1], "the kernel takes it as the plain order that it is"
    over = head + b"9=" + b"0" * 4100 + rest
    assert drain(arena, over + message("D", 1, D1), [over + message("D", 1, D1)])[0] == [1], "but a message ends at its limit"


@pytest.mark.parametrize(("size", "shown"), [(4090, 4090), (5000, 5000), (123456789, 123456789), (10**30, 10**9)])
def test_a_body_length_above_the_limit_is_noted(arena, size, shown):
    data = b"8=FIX.4.4\x019=%d\x0135=D\x01" % size + b"49=x\x01" * 10
    for step in (1, 7, len(data)):
        d = Decoder(arena)
        buffer, seen = b"", 0
        for at in range(0, len(data), step):
            buffer += data[at : at + step]
            d.res[RES_TOO_LONG] = 0
            _, _, _, used = d.run(buffer)
            buffer = buffer[used:]
            seen = int(d.res[RES_TOO_LONG]) or seen
        framer = Framer()
        framer.feed(data)
        assert framer.next() is None and seen == framer.too_long == shown


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        kind = rng.randrange(5)
        at = rng.randrange(len(data))
        if kind == 0:
            data[at] = rng.choice(b"\x01=0189F|\xff-.")
        elif kind == 1:
            del data[at : at + rng.randint(1, 30)]
        elif kind == 2:
            data[at:at] = rng.choice(
                [
                    b"\x01",
                    b"8=FIX.4.4\x01",
                    b"10=000\x01",
                    b"9=50\x01",
                    b"=",
                    b"95=3\x0196=",
                    b"34=00001\x01",
                    b"212=4\x01213=",
                    b"93=2\x0189=",
                    b"9=00000000",
                    b"9=99999",
                ]
            )
        elif kind == 3:
            data[at:at] = data[: rng.randint(1, 60)]
        else:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 9)))
        data = data or bytearray(b"x")
    return bytes(data)


def test_the_kernel_and_the_framer_cut_the_same_messages_out_of_hostile_bytes(arena):
    rng = random.Random(11)
    base = b"".join(
        [message("0", 1, [(112, "x")]), message("A", 2, [(98, 0), (95, 3), (96, "a\x01b")]), message("5", 3, []), message("H", 4, D1[:3])]
    )
    d = Decoder(arena)
    d.conn[L.CN_NEXT_IN] = HAND_OVER
    taken = 0
    for round_ in range(1500):
        data = mutate(rng, base)
        framer, cut = Framer(), []
        at = 0
        buffer = b""
        while at < len(data):
            step = rng.choice([1, 5, 60, 1000])
            piece = data[at : at + step]
            at += step
            buffer += piece
            while True:
                status, rows, slow, used = d.run(buffer)
                assert len(rows) == 0 and status in (L.DEC_SLOW, L.DEC_NEED_MORE)
                buffer = buffer[used + len(slow) :]
                if status == L.DEC_NEED_MORE:
                    break
                cut.append(slow)
        framer.feed(data)
        mine = list(framer)
        taken += len(cut)
        assert cut == mine, (round_, data)
        for raw in cut:
            problem = check(parse(raw))
            assert problem is None or isinstance(problem, Problem) and problem.text
    assert taken > 1000

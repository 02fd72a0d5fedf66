"""The binary wire's kernels against msgspec: the same messages, the same bytes, and nothing but documented answers to rubbish."""

import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange_server.core import layout as L
from exchange_server.core.kit.loads import SLACK
from exchange_server.core.layout import plain as W
from exchange_server.gateway.binary.encoder import evidence_text
from exchange_server.gateway.evidence import Evidence
from exchange_server.wires import binary_in, binary_out, msgpack
from exchange_server.wires.route import route, route_words
from protocol import codes, framing
from protocol import messages as M
from tests.core.binary_arena import event, expected, sessions

ARENA = sessions([codes.WIRE_BINARY, codes.WIRE_FIX, codes.WIRE_BINARY])
HEAD = struct.Struct("<I")
EDGES = sorted(
    {max(M.I64_MIN, min(M.I64_MAX, s * 2**b + d)) for b in (0, 5, 7, 8, 15, 16, 31, 32, 63) for d in (-1, 0, 1) for s in (1, -1)}
)


def within(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers of a range, often at the edges of the MessagePack widths."""
    return st.sampled_from([e for e in EDGES if low <= e <= high]) | st.integers(low, high)


I64 = within(M.I64_MIN, M.I64_MAX)
ID, U31, U16, U7, NIBBLE = within(1, M.I64_MAX), within(0, 2**31 - 1), within(0, 65535), within(0, 127), within(0, 15)
NEW = st.builds(
    M.NewOrder, ID, U31, U31, NIBBLE, NIBBLE, NIBBLE, NIBBLE, U7, I64, I64,
    expiry=I64, min_qty=I64, display_qty=I64, stop_price=I64, deadline=I64, group=U31, cost_cap=I64, stp=NIBBLE, venue=U16, front_end=U16,
)  # fmt: skip
CANCEL = st.builds(M.CancelOrder, ID, ID, U31, U31)
REPLACE = st.builds(
    M.ReplaceOrder, ID, ID, U31, U31, I64, I64, NIBBLE, NIBBLE, NIBBLE, NIBBLE, U7, I64, I64, I64, I64, I64, U31, I64, NIBBLE
)
MASS = st.builds(M.MassCancel, ID, NIBBLE, U31, U31, U31, NIBBLE)
STATUS = st.builds(M.OrderStatusRequest, ID, U31, U31)
MESSAGE = st.one_of(NEW, CANCEL, REPLACE, MASS, STATUS)


def wide(value: int, width: int) -> bytes:
    """The integer in MessagePack with at least 2**width bytes, in whichever sign fits."""
    for size in range(width, 4):
        n = 1 << size
        if 0 <= value < 1 << 8 * n:
            return bytes([0xCC + size]) + value.to_bytes(n, "big")
        if -(1 << 8 * n - 1) <= value < 1 << 8 * n - 1:
            return bytes([0xD0 + size]) + value.to_bytes(n, "big", signed=True)
    raise AssertionError(value)


def payload_of(message: object, keep: int | None = None, widths: list[int] | None = None, long_array: bool = False) -> bytes:
    """msgspec's bytes; or with trailing defaults left out, integers in other widths, the array's head in its long form."""
    fields = [type(message).__struct_config__.tag, *msgspec.structs.astuple(message)][:keep]  # type: ignore[attr-defined, arg-type]
    if widths is None and not long_array:
        return msgspec.msgpack.encode(fields)
    head = bytes([0xDC, 0, len(fields)]) if long_array or len(fields) > 15 else bytes([0x90 | len(fields)])
    return head + b"".join(wide(v, (widths or [0])[i % len(widths or [0])]) for i, v in enumerate(fields))


def row_of(message: M.ClientMessage, session: int) -> list[int]:
    """The command row that a message means, as plain Python says it."""
    row = [0] * L.CMD_WORDS
    account = message.account  # type: ignore[union-attr]
    row[L.CMD_SESSION_ACCOUNT] = session << 32 | account
    row[L.CMD_INSTRUMENT] = message.instrument << 32  # type: ignore[union-attr]
    row[L.CMD_ID_LO] = message.id  # type: ignore[union-attr]
    if isinstance(message, M.NewOrder | M.ReplaceOrder):
        new = isinstance(message, M.NewOrder)
        row[L.CMD_HEAD] = (
            W.pack_command(
                codes.C_NEW if new else codes.C_REPLACE, 0, W.pack_terms(message.side, message.contract_side, message.type, message.tif),
                message.stp, 0, message.flags,
            )
        )  # fmt: skip
        if isinstance(message, M.NewOrder):
            row[L.CMD_INSTRUMENT] |= message.venue << 16 | message.front_end
        else:
            row[L.CMD_ORIG_LO] = message.orig
        row[L.CMD_PRICE], row[L.CMD_QTY], row[L.CMD_EXPIRY] = message.price, message.qty, message.expiry
        row[L.CMD_MIN_QTY], row[L.CMD_DISPLAY_QTY], row[L.CMD_STOP_PRICE] = message.min_qty, message.display_qty, message.stop_price
        row[L.CMD_DEADLINE], row[L.CMD_GROUP_SEQ], row[L.CMD_COST_CAP] = message.deadline, message.group << 32, message.cost_cap
    elif isinstance(message, M.CancelOrder):
        row[L.CMD_HEAD], row[L.CMD_ORIG_LO] = codes.C_CANCEL, message.orig
    elif isinstance(message, M.OrderStatusRequest):
        row[L.CMD_HEAD], row[L.CMD_ORIG_LO] = codes.C_STATUS, message.id
    elif isinstance(message, M.MassCancel):
        row[L.CMD_HEAD], row[L.CMD_SCOPE] = codes.C_MASS_CANCEL | message.side << 16, message.scope
        if message.scope == codes.SCOPE_EVENT:
            row[L.CMD_INSTRUMENT] = message.event << 32
    return row


class Decoder:
    def __init__(self, session: int = 1, rows: int = 64) -> None:
        self.conn = np.zeros(L.CN_WORDS, dtype=np.int64)
        self.conn[L.CN_SESSION] = session
        self.res = np.zeros(L.RES_WORDS, dtype=np.int64)
        self.rows = rows

    def __call__(self, data: bytes, budget: int = 1 << 30, behind: int = 0xCF, start: int = 0) -> tuple[int, list[list[int]], int]:
        """(status, rows, position). The slack after the data is filled with the byte `behind`, which must not matter."""
        self.conn[L.CN_BUDGET] = budget
        buf = np.frombuffer(data + bytes([behind]) * SLACK, dtype=np.uint8).copy()
        out = np.full(self.rows * L.CMD_WORDS, -1, dtype=np.int64)
        status = binary_in.decode(buf, start, len(data), self.conn, out, 0, self.res)
        words = int(self.res[L.RES_OUT])
        assert (out[words + L.CMD_WORDS :] == -1).all(), "wrote beyond its rows"
        assert self.res[L.RES_COUNT] * L.CMD_WORDS == words
        return status, [[int(x) for x in out[i : i + L.CMD_WORDS]] for i in range(0, words, L.CMD_WORDS)], int(self.res[L.RES_POS])


decode = Decoder()


def test_tags_and_fields_are_those_of_the_messages() -> None:
    known = {t.__struct_config__.tag: t for t in M.CLIENT_MESSAGES + M.SERVER_MESSAGES}  # type: ignore[attr-defined]
    names = {
        "TAG_NEW": M.NewOrder, "TAG_CANCEL": M.CancelOrder, "TAG_REPLACE": M.ReplaceOrder, "TAG_MASS_CANCEL": M.MassCancel,
        "TAG_STATUS": M.OrderStatusRequest,
    }  # fmt: skip
    for name, kind in names.items():
        assert known[getattr(binary_in, name, None) or getattr(binary_out, name)] is kind
    aliases = {"moved": "amount", "settled": "amount", "balance_after": "balance", "settled_asset": "asset", "settled_event": "market"}
    aliases |= {
        "of_side": "side",
        "of_contract_side": "contract_side",
        "bust_amount": "amount",
        "bust_balance": "balance",
        "bust_of": "fill",
        "was_price": "old_price",
        "was_qty": "old_qty",
    }
    aliases |= {"reversed_event": "market", "new_payout": "payout", "at_settlement": "position"}
    aliases |= {name: name.removeprefix("entry_") for name in ("entry_asset", "entry_balance", "entry_version")} | {"entry": "amount"}
    aliases |= {"split_from": "source", "split_position": "position", "split_event": "market"}
    for tag, fields in (*binary_out.PLANS.values(), *binary_out.MARKED_PLANS.values()):
        struct_fields = known[tag].__struct_fields__
        told = [aliases.get(f, f) for f in fields.split()]
        if told[-1] == "evidence":
            told[-1:] = ["rule", "source", "observed", "observed_at", "evidence", "evidence_name"]
            assert told[-binary_out.EVIDENCE_FIELDS - 1] == "market"
        if known[tag] in (M.Moved, M.Refused, M.Settled):
            told = ["market" if f == "instrument" and known[tag] is not M.Settled else f for f in told]
        if fields in (plan for kind, (_, plan) in binary_out.PLANS.items() if kind in binary_out.MARKED_PLANS):
            struct_fields = struct_fields[:-1]
        assert tuple(told) == struct_fields, known[tag].__name__
    assert {M.SERVER_MESSAGES.index(known[tag]) for tag, _ in binary_out.PLANS.values()} == {M.SERVER_MESSAGES.index(t) for t in M.NUMBERED}
    assert binary_in.MAX_PAYLOAD == framing.MAX_CLIENT_PAYLOAD


@settings(max_examples=250, deadline=None)
@given(MESSAGE, st.lists(st.integers(0, 3), min_size=1, max_size=5), st.booleans(), st.integers(0, 255))
def test_whatever_msgspec_writes_the_kernel_reads(message: M.ClientMessage, widths: list[int], long_array: bool, behind: int) -> None:
    want = row_of(message, 1)
    for payload in (M.encode(message), payload_of(message, None, widths, long_array)):
        assert M.decode_client(payload) == message
        data = framing.frame(payload)
        status, rows, position = decode(data, behind=behind)
        assert (status, position) == (L.DEC_NEED_MORE, len(data))
        assert rows == [want]


@settings(max_examples=200, deadline=None)
@given(MESSAGE, st.data())
def test_trailing_fields_may_be_left_out(message: M.ClientMessage, data: st.DataObject) -> None:
    required = len(type(message).__struct_fields__) - len(type(message).__struct_defaults__)
    keep = data.draw(st.integers(1, len(type(message).__struct_fields__) + 1))
    payload = payload_of(message, keep)
    status, rows, position = decode(framing.frame(payload))
    if keep >= required + 1:
        read = M.decode_client(payload)
        assert status == L.DEC_NEED_MORE and rows == [row_of(read, 1)]
    else:
        assert (status, rows, position) == (L.DEC_SLOW, [], 0)
        with pytest.raises(M.WireError) as caught:
            M.decode_client(payload)
        assert caught.value.reason == codes.R_WIRE_FIELD


@settings(max_examples=200, deadline=None)
@given(MESSAGE, st.data())
def test_a_number_out_of_its_bounds_is_left_to_python(message: M.ClientMessage, data: st.DataObject) -> None:
    fields = [type(message).__struct_config__.tag, *msgspec.structs.astuple(message)]  # type: ignore[arg-type, attr-defined]
    at = data.draw(st.integers(1, len(fields) - 1))
    fields[at] = data.draw(st.one_of(st.integers(2**63, 2**64 - 1), st.integers(M.I64_MIN, M.I64_MAX), st.none(), st.text(), st.floats()))
    payload = msgspec.msgpack.encode(fields)
    status, rows, _ = decode(framing.frame(payload))
    try:
        read = M.decode_client(payload)
    except M.WireError as error:
        assert error.reason == codes.R_WIRE_FIELD
        assert (status, rows) == (L.DEC_SLOW, [])
    else:
        assert status == L.DEC_SLOW or rows == [row_of(read, 1)]


def test_byte_by_byte_and_in_any_pieces() -> None:
    messages = [M.NewOrder(i + 1, 0, 7, 1, 1, 2, 1, 0, 4000 - i, 10**i) for i in range(5)]
    messages += [M.CancelOrder(9, 1), M.ReplaceOrder(10, 2, 17, 7, -1, 5)]  # type: ignore[list-item]
    stream = b"".join(framing.frame(M.encode(x)) for x in messages)
    borders = {0}
    for x in messages:
        borders.add(max(borders) + 4 + len(M.encode(x)))
    want = [row_of(x, 1) for x in messages]
    for end in range(len(stream) + 1):
        status, rows, position = decode(stream[:end], behind=end & 255)
        assert status == L.DEC_NEED_MORE and position == max(b for b in borders if b <= end)
        assert rows == want[: len(rows)] and len(rows) == sorted(borders).index(position)
        rest = decode(stream, start=position)
        assert rows + rest[1] == want


def test_budget_and_full_inbox_stop_between_messages() -> None:
    stream = framing.frame(M.encode(M.CancelOrder(9, 1))) * 10
    status, rows, position = decode(stream, budget=4)
    assert (status, len(rows), position) == (L.DEC_FULL, 4, 4 * len(stream) // 10) and decode.conn[L.CN_BUDGET] == 0
    status, rows, _ = Decoder(rows=3)(stream)
    assert (status, len(rows)) == (L.DEC_FULL, 3)
    assert decode(stream, budget=10)[0] == L.DEC_NEED_MORE


@pytest.mark.parametrize("length", [0, framing.MAX_CLIENT_PAYLOAD + 1, 2**31, 2**32 - 1])
def test_impossible_lengths_are_for_python_at_once(length: int) -> None:
    good = framing.frame(M.encode(M.CancelOrder(9, 1)))
    status, rows, position = decode(good + HEAD.pack(length))
    assert (status, len(rows), position) == (L.DEC_SLOW, 1, len(good))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 255))
def test_rubbish_in_a_frame(junk: bytes, behind: int) -> None:
    good = framing.frame(M.encode(M.CancelOrder(9, 1)))
    status, rows, position = decode(good + HEAD.pack(len(junk)) + junk, behind=behind)
    assert rows[0] == row_of(M.CancelOrder(9, 1), 1)
    try:
        message = M.decode_client(junk)
    except M.WireError:
        assert status == L.DEC_SLOW and position == len(good) and len(rows) == 1
    else:
        assert status == L.DEC_SLOW or rows[1] == row_of(message, 1)


@settings(max_examples=250, deadline=None)
@given(MESSAGE, st.data())
def test_a_damaged_message_means_what_msgspec_says_or_nothing(message: M.ClientMessage, data: st.DataObject) -> None:
    payload = bytearray(M.encode(message))
    for _ in range(data.draw(st.integers(1, 3))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del payload[data.draw(st.integers(0, len(payload) - 1)) :]
    if data.draw(st.booleans()):
        payload += data.draw(st.binary(min_size=1, max_size=12))
    status, rows, _ = decode(HEAD.pack(len(payload)) + bytes(payload))
    try:
        read = M.decode_client(bytes(payload))
    except M.WireError:
        assert (status, rows) == (L.DEC_SLOW, [])
    else:
        assert status == L.DEC_SLOW or rows == [row_of(read, 1)]


@settings(max_examples=250, deadline=None)
@given(I64)
def test_integers_are_written_in_the_shortest_form(value: int) -> None:
    out = np.zeros(32, dtype=np.uint8)
    end = msgpack.write_int(out, 0, value)
    assert out[:end].tobytes() == msgspec.msgpack.encode(value)
    for width in range(4):
        data = wide(value, width)
        for behind in (0x00, 0xFF):
            buf = np.frombuffer(data + bytes([behind]) * SLACK, dtype=np.uint8).copy()
            assert msgpack.read_int(buf, 0, len(data)) == (value, len(data))
            assert msgpack.read_id(buf, 0, len(data)) == (value, len(data))
            for end in range(len(data)):  # cut short
                assert msgpack.read_int(buf, 0, end)[1] > end


FIELDS = {
    "status": within(0, 8), "reason": within(0, 0xFFF), "side": NIBBLE, "contract_side": NIBBLE, "type": NIBBLE, "tif": NIBBLE, "flags": within(0, 0x7FFF),
    "account": U31, "instrument": U31, "venue": U16, "front_end": U16, "number": ID, "time": within(0, M.I64_MAX), "session_number": ID,
    "previous": ID, "order": within(0, M.I64_MAX), "id_hi": st.sampled_from([0, -5]), "id_lo": within(0, M.I64_MAX),
    "orig_hi": st.sampled_from([0, M.I64_MIN]), "orig_lo": within(0, M.I64_MAX), "price": I64, "qty": I64, "cum": I64, "leaves": I64,
    "last_price": I64, "last_qty": I64, "notional": I64, "fee": I64, "trade": within(0, M.I64_MAX), "expiry": I64, "spare": I64,
}  # fmt: skip
KINDS = [kind for kind in binary_out.PLANS if kind != codes.E_SENT]


def encode(rows: list[np.ndarray], arena: np.ndarray = ARENA, room: int | None = None) -> tuple[int, dict[int, bytes], np.ndarray]:
    ev = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    out = np.zeros(binary_out.out_bytes(ev.size // L.EVT_WORDS) if room is None else room, dtype=np.uint8)
    index = np.zeros(binary_out.index_words(arena), dtype=np.int64)
    res = np.zeros(L.RES_WORDS, dtype=np.int64)
    routes = np.zeros(route_words(arena, ev.size // L.EVT_WORDS), dtype=np.int64)
    assert route(arena, ev, ev.size, routes) == L.ENC_DONE
    table = Evidence(None, evidence_text)
    while (status := binary_out.encode(ev, routes, out, index, res, table.words)) == L.ENC_EVIDENCE or (
        status == L.ENC_SPACE and room is None
    ):
        if status == L.ENC_EVIDENCE:
            table.add(int(res[L.RES_EVENT]), int(res[L.RES_VERSION]))
        else:  # evidence is not counted in out_bytes
            assert res[L.RES_BYTES] > out.size and any(W.kind_of(int(row[0])) == codes.E_SETTLED for row in rows)
            out = np.zeros(int(res[L.RES_BYTES]), dtype=np.uint8)
    used = int(res[L.RES_INDEX])
    sent = {}
    if status == L.ENC_DONE:
        for i in range(used):
            session, offset, length = (int(x) for x in index[i * L.INDEX_WORDS : (i + 1) * L.INDEX_WORDS])
            sent[session] = out[offset : offset + length].tobytes()
    return status, sent, res


def payload(message: M.ServerMessage) -> bytes:
    """As the kernel writes it: the flags of an order are left out when they are 0."""
    data = M.encode(message)
    if isinstance(message, M.Accepted | M.OrderStatus) and not message.flags:
        return msgspec.msgpack.encode(msgspec.msgpack.decode(data)[:-1])
    return data


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from([0, 1, 2, 3, 4]), st.fixed_dictionaries(FIELDS)), max_size=8))
def test_what_the_kernel_writes_is_what_msgspec_writes(drawn: list[tuple[int, int, dict[str, int]]]) -> None:
    rows = [event(kind, session=session, **fields) for kind, session, fields in drawn]
    status, sent, _ = encode(rows)
    assert status == L.ENC_DONE
    for session in range(5):
        mine = [expected(r) for (_, s, _), r in zip(drawn, rows) if s == session]
        want = b"".join(framing.frame(payload(x)) for x in mine) if session in (1, 3) else b""
        assert sent.get(session, b"") == want
        if session in (1, 3):
            assert [M.decode_server(p) for p in framing.FrameReader().feed(want)] == mine


def sent_event(body: bytes, session: int = 1, number: int = 6) -> np.ndarray:
    extra = -(-len(body) // (8 * L.EVT_WORDS))
    row = event(codes.E_SENT, extra=extra, session=session, number=12, time=99, session_number=number, body_bytes=len(body), msg_type=66)
    row[L.EVT_WORDS :].view(np.uint8)[: len(body)] = np.frombuffer(body, dtype=np.uint8)
    return row


@pytest.mark.parametrize("size", [0, 1, 7, 8, 100, 192, 5000, 40_000])
def test_session_messages_are_wrapped_with_their_number(size: int) -> None:
    body = M.MessageRefused(codes.R_WIRE_FIELD, 10, 5, "x" * size)
    fill = event(codes.E_FILL, session=1, number=13, session_number=7, trade=3)
    status, sent, res = encode([sent_event(M.encode(body)), fill])
    assert status == L.ENC_DONE and res[L.RES_MESSAGES] == 2
    got = [M.decode_server(p) for p in framing.FrameReader().feed(sent[1])]
    assert got == [M.Sent(6, 12, 99, body), expected(fill)]


def test_an_unnumbered_session_message_is_its_body() -> None:
    _, sent, _ = encode([sent_event(M.encode(M.ResumeDone(1, 2, 2)), number=0)])
    assert [M.decode_server(p) for p in framing.FrameReader().feed(sent[1])] == [M.ResumeDone(1, 2, 2)]


def test_a_body_length_that_lies_is_cut_to_its_rows() -> None:
    row = sent_event(b"\xc0")
    row[L.EVT_BODY_BYTES] = 1 << 40
    _, sent, _ = encode([row], room=4096)
    assert not sent  # asks for room; never reads beyond
    row[L.EVT_BODY_BYTES] = 500
    status, sent, _ = encode([row], room=4096)
    assert status == L.ENC_DONE and len(sent[1]) < 192 + 4 + 32


def test_too_little_room_changes_nothing() -> None:
    rows = [event(codes.E_FILL, session=s, number=i + 1, session_number=i + 1) for i, s in enumerate([1, 3, 2, 1])]
    status, sent, res = encode(rows, room=100)
    assert status == L.ENC_SPACE and sent == {} and res[L.RES_BYTES] > 100
    status, sent, _ = encode(rows, room=int(res[L.RES_BYTES]))
    assert status == L.ENC_DONE and set(sent) == {1, 3}


def test_unnumbered_events_and_unknown_kinds_are_skipped() -> None:
    rows = [event(k, session=1, number=1, session_number=0) for k in (codes.E_LOGON, codes.E_PHASE, codes.E_FILL)]
    status, sent, _ = encode([*rows, event(codes.E_PHASE, session=1, session_number=4, number=2)])
    assert status == L.ENC_DONE and sent.get(1, b"") == b""

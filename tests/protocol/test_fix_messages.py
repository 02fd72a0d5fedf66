"""Strict numbers, exact decimals, the checks and their numbers, building that simplefix reads back."""

import pytest
import simplefix
from hypothesis import given
from hypothesis import strategies as st

from protocol import codes
from protocol.fix_messages import (
    Framer,
    OrderRequest,
    Problem,
    build,
    check,
    encode_fields,
    format_scaled,
    format_timestamp,
    is_decimal,
    parse,
    parse_int,
    parse_timestamp,
    parse_uint,
    plain_id,
    read_order,
    scale,
)

T = b"20260101-00:00:00"


@pytest.mark.parametrize("text", [b"", b"+1", b"1_000", b" 1", b"1 ", b"0x1", b"1.0", "\u0661".encode(), b"9" * 19, b"--1", b"1-"])
def test_what_is_no_number(text):
    assert parse_uint(text) is None and parse_int(text) is None


def test_numbers():
    assert parse_uint(b"007") == 7 and parse_uint(b"9" * 18) == 10**18 - 1 and parse_uint(b"-1") is None and parse_int(b"-12") == -12


@pytest.mark.parametrize(
    ("text", "decimals", "value"),
    [(b"0.6200", 4, 6200), (b"0.62", 4, 6200), (b".62", 4, 6200), (b"5.", 2, 500), (b"-0.5", 1, -5), (b"0.6200000", 4, 6200), (b"007", 0, 7), (b"0", 8, 0)],
)  # fmt: skip
def test_decimals(text, decimals, value):
    assert scale(text, decimals) == (value, "") and is_decimal(text)


@pytest.mark.parametrize(
    ("text", "decimals", "why"),
    [
        (b"0.62005", 4, "has 5 decimals, at most 4 are allowed here"),
        (b"1.5", 0, "has 1 decimals, at most 0 are allowed here"),
        (b"1e3", 4, "is not a decimal number"),
        (b".", 4, "is not a decimal number"),
        (b"", 4, "is not a decimal number"),
        (b"nan", 4, "is not a decimal number"),
        (b"1.2.3", 4, "is not a decimal number"),
        (b"9223372036854775808", 0, "is too large: at most 18 digits before the point"),
        (b"999999999999999", 4, "is too large: at most 14 digits before the point"),
    ],
)
def test_decimals_are_never_rounded_or_guessed(text, decimals, why):
    assert scale(text, decimals) == (0, why)


@given(st.integers(-(10**17), 10**17), st.integers(0, 12))
def test_a_written_decimal_reads_back(value, decimals):
    text = format_scaled(value, decimals)
    if len(text.strip("-")) <= 18:
        assert scale(text.encode(), decimals) == (value, "")


@given(st.integers(0, 7 * 10**18), st.sampled_from([0, 3, 6, 9]))
def test_timestamps(ns, decimals):
    text = format_timestamp(ns, decimals)
    assert len(text) == (17 if not decimals else 18 + decimals)
    assert parse_timestamp(text) == ns - ns % 10 ** (9 - decimals)


@pytest.mark.parametrize(
    "text", [b"", b"20260230-00:00:00", b"20261301-00:00:00", b"20260101-24:00:00", b"20260101-00:60:00", b"20260101-00:00:61", b"20260101 00:00:00",
             b"20260101-00:00:00.", b"20260101-00:00:00.1234567890", b"20260101-0:00:00", b"00000101-00:00:00", b"2026010a-00:00:00"],
)  # fmt: skip
def test_no_timestamps(text):
    assert parse_timestamp(text) is None


def test_ids():
    assert [plain_id(t) for t in (b"1", b"9223372036854775807", b"9223372036854775808", b"01", b"0", b"-1", b"1a", b"")] == [
        1,
        2**63 - 1,
        0,
        0,
        0,
        0,
        0,
        0,
    ]


def message(msg_type, body, header=b"", seq=1):
    return parse(build("FIX.4.4", msg_type, "CLIENT1", "EXOS-OE", seq, T, body.replace("|", "\x01").encode(), header))


ORDER = "11=1|55=A|54=1|60=20260101-00:00:00|38=10|40=2|44=0.5|"


@pytest.mark.parametrize(
    ("msg_type", "body", "reason", "tag", "says"),
    [
        ("D", ORDER + "999=1|", 0, 999, "tag 999 is unknown"),
        ("D", ORDER + "5999=1|", 0, 5999, "tag 5999 is unknown"),
        ("D", ORDER + "0=HI|", 0, 0, "'0' is not a tag: found 'HI'"),
        ("D", ORDER + "-1=HI|", 0, -1, "'-1' is not a tag: found 'HI'"),
        ("D", ORDER + "abc=HI|", 0, None, "'abc' is not a tag: found 'HI'"),
        ("D", ORDER + "0055=HI|", 0, 55, "'0055' is not a tag: found 'HI'"),
        ("D", ORDER + "63=0|", 2, 63, "SettlType(63) is not accepted here: found '0'"),
        ("D", ORDER + "880=0|", 2, 880, "TrdMatchID(880) is not accepted here: found '0'"),
        ("D", ORDER.replace("38=10|", ""), 1, 38, "OrderQty(38) is required in NewOrderSingle(D)"),
        ("D", ORDER + "434=1|", 2, 434, "CxlRejResponseTo(434) is not accepted in NewOrderSingle(D)"),
        ("D", ORDER.replace("38=10", "38="), 4, 38, "OrderQty(38) has no value"),
        ("D", ORDER.replace("40=2", "40=7"), 5, 40, "OrdType(40): found '7', expected one of 1, 2, 3, 4"),
        ("D", ORDER + "18=6 9|", 5, 18, "ExecInst(18): found '6 9', expected one of 6"),
        ("D", ORDER.replace("38=10", "38=1e3"), 6, 38, "OrderQty(38): found '1e3', expected a decimal number"),
        ("D", ORDER.replace("54=1", "54=11"), 6, 54, "Side(54): found '11', expected one character"),
        ("D", ORDER.replace("60=2026", "60=x026"), 6, 60, "expected YYYYMMDD-HH:MM:SS with up to 9 decimals"),
        ("D", ORDER + "38=10|", 13, 38, "OrderQty(38) appears more than once"),
        ("D", ORDER + "50=desk|", 14, 50, "SenderSubID(50) belongs to the header"),
        ("D", ORDER.replace("11=1|", "11=" + "x" * 65 + "|"), 5, 11, "ClOrdID(11) must be 1 to 64 printable ASCII characters, found 65"),
        ("D", ORDER.replace("11=1|", "11=a\tb|"), 5, 11, "ClOrdID(11) must be"),
        ("QQQ", "", 11, 35, "MsgType QQQ is unknown"),
        ("1", "", 1, 112, "TestReqID(112) is required in TestRequest(1)"),
        ("A", "98=1|108=30|", 5, 98, "EncryptMethod(98): found '1', expected one of 0"),
    ],
)
def test_checks(msg_type, body, reason, tag, says):
    problem = check(message(msg_type, body))
    assert problem and (problem.reason, problem.tag, problem.business) == (reason, tag, 0)
    assert says in problem.text


@pytest.mark.parametrize("msg_type", ["8", "9", "r", "E", "V", "AE", "B"])
def test_known_but_not_taken_types_are_a_business_reject(msg_type):
    problem = check(message(msg_type, ""))
    assert problem and problem.business == 3 and f"MsgType {msg_type} is not accepted on this session" in problem.text


def test_good_messages_pass():
    assert check(message("D", ORDER + "1=X|5010=N|59=6|126=20270101-00:00:00|18=6|2964=1|", b"50=desk\x0157=x\x01")) is None
    assert check(message("H", "11=1|55=A|54=1|")) is None, "an order status request has no TransactTime"
    assert check(message("q", "11=1|530=7|60=20260101-00:00:00|")) is None


def test_orders_as_codes():
    order = read_order(message("D", ORDER + "1=X|5010=N|59=6|126=20270101-00:00:00|18=6|2964=1|5017=Y|110=2|5012=9|5015=3|", seq=7))
    assert order == OrderRequest(
        "D", 7, b"1", b"", b"X", b"A", 1, codes.NO, codes.LIMIT, codes.GTD, 1, codes.FLAG_POST_ONLY | codes.FLAG_REDUCE_ONLY,
        b"0.5", b"10", b"2", expiry_ns=parse_timestamp(b"20270101-00:00:00"), front_end=9, group=3, tif_said=True,
    )  # fmt: skip
    mass = read_order(message("q", "11=1|530=1|55=A|54=2|60=20260101-00:00:00|"))
    assert (mass.scope, mass.side, mass.symbol) == (codes.SCOPE_INSTRUMENT, codes.SELL, b"A")
    assert read_order(message("q", "11=1|530=7|5011=F|60=20260101-00:00:00|")).scope == codes.SCOPE_FIRM


@pytest.mark.parametrize(
    ("msg_type", "body", "problem"),
    [
        ("D", ORDER.replace("44=0.5|", ""), Problem(0, 44, "Price(44) is required with OrdType(40) 2", 5)),
        ("D", ORDER + "48=B|22=8|", Problem(5, 48, "SecurityID(48): found 'B', expected the Symbol(55) 'A'")),
        ("D", ORDER + "5012=70000|", Problem(5, 5012, "FrontEnd(5012): found 70000, expected 0 to 65535")),
        ("D", ORDER + "1=" + "a" * 65 + "|", Problem(5, 1, "Account(1) has 65 characters, at most 64 are allowed")),
        ("q", "11=1|530=1|60=20260101-00:00:00|", Problem(0, 55, "Symbol(55) is required for a mass cancel of this scope", 5)),
    ],
)
def test_conditions_of_orders(msg_type, body, problem):
    checked = message(msg_type, body)
    assert check(checked) is None
    assert read_order(checked) == problem


@given(
    st.lists(
        st.tuples(
            st.sampled_from([1, 11, 44, 58, 5010]), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
        )
    )
)
def test_simplefix_reads_what_build_writes(fields):
    raw = build("FIX.4.4", "D", "A", "B", 12, T, encode_fields(fields))
    parser = simplefix.FixParser()
    parser.append_buffer(raw)
    read = parser.get_message()
    assert read.encode() == raw
    assert [(int(t), v.decode()) for t, v in read.pairs[7:-1]] == fields
    framer = Framer()
    framer.feed(raw)
    assert list(framer) == [raw] and framer.garbled == 0


@pytest.mark.parametrize("value", [b"", b"a\x01b", ""])
def test_empty_values_and_delimiters_are_never_written(value):
    with pytest.raises(ValueError, match="field 58 cannot carry"):
        encode_fields([(58, value)])


def test_secrets_are_not_shown():
    assert "geheim" not in repr(message("A", "98=0|108=30|553=u|554=geheim|"))

"""Everything we send to a session that is not told otherwise is FIX 4.4 as the standard has it; and a session that knows our dictionary gets more."""

from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from protocol import codes, errors, fix_tables
from protocol.fix_messages import FixMessage, parse
from tests.gateway.fix.street import ESP, FixEnd, Street, order_body
from tests.protocol import fix44_standard as standard


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


def everything(street: Street) -> tuple[FixEnd, list[FixMessage]]:
    """A session's whole life: every message and execution type that a FIX session can be sent; all that CLIENT1 got."""
    end, other = street.up(1), street.up(2)
    row = street.session_row(end)
    c, now = end.client, street.now
    c.new_order(now, 1, ESP, 1, 10, "0.0500")
    c.new_order(now, "no order", ESP, 1, 10, "0.9000", no=True)
    c.new_order(now, 2, ESP, 1, 10, "0.0500", extra=((126, "20300101-00:00:00.123456789"),), tif=codes.GTD)
    c.new_order(now, 3, ESP, 1, 5, None, tif=codes.IOC)
    c.new_order(now, 4, ESP, 1, 5, "0.00001")
    c.new_order(now, 4, ESP, 1, 5, "0.0600", extra=((18, "6"), (110, 5)))
    c.replace(now, 5, 1, ESP, 1, 20, "0.0510")
    c.replace(now, 6, "unknown", ESP, 1, 20, "0.0510")
    c.replace(now, 66, 5, ESP, 1, 20, "0.051000001")
    c.cancel(now, 7, "unknown", ESP, 1)
    c.status(now, 5, ESP, 1)
    c.send("H", [(11, 5), (790, "ask-1"), (55, ESP), (54, 1)], now)
    c.send("H", [(11, "gone"), (790, 77), (55, ESP), (54, 1)], now)
    c.send("1", [(112, "are you there")], now)
    c.send("D", [(11, "x"), (55, ESP), (54, 1)], now)
    c.send("E", [(11, "x")], now)
    c.send("D", [(11, "x"), (55, ESP), (54, 1), (60, "20260101-00:00:00"), (38, 1), (40, 2)], now)
    street.turn(2)
    other.client.new_order(now, 1, ESP, 2, 5, "0.0100")
    street.turn(2)
    c.cancel(now, 8, 5, ESP, 1)
    c.mass_cancel(now, 9, symbol=ESP)
    c.mass_cancel(now, 10, symbol="NOTHING")
    c.mass_cancel(now, 11, scope="A")
    street.turn(2)
    street.engine.m[row + L.S_THROTTLE + L.TH_LIMIT], street.engine.m[row + L.S_THROTTLE + L.TH_WINDOW] = 1, 10**15
    for i in range(3):
        c.new_order(now, 20 + i, ESP, 1, 1, "0.0100")
    c.replace(now, 30, 20, ESP, 1, 2, "0.0100")
    street.turn(2)
    end.send_raw("0", c.next_out + 3)
    end.raw, first = b"", end.raw
    c.send("2", [(7, 1), (16, 0)], now)
    street.turn(4)
    c.next_out += 1
    end.raw = first
    street.turn(2)
    street.wait(31 * 10**9)
    street.wait(31 * 10**9)
    street.wait(37 * 10**9)
    street.begin()
    end.connection.expel(street.input, codes.R_SHUTDOWN, "maintenance until 06:00")
    street.apply()
    end.to_client()
    return end, end.take()


def test_an_engine_with_the_standard_dictionary_would_reject_nothing(street: Street) -> None:
    _, messages = everything(street)
    wrong = [(parse(m.raw), what) for m in messages if (what := standard.wrong_with(m))]
    assert wrong == []
    assert {m.msg_type for m in messages} == {"0", "1", "2", "3", "4", "5", "8", "9", "A", "B", "j", "r"}
    assert {m.text(150) for m in messages if m.msg_type == "8"} == {"0", "4", "5", "8", "F", "I"}
    assert {m.text(380) for m in messages if m.msg_type == "j"} == {"0", "3", "5"}, "a throttle is OTHER with its text"
    throttled = [m for m in messages if m.text(380) == "0"]
    assert len(throttled) >= 3 and all("1 messages" in m.text(58) for m in throttled)
    fills = [m for m in messages if m.text(150) == "F" and not m.poss_dup]
    assert fills and all(m.text(527).isdigit() and 880 not in m for m in fills)
    assert any(m.poss_dup for m in messages)


def test_the_judge_sees_what_our_own_dictionary_adds(street: Street) -> None:
    """The same life with `standard_dictionary = false`: NO orders and scopes are named, a throttle has its own 380."""
    for session in street.engine.registry.sessions:
        base = int(street.engine.m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE])
        street.engine.m[base + session.id * L.SESSION_WORDS + L.S_FORM] = W.pack_form(L.FORM_OWN_FIELDS, L.FORM_TIME_NANOS)
    _, messages = everything(street)
    wrong = {what for m in messages for what in standard.wrong_with(m, decimals=9)}
    assert wrong == {"5010 is not of this message", "5011 is not of this message", "380=8 is no value of it"}
    assert all(m.text(5010) == "N" for m in messages if m.text(11) == "no order")


@pytest.mark.parametrize("decimals", [0, 3, 6, 9])
def test_timestamps_have_the_decimals_of_the_session(street: Street, decimals: int) -> None:
    base = int(street.engine.m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE])
    form = W.pack_form(0, {3: L.FORM_TIME_MILLIS, 0: L.FORM_TIME_SECONDS, 6: L.FORM_TIME_MICROS, 9: L.FORM_TIME_NANOS}[decimals])
    for session in street.engine.registry.sessions:
        street.engine.m[base + session.id * L.SESSION_WORDS + L.S_FORM] = form
    _, messages = everything(street)
    assert [what for m in messages for what in standard.wrong_with(m, decimals)] == []


def test_every_reason_code_has_values_of_the_standard() -> None:
    for row in errors.REFUSALS.values():
        for tag, value in ((103, row.fix_103), (102, row.fix_102), (373, row.fix_373), (378, row.fix_378)):
            assert value is None or str(value) in standard.VALUES[tag].split(), (row.name, tag, value)


def test_our_table_adds_only_fields_that_are_options() -> None:
    """By message: what we may send beyond the standard. 5001 to 5003 are echoed and 5010, 5011, 5018 sent only without standard_dictionary."""
    beyond = {}
    for message in fix_tables.MESSAGES.values():
        if message.outgoing and message.msg_type not in ("UMS", "UPS"):
            may = standard.tags(standard.MESSAGES[message.msg_type][2])
            if extra := {tag for tag, _ in message.fields if tag not in may}:
                beyond[message.msg_type] = extra
    assert beyond == {"A": {58, 1137, 5001, 5002, 5003}, "8": {5010, 5018}, "r": {5011}, "BA": {5107}}, (
        "58 and 1137: taken from a client, not sent"
    )


def test_a_definition_says_how_a_session_is_written_and_it_holds_from_the_next_reset(street: Street) -> None:
    end = street.up(1)
    old = next(s.record for s in street.engine.registry.sessions if s.name == "CLIENT1")
    fields = {name: getattr(old, name) for name in old.__struct_fields__} | {"standard_dictionary": False, "timestamp_decimals": 6}
    street.admin(ar.DefineSession(**fields))
    end.client.new_order(street.now, 1, ESP, 1, 10, "0.9000", no=True)
    street.turn()
    report = end.take()[-1]
    assert 5010 not in report and standard.wrong_with(report) == [], (
        "numbers that were begun in one form go on in it: a resend has the same bytes"
    )
    end.plain = True  # by hand from here
    end.logon_raw(1, "98=0|108=30|141=Y|", login="")
    street.turn(2)
    end.send_raw("D", 2, order_body("2", price="0.9000", extra="5010=N|"))
    street.turn(2)
    report = end.take()[-1]
    assert report.msg_type == "8", report
    assert report.text(5010) == "N" and len(report.text(60)) == 24


def test_a_binary_session_has_no_dictionary(street: Street) -> None:
    old = next(s.record for s in street.engine.registry.sessions if s.record.wire == "binary")
    fields = {name: getattr(old, name) for name in old.__struct_fields__} | {"timestamp_decimals": 9}
    answer = street.engine.registry.apply(ar.pack("uid:0", "r", ar.DefineSession(**fields)), street.engine, lambda events: None)
    assert not answer.ok and "timestamp_decimals" in answer.text and "binary session has none" in answer.text

"""FIX connections at their edges: overlapping resends, copied logons, numbers beyond 32 bits, over-long messages, orders that cannot be
read."""

import random
from pathlib import Path

import pytest

from exchange_server.core import layout as L
from exchange_server.gateway.fix.logons import LogonMemory
from exchange_server.gateway.fix.resend import NEWEST, Resends
from protocol import codes
from protocol.fix_messages import parse
from tests.core.test_wire_fix import mutate
from tests.gateway.fix.street import ESP, FixEnd, Street, order_body, show

SECOND = 10**9


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


def word(street: Street, end: FixEnd, which: int) -> int:
    return int(street.engine.m[street.session_row(end) + which])


# ---------------------------------------------------------------------------------------------------- resends
def test_overlapping_resend_requests_are_merged(street: Street) -> None:
    end = street.up()
    for i in range(40):
        end.client.new_order(street.now, i + 1, ESP, 1, 1, "0.0100")
    street.turn(2)
    end.take()
    for i in range(30):  # like an engine that sends a new request with each message it gets
        end.send_raw("2", end.client.next_out + i, f"7={1 + i % 3}|16=0|")
    end.client.next_out += 30
    street.turn(6)
    assert end.outlet.closed is None
    again = [m.seq for m in end.take() if m.poss_dup and m.msg_type == "8"]
    assert sorted(again) == list(range(2, 42)), "each once, though asked for thirty times"
    end.client.new_order(street.now, 100, ESP, 1, 1, "0.0100")
    street.turn()
    assert [m.text(11) for m in end.take()] == ["100"]


def test_a_request_for_what_has_been_resent_already_is_answered_again(street: Street) -> None:
    end = street.up()
    for i in range(5):
        end.client.new_order(street.now, i + 1, ESP, 1, 1, "0.0100")
    street.turn(2)
    end.take()
    for _ in range(2):
        end.client.send("2", [(7, 1), (16, 4)], street.now)
        street.turn(2)
        assert [m.seq for m in end.take() if m.msg_type == "8"] == [2, 3, 4]


def test_many_small_ranges_wait_for_each_other_and_nobody_is_logged_out(street: Street) -> None:
    end = street.up()
    for i in range(90):
        end.client.new_order(street.now, i + 1, ESP, 1, 1, "0.0100")
    street.turn(2)
    end.take()
    for i in range(40):
        end.client.send("2", [(7, 2 + 2 * i), (16, 2 + 2 * i)], street.now)
    street.turn(60)
    assert end.outlet.closed is None
    assert [m.seq for m in end.take() if m.msg_type == "8"] == [2 + 2 * i for i in range(40)]


class Nothing:
    """A store without events: every range is one gap fill."""

    version = 0

    def chain(self, last: int, begin: int, end: int) -> list[int]:
        return []


@pytest.mark.parametrize("seed", range(20))
def test_ranges_are_a_set(seed: int) -> None:
    rng = random.Random(seed)
    resends = Resends(Nothing(), None)  # type: ignore[arg-type]
    want: set[int] = set()
    for _ in range(rng.randint(1, 12)):
        begin = rng.randint(1, 50)
        end = rng.choice((0, rng.randint(begin, 60)))
        resends.ask(begin, end)
        want |= set(range(begin, (end or 60) + 1))
    sent: list[int] = []
    while resends:
        if data := resends.piece(10**18, 0, 60, "S", "C", 3):
            message = parse(data)
            sent += range(message.seq or 0, int(message.get(36)))
    assert sorted(sent) == sorted(want), "all of it, none of it twice"
    resends.ask(1, 0)
    assert list(resends._waiting) == [(1, NEWEST)]
    resends.clear()
    assert not resends


def test_a_resend_asked_for_in_one_breath_with_the_logon_follows_the_reply(street: Street) -> None:
    end = street.up()
    end.client.new_order(street.now, 1, ESP, 1, 1, "0.0100")
    street.turn()
    street.drop(end)
    back = street.fix_end(1, plain=True)
    back.logon_raw(end.client.next_out)
    back.send_raw("2", end.client.next_out + 1, "7=1|16=2|")
    street.turn(3)
    assert [(m.msg_type, m.seq, m.text(43)) for m in back.take()] == [("A", 3, ""), ("4", 1, "Y"), ("8", 2, "Y")]


def test_next_expected_in_the_logon_brings_what_is_missing(street: Street) -> None:
    end, other = street.up(1), street.up(2)
    end.client.new_order(street.now, 1, ESP, 1, 100, "0.0500")
    street.turn()
    end.take()
    end.close()
    for i in range(3):
        other.client.new_order(street.now, i + 1, ESP, 2, 1, "0.0500")
        street.turn()
    back = street.fix_end(1, plain=True)
    back.logon_raw(end.client.next_out, "98=0|108=30|789=3|")
    street.turn(4)
    reply, *fills = back.take()
    assert (reply.msg_type, reply.seq, reply.text(789)) == ("A", 6, str(end.client.next_out + 1))
    assert [(m.msg_type, m.seq, m.text(150), m.text(43)) for m in fills[:3]] == [("8", n, "F", "Y") for n in (3, 4, 5)]
    assert [(m.msg_type, m.seq, m.text(36)) for m in fills[3:]] == [("4", 6, "7")], "up to the newest one"


# ---------------------------------------------------------------------------------------------------- logons
def test_a_copied_logon_is_refused_and_the_numbers_stay(street: Street) -> None:
    end = street.fix_end(1, plain=True)
    end.logon_raw(1, "98=0|108=30|141=Y|")
    overheard = end.raw
    street.turn(2)
    assert end.types() == ["A"]
    end.order_raw(2, "1")
    street.turn()
    row = street.session_row(end)
    street.drop(end)
    before = [int(street.engine.m[row + w]) for w in (L.S_NEXT_OUT, L.S_NEXT_IN, L.S_GENERATION)]
    thief = street.fix_end(1, plain=True)
    thief.raw = overheard
    street.turn(2)
    (bye,) = thief.take()
    assert bye.msg_type == "5" and "this Logon was accepted before" in bye.text(58) and bye.seq == 1
    assert thief.outlet.closed is not None and thief.outlet.closed[0] == codes.R_LOGON_REPEATED
    assert [int(street.engine.m[row + w]) for w in (L.S_NEXT_OUT, L.S_NEXT_IN, L.S_GENERATION)] == before
    honest = street.fix_end(1, plain=True)
    honest.logon_raw(1, "98=0|108=30|141=Y|")
    street.turn(2)
    assert honest.types()[:1] == ["A"], "its owner is not harmed"


def test_after_a_restart_a_copied_logon_is_refused_too(street: Street) -> None:
    end = street.fix_end(1, plain=True)
    end.logon_raw(1, "98=0|108=30|141=Y|")
    overheard = end.raw
    street.turn(2)
    street.drop(end)
    street.directory.logons = LogonMemory()  # the memory of the process is lost; the session's row is not
    thief = street.fix_end(1, plain=True)
    thief.raw = overheard
    street.turn(2)
    assert [m.msg_type for m in thief.messages] == ["5"] and "52 is not newer" in thief.messages[0].text(58)
    honest = street.fix_end(1, plain=True)
    honest.logon_raw(1, "98=0|108=30|141=Y|")
    street.turn(2)
    assert honest.types()[:1] == ["A"]


def test_the_memory_of_logons_forgets_what_is_out_of_the_tolerance() -> None:
    memory = LogonMemory()
    one = parse(b"8=FIX.4.4\x0135=A\x0134=1\x0152=20260101-12:00:00.000\x01141=Y\x0110=001\x01")
    assert not memory.repeated(7, one, 0, 100)
    memory.took(7, one, 50, 100)
    assert memory.repeated(7, one, 0, 150) and not memory.repeated(8, one, 0, 150)
    assert memory.repeated(7, one, 0, 200) and len(memory) == 1
    assert not memory.repeated(7, one, 0, 201) and len(memory) == 0


def test_an_engine_of_another_version_is_told_in_its_own(street: Street) -> None:
    end = street.fix_end(1, plain=True)
    end.logon_raw(1)
    for version in (b"FIX.4.2", b"FIXT.1.1", b"FIX.9.9"):
        end = street.fix_end(1, plain=True)
        end.logon_raw(1)
        inner = end.raw[end.raw.index(b"35=") : -7]
        raw = b"8=%s\x019=%d\x01" % (version, len(inner)) + inner
        end.raw = raw + b"10=%03d\x01" % (sum(raw) & 255)
        street.turn(2)
        (bye,) = end.take()
        assert bye.get(8) == (version if version != b"FIX.9.9" else b"FIX.4.4") and "only FIX.4.4 is spoken here" in bye.text(58)


# ---------------------------------------------------------------------------------------------------- numbers
@pytest.mark.parametrize("begin", [2**32 - 3, 2**32 - 1, 2**32, 2**40, 10**17])
def test_sequence_numbers_beyond_32_bits(street: Street, begin: int) -> None:
    """None is refused, none spills into the order group, and what is used up survives a lost connection."""
    end = street.up()
    end.take()
    end.send_raw("4", 0, f"123=N|36={begin}|")
    for i in range(6):
        end.send_raw(*(("D", begin + i, order_body(f"o{i}")) if i % 2 else ("1", begin + i, "112=x|")))
    street.turn(3)
    got = end.take()
    assert [m.text(150) or m.text(112) for m in got] == ["x", "0"] * 3, [show(m) for m in got]
    assert word(street, end, L.S_NEXT_IN) == begin + 6
    row = street.session_row(end)
    street.drop(end)
    assert int(street.engine.m[row + L.S_NEXT_IN]) == begin + 6
    back = street.fix_end(1, plain=True)
    back.logon_raw(begin + 6)
    street.turn(2)
    assert back.types() == ["A"], "no gap"


def test_an_over_long_message_is_named_over_a_connection(street: Street) -> None:
    end = street.up()
    end.take()
    long = b"8=FIX.4.4\x019=6000\x0135=D\x01" + b"58=" + b"x" * 5980 + b"\x0110=000\x01"
    end.plain = True
    number = end.client.next_out
    end.raw += long
    end.send_raw("0", number + 1)
    street.turn(2)
    assert [(m.msg_type, m.text(7)) for m in end.take()] == [("2", str(number))], "asked for once"
    end.raw += long
    street.turn(2)
    (bye,) = end.take()
    assert bye.msg_type == "5" and "BodyLength(9): found 6000, a message may have 4096 bytes" in bye.text(58)

    stranger = street.fix_end(3, plain=True)
    stranger.raw = b"8=FIX.4.4\x019=6000\x0135=A\x0149=CLIENT3\x0156=EXOS-OE\x0134=1\x01" + b"96=" + b"x" * 500
    street.turn(2)
    (bye,) = stranger.take()
    assert (bye.msg_type, bye.text(56), bye.text(49)) == ("5", "CLIENT3", "EXOS-OE") and "found 6000" in bye.text(58)


# ---------------------------------------------------------------------------------------------------- orders
def test_a_number_that_cannot_be_read_is_an_order_refusal_with_its_clordid(street: Street) -> None:
    end = street.up()
    end.client.new_order(street.now, "live", ESP, 1, 10, "0.0500")
    street.turn()
    end.take()
    end.client.new_order(street.now, "a b", ESP, 1, 10, "0.05001")
    end.client.new_order(street.now, 7, ESP, 1, "9" * 19, "0.0500")
    end.client.replace(street.now, "r", "live", ESP, 1, 10, "0.05001")
    end.client.replace(street.now, "s", "nobody", ESP, 1, "1.5", "0.0500")
    street.turn()
    two, three, replace, unknown = end.take()
    assert (two.msg_type, two.text(150), two.text(39), two.text(11), two.text(103)) == ("8", "8", "8", "a b", "99")
    assert two.text(58) == "tag 44 has 5 decimals, at most 4 are allowed for this Symbol(55)" and two.text(1) == "CLIENT1-A"
    assert (three.text(11), three.text(58)) == ("7", "tag 38 has 19 digits before the point, at most 18 are allowed")
    assert (replace.msg_type, replace.text(434), replace.text(11), replace.text(41), replace.text(39)) == ("9", "2", "r", "live", "0")
    assert "tag 44 has 5 decimals" in replace.text(58) and (unknown.text(39), unknown.text(37)) == ("8", "NONE")
    end.client.new_order(street.now, "a b", ESP, 1, 10, "0.0500")
    end.client.cancel(street.now, "c", "live", ESP, 1)
    street.turn()
    assert [(m.text(150), m.text(11)) for m in end.take()] == [("0", "a b"), ("4", "c")], "the id was not used up, the order untouched"
    assert end.client.rejects == []


def test_a_cancel_with_a_quantity_that_fits_nothing_cancels(street: Street) -> None:
    end = street.up()
    end.client.new_order(street.now, 1, ESP, 1, 10, "0.0500")
    street.turn()
    end.take()
    end.client.send("F", [(41, 1), (11, 2), (55, ESP), (54, 1), (60, "20260101-00:00:00"), (38, "1.5")], street.now)
    street.turn()
    assert [(m.text(150), m.text(11)) for m in end.take()] == [("4", "2")]


def test_a_cancel_that_names_no_account_and_no_contract_side_means_the_orders(street: Street) -> None:
    """By the kernel and by plain Python: the row says 0, whatever the session's default."""
    for extra in ("", "37=77|38=1.5|"):
        end = street.up(1 if not extra else 2)
        street.begin()
        end.send_raw("F", end.client.next_out, f"41=1|11=2|55={ESP}|54=1|60=20260101-00:00:00|{extra}")
        end.to_server()
        at = street.input.words
        end.connection.gather(street.input)
        row = street.input.inbox[at : at + L.CMD_WORDS]
        assert int(row[L.CMD_HEAD]) & 255 == codes.C_CANCEL and int(row[L.CMD_HEAD]) >> 20 & 15 == 0
        assert int(row[L.CMD_SESSION_ACCOUNT]) & 0xFFFFFFFF == 0
        assert end.connection.slow == bool(extra)
        street.apply()


@pytest.mark.parametrize("order_id", ["5", "a text id", "z" * 64])
@pytest.mark.parametrize("request_id", ["1", "ask me", "q" * 64])
def test_the_name_of_a_status_request_is_repeated(street: Street, order_id: str, request_id: str) -> None:
    end = street.up()
    end.client.new_order(street.now, order_id, ESP, 1, 10, "0.0500")
    street.turn()
    end.take()
    for ident in (order_id, "nobody", 12345):
        end.client.send("H", [(11, ident), (790, request_id), (55, ESP), (54, 1)], street.now)
    end.client.status(street.now, order_id, ESP, 1)
    street.turn()
    known, unknown, number, without = end.take()
    assert (known.text(790), known.text(11), known.text(39), known.text(41)) == (request_id, order_id, "0", "")
    assert (unknown.text(790), unknown.text(11), unknown.text(39)) == (request_id, "nobody", "8")
    assert (number.text(790), number.text(11)) == (request_id, "12345")
    assert 790 not in without and without.text(11) == order_id
    end.client.send("2", [(7, known.seq or 0), (16, 0)], street.now)
    street.turn(3)
    assert [m.text(790) for m in end.take() if m.poss_dup] == [request_id] * 3 + [""]


def test_a_status_request_with_a_name_that_is_none(street: Street) -> None:
    end = street.up()
    end.take()
    end.send_raw("H", end.client.next_out, f"11=1|790={'x' * 65}|55={ESP}|54=1|")
    street.turn()
    (reject,) = end.take()
    assert (reject.msg_type, reject.text(371), reject.text(373)) == ("3", "790", "5")


# ---------------------------------------------------------------------------------------------------- whole, byte by byte, with rubbish
def script(end: FixEnd) -> bytes:
    """One of everything that this file is about, after a logon."""
    end.raw = b""
    end.logon_raw(1, "98=0|108=30|141=Y|383=4096|464=N|789=1|1137=6|")
    end.order_raw(2, "1")
    end.send_raw("D", 3, order_body("2", price="0.05001"), "50=desk|347=UTF-8|")
    end.send_raw("D", 4, order_body("3"), "115=other|")
    end.send_raw("H", 5, f"11=1|790=ask|55={ESP}|54=1|")
    end.send_raw("F", 6, f"41=1|11=4|55={ESP}|54=1|60=20260101-00:00:00|")
    end.send_raw("D", 7, order_body("5") + "0=x|")
    end.send_raw("4", 0, "123=N|36=4294967296|")
    end.send_raw("1", 2**32 + 1, "112=behind a gap|")
    end.send_raw("4", 2**32, f"123=Y|36={2**32 + 2}|", "43=Y|122=20260101-00:00:00|")
    end.order_raw(2**32 + 2, "6")
    end.send_raw("5", 2**32 + 3)
    return end.raw


WANT = [
    ("A", ""), ("8", "0"), ("8", "8"), ("3", "2"), ("8", "I"), ("8", "4"), ("3", "0"), ("2", ""), ("0", ""), ("8", "0"), ("5", ""),
]  # fmt: skip


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize("junk", [b"", b"\x00\x018=FIX.4.4\x019=0000000000099999\x0135=D\x01", b"8=FIX.4.4\x019=00004\x01\x01"])
def test_whole_byte_by_byte_and_with_rubbish(street: Street, piece: int, junk: bytes) -> None:
    end = street.fix_end(1, plain=True, piece=piece)
    raw = script(end)
    parts = raw.split(b"8=FIX")[1:]
    if b"9=0000000000099999" in junk:  # one of these is damage; two without progress would be a message that is too long
        parts = [b"8=FIX" + parts[0], *(b"8=FIX" + p for p in parts[1:3]), junk + b"8=FIX" + parts[3], *(b"8=FIX" + p for p in parts[4:])]
    else:
        parts = [junk + b"8=FIX" + p for p in parts]
    end.raw = b"".join(parts)
    street.turn(len(end.raw) // piece + 4 if piece else 4)
    got = [(m.msg_type, m.text(150) or m.text(373)) for m in end.take() if not m.poss_dup]
    assert got == WANT
    assert street.engine.check() == []


def test_hostile_changes_of_the_script_never_break_the_street(street: Street) -> None:
    rng = random.Random(5)
    for _ in range(120):
        end = street.fix_end(1, plain=True)
        raw = script(end)
        cut = raw.index(b"8=FIX", 10)
        end.raw = raw[:cut] + mutate(rng, raw[cut:])
        street.turn(3)
        for message in end.take():
            assert message.msg_type in "0123458A9jr"
        street.drop(end)
    assert street.engine.check() == []


def test_a_deadline_in_5013_is_kept(street: Street) -> None:
    end = street.up()
    end.take()
    for number, when in ((1, "20990101-00:00:00.123456789"), (2, "20200101-00:00:00")):
        end.client.new_order(street.now, number, ESP, 1, 10, "0.0500", extra=((5013, when),))
    street.turn()
    kept, late = end.take()
    assert (kept.text(150), late.text(150)) == ("0", "8") and "safe to resend" in late.text(58)

"""Session cases of a conformance suite that were once answered wrongly, each by its name. Helpers are those of test_fix_session."""

import pytest

from protocol import codes
from protocol.fix_messages import Framer, build, format_timestamp, parse
from protocol.fix_session import ACTIVE, CLOSED, LOGOUT_WAIT_NS, Close, Deliver, LoggedOn, Resend, Send, SetNextIn
from protocol.fix_tables import MAX_MESSAGE_BYTES
from tests.protocol.test_fix_session import NOW, ORDER, SECOND, Server, body_of, dup, msg

LOGON = "98=0|108=30|"


def without(message, tag):
    """The message as if this field had never been sent."""
    return parse(b"".join(b"%d=%s\x01" % (t, v) for t, v in message.fields if t != tag))


def emptied(message, tag):
    return parse(b"".join(b"%d=%s\x01" % (t, b"" if t == tag else v) for t, v in message.fields))


# ---------------------------------------------------------------------------------------------------- framing
@pytest.mark.parametrize("zeros", [1, 4, 5, 30, 3000])
def test_body_length_with_leading_zeros_of_any_length(zeros):
    raw = build("FIX.4.4", "0", "C", "S", 2, format_timestamp(NOW, 3))
    head, _, rest = raw.partition(b"9=")
    padded = head + b"9=" + b"0" * zeros + rest
    padded = padded[:-7] + b"10=%03d\x01" % (sum(padded[:-7]) & 255)
    for step in (1, len(padded)):
        framer = Framer()
        got = []
        for at in range(0, len(padded), step):
            framer.feed(padded[at : at + step])
            got += list(framer)
        assert got == [padded] and framer.garbled == framer.too_long == 0
    assert parse(padded).seq == 2


def test_an_over_long_message_names_body_length_and_the_limit():
    framer = Framer()
    framer.feed(b"8=FIX.4.4\x019=5000\x0135=D\x01" + b"x" * 100)
    assert framer.next() is None and (framer.too_long, framer.garbled) == (5000, 1)
    s = Server()
    assert s.session.too_long(5000) == [], "it may be damage: a resend heals that"
    (ask,) = s.get(msg("0", 3))
    assert body_of(ask) == {7: "2", 16: "0"}
    bye, close = s.session.too_long(5000)
    assert (
        body_of(bye)[58]
        == f"BodyLength(9): found 5000, a message may have {MAX_MESSAGE_BYTES} bytes in all: MsgSeqNum 2 cannot be accepted"
    )
    assert close.reason == codes.R_WIRE_TOO_LONG and s.session.state == CLOSED


def test_damage_to_two_body_lengths_far_apart_ends_nothing():
    s = Server()
    assert s.session.too_long(99999) == []
    s.get(msg("0", 3))
    s.get(dup("4", 2, "123=Y|36=3|"))
    assert s.session.next_in == 4 and s.session.too_long(99999) == [] and s.session.state == ACTIVE


def test_an_over_long_logon_is_told_at_once():
    bye, close = Server(False).session.too_long(5000)
    assert "found 5000" in body_of(bye)[58] and close.reason == codes.R_WIRE_TOO_LONG


# ---------------------------------------------------------------------------------------------------- sequence
@pytest.mark.parametrize("seq", [0, 1, 4, 5, 99, 2**40])
def test_sequence_reset_reset_ignores_its_own_number_also_0(seq):
    s = Server(next_in=5)
    assert s.get(msg("4", seq, "123=N|36=50|")) == [SetNextIn(50)] and s.session.next_in == 50 and s.session.state == ACTIVE
    (reject,) = s.get(msg("4", seq, "36=7|"))
    assert body_of(reject)[371] == "36" and s.session.next_in == 50


def test_a_gap_fill_numbered_0_is_not_a_reset():
    bye, close = Server(next_in=5).get(msg("4", 0, "123=Y|36=50|"))
    assert "MsgSeqNum(34)" in body_of(bye)[58] and isinstance(close, Close)


def test_a_logout_beyond_a_gap_asks_first_and_is_answered_when_the_gap_is_closed():
    s = Server()
    (ask,) = s.get(msg("5", 4, "58=good night|"))
    assert body_of(ask) == {7: "2", 16: "0"} and s.session.state == ACTIVE
    assert [type(a) for a in s.get(dup("D", 2, ORDER))] == [Deliver]
    delivered, bye, close = s.get(dup("D", 3, ORDER))
    assert isinstance(delivered, Deliver) and bye.msg_type == "5" and close == Close(codes.OK, "good night")
    assert s.session.next_in == 5 and s.session.peer_logged_out


def test_a_logout_beyond_a_gap_that_is_filled_away_is_answered_all_the_same():
    s = Server()
    s.get(msg("5", 4, "58=good night|"))
    moved, bye, close = s.get(dup("4", 2, "123=Y|36=5|"))
    assert moved == SetNextIn(5) and bye.msg_type == "5" and close == Close(codes.OK, "good night")


def test_a_logout_beyond_a_gap_is_answered_after_a_bound():
    s = Server()
    s.get(msg("5", 4))
    assert s.session.due() == NOW + LOGOUT_WAIT_NS and s.session.on_time(NOW + LOGOUT_WAIT_NS - 1) == []
    bye, close = s.session.on_time(NOW + LOGOUT_WAIT_NS)
    assert bye.msg_type == "5" and close.reason == codes.OK and s.session.next_in == 2, "the number stays: the next logon shows the gap"


def test_a_logout_beyond_a_gap_that_answers_ours_ends_it():
    s = Server()
    s.session.logout(NOW)
    assert s.get(msg("5", 9)) == [Close(codes.OK, "logged out")] and s.session.next_in == 2


def test_a_test_request_behind_a_gap_is_answered_when_its_turn_comes():
    s = Server()
    (ask,) = s.get(msg("1", 3, "112=you|"))
    assert ask.msg_type == "2"
    (delivered, beat) = s.get(dup("D", 2, ORDER))
    assert isinstance(delivered, Deliver) and (beat.msg_type, body_of(beat)) == ("0", {112: "you"})


def test_a_test_request_behind_a_gap_is_answered_also_when_it_is_filled_away():
    s = Server()
    s.get(msg("1", 3, "112=you|"))
    s.get(msg("D", 4, ORDER))
    moved, beat = s.get(dup("4", 2, "123=Y|36=5|"))
    assert moved == SetNextIn(5) and (beat.msg_type, body_of(beat)) == ("0", {112: "you"}), (
        "the order was given up by its sender, the question was not"
    )
    assert s.session.next_in == 5 and not s.session.gap_open


def test_a_gap_fill_beyond_the_gap_is_used_up_without_a_second_request():
    s = Server()
    (ask,) = s.get(msg("D", 5, ORDER))
    assert s.get(msg("D", 12, ORDER)) == []
    assert s.get(dup("4", 2, "123=Y|36=9|")) == [SetNextIn(9)], "9 to 11 are on their way: the request was for all that follows"
    moved, delivered = s.get(dup("4", 9, "123=Y|36=12|"))
    assert moved == SetNextIn(12) and delivered.message.seq == 12
    assert s.session.next_in == 13 and not s.session.gap_open
    assert [type(a) for a in s.get(msg("D", 13, ORDER))] == [Deliver]


def test_what_a_gap_fill_left_open_is_asked_for_again_in_time():
    s = Server()
    s.get(msg("D", 5, ORDER))
    s.get(msg("D", 12, ORDER))
    s.get(dup("4", 2, "123=Y|36=9|"))
    later = NOW + 31 * SECOND
    s.session.last_in_ns = later
    asks = [a for a in s.session.on_time(later) if isinstance(a, Send) and a.msg_type == "2"]
    assert [body_of(a) for a in asks] == [{7: "9", 16: "0"}]


# ---------------------------------------------------------------------------------------------------- header
@pytest.mark.parametrize(("tag", "name"), [(49, "SenderCompID"), (56, "TargetCompID"), (52, "SendingTime")])
def test_a_missing_header_field_is_373_1_an_empty_one_373_4_and_only_a_wrong_comp_id_373_9(tag, name):
    s = Server()
    (reject,) = s.get(without(msg("0", 2), tag))
    assert {t: body_of(reject)[t] for t in (45, 371, 373, 58)} == {45: "2", 371: str(tag), 373: "1", 58: f"{name}({tag}) is required"}
    (reject,) = s.get(emptied(msg("0", 3), tag))
    assert (body_of(reject)[371], body_of(reject)[373]) == (str(tag), "4")
    assert s.session.state == ACTIVE and s.session.next_in == 4, "both used up their number and the session goes on"


@pytest.mark.parametrize(
    ("field", "says"),
    [("0=x|", {371: "0", 373: "0"}), ("-1=x|", {371: "-1", 373: "0"}), ("08=x|", {371: "8", 373: "0"}), ("x1=x|", {373: "0"})],
)
def test_371_also_for_tags_that_are_none(field, says):
    (reject,) = Server().get(msg("D", 2, ORDER + field))
    body = body_of(reject)
    assert {t: body[t] for t in (371, 373) if t in body} == says and body[372] == "D" and field.split("=")[0] in body[58]


@pytest.mark.parametrize("tag", [115, 116, 128, 129, 144, 145, 90, 212, 627])
def test_header_fields_that_are_not_taken_are_refused_by_name(tag):
    (reject,) = Server().get(msg("D", 2, ORDER, f"{tag}=3|" if tag not in (90, 212) else f"{tag}=3|{tag + 1}=a\x01b|"))
    body = body_of(reject)
    assert (body[371], body[373]) == (str(tag), "2") and f"({tag}) is not accepted here" in body[58] and "unknown" not in body[58]


def test_header_fields_that_are_taken():
    (action,) = Server().get(msg("D", 2, ORDER, "347=UTF-8|50=desk|57=x|142=here|143=there|369=3|"))
    assert isinstance(action, Deliver)


def test_no_field_of_fix_44_is_ever_called_unknown():
    from protocol.fix44_names import FIX44_NAMES
    from protocol.fix_messages import check

    assert len(FIX44_NAMES) == 912 and FIX44_NAMES[115] == "OnBehalfOfCompID"
    for tag in FIX44_NAMES:
        problem = check(parse(b"8=FIX.4.4\x0135=D\x01%d=1\x01" % tag))
        assert problem is not None and problem.reason != 0 and "unknown" not in problem.text, tag
    assert check(parse(b"8=FIX.4.4\x0135=D\x0120=1\x01")).reason == 0, "FIX 4.4 has no 20"


# ---------------------------------------------------------------------------------------------------- logon
@pytest.mark.parametrize("begin", ["FIX.4.2", "FIXT.1.1", "FIX.5.0", "FIX.4.44"])
def test_an_unsupported_begin_string_says_so(begin):
    s = Server(False)
    bye, close = s.logon(msg("A", 1, LOGON + "1137=9|", begin=begin))
    assert body_of(bye)[58] == f"BeginString(8): found {begin}, only FIX.4.4 is spoken here" and isinstance(close, Close)


def test_logon_fields_that_are_taken_and_answered():
    s = Server(False)
    up, reply = s.logon(msg("A", 1, LOGON + "383=8192|464=N|1137=6|789=10|"))
    assert isinstance(up, LoggedOn) and up.live
    assert body_of(reply) == {98: "0", 108: "30", 789: "2", 383: str(MAX_MESSAGE_BYTES), 464: "N"}


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("464=Y|", "TestMessageIndicator(464): found Y"),
        ("1137=9|", "DefaultApplVerID(1137): found 9, expected 6"),
        ("383=512|", "MaxMessageSize(383): found 512"),
        ("789=0|", "NextExpectedMsgSeqNum(789): found 0"),
        ("384=1|", "NoMsgTypes(384) is not accepted here"),
    ],
)
def test_logon_fields_that_are_refused_by_name(field, says):
    bye, close = Server(False).logon(msg("A", 1, LOGON + field))
    assert says in body_of(bye)[58] and isinstance(close, Close)


def test_next_expected_is_a_resend_request_without_one():
    s = Server(False, sent=20)
    up, reply, resend = s.logon(msg("A", 1, LOGON + "789=15|"))
    assert body_of(reply)[789] == "2" and resend == Resend(15, 0)
    s = Server(False, sent=20)
    up, reply = s.logon(msg("A", 1, LOGON + "789=21|"))
    s = Server(False, sent=20)
    up, reply = s.logon(msg("A", 1, LOGON + "141=Y|789=1|"))
    assert body_of(reply)[789] == "2"


def test_next_expected_beyond_what_was_sent_is_refused():
    up, bye, close = Server(False, sent=20).logon(msg("A", 1, LOGON + "789=22|"))
    assert not up.live and "found 22, the last number sent is 20" in body_of(bye)[58] and close.reason == codes.R_NEXT_EXPECTED


def test_what_our_789_tells_the_peer_is_not_asked_for_as_well():
    s = Server(False)
    up, reply = s.logon(msg("A", 9, LOGON + "789=10|"), next_in=5)
    assert body_of(reply)[789] == "5" and s.session.gap_open
    assert s.get(msg("0", 10)) == []
    assert s.get(dup("4", 5, "123=Y|36=10|")) == [SetNextIn(10)] and s.session.next_in == 11 and not s.session.gap_open


def test_our_own_logon_fields_are_echoed_to_who_knows_our_dictionary():
    for own_fields, echoed in ((True, {5002: "Y"}), (False, {})):
        s = Server(False)
        message = msg("A", 1, LOGON + "5002=Y|")
        s.get(message)
        _, reply = s.session.accept(message, NOW, 1, own_fields)
        assert body_of(reply) == {98: "0", 108: "30"} | echoed

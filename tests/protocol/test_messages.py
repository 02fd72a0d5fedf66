"""The wire's structs: bounds, optional fields, and one documented error for everything that is not a message."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import codes
from protocol import messages as M

ORDER = M.NewOrder(2**40, 17, 55, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 4000, 100)


def test_tags_are_unique_and_small() -> None:
    for kinds in (M.CLIENT_MESSAGES, M.SERVER_MESSAGES, (M.LogonReply, M.MessageRefused)):
        tags = [k.__struct_config__.tag for k in kinds]  # type: ignore[attr-defined]
        assert len(set(tags)) == len(tags) and all(0 < t < 128 for t in tags)


def test_every_message_has_its_place() -> None:
    listed = set(M.CLIENT_MESSAGES + M.SERVER_MESSAGES + (M.LogonReply, M.MessageRefused))
    kinds = [k for k in vars(M).values() if isinstance(k, type) and issubclass(k, msgspec.Struct)]
    made = {k for k in kinds if isinstance(k.__struct_config__.tag, int)}
    assert made == listed
    assert set(M.NUMBERED) <= set(M.SERVER_MESSAGES)
    assert all(k.__struct_fields__[:3] == ("number", "event", "time") for k in M.NUMBERED)


def test_an_order_is_small() -> None:
    assert len(M.encode(ORDER)) + 4 <= 45
    short = msgspec.msgpack.encode([10, *msgspec.structs.astuple(ORDER)[:10]])
    assert len(short) + 4 <= 35 and M.decode_client(short) == ORDER


def test_fields_of_a_newer_peer_are_ignored() -> None:
    newer = msgspec.msgpack.encode([10, *msgspec.structs.astuple(ORDER), "new", {"a": 1}])
    assert M.decode_client(newer) == ORDER


@pytest.mark.parametrize(
    ("payload", "reason", "tag", "id", "words"),
    [
        (b"", codes.R_WIRE_MALFORMED, 0, 0, "truncated"),
        (b"\xc1", codes.R_WIRE_MALFORMED, 0, 0, "malformed"),
        (b"\x80", codes.R_WIRE_MALFORMED, 0, 0, "array"),
        (b"\x92\xa1a\x01", codes.R_WIRE_MALFORMED, 0, 0, "int"),
        (b"\x92\x09\x01", codes.R_WIRE_UNKNOWN_MESSAGE, 9, 1, "tag 9"),
        (b"\x92\xce\x7f\xff\xff\xff\x01", codes.R_WIRE_UNKNOWN_MESSAGE, 2**31 - 1, 1, "tag 2147483647"),
        (b"\x93\x0b\x05\x00", codes.R_WIRE_FIELD, 11, 5, "CancelOrder: Expected `int` >= 1: orig"),
        (b"\x93\x0b\x05\xa1x", codes.R_WIRE_FIELD, 11, 5, "orig"),
        (b"\x93\x0b\x05", codes.R_WIRE_MALFORMED, 11, 5, "truncated"),
        (b"\x92\x0b\x05", codes.R_WIRE_FIELD, 11, 5, "at least length 3"),
        (b"\x93\x0b\x05\xcf" + b"\xff" * 8, codes.R_WIRE_FIELD, 11, 5, "orig"),
        (b"\x93\x0b\x05\xcb" + b"\x00" * 8, codes.R_WIRE_FIELD, 11, 5, "float"),
        (b"\x93\x0b\x05\x06\x07", codes.R_WIRE_MALFORMED, 11, 5, "trailing"),
        (b"\x93\x01\xa1\xff\xc0", codes.R_WIRE_MALFORMED, 1, 0, "utf-8"),
        (b"\x91" * 100_000, codes.R_WIRE_MALFORMED, 0, 0, "array"),
        (b"\xdd\xff\xff\xff\xff\x0b", codes.R_WIRE_MALFORMED, 11, 0, "not a message"),
    ],
)
def test_what_is_no_message_is_said_precisely(payload: bytes, reason: int, tag: int, id: int, words: str) -> None:
    with pytest.raises(M.WireError) as caught:
        M.decode_client(payload)
    error = caught.value
    assert (error.reason, error.tag, error.id) == (reason, tag, id)
    assert words in error.text and len(error.text) < 300


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_rubbish_is_a_message_or_a_wire_error(data: bytes) -> None:
    for decode in (M.decode_client, M.decode_server, M.decode_body):
        try:
            message = decode(data)
        except M.WireError as error:
            assert error.reason in (codes.R_WIRE_MALFORMED, codes.R_WIRE_FIELD, codes.R_WIRE_UNKNOWN_MESSAGE)
        else:
            assert isinstance(message, msgspec.Struct)


def test_logon_is_bounded() -> None:
    for bad in (("", b"x" * 32), ("k" * 65, b"x" * 32), ("k", b"x" * 31)):
        with pytest.raises(M.WireError, match="Logon"):
            M.decode_client(msgspec.msgpack.encode([1, *bad]))
    assert M.decode_client(msgspec.msgpack.encode([1, "k", b"x" * 32])) == M.Logon("k", b"x" * 32)


def test_the_reference_page_is_made_from_the_messages() -> None:
    from scripts import make_docs

    page = (make_docs.ROOT / "docs" / "binary.md").read_text(encoding="utf-8")
    assert page == make_docs.PAGES["docs/binary.md"](), "run: python -m scripts.make_docs"
    for kind in M.CLIENT_MESSAGES + M.SERVER_MESSAGES:
        assert f"### {kind.__name__}\n\nTag {kind.__struct_config__.tag}." in page  # type: ignore[attr-defined]

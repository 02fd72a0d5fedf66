"""The options of a Logon, and how the acceptor answers it (FIX 4.4 volume 2, "Logon").

Accepted: 98, 108, 141, 95/96, 553/554, 383 (the longest message the peer can read), 464=N, 789 (the number that the peer expects next; our
reply gives the number that we expect next), 1137=6 (means FIX 4.4), and our own 5001 to 5003. Everything else is refused, naming the field
(fix_messages.check).
"""

from .fix_messages import FixMessage, encode_fields, parse_int, parse_uint
from .fix_tables import MAX_MESSAGE_BYTES, OUR_MESSAGE_BYTES

BEGIN_STRINGS = ("FIX.4.0", "FIX.4.1", "FIX.4.2", "FIX.4.3", "FIX.4.4", "FIXT.1.1")
APPL_VER_ID = "6"  # FIX 4.4 in the enumeration of ApplVerID, which 1137 uses
OWN_FLAGS = (5001, 5002, 5003)


def version_of(message: FixMessage) -> str:
    """The BeginString for answers to a peer that is not logged on: the peer's own if it is a known version, else FIX.4.4."""
    begin = message.text(8)
    return begin if begin in BEGIN_STRINGS else "FIX.4.4"


def wrong_version(message: FixMessage, spoken: str) -> str:
    """Why a first message of another version is refused; "" if it has ours."""
    begin = message.text(8)
    return "" if begin == spoken else f"BeginString(8): found {begin}, only {spoken} is spoken here"


def missing(message: FixMessage) -> str:
    """The sentence for a missing required header field; "" if there is none."""
    for tag, name in ((49, "SenderCompID"), (56, "TargetCompID"), (34, "MsgSeqNum"), (52, "SendingTime")):
        if tag not in message:
            return f"{name}({tag}) is required"
    return "" if message.seq else f"MsgSeqNum(34): found {message.text(34)}, expected a number from 1 on"


def refused_option(message: FixMessage) -> str:
    """The sentence for an option that is not supported; "" if there is none. Each rule is the definition of the field that the sentence
    names."""
    if message.get(464) == b"Y":
        return "TestMessageIndicator(464): found Y, but this session's orders are real"
    if 1137 in message and message.text(1137) != APPL_VER_ID:
        return f"DefaultApplVerID(1137): found {message.text(1137)[:8]}, expected {APPL_VER_ID} (FIX 4.4)"
    if 383 in message and (parse_uint(message.get(383)) or 0) < OUR_MESSAGE_BYTES:
        return f"MaxMessageSize(383): found {message.text(383)}, but messages to you have up to {OUR_MESSAGE_BYTES} bytes"
    if 789 in message and not parse_uint(message.get(789)):
        return f"NextExpectedMsgSeqNum(789): found {message.text(789)}, expected a number from 1 on"
    return ""


def heartbeat(message: FixMessage) -> int:
    """HeartBtInt in seconds."""
    return parse_int(message.get(108)) or 0


def wrong_heartbeat(seconds: int, taken: tuple[int, int]) -> str | None:
    """Why this interval is refused; None if it is accepted. taken: the smallest and largest allowed, in seconds."""
    low, high = taken
    return None if low <= seconds <= high else f"HeartBtInt(108): found {seconds}, expected {low} to {high}"


def next_expected(message: FixMessage) -> int:
    """The number that the peer expects next from us (789), 0: not given."""
    return parse_uint(message.get(789)) or 0


def reply(message: FixMessage, seconds: int, reset: bool, next_in: int, own_fields: bool) -> bytes:
    """Body of the answer. next_in: the number that we expect next; own_fields: the peer knows our dictionary, so 5001 to 5003 are echoed.
    HeartBtInt is echoed because both sides must use the same interval (definition of 108)."""
    fields: list[tuple[int, bytes | str | int]] = [(98, 0), (108, seconds)]
    if reset:
        fields.append((141, "Y"))
    if 789 in message:
        fields.append((789, next_in))
    if 383 in message:
        fields.append((383, MAX_MESSAGE_BYTES))
    if 464 in message:
        fields.append((464, "N"))
    if own_fields:
        fields += [(tag, "Y") for tag in OWN_FLAGS if message.get(tag) == b"Y"]
    return encode_fields(fields)

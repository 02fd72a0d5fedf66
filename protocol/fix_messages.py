"""FIX messages in plain Python: frames out of a byte stream, fields, checks against the table, strict numbers, building.

No I/O, no clock. The kernels of exchange_server/wires/fix_in.py do the same for the frequent messages; tests check that both agree.

Framing (Framer): bytes that are not part of a message are dropped up to the next `8=FIX`. A message is *garbled*, and dropped alone, when
8, 9, 35 are not the first three fields in this order, BodyLength is not a number in 5..MAX_MESSAGE_BYTES or does not end at `10=ddd`, a
part lacks `=` or has no tag, or CheckSum is wrong (FIX 4.4 volume 2, test cases 2d, 2m, 2t and 3b: ignore it and count no number).
Everything else is a message, and `check` finds what is wrong with it in terms of SessionRejectReason.

Numbers: ASCII digits only, at most 18; a leading `-` only where the type allows it. Leading zeros are accepted
(FIX 4.4 volume 1, data type int) and never written.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from . import codes
from .fix44_names import FIX44_NAMES
from .fix_tables import DATA_FIELDS, FIELDS, HEADER_TAGS, KNOWN_TYPES, MAX_MESSAGE_BYTES, MESSAGES, TEXT_MAX, Message

SOH = b"\x01"
DIGITS_MAX = 18
_BEGIN = b"8=FIX"
_LENGTH_SHOWN_MAX = 1_000_000_000
_HEAD_MAX = 16  # bytes of `8=...` with its SOH
_INT = re.compile(rb"-?[0-9]{1,18}")
_DIGITS = re.compile(rb"[0-9]+")
_UINT = re.compile(rb"[0-9]{1,18}")
_TAG = re.compile(rb"[1-9][0-9]{0,8}")
_DECIMAL = re.compile(rb"(-?)([0-9]*)(?:\.([0-9]*))?")
_TIME = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})-([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?")
_PRINTABLE = re.compile(rb"[\x20-\x7e]{1,%d}" % TEXT_MAX)
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_PLAIN_ID = re.compile(rb"[1-9][0-9]{0,18}")
_LENGTH_TAGS = {str(tag).encode(): str(data).encode() for tag, data in DATA_FIELDS.items()}


# ---------------------------------------------------------------------------------------------------- values
def parse_uint(value: bytes) -> int | None:
    """Digits only, 1 to 18 of them; None otherwise."""
    return int(value) if _UINT.fullmatch(value) else None


def parse_int(value: bytes) -> int | None:
    """Like parse_uint, with an optional leading minus."""
    return int(value) if _INT.fullmatch(value) else None


def is_decimal(value: bytes) -> bool:
    """Digits with at most one point before, between or after them, optional leading minus, 1 to 36 digits in all (data type float)."""
    m = _DECIMAL.fullmatch(value)
    return bool(m and 1 <= len(m[2]) + len(m[3] or b"") <= 36)


def scale(value: bytes, decimals: int) -> tuple[int, str]:
    """(value · 10^decimals, "") for a decimal text, or (0, why not); never rounded. Trailing zeros do not count as decimals."""
    m = _DECIMAL.fullmatch(value)
    if not m or not (m[2] or m[3]):
        return 0, "is not a decimal number"
    whole = m[2].lstrip(b"0")
    fraction = (m[3] or b"").rstrip(b"0")
    if len(fraction) > decimals:
        return 0, f"has {len(fraction)} decimals, at most {decimals} are allowed here"
    digits = whole + fraction.ljust(decimals, b"0")
    if len(digits) > DIGITS_MAX:
        return 0, f"is too large: at most {DIGITS_MAX - decimals} digits before the point"
    number = int(digits or b"0")
    return (-number if m[1] else number), ""


def format_scaled(value: int, decimals: int) -> str:
    """The decimal text of value / 10^decimals with exactly that many decimals: (6200, 4) -> 0.6200."""
    if decimals <= 0:
        return str(value)
    sign = "-" if value < 0 else ""
    whole, fraction = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}"


def parse_timestamp(value: bytes) -> int | None:
    """UTCTimestamp with 0 to 9 decimals of a second -> ns since the epoch; None when it is not one. Second 60 is accepted (data type
    UTCTimestamp: SS = 00-60, for leap seconds)."""
    m = _TIME.fullmatch(value)
    if not m:
        return None
    year, month, day, hour, minute, second = (int(m[i]) for i in range(1, 7))
    if hour > 23 or minute > 59 or second > 60 or not 1970 <= year <= 2200:
        return None
    try:
        days = datetime(year, month, day, tzinfo=UTC).toordinal() - 719163
    except ValueError:
        return None
    return (days * 86400 + hour * 3600 + minute * 60 + second) * 10**9 + int((m[7] or b"0").ljust(9, b"0"))


def format_timestamp(ns: int, decimals: int = 9) -> bytes:
    """UTCTimestamp text of ns since the epoch, with `decimals` of a second (0, 3, 6, 9); truncated, not rounded."""
    seconds, fraction = divmod(ns, 10**9)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d-%H:%M:%S")
    return (f"{text}.{fraction:09d}"[: 18 + decimals] if decimals else text).encode()


def plain_id(value: bytes) -> int:
    """n if the text is the decimal form of n in 1..2^63-1 without leading zeros, else 0. Such ClOrdIDs need no text row."""
    if _PLAIN_ID.fullmatch(value):
        n = int(value)
        if n < 2**63:
            return n
    return 0


# ---------------------------------------------------------------------------------------------------- messages
class FixMessage:
    """The fields of one framed message, in order. `get` returns the first field with a tag. An invalid tag (0, -1, 035, abc) is kept as -1,
    and `odd` has its text by position among the fields."""

    __slots__ = ("_first", "fields", "odd", "raw")

    def __init__(self, fields: list[tuple[int, bytes]], raw: bytes = b"", odd: dict[int, bytes] | None = None) -> None:
        self.fields = fields
        self.raw = raw
        self.odd = odd or {}
        self._first: dict[int, bytes] = {}
        for tag, value in fields:
            self._first.setdefault(tag, value)

    def get(self, tag: int, default: bytes = b"") -> bytes:
        return self._first.get(tag, default)

    def __contains__(self, tag: int) -> bool:
        return tag in self._first

    def text(self, tag: int) -> str:
        """The value as text; bytes that are not ASCII are shown escaped."""
        return self.get(tag).decode("ascii", "backslashreplace")

    @property
    def msg_type(self) -> str:
        return self.text(35)

    @property
    def seq(self) -> int | None:
        """MsgSeqNum, None when it is missing or not a number."""
        return parse_uint(self.get(34))

    @property
    def poss_dup(self) -> bool:
        return self.get(43) == b"Y"

    def __repr__(self) -> str:
        parts = (f"{tag}={value.decode('ascii', 'backslashreplace')}" for tag, value in self.fields if tag not in (96, 554))
        return f"FixMessage({'|'.join(parts)})"


def parse(raw: bytes) -> FixMessage:
    """The fields of a message that Framer gave out. Raises ValueError when `raw` is not made of `tag=value SOH` parts."""
    fields: list[tuple[int, bytes]] = []
    odd: dict[int, bytes] = {}
    at = 0
    length = -1
    partner = 0
    while at < len(raw):
        equal = raw.find(b"=", at)
        soh = raw.find(SOH, at)
        if equal <= at or soh < 0 or soh < equal:
            raise ValueError(f"a part without tag or = at byte {at}")
        name = raw[at:equal]
        tag = int(name) if _TAG.fullmatch(name) else None
        if length >= 0 and tag == partner:
            soh = equal + 1 + length
            if soh >= len(raw) or raw[soh : soh + 1] != SOH:
                raise ValueError(f"data of {length} bytes does not end with SOH at byte {at}")
        value = raw[equal + 1 : soh]
        length = -1
        if tag is None:
            odd[len(fields)] = name
        elif tag in DATA_FIELDS:
            partner = DATA_FIELDS[tag]
            length = parse_uint(value) if parse_uint(value) is not None else -1  # type: ignore[assignment]
        fields.append((-1 if tag is None else tag, value))
        at = soh + 1
    return FixMessage(fields, raw, odd)


class Framer:
    """Cuts whole, undamaged messages out of a byte stream. `garbled` counts the dropped messages; `too_long`: BodyLength of the last one
    that was dropped because it is above the limit, 0: none."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.garbled = 0
        self.too_long = 0

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        self._buffer += data

    def __iter__(self) -> "Framer":
        return self

    def __next__(self) -> bytes:
        raw = self.next()
        if raw is None:
            raise StopIteration
        return raw

    def next(self) -> bytes | None:
        """The next message, or None when more bytes are needed."""
        at = 0
        data = bytes(self._buffer)
        while True:
            begin = data.find(_BEGIN, at)
            if begin < 0:
                at = max(at, len(data) - len(_BEGIN) + 1)
                del self._buffer[:at]
                return None
            size, too_long = _frame(data, begin)
            self.too_long = too_long or self.too_long
            if size > 0:
                del self._buffer[: begin + size]
                return data[begin : begin + size]
            if size == 0:
                del self._buffer[:begin]
                return None
            self.garbled += 1
            at = begin + 1


def _frame(data: bytes, begin: int) -> tuple[int, int]:
    """(length of the message at `begin`, 0); (0, 0): incomplete so far; (-1, BodyLength if only that is above the limit, else 0):
    garbled."""
    head, length, body = _frame_head(data, begin)
    if head != 1:
        return head, length
    return _frame_body(data, begin, body, body + length), 0


def _frame_head(data: bytes, begin: int) -> tuple[int, int, int]:
    """8, 9 and the beginning of 35: (1, BodyLength, offset of 35); (0, 0, 0): incomplete; (-1, BodyLength or 0, 0): garbled."""
    end = len(data)
    garbled = -1, 0, 0
    soh = data.find(SOH, begin, begin + _HEAD_MAX)
    if soh < 0:
        return (0, 0, 0) if end - begin < _HEAD_MAX else garbled
    at = soh + 1
    if not b"9=".startswith(data[at : at + 2]):
        return garbled
    soh = data.find(SOH, at, begin + MAX_MESSAGE_BYTES + 1)
    digits = data[at + 2 : soh if soh >= 0 else end]
    if soh < 0:
        return garbled if end - begin > MAX_MESSAGE_BYTES or (digits and not _DIGITS.fullmatch(digits)) else (0, 0, 0)
    if not _DIGITS.fullmatch(digits):
        return garbled
    length = min(int(digits.lstrip(b"0")[:11] or b"0"), _LENGTH_SHOWN_MAX)  # any number of leading zeros: only the value is limited
    body = soh + 1
    if length < 5:
        return garbled
    if body + length + 7 - begin > MAX_MESSAGE_BYTES:
        if end < body + 3:
            return 0, 0, 0
        return -1, length if data.startswith(b"35=", body) else 0, 0
    return (1, length, body) if b"35=".startswith(data[body : body + 3]) else garbled


def _frame_body(data: bytes, begin: int, at: int, stop: int) -> int:
    """The fields from 35 on and the trailer: length of the message, 0: incomplete, -1: garbled."""
    end = len(data)
    data_tag, data_length = b"", -1
    while at < stop:
        equal = data.find(b"=", at, min(stop, end))
        soh = data.find(SOH, at, min(stop, end))
        if equal < 0 or (0 <= soh < equal):
            return -1 if soh >= 0 or stop <= end or equal == at else 0
        if equal == at:
            return -1
        name = data[at:equal]
        if name == b"10":
            return -1
        if name == data_tag and data_length >= 0:
            soh = equal + 1 + data_length
            if soh >= stop:
                return -1
            if soh >= end:
                return 0
            if data[soh : soh + 1] != SOH:
                return -1
        elif soh < 0:
            return -1 if stop <= end else 0
        data_tag, data_length = _LENGTH_TAGS.get(name, b""), -1
        if data_tag:
            number = parse_uint(data[equal + 1 : soh])
            data_length = -1 if number is None else number
        at = soh + 1
    tail = data[stop : stop + 7]
    if len(tail) < 7:
        return 0 if b"10=".startswith(tail[:3]) or tail[:3] == b"10=" else -1
    if tail[:3] != b"10=" or tail[6:] != SOH or not tail[3:6].isdigit() or int(tail[3:6]) != sum(data[begin:stop]) & 255:
        return -1
    return stop + 7 - begin


def encode_fields(fields: Iterable[tuple[int, bytes | str | int]]) -> bytes:
    """`tag=value SOH` parts. Raises ValueError for an empty value or one with SOH inside (data fields excepted)."""
    out = bytearray()
    for tag, value in fields:
        raw = value if isinstance(value, bytes) else str(value).encode("ascii", "backslashreplace")
        if not raw or (SOH in raw and tag not in DATA_FIELDS.values()):
            raise ValueError(f"field {tag} cannot carry {raw!r}")
        out += b"%d=%s\x01" % (tag, raw)
    return bytes(out)


def build(
    begin: str, msg_type: str, sender: str, target: str, seq: int, sending_time: bytes, body: bytes = b"", header: bytes = b""
) -> bytes:
    """A whole message. `header`: further header parts (43, 97, 122), encoded; `body`: encoded parts."""
    inner = b"35=%s\x0149=%s\x0156=%s\x0134=%d\x0152=%s\x01" % (msg_type.encode(), sender.encode(), target.encode(), seq, sending_time)
    return seal(begin, inner + header + body)


def seal(begin: str, inner: bytes) -> bytes:
    """`inner` (35 up to the end of the body) with 8 and 9 before it and 10 after it."""
    raw = b"8=%s\x019=%d\x01%s" % (begin.encode(), len(inner), inner)
    return raw + b"10=%03d\x01" % (sum(raw) & 255)


# ---------------------------------------------------------------------------------------------------- checks
@dataclass(frozen=True, slots=True)
class Problem:
    """Why a message is rejected: SessionRejectReason (373), RefTagID (371, None: the tag is not a number) and the sentence for 58.
    `business` > 0: a BusinessMessageReject with that BusinessRejectReason (380) instead."""

    reason: int
    tag: int | None
    text: str
    business: int = 0


def _name(tag: int) -> str:
    f = FIELDS.get(tag)
    name = f.name if f else FIX44_NAMES.get(tag)
    return f"{name}({tag})" if name else f"tag {tag}"


def _show(value: bytes) -> str:
    text = value[:40].decode("ascii", "backslashreplace")
    return text + "..." if len(value) > 40 else text


_TYPE_CHECKS = {
    "INT": (parse_int, "a whole number of at most 18 digits"),
    "LENGTH": (parse_uint, "a number of at most 18 digits"),
    "SEQNUM": (parse_uint, "a number of at most 18 digits"),
    "NUMINGROUP": (parse_uint, "a number of at most 18 digits"),
    "UTCTIMESTAMP": (parse_timestamp, "YYYYMMDD-HH:MM:SS with up to 9 decimals"),
    "PRICE": (lambda v: True if is_decimal(v) else None, "a decimal number"),
    "QTY": (lambda v: True if is_decimal(v) else None, "a decimal number"),
    "AMT": (lambda v: True if is_decimal(v) else None, "a decimal number"),
    "CHAR": (lambda v: True if len(v) == 1 else None, "one character"),
    "LOCALMKTDATE": (lambda v: parse_timestamp(v + b"-00:00:00") if len(v) == 8 else None, "YYYYMMDD"),
    "BOOLEAN": (lambda v: True if v in (b"Y", b"N") else None, "Y or N"),
}


class _Groups:
    """The repeating groups of a message, checked field by field. Each entry begins with the first member; `inside`: all members."""

    __slots__ = ("_declared", "_entry", "_found", "_members", "_open", "inside")

    def __init__(self, spec: Message) -> None:
        self._members = dict(spec.groups)
        self.inside = {tag: count for count, tags in spec.groups for tag in tags}
        self._open = 0  # count field of the group that the fields belong to at present
        self._declared = self._found = 0
        self._entry: set[int] = set()

    def take(self, tag: int, value: bytes) -> Problem | None:
        """The next field."""
        count = self.inside.get(tag)
        if count is None:
            problem = self.close()
            if tag in self._members:
                self._open, self._declared, self._found = tag, parse_uint(value) or 0, 0
            return problem
        first = self._members[count][0]
        if count != self._open:
            return Problem(15, tag, f"{_name(tag)} is outside of its group {_name(count)}")
        if tag == first:
            self._found += 1
            self._entry = {tag}
        elif not self._found:
            return Problem(15, tag, f"{_name(tag)} comes before {_name(first)}, with which each entry of {_name(count)} begins")
        elif tag in self._entry:
            return Problem(13, tag, f"{_name(tag)} appears more than once in an entry of {_name(count)}")
        self._entry.add(tag)
        return None

    def close(self) -> Problem | None:
        """The group has ended: were there as many entries as its count says?"""
        count, self._open = self._open, 0
        if not count or self._found == self._declared:
            return None
        return Problem(16, count, f"{_name(count)}: found {self._found} entries, expected {self._declared}")


def check(message: FixMessage, from_server: bool = False) -> Problem | None:
    """The first error in a framed message according to the table; None if it may be handled.

    Order: MsgType, then each field in message order, then missing fields (1). Reasons are those of SessionRejectReason (373), the cases
    those of FIX 4.4 volume 2, test cases 2q, 2r and 14: unknown tag 0 (14a), empty 4 (14d), tag twice 13 (14h), not of this message or not
    accepted here 2 (14c), header field after the body 14 (14g), format 6 (14f), enumeration 5 (14e), repeating group 15 and 16 (14i), required
    tag missing 1 (14b).
    """
    spec: Message | None = MESSAGES.get(message.msg_type)
    if spec is None or not (spec.outgoing if from_server else spec.incoming):
        if spec is not None or message.msg_type in KNOWN_TYPES:
            return Problem(0, None, f"MsgType {message.text(35)} is not accepted on this session", business=3)
        return Problem(11, 35, f"MsgType {_show(message.get(35))} is unknown")
    own = spec.tags()
    seen: set[int] = set()
    groups = _Groups(spec)
    in_body = False
    for place, (tag, value) in enumerate(message.fields):
        f = FIELDS.get(tag)
        if tag == 10:
            continue
        if f is None:
            return _unknown(message, place, tag, value)
        if not value:
            return Problem(4, tag, f"{_name(tag)} has no value")
        if tag in seen and tag not in groups.inside:
            return Problem(13, tag, f"{_name(tag)} appears more than once")
        seen.add(tag)
        if tag in own:
            in_body = True
        elif tag in HEADER_TAGS:
            if in_body:
                return Problem(14, tag, f"{_name(tag)} belongs to the header, found after fields of the body")
        else:
            return Problem(2, tag, f"{_name(tag)} is not accepted in {spec.name}({spec.msg_type})")
        rule = _TYPE_CHECKS.get(f.type)
        if rule is not None and rule[0](value) is None:
            return Problem(6, tag, f"{_name(tag)}: found {_show(value)!r}, expected {rule[1]}")
        if f.values:
            parts = value.split(b" ") if f.type == "MULTIPLEVALUESTRING" else [value]
            if any(part.decode("ascii", "replace") not in f.values for part in parts):
                return Problem(5, tag, f"{_name(tag)}: found {_show(value)!r}, expected one of {', '.join(f.values)}")
        if (problem := groups.take(tag, value)) is not None:
            return problem
    if (problem := groups.close()) is not None:
        return problem
    for tag, required in spec.fields:
        if required and tag not in seen:
            return Problem(1, tag, f"{_name(tag)} is required in {spec.name}({spec.msg_type})")
    for tag in (11, 41, 790, 584, 710, 909):
        if tag in seen and not _PRINTABLE.fullmatch(message.get(tag)):
            return Problem(
                5,
                tag,
                f"{_name(tag)} must be 1 to {TEXT_MAX} printable ASCII characters, found {len(message.get(tag))}: {_show(message.get(tag))!r}",
            )
    return None


def _unknown(message: FixMessage, place: int, tag: int, value: bytes) -> Problem:
    """A field that is not in the table: a field of FIX 4.4 that is not accepted here (2), or an unknown or invalid tag (0)."""
    if tag in FIX44_NAMES:
        return Problem(2, tag, f"{_name(tag)} is not accepted here: found {_show(value)!r}")
    if tag > 0:
        return Problem(0, tag, f"tag {tag} is unknown: found {_show(value)!r}")
    name = _show(message.odd.get(place, b""))
    return Problem(0, int(name) if _NUMBER.fullmatch(name) else None, f"{name!r} is not a tag: found {_show(value)!r}")


# ---------------------------------------------------------------------------------------------------- orders
@dataclass(slots=True)
class OrderRequest:
    """The content of D, F, G, H or q, in terms of protocol.codes. Decimal numbers are still texts, because the number of decimals allowed
    depends on the instrument (`scale`)."""

    msg_type: str
    seq: int
    cl_ord_id: bytes
    orig_cl_ord_id: bytes = b""
    account: bytes = b""  # empty: the session's default account
    symbol: bytes = b""
    side: int = 0
    contract_side: int = codes.YES
    type: int = 0
    tif: int = codes.DAY
    stp: int = 0
    flags: int = 0
    price: bytes = b""
    qty: bytes = b""
    min_qty: bytes = b""
    display_qty: bytes = b""
    stop_price: bytes = b""
    cost_cap: bytes = b""
    expiry_ns: int = 0
    deadline_ns: int = 0
    group: int = 0
    front_end: int = 0
    scope: int = 0
    request_id: bytes = b""  # H: OrdStatusReqID (790), "echoed back" in the answer by its definition
    tif_said: bool = False  # 59 was given; a replace without it keeps the order's


_FLAG_TAGS = ((5016, codes.FLAG_POST_SLIDE), (5017, codes.FLAG_REDUCE_ONLY), (5018, codes.FLAG_PERSIST))
_SCOPES = {
    b"S": codes.SCOPE_SESSION,
    b"A": codes.SCOPE_ACCOUNT,
    b"F": codes.SCOPE_FIRM,
    b"I": codes.SCOPE_INSTRUMENT,
    b"E": codes.SCOPE_EVENT,
}  # fmt: skip


def read_order(message: FixMessage) -> OrderRequest | Problem:
    """A D, F, G, H or q that passed `check` as an OrderRequest, or the Problem with a conditionally required field (BusinessRejectReason 5)
    or a value."""
    get = message.get
    order = OrderRequest(message.msg_type, message.seq or 0, get(11), get(41), get(1), get(55))
    if 22 in message and get(48) not in (b"", order.symbol or get(48)):
        return Problem(5, 48, f"SecurityID(48): found {_show(get(48))!r}, expected the Symbol(55) {_show(order.symbol)!r}")
    if not order.symbol:
        order.symbol = get(48)
    for tag, value in ((1, order.account), (55, order.symbol)):
        if len(value) > TEXT_MAX:
            return Problem(5, tag, f"{_name(tag)} has {len(value)} characters, at most {TEXT_MAX} are allowed")
    order.side = int(get(54, b"0"))
    unsaid = codes.YES if order.msg_type == "D" else 0  # in other messages a missing side means the order's
    order.request_id = get(790)
    order.contract_side = {b"N": codes.NO, b"Y": codes.YES}.get(get(5010, b""), unsaid)
    if order.msg_type == "q":
        whole = get(530)
        default = b"I" if whole == b"1" else b"S"
        order.scope = _SCOPES[get(5011, default)]
        if order.scope in (codes.SCOPE_INSTRUMENT, codes.SCOPE_EVENT) and not order.symbol:
            return Problem(0, 55, "Symbol(55) is required for a mass cancel of this scope", business=5)
        return order
    if order.msg_type in "DG":
        order.type = int(get(40))
        order.tif, order.tif_said = int(get(59, b"0")), 59 in message
        order.stp = int(get(2964, b"0"))
        order.price, order.qty = get(44), get(38)
        if order.type in (codes.LIMIT, codes.STOP_LIMIT) and not order.price:
            return Problem(0, 44, f"Price(44) is required with OrdType(40) {order.type}", business=5)
        order.flags = codes.FLAG_POST_ONLY if b"6" in get(18).split() else 0
        for tag, flag in _FLAG_TAGS:
            if get(tag) == b"Y":
                order.flags |= flag
        order.min_qty, order.display_qty, order.stop_price, order.cost_cap = get(110), get(1138), get(99), get(5014)
        order.expiry_ns = parse_timestamp(get(126)) or 0
        order.deadline_ns = parse_timestamp(get(5013)) or 0
        for tag, limit, attribute in ((5012, 65535, "front_end"), (5015, 2**31 - 1, "group")):
            if tag in message:
                number = parse_int(get(tag)) or 0
                if not 0 <= number <= limit:
                    return Problem(5, tag, f"{_name(tag)}: found {number}, expected 0 to {limit}")
                setattr(order, attribute, number)
    return order

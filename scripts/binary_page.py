"""docs/binary.md: the reference of the binary wire, made from protocol/messages.py. Written by scripts/make_docs.py."""

import inspect
import re
import typing

import msgspec

from protocol import binary_session, codes, framing
from protocol import messages as M

HEAD = """# The binary wire

One TCP connection carries one session: orders and their reports, and market data for whoever subscribes. The SDK for it is `protocol/client.py`; this page is for
those who write their own. It is generated from `protocol/messages.py` by `python -m scripts.make_docs`.

## Frames

A frame is a u32, little endian, and then so many bytes: one MessagePack array `[tag, field, ...]` with the fields in the order of the tables below.

* Trailing fields that have a default may be left out. Fields that a newer peer appends are ignored.
* Integers may have any MessagePack width; the server writes the shortest. A number outside its range refuses the message, naming the field.
* At most {client} bytes of payload from a client ({logon} in all before logon), {server} from the server. A length of 0 or above the limit ends the connection.

An order for 100 lots at 4000 ticks, limit, good till cancelled, with the id 1000001, is these {size} bytes:

```
{order}
```

## A session, from hello to goodbye

1. The server sends **Hello** with a challenge of 32 random bytes.
2. The client answers with **Logon**: its key and HMAC-SHA256(secret, challenge). Anything else, or nothing within 5 s, ends the connection with a **Logout** that says why.
   A second connection of a live session is refused; the first goes on. After several logons with wrong credentials an address waits up to 2 s before its next
   one is looked at, right or wrong; reason 176 says that as many of that name as may wait do so already.
3. The server answers with **Sent**(**LogonReply**), a numbered message.
4. Orders and answers. Each request about orders causes at least one numbered report. A message that cannot be taken has no effect and is answered by **Sent**(**MessageRefused**).
5. Either side sends **Heartbeat** after `heartbeat_ms` without another message, and gives up when it has heard nothing for 2.4 times as long.
6. The client sends **Logout**. What it had sent is carried out and reported, then the server says **Logout** and closes.

A client that does not read is cut with a Logout (reason {slow}) when 4 MiB or 5 s of output wait for it. Its reports are kept: it can come back and ask for them.

## Numbers, and what to do after a lost connection

Reports are numbered 1, 2, 3 ... per session, without holes and for ever, also while nobody is connected. `Logon.next_number` says which one you need next: the server
sends everything from there on again, byte for byte, mixed with new reports, then **ResumeDone**. Put them in order by number and drop what you have. 0 asks for
nothing from before. A number that the server has not reached is refused with reason {resume}: it is not the exchange you knew.

A **ResumeDone** with a `reason` says that its `begin`..`end` is less than you asked for. {rebuilding}: the server is making these reports again from its journal (its store of
reports was damaged, or its disk was full); ask again after a second, they come byte for byte. {lost}: they cannot be had any more; a **RequestRefused** before it names
them. Ask for the state of your orders.

What comes again is all that had a number: also the LogonReply and MessageRefused of earlier connections. The first LogonReply on a connection is its own, the ones
behind it only fill their numbers: `heartbeat_ms` and the accounts are those of the first.

Nothing is sent before it is safe on the disk. So after a lost connection: log on with the number you need; when all up to the LogonReply is there, whatever
request is still unanswered never took effect. Send it again *under the same id*. A new order that is there already is answered with its state (**OrderStatus**),
never with a second order. An id is used once per firm, on all wires, for 72 hours (a setting); refusals marked *safe to resend* in [errors.md](errors.md) do not use it up.

## Several sessions of one firm

They may cancel and replace each other's orders, on any wire. The one that asks is answered as for an order of its own; the flag EF_OTHER_SESSION says that it is not.
The one that entered the order is told too: **Canceled** (`id` the order's, `orig` 0) or **Replaced** with EF_UNSOLICITED, which answers none of its own requests. The
order stays with the session that entered it: its fills and all that comes later are reported there only.

## What a replace may say

**ReplaceOrder** changes price and total. Of its other fields 0 (or left out) means *not said* and keeps the order's own; anything else must repeat the order's, or the request is
refused with reason {replace}: `asked` names the field (1 account, 12 expiry, 16 side, 17 contract side, 18 type, 19 tif, 20 stp, 21 flags, 22 instrument), `limit` is
the order's value, `used` the request's. Day is 0 and therefore cannot be said here. `deadline` belongs to the request; fields of features that are not built must be 0.

## What a session sees

A session that enters through a venue sees the markets which that venue lists: it may trade them, gets their definitions, books, trades and phases, and is told of those
that are listed later. A session of the platform (no venue) sees all. Everything else answers exactly like what does not exist: another venue's instrument is
reason 20, its event reason 132, another firm's account reason 2, another firm's order reason 90. LogonReply names the firm's accounts for which the session may act.
A cancel needs no listing: an order of its own firm that came through another venue may be cancelled, not replaced. Order, trade and execution numbers are counts
of the whole platform.

## Market data

**DefinitionsRequest** gives every instrument that the session sees, **Subscribe** a **BookSnapshot** each and from then on a **BookUpdate** for every turn that touched the book. `seq` goes up by 1 with
each update; if you miss one, subscribe again and you get a new snapshot. After a **BookReset** a snapshot comes by itself. Prices are in YES ticks whatever the
client's side was. `protocol/book_builder.py` does all of it.

## Codes

{code_table}

Reasons are in [errors.md](errors.md).
"""

GROUPS = (
    ("side", ("BUY", "SELL")),
    ("contract_side", ("YES", "NO")),
    ("type", ("MARKET", "LIMIT", "STOP", "STOP_LIMIT")),
    ("tif", ("DAY", "GTC", "AT_OPEN", "IOC", "FOK", "GTD")),
    ("flags of an order", ("FLAG_POST_ONLY", "FLAG_POST_SLIDE", "FLAG_REDUCE_ONLY", "FLAG_PERSIST")),
    ("stp", ("STP_DEFAULT", "STP_CANCEL_INCOMING", "STP_CANCEL_RESTING", "STP_CANCEL_BOTH", "STP_DECREMENT")),
    ("scope", ("SCOPE_SESSION", "SCOPE_ACCOUNT", "SCOPE_FIRM", "SCOPE_INSTRUMENT", "SCOPE_EVENT")),
    ("status", tuple(n for n in dir(codes) if n.startswith("ST_"))),
    ("flags of a report", ("EF_TAKER", "EF_REPLACE", "EF_UNSOLICITED", "EF_OTHER_SESSION")),
    ("product", ("SPOT", "EXACTLY", "AT_MOST", "SCALAR")),
    ("phase", tuple(n for n in dir(codes) if n.startswith("PH_"))),
)


def _range(hint: typing.Any) -> str:
    """A field's type and bounds in words."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        base, *metas = typing.get_args(hint)
        bounds = {
            k: v for meta in metas for k, v in ((k, getattr(meta, k)) for k in ("ge", "le", "min_length", "max_length")) if v is not None
        }
        if "ge" in bounds:
            names = {M.I64_MAX: "2^63-1", M.I64_MIN: "-2^63", 2**31 - 1: "2^31-1"}
            low, high = (names.get(bounds[k], str(bounds[k])) for k in ("ge", "le"))
            return f"{low} .. {high}"
        least, most = bounds.get("min_length"), bounds.get("max_length")
        size = f"{least}" if least == most else f"{least or 0} .. {most}"
        return f"{_range(base)}, {size} {'items' if base not in (str, bytes) else 'bytes' if base is bytes else 'characters'}"
    if origin is list:
        return f"list of {_range(typing.get_args(hint)[0])}"
    if origin is tuple:
        return f"[{', '.join(_range(a) for a in typing.get_args(hint))}]"
    if typing.get_args(hint):
        return " or ".join(f"[{a.__name__}](#{a.__name__.lower()})" for a in typing.get_args(hint))
    return {str: "text", bytes: "bytes", int: "integer"}.get(hint, getattr(hint, "__name__", str(hint)))


def _comments(kind: type) -> dict[str, str]:
    """What stands behind the fields in the source, also those of the bases."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__ == M.__name__ and issubclass(base, msgspec.Struct) and base.__name__ != "_Base":
            for name, comment in re.findall(r"^    (\w+): [^#\n]*#\s*(.+)$", inspect.getsource(base), re.M):
                found[name] = comment
    return found


def _message(kind: type) -> list[str]:
    """One message's section."""
    config = kind.__struct_config__  # type: ignore[attr-defined]
    fields: tuple[str, ...] = kind.__struct_fields__  # type: ignore[attr-defined]
    defaults = dict(zip(reversed(fields), reversed(kind.__struct_defaults__)))  # type: ignore[attr-defined]
    hints = typing.get_type_hints(kind, include_extras=True)
    comments = _comments(kind)
    text = vars(kind).get("__doc__") or ""
    out = ["", f"### {kind.__name__}", "", f"Tag {config.tag}. {' '.join(text.split())}".rstrip(), ""]
    if not fields:
        return [*out, "No fields."]
    out += ["| field | range | default | |", "|---|---|---|---|"]
    for name in fields:
        default = ""
        if name in defaults:
            value = defaults[name]
            default = "empty" if not isinstance(value, int | str) or value == "" else str(value)
        out.append(f"| `{name}` | {_range(hints[name])} | {default} | {comments.get(name, '')} |")
    return out


def binary_page() -> str:
    """docs/binary.md as text."""
    order = M.NewOrder(1_000_001, 0, 7, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 4000, 100)
    payload = msgspec.msgpack.encode([10, *msgspec.structs.astuple(order)[:10]])
    data = framing.frame(payload)
    table = ["| field | values |", "|---|---|"]
    table += [
        f"| {title} | {', '.join(f'{getattr(codes, n)} {n}' for n in sorted(names, key=lambda n: getattr(codes, n)))} |"
        for title, names in GROUPS
    ]
    head = HEAD.format(
        client=framing.MAX_CLIENT_PAYLOAD, logon=framing.MAX_LOGON_BYTES, server=framing.MAX_SERVER_PAYLOAD, size=len(data), order=data.hex(" "),
        slow=codes.R_SLOW_READER, resume=codes.R_RESUME_UNKNOWN, rebuilding=codes.R_REPORTS_REBUILDING,
        lost=codes.R_REPORTS_LOST, replace=codes.R_REPLACE_FIELD, code_table="\n".join(table),
    )  # fmt: skip
    limits = f"Heartbeats: {binary_session.HEARTBEAT_MS_MIN} to {binary_session.HEARTBEAT_MS_MAX} ms, {binary_session.HEARTBEAT_MS_DEFAULT} when the client says 0."
    out = [head.rstrip(), "", limits, "", "## From the client"]
    for kind in M.CLIENT_MESSAGES:
        out += _message(kind)
    out += [
        "",
        "## From the server: numbered",
        "",
        "All begin with `number` (of the session), `event` (of the server: the execution id) and `time`.",
    ]
    numbered: tuple[type, ...] = (*M.NUMBERED, M.LogonReply, M.MessageRefused)
    for kind in numbered:
        out += _message(kind)
    out += ["", "## From the server: unnumbered"]
    for kind in M.SERVER_MESSAGES:
        if kind not in M.NUMBERED and kind not in M.CLIENT_MESSAGES:
            out += _message(kind)
    return "\n".join(out) + "\n"

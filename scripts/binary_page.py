"""docs/binary.md: the reference of the binary wire, made from protocol/messages.py. Written by scripts/make_docs.py."""

import inspect
import re
import typing

import msgspec

from protocol import account_messages, binary_session, codes, framing, message_kit, reversal_messages
from protocol import messages as M

HEAD = """# The binary wire

One TCP connection carries one session: orders and their reports, and market data for clients that subscribe. The SDK is `protocol/client.py`; this page is for
those who write their own client. It is generated from `protocol/messages.py` by `python -m scripts.make_docs`.

## Frames

A frame is a u32 length, little endian, followed by that many bytes: one MessagePack array `[tag, field, ...]` with the fields in the order of the tables below.

* Trailing fields that have a default may be left out. Fields that a newer peer appends are ignored.
* Integers may have any MessagePack width; the server writes the shortest. If a number is outside its range, the message is refused, naming the field.
* The payload is at most {client} bytes from a client ({logon} in all before logon) and {server} from the server. A length of 0 or above the limit ends the connection.

An order for 100 lots at 4000 ticks, limit, good till cancelled, with the id 1000001, is encoded in {size} bytes:

```
{order}
```

## The course of a session

1. The server sends **Hello** with a challenge of 32 random bytes.
2. The client answers with **Logon**: the name of its login, which of the session's keys, and the proof: the Ed25519 signature, or that of a shared secret, of the challenge
   ([credentials.md](credentials.md#log-on-by-hand-binary) has both in ten lines of Python). Anything else, or nothing within 5 s, ends the connection with a **Logout** that gives the reason.
   A second connection for a live session is refused; the first continues. After several logons with wrong credentials from an address, its next logon is checked up to 2 s
   later, right or wrong. Reason 176: the maximum number of logons with that name are already waiting.
3. The server answers with **Sent**(**LogonReply**), a numbered message.
4. Orders and answers. Each request about orders is answered by at least one numbered report. A message that cannot be processed has no effect and is answered by **Sent**(**MessageRefused**).
5. Either side sends **Heartbeat** after `heartbeat_ms` without another message, and ends the session after it has received nothing for 2.4 times as long.
6. The client sends **Logout**. The server handles and reports everything that the client sent before it, then sends **Logout** and closes.

A client that does not read is cut with a Logout (reason {slow}) when 4 MiB or 5 s of output wait for it. Its reports are kept: it can reconnect and request them.

## Report numbers, and what to do after a lost connection

Reports are numbered 1, 2, 3 ... per session, without gaps, and the numbers never restart. Reports are numbered even while the client is not connected. Set `Logon.next_number` to the number that you need next: the server
resends everything from there on, byte for byte, interleaved with new reports, then sends **ResumeDone**. Sort by number and drop duplicates. 0 requests no
old reports. A number that the server has not reached is refused with reason {resume}: this is not the exchange that sent you that number.

A **ResumeDone** with a `reason` means that its `begin`..`end` is less than you requested. {rebuilding}: the server is rebuilding these reports from its journal (its store of
reports was damaged, or its disk was full); ask again after a second, and you get them byte for byte. {lost}: the reports are lost, {expired}: they are older than the exchange keeps
them (the operator's setting `event_retention`); a **RequestRefused** before it names them. Request the state of your orders.

Every message that had a number is resent, including LogonReply and MessageRefused of earlier connections. The first LogonReply on a connection belongs to that connection. Later ones
only fill their numbers: use `heartbeat_ms` and the accounts of the first.

No message is sent before it is safe on the disk. So after a lost connection: log on with the number you need. When you have everything up to the LogonReply, any
request that is still unanswered never took effect. Send it again *with the same id*. If an order with that id is already there, you get its state (**OrderStatus**),
never a second order. An id can be used once per firm, on all wires, for 72 hours (a setting). Refusals marked *safe to resend* in [errors.md](errors.md) do not use it up.

## When you have lost everything: own state

**AccountRequest** asks for what the session's accounts have: balances, positions, requirements with their reasons, open orders, and limits (throttles, shares of common tables, kill
switches). Choose with `parts`; `account` 0 means all accounts that the session may act for. The answer is **AccountState**, a message for each thing, then **AccountStateDone** with
their count. It comes in pieces between reports and market data, but all of it is one copy, as of one moment: it includes everything that this session had sent before the request.

**The stream goes on exactly after it.** `AccountState.number` is the session's first report that the answer does not include. So a client that has no state left does this:

1. Log on with `next_number` 0, send AccountRequest, and keep the reports that arrive meanwhile.
2. When AccountStateDone has come, start from the answer and apply the reports from `number` on, in order. Drop those below it.

`protocol/holdings.py` does this; `Client.account()` and `Client.rebuild()` of the SDK use it:

```python
{example}
```

* An account of another firm is answered exactly like one that does not exist: **RequestRefused** with reason {unknown}. The firm's own account that is isolated to another venue: reason {venue}.
* The reports of a session are about its own orders, and about its accounts where it is the account's session. What another session of the firm trades on the same account is in the answer
  (`OpenOrder.session` names the session), but not in the reports that follow: ask again.
* **FillsRequest** sends the session's fills again, unchanged: of the reports `begin`..`end`, or those after a trade id. It is Resume with everything but fills left out. They are old reports: do
  not apply them to a state that includes them.
* {own} requests for own state may wait on one connection; a further one is refused with reason {overload}, which names both numbers. An answer covers at most {rows} open orders. The
  server spaces the copies for all sessions, so that they take at most a tenth of its time: under load, an answer waits for its turn.

## Several sessions of one firm

They may cancel and replace each other's orders, on any wire. The session that sends the request is answered as for its own order; the flag EF_OTHER_SESSION shows that the order is another session's.
The session that entered the order also gets **Canceled** (`id` the order's, `orig` 0) or **Replaced**, with EF_UNSOLICITED, because it did not request it. The
order stays with the session that entered it: its fills and all later events are reported only there.

## What a replace may contain

**ReplaceOrder** changes price and total. In the other fields, 0 (or left out) means *not given* and keeps the order's value; anything else must repeat the order's value, or the request is
refused with reason {replace}: `asked` is the field (1 account, 12 expiry, 16 side, 17 contract side, 18 type, 19 tif, 20 stp, 21 flags, 22 instrument), `limit`
the order's value, `used` the request's. Day is 0 and therefore cannot be given here. `deadline` applies to the request. Fields of features that are not built must be 0.

## What a session sees

A session that enters through a venue sees the markets that the venue lists: it may trade them, and it gets their definitions, books, trades and phases, also of markets
that are listed later. A session of the platform (no venue) sees all. Everything else is answered exactly like something that does not exist: another venue's instrument with
reason 20, its event with reason 132, another firm's account with reason 2, another firm's order with reason 90. LogonReply names the firm's accounts that the session may use.
A cancel needs no listing: a session may cancel, but not replace, an order of its firm that came through another venue. Order, trade and execution numbers count
across the whole platform.

## Market data

**DefinitionsRequest** returns every instrument that the session sees. **Subscribe** returns a **BookSnapshot** for each, and from then on a **BookUpdate** for every turn that changed the book. `seq` increases by 1 with
each update; if you miss one, subscribe again to get a new snapshot. After a **BookReset** a snapshot is sent without a request. Prices are in YES ticks, whatever the
client's side. `protocol/book_builder.py` implements all of this.

A change of a market's phase comes as **PhaseChange** to whoever subscribed to one of its books or asked for definitions; a result, a correction or a void also as **Result**, with its payouts
and its evidence. **Settled** names the same evidence when the version is paid ([settlement.md](settlement.md)).

## Codes

{code_table}

Reasons are in [errors.md](errors.md).
"""

EXAMPLE = """from protocol.client import Client

async with Client("127.0.0.1", 9890, "MM1", "mm1-secret") as exchange:
    order = await exchange.buy("WC26-WIN-ESP", 10, 2500)
    state = await exchange.account()
    account = state.accounts["MM1-A"]
    print(account.cash("USD"), account.locked("USD"), account.available("USD"), account.position("WC26-WIN-ESP"))
    for one in state.orders:
        print(state.line(one))
    await exchange.rebuild()  # exchange.orders are now this session's open orders, whatever was lost
    print(exchange.orders[order.id])"""
MODULES = (M.__name__, account_messages.__name__, reversal_messages.__name__, message_kit.__name__)
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
    ("kill switch", tuple(n for n in dir(codes) if n.startswith("KILL_"))),
    ("product", ("SPOT", "EXACTLY", "AT_MOST", "SCALAR")),
    ("phase", tuple(n for n in dir(codes) if n.startswith("PH_"))),
)


def _range(hint: typing.Any) -> str:
    """A field's type and bounds as text."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        base, *metas = typing.get_args(hint)
        bounds = {
            k: v for meta in metas for k, v in ((k, getattr(meta, k)) for k in ("ge", "le", "min_length", "max_length")) if v is not None
        }
        if "ge" in bounds:
            names = {message_kit.I64_MAX: "2^63-1", message_kit.I64_MIN: "-2^63", 2**31 - 1: "2^31-1"}
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
    """The comments after the fields in the source, including those of the bases."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__ in MODULES and issubclass(base, msgspec.Struct):
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
        example=EXAMPLE, unknown=codes.R_UNKNOWN_ACCOUNT, venue=codes.R_VENUE_NOT_ALLOWED, own=account_messages.OWN_ANSWERS, overload=codes.R_OVERLOAD,
        rows=f"{account_messages.OWN_ORDERS_MAX:,}", lost=codes.R_REPORTS_LOST, expired=codes.R_REPORTS_EXPIRED, replace=codes.R_REPLACE_FIELD, code_table="\n".join(table),
    )  # fmt: skip
    limits = f"Heartbeats: {binary_session.HEARTBEAT_MS_MIN} to {binary_session.HEARTBEAT_MS_MAX} ms; {binary_session.HEARTBEAT_MS_DEFAULT} if the client sends 0."
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

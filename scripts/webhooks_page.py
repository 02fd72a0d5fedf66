"""docs/webhooks.md: the groups and kinds of messages with an example each, made from exchange_server/hooks/bodies.py; the text around them is here."""

import types
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from exchange_server.hooks import bodies
from exchange_server.web import schemas as S

HEAD = """# Webhooks

`exos webhooks serve` is a process beside the server that posts what happens to the endpoints of venues and firms, as
[Standard Webhooks](https://www.standardwebhooks.com). It reads the event store's files and asks the server for names; trading never waits for it, and it may be
killed at any moment.

## Set one up

```
exos webhooks serve --data /srv/exos
exos webhooks add shop https://shop.example/exchange --venue ACME
exos webhooks add desk https://desk.example/hook --firm DESK --events fills,money
exos webhooks test shop
exos webhooks list
```

`add` makes the secret of the endpoint and shows it once. On the disk it is in `DIR/webhooks/endpoints.json` only, a file with mode 0600 that the command line writes and
the process reads again when it changes; the server does not know of it. `DIR/webhooks/progress.json` is the process's own.

An endpoint belongs to one venue or one firm, and gets nothing of others:

| whose | accounts | markets |
|---|---|---|
| a venue's | those that its operators see: isolated to the venue, or of a firm whose home it is | those that it owns |
| a firm's | its own | those that it sees, by the rule for market data, when the message is made |

Firms of the platform trade on a venue without the venue's operators seeing their accounts: their fills go to their own endpoints only.

## What you can rely on

* **At least once.** An endpoint's position moves only past messages that were answered with 2xx. After a kill, a power cut or a restart of anything nothing is missing.
  What was taken in the last moments before may come again: with the same `webhook-id`, by which you know it.
* **In order within a key.** Messages of one account are posted one after the other, and so are messages of one market (the table below says which key a kind has). Between
  keys there is no order: up to 8 messages of an endpoint are under way at once.
* **Only what is durable.** A message is made of an event only when the journal has it on the disk (in mode async: when it was answered to clients).
* **Tried again.** After anything but 2xx, and after 20 s without an answer: after 1 s, then twice as long each time up to an hour, with jitter, or as `Retry-After` says. A message
  that is not taken holds back its key only, until 256 wait. An endpoint that takes nothing is tried with one message at a time.
* **Paused.** An endpoint that has not taken a message for 5 days (`--dead-days`), or that answers 410, is paused: the log says `webhook_paused` and `exos webhooks list`
  why. `exos webhooks resume NAME` goes on where it was.
* **A gap has a name.** Events are kept for `event_retention` (72 h by default). If an endpoint falls behind further, it gets `webhook.gap` with the numbers of the events in their place,
  never silence. The same when events were lost to damage, and when the exchange was set back to an earlier moment.
* **One does not hold up another.** Each endpoint has its own position, pauses and limits.

```
exos webhooks replay shop --id evt_5a0c31f09b7e_4711
exos webhooks replay shop --from 2026-07-19T21:00:00Z
exos webhooks replay shop --from 2h
```

post messages again, with the ids that they had: one by its id, or all from a time on.

## Where it posts to

* `https` with a certificate that the system trusts (`serve --ca FILE` names another authority). `http` only to this machine, or with `--allow-plain`.
* Addresses of this machine, of private networks and of links are refused, unless the endpoint was added with `--allow-private`. Every answer for a name is checked each time, and the connection
  goes to the checked address.
* Redirects are not followed. The answer's body is not read.

## Verify a message

Check the signature with your language's [library](https://github.com/standard-webhooks/standard-webhooks) before you believe a message, over the body's bytes as they came. It also refuses a
`webhook-timestamp` that is more than five minutes off. Remember the ids that you have processed. Answer at once, and work afterwards.

```python
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["EXOS_WEBHOOK_SECRET"])  # whsec_...
seen: set[str] = set()  # in real life: a table with a unique key


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            self.send_response(400)
            self.end_headers()
            return
        if self.headers["webhook-id"] not in seen:
            seen.add(self.headers["webhook-id"])
            print(message["type"], message["timestamp"], message["data"], flush=True)
        self.send_response(204)
        self.end_headers()


ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8080"))), Receiver).serve_forever()
```

| header | what it is |
|---|---|
| `webhook-id` | `evt_EXCHANGE_EVENT`: the same whenever this message is posted, to whichever endpoint. EVENT is the number of the event at the exchange; a fill's is its `fill_id` |
| `webhook-timestamp` | when this attempt was made, in seconds since 1970 |
| `webhook-signature` | `v1,` and the signature |

## Messages

The body is `{"type": ..., "timestamp": ..., "data": ...}`; `timestamp` is when it happened at the exchange. Prices, quantities and money are decimal strings, times RFC 3339 in UTC
with nanoseconds, ids strings, as in the [HTTP API](http-api.md). New fields and kinds may be added: pass over what you do not know. The rest of this page is generated from
`exchange_server/hooks/bodies.py` by `python -m scripts.make_docs`.

"""

EXAMPLES: dict[str, Any] = {
    "fill_id": "4711", "time": "2026-07-19T21:40:00.000000001Z", "order_id": "1204", "client_order_id": "17", "account": "DESK-A", "contract": "WC26-WIN-ESP",
    "side": "buy", "contract_side": "yes", "price": "0.2500", "quantity": "10", "fee": "0.0188", "asset": "USD", "liquidity": "taker", "trade_id": "311",
    "order_filled": "10", "order_open": "0", "market": "WC26-WIN", "venue": "WC26", "number": "4711", "amount": "7.5000", "balance": "1007.4812", "position": "10",
    "payout": "1.0000", "result_version": 1, "version": 1, "why": "correction", "owed": "0.0000", "blocked": "0.0000", "old_price": None, "old_quantity": None,
    "window_ends_at": "2026-07-20T21:40:00.000000000Z", "rule": "The winner pays 1.0000", "source": "fifa.com", "observed": "Spain won 2-1",
    "observed_at": "2026-07-19T21:39:00.000000000Z", "evidence_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "evidence_name": "report.pdf",
    "phase": "determined", "old": "open", "reason": "retired", "first_event": "100", "last_event": "4710", "endpoint": "shop",
    "detail": "events 100 to 4710 cannot be posted: they are older than the exchange keeps them (setting event_retention)",
}  # fmt: skip
OVER: dict[str, dict[str, Any]] = {
    "fill.corrected": {"old_price": "0.2600", "old_quantity": "10"},
    "market.disputed": {"phase": "disputed", "window_ends_at": None},
    "market.voided": {"phase": "voided"},
    "market.final": {"phase": "final", "window_ends_at": None},
    "market.phase_changed": {"phase": "closed"},
    "settlement.paid": {"kind": "settled", "amount": "10.0000"},
    "settlement.reversed": {"kind": "reversed", "amount": "-10.0000"},
}


def example(kind: bodies.Kind) -> dict[str, Any]:
    """The data of a message of this kind, as a value of its struct: what does not fit the struct raises."""
    over = OVER.get(kind.name, {})
    found = _of(kind.data, over)
    if kind.group == bodies.MONEY:
        out = {"money.withdrawn", "money.held", "money.split"}
        found |= {"kind": "moved", "contract": None, "amount": "-7.5000" if kind.name in out else "7.5000"}
        found["market"] = "WC26-WIN" if kind.name in ("money.split", "money.merged") else None
    if issubclass(kind.data, S.Entry):
        found["trade_id"] = None
    if kind.data is bodies.MarketResult:
        found["contract"] = None
    msgspec.convert(found, kind.data)
    return found


def _of(struct: Any, over: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(struct)
    return {name: over[name] if name in over else _value(name, hints[name], over) for name in struct.__struct_fields__}


def _value(name: str, hint: Any, over: dict[str, Any]) -> Any:
    if name in EXAMPLES:
        return EXAMPLES[name]
    if get_origin(hint) in (Union, types.UnionType):
        hint = next(one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is list:
        return [_value(name, get_args(hint)[0], over)]
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    return _of(hint, over)


def webhooks_page() -> str:
    out = [HEAD.rstrip(), "", "| `--events` | what |", "|---|---|"]
    out += [f"| `{name}` | {what} |" for name, what in bodies.GROUPS.items()]
    out += ["", "| type | in | order within | sent when |", "|---|---|---|---|"]
    out += [f"| `{kind.name}` | {f'`{kind.group}`' if kind.group else 'all'} | {kind.key} | {kind.when} |" for kind in bodies.KINDS]
    for kind in bodies.KINDS:
        shown = {"type": kind.name, "timestamp": EXAMPLES["time"], "data": example(kind)}
        text = msgspec.json.format(msgspec.json.encode(shown), indent=2).decode()
        about = " ".join((kind.data.__doc__ or "").split())
        out += ["", f"### {kind.name}", "", *([about, ""] if about else []), "```json", text, "```"]
    return "\n".join(out) + "\n"

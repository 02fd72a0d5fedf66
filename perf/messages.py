"""A flow's rows as the bytes that clients send, built before the run."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from protocol import codes as C
from protocol.framing import frame

Words = NDArray[np.int64]


def binary_frames(rows: Words, account: Callable[[int], int] = int) -> list[bytes]:
    """One frame for each NEW, CANCEL or REPLACE row. account: from the flow's account ids to the server's."""
    pack = msgspec.msgpack.Encoder().encode
    found = []
    for w in rows.tolist():
        head, who, instrument = w[L.CMD_HEAD], account(w[L.CMD_SESSION_ACCOUNT] & 0xFFFFFFFF), w[L.CMD_INSTRUMENT] >> 32
        kind, key, orig = head & 255, w[L.CMD_ID_LO], w[L.CMD_ORIG_LO]
        if kind == C.C_NEW:
            nibbles = [head >> shift & 15 for shift in (16, 20, 24, 28)]
            fields = [10, key, who, instrument, *nibbles, W.flags_of(head), w[L.CMD_PRICE], w[L.CMD_QTY]]
        elif kind == C.C_CANCEL:
            fields = [11, key, orig, who, instrument]
        else:
            fields = [12, key, orig, who, instrument, w[L.CMD_PRICE], w[L.CMD_QTY]]
        found.append(frame(pack(fields)))
    return found


def fix_message(body: str, comp_id: str, number: int, sending_time: str) -> bytes:
    """A FIX 4.4 message of CompID `comp_id` to EXOS-OE. body: MsgType and the fields after the header, `|` for SOH ("D|11=5|...|")."""
    kind, _, rest = body.partition("|")
    text = f"35={kind}|49={comp_id}|56=EXOS-OE|34={number}|52={sending_time}|{rest}"
    data = f"8=FIX.4.4|9={len(text)}|{text}".replace("|", "\x01").encode()
    return data + b"10=%03d\x01" % (sum(data) & 255)

"""Encodes event rows as FIX for Python callers; owns the table of refusal texts and the kernel's buffers.

`FixEncoder.write` serves the turn's output, `FixEncoder.resend` old events for one ResendRequest. Both use the one kernel.
"""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import admin_records as ar
from protocol import codes, errors
from protocol.fix_messages import format_timestamp

from ...core import layout as L
from ...wires.fix_out import (
    FIX_RES_WORDS,
    FLAG_RESEND,
    MESSAGE_BYTES,
    PLACE_ASKED,
    PLACE_LIMIT,
    PLACE_USED,
    RES_CACHED,
    RES_NOW,
    RES_TAKEN,
    TEXT_CODES,
    TEXT_ROW,
    TX_102,
    TX_103,
    TX_378,
    TX_LENGTH,
    TX_OFFSET,
    TX_UNIT,
    UNIT_ACCOUNT,
    UNIT_MONEY,
    UNIT_PRICE,
    UNIT_QTY,
    UNIT_QUOTE,
    UNIT_RAW,
    UNIT_TIME,
    UNIT_WORD,
    encode,
    index_words,
)
from ..encoders import Router
from ..evidence import Evidence

# The unit in which the numbers of a refusal are shown on a text wire; all others are plain numbers.
UNITS = {
    **dict.fromkeys(errors.PRICES, UNIT_PRICE),
    **dict.fromkeys(errors.QUANTITIES, UNIT_QTY),
    **dict.fromkeys(errors.MONEY, UNIT_MONEY),
    **dict.fromkeys(errors.NOTIONALS, UNIT_QUOTE),
    **dict.fromkeys(errors.TIMES, UNIT_TIME),
    **dict.fromkeys(
        (codes.R_UNKNOWN_ACCOUNT, codes.R_ACCOUNT_CLOSED, codes.R_KILLED_ACCOUNT, codes.R_ACCOUNT_NOT_ISOLATED, codes.R_BUDGET_ACCOUNT),
        UNIT_ACCOUNT,
    ),
    codes.R_FIELD_UNSUPPORTED: UNIT_WORD,
    codes.R_REPLACE_FIELD: UNIT_WORD,
    codes.R_CANCEL_FIELD: UNIT_WORD,
}
# FIX texts for refusals whose general text uses terms that a FIX client does not know.
TEXTS = {
    codes.R_TOO_MANY_DECIMALS: "tag {used} has {asked} decimals, at most {limit} are allowed for this Symbol(55)",
    codes.R_MARKET_NOT_OPEN: "the market is not open yet",
    codes.R_MARKET_CLOSED: "the market takes no orders any more",
    codes.R_UNKNOWN_INSTRUMENT: "Symbol(55) is unknown",
    codes.R_UNKNOWN_ACCOUNT: "Account(1) is unknown, or missing although the session has no default account",
    codes.R_FIELD_UNSUPPORTED: "tag {asked} is not supported yet, or not with this value (18: also the flags 5016 and 5017)",
    codes.R_REPLACE_FIELD: "tag {asked} differs from the order's: a replace changes price and quantity only",
    codes.R_CANCEL_FIELD: "tag {asked} differs from the order's: OrigClOrdID(41) names another order than the cancel describes",
}
TEXT_BYTES_MAX = 250
EVIDENCE_BYTES = 256
EVIDENCE_TAGS = (5108, 5109, 5110, 5111, 5112, 5113)
_PLACES = {"limit": PLACE_LIMIT, "used": PLACE_USED, "asked": PLACE_ASKED}
FIRST_OUT_BYTES = 256 * MESSAGE_BYTES


def build_texts() -> NDArray[np.int64]:
    """errors.REFUSALS in the kernel's format: TEXT_ROW words per code, then the texts, with one byte in place of each number to fill in."""
    rows = np.zeros(TEXT_CODES * TEXT_ROW, np.int64)
    rows.reshape(-1, TEXT_ROW)[:, [TX_103, TX_102, TX_378]] = -1
    body = bytearray()
    for code, refusal in errors.REFUSALS.items():
        text = re.sub(r"\{(limit|used|asked)\}", lambda found: chr(_PLACES[found[1]]), TEXTS.get(code, refusal.template))
        raw = f"{text} (safe to resend)".encode("ascii") if refusal.safe_to_resend else text.encode("ascii")
        if len(raw) > TEXT_BYTES_MAX:
            raise ValueError(f"the text of {refusal.name} has {len(raw)} bytes, a FIX report takes {TEXT_BYTES_MAX}")
        row = rows[code * TEXT_ROW : (code + 1) * TEXT_ROW]
        row[TX_OFFSET] = rows.size + len(body) // 8
        row[TX_LENGTH] = len(raw)
        for at, value in ((TX_103, refusal.fix_103), (TX_102, refusal.fix_102), (TX_378, refusal.fix_378)):
            row[at] = -1 if value is None else value
        row[TX_UNIT] = UNITS.get(code, UNIT_RAW)
        body += raw + bytes(-len(raw) % 8)
    return np.concatenate([rows, np.frombuffer(bytes(body), np.int64)])


def evidence_text(record: ar.Determine | None) -> bytes:
    """The last fields of a MarketSettlement, each after an SOH. FIX texts are ASCII: other characters are escaped as "\\u00e9", and a value ends after
    256 bytes."""
    if record is None:
        return b""
    at = format_timestamp(record.observed_at_ns, 3).decode()
    values = (record.rule_id, record.source, record.observed_value, at, record.evidence_sha256, record.evidence_name)
    fields = [(tag, text.encode("ascii", "backslashreplace")[:EVIDENCE_BYTES]) for tag, text in zip(EVIDENCE_TAGS, values) if text]
    return b"".join(b"\x01%d=%b" % field for field in fields)


class FixEncoder:
    """Event rows to bytes for the FIX sessions of one engine (the pipeline's Encoder); one per engine, shared by its connections."""

    def __init__(self, engine: Any) -> None:
        self.m: NDArray[np.int64] = engine.m
        self.texts = build_texts()
        self.evidence = Evidence(engine, evidence_text)
        self._router = Router(engine, 64)  # separate from the turn's: resends are encoded between turns
        self.out = np.empty(FIRST_OUT_BYTES, np.uint8)
        self.index = np.zeros(index_words(engine.m), np.int64)
        self.res = np.zeros(FIX_RES_WORDS, np.int64)
        self._res_words = self.res.data  # reading a word through it costs a third of a numpy access
        self.res[RES_CACHED] = -1  # no time has been formatted yet
        self.messages = 0

    def encode(self, events: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """(session, its messages in order) for a chunk of whole event rows; a session may occur more than once, always in order."""
        yield from self._run(events, self._router.route(events), 0)

    def write(self, events: NDArray[np.int64], routes: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """The same with the routes of these rows (wires/route.py)."""
        yield from self._run(events, routes, 0)

    def resend(self, events: NDArray[np.int64], now_ns: int) -> bytes:
        """The same messages again with PossDupFlag and OrigSendingTime; `events`: rows of one session, oldest first."""
        self.res[RES_NOW] = now_ns
        return b"".join(data for _, data in self._run(events, self._router.route(events), FLAG_RESEND))

    def _run(self, events: NDArray[np.int64], routes: NDArray[np.int64], flags: int) -> Iterator[tuple[int, bytes]]:
        res, index, answer = self.res, self.index, self._res_words
        messages, done = int(routes[L.RO_MESSAGES]), 0
        if self.out.size < FIRST_OUT_BYTES * 16 and messages * MESSAGE_BYTES > self.out.size:
            self.out = np.empty(min(FIRST_OUT_BYTES * 16, 2 * messages * MESSAGE_BYTES), np.uint8)
        while done < messages:
            status = encode(self.m, events, routes, done, self.out, index, res, self.texts, flags, self.evidence.words)
            if status == L.ENC_SPACE:
                self.out = np.empty(int(res[L.RES_BYTES]) * 2, np.uint8)
                continue
            if status == L.ENC_EVIDENCE:
                self.evidence.add(int(res[L.RES_EVENT]), int(res[L.RES_VERSION]))
                continue
            done = answer[RES_TAKEN]
            self.messages += answer[L.RES_MESSAGES]
            view = self.out.data
            rows = index[: answer[L.RES_INDEX] * L.INDEX_WORDS].tolist()
            for r in range(0, len(rows), L.INDEX_WORDS):
                offset = rows[r + L.IX_OFFSET]
                yield rows[r + L.IX_SESSION], bytes(view[offset : offset + rows[r + L.IX_LENGTH]])

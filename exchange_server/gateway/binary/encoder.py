"""Encodes event rows as binary reports for Python callers; owns the kernel's buffers."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from config import admin_records as ar

from ...core import layout as L
from ...wires import binary_out
from ..encoders import Router
from ..evidence import Evidence

_packer = msgspec.msgpack.Encoder()


def evidence_text(record: ar.Determine | None) -> bytes:
    """The last fields of Settled (protocol/messages.py)."""
    if record is None:
        fields: tuple[str | int, ...] = ("", "", "", 0, "", "")
    else:
        fields = (
            record.rule_id, record.source, record.observed_value, record.observed_at_ns, record.evidence_sha256, record.evidence_name,
        )  # fmt: skip
    return b"".join(map(_packer.encode, fields))


class BinaryEncoder:
    """Event rows to bytes for the sessions of this wire (the pipeline's Encoder). One per engine; grows its buffers as needed."""

    def __init__(self, engine: Any, event_rows: int = 4096) -> None:
        self.engine = engine
        self.messages = 0
        self.evidence = Evidence(engine, evidence_text)
        self._router = Router(engine, 64)  # separate from the turn's: a resume is encoded between turns
        self._out = np.zeros(binary_out.out_bytes(event_rows), dtype=np.uint8)
        self._index = np.zeros(binary_out.index_words(engine.m), dtype=np.int64)
        self._res = np.zeros(L.RES_WORDS, dtype=np.int64)
        self._res_words = self._res.data  # reading a word through these costs a third of a numpy access
        self._index_words = self._index.data

    def encode(self, events: NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """(session, its messages in order) for each session of this wire that has any in these whole event rows."""
        return self.write(events, self._router.route(events))

    def write(self, events: NDArray[np.int64], routes: NDArray[np.int64]) -> list[tuple[int, bytes]]:
        """The same with the routes of these rows (wires/route.py)."""
        res = self._res
        while (status := binary_out.encode(events, routes, self._out, self._index, res, self.evidence.words)) != L.ENC_DONE:
            if status == L.ENC_EVIDENCE:
                self.evidence.add(int(res[L.RES_EVENT]), int(res[L.RES_VERSION]))
            else:
                self._out = np.zeros(int(res[L.RES_BYTES]) * 2, dtype=np.uint8)
        answer = self._res_words
        used = answer[L.RES_INDEX]
        if not used:
            return []
        self.messages += answer[L.RES_MESSAGES]
        out, index = self._out.data, self._index_words
        if used == 1:
            session, at, length = index[0], index[1], index[2]
            return [(session, bytes(out[at : at + length]))]
        rows = self._index[: used * L.INDEX_WORDS].tolist()
        return [(rows[i], bytes(out[rows[i + 1] : rows[i + 1] + rows[i + 2]])) for i in range(0, len(rows), L.INDEX_WORDS)]

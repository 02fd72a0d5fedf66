"""The table of evidence of one wire (wires/evidence.py): filled when a report of a settlement is encoded whose evidence is not in it yet.

A version of a result never changes, so a report has the same bytes when it is sent again, also after a restart: the registry keeps all versions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config import admin_records as ar

from ..wires.evidence import EV_LONGEST, EV_MASK, EV_SLOTS, EVIDENCE_WORDS, EW_AT, EW_BYTES, EW_EVENT, EW_VERSION, evidence_slot

FIRST_SLOTS = 64
MOST = 1 << 16  # results in the table


class Evidence:
    """`text`: how a wire writes the evidence of a result; None: it is not known (a core without its registry)."""

    def __init__(self, engine: Any, text: Callable[[ar.Determine | None], bytes]) -> None:
        self.engine, self.text = engine, text
        self.rows: dict[tuple[int, int], bytes] = {}
        self.words: NDArray[np.int64] = self._made(FIRST_SLOTS)

    def add(self, event: int, version: int) -> NDArray[np.int64]:
        """The table with the evidence of a version of an event's result."""
        if len(self.rows) >= MOST:  # begin anew: what is still asked for comes back
            self.rows.clear()
            self.words = self._made(FIRST_SLOTS)
        self.rows[event, version] = self.text(self._found(event, version))
        slots = int(self.words[EV_MASK]) + 1
        if slots < 2 * len(self.rows) + 2:
            self.words = self._made(2 * slots)
        else:
            self.words = np.concatenate([self.words, self._put(self.words, event, version, self.words.size)])
        return self.words

    def _found(self, event: int, version: int) -> ar.Determine | None:
        registry = getattr(self.engine, "registry", None)
        return registry.said(event, version) if registry is not None else None

    def _made(self, slots: int) -> NDArray[np.int64]:
        words = np.zeros(EV_SLOTS + slots * EVIDENCE_WORDS, np.int64)
        words[EV_MASK] = slots - 1
        texts, at = [words], words.size
        for event, version in self.rows:
            texts.append(self._put(words, event, version, at))
            at += texts[-1].size
        return np.concatenate(texts)

    def _put(self, words: NDArray[np.int64], event: int, version: int, at: int) -> NDArray[np.int64]:
        """Fill the slot of a row, whose text will be at word `at`; returns the text."""
        text = self.rows[event, version]
        slot = int(evidence_slot.py_func(words, event, version))
        words[slot + EW_EVENT], words[slot + EW_VERSION], words[slot + EW_AT], words[slot + EW_BYTES] = ~event, version, at, len(text)
        words[EV_LONGEST] = max(int(words[EV_LONGEST]), len(text))
        return np.frombuffer(text + bytes(-len(text) % 8), np.int64)

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


class Evidence:
    """`text`: how a wire writes the evidence of a result; None: it is not known (a core without its registry)."""

    def __init__(self, engine: Any, text: Callable[[ar.Determine | None], bytes]) -> None:
        self.engine, self.text = engine, text
        self.rows: dict[tuple[int, int], bytes] = {}
        self.words: NDArray[np.int64] = self._made(FIRST_SLOTS)

    def add(self, event: int, version: int) -> NDArray[np.int64]:
        """The table with the evidence of a version of an event's result."""
        self.rows[event, version] = self.text(self._found(event, version))
        slots = FIRST_SLOTS
        while slots < 2 * len(self.rows) + 2:
            slots *= 2
        if slots > self.words[EV_MASK] + 1:
            self.words = self._made(slots)
        else:
            self.words = self._put(self.words, event, version, self.rows[event, version])
        return self.words

    def _found(self, event: int, version: int) -> ar.Determine | None:
        registry = getattr(self.engine, "registry", None)
        row = registry.events.get(event) if registry is not None else None
        return row.determinations[version - 1].record if row is not None and 0 < version <= len(row.determinations) else None

    def _made(self, slots: int) -> NDArray[np.int64]:
        words = np.zeros(EV_SLOTS + slots * EVIDENCE_WORDS, np.int64)
        words[EV_MASK] = slots - 1
        for (event, version), text in self.rows.items():
            words = self._put(words, event, version, text)
        return words

    @staticmethod
    def _put(words: NDArray[np.int64], event: int, version: int, text: bytes) -> NDArray[np.int64]:
        slot = int(evidence_slot.py_func(words, event, version))
        at = words.size
        words[slot + EW_EVENT], words[slot + EW_VERSION], words[slot + EW_AT], words[slot + EW_BYTES] = ~event, version, at, len(text)
        words[EV_LONGEST] = max(int(words[EV_LONGEST]), len(text))
        return np.concatenate([words, np.frombuffer(text + bytes(-len(text) % 8), np.int64)])

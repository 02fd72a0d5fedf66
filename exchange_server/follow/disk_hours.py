"""How long the disk lasts: what journal and events grow by in an hour, less what was removed, over the time that was measured."""

from collections import deque
from dataclasses import dataclass

MEASURED_S = 6 * 3600.0  # at most
SAMPLE_S = 60.0
FEWEST_S = 60.0  # less says nothing
LEVEL_PERCENT = 10  # of what is written: growth below this is none


@dataclass(frozen=True)
class Lasts:
    """Bytes an hour; hours -1: it never gets full at this rate, or nothing is known."""

    written_hour: int = 0
    removed_hour: int = 0
    measured_s: int = 0
    hours: int = -1
    levels_off: bool = False


class DiskHours:
    """`look` is given running totals; they may begin anywhere."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, int]] = deque()
        self.lasts = Lasts()

    def look(self, now_s: float, written: int, removed: int, free: int) -> Lasts:
        """now_s: of a steady clock. written, removed: bytes so far, in all. free: on the disk now."""
        samples = self._samples
        if not samples or now_s - samples[-1][0] >= SAMPLE_S:
            samples.append((now_s, written, removed))
            while now_s - samples[0][0] > MEASURED_S:
                samples.popleft()
        began_s, written_then, removed_then = samples[0]
        measured = int(now_s - began_s)
        if measured < FEWEST_S:
            return self.lasts
        made, gone = written - written_then, removed - removed_then
        left = made - gone
        levels_off = gone > 0 and 100 * left <= LEVEL_PERCENT * made
        hours = -1 if left <= 0 or levels_off else free * measured // (left * 3600)
        self.lasts = Lasts(made * 3600 // measured, gone * 3600 // measured, measured, hours, levels_off)
        return self.lasts

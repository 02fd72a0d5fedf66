"""When a copy of somebody's own state may be taken: the copies of all sessions together take at most a tenth of the server's time.

A copy holds up everybody for as long as it takes (a few ms for the largest), so the next one is not taken before nine times as long has passed.
Who comes too early is asked to come again. What a copy takes is estimated from its rows; no clock is read here.
"""

from .. import own_state

NOT_YET = b""  # a piece of a long answer that says: come again a little later
MESSAGE_NS = 1_000_000  # of a session, for each message of state that was journaled: a short request must not fill the disk
SPACING = 9  # a copy that takes 1 ms is followed by 9 ms without one


class Desk:
    """Shared by all connections of a server."""

    def __init__(self) -> None:
        self.taken = 0  # copies so far
        self._free_ns = 0
        self._waits: dict[int, int] = {}  # session: when its next copy may be taken

    def open(self, now_ns: int, session: int = 0) -> bool:
        """May a copy be taken for this session at this time of the steady clock?"""
        return now_ns >= self._free_ns and now_ns >= self._waits.get(session, 0)

    def took(self, copy: own_state.OwnState, now_ns: int) -> None:
        """A copy was taken."""
        self.taken += 1
        self._free_ns = now_ns + SPACING * copy.cost_ns

    def wrote(self, session: int, messages: int, now_ns: int) -> None:
        """An answer of so many journaled messages was given to the session."""
        self._waits[session] = now_ns + messages * MESSAGE_NS

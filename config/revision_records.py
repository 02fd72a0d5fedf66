"""Records about the revisions of the configuration (exchange_server/registry/revisions.py)."""

from .kinds import Count, Line, Record


class Rollback(Record, tag="rollback", frozen=True, kw_only=True):
    """Gives what the revisions after `to` changed the values that it had in revision `to`, as a revision of its own. It is refused when something of
    it cannot be undone; `partial`: then the rest is done. `base`: the revision that runs, as the asker knows it; None: whichever does."""

    to: Count
    base: Count | None = None
    partial: bool = False
    why: Line = ""

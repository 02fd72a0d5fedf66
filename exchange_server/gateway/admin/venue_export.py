"""The admin verb `venue_export`: a copy of a venue, taken between two turns and sent a piece per turn, so that trading goes on.

Request: venue. The answers with `"more": true` have {"part": ..., "rows": [...]}, the last one what the manifest says of the whole.
"""

from typing import Any

from ...registry import EngineLike, Registry
from ...registry.venue_copy import COMPARED, PARTS, parts, take
from .office import BadRequest, Slices

PIECE_ROWS = 200  # rows made in one turn: about a millisecond


class VenueExports:
    """Answers the verb."""

    def __init__(self, registry: Registry, engine: EngineLike) -> None:
        self.registry, self.engine = registry, engine

    def ask(self, request: dict[str, Any]) -> Slices:
        name = request.get("venue")
        venue = self.registry.venues.named(name) if isinstance(name, str) else None
        if venue is None:
            raise BadRequest(f'venue: there is no venue "{str(name)[:64]}"')
        copy = take(self.registry, self.engine.m, venue.id, int(self.engine.row_seq))
        return self._pieces(venue.name, copy)

    @staticmethod
    def _pieces(venue: str, copy: Any) -> Slices:
        part, rows = PARTS[0], []
        for found, row in parts(copy):
            if found != part or len(rows) >= PIECE_ROWS:
                if rows:
                    yield {"part": part, "rows": rows}
                part, rows = found, []
            rows.append(row)
        if rows:
            yield {"part": part, "rows": rows}
        about = {"venue": venue, "row_seq": copy.row_seq, "event_seq": copy.event_seq, "time_ns": copy.time_ns}
        return {**about, "compared": list(COMPARED), "parts": list(PARTS)}

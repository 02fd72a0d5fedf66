"""The admin verb `venue_export`: a copy of a venue, taken between two turns and sent a piece per turn, so that trading goes on.

Request: venue. The answers with `"more": true` have {"part": ..., "rows": [...]}, the last one what the manifest says of the whole.
"""

from typing import Any

from protocol import codes

from ... import state
from ...registry import EngineLike, Refused, Registry, scopes
from ...registry.access import Sight
from ...registry.venue_copy import COMPARED, PARTS, parts, take
from .office import BadRequest, Slices

PIECE_ROWS = 200  # rows made in one turn: about a millisecond


class VenueExports:
    """Answers the verb."""

    def __init__(self, registry: Registry, engine: EngineLike) -> None:
        self.registry, self.engine = registry, engine

    def ask(self, request: dict[str, Any], sight: Sight) -> Slices:
        """Raises BadRequest, and Refused for what the asker does not see or may not ask."""
        name = request.get("venue")
        if not isinstance(name, str):
            raise BadRequest("venue: a name is required")
        venue = sight.find("venue", "venue", name)
        if not sight.may(lambda role: role.may_ask("venue_export"), scopes.Place(venue.name)):
            text = f"{sight.who} may not export venue {venue.name}: it has {sight.roles_text()}"
            raise Refused(codes.R_NOT_AUTHORISED, text, "venue")
        self._refuse_unsettled(venue.name)
        copy = take(self.registry, self.engine.m, venue.id, int(self.engine.row_seq))
        return self._pieces(venue.name, copy)

    def _refuse_unsettled(self, venue: str) -> None:
        """An archive has no place for debts, blocked credits and half of a settlement: they would be free money on another server."""
        for event in self.registry.events:
            now = state.Event.of(self.engine.m, event.id)
            if event.record.owner_venue == venue and (now.owed or now.blocked or now.settling):
                text = f"{event.name} still has debts, blocked credits or accounts to pay (exos market recover {event.name})"
                raise Refused(codes.R_VENUE_UNSETTLED, text, "venue", asked=event.id)

    @staticmethod
    def _pieces(venue: str, copy: Any) -> Slices:
        part = PARTS[0]
        rows: list[dict[str, Any]] = []
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

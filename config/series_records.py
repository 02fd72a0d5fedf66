"""Records of series: what several events have in common, and, of a recurring series, the market that is listed again and again."""

from typing import Annotated

from msgspec import Meta

from .fields import DURATION, INSTANT, PLAIN, TEXT, VENUE, Field
from .kinds import Count, Line, Name, Record
from .market import DefineMarket

HOUR_NS = 3_600_000_000_000


class DefineSeries(Record, tag="series", frozen=True, kw_only=True):
    """A name under which events of a venue stand. With `every_ns` it is recurring: `market` is listed at `first_at_ns` and then every so often, until
    `until_ns` (0: no end). In the texts of `market` the day of the listing stands as 19700101 or 1970-01-01, a time counted from it as
    1970-01-01T06:00:00Z; its times are counted from the listing. config/series.py fills them in."""

    name: Annotated[Name, Field(TEXT)]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is called")] = ""
    owner_venue: Annotated[Name, Field(VENUE, about="The venue that owns it")]
    every_ns: Annotated[Count, Field(DURATION, key="every", about="How often its market is listed; 0: it is not recurring")] = 0
    first_at_ns: Annotated[Count, Field(INSTANT, key="first_at", about="When it is listed first; later times follow from it")] = 0
    until_ns: Annotated[Count, Field(INSTANT, live=True, key="until", about="No listing after that")] = 0
    market: Annotated[DefineMarket | None, Field(PLAIN, key=None)] = None


class CloseSeries(Record, tag="series_close", frozen=True, kw_only=True):
    """Ends a series: nothing of it is listed any more. Its markets stay as they are."""

    name: Name
    reason: Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]*$")]

"""Types and bounds of single fields, shared by records and files. Integers: prices in ticks, quantities in lots, money in minor units, times in ns."""

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from protocol import phases

MAX_AMOUNT = (1 << 62) - 1

Name = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
AssetName = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
OptionalName = Annotated[str, Meta(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/-]*)?$")]
Line = Annotated[str, Meta(max_length=256, pattern=r"^[^\x00-\x1f]*$")]
Text = Annotated[str, Meta(max_length=16384)]
Hex256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
OptionalHex256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]
Count = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Positive = Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]
Decimals = Annotated[int, Meta(ge=0, le=18)]
Bps = Annotated[int, Meta(ge=-10_000, le=10_000)]
ShareBps = Annotated[int, Meta(ge=0, le=1_000_000)]  # the actual bound, 10,000, is a listing rule with its own refusal text
Share = Annotated[int, Meta(ge=1, le=1000)]


if TYPE_CHECKING:
    SettablePhase = str
    FirstPhase = str
    FilePhase = str
else:
    SettablePhase = Literal[phases.SETTABLE]
    FirstPhase = Literal[tuple(map(phases.name, phases.FIRST))]
    FilePhase = Literal[tuple(map(phases.name, phases.IN_FILES))]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A piece of a record."""


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """An action of an operator."""

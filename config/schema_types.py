"""Types of values as a configuration file has them, where they differ from the records' (kinds.py)."""

from typing import Annotated

from msgspec import Meta

Amount = str | int  # a decimal number in quotes, or a whole one
Duration = str  # digits and a unit: "72h"
Instant = str  # 2026-07-19T19:00:00Z, in a file also without quotes; "": none
Port = Annotated[int, Meta(ge=0, le=65535)]
Rows = Annotated[int, Meta(ge=2, le=1 << 32)]
Blocks = Annotated[int, Meta(ge=2, le=1 << 25)]
Repeat = Annotated[int, Meta(ge=1, le=100_000)]

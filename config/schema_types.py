"""Types of values as a configuration file has them, where they differ from the records' (kinds.py)."""

from typing import Annotated

from msgspec import Meta

Amount = str | int  # a decimal number in quotes, or a whole one
Duration = str  # digits and a unit: "72h"
Port = Annotated[int, Meta(ge=0, le=65535)]
Rows = Annotated[int, Meta(ge=2, le=1 << 32)]
Repeat = Annotated[int, Meta(ge=1, le=100_000)]

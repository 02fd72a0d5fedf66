"""What `exos serve` passes to `app.serve`: the data folder, the settings with the command line's options, and the records to apply."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .load import Item, Settings


@dataclass(frozen=True)
class ServeOptions:
    """`items` are a checked configuration in order of application. On each start `Registry.try_out` finds which of them are new.

    `configured`: a configuration was named; otherwise the folder's own is used. `settings` are the configuration's,
    `given` the options of the command line."""

    data: Path
    settings: Settings
    items: list[Item] = field(default_factory=list)
    config_name: str = ""  # for the log and as `who` of its records: "config:<name>"
    configured: bool = True
    named: dict[str, Any] | None = None  # the settings that the configuration itself sets; None: all
    sandbox: bool = False  # the configuration has published passwords
    source: str = ""  # its file; read again if its items could not be read without the folder's assets
    given: dict[str, Any] = field(default_factory=dict)
    expose_sandbox: bool = False  # a sandbox may listen beyond this machine
    expose_plain: bool = False  # ports without TLS may listen beyond this machine
    spin: bool = False  # keep one core busy instead of sleeping: lowest latency
    ready_file: Path | None = None  # file to which the ready line is also written
    segment_bytes: int = 0  # of the journal; 0: its default
    disk_reserve_bytes: int = 0  # free space below which new orders are refused; 0: the pipeline's default
    identity: Literal["", "as-new", "replace"] = ""  # what a copied folder is to be (exchange_server/identity.py)
    log_level: str = "info"

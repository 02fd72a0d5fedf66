"""`python -m exchange_server.kernels N`: started by kit/jit.py when a process finds its kernels missing, once for each remaining core.

Helper N compiles every kernel that no other process is compiling, in the reverse of the order in which the server imports them. A lock for
each kernel keeps two processes from compiling the same one; the second process loads it.
"""

import importlib
import re
import sys
from pathlib import Path

# Files with kernels, those that take longest first, `core.step` last: the process that started the helpers begins with it.
MODULES = (
    "core.operate", "wires.fix_out", "wires.fix_in", "core.proofs", "disk.disk_writer", "wires.binary_in", "wires.binary_out", "disk.journal_walk",
    "disk.event_rows", "wires.route", "wires.feeds", "disk.native", "disk.socket_write", "disk.small_turn", "disk.long_turn", "core.risk.visibility", "core.risk.pacing", "core.audit", "core.used_ids", "core.own_state", "core.order_terms", "core.kit.names", "core.relocate", "core.step",
)  # fmt: skip


def count() -> int:
    """How many kernels these files have."""
    here = Path(__file__).parent
    texts = (here.joinpath(*name.split(".")).with_suffix(".py").read_text(encoding="utf-8") for name in MODULES)
    return sum(len(re.findall(r"^@kernel\(", text, re.M)) for text in texts)


def main(number: int) -> int:
    for name in MODULES[number - 1 :] + MODULES[: number - 1]:
        importlib.import_module(f"exchange_server.{name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))

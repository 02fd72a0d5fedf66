"""`exos firm ...`: members and customers, who hold accounts."""

from config import admin_records as ar

from .close import add_close
from .command import Noun
from .define import add_change, add_create, add_list, add_show, yes
from .venue_rules import add_tag

firm = Noun("firm", "list, show, define, change and close firms")


add_list(
    firm,
    "firm",
    {
        "firm": lambda row: row["name"], ">accounts": lambda row: row["accounts"], ">sessions": lambda row: row["sessions"],
        ">open orders": lambda row: row["open_orders"], "killed": lambda row: yes(row["killed"]), "closed": lambda row: row["closed"] or "no", "title": lambda row: row["record"]["title"],
    },
    examples=("exos firm list",),
)  # fmt: skip
add_show(
    firm,
    "firm",
    ar.DefineFirm,
    {
        "accounts": lambda row: row["accounts"], "sessions": lambda row: row["sessions"], "open orders": lambda row: row["open_orders"],
        "killed": lambda row: yes(row["killed"]), "closed": lambda row: row["closed"] or "no",
    },
    examples=("exos firm show CLIENT1",),
)  # fmt: skip
add_create(firm, "firm", ar.DefineFirm, examples=('exos firm create CLIENT9 --title "Client Nine"',))
add_change(firm, "firm", ar.DefineFirm, examples=("exos firm change CLIENT9 --share 3",))
add_close(
    firm,
    "firm",
    'exos firm close CLIENT9 --reason "left the exchange"',
    "All of its accounts must be closed, and none of its sessions logged on.",
)
add_tag(firm)

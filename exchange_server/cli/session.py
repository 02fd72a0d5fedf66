"""`exos session ...`: logins of the two wires."""

from config import admin_records as ar

from .command import Noun
from .define import Row, add_list, add_show, yes

session = Noun("session", "list and show sessions")


def login(row: Row) -> str:
    """What its logon names."""
    record = row["record"]
    return record["key"] if record["wire"] == "binary" else f"{record['peer_comp_id']} to {record['our_comp_id']}"


add_list(
    session,
    "session",
    {
        "session": lambda row: row["name"], "wire": lambda row: row["record"]["wire"], "firm": lambda row: row["firm"],
        "account": lambda row: row["record"]["account"] or "-", "login": login, "logged on": lambda row: yes(row["logged_on"]),
        "killed": lambda row: yes(row["killed"]),
    },
    examples=("exos session list",),
)  # fmt: skip
add_show(
    session,
    "session",
    ar.DefineSession,
    {
        "logged on": lambda row: yes(row["logged_on"]), "next number out": lambda row: row["next_out"],
        "next number in": lambda row: row["next_in"], "killed": lambda row: yes(row["killed"]),
    },
    examples=("exos session show MM1",),
)  # fmt: skip

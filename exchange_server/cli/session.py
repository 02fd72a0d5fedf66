"""`exos session ...`: logins of the two wires."""

from config import admin_records as ar

from .close import add_close
from .command import Noun
from .define import Row, add_change, add_create, add_list, add_show, yes

session = Noun("session", "list, show, define, change and close sessions, which log on with keys")
SECRETS = ("secret", "verifier")  # keys are made by `exos key`


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
        "killed": lambda row: yes(row["killed"]), "closed": lambda row: row["closed"] or "no",
    },
    examples=("exos session list",),
)  # fmt: skip
add_show(
    session,
    "session",
    ar.DefineSession,
    {
        "logged on": lambda row: yes(row["logged_on"]), "next number out": lambda row: row["next_out"],
        "next number in": lambda row: row["next_in"], "killed": lambda row: yes(row["killed"]), "closed": lambda row: row["closed"] or "no",
    },
    examples=("exos session show MM1",),
)  # fmt: skip
add_create(
    session,
    "session",
    ar.DefineSession,
    leave=SECRETS,
    details="It logs on with a key: exos key create ID --session NAME. A binary session has a key name (--key), a FIX session the two CompIDs.",
    examples=(
        "exos session create CLIENT9 --wire binary --firm CLIENT9 --account CLIENT9-A --key CLIENT9",
        "exos session create CLIENT9-FIX --wire fix --firm CLIENT9 --account CLIENT9-A --our-comp-id EXOS-OE --peer-comp-id CLIENT9 --cancel-on-disconnect",
    ),
)
add_change(
    session,
    "session",
    ar.DefineSession,
    leave=SECRETS,
    examples=(
        "exos session change CLIENT9 --throttle 500 --throttle-window 1s",
        "exos session change CLIENT9 --no-cancel-on-disconnect --dry-run",
    ),
)
add_close(
    session,
    "session",
    'exos session close CLIENT9 --reason "replaced by CLIENT9-2"',
    "Its connection ends with the reason, and it cannot log on again. Its open orders stay, unless it cancels on disconnect.",
)

"""`exos venue ...`: venues, their trading days and throttles, quotas, freezes and access rules."""

from config import admin_records as ar
from protocol import units

from .command import Noun
from .define import Row, add_change, add_create, add_list, add_show, yes
from .reversals import add_bond
from .venue_rules import add_freeze, add_quota, add_rule

venue = Noun("venue", "list, show, define and change venues; export and import them")


def throttle(row: Row) -> str:
    """ "100 in 1 s" """
    record = row["record"]
    return f"{record['throttle_limit']} in {units.duration(record['throttle_window_ns'])}" if record["throttle_limit"] else "-"


add_list(
    venue,
    "venue",
    {
        "venue": lambda row: row["name"], ">markets": lambda row: row["markets"], "throttle": throttle,
        "killed": lambda row: yes(row["killed"]), "freeze": lambda row: row["freeze"], "title": lambda row: row["record"]["title"],
    },
    examples=("exos venue list",),
)  # fmt: skip
add_show(
    venue,
    "venue",
    ar.DefineVenue,
    {
        "fee account": lambda row: row["fee_account"],
        "markets": lambda row: row["markets"],
        "killed": lambda row: yes(row["killed"]),
        "freeze": lambda row: row["freeze"],
    },
    examples=("exos venue show WC26",),
)
add_create(
    venue,
    "venue",
    ar.DefineVenue,
    examples=(
        'exos venue create ACME --title "Acme Markets" --trading-day-ends 5h',
        "exos venue create ACME --throttle 1000 --throttle-window 1s",
    ),
    details="Its fee account NAME.FEES comes with it.",
)
add_change(venue, "venue", ar.DefineVenue, examples=("exos venue change ACME --throttle 2000 --throttle-window 1s --dry-run",))
add_quota(venue)
add_bond(venue)
add_freeze(venue)
add_rule(venue)

# tidy: allow test-file because tests/config/test_admin_records.py tests all records together
"""Records that define who there is: assets, venues, firms, their accounts and their sessions."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .fields import DURATION, LOGON, TEXT, VENUE, Field
from .key_records import Secret, Verifier
from .kinds import AssetName, Count, Decimals, Line, Name, OptionalName, Positive, Record, Share


class DefineAsset(Record, tag="asset", frozen=True, kw_only=True):
    name: AssetName
    decimals: Annotated[Decimals, Field(about="Digits after the point of an amount")]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is called")] = ""


class DefineVenue(Record, tag="venue", frozen=True, kw_only=True):
    """A venue; its fee account `<name>.FEES` is created with it."""

    name: Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is called")] = ""
    cutoff_period_ns: Annotated[Positive, Field(DURATION, "DV_CUTOFF_PERIOD", key="trading_day", about="Length of a trading day")] = (
        86_400_000_000_000
    )
    cutoff_offset_ns: Annotated[
        Count, Field(DURATION, "DV_CUTOFF_OFFSET", key="trading_day_ends", about="When a trading day ends, after 00:00 UTC")
    ] = 0  # end of the trading day, after 00:00 UTC
    throttle_limit: Annotated[
        Count,
        Field(
            "", "DV_THROTTLE_LIMIT", live=True, key="throttle", about="New orders and replaces of all its sessions in a window; 0: no limit"
        ),
    ] = 0  # messages per window, 0: none
    throttle_window_ns: Annotated[
        Count, Field(DURATION, "DV_THROTTLE_WINDOW", live=True, key="throttle_window", about="Length of the window")
    ] = 0
    isolated_accounts: Annotated[bool, Field("", "DV_ISOLATED", live=True)] = False  # takes only accounts that are bound to it


class DefineFirm(Record, tag="firm", frozen=True, kw_only=True):
    name: Annotated[Name, Field(TEXT, key="firm")]
    title: Annotated[Line, Field(TEXT, live=True, about="What it is called")] = ""
    share: Annotated[
        Share, Field("", "DF_WEIGHT", live=True, about="Share of the tables that all firms use, relative to the other firms' shares")
    ] = 1  # share of the tables that all firms use, relative to the other firms' shares
    venue: Annotated[OptionalName, Field(VENUE, about="Its home: the venue whose operators define and see it; none: the platform")] = (
        ""  # its home: whose operators define and see it; "": the platform
    )


class DefineAccount(Record, tag="account", frozen=True, kw_only=True):
    """A trading account of a firm: unified, or (venue named) isolated to one venue."""

    name: Annotated[Name, Field(TEXT)]
    firm: Annotated[Name, Field(key=None, about="The firm that it belongs to")]
    venue: Annotated[OptionalName, Field(about="The one venue that it trades at; none: all")] = ""


class DefineSession(Record, tag="session", frozen=True, kw_only=True):
    """A login: one connection at a time. FIX: the two CompIDs and 553; binary: the name in its Logon. What it is proven with is a key
    (key_records.py); `secret`, in requests only, or the `verifier` made of it, stands for the key `<name>:secret`."""

    name: Annotated[Name, Field(TEXT)]
    wire: Annotated[Literal["fix", "binary"], Field(about="The protocol that it speaks")]
    firm: Annotated[Name, Field(key=None, about="The firm that it trades for")]
    account: Annotated[
        OptionalName, Field(TEXT, live=True, about="Account of messages that name none; its own events are sent to this session")
    ] = ""  # default account of messages; its own events (transfers, settlement) are sent to this session
    venue: Annotated[OptionalName, Field(about="The venue that it is connected to; none: the platform")] = ""
    our_comp_id: Annotated[OptionalName, Field(TEXT, about="FIX: the server's CompID (56 of the client)")] = ""
    peer_comp_id: Annotated[OptionalName, Field(TEXT, about="FIX: the client's CompID (49)")] = ""
    username: Annotated[Line, Field(TEXT, live=True, takes=LOGON, about="FIX: 553")] = ""
    key: Annotated[OptionalName, Field(TEXT, about="binary: the name in its Logon")] = ""
    secret: Annotated[Secret, Field(key=None)] = ""
    verifier: Annotated[Verifier, Field(live=True, key="secret", takes=LOGON)] = ""  # "": the session keeps the one that it has
    cancel_on_disconnect: Annotated[bool, Field(live=True, about="Cancel its orders when the connection is lost")] = False
    settlement_reports: Annotated[bool, Field(live=True, about="Send it the reports of settlements")] = False
    standard_dictionary: Annotated[
        bool, Field(live=True, about="FIX: send nothing that an engine with the stock FIX44.xml would reject")
    ] = True  # FIX: send nothing that an engine with the stock FIX44.xml would reject
    timestamp_decimals: Annotated[Literal[0, 3, 6, 9], Field(live=True, about="FIX: decimals of a second in what is sent")] = (
        3  # FIX: decimals of a second in everything we send
    )
    throttle_limit: Annotated[
        Count, Field("", "DS_THROTTLE_LIMIT", live=True, key="throttle", about="New orders and replaces in a window; 0: no limit")
    ] = 0
    throttle_window_ns: Annotated[
        Count, Field(DURATION, "DS_THROTTLE_WINDOW", live=True, key="throttle_window", about="Length of the window")
    ] = 0

    def __repr__(self) -> str:
        return f"DefineSession(name={self.name!r}, wire={self.wire!r}, firm={self.firm!r}, credentials hidden)"

    def without_verifier(self) -> "DefineSession":
        return msgspec.structs.replace(self, verifier="")

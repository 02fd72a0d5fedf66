"""Who takes part in the demonstration, and the two configuration files that it writes: the exchange with its members, and the markets with the
times at which they are played."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from config import admin_records as ar
from config import load, writer

from .outcomes import AT_MIDS, DISPUTED, SCORER
from .timetable import Times

MAKERS = tuple(f"MM{n}" for n in range(1, 7))  # binary sessions of the platform
TAKERS = tuple(f"CLIENT{n}" for n in range(1, 9))  # FIX sessions of the platform
ARENA = ("ARENA.MM1", "ARENA.MM2")  # binary sessions through the venue that lists the outright and has a spot pair
KNOWN, UNKNOWN = "VAULT.KNOWN", "VAULT.UNKNOWN"  # binary sessions through the venue that wants to know who trades
DEPOSIT = {"USD": "10000000.00", "BTC": "1000"}
DETERMINE_NS = 20_000_000_000  # from when a result is known to when the lack of one raises an alarm
SERVER = "EXOS-OE"  # its CompID
WINDOW_NS, LONG_WINDOW_NS = 300_000_000, 3_000_000_000  # challenge windows: exchange time is not compressed; the long one is for a dispute

_HEAD = """# The exchange of the World Cup demonstration, made by `exos demo worldcup`: its members and their secrets, of this folder only.
# The markets are in markets.toml.

[server]
host = "127.0.0.1"
fix_port = 0
binary_port = 0
mode = "sync"
sending_time_tolerance = "120s"
heartbeat_min = "2s"
heartbeat_max = "60s"
"""


class Member(NamedTuple):
    """A firm with one account and one session, all of one name. venue: its home, whose sessions it has, and to which its account is isolated if the
    venue wants that."""

    name: str
    wire: str
    venue: str = ""
    isolated: bool = False


MEMBERS = (
    *(Member(name, "binary") for name in MAKERS),
    *(Member(name, "fix") for name in TAKERS),
    *(Member(name, "binary", "ARENA") for name in ARENA),
    *(Member(name, "binary", "VAULT", True) for name in (KNOWN, UNKNOWN)),
)


def _member(member: Member) -> str:
    venue = f'venue = "{member.venue}"\n' if member.venue else ""
    isolated = venue if member.isolated else ""
    deposit = ", ".join(f'{asset} = "{amount}"' for asset, amount in DEPOSIT.items())
    if member.wire == "fix":
        logon = f'our_comp_id = "{SERVER}"\npeer_comp_id = "{member.name}"\nusername = "{member.name.lower()}"\n'
    else:
        logon = f'key = "{member.name}"\n'
    return (
        f'\n[[member]]\nfirm = "{member.name}"\n{venue}'
        f'\n[[member.account]]\nname = "{member.name}-A"\n{isolated}deposit = {{ {deposit} }}\n'
        f'\n[[member.session]]\nname = "{member.name}"\nwire = "{member.wire}"\n{venue}{logon}'
        f'secret = "{secrets.token_hex(32)}"\naccount = "{member.name}-A"\n'
    )


def exchange_file(venue: load.Config) -> str:
    """The text of exchange.toml: assets and venues as the shipped file has them, and the members."""
    records = [item.record for item in venue.items]
    assets = [
        f'\n[[asset]]\nname = "{r.name}"\ndecimals = {r.decimals}\ntitle = "{r.title}"\n' for r in records if isinstance(r, ar.DefineAsset)
    ]
    venues = writer.file_of([r for r in records if isinstance(r, ar.DefineVenue)], {})
    return _HEAD + "".join(assets) + "\n" + venues + "".join(_member(member) for member in MEMBERS)


def _stadium(scorer: ar.DefineMarket) -> ar.DefineMarket:
    """A market beside the World Cup's own, to be voided at the mids of its quotes."""
    codes = ("METLIFE", "AZTECA", "SOFI")
    return msgspec.structs.replace(
        scorer,
        event=AT_MIDS,
        title="Which of the three stadiums has the most spectators?",
        contracts=tuple(ar.Contract(symbol=f"{AT_MIDS}-{code}") for code in codes),
        other="",
        exhaustive="one of the three has the most spectators",
        rules="The contract of the stadium with the most spectators in all of its matches pays 1.0000 USD, the others nothing.",
        cut_off="the numbers that are published by the day after the final",
        void=ar.VoidRule(who="the arbiter of the venue", trigger="no numbers are published"),
        challenge_window_ns=WINDOW_NS,
        phase="open",
        template="",
    )


def markets_file(venue: load.Config, times: Mapping[str, Times], scheduled: bool, mids: bool = False) -> str:
    """The text of markets.toml: the venue's markets and listings, listed and not open yet, with challenge windows that fit the play; and, if it is
    scheduled, with their times. mids: also the market that is voided at its mids."""
    records: list[ar.AnyRecord] = [
        _stadium(item.record) for item in venue.items if mids and isinstance(item.record, ar.DefineMarket) and item.record.event == SCORER
    ]
    for record in (item.record for item in venue.items):
        if isinstance(record, ar.DefineMarket) and record.event in times:
            window_ns = LONG_WINDOW_NS if record.event == DISPUTED else WINDOW_NS
            record = msgspec.structs.replace(record, challenge_window_ns=window_ns, phase="listed")
            records.append(_timed(record, times[record.event]) if scheduled else record)
        elif isinstance(record, ar.DefineMarket | ar.DefineListing):
            records.append(record)
    return writer.file_of(
        records, venue.decimals, ("The markets of the demonstration: config/tournament.toml with the times of this play.",)
    )


def _timed(market: ar.DefineMarket, times: Times) -> ar.DefineMarket:
    """With the times at which the server opens it, lets it go live and closes it by itself, and by which it wants a result."""
    by = times.closes and max(times.closes, times.known) + DETERMINE_NS
    return msgspec.structs.replace(market, open_at_ns=times.opens, live_at_ns=times.live, close_at_ns=times.closes, determine_by_ns=by)


def write(folder: Path, name: str, text: str) -> Path:
    """Write one of them into the folder, readable by the owner only."""
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path


def rules() -> Sequence[ar.AnyRecord]:
    """What is known of the members of VAULT, and its rule: only firms whose identity is verified."""
    return (
        ar.FirmTags(firm=KNOWN, jurisdictions=("ES",), kyc_level=2),
        ar.AccessRule(rule="known", venue="VAULT", effect="allow", kyc_at_least=2),
    )

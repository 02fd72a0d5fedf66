"""Shared by the archive's tests: a small server (tests/follow/kit.py) with tiny segments, a follower that makes verified snapshots, and an archive."""

from pathlib import Path

from exchange_server import identity
from exchange_server.archive.segments import Archive
from exchange_server.journal.snapshots import Keep
from tests.follow.kit import Live, catch_up, follow, rules
from tests.journal.kit import SERVER


def at_home(data: Path, folder_id: str = "") -> None:
    """The folder is the server's own. folder_id: which server's; empty: as it was, or a new one."""
    found = identity.read(data) or identity.Identity(folder_id=identity.new_id())
    if folder_id:
        found = identity.Identity(folder_id=folder_id)
    identity.write(data, identity.at(found, identity.place_of(data)))


def archive(data: Path, folder: Path | None = None) -> Archive:
    place = folder if folder is not None else data.parent / "archive"
    if folder is None:
        place.mkdir(exist_ok=True)
    return Archive(place, data, SERVER)


def lived(data: Path, rounds: int = 12, turns: int = 20) -> Live:
    """A server that has gone through several segments, with a verified snapshot after each round."""
    live = Live(data)
    at_home(data)
    follower = follow(data, rules(rows=1, keep=Keep(3, 0)), clock=lambda: 0.0)
    for _ in range(rounds):
        live.trade(turns)
        catch_up(follower)
    return live


def archive_all(one: Archive) -> list[int]:
    done = []
    while (entry := one.archive_next()) is not None:
        done.append(entry.segment)
    return done


def segments(data: Path) -> list[int]:
    return sorted(int(p.stem) for p in (data / "journal").glob("*.seg"))

"""Whose archive the keeper of a follower writes: only the server's own folder archives and removes; a standby's copy leaves both alone."""

import shutil
from pathlib import Path
from typing import Any

from exchange_server import identity
from exchange_server.follow.keeper import Keeper, Wanted
from exchange_server.journal import retention
from exchange_server.journal.runner import Inline
from tests.archive.kit import archive, at_home, lived, segments
from tests.journal.kit import SERVER

WANTED = Wanted("", 1, 1 << 62)  # events are old at once


def keeper(data: Path, said: list[tuple[str, str]]) -> Keeper:
    def log(level: str, event: str, **fields: Any) -> None:
        assert level in ("info", "error")
        said.append((event, str(fields.get("text", ""))))

    return Keeper(data, SERVER, Inline(), rows_per_event_file=64, log=log)


def test_a_standby_s_keeper_leaves_the_server_s_archive_alone_until_it_is_promoted(tmp_path: Path) -> None:
    data, standby = tmp_path / "d", tmp_path / "standby"
    live = lived(data)
    live.r.store.flush()
    folder = archive(data).folder
    wanted = Wanted(str(folder), WANTED.retention_ns, WANTED.now_ns)
    shutil.copytree(data, standby)
    there = segments(standby)
    said: list[tuple[str, str]] = []
    one = keeper(standby, said)
    for _ in range(3):
        one.work(wanted)
    assert list(folder.iterdir()) == [] and segments(standby) == there and retention.read(standby / "events") == 1
    assert one.kept.archive == one.kept.problem == "" and one.kept.archived == one.kept.recycled == 0
    assert [event for event, _ in said] == ["archive_left_alone"] and f"standby is a copy of {data}" in said[0][1], "once"
    live.end()
    at_home(standby)  # as after exos promote: the same identity, at this place
    identity.mark_taken(data, standby)
    one.work(wanted)
    assert one.kept.problem == "" and one.kept.archived == one.kept.segment > 1 and segments(standby)[0] > 1
    assert retention.read(standby / "events") > 1
    said.clear()
    keeper(data, said).work(wanted)
    assert [event for event, _ in said] == ["archive_left_alone"] and "its identity was taken over by" in said[0][1]
    assert segments(data) == there

"""The tournament from end to end, in a few seconds: a server, bots on both wires, a kill -9, and every check."""

import io
from pathlib import Path

import pytest

from exchange_server.core.kit import jit
from exchange_server.demo import facts, judge, timetable, tournament
from exchange_server.demo.client import Dump
from exchange_server.demo.screen import Screen
from exchange_server.exits import Exit


def test_the_whole_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight seconds of 104 matches with a kill -9 in the middle. Then the same books without one fill: the check must fail."""
    monkeypatch.setenv("EXOS_CACHE_DIR", str(jit.CACHE_ROOT.parent))  # the kernels of this process, not a minute of compiling
    seen: list[Dump] = []
    finish = tournament.Tournament.finish

    def noted(game: tournament.Tournament, numbers: dict[str, int]) -> list[Dump]:
        seen.extend(finish(game, numbers))
        return seen

    monkeypatch.setattr(tournament.Tournament, "finish", noted)
    out = io.StringIO()
    folder = tmp_path / "play"
    folder.mkdir()
    setting = tournament.Setting(timetable.speed_for(facts.read(), 8.0), 11, 600.0)
    ended = tournament.play(setting, folder, Screen(out))
    said = out.getvalue()
    assert ended.code == Exit.OK, said
    assert "killed with -9" in said and "RIGHT: nothing lost" in said and "cup ESP, top scorer MBAPPE" in said
    assert not folder.exists(), "no files are left"
    assert (
        ended.result["wrong"] == []
        and all(not check["differences"] for check in ended.result["checks"])
        and len(ended.result["checks"]) > 12
    )
    books = [book for dump in seen for book in dump.books]
    count = sum(len(book.fills) for book in books) // 2
    assert count > 10 and judge.trades(books, count) == []
    next(book for book in books if book.fills).fills.pop()
    assert judge.trades(books, count) != []

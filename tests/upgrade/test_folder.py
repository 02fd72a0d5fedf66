"""A folder of an older rules version under this program: refused by name at a start, checked, carried over with equal books, and taken back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exchange_server import app
from exchange_server.cli import main as cli
from exchange_server.core import layout as L
from exchange_server.data_folder import SERVER_ID
from exchange_server.engine import Engine
from exchange_server.exits import Exit
from exchange_server.journal import retention
from exchange_server.journal.files import SMALLEST_SEGMENT, DirectoryLock, create
from exchange_server.journal.recover import verify
from exchange_server.journal.snapshots import newest_snapshots, read_header
from exchange_server.journal.walk import OtherRules
from exchange_server.net.observe import Log
from exchange_server.upgrade import apply, compare, folder
from exchange_server.upgrade.carry import OWN
from protocol import codes
from protocol import messages as M
from tests.server_kit import ROOT, BinaryPeer, FixPeer, ServerProcess, order
from tests.test_start_rules import options

from .kit import RULES, unpacked

Run = Any
LONG_ID, UUID_ID = "AN ORDER OF 2026/with a long name", "123e4567-e89b-42d3-a456-426614174000"  # open orders of CLIENT1
CLOSED_LONG_ID = "a closed id/with a long name"
REPLACED = {"first-name-1": "77001", "second-name-1": "77001", "first-name-2": "second-name-2"}  # older ids, and the newest of their orders


@pytest.fixture
def old(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    return unpacked(tmp_path)


def exos(*words: object) -> tuple[int, str, str]:
    done = subprocess.run([sys.executable, "-m", "exchange_server.cli.main", *map(str, words)], cwd=ROOT, capture_output=True, timeout=100, check=False)  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def known(engine: Engine) -> dict[str, Any]:
    """The books in the form of the fixture."""
    from exchange_server.upgrade.books import books

    found = books(engine.m, OWN)
    text = [np.ascontiguousarray(row[-8:]).tobytes().rstrip(b"\0").decode() for row in found["orders"]]
    return {
        "balances": found["money"].tolist(),
        "positions": sorted({(int(r[0]), int(r[1]), int(r[3])) for r in found["positions"]}),
        "orders": sorted((int(r[0]), int(r[3]), int(r[4]), int(r[6]), name) for r, name in zip(found["orders"], text, strict=True)),
        "closed": len(found["closed ids"]),
    }


@pytest.mark.parametrize("rules", range(folder.OLDEST, L.LOGIC_VERSION))
def test_the_books_are_those_that_the_old_program_had(tmp_path: Path, rules: int) -> None:
    data, books = unpacked(tmp_path, rules)
    state = folder.carried(data)
    assert state.differences() == [] and state.snapshot.logic == rules == books["rules"]
    found = known(state.engine)
    assert found["balances"] == books["balances"]
    assert found["positions"] == sorted({(p[0], p[1], p[2]) for p in books["positions"]})
    assert found["orders"] == sorted((o[0], o[3], o[4], o[6], o[-1]) for o in books["orders"])
    texts = {"", "MY-ORDER-A", "TEXT/2026-0001"} | ({LONG_ID, UUID_ID} if rules >= 9 else set())
    assert found["closed"] == len(books["closed"]) and {o[-1] for o in books["orders"]} == texts
    stored = int(state.engine.m[L.H_POOLS + L.P_TEXT * L.POOL_WORDS + L.PL_USED])
    assert stored == (2 if rules >= 9 else 0), "only texts that do not fit into their keys have rows"
    assert state.engine.event_seq == books["event_seq"] and state.engine.row_seq == books["row"]


def test_a_start_names_the_commands_and_changes_nothing(old: tuple[Path, dict[str, Any]]) -> None:
    data, _ = old
    before = {path.name: path.stat().st_mtime_ns for path in data.rglob("*.seg")}
    with pytest.raises(app.StartRefused) as refused:
        app.Server(options(data.parent, "WITHOUT"), Log(level="error"))
    assert refused.value.code == Exit.RULES
    assert f"was written for rules version {RULES}, this program has {L.LOGIC_VERSION}" in str(refused.value)
    assert f"exos upgrade check {data}" in str(refused.value) and f"exos upgrade apply {data}" in str(refused.value)
    assert {path.name: path.stat().st_mtime_ns for path in data.rglob("*.seg")} == before


def test_check_then_apply_then_trade_then_stop_and_start(old: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    data, books = old
    code, said, error = exos("upgrade", "check", data)
    assert (code, error) == (0, "") and "the books are the same" in said and f"closed ids: {len(books['closed'])}" in said
    code, said, error = exos("upgrade", "apply", data)
    assert (code, error) == (0, "") and f"exos upgrade back {data}" in said
    code, _, error = exos("upgrade", "apply", data)
    assert code == Exit.FAILED and "is already of rules version" in error
    assert verify(data / "journal", logic=None).rows > books["row"], "one journal, one chain, two rules versions"
    with pytest.raises(OtherRules):
        verify(data / "journal")
    code, said, error = exos("journal", "replay", data)
    assert (code, error) == (0, "") and f"(row {books['row']}), the oldest snapshot from which the journal goes on" in said
    code, said, error = exos("journal", "verify", data)
    assert (code, error) == (0, "") and "all equal to the journal" in said
    server = ServerProcess(tmp_path, "")
    server.config.unlink()
    with started(server):
        assert server.ask("accounts").result["accounts"] == books["accounts"]
        assert server.ask("check").result["failed"] == []
        one = BinaryPeer(server.ready["binary_port"], 1, flags=M.LOGON_SETTLEMENT, next_number=0)
        one.logged_on()
        one.send(order(2, codes.SELL, 7000, 20, instrument=2))
        assert isinstance(one.read(M.OrderStatus), M.OrderStatus), "an id that is open under the old rules is not new"
        one.send(order(100, codes.SELL, 6500, 5))
        one.read(M.Accepted)
        fix = FixPeer(server.ready["fix_port"], 1)
        fix.read("A")
        fix.order("COUNT00007", 1, "0.0100", 1, tif=3)
        assert fix.read("8")[150] in ("4", "8", "I"), "a closed text id is known as well"
        for text in (LONG_ID, UUID_ID, CLOSED_LONG_ID, "MY-ORDER-A", "COUNT00008"):
            fix.order(text, 1, "0.0100", 1, tif=3)
            answer = fix.read("8")
            same = text == "COUNT00008"  # the same order again is told its state, with other terms it is a duplicate
            assert answer[11] == text and (answer[150], answer.get(103)) == (("I", None) if same else ("8", "6"))
        for older, newest in REPLACED.items():
            fix.send("F", (11, older + "?"), (41, older), (55, "CUP-A"), (54, "1"), (60, time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())))
            answer = fix.read("9")
            ended = newest == "second-name-2"
            assert (answer[11], answer[41], answer[39]) == (older + "?", newest, "4" if ended else "0")
        for text in (LONG_ID, UUID_ID, "MY-ORDER-A", "77001"):
            fix.send("F", (11, text + "?"), (41, text), (55, "CUP-A"), (54, "1"), (60, time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())))
            assert (answer := fix.read("8"))[150] == "4" and (answer[11], answer[41]) == (text + "?", text)
        server.kill()
        server.process.stdout.close()
        begin(server)
        assert server.ask("check").result["failed"] == []
        assert server.stop() == 0
        server.process.stdout.close()
        begin(server)


def begin(server: ServerProcess) -> None:
    server.log = open(server.folder / "log.txt", "ab")
    command = [sys.executable, *server.program, "serve", "--data", str(server.data), "--fix-port", "0", "--binary-port", "0"]
    server.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=server.log)
    line = server.process.stdout.readline()
    assert line, server.log_text()[-2000:]
    import json

    server.ready = json.loads(line)


class started:
    """The server without a configuration, as a context."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server

    def __enter__(self) -> None:
        begin(self.server)

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()


def test_the_way_back(old: tuple[Path, dict[str, Any]]) -> None:
    data, books = old
    files = {p.relative_to(data): p.read_bytes() for p in (*data.rglob("*.snap"), *(data / "journal").glob("*"))}
    apply.apply(data, lambda state: None)
    assert read_header(next((data / "snapshots").glob("*.snap"))).logic in (RULES, L.LOGIC_VERSION)
    note = apply.back(data)
    assert (note.rules, note.seq) == (RULES, books["row"])
    snapshot = next(newest_snapshots(data / "snapshots", []))
    assert snapshot.logic == RULES and snapshot.digest.hex() == books["digest"]
    assert verify(data / "journal", logic=RULES).rows == books["row"]
    for path, content in files.items():
        if path.name != "lock" and content.strip(b"\0"):
            assert (data / path).read_bytes() == content, path
    apply.apply(data, lambda state: None)
    with pytest.raises(folder.CannotUpgrade, match="6 rows were journaled"):
        added(data)
        apply.back(data)
    with pytest.raises(folder.CannotUpgrade, match="--lose 6"):
        apply.back(data, lose=3)
    assert apply.back(data, lose=6).seq == books["row"]


def added(data: Path) -> None:
    """Two turns more, under the new rules: a TIME row and an act without effect, 3 rows each."""
    from exchange_server.data_folder import SERVER_ID
    from exchange_server.engine import SystemAct
    from exchange_server.journal.recover import recover, seal
    from exchange_server.journal.runner import Threads

    opened = recover(data, SERVER_ID, lambda chunks: Engine.restore(chunks), Threads(), segment_bytes=131072)  # type: ignore[arg-type]
    for _ in range(2):
        rows = opened.engine.turn_of(SystemAct())
        opened.journal.append(rows, opened.engine.row_seq)
        opened.engine.apply(rows, len(rows), opened.store.append)
    opened.journal.wait(opened.journal.next_seq)
    seal(opened, data)


def test_a_folder_that_was_killed_is_refused(old: tuple[Path, dict[str, Any]]) -> None:
    data, _ = old
    for path in (data / "snapshots").glob("*.snap"):
        path.unlink()
    with pytest.raises(folder.CannotUpgrade, match=r"no snapshot that verifies.*start the version that wrote it, and stop it"):
        folder.carried(data)


def test_a_folder_of_this_version_says_so_before_it_has_a_snapshot(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    create(tmp_path / "journal", SERVER_ID, SMALLEST_SEGMENT)
    with pytest.raises(folder.CannotUpgrade, match=f"is already of rules version {L.LOGIC_VERSION}: start it with exos serve"):
        folder.carried(tmp_path)


def test_a_running_server_is_not_carried_over(old: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    data, _ = old
    lock = DirectoryLock(data / "journal")
    try:
        assert cli.main(["upgrade", "apply", str(data)]) == Exit.LOCKED
        assert f"in use by process {os.getpid()}" in capsys.readouterr().err
    finally:
        lock.release()


STEPS = ("_keep_the_way_back", "_next_segment", "_put_snapshot", "_journal_the_act")


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("step", STEPS)
def test_killed_between_any_two_steps_it_is_run_again(
    old: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    data, books = old
    real = getattr(apply, step)

    class KilledError(Exception):
        pass

    def killed(*arguments: Any) -> Any:
        if after:
            real(*arguments)
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(apply, step, killed)
        with pytest.raises(KilledError):
            apply.apply(data, lambda state: None)
    if step == "_journal_the_act" and after:
        with pytest.raises(folder.CannotUpgrade, match="already"):
            apply.apply(data, lambda state: None)
    else:
        apply.apply(data, lambda state: None)
    server = app.Server(options(data.parent, "WITHOUT"), Log(level="error"))
    assert server.engine.check() == [] and known(server.engine)["balances"] == books["balances"]
    server.close()


def test_replayed_under_both_rules(old: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """The old program is played by this one with another number: what differs is what this test makes differ."""
    data, books = old
    other = tmp_path / "old"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (other / "bin" / "python").chmod(0o755)
    monkey = other / "sitecustomize.py"
    monkey.write_text(f"import sys\nsys.path.insert(1, {str(ROOT)!r})\nimport exchange_server.core.layout as L\nfrom exchange_server.core.layout import tables\nL.LOGIC_VERSION = tables.LOGIC_VERSION = {RULES}\n")  # fmt: skip
    from exchange_server import start
    from exchange_server.engine import Capacities

    def first() -> Engine:
        begun = start.begun_as(data / "journal")
        assert begun is not None
        return Engine(Capacities.begun_as(begun.capacities), retention_ns=begun.retention_ns)

    found = compare.replay(data, RULES, other, 1, first)
    assert 100 < found.found.events < books["event_seq"] and found.rows == books["row"] and found.lines()[-1].endswith("all the same")
    same = monkey.read_text()
    monkey.write_text(same + _OTHER_FEES)
    found = compare.replay(data, RULES, other, 1, first)
    assert set(found.found.kinds) and all("E_" in kind for kind in found.found.kinds) and not found.found.renumbered
    assert "differ of kind" in found.lines()[1]
    monkey.write_text(same + _ONE_MORE)
    found = compare.replay(data, RULES, other, 1, first)
    assert dict(found.found.kinds) == {"E_LOGON (old rules only)": 1} and found.found.renumbered > 10
    assert found.lines()[-1] == f"{found.found.renumbered} others have only other numbers, because an earlier one differs"


_OTHER_FEES = """
from exchange_server import engine as e
real = e.Engine.apply
def apply(self, rows, words, sink):
    def other(events):
        events = events.copy()
        events[11::24] += events[0::24] % 2
        sink(events)
    return real(self, rows, words, other)
e.Engine.apply = apply
"""


# The first logon is told twice, and everything after it has a number more.
_ONE_MORE = """
from exchange_server import engine as e
import numpy as np
real = e.Engine.apply
more = 0
def apply(self, rows, words, sink):
    def other(events):
        global more
        table, at, out = events.reshape(-1, 24), 0, []
        while at < len(table):
            rows = 1 + (int(table[at, 0]) >> 8 & 255)
            out.append(table[at : at + rows].copy())
            out[-1][0, 1] += more
            if not more and int(table[at, 0]) & 255 == 11:
                more = rows
                out.append(out[-1].copy())
                out[-1][0, 1] += more
            at += rows
        table = np.concatenate(out) if out else table
        sink(table.reshape(-1))
    return real(self, rows, words, other)
e.Engine.apply = apply
"""


def test_a_folder_whose_reports_are_not_whole_is_not_carried_over(old: tuple[Path, dict[str, Any]]) -> None:
    """The new program could not make them again."""
    data, books = old
    assert folder.lost_reports(data, folder.newest(data)) == []
    store = data / "events" / "00000000.evt"
    with open(store, "r+b") as file:
        for event in (3, 7, 8):
            file.seek((event - 1) * 192 + 100)
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 1]))
    segments = sorted(p.name for p in (data / "journal").iterdir())
    for words in (("check",), ("apply",), ("apply", "--lose-reports", 2)):
        code, _, error = exos("upgrade", *words, data)
        assert code == Exit.FAILED, words
        assert "3 past reports are damaged or missing in its event store (events 3 to 3, and in 1 other places)" in error
        assert f"rows of rules version {RULES}" in error and "--lose-reports 3" in error
    assert sorted(p.name for p in (data / "journal").iterdir()) == segments
    retention.write(data / "events", 5)  # what is older was removed on purpose
    with pytest.raises(folder.CannotUpgrade, match="2 past reports"):
        apply.apply(data, lambda state: None)
    with pytest.raises(folder.CannotUpgrade, match="3 past reports|2 past reports"):
        folder.refuse_lost_reports(data, folder.newest(data), 3)
    apply.apply(data, lambda state: None, lose_reports=2)
    server = app.Server(options(data.parent, "WITHOUT"), Log(level="error"))
    assert server.engine.check() == [] and known(server.engine)["balances"] == books["balances"]
    server.close()


def test_no_report_is_lost_and_none_may_be_named(old: tuple[Path, dict[str, Any]]) -> None:
    data, _ = old
    with pytest.raises(folder.CannotUpgrade, match="no report is lost"):
        apply.apply(data, lambda state: None, lose_reports=1)


def test_what_is_no_installation_is_said(old: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(folder.CannotUpgrade, match="is no installation"):
        compare.python_of(tmp_path)


def test_every_rules_version_has_its_row() -> None:
    """docs/upgrade.md says of each version what it changes."""
    text = (ROOT / "docs" / "upgrade.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and line.split("|")[1].strip().isdigit()]
    versions = [int(line.split("|")[1]) for line in rows]
    assert versions == list(range(folder.OLDEST, L.LOGIC_VERSION + 1)), "a new version of the rules needs a row"
    assert all(len(line.split("|")[2].strip()) > 20 for line in rows)

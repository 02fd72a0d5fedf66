"""No start ends in a traceback: one sentence, an exit code of the table, the file, the way out. And a stop says what it could not do."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from exchange_server import app
from exchange_server.core import layout as L
from exchange_server.engine import Engine, InvariantBroken, SnapshotRefused
from exchange_server.exits import Exit
from exchange_server.gateway.connection import TurnInput
from exchange_server.journal import files
from exchange_server.journal.store import Journal, JournalError, JournalFailed
from exchange_server.net.observe import Log
from exchange_server.registry import RegistryBroken
from protocol import codes
from protocol import messages as M
from tests.server_kit import SMALL, BinaryPeer, FixPeer, ServerProcess, order, wait_until
from tests.test_app import options


def no_space(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/the/file")


def refused(folder: Path, capfd: pytest.CaptureFixture[str], code: Exit, *words: str) -> None:
    """serve() says no: this code, one line on stderr with these words, nothing on stdout."""
    assert app.serve(options(folder)) == code
    out, err = capfd.readouterr()
    lines = [json.loads(line) for line in err.splitlines()]
    said = [line for line in lines if line["event"] in ("not_started", "broken")]
    assert out == "" and len(said) == 1 and said[0]["exit_code"] == int(code), err
    for word in words:
        assert word in said[0]["text"], said[0]["text"]
    assert "Traceback" not in said[0]["text"] and "\n" not in said[0]["text"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a journal, stopped without a snapshot."""
    app.Server(options(tmp_path), Log()).close()
    return tmp_path


def test_no_room_for_the_first_segment(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "prepare_segment", no_space)
    refused(
        tmp_path,
        capfd,
        Exit.SPACE,
        str(tmp_path / "data" / "journal"),
        "no space left on the disk for a segment",
        "nothing was lost: free some",
    )
    monkeypatch.undo()
    app.Server(options(tmp_path), Log()).close()  # with room it begins


def test_no_room_for_the_copy_of_a_torn_tail(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from exchange_server.journal import recover

    monkeypatch.setattr(recover, "repair", no_space)
    refused(folder, capfd, Exit.SPACE, "/the/file: not enough space on the disk to start; nothing was lost")


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.EIO, os.strerror(errno.EIO), "/the/file"), Exit.RECOVERY, "/the/file: Input/output error"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), Exit.RECOVERY, "data: Read-only file system"),
        (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT), "/the/file"), Exit.SPACE, "not enough space"),
        (JournalError("the journal cannot"), Exit.RECOVERY, "the journal cannot"),
        (JournalFailed("a sync failed"), Exit.JOURNAL, "a sync failed"),
        (ZeroDivisionError("three"), Exit.BROKEN, "a fault of the program: ZeroDivisionError: three"),
    ],
)
def test_whatever_recovery_raises(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception, code: Exit, words: str
) -> None:
    def raises(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(app, "recover", raises)
    refused(folder, capfd, code, words)


def test_tables_that_do_not_fit_into_memory(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Engine, "__init__", none)
    refused(tmp_path, capfd, Exit.SETUP, "not enough memory for the tables of this configuration", "GB", "lower [capacities]")


@pytest.mark.parametrize("error", [InvariantBroken("invariant 3 at row 5"), RegistryBroken("a row was refused")])
def test_rules_that_break_on_their_own_journal(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def raises(*_: Any) -> None:
        raise error

    monkeypatch.setattr(Engine, "apply", raises)
    refused(folder, capfd, Exit.BROKEN, "rows 0 to", "cannot be replayed", str(error), "keep the folder")


def test_rules_that_break_on_the_configuration(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: Any) -> None:
        raise InvariantBroken("invariant 3 at row 5")

    monkeypatch.setattr(Engine, "apply", raises)
    refused(tmp_path, capfd, Exit.BROKEN, "invariant 3 at row 5", str(tmp_path / "data"), "report it")


def test_a_journal_that_does_not_answer_while_the_configuration_is_applied(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(self: Journal, ticket: int, timeout_ms: int = 0) -> None:
        raise JournalError(f"journal: row {ticket} is not durable after 60000 ms")

    monkeypatch.setattr(Journal, "wait", late)
    refused(tmp_path, capfd, Exit.RECOVERY, "is not durable after 60000 ms")


def test_a_snapshot_that_the_engine_refuses_is_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = app.Server(options(folder), Log())
    server.stopping = True
    from exchange_server.journal.recover import seal

    seal(server.recovered, folder / "data")

    def never(chunks: Any) -> Engine:
        raise SnapshotRefused("words 7 to 9 lie outside the arena")

    monkeypatch.setattr(Engine, "restore", never)
    again = app.Server(options(folder), Log())
    assert any("lie outside the arena" in note for note in again.report.notes) and not again.report.snapshot
    assert again.engine.digest() == server.engine.digest()
    again.close()


def test_little_room_starts_and_trades_and_the_reports_come_from_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the event store can be had; later there is room again."""
    real = os.posix_fallocate

    def small(fd: int, at: int, size: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".evt"):
            no_space()
        real(fd, at, size)

    monkeypatch.setattr(os, "posix_fallocate", small)
    server = app.Server(options(tmp_path), Log())
    turn = TurnInput(rows=4)
    for _ in range(3):
        turn.begin(server.engine.turn + 1, server.clock.now_ns())
        turn.add(codes.C_LOGON, server.engine.registry.sessions.named("MM1").id)
        server._input(turn.inbox, turn.words)
    server.store.flush()
    last = server.engine.event_seq - 1
    assert server.store.paused and server.store.status()["to_rebuild"] == last
    monkeypatch.undo()
    server.journal.wait(server.journal.next_seq)
    for now_s in (1.0, 2.0, 10.0, 20.0):
        server.rebuilder.look(now_s)
        if server.rebuilder._task is not None:
            server.rebuilder._task.join()
    assert not server.store.paused and not server.store.holes
    assert server.store.rows(1, last).reshape(-1, 24)[:, 1].tolist() == list(range(1, last + 1))
    server.close()


def test_a_stop_without_room_for_the_snapshot_has_its_own_name_and_code(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        peer.send(order(1, codes.BUY, 100, 1))
        assert peer.read(M.Accepted).id == 1
        (server.data / "snapshots").write_bytes(b"in the way")
        assert server.stop() == Exit.SNAPSHOT
        log = server.log_text()
        assert '"snapshot_failed"' in log and "journal_failed" not in log and "Everything is safe in the journal" in log
        (server.data / "snapshots").unlink()
        server.start()
        assert "no snapshot" in server.ready["recovery"]
        assert server.ask("status").result["engine"]["open_orders"] == 1
        assert server.stop() == Exit.OK


def test_marks_are_in_the_journal_of_a_running_server_and_compared_after_kill_9(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = app.Server(options(tmp_path), Log())
    server.marks.look(0.0)
    server._log_off_everyone()
    turn = TurnInput(rows=4)
    turn.begin(server.engine.turn + 1, server.clock.now_ns())
    turn.add(codes.C_LOGON, server.engine.registry.sessions.named("MM1").id)
    server._input(turn.inbox, turn.words)
    server.marks.look(61.0)
    assert server.marks.written == 1
    server.journal.settle()
    server.close()
    again = app.Server(options(tmp_path), Log())
    assert again.report.marks == 1
    again.close()
    monkeypatch.setattr(Engine, "counters", lambda self: b"other")
    with pytest.raises(app.StartRefused, match=r"replay differs: .*Rows affected: 0 to \d+") as said:
        app.Server(options(tmp_path), Log())
    assert said.value.code == Exit.RECOVERY


def test_a_page_of_zeros_under_a_running_server(tmp_path: Path) -> None:
    """Refused by name, rebuilt while running, and then resent with the same bytes as before."""
    with ServerProcess(tmp_path) as server:
        port = server.ready["binary_port"]
        peer = BinaryPeer(port, 1)
        peer.logged_on()
        for i in [
            *range(1, 1601),
            *range(1, 1601),
            *range(1, 1601),
        ]:  # more events than wait in memory; a repeat is answered with its status
            peer.send(order(i, codes.BUY, 1 + i % 50, 1))
        for kind in [M.Accepted] * 1600 + [M.OrderStatus] * 3200:
            peer.read(kind)
        before = list(peer.numbered)
        file = server.data / "events" / "00000000.evt"
        wait_until(file.exists)
        with file.open("r+b") as out:
            out.seek(8192)
            out.write(bytes(4096))
        peer.send(M.Resume(1, 1000))
        done = peer.read(M.ResumeDone)
        assert (done.count, done.reason) == (0, codes.R_REPORTS_REBUILDING)
        wait_until(lambda: "event_store_rebuilt" in server.log_text())
        peer.numbered.clear()
        peer.send(M.Resume(1, 1000))
        while not isinstance(done := peer.next(), M.ResumeDone):
            continue
        assert (done.begin, done.end, done.reason) == (1, 1000, codes.OK)
        assert peer.numbered == before[:1000]
        assert server.ask("status").result["event_store"]["to_rebuild"] == 0
        peer.close()


class ManyMarks(ServerProcess):
    """A server that writes a mark each time it keeps house, when there were rows."""

    program = (
        "-c",
        "import sys; from exchange_server import app; app.EVERY_ROWS, app.EVERY_S = 1, 0.0\n"
        "from exchange_server.cli.main import main; sys.exit(main(sys.argv[1:]))",
    )


def test_a_trading_server_and_its_replay_agree_at_every_mark(tmp_path: Path) -> None:
    """Orders, fills, cancels and refusals on both wires, killed: what live running and replay count and say is the same, mark by mark."""
    with ManyMarks(tmp_path) as server:
        maker, taker = BinaryPeer(server.ready["binary_port"], 1), BinaryPeer(server.ready["binary_port"], 2)
        client = FixPeer(server.ready["fix_port"], 1)
        client.read("A")
        maker.logged_on()
        taker.logged_on()
        for number in range(1, 13):
            written = server.ask("status").result["event_store"]["marks"]
            maker.send(
                order(3 * number, codes.SELL, 5000 + number, 5),
                order(3 * number + 1, codes.BUY, 1, 10**9),
                M.CancelOrder(3 * number + 2, 1),
            )
            taker.send(order(number, codes.BUY, 5000 + number, 2), order(number, codes.BUY, 1, 1))
            client.order(f"order {number}", 1, "0.1000", 1)
            client.read("8")
            while not isinstance(taker.next(), M.Fill):
                continue
            wait_until(lambda: server.ask("status").result["event_store"]["marks"] > written)  # noqa: B023
        server.kill()
        server.start()
        assert server.ask("status").result["event_store"]["marks_compared"] >= 12
        assert server.ask("check").result["failed"] == []


def test_reports_are_rebuilt_with_the_tables_and_times_that_the_folder_was_made_with(tmp_path: Path) -> None:
    """Not with those of a configuration that has changed since."""
    from exchange_server.journal.recover import seal

    first = app.Server(options(tmp_path), Log())
    seal(first.recovered, tmp_path / "data")
    server = app.Server(options(tmp_path, SMALL.replace("orders = 4096", "orders = 64")), Log())
    again = server._another_engine(None)
    assert again.capacities == first.engine.capacities and again.capacities.orders == 4096 and server.engine.capacities.orders == 64
    assert again.m[L.H_RETENTION_NS] == first.engine.m[L.H_RETENTION_NS]
    server.close()

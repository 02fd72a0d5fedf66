"""A real server whose follower archives and recycles: trading goes on, the journal begins later and later, and a kill loses nothing."""

import time
from pathlib import Path

from exchange_server.archive.segments import Archive
from exchange_server.data_folder import SERVER_ID
from exchange_server.exits import Exit
from protocol import messages as M
from tests.server_kit import BinaryPeer, ServerProcess, wait_until

from .test_process import LONG_S, config, log_lines, said, trade

ARCHIVING = """follower = "on"
snapshot_rows = 100
snapshot_age = "1s"
archive = "../archive"
"""


def first_segment(server: ServerProcess) -> int:
    return min(int(p.stem) for p in (server.data / "journal").glob("*.seg"))


def test_segments_leave_a_running_server_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, config(ARCHIVING), "--segment-bytes", "32768") as server:
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        id = 1

        def trade_on() -> bool:
            nonlocal id
            if id < 1900:  # orders that may be open
                trade(peer, range(id, id + 20))
                id += 20
            peer.send(M.Heartbeat())
            time.sleep(0.3)
            return False

        wait_until(lambda: "does not exist: create or mount it" in said(server).archive_problem, LONG_S)
        for _ in range(20):
            trade_on()
        assert first_segment(server) == 1, "nothing is removed without an archive"
        (tmp_path / "archive").mkdir()
        wait_until(lambda: trade_on() or (first_segment(server) > 3 and said(server).segments_recycled > 2), 3 * LONG_S)
        wait_until(lambda: bool(log_lines(server, "segment_recycled")), LONG_S)  # its log is written by a thread, which the kill may end
        status = server.ask("status").result
        assert status["follower"]["report"]["archive_problem"] == "" and status["follower"]["report"]["archive_segment"] >= 3
        rows = status["engine"]["row_seq"]
        server.kill()
        server.process.stdout.close()
        server.start()
        assert server.ask("check").result["failed"] == [] and server.ask("status").result["engine"]["row_seq"] >= rows
        peer = BinaryPeer(server.ready["binary_port"], 1, next_number=1)
        peer.logged_on()
        accepted: list[int] = []
        while len(accepted) < id - 1:
            message = peer.next()
            assert message is not None
            accepted += [message.id] if isinstance(message, M.Accepted) else []
        assert accepted == list(range(1, id)), "each once"
        assert server.stop() == Exit.OK
        assert log_lines(server, "segment_recycled") and log_lines(server, "archive_failed") and not log_lines(server, "follower_differs")
        entries = Archive(tmp_path / "archive", server.data, SERVER_ID).entries()
        assert [e.segment for e in entries] == list(range(1, len(entries) + 1)) and len(entries) >= first_segment(server) - 1

"""docs/backup.md: its commands on a real server that trades, with its places moved into the test's folder; the restored servers hold what the first one held."""

import shutil
from pathlib import Path

import pytest

from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from protocol import codes
from protocol import messages as M
from tests.server_kit import SMALL, BinaryPeer, ServerProcess, order
from tests.test_docs_pages import DOCS, blocks

OURS = {
    "/mnt/backup": "backup", "/mnt/secret": "secret", "/srv/exos-drill": "drill/data", "/srv/exos": "data", "/srv/standby": "standby/data",
    "/etc/exos/backup.key": "backup.key",
}  # fmt: skip


def moved(command: str, folder: Path) -> list[str]:
    return [str(folder / OURS[word]) if word in OURS else word for word in command.split()]


def trade(peer: BinaryPeer, ids: range) -> None:
    for i in ids:
        peer.send(order(i, codes.BUY, 100 + i % 7, 1))
        assert peer.read(M.Accepted).id == i


def test_the_commands_of_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = blocks("backup", (DOCS / "backup.md").read_text())
    commands = [command for block in found if not block.not_run for command in block.commands]
    assert sum(c.startswith("exos backup") for c in commands) == 8 and commands[-1] == "exos promote /srv/standby"
    (tmp_path / "drill").mkdir()
    (tmp_path / "standby").mkdir()
    with ServerProcess(tmp_path, SMALL) as server:
        server.data.chmod(0o700)
        first_id = server.ready["folder_id"]
        peer = BinaryPeer(server.ready["binary_port"], 1)
        peer.logged_on()
        trade(peer, range(1, 61))
        for command in commands[:-1]:
            assert cli.main(moved(command, tmp_path)[1:]) == Exit.OK, (command, capsys.readouterr())
        server.kill()
        wanted = {"open_orders": 60, "fills": 0}
        shutil.copytree(tmp_path / "data", tmp_path / "standby" / "data", ignore=shutil.ignore_patterns("*.sock"))
        standby = ServerProcess(tmp_path / "standby", SMALL)
        assert standby.refused()[0] == Exit.COPY
        assert cli.main(moved(commands[-1], tmp_path)[1:]) == Exit.OK, capsys.readouterr()
        old = ServerProcess(tmp_path, SMALL)
        assert old.refused()[0] == Exit.FENCED
        ids = set()
        for folder in ("drill", "standby"):
            with ServerProcess(tmp_path / folder, SMALL) as other:
                ids.add(other.ready["folder_id"])
                assert other.ready["epoch"] > 1_000_000
                engine = other.ask("status").result["engine"]
                assert other.ask("check").result["failed"] == []
                assert {key: engine[key] for key in wanted} == wanted, folder
                again = BinaryPeer(other.ready["binary_port"], 1, next_number=1)
                again.logged_on()
                accepted: list[int] = []
                while len(accepted) < 60:
                    message = again.next()
                    assert message is not None
                    accepted += [message.id] if isinstance(message, M.Accepted) else []
                assert accepted == [*range(1, 61)], "replies from before are sent again, each once"
                while not isinstance(again.next(), M.ResumeDone):
                    continue
                trade(again, range(101, 111))
                assert other.stop() == Exit.OK
        assert first_id in ids and len(ids) == 2
        server.process.stdout.close()


def test_what_the_page_says_of_exit_codes_is_so() -> None:
    page = (DOCS / "backup.md").read_text()
    assert "exit code 16" in page and "exit code 17" in page and int(Exit.COPY) == 16 and int(Exit.FENCED) == 17

"""Running a command as a user does, against a fake server with the World Cup's markets and one firm."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import admin_records as ar
from exchange_server.cli import main as cli
from exchange_server.exits import Exit
from tests.cli.fake_admin import FakeAdmin

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def exos(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `exos ARGUMENTS` on the data folder tmp_path: (exit code, stdout, stderr)."""
    monkeypatch.setenv("EXOS_DATA", str(tmp_path))

    def go(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err and (code == Exit.OK or err.startswith("exos: "))
        return code, out, err

    return go


@pytest.fixture
def cup(tmp_path: Path) -> Iterator[FakeAdmin]:
    fake = FakeAdmin(tmp_path).load("worldcup")
    for record in (
        ar.DefineFirm(name="CLIENT1", title="Client One"),
        ar.DefineAccount(name="CLIENT1-A", firm="CLIENT1"),
        ar.DefineAccount(name="CLIENT1-V", firm="CLIENT1", venue="WC26"),
    ):
        assert fake.answer({"id": 1, "verb": "admin", "record": {"type": ar.identity(record)[0], **_fields(record)}})["ok"]  # type: ignore[index]
    fake.records.clear()
    yield fake
    fake.close()


def _fields(record: ar.AnyRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}

"""`exos web`: what does not go together is refused before anything listens."""

import socket
import time
from pathlib import Path

import pytest

from exchange_server.certificates import make_dev_certificate
from exchange_server.cli.main import main
from exchange_server.exits import Exit
from exchange_server.net.observe import Log
from exchange_server.web import process
from exchange_server.web.desk import Door
from exchange_server.web.gateway import Settings
from exchange_server.web.pages.routes import Pages
from exchange_server.web.process import Exposed, WebOptions, gateway_of
from tests.server_kit import in_use


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text("a phrase for those who only listen\n")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--host", "0.0.0.0"], Exit.CONFIG, "without TLS"),
        (["--host", ""], Exit.CONFIG, "every address"),
        (["--tls-cert", "x"], Exit.USAGE, "go together"),
        (["--tls-cert", "x", "--tls-key", "y"], Exit.CONFIG, "x cannot be read"),
        (["--origin", "shop.example"], Exit.USAGE, "no origin"),
        (["--origin", "https://shop.example/page"], Exit.USAGE, "without a path"),
        (["--connect", "9890"], Exit.USAGE, "HOST:PORT"),
        (["--connect", "host:x"], Exit.USAGE, "HOST:PORT"),
        (["--port", "70000"], Exit.USAGE, "port must be 0 to 65535"),
        (["--rate", "0"], Exit.USAGE, "rate must be"),
    ],
)
def test_what_does_not_go_together(secret: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: Exit, said: str) -> None:
    assert main(["web", "--login", "WEB", "--secret-file", str(secret), *arguments]) == code
    assert said in capsys.readouterr().err


def test_the_secret_is_needed_and_kept_from_others(
    secret: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXOS_WEB_SECRET", raising=False)
    assert main(["web", "--login", "WEB"]) == Exit.USAGE
    assert "how does --login prove who it is?" in capsys.readouterr().err
    secret.chmod(0o644)
    assert main(["web", "--login", "WEB", "--secret-file", str(secret)]) == Exit.CONFIG
    assert "chmod 600" in capsys.readouterr().err
    assert main(["web", "--login", "WEB", "--secret-file", str(secret.parent / "none")]) == Exit.USAGE
    assert main(["web", "--secret-file", str(secret)]) == Exit.USAGE


def test_a_port_that_is_taken(secret: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with in_use(0) as other:
        port = other.getsockname()[1]
        secret.chmod(0o600)
        assert main(["web", "--data", str(tmp_path), "--login", "WEB", "--secret-file", str(secret), "--port", str(port)]) == Exit.PORT
    assert f"127.0.0.1:{port} cannot be opened" in capsys.readouterr().err


def test_a_certificate_that_others_can_read_the_key_of(secret: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = make_dev_certificate(tmp_path, ["localhost"], time.time_ns())
    files.key.chmod(0o644)
    arguments = ["--tls-cert", str(files.cert), "--tls-key", str(files.key)]
    assert main(["web", "--login", "WEB", "--secret-file", str(secret), *arguments]) == Exit.CONFIG
    assert "chmod 600" in capsys.readouterr().err


class Reader:
    """Says that the server is a sandbox."""

    ok, text = True, ""
    result = {"server": {"sandbox": True, "binary_port": 9890}}

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def ask(self, verb: str) -> "Reader":
        assert verb == "status"
        return self


@pytest.mark.parametrize(("exposed", "meant", "served"), [(True, False, False), (True, True, True), (False, False, True)])
async def test_a_sandbox_is_not_exposed_by_mistake(exposed: bool, meant: bool, served: bool) -> None:
    options = WebOptions(
        "0.0.0.0", 0, Reader, Door(lambda: socket.socket()), "WEB", "x", None, "", None, "127.0.0.1", None, None, exposed=exposed, sandbox_too=meant, settings=Settings(), pages=Pages()
    )  # fmt: skip
    gateway = gateway_of(options, Log())
    if served:
        assert await gateway.feed._locate() == process.Target("127.0.0.1", 9890, None)
    else:
        with pytest.raises(Exposed, match="expose-sandbox"):
            await gateway.feed._locate()

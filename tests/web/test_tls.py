"""Under TLS: the listener, the cookie that only travels there, and the header that keeps browsers to it."""

import ssl
import time
from pathlib import Path

import httpx

from exchange_server.certificates import make_dev_certificate

from .rig import Web, wait_until


def test_https(tmp_path: Path) -> None:
    """No server is needed: the process serves what it can without one."""
    files = make_dev_certificate(tmp_path, ["127.0.0.1"], time.time_ns())
    with Web(tmp_path, tmp_path / "none", "--tls-cert", str(files.cert), "--tls-key", str(files.key)) as web:
        assert web.ready["address"] == f"https://127.0.0.1:{web.port}"
        with httpx.Client(base_url=web.ready["address"], verify=ssl.create_default_context(cafile=str(files.ca))) as api:
            wait_until(lambda: "no server runs" in api.get("/v1/status").json()["down"])
            answer = api.get("/v1/status")
            assert answer.status_code == 200 and answer.json()["server"] == "down"
            assert answer.headers["strict-transport-security"].startswith("max-age=")
            down = api.post("/v1/sessions", json={"login": "MM1", "secret": "x"})
            assert down.status_code == 503 and down.json()["name"] == "server_down"
        assert web.stop() == 0

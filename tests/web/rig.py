"""A server and `exos web` beside it, as processes, and a plain client of the API."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from config import admin_records as ar
from config.access_records import DEFAULT_DUAL
from tests.server_kit import ROOT, SMALL, ServerProcess, secret_of, wait_until

# Three members trade; WEB only listens: its session has no account. W is another venue, with a market of its own.
CONFIG = (
    SMALL.replace("firms = 16", "firms = 64").replace("sessions = 16", "sessions = 64").replace("accounts = 64", "accounts = 128")
    + """
[[venue]]
name = "W"

[[market]]
event = "W.TIE"
product = "exactly"
winners = 1
owner_venue = "W"
asset = "USD"
payout = "1.0000"
max_qty = 10_000
max_position = 1_000_000
fees = { model = "quadratic" }
phase = "open"
rules = "The winner pays 1.0000, the others nothing."
source = "the referee"
contract = [{ symbol = "W.TIE-A" }, { symbol = "W.TIE-B" }]

[[member]]
firm = "WEB"

[[member.session]]
name = "WEB"
wire = "binary"
key = "WEB"
secret = "a phrase for those who only listen"
"""
)
SECRET = "a phrase for those who only listen"
ROLES = {  # principal: roles, scope
    "anna": (("platform_operator",), "platform"),
    "boris": (("platform_operator",), "platform"),
    "vera": (("venue_operator", "treasurer", "resolver", "arbiter", "risk_officer"), "venue:V"),
    "willy": (("venue_operator", "treasurer", "resolver", "arbiter", "risk_officer"), "venue:W"),
    "sue": (("support",), "platform"),
}
FAST = ("--rate", "100000", "--client-rate", "100000", "--logon-rate", "100000")


class Web:
    """`exos web` on the server's folder. Use as a context."""

    def __init__(self, folder: Path, data: Path, *arguments: str) -> None:
        self.folder, self.data, self.arguments = folder, data, arguments
        self.process: Any = None
        self.port = 0

    def start(self, port: int = 0) -> "Web":
        self.log = open(self.folder / "web.log", "ab")
        command = [sys.executable, "-m", "exchange_server.cli.main", "web", "--data", str(self.data), "--login", "WEB", "--port", str(port)]
        environment = os.environ | {"EXOS_WEB_SECRET": SECRET}
        self.process = subprocess.Popen([*command, *self.arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log, env=environment)
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        line = self.process.stdout.readline() if readable else b""
        assert line, f"the web process did not start: {self.log_text()[-3000:]}"
        self.ready = json.loads(line)
        self.port = self.ready["port"]
        return self

    def log_text(self) -> str:
        return (self.folder / "web.log").read_text()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return int(self.process.wait(30))

    def api(self, token: str = "") -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def up(self, seconds: float = 20.0) -> "Web":
        """Wait until the exchange is reached."""
        with self.api() as api:
            wait_until(lambda: api.get("/v1/status").json()["server"] == "up", seconds)
        return self

    def logged_on(self, n: int = 1) -> httpx.Client:
        with self.api() as api:
            answer = api.post("/v1/sessions", json={"login": f"MM{n}", "secret": secret_of(n)})
        assert answer.status_code == 201, answer.text
        return self.api(answer.json()["token"])

    def operator(self, name: str, tokens: dict[str, str]) -> httpx.Client:
        """A principal that `principals` made, logged on."""
        with self.api() as api:
            answer = api.post("/v1/sessions", json={"principal": name, "key_id": f"{name}-1", "token": tokens[name]})
        assert answer.status_code == 201, answer.text
        return self.api(answer.json()["token"])

    def __enter__(self) -> "Web":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()
        self.log.close()


def principals(server: ServerProcess) -> dict[str, str]:
    """Makes those of ROLES, each with a token; the tokens by name."""
    tokens = {}
    waiting = tuple(act for act in DEFAULT_DUAL if act != "platform_grant")  # else the second grant waits for the first principal
    records: list[Any] = [ar.Approvals(acts=waiting)]
    records += [ar.DefinePrincipal(name=name, venue=scope.partition(":")[2]) for name, (_, scope) in ROLES.items()]
    records += [ar.Grant(principal=name, role=role, scope=scope) for name, (roles, scope) in ROLES.items() for role in roles]
    records += [ar.DefineKey(id=f"{name}-1", holder="principal", name=name, kind="token") for name in ROLES]
    for record in records:
        answer = server.ask("admin", record)
        assert answer.ok, answer.text
        if isinstance(record, ar.DefineKey):
            tokens[record.name] = answer.result["secret"]
    return tokens


_ids = time.time_ns()


def new_id() -> str:
    global _ids
    _ids += 1
    return str(_ids)


def order(side: str = "buy", price: str = "0.40", quantity: str = "10", **more: Any) -> dict[str, Any]:
    """The body of an order."""
    return {"client_order_id": new_id(), "contract": "CUP-A", "side": side, "price": price, "quantity": quantity, **more}


def problem(answer: httpx.Response, status: int, name: str) -> dict[str, Any]:
    """The problem of an answer, which must be one of this status and name."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json", answer.headers
    found: dict[str, Any] = answer.json()
    assert (found["status"], found["name"]) == (status, name), found
    return found


__all__ = ["CONFIG", "FAST", "SECRET", "ServerProcess", "Web", "new_id", "order", "principals", "problem", "secret_of", "wait_until"]

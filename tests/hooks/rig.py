"""A receiver of webhooks that checks signatures with the library, and an `exos webhooks serve` process."""

import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError

from exchange_server.cli import main as cli
from tests.server_kit import ROOT


class Got(NamedTuple):
    id: str
    message: dict[str, Any]
    headers: dict[str, str]

    @property
    def type(self) -> str:
        return str(self.message["type"])


class Receiver:
    """`answer` gives the status for a message; `got` has those that were answered with 200."""

    def __init__(self, answer: Callable[[Got], int] = lambda got: 200) -> None:
        self.secret = ""
        self.answer = answer
        self.got: list[Got] = []
        self.bad: list[str] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status = receiver.take(body, headers)
                self.send_response(status)
                if status in (301, 302, 307):
                    self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = int(self.server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.lock = threading.Lock()
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        try:
            message = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            self.bad.append(str(error))
            return 400
        got = Got(headers["webhook-id"], message, headers)
        with self.lock:
            status = self.answer(got)
            if status == 200:
                self.got.append(got)
        return status

    def of(self, kind: str) -> list[Got]:
        return [one for one in self.got if one.type == kind]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def command(data: Path, *arguments: str) -> dict[str, Any]:
    """`exos webhooks ...`; the result of its document."""
    done = run(data, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found["result"]


def run(data: Path, *arguments: str) -> Done:
    """`exos webhooks ...` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(["webhooks", *arguments, "--data", str(data)])
    return Done(code, out.getvalue(), err.getvalue())


class Hooks:
    """The process. Use as a context."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.data = folder, data
        self.process: Any = None

    def start(self) -> "Hooks":
        self.log = open(self.folder / "hooks.log", "ab")
        line = [sys.executable, "-m", "exchange_server.cli.main", "webhooks", "serve", "--data", str(self.data)]
        self.process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log, env=os.environ)
        readable, _, _ = select.select([self.process.stdout], [], [], 110)
        told = self.process.stdout.readline() if readable else b""
        assert told and json.loads(told)["ready"], self.log_text()[-3000:]
        return self

    def log_text(self) -> str:
        return (self.folder / "hooks.log").read_text()

    def kill(self) -> None:
        process = self.process
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdout.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = int(self.process.wait(60))
        self.process.stdout.close()
        return code

    def __enter__(self) -> "Hooks":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        self.log.close()

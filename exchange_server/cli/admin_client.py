"""The client side of the admin socket: one JSON line out, one JSON line back.

Request `{"id": 1, "verb": "admin", "record": {"type": "phase", ...}}`, verbs `admin`, `status`, `markets`; answer
`{"id": 1, "ok": true, "code": 0, "text": "...", "result": {...}}`. The socket is `<data>/admin.sock`, mode 0600; the server journals the
caller's uid.
"""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar

from .common import Unreachable

SOCKET_NAME = "admin.sock"
ANSWER_BYTES_MAX = 64 * 1024 * 1024


class Answer(NamedTuple):
    ok: bool
    code: int
    text: str
    result: Any
    refusal: dict[str, Any] | None = None  # what is wrong, as data (exchange_server/registry/refused.py)


def connect(path: Path, timeout_s: float) -> socket.socket:
    """A connected Unix socket. A path longer than the system allows is opened through its folder's descriptor."""
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.settimeout(timeout_s)
    folder = -1
    try:
        name = str(path)
        if len(os.fsencode(name)) > 100:
            folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
            name = f"/proc/self/fd/{folder}/{path.name}"
        link.connect(name)
    except BaseException:
        link.close()
        raise
    finally:
        if folder >= 0:
            os.close(folder)
    return link


class AdminClient:
    """One connection, used by one caller at a time. Every failure of the connection is Unreachable."""

    def __init__(self, data: Path, timeout_s: float = 30.0) -> None:
        self.path = data / SOCKET_NAME
        self.timeout_s = timeout_s
        self._next_id = 0
        self._rest = b""
        try:
            self._link = connect(self.path, timeout_s)
        except FileNotFoundError:
            raise Unreachable(f"no server runs on {data}: there is no {self.path} (--data names the folder)") from None
        except ConnectionRefusedError:
            raise Unreachable(f"no server listens on {self.path}: it was stopped or killed") from None
        except OSError as error:
            raise Unreachable(f"{self.path} cannot be used: {error.strerror or error}") from error

    def __enter__(self) -> "AdminClient":
        return self

    def __exit__(self, *exc: object) -> None:
        self._link.close()

    def ask(
        self, verb: str, record: ar.AnyRecord | None = None, on_piece: Callable[[Any], None] = lambda piece: None, **fields: Any
    ) -> Answer:
        """Send one request and wait for its answer. on_piece: takes the pieces that come before the last answer of some verbs."""
        self._next_id += 1
        request: dict[str, Any] = {"id": self._next_id, "verb": verb, **fields}
        if record is not None:
            request["record"] = msgspec.to_builtins(record)
        try:
            self._link.sendall(msgspec.json.encode(request) + b"\n")
            while True:
                answer = json.loads(self._line())
                if not isinstance(answer, dict):
                    raise Unreachable(f"the answer of {self.path} is not a JSON object")
                if answer.get("id") == self._next_id and answer.get("more"):
                    on_piece(answer.get("result"))
                elif answer.get("id") == self._next_id:
                    code = answer.get("code", 0)
                    if not isinstance(code, int):
                        raise Unreachable(f"the answer of {self.path} has a code that is not a number")
                    return Answer(bool(answer.get("ok")), code, str(answer.get("text", "")), answer.get("result"), answer.get("refusal"))
        except TimeoutError:
            raise Unreachable(
                f"the server did not answer within {self.timeout_s:g} s: it is not known whether the request was carried out"
            ) from None
        except OSError as error:
            raise Unreachable(
                f"the connection to the server was lost ({error.strerror or error}): it is not known whether the request was carried out"
            ) from error
        except ValueError as error:
            raise Unreachable(f"the answer of {self.path} is not JSON: {error}") from error

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            if len(self._rest) > ANSWER_BYTES_MAX:
                raise Unreachable(f"the answer of {self.path} is longer than {ANSWER_BYTES_MAX} bytes")
            data = self._link.recv(1 << 20)
            if not data:
                raise Unreachable("the server closed the connection: it is not known whether the request was carried out")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line

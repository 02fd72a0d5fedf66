"""The client side of the admin socket: one JSON line out, one JSON line back.

Request `{"id": 1, "verb": "admin", "record": {"type": "phase", ...}}`, verbs `admin`, `status`, `markets`; answer
`{"id": 1, "ok": true, "code": 0, "text": "...", "result": {...}}`. The socket is `<data>/admin.sock`, mode 0600; the server journals the
caller's uid.
"""

import json
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from protocol import credentials

from ..exits import Exit
from .common import CommandError, Unreachable
from .remote import Remote, trusting

SOCKET_NAME = "admin.sock"
ANSWER_BYTES_MAX = 64 * 1024 * 1024


class Answer(NamedTuple):
    ok: bool
    code: int
    text: str
    result: Any
    refusal: dict[str, Any] | None = None  # what is wrong, as data (exchange_server/registry/refused.py)
    warnings: tuple[str, ...] = ()  # what is doubtful about what was done


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
        self.path: Path | str = data / SOCKET_NAME
        self.timeout_s = timeout_s
        self._next_id = 0
        self._rest = b""
        try:
            self._link: socket.socket = connect(data / SOCKET_NAME, timeout_s)
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

    def ask(self, verb: str, record: ar.AnyRecord | None = None, **fields: Any) -> Answer:
        """Send one request and wait for its answer."""
        return self._ask(verb, record, fields, lambda piece: None)

    def ask_pieces(self, verb: str, on_piece: Callable[[Any], None], record: ar.AnyRecord | None = None, **fields: Any) -> Answer:
        """A request whose answer comes in pieces, or says how far it is; the Answer is the last one."""
        return self._ask(verb, record, fields, on_piece)

    def _ask(self, verb: str, record: ar.AnyRecord | None, fields: dict[str, Any], on_piece: Callable[[Any], None]) -> Answer:
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
                    return Answer(
                        bool(answer.get("ok")),
                        code,
                        str(answer.get("text", "")),
                        answer.get("result"),
                        answer.get("refusal"),
                        tuple(answer.get("warnings", ())),
                    )
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


class RemoteClient(AdminClient):
    """The same over TLS, logged on as a principal (gateway/admin/remote.py)."""

    def __init__(self, to: Remote, timeout_s: float = 30.0) -> None:
        """Raises Unreachable; CommandError for a key file that cannot be used, or a logon that is refused."""
        self.path = f"{to.host}:{to.port}"
        self.timeout_s = timeout_s
        self._next_id = 0
        self._rest = b""
        prove = _prover(to)
        trust = trusting(to.ca)
        try:
            raw = socket.create_connection((to.host, to.port), timeout_s)
            self._link = trust.wrap_socket(raw, server_hostname=to.host)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"{self.path}: its certificate is not trusted ({error.verify_message}): --ca names the authority") from error
        except ssl.SSLError as error:
            raise Unreachable(f"{self.path} does not speak TLS as it should ({error.reason or error}): is it the admin port?") from error
        except OSError as error:
            raise Unreachable(f"{self.path} cannot be reached: {error.strerror or error}") from error
        try:
            hello = json.loads(self._line())
            challenge = bytes.fromhex(hello["challenge"])
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise Unreachable(f"{self.path} is not a server's port for remote administration") from error
        answer = self.ask("logon", **prove(challenge))
        if not answer.ok:
            raise CommandError(Exit.FAILED, f"{self.path} refused the logon of {to.principal}: {answer.text}", code=answer.code)


def _prover(to: Remote) -> Callable[[bytes], dict[str, Any]]:
    """What is said at the logon, for the server's challenge. Raises CommandError."""
    try:
        text = to.key_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Exit.USAGE, f"--key-file {to.key_file}: {getattr(error, 'strerror', None) or 'is no text'}") from error
    if text.startswith(credentials.TOKEN_PREFIX):
        if not to.key:
            raise CommandError(Exit.USAGE, f"--key-file {to.key_file} is a token, which does not name its key: give --key-id")
        return lambda challenge: {"principal": to.principal, "key": to.key, "token": text}
    try:
        private, named = credentials.private_key(text)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--key-file {to.key_file}: {error}") from error
    key = to.key or named
    if not key:
        raise CommandError(Exit.USAGE, f"--key-file {to.key_file} does not name its key: give --key-id")

    def prove(challenge: bytes) -> dict[str, Any]:
        signature = private.sign(credentials.admin_message(to.principal, key, challenge)).hex()
        return {"principal": to.principal, "key": key, "signature": signature}

    return prove

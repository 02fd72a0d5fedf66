"""A real server in its own process, and plain blocking peers: what tests need to trade with it, kill it and start it again."""

import json
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from config.admin_records import AnyRecord
from exchange_server.cli.admin_client import AdminClient, Answer
from protocol import codes
from protocol import messages as M
from protocol.binary_session import Prover
from protocol.framing import FrameReader, frame

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 110.0  # compiling every kernel once is in it

SMALL = """
[server]
follower = "off"
fix_port = 0
binary_port = 0

[capacities]
assets = 8
venues = 4
firms = 16
accounts = 64
sessions = 16
events = 8
instruments = 64
listings = 64
balances = 256
collateral_words = 65536
orders = 4096
nodes = 4096
archive = 16384
used_blocks = 2048

[[asset]]
name = "USD"
decimals = 4

[[venue]]
name = "V"

[[market]]
event = "CUP"
product = "exactly"
winners = 1
owner_venue = "V"
asset = "USD"
payout = "1.0000"
max_qty = 10_000
max_position = 1_000_000
fees = { model = "quadratic", taker_bps = 100 }
phase = "open"
rules = "The winner pays 1.0000, the others nothing."
source = "the referee"
contract = [{ symbol = "CUP-A" }, { symbol = "CUP-B" }, { symbol = "CUP-C" }]
band = [{ low = "0.0001", high = "0.9999", step = "0.0001" }]

[[member]]
count = 3
firm = "MM{n}"

[[member.account]]
name = "MM{n}-A"
deposit = { USD = "1000000.00" }

[[member.session]]
name = "MM{n}"
wire = "binary"
key = "MM{n}"
secret = "a phrase of the tests, number {n}"
account = "MM{n}-A"

[[member]]
count = 2
firm = "CLIENT{n}"

[[member.account]]
name = "CLIENT{n}-A"
deposit = { USD = "1000000.00" }

[[member.session]]
name = "CLIENT{n}"
wire = "fix"
our_comp_id = "EXOS-OE"
peer_comp_id = "CLIENT{n}"
username = "client{n}"
secret = "a phrase of the tests, number {n}"
account = "CLIENT{n}-A"
"""


def market(event: str, product: str = "exactly", more: str = "") -> str:
    """The market CUP of SMALL again, as another event: TOML. more: lines of the same table."""
    text = SMALL[SMALL.index("[[market]]") : SMALL.index("[[member]]")].replace("CUP", event).replace('"exactly"', f'"{product}"')
    return text.replace("[[market]]", f"[[market]]\n{more}")


def secret_of(n: int) -> str:
    """What the n-th member of SMALL logs on with, on either wire."""
    return f"a phrase of the tests, number {n}"


class ServerProcess:
    """`exos serve` on a data folder. Use as a context; `kill` is kill -9, `stop` is SIGTERM."""

    program = ("-m", "exchange_server.cli.main")  # what Python runs

    def __init__(self, folder: Path, config: str = SMALL, *arguments: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.config = folder / "test.toml"
        self.config.write_text(config)
        self.arguments = arguments
        self.process: Any = None
        self.ready: dict[str, Any] = {}

    def start(self) -> "ServerProcess":
        """Start and wait for the ready line; AssertionError with the log when it does not come."""
        self.log = open(self.folder / "log.txt", "ab")
        command = [sys.executable, *self.program, "serve", "--data", str(self.data), "--config", str(self.config)]
        self.process = subprocess.Popen([*command, *self.arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log)
        readable, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if readable else b""
        assert line, f"the server did not start: {self.log_text()[-3000:]}"
        self.ready = json.loads(line)
        return self

    def refused(self) -> tuple[int, str]:
        """Start a server that must not come up: (exit code, log)."""
        self.log = open(self.folder / "log.txt", "ab")
        command = [sys.executable, *self.program, "serve", "--data", str(self.data), "--config", str(self.config)]
        done = subprocess.run([*command, *self.arguments], cwd=ROOT, capture_output=True, timeout=START_SECONDS, check=False)
        assert done.stdout == b"", done.stdout
        return done.returncode, done.stderr.decode()

    def log_text(self) -> str:
        return (self.folder / "log.txt").read_text()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return int(self.process.wait(30))

    def ask(self, verb: str, record: AnyRecord | None = None, **fields: Any) -> Answer:
        """One request on the admin socket."""
        with AdminClient(self.data) as admin:
            return admin.ask(verb, record, **fields)

    def __enter__(self) -> "ServerProcess":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        self.process.stdout.close()
        self.log.close()


class BinaryPeer:
    """A blocking binary client; messages come out one by one."""

    def __init__(self, port: int, n: int = 1, log_on: bool = True, next_number: int = 0, secret: str = "", **fields: Any) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = FrameReader()
        self.waiting: list[Any] = []
        self.numbered: list[bytes] = []  # payloads of numbered messages as they came
        self.hello = self.read(M.Hello)
        self.key = f"MM{n}"
        if log_on:
            proof = Prover(self.key, secret or secret_of(n)).prove(self.hello)
            self.send(M.Logon(self.key, proof, next_number=next_number, **fields))

    def send(self, *messages: Any) -> None:
        self.socket.sendall(b"".join(frame(M.encode(m)) for m in messages))

    def next(self, seconds: float = 10.0) -> Any:
        """The next message; None at the end of the stream."""
        end = time.monotonic() + seconds
        while not self.waiting:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            for payload in self.reader.feed(data):
                message = M.decode_server(payload)
                if isinstance(message, M.NUMBERED):
                    self.numbered.append(payload)
                self.waiting.append(message)
        return self.waiting.pop(0)

    def read(self, kind: Any, seconds: float = 10.0) -> Any:
        """The next message of that kind (heartbeats are passed over); AssertionError for any other."""
        while True:
            message = self.next(seconds)
            if isinstance(message, kind):
                return message
            assert isinstance(message, M.Heartbeat), message

    def logged_on(self) -> M.LogonReply:
        sent = self.read(M.Sent)
        assert isinstance(sent.body, M.LogonReply)
        return sent.body

    def close(self) -> None:
        """Log out and wait for the answer: afterwards the session is free."""
        self.send(M.Logout())
        while self.next() is not None:
            continue
        self.socket.close()


def order(
    id: int, side: int, price: int, qty: int, instrument: int = 1, tif: int = codes.GTC, contract_side: int = codes.YES
) -> M.NewOrder:
    """A limit order on the default account."""
    return M.NewOrder(id, 0, instrument, side, contract_side, codes.LIMIT, tif, 0, price, qty)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def wait_until(condition: Any, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def in_use(port: int) -> socket.socket:
    """Occupy a port."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    return s


class FixPeer:
    """A blocking FIX 4.4 client: fields in, dicts of tag → value out."""

    def __init__(self, port: int, n: int = 1, log_on: bool = True, seq: int = 1, reset: bool = True, password: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = f"CLIENT{n}"
        self.seq = seq
        self.buffer = b""
        if log_on:
            extra = [(141, "Y")] if reset else []
            self.send("A", (98, 0), (108, 30), *extra, (553, f"client{n}"), (554, password or secret_of(n)))

    def build(self, kind: str, *fields: tuple[int, Any]) -> bytes:
        now = time.time_ns()
        stamp = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(now // 10**9)) + f".{now // 10**6 % 1000:03d}"
        head = [(35, kind), (34, self.seq), (49, self.name), (52, stamp), (56, "EXOS-OE")]
        self.seq += 1
        body = b"".join(f"{tag}={value}\x01".encode() for tag, value in [*head, *fields])
        raw = b"8=FIX.4.4\x019=%d\x01" % len(body) + body
        return raw + b"10=%03d\x01" % (sum(raw) % 256)

    def send(self, kind: str, *fields: tuple[int, Any]) -> None:
        self.socket.sendall(self.build(kind, *fields))

    def order(self, id: str, side: int, price: str, qty: int, symbol: str = "CUP-A", tif: int = 1) -> None:
        now = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
        self.send("D", (11, id), (55, symbol), (54, side), (60, now), (38, qty), (40, 2), (44, price), (59, tif))

    def next(self, seconds: float = 10.0) -> dict[int, str] | None:
        """The next message; None at the end of the stream. Checks BodyLength and CheckSum."""
        self.socket.settimeout(seconds)
        while True:
            head, found, rest = self.buffer.partition(b"\x019=")
            if found and b"\x01" in rest:
                digits = rest[: rest.index(b"\x01")]
                end = len(head) + 3 + len(digits) + 1 + int(digits) + 7
                if len(self.buffer) >= end:
                    raw, self.buffer = self.buffer[:end], self.buffer[end:]
                    assert raw.startswith(b"8=FIX.4.4\x01") and raw[-7:] == b"10=%03d\x01" % (sum(raw[:-7]) % 256), raw
                    return {int(tag): value.decode() for tag, _, value in (part.partition(b"=") for part in raw[:-1].split(b"\x01"))}
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self.buffer += data

    def read(self, kind: str, seconds: float = 10.0) -> dict[int, str]:
        """The next message of that MsgType (heartbeats are passed over); AssertionError for any other."""
        while True:
            message = self.next(seconds)
            assert message is not None, "the connection was closed"
            if message[35] == kind:
                return message
            assert message[35] == "0", message

    def close(self) -> None:
        self.socket.close()

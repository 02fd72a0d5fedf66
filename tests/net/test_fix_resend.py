"""kill -9, the event store deleted, a restart: what is resent equals what the client had captured, byte for byte, and the numbers
continue."""

import socket
import time
from pathlib import Path

from protocol import codes
from protocol.fix_client import FixClient
from protocol.fix_messages import Framer
from tests.server_kit import ServerProcess, secret_of


class Closed(AssertionError):
    """The server has closed the connection."""


class Line:
    """A FixClient on a blocking socket; `captured`: every message received, raw."""

    def __init__(self, client: FixClient, port: int, reset: bool = False) -> None:
        self.client = client
        self.framer = Framer()
        self.captured: list[bytes] = []
        self.reports: list[bytes] = []
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.sendall(client.connect(time.time_ns(), reset=reset))
        self.until(lambda: client.live)

    def until(self, done) -> None:
        """Read until it is so; what the session layer wants to say goes out meanwhile."""
        give_up = time.monotonic() + 20
        while not done():
            assert time.monotonic() < give_up, self.captured[-3:]
            self.socket.sendall(self.client.take())
            data = self.socket.recv(1 << 16)
            if not data:
                raise Closed(self.client.closed, self.captured[-3:])
            self.framer.feed(data)
            self.captured += list(self.framer)
            self.reports += [m.raw for m in self.client.receive(data, time.time_ns())]
        self.socket.sendall(self.client.take())


def reset(client: FixClient, port: int) -> Line:
    """A logon with 141=Y. Again while the server has not yet seen the end of the connection before: it closes a second one without an
    answer."""
    for _ in range(100):
        try:
            return Line(client, port, reset=True)
        except Closed as closed:
            assert not closed.args[1], "closed with a word"
    raise AssertionError("the session does not become free")


def parts(raw: bytes) -> tuple[bytes, bytes, bytes]:
    """(MsgType, MsgSeqNum, body): the body is everything after the header."""
    fields = raw.split(b"\x01")
    header = (b"8=", b"9=", b"35=", b"49=", b"56=", b"34=", b"52=", b"43=", b"122=")
    count = next(i for i, part in enumerate(fields) if not part.startswith(header))
    named = dict(part.split(b"=", 1) for part in fields[:count])
    return named[b"35"], named[b"34"], b"\x01".join(fields[count:-2])


def test_resend_across_kill_9_without_the_event_store(tmp_path: Path) -> None:
    client, other = (FixClient(f"CLIENT{n}", "EXOS-OE", f"client{n}", secret_of(n)) for n in (1, 2))
    with ServerProcess(tmp_path) as server:
        line, second = (Line(c, server.ready["fix_port"]) for c in (client, other))
        now = time.time_ns()
        for i in range(1, 41):
            client.new_order(now, i if i % 3 else f"text {i}", f"CUP-{'ABC'[i % 3]}", codes.BUY, i, f"0.{i:04d}", no=i % 4 == 0)
        client.send("D", [(11, "no such field"), (999, 1)], now)
        client.send("1", [(112, "alive?")], now)
        client.cancel(now, "c1", 1, "CUP-B", codes.BUY)
        client.cancel(now, "c2", "nothing", "CUP-B", codes.BUY)
        client.replace(now, "r1", 2, "CUP-C", codes.BUY, 1, "0.0002")
        line.until(lambda: len(line.reports) >= 44)
        for i in range(8):
            other.new_order(now, i + 1, f"CUP-{'ABC'[i % 3]}", codes.SELL, 7, "0.0010", tif=codes.IOC)
        second.until(lambda: len([r for r in second.reports if b"\x01150=0\x01" in r]) >= 8)
        client.mass_cancel(now, "all")
        line.until(lambda: any(b"\x0135=r\x01" in raw for raw in line.reports))
        before = {parts(raw)[1]: parts(raw) for raw in line.captured}
        next_in, next_out = client.next_in, client.next_out
        server.kill()
        for path in (server.data / "events").glob("*"):
            path.unlink()
        server.start()
        line = Line(client, server.ready["fix_port"])
        assert (client.next_in, client.next_out) == (next_in + 1, next_out + 1), "the numbers go on without a gap"
        client.send("2", [(7, 1), (16, 0)], time.time_ns())
        client.send("1", [(112, "behind")], time.time_ns())
        line.until(lambda: any(b"\x0136=%d\x01" % (next_in + 1) in raw for raw in line.captured))
    again = [parts(raw) for raw in line.captured if b"\x0143=Y\x01" in raw]
    sent_again = {seq for kind, seq, _ in again if kind != b"4"}
    assert sent_again == {seq for seq, (kind, _, _) in before.items() if kind in (b"8", b"9", b"r", b"3")}
    assert len(sent_again) > 80
    for kind, seq, body in again:
        if kind != b"4":
            assert (kind, seq, body) == before[seq]


def test_what_a_reset_would_lose_comes_with_new_numbers_also_across_kill_9(tmp_path: Path) -> None:
    """Orders rest, the client goes, they are filled; its logon with 141=Y brings the fills, and they are kept like any other message."""
    client, other = (FixClient(f"CLIENT{n}", "EXOS-OE", f"client{n}", secret_of(n)) for n in (1, 2))
    with ServerProcess(tmp_path) as server:
        line, second = (Line(c, server.ready["fix_port"]) for c in (client, other))
        for i in range(1, 201):
            client.new_order(time.time_ns(), i, f"CUP-{'ABC'[i % 3]}", codes.BUY, 1, "0.1000")
        line.until(lambda: len(line.reports) >= 200)
        line.socket.close()
        for i in range(1, 201):
            other.new_order(time.time_ns(), i, f"CUP-{'ABC'[i % 3]}", codes.SELL, 1, "0.1000", tif=codes.IOC)
        second.until(lambda: len([r for r in second.reports if b"\x01150=F\x01" in r]) >= 200)
        line = reset(client, server.ready["fix_port"])
        line.until(lambda: len(line.reports) >= 200)
        assert [parts(raw)[0] for raw in line.captured] == [b"A"] + [b"8"] * 200
        assert [int(parts(raw)[1]) for raw in line.captured] == list(range(1, 202))
        assert all(b"\x0197=Y\x01" in raw and b"\x0143=" not in raw and b"\x01150=F\x01" in raw for raw in line.reports)
        before = {parts(raw)[1]: parts(raw) for raw in line.reports}
        assert len({field(raw, 17) for raw in line.reports}) == 200
        server.kill()
        for path in (server.data / "events").glob("*"):
            path.unlink()
        server.start()
        line = Line(client, server.ready["fix_port"])
        client.send("2", [(7, 1), (16, 201)], time.time_ns())
        line.until(lambda: len([r for r in line.captured if b"\x0143=Y\x01" in r and b"\x0135=8\x01" in r]) >= 200)
        again = {parts(raw)[1]: parts(raw) for raw in line.captured if b"\x0143=Y\x01" in raw and b"\x0135=8\x01" in raw}
        assert again == before, "the same bodies under the same numbers, 97=Y included"
        line.socket.close()
        line = reset(client, server.ready["fix_port"])
        client.send("1", [(112, "all there?")], time.time_ns())
        line.until(lambda: any(b"\x01112=all there?\x01" in raw for raw in line.captured))
        assert [parts(raw)[0] for raw in line.captured] == [b"A", b"0"], "they were delivered: once is enough"


def field(raw: bytes, tag: int) -> bytes:
    return raw.split(b"\x01%d=" % tag, 1)[1].split(b"\x01", 1)[0]

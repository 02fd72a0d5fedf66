"""TLS on a port, on the loop that the server runs on: handshakes, reload, and that a link keeps its limits and its goodbye."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from exchange_server.certificates import CertificateError, make_dev_certificate
from exchange_server.net import tls as net_tls
from exchange_server.net.endpoint import PortError
from exchange_server.net.tls import Tls, TlsServer, listen_tls
from protocol import codes

from .fakes import LineConnection
from .test_turn import MS, Street, lines, until

NOW = time.time_ns


class TlsStreet(Street):
    """A pipeline with one port under TLS."""

    def __init__(self, folder: Path, **limits: Any) -> None:
        super().__init__(**limits)
        self.files = make_dev_certificate(folder, ("localhost", "127.0.0.1"), NOW())
        self.tls = Tls(self.files.cert, self.files.key, NOW)
        self.trust = ssl.create_default_context(cafile=str(self.files.ca))

    async def __aenter__(self) -> "TlsStreet":
        await super().__aenter__()
        self.server.close()
        cell = [self.pipeline]
        self.server, self.port = await listen_tls(
            self.pipeline, "lines", "127.0.0.1", 0, lambda now, link: LineConnection(now, link, self.directory, cell, self.every), self.tls
        )
        return self

    async def client(self, session: int = 0) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trust)
        self.clients.append(writer)
        if session:
            writer.write(b"logon %d\n" % session)
        return reader, writer


def on_uvloop(test: Callable[[Path], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    """The server's own loop; its TLS is not asyncio's."""

    def run(tmp_path: Path) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(tmp_path), 60))

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


@on_uvloop
async def test_orders_pass_under_tls(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        reader, writer = await street.client(1)
        for i in range(200):
            writer.write(b"%d\n" % i)
        assert await lines(reader, 200) == [b"OK %d" % i for i in range(200)]
        version = writer.get_extra_info("ssl_object").version()
        (link,) = street.pipeline.links.by_id.values()
        assert link.tls and version in ("TLSv1.2", "TLSv1.3") and link.peer.startswith("127.0.0.1:")
        assert street.tls.status()["handshakes"] == 0 and street.tls.by_address == {}


@on_uvloop
async def test_the_link_has_the_limits_of_a_plain_one(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        await street.client(1)
        await until(lambda: street.pipeline.links.by_id)
        (link,) = street.pipeline.links.by_id.values()
        sock = link.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 256 * 1024
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
@on_uvloop
async def test_plain_bytes_and_old_versions_and_strangers_get_no_further_than_the_handshake(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        reader, writer = await asyncio.open_connection("127.0.0.1", street.port)
        writer.write(b"logon 1\n5\n" * 20)
        with contextlib.suppress(ConnectionError):
            assert b"OK" not in await asyncio.wait_for(reader.read(), 5)
        writer.close()
        old = ssl.create_default_context(cafile=str(street.files.ca))
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        for context in (old, ssl.create_default_context()):
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", street.port, ssl=context)
        await until(lambda: street.tls.failed == 3 and not street.tls.handshakes)
        assert not street.pipeline.links.by_id


@on_uvloop
async def test_a_handshake_that_never_ends_is_dropped_and_one_address_cannot_take_all(folder: Path) -> None:
    async with TlsStreet(folder, logon_ns=300 * MS) as street:
        idle = [socket.create_connection(("127.0.0.1", street.port)) for _ in range(net_tls.FROM_ONE + 20)]
        await until(lambda: street.tls.turned_away == 20)
        assert street.tls.handshakes == net_tls.FROM_ONE
        await until(lambda: street.tls.handshakes == 0)
        assert street.tls.failed == net_tls.FROM_ONE
        reader, writer = await street.client(1)
        writer.write(b"7\n")
        assert await lines(reader, 1) == [b"OK 7"]
        for sock in idle:
            sock.close()


@on_uvloop
async def test_above_the_bound_sockets_wait_in_the_systems_queue(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        street.tls.handshakes = net_tls.HANDSHAKES
        waiting = asyncio.ensure_future(street.client(1))
        await asyncio.sleep(0.1)
        assert not waiting.done() and street.tls.by_address == {}
        street.tls.handshakes = 0
        reader, writer = await waiting
        writer.write(b"7\n")
        assert await lines(reader, 1) == [b"OK 7"]


@on_uvloop
async def test_a_certificate_is_reloaded_for_new_connections_and_a_bad_one_refused(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        reader, writer = await street.client(1)
        (folder / "new").mkdir()
        new = make_dev_certificate(folder / "new", ("localhost", "127.0.0.1"), NOW())
        street.files.cert.write_bytes(b"rubbish")
        with pytest.raises(CertificateError, match=f"{street.files.cert} holds no certificate"):
            street.tls.reload()
        street.files.cert.write_bytes(new.cert.read_bytes())
        with pytest.raises(CertificateError, match="do not belong together"):
            street.tls.reload()
        _, still = await street.client()
        assert still.get_extra_info("peercert"), "the old one goes on"
        street.files.key.write_bytes(new.key.read_bytes())
        street.tls.reload()
        with pytest.raises(ssl.SSLCertVerificationError):
            await street.client()
        street.trust = ssl.create_default_context(cafile=str(new.ca))
        other, second = await street.client(2)
        for one, pen in ((reader, writer), (other, second)):
            pen.write(b"7\n")
            assert await lines(one, 1) == [b"OK 7"], "the connection from before goes on"
        assert street.tls.status()["reloads"] == 1


@on_uvloop
async def test_a_goodbye_arrives_also_with_input_unread(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        reader, writer = await street.client(1)
        writer.write(b"echo hello\nquit\n" + b"echo more\n" * 5000)
        assert await asyncio.wait_for(reader.read(), 10) == b"hello\n"
        await until(lambda: not street.pipeline.links.by_id)


@on_uvloop
async def test_what_came_before_the_end_of_input_is_carried_out(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        _, writer = await street.client(1)
        writer.write(b"5\n6\n7\n")
        await writer.drain()
        writer.close()
        await until(lambda: street.pipeline.counters.rows >= 5)  # logon, three orders, logoff
        await until(lambda: not street.pipeline.links.by_id)


def read_all(sock: ssl.SSLSocket) -> bytes:
    data = b""
    sock.settimeout(10)
    with contextlib.suppress(ssl.SSLEOFError):
        while piece := sock.recv(1 << 16):
            data += piece
    return data


@on_uvloop
async def test_the_reason_reaches_a_slow_reader_that_reads_again(folder: Path) -> None:
    async with TlsStreet(folder, slow_bytes=1 << 20, slow_ns=200 * MS, read_stop_bytes=1 << 18, slow_linger_s=30.0) as street:
        loop = asyncio.get_running_loop()

        def connect() -> ssl.SSLSocket:
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            raw.connect(("127.0.0.1", street.port))
            return street.trust.wrap_socket(raw, server_hostname="127.0.0.1")

        sock = await loop.run_in_executor(None, connect)
        sock.settimeout(0.3)

        def flood() -> None:
            with contextlib.suppress(TimeoutError):
                sock.sendall(b"logon 1\n" + (b"echo " + b"x" * 4000 + b"\n") * 2000)

        await loop.run_in_executor(None, flood)
        await until(lambda: street.pipeline.counters.slow_readers == 1)
        await until(lambda: 1 not in street.directory.bound)
        data = await loop.run_in_executor(None, read_all, sock)
        last = data.rsplit(b"\n", 2)[-2:]
        assert last == [b"BYE %d" % codes.R_SLOW_READER, b""], "the goodbye, whole, at the end"
        assert len(data) < 3 << 20, "what the kernel and the transport held for it"
        sock.close()


@on_uvloop
async def test_a_slow_reader_that_never_reads_again_is_dropped(folder: Path) -> None:
    async with TlsStreet(folder, slow_bytes=1 << 20, slow_ns=100 * MS, read_stop_bytes=1 << 18, slow_linger_s=0.1, linger_s=0.1) as street:
        reader, writer = await street.client(1)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write((b"echo " + b"x" * 4000 + b"\n") * 3000)
        await until(lambda: street.pipeline.counters.slow_readers == 1)
        await until(lambda: not street.pipeline.links.by_id)


@on_uvloop
async def test_a_port_in_use_is_named_and_a_closed_one_takes_nobody(folder: Path) -> None:
    async with TlsStreet(folder) as street:
        with pytest.raises(PortError, match=f"port {street.port} on 127.0.0.1 \\(lines\\) is in use"):
            await listen_tls(street.pipeline, "lines", "127.0.0.1", street.port, None, street.tls)  # type: ignore[arg-type]
        assert isinstance(street.server, TlsServer)
        street.server.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", street.port))

"""Durability 10, short: a client that never reads is cut in time, with memory bounded, and the reason reaches it when it reads again."""

import asyncio
import socket

from protocol import codes

from .test_turn import MS, Street, lines, until


async def test_the_reason_reaches_a_slow_reader_that_reads_again() -> None:
    async with Street(slow_bytes=1 << 20, slow_ns=200 * MS, read_stop_bytes=1 << 18, slow_linger_s=30.0) as street:
        loop = asyncio.get_running_loop()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        sock.connect(("127.0.0.1", street.port))
        sock.setblocking(False)
        flood = asyncio.ensure_future(loop.sock_sendall(sock, b"logon 1\n" + (b"echo " + b"x" * 4000 + b"\n") * 2000))
        await until(lambda: street.pipeline.counters.slow_readers == 1)
        await until(lambda: 1 not in street.directory.bound)
        again, writer = await street.client(1)
        writer.write(b"5\n")
        assert await lines(again, 1) == [b"OK 5"], "its session is free at once"
        data = b""
        while piece := await asyncio.wait_for(loop.sock_recv(sock, 1 << 16), 10):
            data += piece
        last = data.rsplit(b"\n", 2)[-2:]
        assert last == [b"BYE %d" % codes.R_SLOW_READER, b""], "the goodbye, whole, at the end; and not a reset"
        assert len(data) < 2 << 20, "what the kernel and the transport held for it"
        await flood
        sock.close()


async def test_a_slow_reader_that_never_reads_again_is_dropped() -> None:
    async with Street(slow_bytes=1 << 20, slow_ns=100 * MS, read_stop_bytes=1 << 18, slow_linger_s=0.1) as street:
        _, writer = await street.client(1)
        writer.write((b"echo " + b"x" * 4000 + b"\n") * 3000)
        await until(lambda: street.pipeline.counters.slow_readers == 1)
        await until(lambda: not street.pipeline.links.by_id)


async def test_half_open_logons_do_not_touch_the_others() -> None:
    async with Street(logon_ns=400 * MS, logon_bytes=64) as street:
        reader, writer = await street.client(1)
        crowd = [await street.client() for _ in range(200)]
        for _, half in crowd[:100]:
            half.write(b"log")
        for _, hostile in crowd[100:]:
            hostile.write(bytes(range(256)) * 256)  # 64 KiB
        for i in range(50):
            writer.write(b"%d\n" % i)
            assert await lines(reader, 1) == [b"OK %d" % i]
        await until(lambda: len(street.pipeline.links.by_id) == 1)
        counters = street.pipeline.counters
        assert counters.logon_timeouts + counters.gateway_faults == 200 and street.pipeline.gate.held_bytes == 0
        writer.write(b"99\n")
        assert await lines(reader, 1) == [b"OK 99"]

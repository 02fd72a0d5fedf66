"""The row `webhooks`: how many messages a second `exos webhooks serve` posts to a receiver on this machine, and what that costs the server.

The fills are there before the process starts: it reads them from the event store and posts them as fast as the receiver takes them. The server has core 0
with the receiver, the process core 1.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from typing import Any

import msgspec

from exchange_server.cli import main as cli
from protocol import messages as M
from protocol.framing import frame

from .kernels import compiled
from .peers import BinaryPeer, count_reports
from .rig import AnswerWrong, Result
from .server import CLIENT_CORE, ROOT, BenchServer, config, processor_s
from .web_load import BOOK
from .webhook_load import Expected
from .wire_rows import checked

MESSAGES = 20_000
SESSIONS = 8  # four pairs that trade, each with a book of its own: eight accounts, so eight orders of messages
START_S = 3.0  # until the process has been told its names and read its first rows
PORTION = 50  # trades that are sent at once


def _trade(port: int, trades: int) -> int:
    """Pairs of sessions trade with each other; how many fills that made."""
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    peers = [BinaryPeer(port, f"S{n}", kernel) for n in range(1, SESSIONS + 1)]
    id = 0
    for _ in range(0, trades, PORTION * SESSIONS // 2):
        for n, peer in enumerate(peers):
            side = 2 if n % 2 == 0 else 1  # sells, then who buys
            messages = []
            for _ in range(PORTION):
                id += 1
                messages.append(frame(M.encode(M.NewOrder(id, min(peer.accounts.values()), BOOK + n // 2, side, 1, 2, 1, 0, 5_000, 1))))
            want = peer.answers + PORTION
            peer.socket.sendall(b"".join(messages))
            while peer.answers < want:
                peer.receive()
    for peer in peers:
        peer.socket.settimeout(5)
        while peer.counts[82] < peer.answers:
            peer.receive()
    if refused := sum(int(peer.counts[81]) for peer in peers):
        raise AnswerWrong(f"webhooks: {refused} orders refused")
    return sum(int(peer.counts[82]) for peer in peers)


def _add(server: BenchServer, port: int) -> None:
    """An endpoint of the venue that gets the fills; its secret is put into the file that the receiver reads."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = cli.main(
            ["webhooks", "add", "bench", f"http://127.0.0.1:{port}/", "--venue", "V", "--events", "fills", "--allow-private", "--json", "--data", str(server.data)]
        )  # fmt: skip
    if code:
        raise AnswerWrong(f"webhooks add: {said.getvalue()}")
    (server.folder / "secret").write_text(json.loads(said.getvalue())["result"]["secret"])


def rows(scale: float) -> list[Result]:
    trades = max(int(MESSAGES * scale) // 2 // (PORTION * SESSIONS // 2), 1) * PORTION * SESSIONS // 2
    toml = config(SESSIONS, "binary", accounts=SESSIONS).replace('firm = "M{n}"', 'firm = "M{n}"\nvenue = "V"')
    with BenchServer(toml, "sync") as server:
        expected = Expected(2 * trades, str(server.folder / "secret"))
        command = [sys.executable, "-m", "perf.webhook_load", msgspec.json.encode(expected).decode()]
        receiver = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert receiver.stdout is not None
            _add(server, int(receiver.stdout.readline()))
            fills = _trade(server.ready["binary_port"], trades)
            if fills != expected.messages:
                raise AnswerWrong(f"webhooks: {fills} fills, {expected.messages} were meant")
            got = _serve(server, receiver)
        finally:
            receiver.kill()
            receiver.wait(10)
        checked(server, "webhooks")
    seconds = got["seconds"]
    note = (
        f"{got['messages']:,} fills to one endpoint, {got['again']} twice, {got['keys']} orders of messages, 8 at once, a connection each; {got['checked']} signatures checked; the process used "
        f"{100 * got['cpu_s'] / got['wall_s']:.0f} % of its core and {1e6 * got['cpu_s'] / got['messages']:.0f} us a message; the server meanwhile {100 * got['server_s'] / got['wall_s']:.1f} % of a core, "
        f"{100 * got['idle_share']:.1f} % before it"
    )
    return [Result("webhooks", "webhooks posted to a local receiver", got["messages"] / seconds, "messages/s", note=note, more=got)]


def _serve(server: BenchServer, receiver: Any) -> dict[str, Any]:
    """Run the process until the receiver has everything."""
    idle, began = server.processor_s(), time.monotonic()
    time.sleep(START_S)
    share = (server.processor_s() - idle) / (time.monotonic() - began)
    log = open(server.folder / "hooks.txt", "ab")
    command = [sys.executable, "-m", "exchange_server.cli.main", "webhooks", "serve", "--data", str(server.data)]
    hooks = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
    os.sched_setaffinity(hooks.pid, {min(CLIENT_CORE, (os.cpu_count() or 1) - 1)})
    try:
        assert hooks.stdout is not None
        hooks.stdout.readline()
        used, cpu, began = server.processor_s(), processor_s(hooks.pid), time.monotonic()
        out, problem = receiver.communicate(timeout=600)
        wall = time.monotonic() - began
        if receiver.returncode:
            raise AnswerWrong(f"webhooks: {problem[-2000:]} {(server.folder / 'hooks.txt').read_text()[-1000:]}")
        got = dict(msgspec.json.decode(out.splitlines()[-1]))
        return {
            **got, "wall_s": wall, "cpu_s": processor_s(hooks.pid) - cpu, "server_s": server.processor_s() - used, "idle_share": share,
        }  # fmt: skip
    finally:
        hooks.kill()
        hooks.wait(10)
        if hooks.stdout:
            hooks.stdout.close()
        log.close()

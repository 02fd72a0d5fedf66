"""The port of `exos metrics`: its pages, several scrapes at once, peers that are slow, silent or send rubbish."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from exchange_server.watch import fields as f
from exchange_server.watch import listener as li

from .kit import Wrote


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[li.Listener]:
    monkeypatch.setattr(li, "LONGEST_S", 1.0)
    monkeypatch.setattr(li.Handler, "timeout", 0.6)
    listener = li.Listener(tmp_path, "127.0.0.1", 0)
    thread = threading.Thread(target=listener.serve)
    thread.start()
    yield listener
    listener.stop()
    thread.join(5)
    assert not thread.is_alive()


def ask(door: li.Listener, path: str, method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=5)
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


def raw(door: li.Listener, data: bytes) -> bytes:
    """What is answered to these bytes until the connection ends."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as peer:
        peer.sendall(data)
        found = b""
        try:
            while piece := peer.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found


def test_pages(door: li.Listener, tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    status, kind, text = ask(door, "/metrics")
    assert status == 200 and kind.startswith("text/plain; version=") and "exos_up 1.0" in text
    assert ask(door, "/metrics?x=1")[0] == 200
    assert ask(door, "/healthz")[::2] == (200, "the server is trading\n")
    assert ask(door, "/readyz")[::2] == (200, "new orders are accepted\n")
    assert ask(door, "/metrics", "HEAD") == (200, kind, "")
    for path in ("/", "/metric", "/metrics/", "/healthz/../metrics"):
        assert ask(door, path)[::2] == (404, "pages: /metrics, /healthz, /readyz\n"), path
    for method in ("POST", "PUT", "DELETE", "TRACE"):
        assert ask(door, "/metrics", method)[0] == 501


@pytest.mark.parametrize(
    ("words", "old_s", "health", "ready"),
    [
        ({}, 60.0, (503, "the server is not up: hangs\n"), (503, "the server is not trading: hangs\n")),
        ({"state": f.STARTING}, 0, (200, "the server is starting\n"), (503, "the server is not trading: starting\n")),
        ({"state": f.STOPPED}, 0, (503, "the server is not up: stopped\n"), (503, "the server is not trading: stopped\n")),
        ({"journal_failed": 1}, 0, (200, "the server is trading\n"), (503, "the journal has failed\n")),
        ({"refusing": 3}, 0, (200, "the server is trading\n"), (503, "new orders are refused: R_3\n")),
    ],
)
def test_health_and_readiness(
    door: li.Listener, tmp_path: Path, words: dict[str, int], old_s: float, health: tuple[int, str], ready: tuple[int, str]
) -> None:
    Wrote(tmp_path).put(**words).write(old_s=old_s)
    assert ask(door, "/healthz")[::2] == health and ask(door, "/readyz")[::2] == ready


def test_without_a_page(door: li.Listener, tmp_path: Path) -> None:
    assert ask(door, "/healthz")[0] == ask(door, "/readyz")[0] == 503
    assert "no server of this version has run there yet" in ask(door, "/readyz")[2]
    assert ask(door, "/metrics")[0] == 200 and "exos_up 0.0" in ask(door, "/metrics")[2]


def test_many_at_once(door: li.Listener, tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(door, "/metrics")[0], range(64)))
    assert answers == [200] * 64


@pytest.mark.parametrize("rubbish", [b"\x00\xff" * 2000, b"GET\r\n\r\n", b"GET /metrics HTTP/9.9\r\n\r\n", b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
                                     b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 500 + b"\r\n", b"8=FIX.4.4\x019=5\x0135=A\x0110=000\x01\r\n"])  # fmt: skip
def test_rubbish_is_answered_and_ended(door: li.Listener, tmp_path: Path, rubbish: bytes) -> None:
    Wrote(tmp_path).write()
    found = raw(door, rubbish)
    assert b"200 OK" not in found and b"Traceback" not in found
    assert ask(door, "/healthz")[0] == 200


def test_silent_and_slow_peers_are_cut(door: li.Listener, tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    began = time.monotonic()
    silent = [socket.create_connection(("127.0.0.1", door.port), timeout=5) for _ in range(5)]
    assert ask(door, "/healthz")[0] == 200, "others are answered meanwhile"
    assert all(peer.recv(10) == b"" for peer in silent) and time.monotonic() - began < 4
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as slow:  # always busy, never done
        with pytest.raises(OSError):
            while time.monotonic() - began < 5:
                slow.sendall(b"x")
                time.sleep(0.1)
    assert time.monotonic() - began < 4


def test_too_many_connections_take_nothing_for_good(door: li.Listener, tmp_path: Path) -> None:
    Wrote(tmp_path).write()
    peers = [socket.create_connection(("127.0.0.1", door.port), timeout=5) for _ in range(li.MOST + 20)]
    time.sleep(0.3)
    assert len(door._server.began) <= li.MOST
    for peer in peers:
        peer.close()
    deadline = time.monotonic() + 30
    while door._server.began and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not door._server.began, "a place that is not given back"
    assert ask(door, "/healthz")[0] == 200


def test_a_port_that_is_taken_is_named(door: li.Listener, tmp_path: Path) -> None:
    with pytest.raises(li.PortTaken, match=f"port {door.port} on 127.0.0.1 cannot be opened: Address already in use"):
        li.Listener(tmp_path, "127.0.0.1", door.port)
    with pytest.raises(li.PortTaken, match="cannot be opened"):
        li.Listener(tmp_path, "no.such.host.invalid", 0)


def test_ipv6(tmp_path: Path) -> None:
    listener = li.Listener(tmp_path, "::1", 0)
    assert listener.address == f"[::1]:{listener.port}"
    listener._server.server_close()

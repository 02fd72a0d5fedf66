"""Durability 13, short: one member at full rate; the others are neither refused nor kept waiting for it, and its own cancels go through."""

from pathlib import Path

from protocol import codes
from protocol import messages as M
from protocol.framing import frame
from tests.server_kit import SMALL, BinaryPeer, ServerProcess, order

LIMIT = 200
FLOOD = 1000


def test_a_flood_meets_its_own_throttle_and_nobody_elses_orders(tmp_path: Path) -> None:
    config = SMALL.replace("[server]", f'[server]\nsession_throttle = {LIMIT}\nsession_throttle_window = "10m"')
    with ServerProcess(tmp_path, config) as server:
        flood, other = BinaryPeer(server.ready["binary_port"], 1), BinaryPeer(server.ready["binary_port"], 2)
        flood.logged_on()
        other.logged_on()
        flood.socket.sendall(b"".join(frame(M.encode(order(id, codes.BUY, 100, 1))) for id in range(1, FLOOD + 1)))
        for id in range(1, 51):
            other.send(order(id, codes.BUY, 101, 1))
            assert other.read(M.Accepted).id == id
        taken = [flood.read(M.Accepted).id for _ in range(LIMIT)]
        refused = [flood.read(M.Rejected) for _ in range(FLOOD - LIMIT)]
        assert taken == list(range(1, LIMIT + 1)) and {r.reason for r in refused} == {codes.R_THROTTLED_SESSION}
        flood.send(M.CancelOrder(FLOOD + 1, 1))
        assert flood.read(M.Canceled).reason == codes.R_USER_CANCEL, "cancels are not throttled"
        status = server.ask("status").result
        assert status["session_throttle"] == {"default": LIMIT, "window_s": "600.000"}
        assert status["clock"]["held"] is False and status["clock"]["offset_s"].removeprefix("-").startswith("0.0")
        flood.close()
        server.kill()
        server.start()
        again, other = BinaryPeer(server.ready["binary_port"], 1), BinaryPeer(server.ready["binary_port"], 2)
        again.logged_on()
        other.logged_on()
        again.send(order(5000, codes.BUY, 100, 1))
        assert again.read(M.Rejected).reason == codes.R_THROTTLED_SESSION, "a restart does not end a window before its time"
        other.send(order(60, codes.BUY, 101, 1))
        assert other.read(M.Accepted).id == 60
        again.close()
        other.close()

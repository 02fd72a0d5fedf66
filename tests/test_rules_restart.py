"""A freeze, rules and quotas on a real server: in force at once, and still after kill -9 and after a clean stop."""

import time
from pathlib import Path

from config import admin_records as ar
from protocol import codes
from protocol import messages as M
from tests.server_kit import BinaryPeer, ServerProcess, order

RULES = (
    ar.FirmTags(firm="MM1", jurisdictions=("DE",), kyc_level=2),
    ar.AccessRule(rule="known", event="CUP", effect="allow", kyc_at_least=1),
    ar.Quota(venue="V", open_orders=1),
)


def answers(server: ServerProcess, n: int, *messages: M.ClientMessage) -> list[tuple[type, int]]:
    """What each message is answered with: type and reason."""
    peer = BinaryPeer(server.ready["binary_port"], n)
    peer.logged_on()
    out = []
    for message in messages:
        peer.send(message)
        answer = peer.next()
        while isinstance(answer, M.Heartbeat):
            answer = peer.next()
        out.append((type(answer), getattr(answer, "reason", 0)))
    peer.close()
    return out


def test_freeze_rules_and_quotas_hold_at_once_and_after_every_restart(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        for record in RULES:
            assert server.ask("admin", record).ok
        assert answers(server, 1, order(1, codes.BUY, 1000, 1), order(2, codes.BUY, 1000, 1)) == [
            (M.Accepted, 0), (M.Rejected, codes.R_QUOTA_ORDERS),
        ]  # fmt: skip
        assert answers(server, 2, order(1, codes.BUY, 1000, 1)) == [(M.Rejected, codes.R_NOT_ADMITTED)]
        began = time.monotonic()
        assert server.ask("admin", ar.Freeze(venue="V", level="nothing", reason="inspection")).ok
        assert time.monotonic() - began < 1.0
        held = [(M.Rejected, codes.R_VENUE_FROZEN), (M.CancelRejected, codes.R_VENUE_FROZEN)]
        asked = [order(3, codes.BUY, 1000, 1), M.CancelOrder(4, 1)]
        assert answers(server, 1, *asked) == held
        assert server.ask("status").result["venues"]["frozen"] == {"V": "nothing"}
        for end in (server.kill, server.stop):  # kill -9; then a clean stop, which leaves a snapshot
            end()
            server.start()
            assert answers(server, 1, *asked) == held
            assert [row["level"] for row in server.ask("risk").result["freezes"]] == ["nothing"]
        assert not server.ask("admin", ar.SetPhase(event="CUP", phase="closed")).ok
        assert server.ask("admin", ar.Freeze(venue="V", level="none")).ok
        assert answers(server, 1, order(5, codes.BUY, 1000, 1), M.CancelOrder(6, 1), order(7, codes.BUY, 1000, 1)) == [
            (M.Rejected, codes.R_QUOTA_ORDERS), (M.Canceled, codes.R_USER_CANCEL), (M.Accepted, 0),
        ]  # fmt: skip
        assert answers(server, 2, order(2, codes.BUY, 1000, 1)) == [(M.Rejected, codes.R_NOT_ADMITTED)]

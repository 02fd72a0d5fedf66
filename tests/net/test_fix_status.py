"""A running server tells a FIX session of a phase that it follows, although nobody subscribed to market data."""

from __future__ import annotations

from pathlib import Path

from config import admin_records as ar
from tests.server_kit import FixPeer, ServerProcess


def test_a_transition_is_told_without_a_subscriber_of_market_data(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        peer = FixPeer(server.ready["fix_port"])
        peer.read("A")
        peer.send("e", (324, "s1"), (55, "CUP-A"), (263, 1))
        assert peer.read("f")[58] == "open"
        assert server.ask("admin", ar.SetPhase(event="CUP", phase="paused")).ok
        assert peer.read("f")[58] == "paused"

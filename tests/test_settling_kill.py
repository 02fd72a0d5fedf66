"""kill -9 in the middle of a settlement: the next process pays the rest, and a replay of all of it ends alike."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from config import admin_records as ar
from exchange_server.core import layout as L
from exchange_server.core.layout import plain
from exchange_server.engine import Engine
from exchange_server.journal.recover import recover
from exchange_server.journal.runner import Threads
from protocol import codes
from protocol import messages as M
from tests.server_kit import SMALL, BinaryPeer, ServerProcess

CONTRACTS, ACCOUNTS = 800, 50  # 40,000 positions: forty slices
SAID: dict[str, Any] = {"rule_id": "r", "source": "s", "observed_value": "v", "observed_at_ns": 1, "evidence_sha256": "ab" * 32}


def config() -> str:
    contracts = ", ".join(f'{{ symbol = "W{i}" }}' for i in range(CONTRACTS))
    accounts = "".join(f'[[member.account]]\nname = "WIDE-{n}"\ndeposit = {{ USD = "10.00" }}\n' for n in range(ACCOUNTS))
    text = SMALL.replace("collateral_words = 65536", "collateral_words = 3000000").replace("instruments = 64", "instruments = 1024")
    text = text.replace("listings = 64", "listings = 1024").replace("accounts = 64", "accounts = 128")
    return f"""{text}
[[market]]
event = "WIDE"
product = "exactly"
winners = 1
owner_venue = "V"
asset = "USD"
payout = "1.0000"
max_qty = 10_000
max_position = 1_000_000
fees = {{ model = "quadratic" }}
phase = "open"
rules = "The winner pays 1.0000, the others nothing."
source = "the referee"
contract = [{contracts}]
band = [{{ low = "0.0001", high = "0.9999", step = "0.0001" }}]

[[member]]
firm = "WIDE"
{accounts}
[[member.session]]
name = "MM9"
wire = "binary"
key = "MM9"
secret = "a phrase of the tests, number 9"
account = "WIDE-0"
"""


def event_rows(folder: Path) -> np.ndarray:
    """All event rows, through a recovery of a stopped server's folder."""
    recovered = recover(folder, 1, lambda chunks: Engine.restore(chunks), Threads(), mode="async")
    rows = recovered.store.rows(1, recovered.store.next_number - 1).reshape(-1, L.EVT_WORDS).copy()
    recovered.store.close()
    recovered.journal.close()
    return rows


def test_a_kill_in_the_middle_of_a_settlement_goes_on_after_recovery(tmp_path: Path) -> None:
    payouts = tuple(5_000 if i < 2 else 0 for i in range(CONTRACTS))
    with ServerProcess(tmp_path, config()) as server:
        peer = BinaryPeer(server.ready["binary_port"], 9)
        accounts = sorted(id for id, _ in peer.logged_on().accounts)
        event = next(m for m in server.ask("markets").result["markets"] if m["event"] == "WIDE")
        assert event["phase"] == "open"
        for number, account in enumerate(accounts, 1):
            peer.send(M.SplitSets(number, 2, 1, account))
            assert peer.read(M.Moved).sets == 1
        assert server.ask("admin", ar.SetPhase(event="WIDE", phase="closed")).ok
        assert server.ask("admin", ar.Determine(event="WIDE", payouts=payouts, **SAID)).ok
        answer = server.ask("admin", ar.Finalise(event="WIDE"))
        killed_ns = time.time_ns()
        server.kill()
        assert answer.ok and answer.result["final"] == 0 and "is being paid" in answer.text
        server.process.stdout.close()
        server.start()
        deadline = time.monotonic() + 20
        while (now := server.ask("markets", event="WIDE").result["markets"][0])["settling"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert now["phase"] == "final" and now["final_at_ns"] > killed_ns, "the last account was paid after the kill"
        assert server.ask("check").result["failed"] == []
        assert server.stop() == 0
    rows = event_rows(server.data)
    settled = rows[plain.kind_of(rows[:, L.EVT_HEAD]) == codes.E_SETTLED]
    assert len(settled) == CONTRACTS * ACCOUNTS, "each position once"
    assert (settled[:, L.EVT_TIME] < killed_ns).any() and (settled[:, L.EVT_TIME] > killed_ns).any(), "some before the kill, some after"
    assert np.unique(settled[:, [L.EVT_INSTRUMENT, L.EVT_SESSION_ACCOUNT]], axis=0).shape[0] == len(settled)

"""Many tenants in one folder: 1,000 venues, 10,000 instruments, 100,000 accounts. What a new market costs the others, and what a start costs.

In one process, without the network: the times are of `Registry.apply` in the turn of the act, which is the pause that all others see. Run in a
process of its own (`python -m perf.scale_rows measure`), so that the memory is the engine's.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .memory_rows import resident
from .rig import Result, nothing

if TYPE_CHECKING:
    from exchange_server.engine import Engine

ROOT = Path(__file__).resolve().parent.parent
VENUES, INSTRUMENTS, ACCOUNTS = 1_000, 10_000, 100_000
CONTRACTS = 4  # of each event at the beginning


def _market(event: str, venue: str, contracts: int) -> Any:
    from config import admin_records as ar

    return ar.DefineMarket(
        event=event, product="exactly", k=1, contracts=tuple(ar.Contract(symbol=f"{event}-{i}", outcome=f"Outcome {i}") for i in range(contracts)),
        owner_venue=venue, asset="USD", payout=10_000, bands=(ar.Band(low=1, high=9_999, step=1),), max_qty=1_000, max_position=10_000,
        fees=ar.Fees(model="quadratic", taker_bps=100), rules="The winner pays.", source="the referee",
    )  # fmt: skip


def _world() -> list[Any]:
    from config import admin_records as ar

    out: list[Any] = [ar.DefineAsset(name="USD", decimals=4)]
    out += [ar.DefineVenue(name=f"V{n}") for n in range(VENUES)]
    out += [ar.DefineFirm(name=f"V{n % VENUES}.F{n}", venue=f"V{n % VENUES}") for n in range(10 * VENUES)]
    out += [ar.DefineAccount(name=f"V{n % VENUES}.A{n}", firm=f"V{n % VENUES}.F{n % (10 * VENUES)}") for n in range(ACCOUNTS)]
    for n in range(INSTRUMENTS // CONTRACTS):
        event = f"V{n % VENUES}.E{n}"
        out += [_market(event, f"V{n % VENUES}", CONTRACTS), ar.SetPhase(event=event, phase="open")]
    return out


def _ms(engine: Engine, record: Any) -> float:
    """The longest of the turns that a record takes, in ms."""
    from config import admin_records as ar

    longest = 0.0
    for body in ar.pack_all("uid:0", "r", record):
        began = time.perf_counter()
        answer = engine.registry.apply(body, engine, nothing)
        longest = max(longest, time.perf_counter() - began)
        assert answer.ok, answer.text
    return longest * 1e3


def measure() -> dict[str, float]:
    """All figures: seconds, ms, MB."""
    from config import admin_records as ar
    from exchange_server.engine import Capacities, Engine

    def whole(*records: Any) -> ar.Configuration:
        return ar.Configuration(name="scale.toml", records=records)

    engine = Engine(
        Capacities(venues=VENUES + 8, accounts=ACCOUNTS + VENUES + 64, instruments=INSTRUMENTS + 8_000, listings=2 * INSTRUMENTS + 16_000)
    )
    engine.warm()
    before, began = resident(), time.perf_counter()
    _ms(engine, whole(*_world()))
    out = {"apply_s": time.perf_counter() - began, "memory_mb": (resident() - before) / 1e6}
    gc.collect()
    gc.freeze()
    gc.disable()  # as the server does it: it collects when there is nothing else to do
    _ms(engine, _market("V1.WARM", "V1", 2))
    out["one_ms"] = statistics.median(_ms(engine, _market(f"V{n}.NEW", f"V{n}", 2)) for n in range(20))
    out["one_file_ms"] = statistics.median(
        _ms(engine, whole(_market(f"V{n}.CFG", f"V{n}", 2), ar.SetPhase(event=f"V{n}.CFG", phase="open"))) for n in range(20)
    )
    out["change_ms"] = statistics.median(_ms(engine, whole(_change(_market(f"V{n}.CFG", f"V{n}", 2), max_qty=900))) for n in range(20))
    for name, events, contracts in (("c100_ms", 1, 100), ("c700_ms", 233, 3), ("c700_large_ms", 7, 100)):
        rounds = []
        for n in range(3):
            rounds.append(_ms(engine, whole(*(_market(f"V2.{name}{n}-{i}", "V2", contracts) for i in range(events)))))
        out[name] = statistics.median(rounds)
    began = time.perf_counter()
    chunks = [bytes(chunk) for chunk in engine.snapshot()]
    out["snapshot_s"], began = time.perf_counter() - began, time.perf_counter()
    again = Engine.restore(chunks)
    out["restore_s"] = time.perf_counter() - began
    assert again.registry.to_bytes() == engine.registry.to_bytes()
    return out


def _change(record: Any, **fields: Any) -> Any:
    import msgspec

    return msgspec.structs.replace(record, **fields)


NAMES = {
    "apply_s": ("first configuration: 1,000 venues, 10,000 instruments, 100,000 accounts", "s", 0.0),
    "memory_mb": ("memory of these definitions", "MB", 0.0),
    "one_ms": ("one market listed live, the server's time", "ms", 10.0),
    "one_file_ms": ("one market by exos config apply", "ms", 10.0),
    "change_ms": ("one market changed by exos config apply", "ms", 10.0),
    "c100_ms": ("pause of a configuration of 100 contracts in 1 market", "ms", 5.0),
    "c700_ms": ("pause of a configuration of 699 contracts in 233 markets", "ms", 5.0),
    "c700_large_ms": ("pause of a configuration of 700 contracts in 7 markets", "ms", 5.0),
    "snapshot_s": ("snapshot made", "s", 0.0),
    "restore_s": ("snapshot read at a start", "s", 0.0),
}


def rows(scale: float) -> list[Result]:
    """The figures, measured in a process of their own."""
    done = subprocess.run([sys.executable, "-m", "perf.scale_rows", "measure"], cwd=ROOT, capture_output=True, check=True, text=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return [Result("scale", NAMES[key][0], value, NAMES[key][1], NAMES[key][2], False) for key, value in found.items()]


if __name__ == "__main__":
    print(json.dumps(measure()))

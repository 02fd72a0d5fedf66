"""The load of the row `tenants`: fifty sessions of one venue send ten times what their venue may, another venue's session sends one order at
a time. It measures how long the other waits with and without the flood, and that only the flood is refused.

Quiet and flooded rounds alternate in one process on the generator's core. Every command is answered. The flood is open loop: its commands
leave at their times whether the server answers or not.
"""

from __future__ import annotations

import time
from typing import Any

from .fair import ROUNDS, pair, pause, trip
from .kernels import compiled
from .load import Job, percentiles
from .peers import BinaryPeer, RunFailed, StampedPeer, count_reports
from .server import SECRET

TIMES = 10  # what the flood sends, times its venue's throttle
QUIET = "Q"  # the modest session


def config(sessions: int, throttle: int) -> str:
    """TOML: venue FLOOD with this many sessions and a throttle of this many messages a second, venue QUIET with one session."""
    lines = ["""
sandbox = true

[server]
fix_port = 0
binary_port = 0
session_throttle = 0

[[asset]]
name = "USD"
decimals = 4
"""]  # fmt: skip
    for venue, limit in (("FLOOD", f'throttle = {throttle}\nthrottle_window = "1s"\n'), ("QUIET", "")):
        lines.append(f"""
[[venue]]
name = "{venue}"
{limit}
[[market]]
event = "{venue}-E"
product = "at_most"
winners = 1
owner_venue = "{venue}"
asset = "USD"
payout = "1.0000"
max_qty = 100_000
max_position = 10_000_000
fees = {{ model = "quadratic" }}
phase = "open"
rules = "A bench."
source = "nobody"
contract = [{{ symbol = "{venue}-E-YES" }}]
band = [{{ low = "0.0001", high = "0.9999", step = "0.0001" }}]
""")
    member = (
        '[[member]]\ncount = {count}\nfirm = "{name}{{n}}"\n[[member.account]]\nname = "{name}{{n}}-1"\ndeposit = {{ USD = "1000000.00" }}\n'
        '[[member.session]]\nname = "{name}{{n}}"\nwire = "binary"\nkey = "{name}{{n}}"\nvenue = "{venue}"\naccount = "{name}{{n}}-1"\nsecret = "{secret}"\n'
    )
    lines.append(member.format(count=sessions, name="F", venue="FLOOD", secret=SECRET))
    lines.append(member.format(count=1, name=QUIET, venue="QUIET", secret=SECRET))
    return "\n".join(lines)


class Flood:
    """New orders of all sessions in turn at fixed times: most of them are refused by the venue's throttle."""

    def __init__(self, peers: list[BinaryPeer], rate: int, seconds: float, first: int) -> None:
        self.peers, count = peers, int(rate * seconds)
        each = -(-count // len(peers))
        for peer in peers:
            account = min(peer.accounts.values())
            peer.load([pair(account, 1, id)[0] for id in range(first, first + 2 * each, 2)])
        self.began, self.rate, self.count = time.perf_counter_ns(), rate, each * len(peers)
        self.next = 0  # index of the peer whose turn it is

    def pump(self) -> None:
        """Send what is due of one session, read what has come for it. One at a time: the modest session's answer must not wait for the
        generator to go through fifty sockets."""
        due = int((time.perf_counter_ns() - self.began) * self.rate / 1e9)
        n = self.next
        self.next = n + 1 if n + 1 < len(self.peers) else 0
        peer = self.peers[n]
        turns, more = divmod(min(due, self.count), len(self.peers))
        upto = turns + (n < more)
        if upto > peer.sent or peer.position < peer.ends[upto]:
            peer.send(upto)
        peer.receive()

    @property
    def over(self) -> bool:
        return all(peer.sent == peer.total for peer in self.peers)

    @property
    def waiting(self) -> int:
        return sum(peer.waiting for peer in self.peers)


def tenants(job: Job) -> dict[str, Any]:
    """sessions: of the flood; rate: its venue's throttle, a second."""
    kernel = compiled(count_reports, "i8(u1[::1], i8, i8[::1])")
    peers = [BinaryPeer(job.binary_port, f"F{n}", kernel) for n in range(1, job.sessions + 1)]
    modest = StampedPeer(job.binary_port, f"{QUIET}1", kernel)
    for peer in (*peers, modest):
        peer.socket.setblocking(False)
    waits: dict[str, list[float]] = {"quiet": [], "flood": []}
    first = id = 1
    sent = 0
    for _ in range(ROUNDS):
        id = _one_by_one(modest, id, None, waits["quiet"], job.seconds)
        flood = Flood(peers, TIMES * job.rate, job.seconds, first)
        first += 2 * flood.count
        id = _one_by_one(modest, id, flood, waits["flood"], job.seconds)
        _finish(flood)
        sent += flood.count
    refused = int(modest.counts[81] + modest.counts[85])
    flooded = sum(int(peer.counts[81]) for peer in peers)
    if refused:
        raise RunFailed(f"{refused} commands of the other venue refused")
    if not flooded:
        raise RunFailed("no command of the flood was refused: its venue was within its throttle")
    return {name: percentiles(found) | {"count": len(found)} for name, found in waits.items()} | {"sent": sent, "flooded": flooded}


def _one_by_one(modest: StampedPeer, id: int, flood: Flood | None, waits: list[float], seconds: float) -> int:
    """Orders and cancels of the modest session for so many seconds; returns its next id."""
    account = min(modest.accounts.values())
    pump = _nothing if flood is None else flood.pump
    stop = time.perf_counter_ns() + int(seconds * 1e9)
    while time.perf_counter_ns() < stop:
        for message in pair(account, 2, id):
            us, now = trip(modest, message, pump)
            waits.append(us)
            pause(now, pump)
        id += 2
    return id


def _nothing() -> None:
    """There is no flood to continue."""


def _finish(flood: Flood) -> None:
    stop = time.perf_counter_ns() + 20_000_000_000
    while not flood.over or flood.waiting:
        flood.pump()
        if time.perf_counter_ns() > stop:
            raise RunFailed(f"{flood.waiting} commands of the flood were not answered")

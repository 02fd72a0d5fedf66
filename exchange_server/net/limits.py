"""How much anybody may make the server keep, and for how long."""

import resource

import msgspec

MILLION = 1_000_000


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the pipeline; bytes and ns."""

    inbox_rows: int = 8192
    logon_ns: int = 5_000 * MILLION
    logon_bytes: int = 4096
    read_stop_bytes: int = 1 << 20
    slow_bytes: int = 4 << 20
    slow_ns: int = 5_000 * MILLION
    linger_s: float = 1.0
    slow_linger_s: float = 5.0  # its session is free at once; its socket waits so long for the peer to read the reason
    held_bytes: int = 64 << 20  # over this, sockets are not read
    held_ns: int = 1_000 * MILLION
    shed_after_ns: int = 250 * MILLION  # not read for this long: read, but refuse new orders
    disk_reserve_bytes: int = 1 << 30
    disk_check_ns: int = 500 * MILLION
    frozen_ns: int = 1_000 * MILLION  # a timer that fires later than this: the process stood still, and its peers are not to blame
    thaw_ns: int = 250 * MILLION  # so long peers' bytes are read before they are judged
    modest_rows: int = 32  # rows of one turn up to which a session is modest: its answers must not wait for a flood
    greedy_share: int = 48  # messages of a turn for each of the others while a modest session is there; more when few of them are greedy
    fair_ns: int = 1_000 * MILLION  # how long one is called greedy, or the turn kept short for a modest one
    connections: int = 10_000
    inline_rows: int = 128  # a turn of at most so many rows is short: the loop itself may write it (gate.py)
    farewell_s: float = 2.0  # how long a clean stop waits for the peers' goodbyes


OWN_FILES = 256  # descriptors that the server itself may need: journal, event store, snapshots, the operator's socket


def connections_that_fit(wanted: int) -> int:
    """Have the system allow so many connections; how many it does allow. A limit that is met only at `accept` would leave every peer waiting."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = wanted + OWN_FILES
    if hard != resource.RLIM_INFINITY:
        need = min(need, hard)
    if soft != resource.RLIM_INFINITY and soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    return max(1, min(wanted, need - OWN_FILES))

"""Limits on what peers can make the server hold, and for how long."""

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
    slow_linger_s: float = 5.0  # its session is free at once; its socket stays open this long so that the peer can read the reason
    held_bytes: int = 64 << 20  # above this, sockets are not read
    held_ns: int = 1_000 * MILLION
    shed_after_ns: int = 250 * MILLION  # after not reading for this long: read again, but refuse new orders
    disk_reserve_bytes: int = 1 << 30
    disk_check_ns: int = 500 * MILLION
    frozen_ns: int = 1_000 * MILLION  # a timer that fires this late means the process stood still; peers are not timed out for it
    thaw_ns: int = 250 * MILLION  # after that, peers' bytes are read for this long before timeouts are checked
    modest_rows: int = 32  # a session with at most this many rows per turn is modest: its answers must not wait for a flood
    greedy_share: int = 48  # messages per turn for each other session while a modest one is active; more if few of them are greedy
    short_links: int = 4  # sessions in a turn that is kept short for a modest one
    fair_ns: int = 1_000 * MILLION  # how long a session counts as greedy, and turns are kept short for a modest one
    connections: int = 10_000
    inline_rows: int = 128  # a turn of at most this many rows is short: the loop itself may write it (gate.py)
    farewell_s: float = 2.0  # how long a clean stop waits for the peers to log out


OWN_FILES = 256  # descriptors that the server itself may need: journal, event store, snapshots, the operator's socket


def connections_that_fit(wanted: int) -> int:
    """Raise the system's limit on open files for this many connections; returns how many it allows. Reaching the limit only at `accept`
    would stall every peer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = wanted + OWN_FILES
    if hard != resource.RLIM_INFINITY:
        need = min(need, hard)
    if soft != resource.RLIM_INFINITY and soft < need:
        resource.setrlimit(resource.RLIMIT_NOFILE, (need, hard))
    return max(1, min(wanted, need - OWN_FILES))

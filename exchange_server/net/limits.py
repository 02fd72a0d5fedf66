"""How much anybody may make the server keep, and for how long."""

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
    held_bytes: int = 64 << 20  # over this, sockets are not read
    held_ns: int = 1_000 * MILLION
    shed_after_ns: int = 250 * MILLION  # not read for this long: read, but refuse new orders
    disk_reserve_bytes: int = 1 << 30
    disk_check_ns: int = 500 * MILLION
    frozen_ns: int = 1_000 * MILLION  # a timer that fires later than this: the process stood still, and its peers are not to blame
    thaw_ns: int = 250 * MILLION  # so long peers' bytes are read before they are judged
    connections: int = 10_000
    inline_rows: int = 64  # a turn of at most so many rows, with nothing else on the way, is committed by the loop itself
    farewell_s: float = 2.0  # how long a clean stop waits for the peers' goodbyes

"""The bounds fit each other, and the operator's page tells the ones that are in force."""

from pathlib import Path

from exchange_server.gateway.binary.connection import BACKLOG_BYTES, MESSAGES_PER_TURN
from exchange_server.gateway.connection import MARGIN_WORDS, Connection, TurnInput
from exchange_server.gateway.fix.connection import RESEND_BACKLOG
from exchange_server.journal.store import RING_BYTES
from exchange_server.net.limits import MILLION, Limits

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "operations.md"


def test_relations() -> None:
    limits = Limits()
    assert limits.logon_bytes <= Connection.FIRST_BUFFER, "a peer is cut before its buffer is full"
    assert max(BACKLOG_BYTES, RESEND_BACKLOG) < limits.read_stop_bytes < limits.slow_bytes, "our own long answers never make a peer slow"
    assert limits.slow_bytes < limits.held_bytes
    assert MESSAGES_PER_TURN <= limits.inbox_rows
    turn = TurnInput(limits.inbox_rows)
    assert turn.inbox.size - turn.limit >= 2 * MARGIN_WORDS
    assert turn.inbox.nbytes * 4 <= RING_BYTES, "some turns fit into the journal's ring while one is written"


def test_the_page_tells_these_numbers() -> None:
    limits, page = Limits(), PAGE.read_text(encoding="utf-8")
    for text in (
        f"{limits.logon_ns // (1000 * MILLION)} s or {limits.logon_bytes // 1024} kB",
        f"{limits.read_stop_bytes >> 20} MiB of output is waiting",
        f"{limits.slow_bytes >> 20} MiB or after {limits.slow_ns // (1000 * MILLION)} s",
        f"{limits.inbox_rows:,} rows a turn",
        f"{limits.held_bytes >> 20} MiB or {limits.held_ns // (1000 * MILLION)} s of output",
        f"fter {limits.shed_after_ns // MILLION} ms",
        f"{limits.disk_reserve_bytes >> 30} GiB free",
        f"{limits.connections:,}",
        f"peers have {limits.farewell_s:g} s",
    ):
        assert text in page, text

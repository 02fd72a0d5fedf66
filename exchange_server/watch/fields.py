"""The one table of what is counted. The page, `exos top`, `exos metrics`, docs/watching.md, the dashboard and the alert rules follow from it.

Words are int64. `unit` is that of the word: "ns" is told to people and to Prometheus in seconds, "bytes" and "" as they are. A field with a
label has a word for each value of it; a histogram has a word for each bucket and one for the sum of its values. The page carries this table
(page.py), so that a reader needs no other version of the program than its own.
"""

from typing import NamedTuple

COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
PREFIX = "exos_"

# Values of the field `state`.
STARTING, TRADING, STOPPING, STOPPED, FAILED = 1, 2, 3, 4, 5
STATES = {STARTING: "starting", TRADING: "trading", STOPPING: "stopping", STOPPED: "stopped", FAILED: "failed"}

TABLES_MOST, VENUES_MOST, REASONS_MOST = 48, 64, 512
SESSION_KINDS = ("fix", "binary")
LATENCY_BUCKETS, BATCH_BUCKETS, SYNC_BUCKETS = 280, 32, 144  # the last one of each holds everything above


class Field(NamedTuple):
    """label: its values have a word each, `most` at most. most: buckets of a histogram. ever: a counter that goes on after a restart."""

    name: str
    kind: str
    unit: str
    help: str
    label: str = ""
    most: int = 1
    ever: bool = False

    @property
    def words(self) -> int:
        return self.most + (self.kind == HISTOGRAM)

    @property
    def metric(self) -> str:
        """Its name for Prometheus, as in rules and dashboards."""
        return metric_name(self.name, self.kind, self.unit)


def metric_name(name: str, kind: str, unit: str) -> str:
    """("turns", COUNTER, "") -> "exos_turns_total"."""
    full = PREFIX + name
    suffix = {"ns": "_seconds", "bytes": "_bytes"}.get(unit, "")
    if not full.endswith(suffix):
        full += suffix
    return full + ("_total" if kind == COUNTER else "")


# What the server writes. Counters begin with the process, but for those of all time (ever).
FIELDS = (
    Field("state", GAUGE, "", "1 starting (recovery included), 2 trading, 3 stopping, 4 stopped, 5 failed"),
    Field("exit_code", GAUGE, "", "Exit code of a server that has stopped or failed, else 0"),
    Field("recovery_rows", GAUGE, "", "Journal rows replayed so far by this start"),
    Field("recovery_rows_expected", GAUGE, "", "Journal rows that this start has to replay"),
    Field("start_time", GAUGE, "ns", "When the process started, as seconds since 1970"),
    Field("epoch", GAUGE, "", "Epoch of the journal: it grows with each start"),
    Field("refusing", GAUGE, "", "Reason with which all new orders are refused at present (docs/errors.md), 0: they are accepted"),
    Field("loop_cpu", COUNTER, "ns", "Processor time of the server's loop, which matches orders"),
    Field("process_cpu", COUNTER, "ns", "Processor time of the server's process, all threads"),
    Field("loop_late", GAUGE, "ns", "How late the loop came to its last round of housekeeping"),
    # orders
    Field("commands", COUNTER, "", "Commands that the core has carried out or refused, ever", ever=True),
    Field("orders", COUNTER, "", "Orders that were accepted, ever", ever=True),
    Field("trades", COUNTER, "", "Trades, ever", ever=True),
    Field("events", COUNTER, "", "Event rows (reports and their extra rows), ever", ever=True),
    Field("refusals", COUNTER, "", "Requests that the core refused, ever", ever=True),
    Field("refused", COUNTER, "", "Requests that the core refused since the start, by reason of docs/errors.md", "reason", REASONS_MOST),
    Field("open_orders", GAUGE, "", "Orders that are open"),
    # turns
    Field("turns", COUNTER, "", "Turns made"),
    Field("turns_inline", COUNTER, "", "Turns that the loop wrote to the journal itself"),
    Field("turn_rows", HISTOGRAM, "", "Command rows in a turn, its time row included: the size of a batch", most=BATCH_BUCKETS),
    Field("order_to_report", HISTOGRAM, "ns", "From the turn that takes an order to its report leaving, durable", most=LATENCY_BUCKETS),
    Field("output", COUNTER, "bytes", "Output given to the sockets"),
    Field("messages_out", COUNTER, "", "Reports encoded, by wire", "wire", len(SESSION_KINDS)),
    Field("held", GAUGE, "bytes", "Output that waits for the disk"),
    Field("held_turns", GAUGE, "", "Turns whose output waits for the disk"),
    Field("held_age", GAUGE, "ns", "Age of the oldest output that waits for the disk"),
    Field("held_most", GAUGE, "bytes", "Most output that ever waited for the disk since the start"),
    Field("choked_turns", COUNTER, "", "Turns in which no socket was read, because the disk did not keep up"),
    Field("shed_turns", COUNTER, "", "Turns that refused new orders as overloaded"),
    Field("disk_reserve_turns", COUNTER, "", "Turns that refused new orders because the disk is nearly full"),
    # journal
    Field("journal_rows", COUNTER, "", "Rows appended to the journal, ever", ever=True),
    Field("journal_durable_rows", COUNTER, "", "Rows that may be answered, ever: on the disk, or in async mode written", ever=True),
    Field("journal", COUNTER, "bytes", "Written to the journal since the start"),
    Field("journal_frames", COUNTER, "", "Writes to the journal"),
    Field("journal_segment", GAUGE, "", "Number of the segment that is being written"),
    Field("journal_backlog", GAUGE, "bytes", "Appended, not yet written"),
    Field("journal_ring", GAUGE, "bytes", "Room for what is not yet written"),
    Field("journal_failed", GAUGE, "", "1: a write or sync has failed, nothing more leaves the server"),
    Field("journal_sync", HISTOGRAM, "ns", "Time that a sync of the journal took", most=SYNC_BUCKETS),
    # event store and snapshots
    Field(
        "event_store_lag_rows",
        GAUGE,
        "",
        "Event rows in memory that are not yet in a file; up to a chunk of 4,096 is usual, some chunks under load",
    ),
    Field("event_store_paused", GAUGE, "", "1: past reports are not being kept (the disk is full); they are rebuilt later"),
    Field("event_store_missing_rows", GAUGE, "", "Event rows that are still to be rebuilt from the journal"),
    Field("event_store_lost_rows", GAUGE, "", "Event rows that cannot be rebuilt"),
    Field("marks", COUNTER, "", "Digests of the state that were written for the follower and for recovery"),
    Field("follower_on", GAUGE, "", "1: the server runs a follower"),
    Field("follower_starts", COUNTER, "", "How often the server has started its follower"),
    # sessions and peers
    Field("connections", GAUGE, "", "Open connections, of operators too"),
    Field("sessions", GAUGE, "", "Sessions that are logged on, by wire", "wire", len(SESSION_KINDS)),
    Field("market_data_subscribers", GAUGE, "", "Connections that take market data"),
    Field("market_data_updates", COUNTER, "", "Updates of books that were encoded"),
    Field("connections_made", COUNTER, "", "Connections accepted"),
    Field("connections_refused", COUNTER, "", "Connections closed at once, because there were too many"),
    Field("logon_timeouts", COUNTER, "", "Connections closed because nobody logged on in time"),
    Field("logons_refused", COUNTER, "", "Logons refused for any reason"),
    Field("credentials_refused", COUNTER, "", "Logons refused because of wrong credentials"),
    Field("logons_delayed", COUNTER, "", "Logons that had to wait because of failures from their address"),
    Field("cut", COUNTER, "", "Connections that the server cut, for any reason"),
    Field("slow_readers", COUNTER, "", "Connections cut because they did not read"),
    Field("gateway_faults", COUNTER, "", "Faults of the program in the code of one connection, which was dropped"),
    Field("freezes", COUNTER, "", "How often the process stood still for more than a second"),
    Field("log_lines_dropped", COUNTER, "", "Log lines that were counted but not written"),
    Field("tls_certificate_until", GAUGE, "ns", "When the certificate ends, as seconds since 1970; 0: no port uses TLS"),
    # venues
    Field("venue_open_orders", GAUGE, "", "Open orders of a venue; of the first 64 venues", "venue", VENUES_MOST),
    Field("venue_frozen", GAUGE, "", "How far a venue is frozen: 0 not at all (docs/access-rules.md)", "venue", VENUES_MOST),
    # tables, disk, clock
    Field("table_rows", GAUGE, "", "Rows in use in a table of the core", "table", TABLES_MOST),
    Field("table_capacity_rows", GAUGE, "", "Rows that a table of the core has", "table", TABLES_MOST),
    Field("disk_free", GAUGE, "bytes", "Free space for the data folder"),
    Field("disk_reserve", GAUGE, "bytes", "Free space below which new orders are refused"),
    Field(
        "disk_left",
        GAUGE,
        "ns",
        "How long the disk lasts at the rate of the last hours, in whole hours; below 0: it does not fill, or is not known yet",
    ),
    Field("clock_jump", GAUGE, "ns", "How far the time of day has jumped ahead of the accepted time; 0: it is accepted"),
    Field("clock_offset", GAUGE, "ns", "Exchange time less time of day"),
    Field("clock_jumps", COUNTER, "", "Jumps of the time of day since the start"),
    Field("clock_steps_back", COUNTER, "", "How often the time of day was set back since the start"),
)

# What a reader adds: it knows how old the page is, and reads the follower's own file.
READER_FIELDS = (
    Field("up", GAUGE, "", "1: the server's process runs and has written its page lately"),
    Field("ready", GAUGE, "", "1: the server accepts new orders"),
    Field("page_age", GAUGE, "ns", "How long ago the server's loop wrote its page; more than a few seconds: it hangs"),
    Field("resident", GAUGE, "bytes", "Memory of the server's process"),
    Field("follower_up", GAUGE, "", "1: a follower of this folder runs and reports"),
    Field("follower_differs", GAUGE, "", "1: the follower got something else from the same rows than the server"),
    Field("follower_lag_rows", GAUGE, "", "Durable rows that the follower has not applied yet"),
    Field("follower_lag", GAUGE, "ns", "How far the follower is behind"),
    Field("follower_snapshots", COUNTER, "", "Snapshots that this follower has made"),
    Field("follower_snapshot_rows", GAUGE, "", "Journal rows that the newest snapshot covers; 0: none was made yet"),
    Field("follower_snapshot_failed", GAUGE, "", "1: the last attempt at a snapshot failed"),
    Field("archive_on", GAUGE, "", "1: the follower keeps an archive of the journal"),
    Field("archive_segment", GAUGE, "", "Number of the newest segment in the archive"),
    Field("archive_failed", GAUGE, "", "1: the archive cannot be used as it is, so nothing is removed from the disk"),
    Field("segments_recycled", COUNTER, "", "Segments of the journal that this follower has removed, archived and covered by snapshots"),
)
BY_NAME = {field.name: field for field in (*FIELDS, *READER_FIELDS)}

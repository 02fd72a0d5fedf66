"""The alert rules: one table, from which config/deploy/exos-alerts.yml is written. docs/runbook.md has a section for each."""

from typing import NamedTuple

CRITICAL, WARNING = "critical", "warning"  # wake somebody; look at it in working hours


class Alert(NamedTuple):
    """expr: PromQL. wait: how long it must hold. summary: one sentence for whoever is woken."""

    name: str
    severity: str
    wait: str
    expr: str
    summary: str


ALERTS = (
    Alert("ExosNoMetrics", CRITICAL, "2m", 'up{job="exos"} == 0', "exos metrics does not answer, so nothing is known of the exchange"),
    Alert("ExosDown", CRITICAL, "30s", "exos_up == 0", "The server is not running, or its loop does not turn"),
    Alert("ExosHangs", CRITICAL, "15s", "exos_page_age_seconds > 10 and exos_state == 2 and exos_resident_bytes > 0", "The server's loop has not turned for more than ten seconds"),
    Alert("ExosNotReady", CRITICAL, "1m", "exos_ready == 0 and exos_up == 1 and exos_state == 2", "The server runs but refuses new orders"),
    Alert("ExosStartsSlowly", WARNING, "15m", "exos_state == 1", "The start has taken more than a quarter of an hour"),
    Alert("ExosRestarted", WARNING, "0s", "changes(exos_start_time_seconds[15m]) > 1", "The server was started more than once within a quarter of an hour"),
    Alert("ExosJournalFailed", CRITICAL, "0s", "exos_journal_failed == 1", "A write or sync of the journal failed: nothing more leaves the server"),
    Alert(
        "ExosReportsSlow", WARNING, "5m", "histogram_quantile(0.99, rate(exos_order_to_report_seconds_bucket[5m])) > 0.05",
        "One report in a hundred takes more than 50 ms",
    ),
    Alert(
        "ExosSyncSlow", WARNING, "5m", "histogram_quantile(0.99, rate(exos_journal_sync_seconds_bucket[5m])) > 0.05",
        "One sync of the journal in a hundred takes more than 50 ms",
    ),
    Alert("ExosOutputHeld", WARNING, "30s", "exos_held_age_seconds > 0.5", "Reports wait for the disk"),
    Alert("ExosOverload", CRITICAL, "1m", "rate(exos_shed_turns_total[1m]) > 0", "New orders are refused because the disk does not keep up"),
    Alert("ExosLoopBusy", WARNING, "10m", "rate(exos_loop_cpu_seconds_total[5m]) > 0.9", "The loop uses its whole core (usual with --spin)"),
    Alert("ExosDiskReserve", CRITICAL, "0s", "exos_disk_free_bytes < exos_disk_reserve_bytes", "The disk is nearly full: new orders are refused"),
    Alert("ExosDiskFills", WARNING, "15m", "exos_disk_left_seconds >= 0 and exos_disk_left_seconds < 86400", "The disk lasts less than a day"),
    Alert("ExosDiskFillsSoon", CRITICAL, "5m", "exos_disk_left_seconds >= 0 and exos_disk_left_seconds < 7200", "The disk lasts less than two hours"),
    Alert("ExosFollowerDown", WARNING, "10m", "exos_follower_up == 0 and exos_follower_on == 1 and exos_up == 1", "The follower does not run: no snapshots are made"),
    Alert("ExosFollowerLag", WARNING, "10m", "exos_follower_lag_seconds > 60", "The follower is more than a minute behind"),
    Alert("ExosFollowerDiffers", CRITICAL, "0s", "exos_follower_differs == 1", "The follower got something else from the same rows than the server"),
    Alert("ExosSnapshotFailed", WARNING, "15m", "exos_follower_snapshot_failed == 1", "Snapshots cannot be made"),
    Alert("ExosArchiveFailed", WARNING, "15m", "exos_archive_failed == 1", "The archive of the journal cannot be used: the disk does not level off"),
    Alert("ExosEventStorePaused", WARNING, "5m", "exos_event_store_paused == 1", "Past reports are not being kept"),
    Alert("ExosEventsLost", CRITICAL, "0s", "exos_event_store_lost_rows > 0", "Past reports are lost: clients cannot be sent them again"),
    Alert(
        "ExosTableFills", WARNING, "10m",
        'exos_table_rows{table!~"archive|used_blocks|used_hash|id_hash|texts"} > 0.8 * exos_table_capacity_rows',
        "A table of the core is more than 80 % full",
    ),
    Alert(
        "ExosTableFull", CRITICAL, "1m",
        'exos_table_rows{table!~"archive|used_blocks|used_hash|id_hash|texts"} > 0.95 * exos_table_capacity_rows',
        "A table of the core is nearly full: what needs a row in it will be refused",
    ),
    Alert("ExosClockJump", CRITICAL, "0s", "exos_clock_jump_seconds != 0", "The machine's time of day has jumped: new orders are refused until somebody has looked"),
    Alert("ExosStoodStill", WARNING, "0s", "increase(exos_freezes_total[15m]) > 0", "The process stood still for more than a second"),
    Alert("ExosGatewayFault", WARNING, "0s", "increase(exos_gateway_faults_total[15m]) > 0", "A fault of the program dropped a connection"),
    Alert("ExosSlowReaders", WARNING, "5m", "increase(exos_slow_readers_total[15m]) > 3", "Peers are cut because they do not read their reports"),
    Alert("ExosWrongCredentials", WARNING, "5m", "increase(exos_credentials_refused_total[15m]) > 50", "Many logons with wrong credentials: somebody may be guessing"),
    Alert("ExosConnectionsRefused", WARNING, "0s", "increase(exos_connections_refused_total[5m]) > 0", "The server has as many connections as it can have"),
    Alert("ExosManyRefusals", WARNING, "10m", "rate(exos_refusals_total[10m]) > 0.2 * rate(exos_commands_total[10m])", "More than a fifth of all requests are refused"),
    Alert("ExosLogDropped", WARNING, "0s", "increase(exos_log_lines_dropped_total[15m]) > 0", "Log lines were left out"),
    Alert(
        "ExosCertificateEnds", WARNING, "1h", "exos_tls_certificate_until_seconds > 0 and exos_tls_certificate_until_seconds - time() < 14 * 86400",
        "The server's certificate ends within two weeks",
    ),
)  # fmt: skip

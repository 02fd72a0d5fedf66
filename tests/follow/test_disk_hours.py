"""How long the disk lasts: growth over the time that was measured."""

from exchange_server.follow.disk_hours import MEASURED_S, DiskHours, Lasts

GB = 10**9


def test_nothing_is_said_before_a_minute() -> None:
    disk = DiskHours()
    assert disk.look(0.0, 0, 0, GB) == disk.look(59.0, GB, 0, GB) == Lasts()
    assert disk.look(60.0, GB, 0, 120 * GB) == Lasts(60 * GB, 0, 60, 2)


def test_what_is_removed_counts_and_the_use_levels_off() -> None:
    disk = DiskHours()
    disk.look(0.0, 5 * GB, 7 * GB, 0)
    assert disk.look(3600.0, 6 * GB, 7 * GB + GB // 2, 10 * GB) == Lasts(GB, GB // 2, 3600, 20)
    assert disk.look(7200.0, 7 * GB, 8 * GB + GB * 9 // 10, 10 * GB) == Lasts(GB, GB * 95 // 100, 7200, -1, True)


def test_nothing_is_written() -> None:
    disk = DiskHours()
    disk.look(0.0, GB, 0, GB)
    assert disk.look(100.0, GB, 0, GB) == Lasts(0, 0, 100, -1, False)


def test_only_the_last_hours_count() -> None:
    disk = DiskHours()
    for minute in range(1000):
        found = disk.look(60.0 * minute, GB * min(minute, 500), 0, GB)
    assert found.measured_s == MEASURED_S and found.written_hour == 0

"""How long the disk lasts."""

from exchange_server.watch.outlook import DOES_NOT_FILL, Outlook

S = 10**9
GB = 10**9


def test_a_disk_that_fills_evenly() -> None:
    outlook = Outlook(reserve=1 * GB)
    assert outlook.left == DOES_NOT_FILL
    for second in range(0, 601, 10):
        outlook.note(second * S, 101 * GB - second * 10**7)
    assert outlook.left == (94 * GB * 600 * S) // (6 * GB), "94 GB at 10 MB/s: 9,400 s"


def test_too_early_to_say() -> None:
    outlook = Outlook(0)
    outlook.note(0, 100)
    outlook.note(31 * S, 50)
    assert outlook.left == DOES_NOT_FILL


def test_one_that_does_not_fill() -> None:
    outlook = Outlook(0)
    for minute in range(10):
        outlook.note(minute * 60 * S, 100 + minute)
    assert outlook.left == DOES_NOT_FILL


def test_only_the_last_hour_counts() -> None:
    outlook = Outlook(0)
    free = 1000 * GB
    for minute in range(240):
        free -= 10 * GB // 10 if minute < 120 else 0
        outlook.note(minute * 60 * S, free)
    assert outlook.left == DOES_NOT_FILL


def test_below_the_reserve_nothing_is_left() -> None:
    outlook = Outlook(reserve=100)
    outlook.note(0, 200)
    outlook.note(120 * S, 50)
    assert outlook.left == 0

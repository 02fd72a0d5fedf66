"""The clock never falls."""

from exchange_server.net.clock import Clock


def test_time_is_what_the_system_says_as_long_as_it_does_not_fall() -> None:
    readings = iter([100, 100, 250, 200, 249, 250, 251])
    clock = Clock(0, lambda: next(readings))
    assert [clock.now_ns() for _ in range(4)] == [100, 100, 250, 250]
    assert (clock.clamped, clock.behind_ns) == (1, 50)
    assert [clock.now_ns() for _ in range(3)] == [250, 250, 251]
    assert (clock.clamped, clock.behind_ns) == (2, 0)


def test_it_goes_on_from_the_journals_last_time() -> None:
    clock = Clock(1_000, lambda: 400)
    assert clock.now_ns() == 1_000 and clock.behind_ns == 600

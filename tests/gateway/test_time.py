"""Heartbeats of both wires go by the steady clock; SendingTime is compared with the machine's time of day, not with exchange time."""

from pathlib import Path

import pytest

from protocol import binary_session as B
from protocol import codes
from protocol import messages as M
from tests.gateway.binary.world import SECOND
from tests.gateway.binary.world import World as BinaryWorld
from tests.gateway.fix.street import Street

HOUR = 3600 * SECOND


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


@pytest.mark.parametrize("step", [-HOUR, 24 * HOUR])
def test_binary_heartbeats_after_a_step(tmp_path: Path, step: int) -> None:
    world = BinaryWorld(tmp_path)
    end = world.logged_on(heartbeat_ms=2000)
    world.step_ns = step
    for _ in range(80):
        world.now += SECOND // 4
        end.session.tick(world.now)
        world.turn()
    assert end.take() == [] and end.outlet.closed is None
    assert 7 <= len([m for m in end.messages if isinstance(m, M.Heartbeat)]) <= 11
    silent_since = world.now
    while end.outlet.closed is None and world.now < silent_since + 10 * SECOND:
        world.now = max(world.now, end.connection.next_due)
        world.turn()
    assert [h.reason for h in end.take(B.Ended)] == [codes.R_HEARTBEAT_LOST]
    assert 4.6 * SECOND < world.now - silent_since < 5.4 * SECOND


@pytest.mark.parametrize("step", [-HOUR, 24 * HOUR])
def test_fix_heartbeats_and_test_requests_after_a_step(street: Street, step: int) -> None:
    end = street.up()
    end.take()
    street.step_ns = step
    end.plain = True  # the peer is silent from now on
    seen = []
    for _ in range(100):
        street.wait(SECOND)
        seen += end.types()
        if end.outlet.closed is not None:
            break
    assert seen == ["0", "1", "0", "5"] and end.outlet.closed is not None and end.outlet.closed[0] == codes.R_HEARTBEAT_LOST


def test_sending_time_is_judged_by_the_time_of_day_though_exchange_time_is_a_day_ahead(street: Street) -> None:
    street.ahead_ns = 24 * HOUR
    end = street.fix_end(1, plain=True)
    end.logon_raw()
    street.turn(2)
    assert end.types() == ["A"]
    end.order_raw(2, "7")
    street.turn()
    assert end.types() == ["8"] and end.connection.slow == 0, "the kernel takes it too"
    end.order_raw(3, "8", time_ns=street.now + 24 * HOUR)
    street.turn()
    reject, bye = end.take()
    assert (reject.msg_type, reject.text(373), bye.msg_type) == ("3", "10", "5") and "ahead of the server's clock" in reject.text(58)


def test_a_logon_that_goes_by_exchange_time_is_refused(street: Street) -> None:
    street.ahead_ns = 24 * HOUR
    end = street.fix_end(1, plain=True)
    end.logon_raw(time_ns=street.now + 24 * HOUR)
    street.turn(2)
    (bye,) = end.take()
    assert bye.msg_type == "5" and "ms ahead of the server" in bye.text(58)


def test_orders_and_mass_cancel_in_a_held_turn(street: Street) -> None:
    """R_CLOCK_JUMP as a client sees it: by name, safe to resend, cancels still accepted."""
    end = street.up()
    end.client.new_order(street.now, 1, "WC26-WIN-ESP", 1, 10, "0.0500")
    street.turn(2)
    end.take()
    begin = street.begin

    def held() -> None:
        begin()
        street.input.inbox[3] = codes.R_CLOCK_JUMP

    street.begin = held  # type: ignore[method-assign]
    end.client.new_order(street.now, 2, "WC26-WIN-ESP", 1, 10, "0.0500")
    street.turn(2)
    (report,) = end.take()
    assert report.text(150) == "8" and "clock has jumped" in report.text(58)
    end.client.cancel(street.now, 3, 1, "WC26-WIN-ESP", 1)
    street.turn(2)
    assert [m.text(150) for m in end.take()] == ["4"]
    street.begin = begin  # type: ignore[method-assign]
    end.client.new_order(street.now, 2, "WC26-WIN-ESP", 1, 10, "0.0500")
    street.turn(2)
    assert [m.text(150) for m in end.take()] == ["0"], "the refused id was not used up"

"""SecurityStatusRequest (e) and SecurityStatus (f): the phase of a market, asked for and followed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exchange_server.core.layout import definitions as d
from exchange_server.registry import rows
from protocol import codes
from protocol.fix_messages import FixMessage
from tests.gateway.fix.street import ESP, FixEnd, Street


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


def ask(
    street: Street, end: FixEnd, id: str = "s1", kind: str = "1", symbol: str = ESP, *more: tuple[int, Any], turns: int = 4
) -> list[FixMessage]:
    end.take()
    end.client.send("e", [(324, id), (55, symbol), (263, kind), *more], street.now)
    street.turn(turns)
    return [m for m in end.take() if m.msg_type != "0"]


def event_of(street: Street, symbol: str = ESP) -> int:
    return int(street.engine.registry.instruments.named(symbol).event_id)  # type: ignore[union-attr]


def change(street: Street, *phases: int) -> None:
    """The operator changes the phase of the event, all in one turn."""
    for phase in phases:
        row = rows.row(codes.C_PHASE, d.DP_EXTRA, ((d.DP_EVENT, event_of(street)), (d.DP_PHASE, phase)))
        assert street.engine.step_rows(row, len(row), street.sink) == codes.OK
    street.turn(4)


def told(messages: list[FixMessage]) -> list[tuple[str, ...]]:
    assert {m.msg_type for m in messages} <= {"f"}
    return [tuple(m.text(tag) for tag in (324, 55, 325, 326, 58)) for m in messages]


def test_a_phase_is_asked_for(street: Street) -> None:
    end = street.up(1)
    assert told(ask(street, end, kind="0")) == [("s1", ESP, "N", "17", "open")]
    change(street, codes.PH_PAUSED)
    assert end.take() == [], "it did not subscribe"
    assert told(ask(street, end, kind="0")) == [("s1", ESP, "N", "2", "paused")]


def test_each_transition_is_told_until_the_end_of_the_subscription(street: Street) -> None:
    end, other = street.up(1), street.up(2)
    ask(street, end)
    change(street, codes.PH_LIVE)
    assert told(end.take()) == [("s1", ESP, "Y", "23", "live")]
    change(street, codes.PH_PAUSED, codes.PH_OPEN)
    assert [row[3:] for row in told(end.take())] == [("2", "paused"), ("17", "open")], "both, although they were in one turn"
    assert [m for m in other.take() if m.msg_type == "f"] == []
    assert ask(street, end, kind="2") == []
    change(street, codes.PH_PAUSED)
    assert end.take() == []


def test_all_contracts_of_an_event(street: Street) -> None:
    end = street.up(1)
    contracts = len(street.engine.registry.events[event_of(street)].record.contracts)
    first = told(ask(street, end, "s1", "1", ESP, (5011, "E"), turns=8))
    assert len(first) == contracts == len({row[1] for row in first})
    change(street, codes.PH_PAUSED)
    assert len(told(end.take())) == contracts


def test_the_messages_are_numbered_and_resent_as_they_were(street: Street) -> None:
    end = street.up(1)
    ask(street, end)
    change(street, codes.PH_PAUSED)
    (status,) = end.take()
    number = int(status.get(34))
    end.client.send("2", [(7, number), (16, number)], street.now)
    street.turn(6)
    (again,) = [m for m in end.messages if m.get(43) == b"Y" and m.msg_type == "f"]
    assert again.get(34) == status.get(34)
    assert [pair for pair in again.fields if pair[0] in (324, 55, 325, 326, 60, 58)] == [
        pair for pair in status.fields if pair[0] in (324, 55, 325, 326, 60, 58)
    ]


@pytest.mark.parametrize(
    ("fields", "business", "text"),
    [
        (("x", "1", "NOTHING"), "2", "Symbol(55) is unknown"),
        (("x", "2", ESP), "1", "SecurityStatusReqID(324) x is not subscribed"),
    ],
)
def test_what_is_refused(street: Street, fields: tuple[str, str, str], business: str, text: str) -> None:
    end = street.up(1)
    ask(street, end)
    (refused,) = ask(street, end, *fields)
    assert (refused.msg_type, refused.text(372), refused.text(380), refused.text(58)) == ("j", "e", business, text)


def test_an_id_is_subscribed_once(street: Street) -> None:
    end = street.up(1)
    ask(street, end)
    (refused,) = ask(street, end)
    assert (refused.msg_type, refused.text(373)) == ("3", "5") and "s1 is subscribed already" in refused.text(58)


def test_a_lost_session_follows_nothing(street: Street) -> None:
    end = street.up(1)
    ask(street, end)
    assert street.market.followers
    end.connection.lost(street.input)
    assert not street.market.followers


def test_subscriptions_and_answers_have_limits(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    end = street.up(1)
    n = len(street.engine.registry.events[event_of(street)].record.contracts)
    monkeypatch.setattr("exchange_server.gateway.fix.status.MOST", n + 1)
    assert len(ask(street, end, "s1", "1", ESP, (5011, "E"), turns=8)) == n and len(ask(street, end, "s2")) == 1
    (refused,) = ask(street, end, "s3")
    assert (refused.text(380), refused.text(58)) == (
        "4", f"{n + 1} contracts subscribed on this session, asked 1 more, the limit is {n + 1}: end one with 263=2",
    )  # fmt: skip
    monkeypatch.setattr("exchange_server.gateway.fix.status.MOST", 0)
    (refused,) = ask(street, end, "s4", "0")
    assert refused.text(380) == "4" and "0 answers wait" in refused.text(58)


def test_a_peer_that_does_not_read_is_asked_again_later(street: Street) -> None:
    end = street.up(1)
    ask(street, end)
    end.outlet.backlog = 1 << 20
    change(street, codes.PH_PAUSED)
    assert end.connection.gather(street.input) is False and end.connection.next_due > 0, "no turn after turn"
    end.outlet.backlog = 0
    street.turn(8)
    assert [row[4] for row in told([m for m in end.take() if m.msg_type == "f"])] == ["paused"]

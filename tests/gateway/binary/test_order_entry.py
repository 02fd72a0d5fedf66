"""The kind of a binary session: chosen at logon by a table, apart from the session. What orders become is tested in test_connection.py."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exchange_server.gateway.binary import connection as B
from exchange_server.gateway.binary.order_entry import OrderEntry
from exchange_server.gateway.connection import ORDER_ENTRY, TurnInput
from protocol import codes
from protocol import messages as M
from tests.gateway.binary.world import World, limit


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def entry(market: Any = None, session: int = 7) -> OrderEntry:
    return OrderEntry(object(), session, market)  # type: ignore[arg-type]


def test_requests_make_one_row_each_and_everything_else_none() -> None:
    turn = TurnInput(16)
    turn.begin(1, 1)
    kind = entry()
    for message, command in (
        (limit(1, 2, codes.BUY, 5, 6), codes.C_NEW),
        (M.CancelOrder(2, 1), codes.C_CANCEL),
        (M.OrderStatusRequest(3), codes.C_STATUS),
        (M.SplitSets(4, 0, 1, 5), codes.C_SPLIT),
        (M.MergeSets(5, 0, 1, 5), codes.C_MERGE),
    ):
        at = turn.words
        assert kind.take(message, turn), message
        assert int(turn.inbox[at]) & 255 == command and int(turn.inbox[at + 1]) >> 32 == 7
        assert kind.frequent(message) is (command not in (codes.C_SPLIT, codes.C_MERGE))
    words = turn.words
    for other in (M.Subscribe([1]), M.DefinitionsRequest(), M.Resume(1, 0)):
        assert not kind.take(other, turn) and turn.words == words and not kind.frequent(other)


def test_market_data_is_answered_where_the_port_has_some(world: World) -> None:
    assert entry().answer(M.Subscribe([1])) == "this port has no market data"
    end = world.logged_on()
    kind = OrderEntry(end.connection, end.connection.session, world.market)
    assert next(iter(kind.answer(M.DefinitionsRequest())))  # type: ignore[arg-type]
    instrument = world.instruments()[0]
    b"".join(kind.answer(M.Subscribe([instrument])))  # type: ignore[arg-type]
    assert world.market.books.wanted[instrument]
    assert kind.answer(M.Unsubscribe([instrument])) is None and not world.market.books.wanted[instrument]
    b"".join(kind.answer(M.Subscribe([instrument])))  # type: ignore[arg-type]
    kind.lost()
    assert not world.market.books.wanted[instrument]


class Listener:
    """A kind that takes no orders: every message comes here one by one."""

    hot = False
    forbidden = ()
    lost_with: list[int] = []

    def __init__(self, connection: Any, session: int, market: Any) -> None:
        self.session = session

    def frequent(self, message: M.ClientMessage) -> bool:
        return False

    def take(self, message: M.ClientMessage, turn: TurnInput) -> bool:
        return False

    def answer(self, message: M.ClientMessage) -> Iterator[bytes] | str | None:
        return f"{type(message).__name__} is not for this session"

    def lost(self) -> None:
        self.lost_with.append(self.session)


def test_a_session_of_another_kind_lives_the_same_life(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(B.KINDS, "listener", Listener)
    session = world.engine.registry.binary_session("MM1").id
    second = world.logged_on("MM2")
    assert world.directory.kind_of(second.connection.session, second.connection) == ORDER_ENTRY
    world.drop(second)
    world.directory.kinds[session] = "listener"
    end = world.logged_on("MM1")
    assert end.connection.session == session, "logon, heartbeats and numbers are the session's"
    end.messages.clear()
    end.send(limit(1, world.instruments()[0], codes.BUY, 5, 6), M.Heartbeat(), M.Resume(1, 0), M.Logon("MM1", b"m" * 32))
    world.turn(3)
    kinds = [type(message) for message in end.messages]
    (refused,) = [message for message in end.messages if isinstance(message, M.RequestRefused)]
    assert refused.text == "NewOrder is not for this session", "the kernel has not taken it"
    assert M.ResumeDone in kinds and M.Sent in kinds, "its resend, and the refusal of a second Logon"
    assert M.Accepted not in kinds and M.Rejected not in kinds
    other = world.logged_on("MM2")
    other.send(limit(1, world.instruments()[0], codes.BUY, 1000, 1000))
    world.turn(2)
    assert any(isinstance(message, M.Accepted | M.Rejected) for message in other.messages), "an order entry session beside it"
    world.drop(end)
    assert Listener.lost_with == [session]

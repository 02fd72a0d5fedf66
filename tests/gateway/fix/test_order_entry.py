"""The kind of a FIX session: chosen at logon by a table, apart from the session. What orders become is tested in test_connection.py."""

from pathlib import Path
from typing import Any

import pytest

from exchange_server.core import layout as L
from exchange_server.gateway.connection import TurnInput
from exchange_server.gateway.fix import connection as F
from exchange_server.gateway.fix.order_entry import OrderEntry
from protocol import codes
from protocol.fix_messages import FixMessage, Problem, parse
from tests.gateway.fix.street import Street


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


def test_what_a_logon_may_ask_for() -> None:
    kind = OrderEntry(None, 1)
    for body, flags in (
        ([], 0),
        ([(5001, b"Y")], L.LOGON_SETTLEMENT),
        ([(5002, b"Y")], L.LOGON_CANCEL_ON_DISCONNECT),
        ([(5001, b"N"), (5002, b"Y"), (5003, b"Y")], L.LOGON_CANCEL_ON_DISCONNECT),
    ):
        assert kind.logon_flags(FixMessage([(35, b"A"), *body])) == flags


def test_a_message_makes_its_row_or_says_what_is_wrong_with_its_form(street: Street) -> None:
    end = street.up(1)
    kind = OrderEntry(street.engine, end.connection.session)
    end.order_raw(2, "an order with a long name")
    order = parse(end.raw)
    turn = TurnInput(8)
    turn.begin(1, 1)
    assert kind.take(order, turn) is None and turn.rows == 3, "TIME, the order, its ClOrdID"
    assert int(turn.inbox[L.CMD_WORDS]) & 255 == codes.C_NEW and int(turn.inbox[L.CMD_WORDS + 1]) >> 32 == end.connection.session
    broken = FixMessage([(tag, value) for tag, value in order.fields if tag != 44])  # a limit order without a price
    assert isinstance(kind.take(broken, turn), Problem) and turn.rows == 3


class Listener:
    """A kind that takes no orders: every message comes here one by one."""

    hot: frozenset[str] = frozenset()
    taken: list[str] = []

    def __init__(self, engine: Any, session: int) -> None:
        pass

    def logon_flags(self, logon: FixMessage) -> int:
        return 0

    def take(self, message: FixMessage, turn: TurnInput) -> Problem | None:
        self.taken.append(message.text(11))
        return None


def test_a_session_of_another_kind_lives_the_same_life(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(F.KINDS, "listener", Listener)
    (session,) = [s.id for s in street.engine.registry.sessions if s.name == "CLIENT1" or getattr(s, "peer_comp_id", "") == "CLIENT1"][:1]
    street.directory.kinds[session] = "listener"
    end = street.up(1)
    end.take()
    end.order_raw(2, "A1")
    end.send_raw("1", 3, "112=ARE YOU THERE|")
    street.turn(2)
    assert Listener.taken == ["A1"] and end.types() == ["0"], "no row, no report; the session answers its test request"
    assert end.connection.slow == 0 and end.connection.fix.next_in == 4
    other = street.up(2)
    other.take()
    other.order_raw(2, "A1")
    street.turn(2)
    assert other.types() == ["8"], "an order entry session beside it"

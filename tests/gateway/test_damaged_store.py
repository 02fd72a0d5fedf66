"""Resends out of a damaged event store: never another report, never fewer in silence. They wait under a name for what is rebuilt, and name
what is lost."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from exchange_server.journal.event_store import ROW_BYTES
from protocol import binary_session as B
from protocol import codes
from protocol import messages as M
from tests.gateway.binary.world import End, World, limit
from tests.gateway.fix.street import FixEnd, Street
from tests.gateway.fix.test_missed import fills_while_away, order, resent, until
from tests.journal.kit import patch


def damage(world: World, event: int) -> bytes:
    """Zero one row in the file; what was there."""
    world.store.flush()
    path = world.store.files.path(0)
    good = path.read_bytes()[(event - 1) * ROW_BYTES : event * ROW_BYTES]
    patch(path, (event - 1) * ROW_BYTES, bytes(ROW_BYTES))
    world.store.go_to(world.store.next_number, world.store.value())
    return good


def mend(world: World, event: int, good: bytes) -> None:
    """What rebuild.py does."""
    patch(world.store.files.path(0), (event - 1) * ROW_BYTES, good)
    world.store.holes.remove(event, event)
    world.store.version += 1


def lose(world: World, event: int) -> None:
    world.store.holes.remove(event, event)
    world.store.lost.add(event, event)
    world.store.version += 1


def chain(world: World, last_event: int) -> list[int]:
    return list(world.store.chain(last_event, 1, 0)[::-1])


# ---- binary ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def traded(tmp_path: Path) -> Iterator[tuple[World, End, list[int]]]:
    """MM1 with ten reports after its logon reply, and the events that hold them."""
    world = World(tmp_path)
    end = world.logged_on()
    instrument = world.instruments()[0]
    for i in range(10):
        end.session.send(limit(i + 1, instrument, codes.BUY, 10 + i, 1))
    world.turn(3)
    from exchange_server.core import layout as L

    events = chain(world, int(world.engine.m[world.session_row(end) + L.S_LAST_EVENT]))
    assert len(events) == 11
    yield world, end, events
    world.store.close()


def ask(world: World, end: End, begin: int = 1, stop: int = 0) -> list[M.ServerMessage]:
    end.messages.clear()
    end.session.send(M.Resume(begin, stop))
    world.turn(8)
    return list(end.messages)


def test_a_resume_names_what_is_being_rebuilt_and_succeeds_afterwards(traded: tuple[World, End, list[int]]) -> None:
    world, end, events = traded
    before = ask(world, end)
    assert isinstance(before[-1], M.ResumeDone) and before[-1].reason == codes.OK and len(before) == 12
    good = damage(world, events[5])
    assert ask(world, end) == [M.ResumeDone(1, 0, 0, codes.R_REPORTS_REBUILDING)], "not one report of an incomplete answer"
    later = ask(world, end, 8)
    assert later[:-1] == before[7:11] and later[-1].reason == codes.OK, "what does not need it is given"
    mend(world, events[5], good)
    assert ask(world, end) == before


def test_a_resume_names_what_is_lost_and_gives_the_rest(traded: tuple[World, End, list[int]]) -> None:
    world, end, events = traded
    before = ask(world, end)
    damage(world, events[5])
    lose(world, events[5])
    refused, *rest, done = ask(world, end)
    assert isinstance(refused, M.RequestRefused) and refused.reason == codes.R_REPORTS_LOST
    assert f"reports 1 to 6 of this session are lost: event store: events {events[5]} to {events[5]} are lost" in refused.text
    assert rest == before[6:11] and done == M.ResumeDone(7, 11, 5, codes.R_REPORTS_LOST)
    refused, done = ask(world, end, 2, 4)
    assert "reports 2 to 4 of this session are lost" in refused.text and done.reason == codes.R_REPORTS_LOST and done.count == 0


def test_damage_that_comes_in_the_middle_of_an_answer_ends_it_by_name(
    traded: tuple[World, End, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from exchange_server.gateway.binary import resume

    monkeypatch.setattr(resume, "RESUME_EVENTS", 2)
    world, end, events = traded
    before = ask(world, end)
    for lost in (False, True):
        end.messages.clear()
        end.session.send(M.Resume(1, 0))
        world.turn(2)
        assert 0 < len(end.messages) < 5
        good = damage(world, events[7])
        if lost:
            lose(world, events[7])
        world.turn(6)
        *reports, done = end.messages
        assert reports == before[:7]
        assert done == M.ResumeDone(1, 7, 7, codes.R_REPORTS_LOST if lost else codes.R_REPORTS_REBUILDING)
        mend(world, events[7], good)
        world.store.lost.remove(1, 100)


def test_the_client_library_asks_again_by_itself_and_misses_nothing(traded: tuple[World, End, list[int]]) -> None:
    world, end, events = traded
    next_number = end.session.next_number
    world.drop(end)
    good = damage(world, events[5])
    back = world.end(next_number=3)
    world.turn(4)
    assert not [h for h in back.seen if isinstance(h, B.Missing | B.CaughtUp)], "nothing is given up and nothing is whole yet"
    assert not [h for h in back.seen if isinstance(h, M.Accepted)]
    mend(world, events[5], good)
    world.now = back.session.due()
    assert back.session.tick(world.now - 1) == [] and back.session.take(world.now) == b"", "not before its time"
    back.session.tick(world.now)
    world.turn(4)
    assert [h.number for h in back.seen if isinstance(h, M.Accepted)] == list(range(3, next_number))
    assert [h for h in back.seen if isinstance(h, B.CaughtUp)] and not [h for h in back.seen if isinstance(h, B.Missing)]


# ---- FIX ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Street, FixEnd, list[int]]]:
    """CLIENT1 after ten orders, and the events of messages 2 to 11."""
    street = Street(tmp_path)
    end = street.up(1)
    for i in range(10):
        order(end, i + 1, codes.BUY)
    table = street.store.rows(1, street.store.next_number - 1).reshape(-1, 24)
    session = end.connection.session
    events = [int(row[1]) for row in table if row[3] >> 32 == session and row[4] >= 2 and row[0] & 255 == codes.E_ACCEPTED]
    assert len(events) == 10
    yield street, end, events
    street.store.close()


def news(messages: list) -> list[str]:  # type: ignore[type-arg]
    return [m.text(58) for m in messages if m.msg_type == "B"]


def test_a_fix_resend_waits_with_a_word_and_follows_by_itself(desk: tuple[Street, FixEnd, list[int]]) -> None:
    street, end, events = desk
    good = damage(street, events[4])
    end.take()
    end.client.send("2", [(7, 2), (16, 11)], street.now)
    street.turn(3)
    got = end.take()
    assert [m.msg_type for m in got] == ["B"] and "the answer to your ResendRequest from 2 to 11 is delayed: event store: events" in news(
        got
    )[0]
    assert not end.connection.gather(street.input), "it does not keep the loop busy"
    for _ in range(3):
        street.turn()
    assert end.take() == [], "said once"
    order(end, 77, codes.BUY)
    assert [m.text(11) for m in end.take()] == ["77"], "the session goes on meanwhile"
    mend(street, events[4], good)
    street.turn(3)
    got = end.take()
    assert [(m.seq, m.text(43)) for m in got] == [(n, "Y") for n in range(2, 12)] and {m.msg_type for m in got} == {"8"}


def test_a_fix_resend_names_what_is_lost_and_fills_it(desk: tuple[Street, FixEnd, list[int]]) -> None:
    street, end, events = desk
    damage(street, events[4])
    lose(street, events[4])
    end.take()
    end.client.send("2", [(7, 2), (16, 11)], street.now)
    street.turn(3)
    got = end.take()
    assert len(news(got)) == 1 and "messages 2 to 6 cannot be resent: event store: events" in news(got)[0]
    filled, *rest = [m for m in got if m.msg_type != "B"]
    assert (filled.msg_type, filled.seq, filled.text(36)) == ("4", 2, "7") and [m.seq for m in rest] == list(range(7, 12))
    assert not end.connection._resends


def test_missed_reports_wait_too(tmp_path: Path) -> None:
    street = Street(tmp_path)
    end = fills_while_away(street, 10)
    street.store.flush()
    table = street.store.rows(1, street.store.next_number - 1).reshape(-1, 24)
    session = next(s.id for s in street.engine.registry.sessions if s.name == "CLIENT1")
    fills = [int(row[1]) for row in table if row[3] >> 32 == session and row[0] & 255 == codes.E_FILL]
    good = damage(street, fills[3])
    back = end.again(reset=True)
    street.turn(3)
    assert "the reports that you missed are delayed" in news(back.messages)[0] and not resent(back.messages)
    assert len(news(back.messages)) == 1
    mend(street, fills[3], good)
    until(street, lambda: len(resent(back.messages)) >= 10)
    assert len(resent(back.messages)) == 10
    street.store.close()


def test_missed_reports_that_are_lost_are_named(tmp_path: Path) -> None:
    street = Street(tmp_path)
    end = fills_while_away(street, 10)
    street.store.flush()
    table = street.store.rows(1, street.store.next_number - 1).reshape(-1, 24)
    session = next(s.id for s in street.engine.registry.sessions if s.name == "CLIENT1")
    fills = [int(row[1]) for row in table if row[3] >> 32 == session and row[0] & 255 == codes.E_FILL]
    assert np.diff(fills).min() > 0
    damage(street, fills[3])
    lose(street, fills[3])
    back = end.again(reset=True)
    until(street, lambda: bool(news(back.messages)))
    assert len(resent(back.messages)) == 6 and "reports that you missed are lost" in news(back.messages)[0]
    street.store.close()

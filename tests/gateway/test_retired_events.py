"""Resends of events that are older than their retention: a gap fill on FIX, the named answer on binary; never silence, never another message."""

from pathlib import Path

from exchange_server.core import layout as L
from exchange_server.journal.retention import retire
from protocol import codes
from protocol import messages as M
from tests.gateway.binary.world import World, limit
from tests.gateway.fix.street import Street
from tests.gateway.fix.test_missed import fills_while_away, order, resent, until
from tests.gateway.test_damaged_store import ask, chain, news

ALL = 1 << 62  # ns: everything is older


def retire_before(world: World, event: int) -> None:
    """Remove the files that hold only events before this one, as the follower does."""
    world.store.flush()
    size = world.store.rows_per_file
    retire(world.store.directory, ALL, (event - 1) // size * size + 1, size)


def test_binary_names_what_is_not_kept_and_gives_the_rest(tmp_path: Path) -> None:
    world = World(tmp_path, rows_per_file=4)
    end = world.logged_on()
    instrument = world.instruments()[0]
    for i in range(10):
        end.session.send(limit(i + 1, instrument, codes.BUY, 10 + i, 1))
        world.turn(1)
    events = chain(world, int(world.engine.m[world.session_row(end) + L.S_LAST_EVENT]))
    before = ask(world, end)
    retire_before(world, events[-3])
    kept = [n for n in events if n >= world_kept(world)]
    assert 2 < len(kept) < 10
    first = len(events) - len(kept) + 1
    refused, *rest, done = ask(world, end)
    assert isinstance(refused, M.RequestRefused) and refused.reason == codes.R_REPORTS_EXPIRED
    assert (
        f"reports 1 to {first - 1} of this session are not kept any more: event store: events 1 to {world_kept(world) - 1} are older"
        in refused.text
    )
    assert rest == before[first - 1 : -1] and done == M.ResumeDone(first, len(events), len(rest), codes.R_REPORTS_EXPIRED)
    refused, done = ask(world, end, 2, 3)
    assert refused.reason == done.reason == codes.R_REPORTS_EXPIRED and done.count == 0
    assert not world.store.holes and not world.store.lost, "nothing of it is rebuilt"
    world.store.close()


def world_kept(world: World) -> int:
    world.store.look_retired()
    return world.store.kept_from


def test_a_fix_resend_fills_the_gap_and_says_so(tmp_path: Path) -> None:
    street = Street(tmp_path, rows_per_file=4)
    end = street.up(1)
    for i in range(10):
        order(end, i + 1, codes.BUY)
    table = street.store.rows(1, street.store.next_number - 1).reshape(-1, L.EVT_WORDS)
    of = {int(row[4]): int(row[1]) for row in table if row[3] >> 32 == end.connection.session and row[0] & 255 == codes.E_ACCEPTED}
    retire_before(street, of[8])
    first = min(number for number, event in of.items() if event >= world_kept(street))
    assert 4 < first <= 8
    end.take()
    end.client.send("2", [(7, 2), (16, 11)], street.now)
    street.turn(3)
    got = end.take()
    assert (
        len(news(got)) == 1
        and f"messages 2 to {first - 1} cannot be resent: event store: events 1 to {world_kept(street) - 1} are older" in news(got)[0]
    )
    filled, *rest = [m for m in got if m.msg_type != "B"]
    assert (filled.msg_type, filled.seq, filled.text(36), filled.text(123)) == ("4", 2, str(first), "Y")
    assert [(m.seq, m.text(11)) for m in rest] == [(n, str(n - 1)) for n in range(first, 12)] and {
        m.text(43) for m in got if m.msg_type != "B"
    } == {"Y"}
    end.client.send("2", [(7, 2), (16, 3)], street.now)
    street.turn(3)
    (filled,) = [m for m in end.take() if m.msg_type != "B"]
    assert (filled.msg_type, filled.seq, filled.text(36)) == ("4", 2, "4"), "all of it is filled"
    street.store.close()


def test_what_was_missed_before_a_reset_is_named_as_well(tmp_path: Path) -> None:
    street = Street(tmp_path, rows_per_file=4)
    end = fills_while_away(street, 10)
    table = street.store.rows(1, street.store.next_number - 1).reshape(-1, L.EVT_WORDS)
    session = next(s.id for s in street.engine.registry.sessions if s.name == "CLIENT1")
    fills = [int(row[1]) for row in table if row[3] >> 32 == session and row[0] & 255 == codes.E_FILL]
    retire_before(street, fills[5])
    kept = len([n for n in fills if n >= world_kept(street)])
    assert 0 < kept < 10
    back = end.again(reset=True)
    until(street, lambda: bool(news(back.messages)))
    until(street, lambda: len(resent(back.messages)) >= kept)
    assert len(resent(back.messages)) == kept and "reports that you missed are not kept any more" in news(back.messages)[0]
    street.store.close()

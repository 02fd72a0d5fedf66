"""The two files that the demonstration writes are valid configurations and say what they should."""

from pathlib import Path

import pytest

from config import admin_records as ar
from config import load
from exchange_server.demo import facts as facts_of
from exchange_server.demo import outcomes as o
from exchange_server.demo import people, timetable, world
from tests.safe import safe_items

FACTS = facts_of.read()
VENUE = load.load("tournament")
TIMES = timetable.timetable(FACTS, timetable.clock(FACTS, 1_800_000_000 * 10**9, 30_000))


def test_the_exchange(tmp_path: Path) -> None:
    path = people.write(tmp_path, "exchange.toml", people.exchange_file(VENUE))
    assert path.stat().st_mode & 0o777 == 0o600
    content = load.load(path)
    assert not content.sandbox and content.settings.host == "127.0.0.1" and content.decimals == {"USD": 4, "BTC": 8}
    known = world.of((str(path),))
    assert list(known.logins) == [member.name for member in people.MEMBERS]
    secrets = {login.secret for login in known.logins.values()}
    assert len(secrets) == len(people.MEMBERS) and all(len(secret) == 64 for secret in secrets)
    assert {login.venue for login in known.logins.values()} == {"", "ARENA", "VAULT"}
    records = [item.record for item in safe_items(content.items)]
    isolated = [r.name for r in records if isinstance(r, ar.DefineAccount) and r.venue]
    assert isolated == ["VAULT.KNOWN-A", "VAULT.UNKNOWN-A"]
    assert [r.name for r in records if isinstance(r, ar.DefineVenue) and r.isolated_accounts] == ["VAULT"]


@pytest.mark.parametrize("scheduled", [False, True])
def test_the_markets(tmp_path: Path, scheduled: bool) -> None:
    path = people.write(tmp_path, "markets.toml", people.markets_file(VENUE, TIMES, scheduled))
    content = load.load(path, known=VENUE.decimals)
    shipped = {i.record.event: i.record for i in VENUE.items if isinstance(i.record, ar.DefineMarket)}
    written = {i.record.event: i.record for i in content.items if isinstance(i.record, ar.DefineMarket)}
    assert written.keys() == shipped.keys()
    for event, market in written.items():
        assert market.contracts == shipped[event].contracts and market.product == shipped[event].product
        if market.payout:
            window = people.LONG_WINDOW_NS if event == o.DISPUTED else people.WINDOW_NS
            assert (market.challenge_window_ns, market.phase, market.void) == (window, "listed", shipped[event].void)
        row = TIMES.get(event) if scheduled else None
        wanted = (row.opens, row.live, row.closes) if row else (0, 0, 0)
        assert (market.open_at_ns, market.live_at_ns, market.close_at_ns) == wanted, event
        assert market.determine_by_ns == (max(row.closes, row.known) + people.DETERMINE_NS if row and row.closes else 0)
    opened = [i.record.event for i in content.items if isinstance(i.record, ar.SetPhase)]
    assert opened == [] and [i.record.venue for i in content.items if isinstance(i.record, ar.DefineListing)] == ["ARENA", "VAULT"]

"""What clients know in advance: contracts, money, logins, and what each venue shows."""

from exchange_server.demo import world


def test_the_world_and_its_prices() -> None:
    known = world.of(("sandbox",))
    assert len(known.events) == 14 and len(known.contracts) == 48 + 48 + 3 + 1 and "BTC-USD" not in known.events
    assert known.deposits["CLIENT1-A"]["USD"] == 10_000_000_000 and known.deposits["MM64-A"] == {
        "USD": 100_000_000_000,
        "BTC": 100_000_000_000,
    }
    assert known.logins["CLIENT1"] == world.Login("CLIENT1", "fix", "CLIENT1-A", "", "client1", "client1-secret", "EXOS-OE")
    assert known.logins["MM1"].user == "MM1" and known.contracts["BTC-USD"].base == "BTC"
    fair = world.fair_prices(known, 3)
    assert fair == world.fair_prices(known, 3) != world.fair_prices(known, 4)
    assert all(0 < fair[s] < c.high for s, c in known.contracts.items()) and fair["BTC-USD"] == 6_000_000


def test_what_a_venue_shows() -> None:
    known = world.of(("tournament",))
    assert len(known.offered("ARENA")) == 49 and len(known.offered("VAULT")) == 48 and set(known.offered("")) == set(known.contracts)
    assert set(known.offered("WC26")) == set(known.contracts) - {"ARENA-BTC-USD"}

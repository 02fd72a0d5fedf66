"""Who sees what: a session of one venue and the markets, accounts and orders of others. What is not for it answers, byte for byte, like
what does not exist, on both wires; market data follows the same rule as orders."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from config import load
from protocol import codes
from protocol import messages as M
from protocol.account_messages import PART_ORDERS, PART_POSITIONS
from tests.gateway.binary.world import SMALL, End, World, limit
from tests.gateway.fix.street import Street, order_body

FEES = ar.Fees(model="quadratic")


def sandbox(kind: type, name: str) -> Any:
    """A record of the shipped configuration."""
    return next(
        item.record
        for item in load.load("sandbox").items
        if isinstance(item.record, kind) and getattr(item.record, "name", "") == name or getattr(item.record, "event", "") == name
    )


def market(event: str, symbol: str, **changed: Any) -> ar.DefineMarket:
    """A market of venue B with two contracts, symbol + 1 and symbol + 2."""
    record = sandbox(ar.DefineMarket, "WC26-FINAL")
    contracts = tuple(msgspec.structs.replace(record.contracts[i], symbol=f"{symbol}{i + 1}") for i in range(2))
    return msgspec.structs.replace(
        record, event=event, owner_venue="B", contracts=contracts, product="exactly", k=1, phase="listed", **changed
    )


def login(name: str, wire: str, venue: str, firm: str, account: str) -> ar.DefineSession:
    own = sandbox(ar.DefineSession, "CLIENT1" if wire == "fix" else "MM1")
    if wire == "fix":
        return msgspec.structs.replace(own, name=name, venue=venue, firm=firm, account=account, peer_comp_id=name, username=name.lower())
    return msgspec.structs.replace(own, name=name, venue=venue, firm=firm, account=account, key=name, secret=f"{name.lower()}-secret")


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Street:
    """Venues A and B in addition to WC26; two firms with a session of each wire at A. MM1 and CLIENT1 are sessions of the platform."""
    world = Street(tmp_path_factory.mktemp("events"))
    world.admin(
        ar.DefineVenue(name="A"),
        ar.DefineVenue(name="B"),
        ar.DefineFirm(name="HERE"),
        ar.DefineFirm(name="THERE"),
        ar.DefineAccount(name="HERE-A", firm="HERE"),
        ar.DefineAccount(name="HERE-B", firm="HERE", venue="B"),
        ar.DefineAccount(name="THERE-A", firm="THERE"),
        login("ATA", "binary", "A", "HERE", "HERE-A"),
        login("BOB", "binary", "B", "HERE", "HERE-A"),
        login("FIXA", "fix", "A", "HERE", "HERE-A"),
        ar.Transfer(key="1", asset="USD", amount=10**9, target="HERE-A"),
        market("SECRET", "SECRET-"),
        market("SHARED", "SHARED-", sharing="shared", admits=("A",)),
        ar.DefineListing(venue="A", event="SHARED", fees=FEES),
        ar.SetPhase(event="SECRET", phase="open"),
        ar.SetPhase(event="SHARED", phase="open"),
    )
    return world


ECHOED = (
    "instrument",
    "market",
    "account",
    "item",
    "asked",
    "used",
    "id",
    "orig",
    "request",
)  # fields in which a question's own words come back
PASSING = {"number": 1, "event": 1, "time": 0, "order": 0}  # counts and clocks advance with every request


def answer(end: End, about: int, id: int) -> bytes:
    """What the server wrote since the last call, as bytes; what the question itself said is blanked out."""
    found = []
    for message in end.messages:
        fields = set(message.__struct_fields__)
        changed: dict[str, Any] = {name: value for name, value in PASSING.items() if name in fields}
        changed |= {name: 1 for name in ECHOED if name in fields and getattr(message, name) in (about, id)}
        if "text" in fields:
            changed["text"] = message.text.replace(str(about), "<what>")
        found.append(M.encode(msgspec.structs.replace(message, **changed)))
    end.messages.clear()
    return b"|".join(found)


FRESH = itertools.count(7001)  # ids are used up for 72 hours; all have as many digits


def ask(end: End, *messages: M.ClientMessage) -> list[Any]:
    """Send; returns what is received."""
    end.messages.clear()
    for message in messages:
        end.session.send(message)
    end.world.turn(8)
    return end.messages


@pytest.fixture(autouse=True)
def clean(street: Street) -> Iterator[None]:
    """Each test begins without connections and without orders of the two firms that trade here."""
    yield
    for end in list(street.ends):
        street.drop(end)
    for key in ("ATA", "MM1", "MM2"):
        ask(street.logged_on(key), M.MassCancel(next(FRESH), codes.SCOPE_FIRM))
    for end in list(street.ends):
        street.drop(end)


def ids(world: World) -> dict[str, tuple[int, int]]:
    """For each kind of thing: a foreign one, and one that never was."""
    registry = world.engine.registry
    return {
        "instrument": (world.instrument("SECRET-1"), SMALL.instruments - 1),
        "event": (registry.events.named("SECRET").id, SMALL.events - 1),
        "account": (registry.accounts.named("THERE-A").id, SMALL.accounts - 1),
        "venue": (registry.venues.named("B").id, 9),
    }


QUESTIONS: list[tuple[str, str, Callable[[int, int, int, int], M.ClientMessage]]] = [
    # about, what, message of (its id, what it is about, a market that the session sees, an open order of its own)
    ("instrument", "new", lambda id, x, i, own: limit(id, x, codes.BUY, 4000, 1)),
    ("instrument", "new, market order", lambda id, x, i, own: M.NewOrder(id, 0, x, codes.SELL, codes.YES, codes.MARKET, codes.IOC, 0, 0, 1)),
    ("instrument", "new, off the grid", lambda id, x, i, own: limit(id, x, codes.BUY, 40_000, 10**9)),
    ("instrument", "cancel", lambda id, x, i, own: M.CancelOrder(id, 6999, 0, x)),
    ("instrument", "replace of an own order", lambda id, x, i, own: M.ReplaceOrder(id, own, 0, x, 1001, 1)),
    ("instrument", "status", lambda id, x, i, own: M.OrderStatusRequest(6999, 0, x)),
    ("instrument", "mass cancel", lambda id, x, i, own: M.MassCancel(id, codes.SCOPE_INSTRUMENT, 0, x)),
    ("instrument", "subscribe", lambda id, x, i, own: M.Subscribe([x])),
    ("instrument", "own state", lambda id, x, i, own: M.AccountRequest(id, 0, PART_ORDERS | PART_POSITIONS, x)),
    ("account", "own state", lambda id, x, i, own: M.AccountRequest(id, x)),
    ("event", "mass cancel", lambda id, x, i, own: M.MassCancel(id, codes.SCOPE_EVENT, 0, 0, x)),
    ("event", "split", lambda id, x, i, own: M.SplitSets(id, x, 1)),
    ("event", "merge", lambda id, x, i, own: M.MergeSets(id, x, 1)),
    ("account", "new", lambda id, x, i, own: M.NewOrder(id, x, i, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 1000, 1)),
    ("account", "cancel", lambda id, x, i, own: M.CancelOrder(id, own, x)),
    ("account", "replace", lambda id, x, i, own: M.ReplaceOrder(id, own, x, 0, 1001, 1)),
    ("account", "status", lambda id, x, i, own: M.OrderStatusRequest(own, x)),
    ("account", "mass cancel", lambda id, x, i, own: M.MassCancel(id, codes.SCOPE_ACCOUNT, x)),
    ("account", "split", lambda id, x, i, own: M.SplitSets(id, 1, 1, x)),
    ("order", "cancel", lambda id, x, i, own: M.CancelOrder(id, x)),
    ("order", "replace", lambda id, x, i, own: M.ReplaceOrder(id, x, 0, 0, 1001, 1)),
    ("order", "status", lambda id, x, i, own: M.OrderStatusRequest(x)),
    ("venue", "new", lambda id, x, i, own: limit(id, i, codes.BUY, 4000, 1, venue=x)),
]  # fmt: skip


@pytest.mark.parametrize(("about", "what", "question"), QUESTIONS, ids=[f"{about}: {what}" for about, what, _ in QUESTIONS])
def test_what_is_foreign_answers_like_what_never_was(
    street: Street, about: str, what: str, question: Callable[[int, int, int, int], M.ClientMessage]
) -> None:
    here, other = street.logged_on("ATA"), street.logged_on("MM1")  # of another firm
    own, theirs, shared = next(FRESH), next(FRESH), street.instrument("SHARED-1")
    assert isinstance(ask(here, limit(own, shared, codes.BUY, 1000, 1))[0], M.Accepted)
    assert isinstance(ask(other, limit(theirs, street.instrument("SECRET-1"), codes.BUY, 2000, 7))[0], M.Accepted)
    answers = []
    for x in (ids(street) | {"order": (theirs, next(FRESH))})[about]:
        id = next(FRESH)
        ask(here, question(id, x, shared, own))
        answers.append(answer(here, x, id))
    assert answers[0] and answers[0] == answers[1]


FIX_QUESTIONS = [  # about, MsgType, body with {id}: a fresh ClOrdID, {x}: what it is about
    ("symbol", "D", "11={id}|55={x}|54=1|60=20260101-00:00:00|38=1|40=2|44=0.4000|59=1|"),
    ("symbol", "D", "11={id}|55={x}|54=2|60=20260101-00:00:00|38=1|40=1|59=3|"),
    ("symbol", "D", "11={id}|55={x}|54=1|60=20260101-00:00:00|38=1|40=2|44=0.40001|59=1|"),  # a decimal too many
    ("symbol", "F", "11={id}|41={own}|55={x}|54=1|60=20260101-00:00:00|"),
    ("symbol", "G", "11={id}|41={own}|55={x}|54=1|60=20260101-00:00:00|38=2|40=2|44=0.3000|"),
    ("symbol", "H", "11={own}|55={x}|54=1|"),
    ("symbol", "q", "11={id}|530=1|55={x}|60=20260101-00:00:00|"),
    ("symbol", "q", "11={id}|530=3|55={x}|60=20260101-00:00:00|"),
    ("symbol", "q", "11={id}|530=1|5011=E|55={x}|60=20260101-00:00:00|"),
    ("account", "D", "11={id}|1={x}|55=SHARED-1|54=1|60=20260101-00:00:00|38=1|40=2|44=0.4000|59=1|"),
    ("account", "F", "11={id}|41={own}|1={x}|55=SHARED-1|54=1|60=20260101-00:00:00|"),
    ("account", "G", "11={id}|41={own}|1={x}|55=SHARED-1|54=1|60=20260101-00:00:00|38=2|40=2|44=0.3000|"),
    ("account", "H", "11={own}|1={x}|55=SHARED-1|54=1|"),
    ("account", "q", "11={id}|530=7|5011=A|1={x}|60=20260101-00:00:00|"),
    ("order", "F", "11={id}|41={x}|55=SHARED-1|54=1|60=20260101-00:00:00|"),
    ("order", "G", "11={id}|41={x}|55=SHARED-1|54=1|60=20260101-00:00:00|38=2|40=2|44=0.3000|"),
    ("order", "H", "11={x}|55=SHARED-1|54=1|"),
    ("symbol", "AF", "584={id}|585=1|55={x}|"),
    ("symbol", "AN", "710={id}|724=0|1=HERE-A|581=1|55={x}|715=20260101|60=20260101-00:00:00|"),
    ("account", "AF", "584={id}|585=7|1={x}|"),
    ("account", "AN", "710={id}|724=0|1={x}|581=1|715=20260101|60=20260101-00:00:00|"),
    ("account", "BB", "909={id}|1={x}|"),
    ("venue", "D", "11={id}|100={x}|55=SHARED-1|54=1|60=20260101-00:00:00|38=1|40=2|44=0.4000|59=1|"),
]
FIX_THINGS = {"symbol": ("SECRET-1", "NOTHING1"), "account": ("THERE-A", "NOBODYX"), "venue": ("WC26", "WC99")}
PASSING_TAGS = {9, 10, 17, 34, 37, 45, 52, 60, 721}  # lengths, counts and clocks


@pytest.mark.parametrize(("about", "kind", "body"), FIX_QUESTIONS)
def test_what_is_foreign_answers_like_what_never_was_on_fix(street: Street, about: str, kind: str, body: str) -> None:
    other, here = street.fix_end(1, plain=True), street.fix_end(1, plain=True)
    street.turn()
    other.logon_raw(body="98=0|108=30|141=Y|")
    here.logon_raw(body="98=0|108=30|141=Y|", login="553=fixa|554=client1-secret|", our="FIXA")
    street.turn(2)
    theirs, never = str(next(FRESH)), str(next(FRESH))
    other.order_raw(2, theirs, price="0.0100", qty="1")
    answers = []
    for seq, x in zip((2, 4), {**FIX_THINGS, "order": (theirs, never)}[about]):
        own, id = str(next(FRESH)), str(next(FRESH))
        here.send_raw("D", seq, order_body(own, "0.0300", "1", "SHARED-1"), our="FIXA")
        street.turn(3)
        assert [(m.get(150), m.text(58)) for m in here.take()][-1:] == [(b"0", "")]
        here.send_raw(kind, seq + 1, body.format(id=id, x=x, own=own), our="FIXA")
        street.turn(3)
        fields = [field.split(b"=", 1) for m in here.take() for field in m.raw.split(b"\x01") if field]
        kept = b"|".join(b"%s=%s" % (tag, value) for tag, value in fields if int(tag) not in PASSING_TAGS)
        for echo, name in ((id, b"<id>"), (own, b"<own>"), (x, b"<what>")):
            kept = kept.replace(echo.encode(), name)
        answers.append(kept)
    assert answers[0] and answers[0] == answers[1]


# ------------------------------------------------------------------------------------------------------- market data
def seen(end: End, world: World) -> tuple[list[str], list[int], int]:
    """Symbols of the definitions, instruments of the snapshots, and the count of DefinitionsDone."""
    got = end.messages
    names = [m.symbol for m in got if isinstance(m, M.Definition)]
    books = [m.instrument for m in got if isinstance(m, M.BookSnapshot)]
    done = [m.count for m in got if isinstance(m, M.DefinitionsDone)]
    end.messages.clear()
    return names, books, done[0] if done else 0


def test_definitions_and_books_are_those_that_the_venue_lists(street: Street) -> None:
    ends = {key: street.logged_on(key) for key in ("ATA", "BOB", "MM1")}
    for end in ends.values():
        ask(end, M.DefinitionsRequest(), M.Subscribe())
    shared, secret = ["SHARED-1", "SHARED-2"], ["SECRET-1", "SECRET-2"]
    everything = [row.symbol for row in street.engine.registry.instruments]
    for key, wanted in (("ATA", shared), ("BOB", secret + shared), ("MM1", everything)):
        assert seen(ends[key], street) == (wanted, [street.instrument(symbol) for symbol in wanted], len(wanted)), key
    trader = street.logged_on("MM2")  # books, trades and phases reach every session that sees the market, and no other
    for end in ends.values():
        end.messages.clear()
    ask(trader, limit(next(FRESH), street.instrument("SECRET-1"), codes.BUY, 4000, 5))
    street.admin(ar.SetPhase(event="SECRET", phase="paused"))
    for end in ends.values():
        end.to_client()
    kinds = {key: [type(m) for m in end.messages if isinstance(m, M.BookUpdate | M.PhaseChange)] for key, end in ends.items()}
    assert kinds == {"ATA": [], "BOB": [M.BookUpdate, M.PhaseChange], "MM1": [M.BookUpdate, M.PhaseChange]}
    street.admin(ar.SetPhase(event="SECRET", phase="open"))


def test_what_is_listed_later_is_told_to_those_who_see_it_from_then_on(street: Street) -> None:
    ends = {key: street.logged_on(key) for key in ("ATA", "BOB", "MM1")}
    for end in ends.values():
        ask(end, M.DefinitionsRequest(), M.Subscribe())

    def news(*records: Any) -> dict[str, tuple[list[str], list[int], int]]:
        for end in ends.values():
            end.messages.clear()
        street.admin(*records)
        for end in ends.values():
            end.to_client()
        return {key: seen(end, street) for key, end in ends.items()}

    nothing: tuple[list[str], list[int], int] = ([], [], 0)
    told = news(market("LATER", "LATER-", sharing="shared", admits=("A",)))
    new = ["LATER-1", "LATER-2"], [street.instrument("LATER-1"), street.instrument("LATER-2")], 0
    assert told == {"ATA": nothing, "BOB": new, "MM1": new}
    assert news(ar.DefineListing(venue="A", event="LATER", fees=FEES)) == {"ATA": new, "BOB": nothing, "MM1": nothing}
    assert news(ar.DefineListing(venue="A", event="LATER", fees=ar.Fees(model="quadratic", taker_bps=10))) == dict.fromkeys(ends, nothing)
    street.admin(ar.SetPhase(event="LATER", phase="open"))
    here = ends["ATA"]  # and may be traded
    here.to_client()
    got = ask(here, limit(next(FRESH), new[1][0], codes.BUY, 1000, 1))
    assert [type(m) for m in got] == [M.Accepted, M.BookUpdate]


def test_a_listing_that_came_while_nobody_listened_is_seen_by_the_next_who_asks(street: Street) -> None:
    street.admin(market("QUIET", "QUIET-", sharing="shared", admits=("A",)))
    end = street.logged_on("ATA")
    id = street.instrument("QUIET-1")
    assert [m.reason for m in ask(end, M.Subscribe([id]))] == [codes.R_UNKNOWN_INSTRUMENT]
    street.admin(ar.DefineListing(venue="A", event="QUIET", fees=FEES))
    assert [(type(m), m.instrument) for m in ask(end, M.Subscribe([id]))] == [(M.BookSnapshot, id)]


def test_the_logon_names_the_accounts_that_the_session_may_use(street: Street) -> None:
    for key, names in (("ATA", ["HERE-A"]), ("BOB", ["HERE-A", "HERE-B"])):
        end = street.end(key)
        street.turn(4)
        replies = [m.body for m in end.messages if isinstance(m, M.Sent) and isinstance(m.body, M.LogonReply)]
        assert [name for _, name in replies[0].accounts] == names


def test_a_session_does_not_replace_an_order_of_its_firm_in_a_market_that_it_may_not_trade(street: Street) -> None:
    here, there = street.logged_on("ATA"), street.logged_on("BOB")
    theirs = next(FRESH)
    ask(there, limit(theirs, street.instrument("SECRET-1"), codes.BUY, 1000, 5))
    (refused,) = ask(here, M.ReplaceOrder(next(FRESH), theirs, 0, 0, 1100, 9))
    assert isinstance(refused, M.CancelRejected)
    assert (refused.reason, refused.orig, refused.status) == (codes.R_UNKNOWN_INSTRUMENT, theirs, codes.ST_NEW)
    (canceled,) = ask(here, M.CancelOrder(next(FRESH), theirs))  # a cancel is never refused for it
    assert isinstance(canceled, M.Canceled) and canceled.reason == codes.R_USER_CANCEL


# -------------------------------------------------------------------------------------------------------- access rules
def test_access_rules_take_definitions_and_books_away_and_orders_are_told_why(street: Street) -> None:
    street.admin(
        market("KYC", "KYC-", sharing="shared", admits=("A",)), ar.DefineListing(venue="A", event="KYC", fees=FEES), ar.SetPhase(event="KYC", phase="open"),
    )  # fmt: skip
    books = [street.instrument("KYC-1"), street.instrument("KYC-2")]
    here, other = street.logged_on("ATA"), street.logged_on("MM1")
    ask(here, M.DefinitionsRequest(), M.Subscribe(books))
    ask(other, M.Subscribe(books))

    def told(end: End, *records: Any) -> list[Any]:
        end.messages.clear()
        street.admin(*records)
        end.to_client()
        return list(end.messages)

    deny = ar.AccessRule(rule="no-us", event="KYC", effect="deny", jurisdiction_in=("US",))
    lost = told(here, ar.FirmTags(firm="HERE", jurisdictions=("US",)), ar.FirmTags(firm="MM1", jurisdictions=("DE",)), deny)
    assert [(type(m), m.reason, m.item) for m in lost] == [(M.RequestRefused, codes.R_UNKNOWN_INSTRUMENT, book) for book in books]
    assert [(type(m), m.reason) for m in ask(here, M.Subscribe(books[:1]))] == [(M.RequestRefused, codes.R_UNKNOWN_INSTRUMENT)]
    assert not set(books) & {m.instrument for m in ask(here, M.DefinitionsRequest()) if isinstance(m, M.Definition)}
    (refused,) = ask(here, limit(next(FRESH), books[0], codes.BUY, 1000, 1))
    number = street.engine.registry.rules[(codes.ACCESS_EVENT, street.engine.registry.events.named("KYC").id, "no-us")].number
    assert (refused.reason, refused.limit) == (codes.R_ACCESS_DENIED, number), "an order is told which rule it is"
    here.messages.clear()
    ask(other, limit(next(FRESH), books[0], codes.BUY, 1000, 1))
    here.to_client()
    assert here.messages == [], "no update of a book that it does not see"
    back = told(here, ar.FirmTags(firm="HERE", jurisdictions=("FR",)))
    assert [m.instrument for m in back if isinstance(m, M.Definition)] == books, "and it sees it again"
    assert isinstance(ask(here, limit(next(FRESH), books[1], codes.BUY, 1000, 1))[0], M.Accepted)
    told(here, ar.FirmTags(firm="HERE", jurisdictions=("US",)))
    assert [(type(m), m.instrument) for m in ask(here, M.Subscribe(books[:1]))] == [(M.BookSnapshot, books[0])], (
        "it has traded here and may still reduce"
    )
    street.admin(ar.RemoveAccessRule(rule="no-us", event="KYC"))


def test_an_order_on_fix_is_told_the_rule_too(street: Street) -> None:
    here = street.fix_end(1, plain=True)
    street.turn()
    here.logon_raw(body="98=0|108=30|141=Y|", login="553=fixa|554=client1-secret|", our="FIXA")
    street.turn(2)
    street.admin(ar.AccessRule(rule="nobody", venue="A", effect="allow", kyc_at_least=9))
    here.take()
    here.send_raw("D", 2, order_body(str(next(FRESH)), "0.0300", "1", "SHARED-1"), our="FIXA")
    street.turn(3)
    (refused,) = here.take()
    assert refused.text(58) == "no access rule admits your firm here: only orders that reduce the position are accepted"
    street.admin(ar.RemoveAccessRule(rule="nobody", venue="A"))

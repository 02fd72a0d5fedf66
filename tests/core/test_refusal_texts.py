"""Every reason that a client can be given is provoked on a real engine; what leaves on both wires says it with the right numbers.

A tick, a lot and a minor unit of money are 0.01 here (a minor unit of the base asset 0.0001), so that a number in the wrong unit shows.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol import codes as C
from protocol import errors
from protocol import messages as M
from tests.core import test_budget
from tests.core import test_ladder as ladder
from tests.core.wire_story import WireStory
from tests.model_world import Limits
from tests.model_worlds import NOW, SECOND

CODES = {name: value for name, value in vars(C).items() if name.startswith("R_") and isinstance(value, int)}

# ---- reasons that no order, cancel, mass cancel or split can be given, and why
OPERATOR = "only an operator's act is told this; tests/registry tests its sentences"
CONNECTION = "said by the connection before or beside the core, in a sentence of its own with its numbers; tests/gateway tests them"
NOT_PROVOKED = {
    **dict.fromkeys(
        (
            C.R_ACCOUNT_NOT_ALLOWED, C.R_WITHDRAW_TOO_MUCH, C.R_AMOUNT_NOT_POSITIVE, C.R_UNKNOWN_ASSET, C.R_BAD_TRANSITION, C.R_PAYOUT_COUNT,
            C.R_PAYOUT_RANGE, C.R_PAYOUT_SUM, C.R_NOT_DETERMINED, C.R_CHALLENGE_WINDOW, C.R_ALREADY_FINAL, C.R_IDEMPOTENCY, C.R_OVERFLOW,
            C.R_BAD_DEFINITION, C.R_NOT_CLOSED, C.R_OPEN_ORDERS, C.R_BAD_COMMAND, C.R_SANDBOX, C.R_QUOTA, C.R_CLOCK_NOT_HELD,
            C.R_FOREIGN_NAME, C.R_GRANT_BEYOND, C.R_NOT_AUTHORISED, C.R_OWN_ACT, C.R_PENDING_EXPIRED, C.R_UNKNOWN_PENDING, C.R_WEAK_SECRET,
            C.R_UNKNOWN_HOLD, C.R_HOLD_ENDED, C.R_NOT_EMPTY, C.R_SETTLING, C.R_NOT_FINAL, C.R_SAME_RESULT, C.R_NOTHING_OWED,
            C.R_UNKNOWN_TRADE, C.R_ALREADY_BUST, C.R_BUST_FINAL, C.R_BUST_SPENT, C.R_BUST_SPLIT, C.R_PAID_ELSEWHERE,
            C.R_BANDS_TOO_HIGH, C.R_NO_SPARE_CONTRACT, C.R_OUTCOME_FIXED, C.R_OUTCOME_UNKNOWN,
            C.R_RESULT_VERSION, C.R_NOT_DISPUTABLE, C.R_DISPUTE_LATE, C.R_NO_PARTY, C.R_DISPUTED_BEFORE, C.R_NOT_DISPUTED, C.R_NOTHING_TO_UPHOLD,
            C.R_NOT_VOIDABLE, C.R_NO_VOID_POLICY, C.R_VOID_POLICY, C.R_VOID_TRIGGER, C.R_VOID_HISTORY, C.R_UNKNOWN_SOURCE, C.R_TWO_SOURCES,
            C.R_JUDGE_IS_PARTY, C.R_NOT_CORRECTABLE, C.R_ARBITER_DECIDES, C.R_NOT_AHEAD, C.R_AHEAD_DECIDES, C.R_AHEAD_DIFFERS, C.R_AHEAD_UNCOVERED,
            C.R_AHEAD_DISPUTED, C.R_TRADE_CROSS, C.R_TRADE_SAME, C.R_TRADE_CHANGED,
            C.R_SCHEDULE_PAST, C.R_UNKNOWN_SCHEDULE, C.R_SCHEDULE_ENDED, C.R_SCHEDULE_EARLY, C.R_TIMES_ORDER, C.R_SERIES_CLOSED,
            C.R_REVISION_MOVED, C.R_PLAN_DIFFERS, C.R_UNKNOWN_REVISION, C.R_CANNOT_UNDO, C.R_OPENING_VENUE, C.R_OPENING_SUM, C.R_OPENING_MONEY,
            C.R_OPENING_ID, C.R_OPENING_MARKET, C.R_OPENING_ORDER, C.R_MARKET_REMOVED, C.R_VENUE_UNSETTLED,
        ),
        OPERATOR,
    ),
    **dict.fromkeys(
        (
            C.R_WIRE_MALFORMED, C.R_WIRE_TOO_LONG, C.R_WIRE_UNKNOWN_MESSAGE, C.R_WIRE_FIELD, C.R_SLOW_READER, C.R_LOGON_TIMEOUT,
            C.R_BAD_CREDENTIALS, C.R_ALREADY_LOGGED_ON, C.R_CLOCK_SKEW, C.R_SEQUENCE_LOW, C.R_HEARTBEAT_LOST, C.R_SHUTDOWN, C.R_RESUME_UNKNOWN,
            C.R_BAD_COMP_ID, C.R_BAD_HEARTBEAT, C.R_REPORTS_REBUILDING, C.R_REPORTS_LOST, C.R_REPORTS_EXPIRED, C.R_LOGON_REPEATED, C.R_NEXT_EXPECTED, C.R_LOGON_DELAYED,
            C.R_KEY_ADDRESS, C.R_KEY_EXPIRED, C.R_KEY_REVOKED, C.R_KEY_SCOPE,
        ),
        CONNECTION,
    ),
    **dict.fromkeys(
        (C.R_LAPSED, C.R_GOING_LIVE, C.R_MARKET_PAUSING, C.R_OFF_NEW_GRID, C.R_OUTCOME_SPLIT),
        "why orders are cancelled when their market changes: tests/core/test_market_changes.py",
    ),
    **dict.fromkeys(
        (
            C.R_SERVER_DOWN, C.R_ANSWER_UNKNOWN, C.R_HTTP_THROTTLED, C.R_NO_RESOURCE, C.R_KEY_REUSED, C.R_CHALLENGE_OVER, C.R_ORIGIN, C.R_REQUEST_LATE,
            C.R_CSRF, C.R_WEB_RIGHT, C.R_NOT_OVER_HTTP,
        ),
        "said by the web process, not by the exchange: tests/web",
    ),
    C.R_CONTRACT_DECIDED: "why orders are cancelled in a contract that is determined ahead of its group: tests/core/test_ahead.py",
    **dict.fromkeys(errors.RETIRED, "not sent since rules version 3"),
    C.R_TOO_MANY_DECIMALS: "read from FIX text only: tests/gateway/fix/test_connection.py",
    C.R_TOO_MANY_DIGITS: "read from FIX text only: tests/gateway/fix/test_connection.py",
}  # fmt: skip


def test_what_the_connection_says_is_tested_where_the_connections_are() -> None:
    """Not here, but not nowhere: each of those reasons is expected by name in a test of gateways, sessions or the turn."""
    root = Path(__file__).parents[1]
    text = "".join(path.read_text() for folder in ("gateway", "net", "protocol") for path in sorted((root / folder).rglob("test_*.py")))
    named = [name for name, code in CODES.items() if NOT_PROVOKED.get(code) == CONNECTION]
    assert len(named) == 25 and [name for name in named if not re.search(rf"\b{name}\b", text)] == []


# ---- the ways to each reason; WireStory notes what is told

CANCELS = {"side": C.SELL, "contract_side": C.NO, "instrument": 2, "account": 18}


def used_before(make: Callable[..., WireStory]) -> None:
    s = make(limits=Limits(64, 2))
    for number in range(1, 5):
        s.new(1, C.BUY, 10, 40, id=number, tif=C.IOC)
    s.new(1, C.BUY, 10, 40, id=1, tif=C.IOC)
    s.do(C.C_STATUS, session=1, orig=1)
    s.do(C.C_CANCEL, session=1, orig=1, id=10)


def cancels_and_ends(make: Callable[..., WireStory]) -> None:
    s = make(n=2, limits=Limits(64, 64))
    s.do(C.C_DEF_ACCOUNT, id=18, firm=1, account_kind=C.ACCT_TRADING)
    s.new(1, C.BUY, 10, 40, id=1)
    for number, (name, other) in enumerate(CANCELS.items()):
        s.do(C.C_CANCEL, session=1, orig=1, id=100 + number, **{name: other})
    s.do(C.C_CANCEL, session=1, orig=77, id=110)
    s.do(C.C_STATUS, session=1, orig=77)
    s.do(C.C_REPLACE, session=1, orig=1, id=2, price=41, qty=10)
    s.do(C.C_CANCEL, session=1, orig=1, id=111)
    s.do(C.C_CANCEL, session=1, orig=2, id=3)
    s.do(C.C_CANCEL, session=1, orig=2, id=112)
    for scope, instrument in ((9, 0), (C.SCOPE_INSTRUMENT, 99), (C.SCOPE_EVENT, 99)):
        s.do(C.C_MASS_CANCEL, session=1, id=s.next_id + 120, scope=scope, instrument=instrument)
    s.new(1, C.BUY, 10, 40, id=5)
    s.do(C.C_MASS_CANCEL, session=1, id=130, scope=C.SCOPE_SESSION)
    s.new(1, C.BUY, 10, 40, id=6, tif=C.IOC)
    s.new(1, C.BUY, 10, 40, id=7, tif=C.FOK)
    s.new(1, C.SELL, 10, 40, id=8)
    s.new(1, C.BUY, 10, 40, id=9)  # meets its own firm's
    s.new(2, C.BUY, 20, 0, id=10, type=C.MARKET, tif=C.IOC)
    s.new(1, C.BUY, 10, 30, id=11, tif=C.GTD, expiry=NOW + SECOND)
    s.time(seconds=2)
    s.new(1, C.BUY, 10, 30, id=12)
    s.new(2, C.SELL, 4, 30, id=13)
    s.do(C.C_REPLACE, session=1, orig=12, id=14, price=30, qty=4)
    s.do(C.C_LOGOFF, session=2)
    s.do(C.C_LOGON, session=2, next_in=2, logon_flags=2)  # with cancel on disconnect
    s.new(2, C.BUY, 10, 30, id=15)
    s.do(C.C_LOGOFF, session=2)
    s.new(1, C.BUY, 10, 30, id=16)
    s.do(C.C_KILL, level=C.KILL_ACCOUNT, target=16, on=1, cancel=1)
    s.do(C.C_KILL, level=C.KILL_ACCOUNT, target=16, on=0)
    s.new(1, C.BUY, 10, 30, id=17)
    s.do(C.C_PHASE, event=1, phase=C.PH_CLOSED)
    voided = make(n=2, limits=Limits(64, 64))
    voided.new(1, C.BUY, 10, 30, id=1)
    voided.do(C.C_VOID, event=1, version=1, payouts=[0, 0])


def another_session(make: Callable[..., WireStory]) -> None:
    s = make(firms=1)
    s.do(C.C_DEF_SESSION, id=2, firm=1)
    s.do(C.C_LOGON, session=2, next_in=2)
    s.new(1, C.BUY, 10, 40, id=1)
    s.do(C.C_REPLACE, session=2, orig=1, id=2, price=41, qty=10)


def refused_turns(make: Callable[..., WireStory]) -> None:
    s = make()
    for number, code in enumerate((C.R_DISK_RESERVE, C.R_OVERLOAD, C.R_CLOCK_JUMP), 1):
        s.time(refuse=code)
        s.new(1, C.BUY, 1, 40, id=number)


def full_tables(make: Callable[..., WireStory]) -> None:
    s = make(firms=4, limits=Limits(orders=12, archive=50))
    for number in range(1, 8):
        s.new(1, C.BUY, 1, 5, id=number)
    wide = dict(firms=2, cash=10**9, payout=10_000)
    s = make(**wide, limits=Limits(orders=60, archive=50, nodes=6))
    s.new(1, C.BUY, 1, 1)
    s.new(2, C.SELL, 1, 9000)
    s.new(1, C.BUY, 1, 65)
    s = make(**wide, limits=Limits(orders=60, archive=50, nodes=12))
    for i in range(5):
        s.new(1, C.BUY, 1, 1 + 64 * i)
    s = make(firms=2, limits=Limits(orders=60, archive=50, words=4 * 23))
    for number in (30, 31):
        s.do(C.C_DEF_ACCOUNT, id=number, firm=1, account_kind=C.ACCT_TRADING, session=1)
        s.do(C.C_TRANSFER, target=number, asset=1, amount=1000)
    for number in (16, 30, 31):
        s.new(1, C.BUY, 1, 5, account=number)


def splits(make: Callable[..., WireStory]) -> None:
    s = make(n=2)
    s.do(C.C_SPLIT, session=1, instrument=1, sets=1)


def without_an_expiry(make: Callable[..., WireStory]) -> None:
    make().new(1, C.BUY, 1, 40, tif=C.GTD)


def frozen(make: Callable[..., WireStory]) -> None:
    s = make()
    s.do(C.C_DEF_VENUE, id=2, fee_account=3)
    s.do(C.C_DEF_LISTING, venue=2, instrument=1, model=C.FEE_QUADRATIC)
    s.do(C.C_DEF_SESSION, id=3, firm=1, venue=2, account=16)
    s.do(C.C_LOGON, session=3, next_in=2)
    s.new(3, C.BUY, 1, 40)
    s.do(C.C_FREEZE, venue=2, level=1)


WORLD = dict(bands=[(5, 95, 5)], price_min=5, price_max=95, max_notional=50_000, reference=50, collar=20, max_position=400, cash=100)


def no_orders(make: Callable[..., WireStory]) -> None:
    """Prices of a NO order are told as NO prices, as it was sent."""
    s = make(**WORLD)
    s.fund(2, 100_000)
    s.new(2, C.SELL, 4, 65)  # its NO price is 0.35
    for price, qty, more in (
        (4, 1, {}), (96, 1, {}), (42, 1, {}), (75, 1, {}), (40, 401, {}), (40, 10_000, {}), (65, 2, {}), (35, 1, {"side": C.SELL, "flags": C.FLAG_POST_ONLY}),
    ):  # fmt: skip
        s.new(1, **{"side": C.BUY, "qty": qty, "price": price, "contract_side": C.NO, **more})


def spot(make: Callable[..., WireStory]) -> None:
    """What a spot sell needs is an amount of the base asset; its notional is an amount of the quote asset."""
    s = make(product=C.SPOT, max_notional=50_000, lot_base=3)
    s.new(1, C.SELL, 100, 501)
    s.new(1, C.SELL, 7, 5)


def repeats(make: Callable[..., WireStory]) -> None:
    """A refused order sent again, and asked for: the answers carry the numbers of the refusal."""
    s = make(**WORLD)
    s.new(1, C.BUY, 1, 75, id=1)
    s.new(1, C.BUY, 1, 75, id=1)
    s.do(C.C_STATUS, session=1, orig=1)


WAYS: list[Callable[[Callable[..., WireStory]], None]] = [
    ladder.test_new, ladder.test_replace, ladder.test_split_and_merge, ladder.test_spot_knows_no_no,
    ladder.test_a_market_order_without_a_counterpart, used_before,
    lambda make: ladder.test_new_in_a_market_that_is_not_open_yet_or_no_more(make, False),
    lambda make: ladder.test_new_in_a_market_that_is_not_open_yet_or_no_more(make, True),
    ladder.test_a_full_table_of_open_orders_comes_before_the_instrument_and_behind_the_id,
    cancels_and_ends, frozen, another_session, refused_turns, full_tables, splits, without_an_expiry, no_orders, spot, repeats, test_budget.the_limits,
]  # fmt: skip


def told(way: Callable[[Callable[..., WireStory]], None]) -> list[tuple[int, str, tuple[int, int, int]]]:
    """(reason, FIX text, binary limit, used and asked) of all that is told on this way, in order."""
    stories: list[WireStory] = []

    def make(*args: object, **options: object) -> WireStory:
        story = WireStory(*args, **options)
        stories.append(story)
        return story  # type: ignore[no-any-return]

    way(make)
    found = []
    for story in stories:
        for event, on_fix, on_binary in story.wires:
            assert on_binary is not None and getattr(on_binary, "reason", event.reason) == event.reason, (
                event
            )  # Replaced: by its flags only
            text = "" if on_fix is None else on_fix.text(58)
            found.append((event.reason, text, tuple(getattr(on_binary, word, 0) for word in ("limit", "used", "asked"))))
    return found  # type: ignore[return-value]


@pytest.fixture(scope="module")
def all_told() -> list[tuple[int, str, tuple[int, int, int]]]:
    return [item for way in WAYS for item in told(way)]


def test_every_reason_is_provoked_or_listed_with_why(all_told: list[tuple[int, str, tuple[int, int, int]]]) -> None:
    seen = {reason for reason, _, _ in all_told}
    assert {name for name, code in CODES.items() if code not in seen and code not in NOT_PROVOKED} == set()
    assert {name for name, code in CODES.items() if code in seen and code in NOT_PROVOKED} == set(), "it can be provoked: test it"


def test_no_text_leaves_with_a_place_that_is_not_filled(all_told: list[tuple[int, str, tuple[int, int, int]]]) -> None:
    for reason, text, _ in all_told:
        assert text.isascii() and text.isprintable(), (reason, text)
        assert "{" not in text and "}" not in text and " ns" not in text, (reason, text)
        assert not re.search(r"\d{10}", text), f"a raw time: {text}"


def test_the_numbers_of_both_wires_are_in_the_sdks_sentence(all_told: list[tuple[int, str, tuple[int, int, int]]]) -> None:
    """The binary client writes the text itself from the numbers: times too as people read them."""
    for reason, _, (limit, used, asked) in all_told:
        text = errors.text(reason, limit, used, asked)
        assert "{" not in text and " ns" not in text and not re.search(r"\d{15}", text), text


# A number is 0 on purpose: what is sent or held is nothing, or there is none.
ZERO_SAID = {C.R_QTY_NOT_POSITIVE, C.R_COLLATERAL, C.R_POSITION_LIMIT, C.R_EXPIRY_PAST}


def test_no_number_that_is_spoken_of_was_left_at_zero(all_told: list[tuple[int, str, tuple[int, int, int]]]) -> None:
    for reason, text, numbers in all_told:
        if reason in ZERO_SAID or reason == C.R_BAD_SCOPE:  # MassCancelDone has the scope in a field of its own
            continue
        given = dict(zip(("limit", "used", "asked"), numbers))
        spoken = [name for name in errors.numbers_used(reason) if not given[name] and not text]
        assert spoken == [], errors.short_name(reason)
        assert not re.search(r"(?<![\d.])0(\.0+)?(?![\d.])", text), (errors.short_name(reason), text)


TIME = "20231114-22:13:20.000000000"
SENTENCES: list[tuple[Callable[[Callable[..., WireStory]], None], list[tuple[int, str, tuple[int, int, int]]]]] = [
    (without_an_expiry, [
        (C.R_EXPIRY_PAST, f"a GTD order needs an ExpireTime later than the server's time {TIME}, got none", (NOW, 0, 0)),
    ]),
    (no_orders, [
        (C.R_PRICE_OUT_OF_RANGE, "price 0.04 is beyond the limit 0.05", (5, 0, 4)),
        (C.R_PRICE_OUT_OF_RANGE, "price 0.96 is beyond the limit 0.95", (95, 0, 96)),
        (C.R_PRICE_OFF_GRID, "price 0.42 is not on the grid: the increment there is 0.05", (5, 0, 42)),
        (C.R_COLLAR, "price 0.75 is beyond the collar, which ends at 0.70 (reference 0.50)", (70, 50, 75)),
        (C.R_POSITION_LIMIT, "the position could reach -4.01, the limit is 4.00 (now 0.00, open orders counted)", (400, 0, -401)),
        (C.R_NOTIONAL_TOO_LARGE, "the order is worth 4000.00, above the maximum 500.00", (50_000, 0, 400_000)),
        (C.R_COLLATERAL, "the order needs 1.30, and 1.00 is available (0.00 locked)", (100, 0, 130)),
        (C.R_POST_ONLY_WOULD_TRADE, "a post-only order at 0.35 would trade with the best price 0.35", (35, 0, 35)),
    ]),
    (spot, [
        (C.R_NOTIONAL_TOO_LARGE, "the order is worth 501.00, above the maximum 500.00", (50_000, 0, 50_100)),
        (C.R_COLLATERAL, "the order needs 0.0021, and 0.0000 is available (0.0000 locked)", (0, 0, 21)),
    ]),
    (full_tables, [
        (C.R_ORDER_SHARE_FULL, "your firm has 6 open orders, and its share of the table of open orders is 6 (safe to resend)", (6, 6, 1)),
        (C.R_TABLE_FULL, "a table of the server is full at 6 rows (6 in use) (safe to resend)", (6, 6, 1)),
        (C.R_NODE_SHARE_FULL, "your firm has 6 nodes of the order books, its share is 6, this order needs 1 more (safe to resend)", (6, 6, 1)),
        (C.R_POSITION_SHARE_FULL, "your firm has 46 words of positions, its share is 46, this event needs 23 more (safe to resend)", (46, 46, 23)),
    ]),
    (test_budget.the_limits, [
        (C.R_BUDGET_ACCOUNT, "this session has a budget and acts for account C1-A only, not for N43-20", (16, 0, 20)),
        (C.R_BUDGET_MARKET, "this market is not one of those that the account's budget allows", (0, 0, 1)),
        (C.R_BUDGET_QTY, "quantity 0.51 is above the budget's maximum 0.50", (50, 0, 51)),
        (C.R_BUDGET_COST, "the order may cost 6.50, and the budget allows 6.00", (600, 0, 650)),
        (C.R_BUDGET_LOSS_DAY, "the order may lose 3.10, and 4.00 of the budget of 7.00 for this day (UTC) is used", (700, 400, 310)),
        (C.R_BUDGET_LOSS, "the order may lose 2.00, and 9.00 of the budget of 10.00 is used", (1000, 900, 200)),
        *[(C.R_BUDGET_APPROVAL, f"a person must approve this order: it waits as {number} (safe to resend)", (100, 200, number)) for number in range(100_000_001, 100_000_009)],
        (C.R_BUDGET_WAITING, "8 orders of this account wait for a person, and 8 may (safe to resend)", (8, 8, 1)),
        (C.R_BUDGET_ASSET, "the account's budget is in another asset than this market, or the market is a spot pair", (2, 0, 1)),
    ]),
    (repeats, [
        (C.R_COLLAR, "price 0.75 is beyond the collar, which ends at 0.70 (reference 0.50)", (70, 50, 75)),
        *[(C.R_COLLAR, "price 0.75 is beyond the collar, which ends at 0.70 (reference 0.50)", (0, 0, 0))] * 2,  # OrderStatus has no numbers
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("way", "expected"), SENTENCES, ids=lambda value: getattr(value, "__name__", ""))
def test_sentences(way: Callable[[Callable[..., WireStory]], None], expected: list[tuple[int, str, tuple[int, int, int]]]) -> None:
    assert told(way) == expected


# (of test_new: YES orders, one refusal a reason)
LADDER = {
    C.R_VENUE_NOT_ALLOWED: "the venue does not admit this account or session",
    C.R_FIELD_UNSUPPORTED: "tag 110 is not supported yet, or not with this value (18: also the flags 5016 and 5017)",
    C.R_EXPIRY_PAST: f"a GTD order needs an ExpireTime later than the server's time {TIME}, got {TIME}",
    C.R_PRICE_ON_MARKET: "a market order has no price, got 10.00",
    C.R_KILLED_ACCOUNT: "the kill switch of account C1-A is on (safe to resend)",
    C.R_FIRM_CLOSED: "your firm is closed",
    C.R_ACCOUNT_CLOSED: "account C1-A is closed",
    C.R_SESSION_CLOSED: "this session is closed",
    C.R_VENUE_CANCEL_ONLY: "the venue is frozen: only cancels are accepted (safe to resend)",
    C.R_VENUE_SETTLE_ONLY: "the venue is frozen: its markets are only settled (safe to resend)",
    C.R_VENUE_FROZEN: "the venue is frozen: nothing is accepted, not even cancels (safe to resend)",
    C.R_ACCOUNT_NOT_ISOLATED: "the venue takes only accounts that are bound to it, and account C1-A is not: only orders that reduce the position are accepted",
    C.R_ACCESS_DENIED: "access rule 4 excludes your firm here: only orders that reduce the position are accepted",
    C.R_NOT_ADMITTED: "no access rule admits your firm here: only orders that reduce the position are accepted",
    C.R_QUOTA_MESSAGES: "the venue's quota of 1 messages a second is used up (1 sent) (safe to resend)",
    C.R_QUOTA_JOURNAL: "the venue's quota of 100 journal bytes a second is used up (128 used, 128 more needed) (safe to resend)",
    C.R_QUOTA_ORDERS: "the venue has 1 open orders, and its quota is 1 (safe to resend)",
    C.R_THROTTLED_VENUE: "the venue's throttle of 2 messages per window is used up (2 sent) (safe to resend)",
    C.R_STALE: f"the deadline 20231114-22:13:19.999999999 had passed when the order was handled at {TIME} (safe to resend)",
    C.R_QTY_NOT_POSITIVE: "quantity -0.01 must be at least 0.01",
    C.R_QTY_LOT: "quantity 0.03 is not a multiple of the lot 0.02",
    C.R_QTY_TOO_SMALL: "quantity 0.02 is below the minimum 0.04",
    C.R_QTY_TOO_LARGE: "quantity 10.02 is above the maximum 10.00",
    C.R_NOTIONAL_TOO_LARGE: "the order is worth 950.00, above the maximum 500.00",
    C.R_COLLATERAL: "the order needs 280.00, and 0.00 is available (0.00 locked)",
    C.R_POST_ONLY_WOULD_TRADE: "a post-only order at 0.70 would trade with the best price 0.70",
}


def test_sentences_of_the_ladder() -> None:
    found = {reason: text for reason, text, _ in told(ladder.test_new)}
    assert {reason: found[reason] for reason in LADDER} == LADDER


@pytest.mark.parametrize(("name", "other"), CANCELS.items())
def test_a_cancel_that_describes_another_order_on_both_wires(name: str, other: int) -> None:
    """FIX: 35=9 with 434=1 and 102=99, the order's own status, and the tag; binary: the field, the order's value and the request's."""
    field, tag, own = {
        "side": (C.FIELD_SIDE, "54", C.BUY), "contract_side": (C.FIELD_CONTRACT_SIDE, "5010", C.YES),
        "instrument": (C.FIELD_INSTRUMENT, "55", 1), "account": (C.FIELD_ACCOUNT, "1", 16),
    }[name]  # fmt: skip
    s = WireStory(n=2)
    s.do(C.C_DEF_ACCOUNT, id=18, firm=1, account_kind=C.ACCT_TRADING)
    s.new(1, C.BUY, 10, 40, id=1)
    s.do(C.C_CANCEL, session=1, orig=1, id=2, **{name: other})
    ((_, on_fix, on_binary),) = s.wires
    assert on_fix is not None and isinstance(on_binary, M.CancelRejected)
    assert [on_fix.text(t) for t in (35, 434, 102, 39, 11, 41)] == ["9", "1", "99", "0", "2", "1"]
    assert on_fix.text(58) == f"tag {tag} differs from the order's: OrigClOrdID(41) names another order than the cancel describes"
    assert (on_binary.reason, on_binary.asked, on_binary.limit, on_binary.used) == (C.R_CANCEL_FIELD, field, own, other)

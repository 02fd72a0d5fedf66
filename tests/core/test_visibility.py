"""What a session's venue does not list does not exist for it: every request, the model and the core alike."""

from __future__ import annotations

import pytest

from protocol import codes as C
from tests.model_world import Row
from tests.model_worlds import Story

PLATFORM, GUEST = 1, 9  # sessions of firm 1: one of the platform, one that enters through venue 2; the market belongs to venue 1


@pytest.fixture(params=["model", "core"])
def story(request: pytest.FixtureRequest) -> Story:
    if request.param == "core":
        from tests.core_rig import PairStory

        s: Story = PairStory(cash=100_000, product=C.EXACTLY, n=2)
    else:
        s = Story(cash=100_000, product=C.EXACTLY, n=2)
    s.do(C.C_DEF_VENUE, id=2, fee_account=3)
    s.do(C.C_DEF_SESSION, id=GUEST, firm=1, venue=2, account=16)
    s.do(C.C_LOGON, session=GUEST, next_in=2)
    return s


def list_at_venue_2(story: Story) -> None:
    for instrument in (1, 2):
        story.do(C.C_DEF_LISTING, venue=2, instrument=instrument, model=C.FEE_QUADRATIC, owner_account=2, venue_account=3)


def reasons(events: list[Row]) -> list[tuple[int, int, int]]:
    return [(e.reason, e.get("limit", 0), e.get("used", 0)) for e in events]


REQUESTS = [  # of the guest, and how it is refused; `x`: the instrument or event meant
    (C.C_NEW, {"id": 50, "side": C.BUY, "contract_side": C.YES, "type": C.LIMIT, "tif": C.GTC, "price": 40, "qty": 1}, C.R_UNKNOWN_INSTRUMENT),
    (C.C_MASS_CANCEL, {"id": 50, "scope": C.SCOPE_INSTRUMENT}, C.R_UNKNOWN_INSTRUMENT),
    (C.C_MASS_CANCEL, {"id": 50, "scope": C.SCOPE_EVENT}, C.R_UNKNOWN_EVENT),
    (C.C_SPLIT, {"id": 50, "sets": 1}, C.R_UNKNOWN_EVENT),
    (C.C_MERGE, {"id": 50, "sets": 1}, C.R_UNKNOWN_EVENT),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "fields", "reason"), REQUESTS)
def test_a_market_that_the_venue_does_not_list_is_unknown(story: Story, kind: int, fields: dict[str, int], reason: int) -> None:
    story.do(C.C_SPLIT, session=PLATFORM, id=1, instrument=1, sets=5)
    story.new(PLATFORM, C.BUY, 1, 30, id=2)
    for x in (1, 60):  # it is there; it never was
        assert reasons(story.do(kind, session=GUEST, instrument=x, **{**fields, "id": 50 + x})) == [(reason, 0, 0)]
    list_at_venue_2(story)
    assert all(e.reason not in (C.R_UNKNOWN_INSTRUMENT, C.R_UNKNOWN_EVENT) for e in story.do(kind, session=GUEST, instrument=1, **fields))


def test_another_sessions_order_there_may_be_cancelled_but_not_replaced(story: Story) -> None:
    story.new(PLATFORM, C.BUY, 10, 30, id=2)
    refused = story.do(C.C_REPLACE, session=GUEST, id=3, orig=2, price=31, qty=20)
    assert [(e.kind, e.reason, e.asked) for e in refused] == [(C.E_CANCEL_REJECT, C.R_UNKNOWN_INSTRUMENT, 1)]
    list_at_venue_2(story)
    assert story.do(C.C_REPLACE, session=GUEST, id=4, orig=2, price=31, qty=20)[0].kind == C.E_REPLACED
    assert story.do(C.C_CANCEL, session=GUEST, id=5, orig=4)[0].kind == C.E_CANCELED


def test_a_cancel_needs_no_listing(story: Story) -> None:
    story.new(PLATFORM, C.BUY, 10, 30, id=2)
    assert story.do(C.C_CANCEL, session=GUEST, id=5, orig=2)[0].kind == C.E_CANCELED


def test_another_firms_account_is_unknown(story: Story) -> None:
    answers = [
        reasons(story.new(PLATFORM, C.BUY, 1, 40, account=account))
        + reasons(story.do(C.C_CANCEL, session=PLATFORM, id=9, orig=9, account=account))
        for account in (17, 55)  # firm 2's; no firm's
    ]
    assert answers[0] == answers[1] == [(C.R_UNKNOWN_ACCOUNT, 0, 0)] * 2

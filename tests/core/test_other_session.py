"""Two sessions of one firm act on each other's orders: the requesting session is answered; the session that entered the order gets a report
and keeps the order."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import codes as C
from tests.model_world import Row
from tests.model_worlds import Story

OWN, OTHER, BROTHER = 1, 2, 9  # sessions: of firm 1 (it enters the orders), of firm 2, and the second one of firm 1


@pytest.fixture(params=["model", "core"])
def story(request: pytest.FixtureRequest) -> Story:
    """Session 9 belongs to firm 1 as session 1 does, and has no default account; all logged on."""
    if request.param == "core":
        from tests.core_rig import PairStory

        s: Story = PairStory(cash=100_000)
    else:
        s = Story(cash=100_000)
    s.do(C.C_DEF_SESSION, id=BROTHER, firm=1)
    s.do(C.C_LOGON, session=BROTHER, next_in=2)
    return s


def told(events: list[Row], *names: str) -> list[tuple[Any, ...]]:
    """(session, kind, flags and the words named) of each event."""
    return [(e.session, e.kind, e.flags, *(e.get(name, 0) for name in names)) for e in events]


@pytest.mark.parametrize(("own", "request_id"), [(7, 8), ("seven", "eight"), (7, "eight"), ("seven", 8)])
def test_a_cancel_answers_the_asker_and_tells_the_owner(story: Story, own: Any, request_id: Any) -> None:
    order = story.new(OWN, C.BUY, 10, 40, id=own)[0].order
    events = story.do(C.C_CANCEL, session=BROTHER, orig=own, id=request_id, client_number=2)
    assert told(events, "id", "orig", "client_number", "status", "reason", "order", "leaves") == [
        (BROTHER, C.E_CANCELED, C.EF_OTHER_SESSION, request_id, own, 2, C.ST_CANCELED, C.R_USER_CANCEL, order, 0),
        (OWN, C.E_CANCELED, C.EF_UNSOLICITED, own, 0, 0, C.ST_CANCELED, C.R_USER_CANCEL, order, 0),
    ]
    again = story.do(C.C_CANCEL, session=BROTHER, orig=own, id=99)
    assert told(again, "reason") == [(BROTHER, C.E_CANCEL_REJECT, 0, C.R_ORDER_CLOSED)], "a refusal is the asker's alone"


def test_the_own_session_is_answered_once(story: Story) -> None:
    story.new(OWN, C.BUY, 10, 40, id=7)
    assert told(story.do(C.C_REPLACE, session=OWN, orig=7, id=8, price=41, qty=10), "id") == [(OWN, C.E_REPLACED, 0, 8)]
    assert told(story.do(C.C_CANCEL, session=OWN, orig=8, id=9), "id") == [(OWN, C.E_CANCELED, 0, 9)]


@pytest.mark.parametrize(("price", "qty"), [(40, 5), (41, 10), (39, 20)])
def test_a_replace_answers_the_asker_and_the_order_stays_its_owners(story: Story, price: int, qty: int) -> None:
    story.new(OWN, C.BUY, 10, 40, id=7)
    events = story.do(C.C_REPLACE, session=BROTHER, orig=7, id="new", price=price, qty=qty, client_number=2)
    words = ("id", "orig", "client_number", "reason", "price", "qty", "leaves")
    assert told(events, *words) == [
        (BROTHER, C.E_REPLACED, C.EF_OTHER_SESSION, "new", 7, 2, 0, price, qty, qty),
        (OWN, C.E_REPLACED, C.EF_UNSOLICITED, "new", 7, 0, C.R_USER_REPLACE, price, qty, qty),
    ]
    fill = story.new(OTHER, C.SELL, qty, price)
    assert [(e.session, e.kind, e.id) for e in fill if e.id == "new"] == [(OWN, C.E_FILL, "new")], "fills go where the order was entered"


def test_a_replace_that_trades_or_ends_the_order(story: Story) -> None:
    story.new(OTHER, C.SELL, 4, 45, id=1)
    story.new(OWN, C.BUY, 10, 40, id=7)
    events = story.do(C.C_REPLACE, session=BROTHER, orig=7, id=8, price=45, qty=10)
    assert [(e.session, e.kind, e.id) for e in events] == [
        (BROTHER, C.E_REPLACED, 8), (OWN, C.E_REPLACED, 8), (OTHER, C.E_FILL, 1), (OWN, C.E_FILL, 8),
    ]  # fmt: skip
    events = story.do(C.C_REPLACE, session=BROTHER, orig=8, id=9, price=45, qty=4)
    assert told(events, "id", "orig", "reason", "cum") == [
        (BROTHER, C.E_CANCELED, C.EF_OTHER_SESSION, 9, 8, C.R_REPLACED_TO_FILLED, 4),
        (OWN, C.E_CANCELED, C.EF_UNSOLICITED, 8, 0, C.R_REPLACED_TO_FILLED, 4),
    ]


def test_a_session_that_is_away_finds_the_news_in_its_numbers(story: Story) -> None:
    story.new(OWN, C.BUY, 10, 40, id=7)
    story.do(C.C_LOGOFF, session=OWN)
    before = story.model.sessions[OWN].next_out
    story.do(C.C_CANCEL, session=BROTHER, orig=7, id=8)
    assert story.model.sessions[OWN].next_out == before + 1


def test_a_mass_cancel_is_unsolicited_for_the_sessions_that_did_not_ask(story: Story) -> None:
    story.new(OWN, C.BUY, 10, 40, id=7)
    story.new(BROTHER, C.BUY, 10, 39, id=8, account=16)
    events = story.do(C.C_MASS_CANCEL, session=BROTHER, scope=C.SCOPE_FIRM, id=9)
    assert told(events, "id", "reason") == [
        (BROTHER, C.E_CANCELED, 0, 8, C.R_MASS_CANCEL),
        (OWN, C.E_CANCELED, C.EF_UNSOLICITED, 7, C.R_MASS_CANCEL),
        (BROTHER, C.E_MASS_DONE, 0, 9, 0),
    ]

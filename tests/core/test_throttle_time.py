"""A throttle's window is counted in the steady clock of the TIME row, whatever is done to the time of day."""

from __future__ import annotations

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.core.risk.pacing import OVER, SOON, SOON_LEAST, over_pace
from exchange_server.state import Session, Venue, table
from protocol import codes as C
from tests.core_rig import PairStory
from tests.model_worlds import SECOND

WINDOW = 10 * SECOND


def at(story: PairStory, now: int, tick: int, refuse: int = 0) -> None:
    story.do(C.C_TIME, turn=story.model.turn + 1, now=story.model.now + now, tick=story.model.tick + tick, refuse=refuse)


def throttled(level: str) -> PairStory:
    """Session 1, or its venue, may send two orders in ten seconds and has sent them."""
    story = PairStory()
    limits = {"throttle_limit": 2, "throttle_window": WINDOW}
    if level == "session":
        story.do(C.C_DEF_SESSION, id=1, firm=1, account=16, **limits)
    else:
        story.do(C.C_DEF_VENUE, id=1, fee_account=2, **limits)
    for id in (1, 2):
        assert [e.kind for e in story.new(1, C.BUY, 1, 50, id=id)] == [C.E_ACCEPTED]
    return story


@pytest.mark.parametrize("level", ["session", "venue"])
@pytest.mark.parametrize("now", [0, 1, 86_400 * SECOND])
def test_a_window_ends_on_the_steady_clock(level: str, now: int) -> None:
    story = throttled(level)
    at(story, now, WINDOW - 1)
    assert [e.kind for e in story.new(1, C.BUY, 1, 50, id=3)] == [C.E_REJECTED], "a day of exchange time does not end it"
    at(story, 0, 1)
    assert [e.kind for e in story.new(1, C.BUY, 1, 50, id=3)] == [C.E_ACCEPTED], "though exchange time stands still"


def test_the_steady_clock_never_falls() -> None:
    story = throttled("session")
    at(story, 0, -5 * SECOND)
    at(story, 0, WINDOW - 1)
    assert [e.kind for e in story.new(1, C.BUY, 1, 50, id=3)] == [C.E_REJECTED]
    at(story, 0, 1)
    assert [e.kind for e in story.new(1, C.BUY, 1, 50, id=3)] == [C.E_ACCEPTED]


def test_a_clock_that_is_not_believed_refuses_new_orders_and_replaces_only() -> None:
    story = PairStory()
    story.new(1, C.BUY, 4, 50, id=1)
    at(story, 0, 1, C.R_CLOCK_JUMP)
    (refused,) = story.new(1, C.BUY, 4, 50, id=2)
    assert (refused.kind, refused.reason) == (C.E_REJECTED, C.R_CLOCK_JUMP)
    (refused,) = story.do(C.C_REPLACE, session=1, account=16, id=3, orig=1, instrument=1, side=C.BUY, price=50, qty=2)
    assert (refused.kind, refused.reason) == (C.E_CANCEL_REJECT, C.R_CLOCK_JUMP)
    assert [e.kind for e in story.do(C.C_CANCEL, session=1, id=4, orig=1)] == [C.E_CANCELED]
    at(story, 0, 1)
    assert [e.kind for e in story.new(1, C.BUY, 4, 50, id=2)] == [C.E_ACCEPTED], "its id was not used up"


OF_VENUE, OF_VENUE_TOO, OF_PLATFORM = 5, 6, 3  # sessions


def paces(story: PairStory) -> np.ndarray:
    """By session id; the kernel's count is that of the marks."""
    marks = np.zeros(table(story.pair.core.m, L.P_SESSION).capacity, np.uint8)
    assert over_pace(story.pair.core.m, marks) == (marks != 0).sum()
    return marks


@pytest.mark.parametrize(
    "limits", [{}, {"session": 3}, {"venue": 3}, {"max_messages": 3}, {"max_journal": 3 * 8 * L.CMD_WORDS}, {"venue": 3, "session": 9}]
)
def test_who_is_told_to_be_over_a_throttle_is_refused_and_nobody_else(limits: dict[str, int]) -> None:
    """pacing.over_pace, which says who waits for a turn (net/floods.py), against what the core does with the next order."""
    story = PairStory(firms=3)
    for session, firm in ((OF_VENUE, 1), (OF_VENUE_TOO, 2)):
        limit = limits.get("session", 0) if session == OF_VENUE else 0
        story.do(C.C_DEF_SESSION, id=session, firm=firm, account=15 + firm, venue=1, throttle_limit=limit, throttle_window=SECOND)
        story.do(C.C_LOGON, session=session, next_in=2)
    quotas = {name: value for name, value in limits.items() if name.startswith("max")}
    story.do(C.C_DEF_VENUE, id=1, fee_account=2, throttle_limit=limits.get("venue", 0), throttle_window=SECOND, **quotas)
    id, seen = 0, set()
    for step in [0] * 5 + [SECOND - 1, 0, 1, 0, 0, 0, 0, 2 * SECOND, 0]:
        if step:
            at(story, 0, step)
        for session, firm in ((OF_VENUE, 1), (OF_VENUE_TOO, 2)):
            told = paces(story)[session] == OVER
            id += 1
            (answer,) = story.new(firm, C.BUY, 1, 50, id=id, session=session)
            assert told == (answer.kind == C.E_REJECTED), (step, session, id)
            seen.add((session, told))
    over = {OF_VENUE} if set(limits) == {"session"} else {OF_VENUE, OF_VENUE_TOO} if limits else set()
    assert seen == {(session, False) for session in (OF_VENUE, OF_VENUE_TOO)} | {(session, True) for session in over}
    assert paces(story)[OF_PLATFORM] == 0


@pytest.mark.parametrize("level", ["session", "venue", "max_messages"])
@pytest.mark.parametrize(
    ("limit", "used", "passed", "pace"),
    [
        (16 * SOON_LEAST, SOON_LEAST - 1, 0, 0),  # too few to disturb anybody
        (16 * SOON_LEAST, SOON_LEAST, 0, SOON),
        (16 * SOON_LEAST + 16, SOON_LEAST, 0, 0),  # less than a sixteenth of the limit
        (4096, 769, SECOND // 16 - 1, SOON),  # an even pace: 256 by then
        (4096, 768, SECOND // 16 + 1_000_000, 0),  # three times the even pace, not more
        (4096, 2049, SECOND // 2, 0),
        (4096, 4096, SECOND - 1, OVER),  # the next one is refused
        (4096, 4096, SECOND, 0),  # in a new window
        (300, 300, 10, OVER),
        (10, 9, SECOND - 1, 0),
        (1_000_000_000_000_000_000, 1 << 40, 0, 0),
        (1_000_000_000_000_000_000, 1 << 57, SECOND // 1024, SOON),
    ],
)
def test_the_pace_at_which_a_throttle_is_used(level: str, limit: int, used: int, passed: int, pace: int) -> None:
    story = PairStory(firms=3)
    of = {level: limit}
    story.do(C.C_DEF_SESSION, id=OF_VENUE, firm=1, account=16, venue=1, throttle_limit=of.get("session", 0), throttle_window=SECOND)
    quotas = {"max_messages": limit} if level == "max_messages" else {}
    story.do(C.C_DEF_VENUE, id=1, fee_account=2, throttle_limit=of.get("venue", 0), throttle_window=SECOND, **quotas)
    story.do(C.C_LOGON, session=OF_VENUE, next_in=2)
    story.new(1, C.BUY, 1, 50, id=1, session=OF_VENUE)  # its window begins
    m = story.pair.core.m
    row = Session.of(m, OF_VENUE) if level == "session" else Venue.of(m, 1)
    throttle = {"session": L.S_THROTTLE, "venue": L.V_THROTTLE, "max_messages": L.V_PACE}[level]
    assert m[row.at + throttle + L.TH_USED] == 1
    m[row.at + throttle + L.TH_USED] = used
    m[L.H_TICK] += passed
    assert paces(story)[OF_VENUE] == pace


def test_a_session_that_is_not_logged_on_floods_nobody() -> None:
    story = throttled("session")
    assert paces(story)[1] == OVER
    story.do(C.C_LOGOFF, session=1)
    assert paces(story)[1] == 0

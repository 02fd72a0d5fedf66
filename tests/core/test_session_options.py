"""What a session chose at its logon holds while it is on, whatever the operator defines meanwhile; the definition holds from the next logon on."""

from __future__ import annotations

from typing import Any

import pytest

from exchange_server.core import layout as L
from protocol import codes as C
from tests.core_rig import PairStory

CANCEL, SETTLEMENT = 2, 4  # LOGON_*


@pytest.fixture
def story() -> PairStory:
    """Session 1 is logged off."""
    s = PairStory(cash=100_000)
    s.do(C.C_LOGOFF, session=1)
    return s


def define(s: PairStory, **options: Any) -> None:
    s.do(C.C_DEF_SESSION, id=1, firm=1, account=16, **options)


def options(s: PairStory) -> tuple[bool, bool]:
    """(cancel on disconnect, settlement reports) in the core's row of session 1."""
    m = s.pair.core.m
    row = int(m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE]) + L.SESSION_WORDS
    flags = int(m[row + L.S_FLAGS])
    return bool(flags & L.SF_CANCEL_ON_DISCONNECT), bool(flags & L.SF_SETTLEMENT)


def test_a_definition_does_not_take_away_what_the_logon_chose(story: PairStory) -> None:
    story.do(C.C_LOGON, session=1, logon_flags=CANCEL | SETTLEMENT, heartbeat=7_000_000_000)
    define(story)
    assert options(story) == (True, True) and story.model.sessions[1].heartbeat == 7_000_000_000
    story.new(1, C.BUY, 10, 40)
    assert [e.kind for e in story.do(C.C_LOGOFF, session=1)] == [C.E_LOGOFF, C.E_CANCELED], "its orders go as it was promised"


def test_nor_does_it_add_to_a_session_that_is_on(story: PairStory) -> None:
    story.do(C.C_LOGON, session=1)
    define(story, cancel_on_disconnect=True, settlement=True)
    assert options(story) == (False, False)
    story.new(1, C.BUY, 10, 40)
    assert [e.kind for e in story.do(C.C_LOGOFF, session=1)] == [C.E_LOGOFF], "it had not asked for it"
    story.do(C.C_LOGON, session=1)
    assert options(story) == (True, True), "from the next logon on"
    assert [e.kind for e in story.do(C.C_LOGOFF, session=1)] == [C.E_LOGOFF, C.E_CANCELED]


@pytest.mark.parametrize("chosen", [0, CANCEL, SETTLEMENT, CANCEL | SETTLEMENT])
def test_the_definition_and_the_client_add_up(story: PairStory, chosen: int) -> None:
    define(story, cancel_on_disconnect=True)
    story.do(C.C_LOGON, session=1, logon_flags=chosen)
    assert options(story) == (True, bool(chosen & SETTLEMENT))
    define(story)
    story.do(C.C_LOGOFF, session=1)
    story.do(C.C_LOGON, session=1, logon_flags=chosen)
    assert options(story) == (bool(chosen & CANCEL), bool(chosen & SETTLEMENT)), "the newest definition, and nothing of an older logon"


def test_a_session_that_is_off_has_what_is_defined(story: PairStory) -> None:
    define(story, settlement=True)
    assert options(story) == (False, True)
    define(story)
    assert options(story) == (False, False)

"""The tables of phases: complete, free of contradictions, and the same in every place that shows them."""

import re
from typing import Literal, get_args, get_type_hints

import pytest

from config import admin_records as ar
from protocol import codes, errors, phases
from scripts import make_docs
from tests.model_changes import TRANSITIONS

ALL = sorted(codes.PHASE_NAMES)


def test_every_phase_stands_in_both_tables() -> None:
    assert list(range(phases.COUNT)) == ALL == sorted(phases.ALLOWED) == sorted(phases.NEXT)
    assert set().union(*phases.ALLOWED.values()) == set(phases.ACTIONS)
    assert {new for after in phases.NEXT.values() for new in after} <= set(ALL)


@pytest.mark.parametrize("phase", ALL)
def test_what_one_cell_says_the_others_do_not_deny(phase: int) -> None:
    may = phases.ALLOWED[phase]
    follows_itself = phase in (codes.PH_DETERMINED, codes.PH_DISPUTED)
    assert (phase in phases.NEXT[phase]) == follows_itself, "a determination is replaced by another, a dispute joined by another party"
    assert phases.CANCEL in may
    assert phases.MATCH not in may or phases.REST in may, "what trades may leave a rest"
    for action, leads_to in phases.LEADS_TO.items():
        stays = phase == codes.PH_FINAL and action == phases.CORRECT
        assert stays or action not in may or set(leads_to) & set(phases.NEXT[phase]), action
    assert (phases.SETTLE in may) == (phase == codes.PH_CLOSED or phases.may_set(phase, codes.PH_CLOSED))
    for new in phases.NEXT[phase]:
        assert (new in phases.BY_ACTION) == bool(phases.actions_to(phase, new)) != phases.may_set(phase, new)
        if new in phases.BY_ACTION:
            assert phases.REST not in may or phases.actions_to(phase, new) == (phases.VOID,), "of these acts only a void cancels what rests"


def test_masks_are_the_tables() -> None:
    for action in phases.ACTIONS:
        assert [bool(phases.mask(action) >> phase & 1) for phase in ALL] == [phases.allows(phase, action) for phase in ALL]
    for old in ALL:
        assert [bool(phases.SET_MASKS[old] >> new & 1) for new in ALL] == [phases.may_set(old, new) for new in ALL]


def test_each_refusal_has_a_reason() -> None:
    for refusals in (phases.ORDER_REFUSALS, phases.DETERMINE_REFUSALS, phases.FINALISE_REFUSALS):
        assert len(refusals) == phases.COUNT and all(code in errors.REFUSALS for code in refusals)


def test_the_naive_exchange_has_the_same_steps() -> None:
    """It is written independently; this test compares the two."""
    for old in ALL:
        assert sorted(TRANSITIONS.get(old, ())) == [new for new in ALL if phases.may_set(old, new)], phases.name(old)


def test_records_and_pages_take_their_phases_from_the_tables() -> None:
    names = tuple(map(phases.name, phases.SET_BY_NAME))
    assert get_type_hints(ar.SetPhase)["phase"] == Literal[phases.SETTABLE] and phases.SETTABLE == names  # type: ignore[valid-type]
    assert get_args(get_type_hints(ar.DefineMarket)["phase"]) == tuple(map(phases.name, phases.FIRST))
    page = (make_docs.ROOT / "docs" / "phases.md").read_text(encoding="utf-8")
    assert page == make_docs.PAGES["docs/phases.md"](), "run: python -m scripts.make_docs"
    cli = (make_docs.ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    shown = re.search(r"exos market phase \[OPTIONS\] EVENT \{([a-z_|]+)\}`", cli)
    assert shown is not None and set(shown[1].split("|")) == set(names)

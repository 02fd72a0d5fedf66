"""The table of freezes: every level and action once, each level stricter than the one before it."""

import pytest

from protocol import codes, freeze

TABLE = {  # level: what goes on
    "none": set(freeze.ACTIONS),
    "cancel_only": {freeze.CANCEL, freeze.PHASE, freeze.SETTLE},
    "settle_only": {freeze.SETTLE},
    "nothing": set(),
}


@pytest.mark.parametrize("name", freeze.BY_NAME)
def test_what_goes_on(name: str) -> None:
    level = freeze.BY_NAME[name]
    assert {action for action in freeze.ACTIONS if not freeze.stops(level, action)} == TABLE[name]


def test_each_level_has_a_reason_of_its_own() -> None:
    assert len(set(freeze.REFUSALS)) == len(freeze.NAMES) == len(freeze.REFUSALS) and freeze.REFUSALS[freeze.NONE] == codes.OK

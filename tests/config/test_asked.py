"""A file against what the server has: the record that is sent, and refusals with their place."""

import pytest

from config import asked, sources
from config.amounts import ConfigError

RUNNING = asked.Running(
    assets={"USD": 4}, settings={}, revision=7, capacities={"firms": 4}, owned=[("firm", "OLD"), ("rule", "kyc of V")], venues=["V"]
)


def ask(text: str, prune: bool = False) -> asked.Ask:
    with sources.given({"f.toml": text}):
        return asked.prepared("f.toml", RUNNING, "because", prune)


def test_what_the_file_made_and_no_longer_names_ends_when_it_is_asked_for() -> None:
    assert [type(item.record).__name__ for item in ask('[[member]]\nfirm = "F"\n').content.items] == ["DefineFirm"]
    pruned = ask('[[member]]\nfirm = "F"\n', prune=True)
    assert [type(one).__name__ for one in pruned.record.records] == ["DefineFirm", "RemoveAccessRule", "Close"]
    assert (pruned.record.name, pruned.record.why, pruned.record.base) == ("f.toml", "because", None)


def test_settings_are_meant_for_the_revision_that_they_were_read_with() -> None:
    assert ask('[server]\nhost = "10.0.0.1"\n').record.base == 7
    assert ask("[capacities]\nfirms = 9\n").notes == [
        "capacities.firms = 9: taken when the server is started with this configuration (now 4)"
    ]


def test_a_refusal_is_placed_where_the_file_says_it() -> None:
    found = ask('[[member]]\nfirm = "F"\n')
    with sources.given({"f.toml": '[[member]]\nfirm = "F"\n'}):
        placed = asked.placed(found.content, {"record": 0, "key": ["name"], "sentence": "is taken"})
    assert isinstance(placed, ConfigError) and (placed.line, placed.path, placed.sentence) == (2, "member[0].firm", "is taken")
    assert asked.placed(found.content, {"record": None, "key": ["base"], "sentence": "moved"}) == "base: moved"
    with pytest.raises(ConfigError, match="unknown key"):
        ask("x = 1\n")

"""The world of the tests of binary sessions, checked as a whole at the end of each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.binary.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    assert world.engine.check() == []
    world.store.close()

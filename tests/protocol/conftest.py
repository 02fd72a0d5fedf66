"""What the tests of the SDK run against: the world of the binary sessions, and a port to it."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.binary import conftest as binary
from tests.gateway.binary.world import World
from tests.protocol.client_rig import Rig

world = binary.world


@pytest.fixture
async def rig(world: World) -> AsyncIterator[Rig]:
    async with Rig(world) as rig:
        yield rig

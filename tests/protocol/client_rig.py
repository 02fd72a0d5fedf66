"""The exchange of tests/gateway/binary/world.py on a real port, with faults on demand, for the SDK's tests."""

import asyncio
from typing import Any

from tests.gateway.binary.world import End, World


class Peer(asyncio.Protocol):
    """One socket of a client."""

    def __init__(self, rig: "Rig") -> None:
        self.rig = rig
        self.end: End
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.end = End(self.rig.world, "", plain=True)
        self.rig.peers.append(self)
        self.rig.plan()

    def data_received(self, data: bytes) -> None:
        if self.rig.deaf:
            return  # read from the socket, never passed to the exchange
        self.end.raw += data
        self.rig.plan()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.rig.peers:
            self.rig.peers.remove(self)
            self.rig.log_off(self)


class Rig:
    """`deaf`: messages of clients are lost. `mute`: answers of the exchange are lost (the requests were carried out)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.peers: list[Peer] = []
        self.deaf = self.mute = False
        self.turns = 0
        self._planned = False
        self._server: Any = None
        self.port = 0

    async def __aenter__(self) -> "Rig":
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """The port is closed, every connection dropped."""
        self._server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self) -> None:
        """All connections break; messages in transit are lost."""
        for peer in list(self.peers):
            peer.transport.abort()

    def plan(self) -> None:
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self.turn)

    def log_off(self, peer: Peer) -> None:
        world = self.world
        world.begin()
        peer.end.connection.lost(world.input)
        world.apply()

    def turn(self) -> None:
        self._planned = False
        world = self.world
        self.turns += 1
        world.begin()
        more = False
        for peer in self.peers:
            peer.end.to_server()
            more |= peer.end.connection.gather(world.input) or bool(peer.end.raw)
        world.apply()
        for peer in list(self.peers):
            outlet = peer.end.outlet
            data, outlet.written = bytes(outlet.written), bytearray()
            if data and not self.mute:
                peer.transport.write(data)
            if outlet.closed is not None:
                peer.transport.close()
        if more:
            self.plan()

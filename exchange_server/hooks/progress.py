"""How far each endpoint has been served: `webhooks/progress.json`, written by the process only, whole and synced.

An endpoint's position moves only past messages that it has taken. So after a kill at any moment nothing is missing; what was taken since the last write is
posted again, with the same webhook-id.
"""

import asyncio
from pathlib import Path
from typing import Literal

import msgspec

from ..journal.fence import replace_file
from .endpoints import Endpoint, EndpointError, folder_of

FILE = "progress.json"
SAVE_S = 0.2


class Progress(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """position: every message of an earlier event was taken; done: events after it that were, too. replayed: number of the newest wish of the command line that
    is fulfilled. failing: event -> since when (ns, time of day) it fails. paused: why nothing is posted, "": it is."""

    added_ns: int
    position: int
    done: list[int] = []
    replayed: int = 0
    failing: dict[int, int] = {}
    paused: str = ""
    paused_ns: int = 0
    taken: int = 0  # messages, ever
    taken_ns: int = 0  # the last one
    problem: str = ""  # of the last attempt


class Content(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    format: Literal[1] = 1
    exchange: str = ""
    endpoints: dict[str, Progress] = {}


def read(data: Path) -> Content:
    """Raises EndpointError for a damaged file, OSError."""
    path = folder_of(data) / FILE
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return Content()
    try:
        return msgspec.json.decode(raw, type=Content)
    except msgspec.MsgspecError as error:
        raise EndpointError(f"{path} is damaged ({error}): remove it, and every endpoint begins again where it was added") from error


class Book:
    """The progress of all endpoints, and its file."""

    def __init__(self, data: Path, exchange: str) -> None:
        """exchange: the identity of the data folder. Raises EndpointError, OSError."""
        self.path = folder_of(data) / FILE
        self.content = read(data)
        self.content.exchange = exchange
        self.dirty = False

    def of(self, endpoint: Endpoint) -> Progress:
        """That of an endpoint; a new one begins where it was added."""
        found = self.content.endpoints.get(endpoint.name)
        if found is None or found.added_ns != endpoint.added_ns:
            found = self.content.endpoints[endpoint.name] = Progress(added_ns=endpoint.added_ns, position=endpoint.start)
            self.dirty = True
        return found

    def keep(self, names: set[str]) -> None:
        """Forget endpoints that were removed."""
        for name in self.content.endpoints.keys() - names:
            del self.content.endpoints[name]
            self.dirty = True

    async def run(self, ended: asyncio.Event) -> None:
        """Write what has changed, until `ended` is set, and once more then. Raises OSError."""
        over = False
        while not over:
            try:
                async with asyncio.timeout(SAVE_S):
                    over = await ended.wait()
            except TimeoutError:
                pass
            if self.dirty:
                self.dirty = False
                await asyncio.to_thread(replace_file, self.path, msgspec.json.encode(self.content) + b"\n")

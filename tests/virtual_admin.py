"""An operator's connection to a server on a virtual clock."""

import json
import socket
from typing import Any

import msgspec

from exchange_server.net.endpoint import Link
from tests.virtual import Transport, feed


class _Local(Transport):
    """As if this process were at the other end of the operator's socket."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = socket.socketpair()

    def get_extra_info(self, name: str) -> Any:
        return self.ends[0] if name == "socket" else None


class Admin:
    def __init__(self, house: Any) -> None:
        """house: tests/test_one_thread.py."""
        self.house, self.transport = house, _Local()
        self.link = Link(house.pipeline, "admin", house.server.makers["admin"])
        self.link.connection_made(self.transport)

    def ask(self, verb: str, record: Any = None, **fields: Any) -> dict[str, Any]:
        request = {"id": 1, "verb": verb, **fields}
        if record is not None:
            request["record"] = msgspec.to_builtins(record)
        feed(self.link, json.dumps(request).encode() + b"\n")
        for _ in range(20):
            self.house.loop.run()
            self.house.runner.step()
            if self.transport.written:
                break
        answer: dict[str, Any] = json.loads(self.transport.take())
        return answer

    def must(self, record: Any) -> dict[str, Any]:
        answer = self.ask("admin", record)
        assert answer["ok"], answer["text"]
        return answer

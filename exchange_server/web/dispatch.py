"""Which operation a request is for: found by the parts of its address. Whatever is none (pages, documents, the stream, wrong methods) goes on to the routes
of Starlette, which have the operations too."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from starlette.requests import Request

from .gateway import Gateway
from .operation import Operation

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Parts = tuple[str | None, ...]  # of an address; None: a name is there


class Dispatch:
    def __init__(self, app: Any, gateway: Gateway, operations: Iterable[Operation]) -> None:
        """operations: of two that fit, the first is meant."""
        self.app, self.gateway = app, gateway
        self._fixed: dict[tuple[str, str], Operation] = {}
        self._named: dict[tuple[str, int], list[tuple[Parts, Operation]]] = {}  # by method and number of parts
        for operation in operations:
            parts = tuple(None if part.startswith("{") else part for part in operation.path.split("/"))
            if None in parts:
                self._named.setdefault((operation.method, len(parts)), []).append((parts, operation))
            else:
                self._fixed[operation.method, operation.path] = operation

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """(the operation, the names in its address)."""
        if (found := self._fixed.get((method, path))) is not None:
            return found, {}
        given = path.split("/")
        for parts, operation in self._named.get((method, len(given)), ()):
            if all(have == want if want is not None else have for want, have in zip(parts, given)):
                return operation, dict(zip(operation.path_names, [have for want, have in zip(parts, given) if want is None]))
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self.find(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        operation, scope["path_params"] = found
        response = await self.gateway.carry_out(operation, Request(scope, receive))
        await response(scope, receive, send)

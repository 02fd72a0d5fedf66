"""The ASGI application: routes from the table of operations, the documents, the headers that every answer has."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from protocol import codes

from . import asyncapi, documents
from .dispatch import Dispatch, Receive, Scope, Send
from .gateway import PUBLIC, SLASH, Gateway
from .openapi import document
from .operation import Operation, problem_answer
from .pages.routes import Pages
from .problems import refusal
from .routes import ALL
from .stream import Streams

VERSION = "1"
CSP = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS = (
    (b"content-security-policy", CSP), (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"), (b"x-frame-options", b"DENY"),
)  # fmt: skip
HSTS = (b"strict-transport-security", b"max-age=31536000")
ALLOWED_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-CSRF-Token")
TOLD_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After")


class SecureHeaders:
    """Adds the headers of every answer, refusals and documents included."""

    def __init__(self, app: Any, secure: bool, shared: bool) -> None:
        """secure: the listener is under TLS; shared: pages of other origins are allowed (they are named in CORS)."""
        self.app = app
        self.headers = [(name, b"cross-origin" if shared and name.endswith(b"resource-policy") else value) for name, value in HEADERS]
        self.headers += [HSTS] if secure else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", ()))
                own = any(name == b"content-security-policy" for name, _ in given)  # a page's policy says who may frame it
                message["headers"] = given + [
                    one for one in self.headers if not (own and one[0] in (b"content-security-policy", b"x-frame-options"))
                ]
            await send(message)

        await self.app(scope, receive, with_headers)


class Slashes:
    """A name may have slashes, written %2F: they part nothing. Where the routes look they are another character."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path", b"") if scope["type"] == "http" and scope["path"].startswith("/v1/") else b""
        if b"%2F" in raw or b"%2f" in raw:
            hidden = raw.replace(b"%2f", b"%2F").replace(b"%2F", quote(SLASH).encode())
            scope = {**scope, "path": unquote(hidden.decode("ascii", "replace"))}
        await self.app(scope, receive, send)


def _endpoint(gateway: Gateway, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await gateway.carry_out(operation, request)

    return endpoint


def _document(content: dict[str, Any]) -> Callable[[Request], Awaitable[Response]]:
    encoded = msgspec.json.encode(content)

    async def endpoint(request: Request) -> Response:  # noqa: ARG001 (Starlette)
        return Response(encoded, 200, PUBLIC, "application/json")

    return endpoint


def _allowed(headers: dict[str, str]) -> str:
    names = next((value for name, value in headers.items() if name.lower() == "allow"), "")
    return f", but {', '.join(sorted(name.strip() for name in names.split(',')))}" if names else ""


def _otherwise(pages: Pages) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Addresses that no route has: views of the pages, else a refusal."""

    async def endpoint(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 404 and request.method in ("GET", "HEAD") and (page := pages.shell(request)) is not None:
            return page
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        text = f"{request.method[:16]} is not allowed here{_allowed(headers)}" if status == 405 else "there is nothing at this address"
        return problem_answer(refusal(codes.R_NO_RESOURCE, text, status=status), headers)

    return endpoint


def make_app(gateway: Gateway, pages: Pages) -> Any:
    """The ASGI application of a gateway and of its pages."""
    routes: list[Any] = [
        Route("/openapi.json", _document(document(ALL, VERSION)), methods=["GET"]),
        Route("/asyncapi.json", _document(asyncapi.document(VERSION)), methods=["GET"]),
        WebSocketRoute("/v1/stream", Streams(gateway).serve),
        *documents.routes(),
        *pages.routes(),
    ]
    operations = sorted(ALL, key=lambda one: ("{" in one.path, one.path))  # fixed paths before those with a name in their place
    for operation in operations:
        routes.append(Route(operation.path, _endpoint(gateway, operation), methods=[operation.method]))
    otherwise = _otherwise(pages)
    app: Any = Starlette(routes=routes, exception_handlers={404: otherwise, 405: otherwise})
    app.router.redirect_slashes = False
    app = Dispatch(app, gateway, operations)
    if origins := gateway.settings.origins:
        app = CORSMiddleware(
            app, allow_origins=list(origins), allow_methods=["GET", "POST", "PUT", "DELETE"], allow_headers=ALLOWED_HEADERS,
            expose_headers=TOLD_HEADERS, max_age=600,
        )  # fmt: skip
    return SecureHeaders(Slashes(app), gateway.settings.secure, bool(origins))

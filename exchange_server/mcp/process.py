"""The process: logs on, sees what the key may, offers the tools over stdio or over HTTP on this machine."""

import asyncio
import hmac
import secrets
import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvicorn
from mcp.server.mcpserver import MCPServer

from ..exits import Exit
from ..web.process import listen
from .api import KEY_SCOPE, Api, ApiError
from .tools import INSTRUCTIONS, Tools

TOKEN_BYTES = 32
NO_ORDER = (1 << 63) - 2


class McpOptions(NamedTuple):
    """url: of the HTTP API. login "": public tools only. trade: tools that trade are allowed. port: HTTP on this machine; None: stdio. token: what HTTP clients must
    show, "": one is made and told."""

    url: str
    login: str
    secret: str
    key_id: str = ""
    trade: bool = False
    port: int | None = None
    token: str = ""
    ready_file: Path | None = None


class NotStarted(Exception):
    """The text is one sentence."""


def run(options: McpOptions) -> int:
    """Serve until the other side ends (stdio) or a signal comes; an exits.Exit."""
    try:
        return asyncio.run(_main(options))
    except NotStarted as error:
        _say({"level": "error", "event": "not_started", "exit_code": int(Exit.BESIDE), "text": str(error)})
        return Exit.BESIDE


def _say(line: dict[str, Any]) -> None:
    """On stderr: stdout is the protocol's."""
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()


async def make(api: Api, trade: bool) -> MCPServer[Any]:
    """The server with the tools that the key allows. Raises NotStarted."""
    server: MCPServer[Any] = MCPServer("exos", instructions=INSTRUCTIONS, log_level="WARNING")
    accounts: list[str] = []
    try:
        if api.login:
            accounts = (await api.log_on())["accounts"]
        budget = "/v1/budget" in (await api.get("/openapi.json")).get("paths", {})
    except ApiError as error:
        raise NotStarted(f"{api.login or 'the API'}: {error}") from None
    if trade and not accounts:
        raise NotStarted(f"--trade: the key of {api.login or 'nobody'} has no account to trade for")
    if trade and not await may_trade(api):
        raise NotStarted(f"--trade: the key of {api.login} has not the scope trade (docs/credentials.md)")
    Tools(api, server, account=bool(accounts), trade=trade, budget=budget)
    return server


async def may_trade(api: Api) -> bool:
    """Whether the key has the scope for orders. Nothing tells it but the exchange's answer to a request that needs it: a cancel of an order that nobody has."""
    try:
        await api.send("DELETE", f"/v1/orders/by-client-id/{NO_ORDER}")
    except ApiError as error:
        return error.name != KEY_SCOPE
    return True


async def _main(options: McpOptions) -> int:
    api = Api(options.url, options.login, options.secret, options.key_id)
    try:
        server = await make(api, options.trade)
        if options.port is None:
            await server.run_stdio_async()
        else:
            await _http(server, options)
        return Exit.OK
    finally:
        await api.close()


class Guard:
    """Lets only requests with the token pass."""

    def __init__(self, app: Any, token: str) -> None:
        self.app, self._wanted = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
            if not hmac.compare_digest(given, self._wanted):
                headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Bearer")]
                await send({"type": "http.response.start", "status": 401, "headers": headers})
                await send({"type": "http.response.body", "body": b'{"error": "the token of exos mcp is required"}'})
                return
        await self.app(scope, receive, send)


async def _http(server: MCPServer[Any], options: McpOptions) -> None:
    """On 127.0.0.1 only. Requests must name this machine as their host, and pages of other origins are refused (the SDK's check)."""
    token = options.token or secrets.token_urlsafe(TOKEN_BYTES)
    app = Guard(server.streamable_http_app(json_response=True, stateless_http=True), token)
    try:
        listener = listen("127.0.0.1", options.port or 0)
    except OSError as error:
        raise NotStarted(f"127.0.0.1:{options.port} cannot be opened: {error.strerror or error}") from None
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="on")
    port = listener.getsockname()[1]
    line = {"ready": True, "address": f"http://127.0.0.1:{port}/mcp", **({} if options.token else {"token": token})}
    sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()
    if options.ready_file is not None:
        options.ready_file.write_bytes(msgspec.json.encode(line) + b"\n")
    await uvicorn.Server(config).serve(sockets=[listener])

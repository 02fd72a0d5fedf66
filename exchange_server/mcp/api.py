# tidy: allow test-file because tests/mcp/test_mcp_server.py has the tools with the SDK's own client
"""A client of the HTTP API (docs/http-api.md) with one login of its own. It has no right that its key has not: the exchange decides."""

from typing import Any
from urllib.parse import quote

import httpx2

TIMEOUT_S = 20.0
KEY_SCOPE = "key_scope"  # the reason that another logon does not change
ANSWER_BYTES = 4 * 1024 * 1024


class ApiError(Exception):
    """The API refused or did not answer. The text says it whole: name and number of the reason, limit, used and asked."""

    def __init__(self, text: str, status: int = 0, name: str = "") -> None:
        super().__init__(text)
        self.status, self.name = status, name


def problem_text(status: int, found: Any) -> str:
    """A refusal as one sentence with its numbers."""
    if not isinstance(found, dict) or "detail" not in found:
        return f"the API answered with status {status}"
    told = [f"{key} {found[key]}" for key in ("limit", "used", "asked") if found.get(key) is not None]
    where = f" (at {found['at']})" if found.get("at") else ""
    about = f" [{', '.join(told)}]" if told else ""
    return f"refused: {found['detail']}{where}{about}. Reason {found.get('name')} ({found.get('code')}), status {status}"


class Api:
    """login "": only what is public."""

    def __init__(self, url: str, login: str, secret: str, key_id: str = "", transport: Any = None) -> None:
        self.login, self._secret, self._key_id = login, secret, key_id
        self._token = ""
        self._client = httpx2.AsyncClient(base_url=url.rstrip("/"), timeout=TIMEOUT_S, follow_redirects=False, transport=transport)

    async def close(self) -> None:
        """Log out."""
        if self._token:
            try:
                await self._client.delete("/v1/sessions/current", headers=self._headers())
            except httpx2.HTTPError:
                self._token = ""  # the session ends by itself
        await self._client.aclose()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    async def log_on(self) -> dict[str, Any]:
        """The session. Raises ApiError."""
        self._token = ""
        body = {"login": self.login, "secret": self._secret, "key_id": self._key_id}
        found = await self._once("POST", "/v1/sessions", json=body)
        self._token = found["token"]
        return found

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Raises ApiError."""
        return await self._ask("GET", path, params={name: value for name, value in query.items() if value not in (None, "")})

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Raises ApiError."""
        return await self._ask(method, path, **({"json": body} if body is not None else {}))

    async def _ask(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        """Once more after a new logon if the token is over."""
        try:
            return await self._once(method, path, **rest)
        except ApiError as error:
            if error.status != 401 or error.name == KEY_SCOPE or not self.login:
                raise
        await self.log_on()
        return await self._once(method, path, **rest)

    async def _once(self, method: str, path: str, **rest: Any) -> dict[str, Any]:
        try:
            answer = await self._client.request(method, path, headers=self._headers(), **rest)
            found = answer.json() if len(answer.content) <= ANSWER_BYTES else None
        except httpx2.HTTPError as error:
            raise ApiError(
                f"the HTTP API at {self._client.base_url} does not answer ({type(error).__name__}): is exos web running?"
            ) from error
        except ValueError:
            found = None
        if answer.is_success and isinstance(found, dict):
            return found
        name = found.get("name", "") if isinstance(found, dict) else ""
        raise ApiError(problem_text(answer.status_code, found), answer.status_code, name)


def part(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")

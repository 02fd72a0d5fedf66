"""The page's routes: its shell at every address of a brand, its files, and the small page for other sites to frame.

Every text of a market reaches the browser as JSON over the API, never in HTML: the shell holds only what the brand's configuration says, escaped.
"""

import html
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol import codes

from ..operation import problem_answer
from ..problems import refusal
from .brand import Brand, choose
from .files import Files

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SHELL_HEADERS = {
    "Content-Security-Policy": f"{CSP}; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-cache",
    "Vary": "Host",
}
EMBED_HEADERS = {
    "Content-Security-Policy": f"{CSP}; frame-ancestors *",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-cache",
    "Vary": "Host",
}
FOREVER = "public, max-age=31536000, immutable"
SHEETS = ("tokens.css", "base.css", "shell.css", "markets.css", "market.css", "trade.css", "account.css")
EMBED_SHEETS = ("tokens.css", "base.css", "embed.css")
_VIEW = re.compile(r"/|/m/[^/]{1,64}|/portfolio|/admin")
_EMBED = re.compile(r"/embed/[^/]{1,64}")

Endpoint = Callable[[Request], Awaitable[Response]]


class Pages:
    """All pages of the process."""

    def __init__(self, brands: tuple[Brand, ...] = (), files: Files | None = None) -> None:
        self.brands = brands or (Brand(),)
        self.files = files or Files()
        self._made: dict[tuple[int, str], bytes] = {}

    def routes(self) -> list[Any]:
        """Of files; the pages themselves are at every address that no route has (`shell`)."""
        return [
            Route("/static/{version}/{path:path}", self._file, methods=["GET"]),
            Route("/brand/{version}/{number:int}.css", self._colours, methods=["GET"]),
        ]

    def shell(self, request: Request) -> Response | None:
        """The page at an address; None: there is none."""
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        found = choose(self.brands, host.lower(), request.url.path)
        if found is not None:
            brand, rest = found
            if _VIEW.fullmatch(rest):
                return self._html(brand, "index.html", SHELL_HEADERS)
            if _EMBED.fullmatch(rest):
                return self._html(brand, "embed.html", EMBED_HEADERS)
        return None

    def _html(self, brand: Brand, name: str, headers: dict[str, str]) -> Response:
        """`exos web` lives long and brands are few: what is made once is kept."""
        key = self.brands.index(brand), name
        if key not in self._made:
            self._made[key] = self._fill(brand, name).encode()
        return Response(self._made[key], 200, headers, "text/html; charset=utf-8")

    def _fill(self, brand: Brand, name: str) -> str:
        version, embed = self.files.version, name == "embed.html"
        main = "embed.js" if embed else "main.js"
        sheets = [f"/static/{version}/{sheet}" for sheet in (EMBED_SHEETS if embed else SHEETS)]
        if brand.colours:
            sheets.append(f"/brand/{version}/{self.brands.index(brand)}.css")
        links = [f'<link rel="stylesheet" href="{sheet}">' for sheet in sheets]
        links += [f'<link rel="modulepreload" href="/static/{version}/{module}">' for module in self.files.imports(main)]
        words = {
            "name": html.escape(brand.name), "base": brand.base, "venues": html.escape(",".join(brand.venues)), "static": f"/static/{version}",
            "links": "\n    ".join(links), "main": f"/static/{version}/{main}",
        }  # fmt: skip
        return re.sub(r"\{\{(\w+)\}\}", lambda match: words[match[1]], self.files.text(name))

    async def _file(self, request: Request) -> Response:
        file = self.files.all.get(request.path_params["path"])
        if file is None or request.path_params["version"] != self.files.version or file.kind.startswith("text/html"):
            return problem_answer(refusal(codes.R_NO_RESOURCE, "there is no such file", status=404), {})
        headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
        if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(file.packed, 200, headers | {"Content-Encoding": "gzip"}, file.kind)
        return Response(file.body, 200, headers, file.kind)

    async def _colours(self, request: Request) -> Response:
        number = request.path_params["number"]
        if request.path_params["version"] != self.files.version or number >= len(self.brands):
            return problem_answer(refusal(codes.R_NO_RESOURCE, "there is no such file", status=404), {})
        return Response(self.brands[number].css(), 200, {"Cache-Control": "no-cache"}, "text/css; charset=utf-8")

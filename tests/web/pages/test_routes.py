"""The page over HTTP: its addresses, the headers of each, and what a brand changes."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from exchange_server.web.app import SecureHeaders, _otherwise
from exchange_server.web.pages.brand import Brand
from exchange_server.web.pages.routes import Pages

BRANDS = (
    Brand("Harbour & <Sons>", "/harbour", "", ("HARBOUR",), (("light", {"accent": "#7a2e8e"}), ("dark", {"accent": "#d59be6"}))),
    Brand("Tiny", "", "tiny.example"),
    Brand(),
)
STRICT = {
    "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "connect-src": "'self'", "img-src": "'self' data:", "base-uri": "'none'",
    "form-action": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'",
}  # fmt: skip


class Page:
    """The application without a server."""

    def __init__(self, app: Any) -> None:
        self.app = app

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def asked() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="https://any.example") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(asked())

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self.ask("GET", path, headers)


@pytest.fixture(scope="module")
def page() -> Page:
    pages = Pages(BRANDS)
    otherwise = _otherwise(pages)
    app = Starlette(routes=pages.routes(), exception_handlers={404: otherwise, 405: otherwise})
    app.router.redirect_slashes = False
    return Page(SecureHeaders(app, secure=True, shared=False))


def policy(headers: httpx.Headers) -> dict[str, str]:
    found = headers.get_list("content-security-policy")
    assert len(found) == 1
    return dict(part.split(" ", 1) for part in found[0].split("; "))


@pytest.mark.parametrize("path", ["/", "/m/CUP", "/portfolio", "/harbour", "/harbour/", "/harbour/m/CUP"])
def test_views(page: Page, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert policy(answer.headers) == STRICT | {"frame-ancestors": "'none'"}
    for name, value in {
        "x-content-type-options": "nosniff", "x-frame-options": "DENY", "referrer-policy": "no-referrer", "cache-control": "no-cache",
        "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin", "strict-transport-security": "max-age=31536000",
    }.items():  # fmt: skip
        assert answer.headers.get_list(name) == [value], name
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/embed/CUP", "/harbour/embed/CUP"])
def test_the_embedded_page_may_be_framed_and_nothing_else_is_different(page: Page, path: str) -> None:
    answer = page.get(path)
    assert answer.status_code == 200 and policy(answer.headers) == STRICT | {"frame-ancestors": "*"}
    assert "x-frame-options" not in answer.headers and "set-cookie" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "no-referrer"
    assert "localStorage" not in answer.text and "session" not in answer.text


def test_whatever_the_page_names_is_there_and_may_be_kept(page: Page) -> None:
    found = re.findall(r'(?:href|src)="(/(?:static|brand)/[^"]+)"', page.get("/harbour/").text)
    assert len(found) > 30 and any(path.startswith("/brand/") for path in found)
    for path in found:
        answer = page.get(path)
        assert answer.status_code == 200, path
        if path.startswith("/static/"):
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-type"].partition(";")[0] in ("text/javascript", "text/css", "image/svg+xml")
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    ["/static/0123456789ab/main.js", "/static/{version}/no.js", "/static/{version}/index.html", "/static/{version}/../app.py", "/m/", "/m/A/B", "/no", "/embed/",
     "/v1/no", "/brand/{version}/99.css"],
)  # fmt: skip
def test_what_is_not_there(page: Page, path: str) -> None:
    version = re.findall(r"/static/(\w+)/main.js", page.get("/").text)[0]
    answer = page.get(path.replace("{version}", version))
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")


def test_only_reading(page: Page) -> None:
    assert page.ask("POST", "/").status_code == 404 and page.ask("HEAD", "/").status_code == 200


def test_a_brand_has_its_own_name_colours_and_venues(page: Page) -> None:
    text = page.get("/harbour/").text
    assert "<title>Harbour &amp; &lt;Sons&gt;</title>" in text and "<Sons>" not in text
    assert 'data-base="/harbour" data-venues="HARBOUR"' in text and 'href="/harbour/portfolio"' in text
    path = re.findall(r'href="(/brand/[^"]+)"', text)[0]
    assert page.get(path).text == ":root {\n  --accent: light-dark(#7a2e8e, #d59be6);\n}\n"
    usual = page.get("/").text
    assert "<title>exos</title>" in usual and "/brand/" not in usual and "Harbour" not in usual


def test_a_brand_of_a_host(page: Page) -> None:
    assert "<title>Tiny</title>" in page.get("/", headers={"Host": "tiny.example:8443"}).text
    assert "<title>exos</title>" in page.get("/", headers={"Host": "other.example"}).text


def test_gzip_for_those_who_take_it(page: Page) -> None:
    path = re.findall(r'src="(/static/[^"]+/main.js)"', page.get("/").text)[0]
    packed = page.get(path, headers={"Accept-Encoding": "gzip"})
    plain = page.get(path, headers={"Accept-Encoding": "identity"})
    assert packed.headers.get("content-encoding") == "gzip" and "content-encoding" not in plain.headers
    assert packed.text == plain.text and plain.headers["vary"] == "Accept-Encoding"

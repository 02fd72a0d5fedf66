"""Whose page it is: name, address, colours and the venues it shows, from a TOML file of `exos web --pages`.

[[page]]
name = "Harbour Markets"
path = "/harbour"          # or host = "markets.harbour.example", or both
venues = ["HARBOUR"]       # none: all
[page.light]
accent = "#7a2e8e"         # the colours of static/tokens.css
[page.dark]
accent = "#d59be6"
"""

import re
import tomllib
from typing import Any, NamedTuple

import msgspec

from .contrast import THEMES, is_colour, shortfalls

DEFAULT_NAME = "exos"
RESERVED = ("/v1", "/static", "/embed", "/openapi.json", "/asyncapi.json", "/m", "/portfolio", "/admin", "/brand")
PAGES_MAX = 100
_PATH = re.compile(r"/[a-z0-9][a-z0-9-]{0,31}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


class BrandError(Exception):
    """The file of pages cannot be used; the text names the place and says what is wrong."""


class _Page(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    path: str = "/"
    host: str = ""
    venues: list[str] = []
    light: dict[str, str] = {}
    dark: dict[str, str] = {}


class _Pages(msgspec.Struct, forbid_unknown_fields=True):
    page: list[_Page]


class Brand(NamedTuple):
    """base: "" or a path without a slash at its end. host: "" for every host. venues: none for all. colours: by theme and token, only those of its own."""

    name: str = DEFAULT_NAME
    base: str = ""
    host: str = ""
    venues: tuple[str, ...] = ()
    colours: tuple[tuple[str, dict[str, str]], ...] = ()

    def css(self) -> str:
        """The style sheet that gives the page its own colours."""
        themes = dict(self.colours)
        names = sorted({name for own in themes.values() for name in own})
        lines = [f"  --{name}: light-dark({themes['light'][name]}, {themes['dark'][name]});" for name in names]
        return "\n".join((":root {", *lines, "}", "")) if lines else ""


def read(text: str, tokens: dict[str, dict[str, str]]) -> tuple[Brand, ...]:
    """The pages of a TOML text. tokens: the colours that all pages have, by theme and name. Raises BrandError."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BrandError(f"this is not TOML: {error}") from None
    try:
        pages = msgspec.convert(given, _Pages).page
    except msgspec.ValidationError as error:
        raise BrandError(_sentence(str(error))) from None
    if not 1 <= len(pages) <= PAGES_MAX:
        raise BrandError(f"{len(pages)} pages are given; there must be 1 to {PAGES_MAX}")
    brands: list[Brand] = []
    for n, page in enumerate(pages):
        place = f"page {n + 1} ({page.name[:60]})"
        brand = _brand(place, page, tokens)
        if twin := next((one for one in brands if (one.base, one.host) == (brand.base, brand.host)), None):
            raise BrandError(f"{place}: {twin.name} has the same host and path")
        brands.append(brand)
    if not any(brand.base == "" and brand.host == "" for brand in brands):
        brands.append(Brand())
    return tuple(brands)


def _sentence(text: str) -> str:
    """msgspec's message with the place first."""
    sentence, _, place = text.partition(" - at `$.")
    return f"{place.rstrip('`')}: {sentence}" if place else sentence


def _brand(place: str, page: _Page, tokens: dict[str, dict[str, str]]) -> Brand:
    if not 1 <= len(page.name.strip()) <= 60 or not page.name.isprintable():
        raise BrandError(f"{place}: name has 1 to 60 printable characters")
    if page.path != "/" and (not _PATH.fullmatch(page.path) or page.path in RESERVED):
        raise BrandError(
            f'{place}: path "{page.path[:60]}" must be / or one word such as /harbour (a to z, 0 to 9, hyphen), and none of {" ".join(RESERVED)}'
        )
    if page.host and not _HOST.fullmatch(page.host):
        raise BrandError(f'{place}: host "{page.host[:60]}" is no host name in small letters, without a port')
    for venue in page.venues:
        if not 1 <= len(venue) <= 64 or "," in venue:
            raise BrandError(f'{place}: "{venue[:60]}" is no name of a venue')
    colours = _colours(place, page, tokens)
    return Brand(page.name.strip(), page.path.rstrip("/"), page.host, tuple(page.venues), tuple(colours.items()))


def _colours(place: str, page: _Page, tokens: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """The page's own colours, for both themes. Raises BrandError for one that is none, that is not known, or that cannot be read on another."""
    given: dict[str, dict[str, str]] = {"light": page.light, "dark": page.dark}
    for theme, own in given.items():
        for name, colour in own.items():
            if name not in tokens[theme]:
                raise BrandError(f"{place}: [page.{theme}] has no colour {name[:40]}; there are {', '.join(tokens[theme])}")
            if not is_colour(colour):
                raise BrandError(
                    f'{place}: [page.{theme}] {name} = "{colour[:40]}" is no colour: write it like "#1f5eff", in small letters'
                )
    merged: dict[str, dict[str, str]] = {theme: {**tokens[theme], **given[theme]} for theme in THEMES}
    if short := shortfalls(merged):
        raise BrandError(f"{place}: {short[0]}" + (f" (and {len(short) - 1} more)" if len(short) > 1 else ""))
    names = {name for own in given.values() for name in own}
    return {theme: {name: merged[theme][name] for name in sorted(names)} for theme in THEMES} if names else {}


def choose(brands: tuple[Brand, ...], host: str, path: str) -> tuple[Brand, str] | None:
    """(the page of a request, the rest of its path), None: no page has this address. A page of this host goes before one of every host, a longer path
    before a shorter one."""
    best: tuple[int, int, Any] | None = None
    for brand in brands:
        if brand.host not in ("", host) or not (path == brand.base or path.startswith(f"{brand.base}/")):
            continue
        rank = (1 if brand.host else 0, len(brand.base), brand)
        if best is None or rank[:2] > best[:2]:
            best = rank
    if best is None:
        return None
    return best[2], path[len(best[2].base) :] or "/"

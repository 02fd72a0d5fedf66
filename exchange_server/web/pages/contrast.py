"""Contrast of the page's colours, as WCAG 2 computes it, and the pairs of them that stand on each other.

The colours are in static/tokens.css, one line each with the value for the light and for the dark theme: `--text: light-dark(#14181f, #e7ebf1);`.
"""

import re
from typing import NamedTuple

AA_TEXT, AA_LINES = 4.5, 3.0  # text; borders of fields, focus rings and large text
THEMES = ("light", "dark")
_TOKEN = re.compile(r"--([a-z-]+):\s*light-dark\((#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\)\s*;")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
SURFACES = ("bg", "surface", "raised")
TEXTS = ("text", "muted", "accent", "yes", "no", "warn")


class Pair(NamedTuple):
    """`front` is drawn on `back` and needs this ratio."""

    front: str
    back: str
    ratio: float


PAIRS = (
    *(Pair(front, back, AA_TEXT) for front in TEXTS for back in SURFACES),
    Pair("on-accent", "accent", AA_TEXT),
    Pair("on-yes", "yes-solid", AA_TEXT),
    Pair("on-no", "no-solid", AA_TEXT),
    Pair("yes", "yes-tint", AA_TEXT),
    Pair("no", "no-tint", AA_TEXT),
    Pair("text", "yes-tint", AA_TEXT),
    Pair("text", "no-tint", AA_TEXT),
    Pair("muted", "yes-tint", AA_TEXT),
    Pair("muted", "no-tint", AA_TEXT),
    Pair("warn", "warn-tint", AA_TEXT),
    Pair("text", "warn-tint", AA_TEXT),
    Pair("accent", "accent-tint", AA_TEXT),
    Pair("text", "accent-tint", AA_TEXT),
    *(Pair("field", back, AA_LINES) for back in SURFACES),
    *(Pair("focus", back, AA_LINES) for back in SURFACES),
)


class Short(NamedTuple):
    """A pair whose contrast does not suffice in a theme."""

    theme: str
    pair: Pair
    front: str
    back: str
    ratio: float

    def __str__(self) -> str:
        return (
            f"{self.theme} theme: {self.pair.front} {self.front} on {self.pair.back} {self.back} has a contrast of {self.ratio:.2f}:1, "
            f"at least {self.pair.ratio:g}:1 is needed"
        )


def is_colour(text: str) -> bool:
    return _COLOUR.fullmatch(text) is not None


def luminance(colour: str) -> float:
    """Relative luminance of a colour #rrggbb."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Of two colours: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def tokens(css: str) -> dict[str, dict[str, str]]:
    """The colours of a style sheet by theme and name."""
    found: dict[str, dict[str, str]] = {theme: {} for theme in THEMES}
    for name, light, dark in _TOKEN.findall(css):
        found["light"][name], found["dark"][name] = light, dark
    return found


def shortfalls(colours: dict[str, dict[str, str]]) -> list[Short]:
    """The pairs that do not reach their ratio. colours: by theme and name, all of them."""
    out = []
    for theme in THEMES:
        for pair in PAIRS:
            front, back = colours[theme][pair.front], colours[theme][pair.back]
            if (ratio := contrast(front, back)) < pair.ratio:
                out.append(Short(theme, pair, front, back, ratio))
    return out

"""The page's colours can be read: WCAG 2 AA in both themes."""

import pytest

from exchange_server.web.pages.contrast import PAIRS, THEMES, contrast, shortfalls, tokens
from exchange_server.web.pages.files import Files


@pytest.fixture(scope="module")
def colours() -> dict[str, dict[str, str]]:
    return tokens(Files().text("tokens.css"))


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#ff0000", "#ffffff", 4.0), ("#123456", "#123456", 1.0)],
)
def test_known_ratios(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01) == contrast(other, one)


def test_every_pair_reaches_aa_in_both_themes(colours: dict[str, dict[str, str]]) -> None:
    assert [str(one) for one in shortfalls(colours)] == []


def test_every_colour_is_in_a_pair(colours: dict[str, dict[str, str]]) -> None:
    named = {name for pair in PAIRS for name in (pair.front, pair.back)}
    assert set(colours["light"]) == set(colours["dark"]) == named | {"line"}  # hairlines carry no meaning


def test_a_short_pair_is_named_with_its_ratio(colours: dict[str, dict[str, str]]) -> None:
    changed = {theme: {**colours[theme], "muted": colours[theme]["surface"]} for theme in THEMES}
    assert str(shortfalls(changed)[0]).startswith(
        "light theme: muted #ffffff on bg #f4f5f7 has a contrast of 1.09:1, at least 4.5:1 is needed"
    )


def test_colours_of_the_style_sheets_are_tokens() -> None:
    """A colour that is written elsewhere would escape the reckoning; shadows and scrims are black."""
    files = Files()
    for name in files.all:
        if name.endswith(".css") and name != "tokens.css":
            text = files.text(name)
            assert "#" not in text.replace("#main", "").replace("#ticket-quantity", ""), name
            assert text.count("rgb(") == text.count("rgb(0 0 0 /"), name

"""A page's name, address, colours and venues from a file: what is wrong is named with its place."""

import pytest

from exchange_server.web.pages.brand import Brand, BrandError, choose, read
from exchange_server.web.pages.contrast import tokens
from exchange_server.web.pages.files import Files

TOKENS = tokens(Files().text("tokens.css"))
HARBOUR = """
[[page]]
name = "Harbour Markets"
path = "/harbour"
venues = ["HARBOUR", "DOCK"]
[page.light]
accent = "#7a2e8e"
[page.dark]
accent = "#d59be6"
"""


def test_a_page_of_its_own_beside_the_usual_one() -> None:
    harbour, usual = read(HARBOUR, TOKENS)
    assert (harbour.name, harbour.base, harbour.venues, usual) == ("Harbour Markets", "/harbour", ("HARBOUR", "DOCK"), Brand())
    assert harbour.css() == ":root {\n  --accent: light-dark(#7a2e8e, #d59be6);\n}\n"
    assert usual.css() == ""


def test_a_page_at_the_root_replaces_the_usual_one() -> None:
    assert [one.name for one in read('[[page]]\nname = "Mine"', TOKENS)] == ["Mine"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("page = 1", "page: Expected `array`, got `int`"),
        ("[[page]]", "page[0]: Object missing required field `name`"),
        ('[[page]]\nname = "X"\ncolor = "red"', "page[0]: Object contains unknown field `color`"),
        ("[[page]\n", "this is not TOML"),
        ('[[page]]\nname = ""', "page 1 (): name has 1 to 60 printable characters"),
        ('[[page]]\nname = "X"\npath = "/v1"', 'page 1 (X): path "/v1" must be / or one word'),
        ('[[page]]\nname = "X"\npath = "/a/b"', 'page 1 (X): path "/a/b" must be / or one word'),
        ('[[page]]\nname = "X"\nhost = "https://x.example"', 'page 1 (X): host "https://x.example" is no host name'),
        ('[[page]]\nname = "X"\nvenues = ["A,B"]', 'page 1 (X): "A,B" is no name of a venue'),
        ('[[page]]\nname = "X"\n[page.light]\naccnt = "#000000"', "page 1 (X): [page.light] has no colour accnt; there are bg, surface,"),
        ('[[page]]\nname = "X"\n[page.dark]\naccent = "red"', 'page 1 (X): [page.dark] accent = "red" is no colour'),
        (
            '[[page]]\nname = "X"\n[page.light]\naccent = "#a0b8ff"',
            "page 1 (X): light theme: accent #a0b8ff on bg #f4f5f7 has a contrast of 1.78:1, at least 4.5:1 is needed (and 4 more)",
        ),
        ('[[page]]\nname = "X"\n[[page]]\nname = "Y"', "page 2 (Y): X has the same host and path"),
    ],
)
def test_what_is_wrong_is_named(text: str, sentence: str) -> None:
    with pytest.raises(BrandError) as caught:
        read(text, TOKENS)
    assert str(caught.value).startswith(sentence), str(caught.value)


@pytest.mark.parametrize(
    ("host", "path", "name", "rest"),
    [
        ("any.example", "/", "Root", "/"),
        ("any.example", "/m/CUP", "Root", "/m/CUP"),
        ("any.example", "/cup", "Cup", "/"),
        ("any.example", "/cup/m/CUP", "Cup", "/m/CUP"),
        ("any.example", "/cupboard", "Root", "/cupboard"),
        ("tiny.example", "/", "Tiny", "/"),
        ("tiny.example", "/cup", "Tiny", "/cup"),
    ],
)
def test_which_page_an_address_is_of(host: str, path: str, name: str, rest: str) -> None:
    brands = Brand("Root"), Brand("Cup", "/cup"), Brand("Tiny", "", "tiny.example")
    found = choose(brands, host, path)
    assert found is not None and (found[0].name, found[1]) == (name, rest)


def test_no_page_of_another_path() -> None:
    assert choose((Brand("Cup", "/cup"),), "any.example", "/") is None

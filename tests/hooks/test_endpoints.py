import json

import pytest

from exchange_server.cli.webhooks import GROUP_NAMES
from exchange_server.hooks import bodies
from exchange_server.hooks import endpoints as E


def endpoint(**more: object) -> E.Endpoint:
    fields = {
        "name": "shop", "url": "https://shop.example/hook?x=1", "owner": "venue", "of": "V", "groups": ["fills"], "secret": "whsec_AAAA", "start": 1, "added_ns": 5,
    }  # fmt: skip
    return E.Endpoint(**{**fields, **more})  # type: ignore[arg-type]


def test_groups_of_the_command_line_are_those_of_the_messages():
    assert tuple(bodies.GROUPS) == GROUP_NAMES


def test_written_whole_for_its_owner_only_and_read_again(tmp_path):
    after = E.change(tmp_path, lambda content: E.Content(numbers=3, endpoints=[endpoint()]))
    path = tmp_path / "webhooks" / "endpoints.json"
    assert path.stat().st_mode & 0o777 == 0o600 and path.parent.stat().st_mode & 0o777 == 0o700
    assert E.read(tmp_path) == after
    path.chmod(0o640)
    with pytest.raises(E.EndpointError, match="others can use it"):
        E.read(tmp_path)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1, "endpoints": [{"name": "x"}]}', b'{"format": 1, "more": 1}']
)
def test_a_damaged_file_is_named(tmp_path, damage: bytes):
    E.change(tmp_path, lambda content: content)
    path = tmp_path / "webhooks" / "endpoints.json"
    path.write_bytes(damage)
    with pytest.raises(E.EndpointError, match=r"endpoints\.json is not as exos webhooks writes it"):
        E.read(tmp_path)


def test_a_change_that_is_refused_changes_nothing(tmp_path):
    E.change(tmp_path, lambda content: E.Content(endpoints=[endpoint()]))
    before = (tmp_path / "webhooks" / "endpoints.json").read_bytes()

    def no(content: E.Content) -> E.Content:
        raise E.EndpointError("no")

    with pytest.raises(E.EndpointError):
        E.change(tmp_path, no)
    assert (tmp_path / "webhooks" / "endpoints.json").read_bytes() == before
    assert json.loads(before)["endpoints"][0]["name"] == "shop"


def test_parts_of_an_address():
    assert E.url_parts("https://shop.example/hook?x=1", False) == E.Parts(True, "shop.example", 443, "/hook?x=1")
    assert E.url_parts("http://[::1]:8080", False) == E.Parts(False, "::1", 8080, "/")
    assert E.url_parts("http://shop.example", True).port == 80


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://shop.example/", "is not under TLS"), ("ftp://shop.example/", "is no address"), ("https:///x", "is no address"), ("shop", "is no address"),
        ("https://a:b@shop.example/", "user or password"), ("https://shop.example/#x", "fragment"), ("https://shop.example:0/", "no port 0"),
        ("https://shop.example:99999/", "is no address"), ("https://shöp.example/", "cannot have"), ("https://shop.example/a b", "cannot have"),
        ("https://shop.example/\n", "cannot have"), ("https://shop.example/" + "x" * 2048, "at most 2048"),
    ],
)  # fmt: skip
def test_addresses_that_are_refused(url: str, why: str):
    with pytest.raises(E.EndpointError, match=why):
        E.url_parts(url, False)


@pytest.mark.parametrize(
    ("more", "why"),
    [({"name": "a/b"}, "no name"), ({"name": ""}, "no name"), ({"groups": ["x"]}, "no group"), ({"groups": []}, "no group")],
)
def test_endpoints_that_are_refused(more: dict[str, object], why: str):
    with pytest.raises(E.EndpointError, match=why):
        E.check(endpoint(**more))

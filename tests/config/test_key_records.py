"""Records of keys: the bounds of their fields, and that nothing of a secret is shown or packed."""

from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from config import key_records as kr

KEY: dict[str, Any] = {"type": "key", "id": "K", "holder": "session", "name": "MM1", "kind": "ed25519", "verifier": "ab" * 32}


def test_a_key_is_read_from_json_and_packed() -> None:
    record = ar.from_builtins({**KEY, "scopes": ["trade"], "addresses": ["::/0"]})
    assert isinstance(record, kr.DefineKey) and ar.identity(record) == ("key", "K")
    assert ar.unpack(ar.pack("uid:0", "1", record)).record == record
    assert "ab" * 32 not in repr(record)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [("kind", "rsa", '"rsa" is not one of ed25519, token, password, scram'), ("holder", "firm", '"firm" is not one of session, principal'), ("id", "", "id: "),
     ("scopes", ["trade", "admin"], '"admin" is not one of trade, read, market_data'), ("until_ns", -1, "until_ns: "), ("addresses", ["x"] * 17, "addresses: "),
     ("verifier", "ö", "verifier: "), ("secret", "x" * 257, "secret: "), ("title", "a\nb", "title: "), ("scope", ["trade"], 'did you mean "scopes"?')],
)  # fmt: skip
def test_bounds(field: str, value: Any, text: str) -> None:
    with pytest.raises(ValueError) as refused:
        ar.from_builtins({**KEY, field: value})
    assert text in str(refused.value)


def test_a_plain_secret_is_found_wherever_it_stands() -> None:
    session = ar.DefineSession(name="S", wire="binary", firm="F", key="S", secret="a phrase of the tests")
    key = kr.DefineKey(id="K", holder="session", name="S", kind="scram", secret="a phrase of the tests")
    whole = ar.Configuration(name="c", records=(ar.DefineFirm(name="F"), session, key))
    assert ar.open_secrets(session) == [None] and ar.open_secrets(whole) == [1, 2] and ar.open_secrets(ar.DefineFirm(name="F")) == []
    for record in (session, key, whole):
        assert "phrase" not in repr(record)
        for pack in (ar.pack, ar.pack_all):
            with pytest.raises(ValueError, match="a plain secret is not journaled"):
                pack("uid:0", "1", record)
    clean = msgspec.structs.replace(session, secret="", verifier=f"scram.{'0' * 64}")
    assert ar.open_secrets(clean) == [] and ar.pack("uid:0", "1", clean)

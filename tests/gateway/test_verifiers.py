"""Secrets become verifiers: the same each time, other ones elsewhere; weak ones are refused; what is made has 256 bits."""

from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from exchange_server.gateway import verifiers as V
from exchange_server.registry import Refused, Registry
from protocol import codes, credentials

GOOD = "a phrase of the tests"
LOGIN = ar.DefineSession(name="C1", wire="fix", firm="F", our_comp_id="EXOS-OE", peer_comp_id="PEER9", username="user7", secret=GOOD)
MAKER = ar.DefineSession(name="MM1", wire="binary", firm="F", key="MAKER", secret=GOOD)
BOX = V.Recipe(b"salt", sandbox=True)


def test_the_same_secret_has_the_same_verifier_and_another_one_elsewhere() -> None:
    def made(record: Any, recipe: V.Recipe = BOX) -> str:
        return str(V.secured(record, recipe, Registry()).record.verifier)

    for record, name in ((LOGIN, "name"), (MAKER, "key")):
        first = made(record)
        assert first == made(record) and GOOD not in first
        other = {"name": "C2", "key": "OTHER"}[name]
        changed = [made(msgspec.structs.replace(record, **{name: other})), made(record, V.Recipe(b"pepper", sandbox=True)),
                   made(msgspec.structs.replace(record, secret=GOOD + "."))]  # fmt: skip
        assert len({first, *changed}) == 4
    assert made(msgspec.structs.replace(LOGIN, throttle_limit=7)) == made(LOGIN)
    assert V.password_right(made(LOGIN), GOOD) and not V.password_right(made(LOGIN), GOOD + " ")
    key = credentials.client_key(GOOD, BOX.binary_salt, BOX.work, "MAKER")
    assert made(MAKER) == f"scram.{credentials.stored_key(key).hex()}"


def test_the_work_is_real_but_in_a_sandbox() -> None:
    assert V.secured(LOGIN, V.Recipe(b"s"), Registry()).record.verifier.startswith("scrypt.14.")
    assert V.secured(LOGIN, BOX, Registry()).record.verifier.startswith("scrypt.1.")
    assert V.recipe_of(None).work == 14 and V.recipe_of(ar.Begin(name="b", sandbox=True, salt="ab" * 32)) == (b"\xab" * 32, True, False)
    assert V.Recipe(b"s").binary_salt != V.Recipe(b"t").binary_salt and len(V.Recipe(b"s").binary_salt) == credentials.SALT_BYTES


@pytest.mark.parametrize(
    ("secret", "why"),
    [("", "has 0 characters"), ("fifteen letters", "has 15 characters, at least 16 are needed"), ("abababababababababab", "has 2 different characters, at least 8"),
     ("abcdefghijklmnopqrst", "is a sequence"), ("zyxwvutsrqponmlkjihg", "is a sequence"), ("it begins: c1x MAKER9", "holds a name of the login"),
     ("the user7 of this firm", "holds a name of the login"), ("PEER9 is my own name", "holds a name of the login"),
     ("my-secret1234567", ""), ("client64-secret", "has 15"), ("client1234-secret99", "is like those that are published"), ("Correct-Password-77", "is like those that are published"),
     ("qwertyuiop1234567", "is like those"), (GOOD, ""), ("Tr0ub4dor&3-and-more", ""), ("\u00fc" * 9 + "abcdefgh", "")],
)  # fmt: skip
def test_weak_secrets(secret: str, why: str) -> None:
    found = V.weakness(secret, ("C1", "MAKER9", "user7", "PEER9", ""))
    if secret == "my-secret1234567":
        assert "published" in found
    else:
        assert found.startswith(why) and bool(found) == bool(why)


def test_every_published_secret_of_the_sandbox_is_weak() -> None:
    for n in range(1, 65):
        for secret in (f"client{n}-secret", f"mm{n}-secret"):
            assert V.weakness(secret, ()) and V.PUBLISHED.fullmatch(secret)


def test_a_configuration_says_which_record_is_weak_and_a_sandbox_takes_all() -> None:
    weak = msgspec.structs.replace(MAKER, secret="maker-secret")
    whole = ar.Configuration(name="c", records=(ar.DefineFirm(name="F"), LOGIN, weak))
    with pytest.raises(Refused) as refused:
        V.secured(whole, V.Recipe(b"s", quick=True), Registry())
    found = refused.value.refusal
    assert (found.code, found.record, found.key) == (codes.R_WEAK_SECRET, 2, ("secret",)) and "maker" not in found.text
    made = V.secured(whole, BOX, Registry())
    assert ar.open_secrets(made.record) == [] and made.made == "" and made.record.records[0] == whole.records[0]
    assert ar.pack_all("uid:0", "1", made.record)


def key(**fields: Any) -> ar.DefineKey:
    return ar.DefineKey(**{"id": "K", "holder": "session", "name": "C1", "kind": "token", "scopes": ("read",), **fields})


def test_a_key_without_a_secret_gets_one() -> None:
    for kind in ("token", "password", "scram"):
        assert V.needs_work(key(kind=kind))
        record, made = V.secured(key(kind=kind), BOX, Registry(), random=lambda n: b"r" * n)
        assert credentials.MADE.fullmatch(made) and made.startswith(credentials.PREFIXES[kind])
        assert record.secret == "" and made not in record.verifier
        if kind == "token":
            assert V.token_right(record.verifier, made) and not V.token_right(record.verifier, made[:-1] + "_")
    assert not V.needs_work(key(kind="ed25519")) and not V.needs_work(key(verifier="x")) and not V.needs_work(ar.RevokeKey(id="K"))


def test_what_is_given_to_a_key_by_mistake() -> None:
    for record, code, text in (
        (key(kind="ed25519", secret=GOOD), codes.R_BAD_DEFINITION, "secret: an Ed25519 key has no secret that the server may know"),
        (key(secret=GOOD), codes.R_WEAK_SECRET, "secret: a token is made by the server, not chosen"),
        (key(kind="password", secret=GOOD, verifier="x"), codes.R_BAD_DEFINITION, "verifier: a secret and its verifier are given"),
        (key(kind="password", secret="short"), codes.R_WEAK_SECRET, "secret: has 5 characters"),
    ):
        with pytest.raises(Refused) as refused:
            V.secured(record, V.Recipe(b"s", quick=True), Registry())
        assert (refused.value.refusal.code, refused.value.refusal.text[: len(text)]) == (code, text)

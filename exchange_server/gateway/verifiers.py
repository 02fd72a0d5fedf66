"""Plain secrets become verifiers here, before anything is journaled; and are refused when they are weak.

A verifier is what a logon is checked against; the secret cannot be had from it. Its salt is made of the folder's own random bytes (the Begin record)
and the name of the key: the same secret gives the same verifier each time, so that a file that is applied again is unchanged, and another one in each
folder and for each key. Chosen secrets are hashed by scrypt with 16 MB each; in a sandbox, whose secrets are published, with the least that there is.

Nothing here blocks but `secured`, which takes a tenth of a second for each secret: the server calls it in a thread (slow.py).
"""

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from config import admin_records as ar
from config.key_records import OWN_KIND, OWN_SUFFIX
from protocol import codes, credentials

from ..registry import Refused
from ..registry.definitions import Definitions

SALT_BYTES = 32  # of a folder
WORK = 14  # log2 of scrypt's N
SANDBOX_WORK = 1
LEAST_CHARS = 16
LEAST_DIFFERENT = 8
NAME_CHARS = 3  # shorter names may occur in a secret
PUBLISHED = re.compile(r"(?:(?:client|mm|limit|stranger)\d*|my|your|the|a)[-_ ]?(?:secret|password)\d*", re.IGNORECASE)
WORDS = ("password", "passwort", "changeme", "qwerty", "letmein")

Random = Callable[[int], bytes]


class Recipe(NamedTuple):
    """How verifiers are made in one data folder."""

    salt: bytes
    sandbox: bool = False
    quick: bool = False  # the verifiers are thrown away: for a check of a file

    @property
    def work(self) -> int:
        return SANDBOX_WORK if self.sandbox or self.quick else WORK

    @property
    def binary_salt(self) -> bytes:
        """What every client of the binary wire is told."""
        return hashlib.sha256(b"exos binary salt" + self.salt).digest()[: credentials.SALT_BYTES]

    def password_salt(self, key: str) -> bytes:
        return hashlib.sha256(b"exos password salt" + self.salt + key.encode()).digest()


def recipe_of(begun: ar.Begin | None) -> Recipe:
    """The recipe of a folder that was begun like this."""
    return Recipe(bytes.fromhex(begun.salt), begun.sandbox) if begun is not None else Recipe(b"")


def weakness(secret: str, names: tuple[str, ...]) -> str:
    """Why a chosen secret is too weak, as the end of a sentence; "" if it is not. names: of the login."""
    if credentials.MADE.fullmatch(secret):
        return ""
    if len(secret) < LEAST_CHARS:
        return f"has {len(secret)} characters, at least {LEAST_CHARS} are needed"
    different = len(set(secret))
    if different < LEAST_DIFFERENT:
        return f"has {different} different characters, at least {LEAST_DIFFERENT} are needed"
    if len({ord(b) - ord(a) for a, b in zip(secret, secret[1:], strict=False)}) == 1:
        return "is a sequence"
    folded = secret.casefold()
    for name in names:
        if len(name) >= NAME_CHARS and name.casefold() in folded:
            return "holds a name of the login"
    if PUBLISHED.fullmatch(secret) or any(word in folded for word in WORDS):
        return "is like those that are published"
    return ""


def verifier(kind: str, secret: str, key: str, recipe: Recipe, random: Random = os.urandom) -> str:
    """The verifier of a secret. key: of a session's own binary secret the name in its Logon, else the key's id. Slow for passwords and scram."""
    if kind == "token":
        salt = random(16)
        return f"{salt.hex()}.{hashlib.sha256(salt + secret.encode()).hexdigest()}"
    if kind == "password":
        salt = recipe.password_salt(key)
        return f"scrypt.{recipe.work}.{salt.hex()}.{credentials.scrypt(secret, salt, recipe.work).hex()}"
    client = credentials.client_key(secret, recipe.binary_salt, recipe.work, key)
    return f"scram.{credentials.stored_key(client).hex()}"


def token_right(stored: str, token: str) -> bool:
    """Is it the token of this verifier?"""
    salt, _, digest = stored.partition(".")
    given = hashlib.sha256(bytes.fromhex(salt) + token.encode("utf-8", "surrogateescape")).hexdigest()
    return hmac.compare_digest(given, digest)


def password_right(stored: str, password: str) -> bool:
    """Is it the password of this verifier? Slow."""
    _, work, salt, digest = stored.split(".")
    given = credentials.scrypt(password, bytes.fromhex(salt), int(work)).hex()
    return hmac.compare_digest(given, digest)


class Secured(NamedTuple):
    """A record without plain secrets. `made`: the secret that was made for it, if any: told once, stored nowhere."""

    record: Any
    made: str = ""


def needs_work(record: Any) -> bool:
    """A record that must go through `secured` before it is journaled."""
    return bool(ar.open_secrets(record)) or any(map(_wants_one, record.records if isinstance(record, ar.Configuration) else (record,)))


def _wants_one(record: Any) -> bool:
    return isinstance(record, ar.DefineKey) and record.kind != "ed25519" and not record.verifier and not record.secret


def secured(record: Any, recipe: Recipe, registry: Definitions, random: Random = os.urandom) -> Secured:
    """The record with verifiers in the place of its plain secrets. A key that needs a secret and has none gets one of 256 bits; in a configuration at most one
    does. Raises Refused, in a configuration with the number of the record."""
    if not isinstance(record, ar.Configuration):
        return _with_own(record, recipe, registry, random)
    records, made = list(record.records), ""
    for i, one in enumerate(records):
        if not needs_work(one):
            continue
        try:
            secured = _with_own(one, recipe, registry, random)
            if made and secured.made:
                raise Refused(codes.R_BAD_DEFINITION, "secrets are made for one key at a time", "secret")
        except Refused as refused:
            refused.refusal = msgspec.structs.replace(refused.refusal, record=i)
            raise
        records[i], made = secured.record, made or secured.made
    return Secured(msgspec.structs.replace(record, records=tuple(records)), made)


def _with_own(record: Any, recipe: Recipe, registry: Definitions, random: Random) -> Secured:
    """One record, with a secret that is made for it where it needs one."""
    if not _wants_one(record):
        return Secured(_one(record, recipe, registry, random))
    if registry.keys.get(record.id) is not None:  # other terms of a key that exists: its secret stays
        return Secured(msgspec.structs.replace(record, verifier=registry.keys[record.id].record.verifier))
    made = credentials.made_secret(record.kind, random(32))
    return Secured(_one(msgspec.structs.replace(record, secret=made), recipe, registry, random), made)


def _one(record: Any, recipe: Recipe, registry: Definitions, random: Random) -> Any:
    if not isinstance(record, ar.DefineSession | ar.DefineKey) or not record.secret:
        return record
    if record.verifier:
        raise Refused(codes.R_BAD_DEFINITION, "a secret and its verifier are given: give one of them", "verifier")
    names: tuple[str, ...]
    if isinstance(record, ar.DefineSession):
        kind = OWN_KIND[record.wire]
        names = (record.name, record.username, record.our_comp_id, record.peer_comp_id, record.key)
        key = record.key if record.wire == "binary" else record.name + OWN_SUFFIX
    else:
        kind, names, key = record.kind, (record.id, record.name), record.id
        if kind == "ed25519":
            raise Refused(
                codes.R_BAD_DEFINITION, "an Ed25519 key has no secret that the server may know: give its public half as verifier", "secret"
            )
        if kind == "token" and not credentials.MADE.fullmatch(record.secret):
            raise Refused(codes.R_WEAK_SECRET, "a token is made by the server, not chosen: leave it out", "secret")
    if not recipe.sandbox and (why := weakness(record.secret, names)):
        raise Refused(codes.R_WEAK_SECRET, why, "secret")
    kept = registry.keys.get(record.id) if isinstance(record, ar.DefineKey) else None
    if kept is not None and kind == "token" and token_right(kept.record.verifier, record.secret):
        return msgspec.structs.replace(record, secret="", verifier=kept.record.verifier)  # its salt is random
    return msgspec.structs.replace(record, secret="", verifier=verifier(kind, record.secret, key, recipe, random))

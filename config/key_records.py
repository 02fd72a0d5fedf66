"""Records of keys: what a session or a principal logs on with. A holder may have several, each with its scopes, expiry and addresses.

Only what checks a logon is in a record that is journaled: a public key, or a *verifier* of a secret from which the secret cannot be had. `secret`
is for requests and configuration files alone: the gateway turns it into the verifier first (exchange_server/gateway/verifiers.py), and
admin_records.pack refuses to write it down.
"""

from typing import Annotated, Literal

from msgspec import Meta

from .fields import Field
from .kinds import Count, Line, Name, Record

MOST_LIVE = 8  # keys of one holder that are neither revoked nor expired
MOST_KEPT = 32  # revoked and expired ones that are remembered besides; then the oldest is forgotten
OWN_SUFFIX = ":secret"  # <session>:secret is the key of the secret that the session's own definition gives
SCOPES = ("trade", "read", "market_data")
KINDS = {"fix": ("ed25519", "token", "password"), "binary": ("ed25519", "scram"), "principal": ("ed25519", "token")}
OWN_KIND = {"fix": "password", "binary": "scram"}
FORMS = {  # of a verifier, by kind
    "ed25519": r"[0-9a-f]{64}",  # the public key
    "token": r"[0-9a-f]{32}\.[0-9a-f]{64}",  # salt, SHA-256 of salt and token
    "password": r"scrypt\.(?:[1-9]|1[0-6])\.[0-9a-f]{64}\.[0-9a-f]{64}",  # log2 of N, salt, hash (r = 8, p = 1)
    "scram": r"scram\.[0-9a-f]{64}",  # SHA-256 of the client's key
}

Secret = Annotated[str, Meta(max_length=256)]
Verifier = Annotated[str, Meta(max_length=160, pattern=r"^[a-z0-9.]*$")]


class DefineKey(Record, tag="key", frozen=True, kw_only=True):
    """A key of a session or a principal. `verifier`: of an ed25519 key the public half, 64 hexadecimal digits. `addresses`: networks from which
    it may be used (none: everywhere). `until_ns`: ns since the epoch; 0: for good."""

    id: Name
    holder: Literal["session", "principal"]
    name: Name  # of the holder
    kind: Literal["ed25519", "token", "password", "scram"]
    verifier: Verifier = ""
    secret: Annotated[Secret, Field(key=None)] = ""  # only in requests
    scopes: Annotated[
        tuple[Literal["trade", "read", "market_data"], ...], Field(live=True)
    ] = ()  # of a session's key; a principal's has none
    until_ns: Annotated[Count, Field(live=True)] = 0
    addresses: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=16), Field(live=True)] = ()
    title: Annotated[Line, Field("text", live=True)] = ""

    def __repr__(self) -> str:
        return f"DefineKey(id={self.id!r}, holder={self.holder!r}, name={self.name!r}, kind={self.kind!r}, credentials hidden)"


class RevokeKey(Record, tag="key_revoke", frozen=True, kw_only=True):
    """The key logs nobody on any more, and ends the session that logged on with it. For good: its id is not used again."""

    id: Name
    reason: Line = ""

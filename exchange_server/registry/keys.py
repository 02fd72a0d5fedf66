"""Keys of sessions and principals: what may be defined, what a revoked one can no longer do, which of them is good at a time and place.

The acts return an Act and change nothing, as all of them do. Nothing here checks a proof: the gateway does (gateway/credentials.py).
"""

import ipaddress
import re

import msgspec

from config import admin_records as ar
from config import key_records as kr
from protocol import codes

from . import checks
from .checks import Act
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused, bad
from .tables import Key


def key(registry: Definitions, record: kr.DefineKey, engine: EngineLike) -> Act:
    """A new key, or other scopes, expiry, addresses or title of one that exists."""
    old = registry.keys.get(record.id)
    _check_holder(registry, record)
    record = _check_fields(record)
    if old is not None:
        record = ar.keeping(old.record, record)
        if record == old.record:
            return checks.unchanged("key", record.id, old.made_ns)
    if record.holder == "session":
        checks.refuse_closed("session", registry.sessions.named(record.name), "name")
    if record.until_ns and record.until_ns <= engine.time_ns and (old is None or old.record.until_ns != record.until_ns):
        raise bad("until_ns", "lies in the past", engine.time_ns, record.until_ns)
    if old is not None:
        changed = checks.changes(old.record, record, f"key {record.id}")
        if old.revoked:
            raise Refused(codes.R_KEY_REVOKED, f"key {record.id} was revoked: create another one", "id", fixed=True)
        row = msgspec.structs.replace(old, record=record)
        return Act(record.id, f"key {record.id} changed", [], lambda: registry.put_key(row), {"made_ns": row.made_ns}, changed=changed)
    check_room(registry, record.holder, record.name, engine.time_ns)
    row = Key(record, engine.time_ns)
    dead = [other for other in registry.keys_of(*row.holder) if not other.alive(engine.time_ns)]

    def commit() -> None:
        if len(dead) >= kr.MOST_KEPT:
            registry.forget_key(dead[0])
        registry.put_key(row)

    text = f"key {record.id} of {record.holder} {record.name} defined"
    return Act(f"key {record.id}", text, [], commit, {"made_ns": row.made_ns})


def _check_holder(registry: Definitions, record: kr.DefineKey) -> None:
    """The holder exists, and its wire speaks this kind of key; the id is not one that stands for something else."""
    if record.holder == "session":
        session = checks.find(registry.sessions, "name", record.name)
        what, kinds = f"a {session.record.wire} session", kr.KINDS[session.record.wire]
    else:
        checks.find(registry.principals, "name", record.name)
        what, kinds = "a principal", kr.KINDS["principal"]
    if record.kind not in kinds:
        raise bad("kind", f"{what} logs on with {' or '.join(kinds)}, asked {record.kind}")
    if record.id.endswith(kr.OWN_SUFFIX):
        raise bad("id", f"ids that end with {kr.OWN_SUFFIX} stand for the secrets that sessions are defined with: choose another one")


def _check_fields(record: kr.DefineKey) -> kr.DefineKey:
    """The record with its scopes in their order and its addresses as networks are written; raises Refused."""
    if record.secret:
        raise bad("secret", "a plain secret is not journaled")
    if not well_formed(record.kind, record.verifier):
        raise bad("verifier", _wrong_verifier(record.kind))
    if bool(record.scopes) != (record.holder == "session"):
        wanted = (
            f"a session's key has one or more of {', '.join(kr.SCOPES)}" if record.holder == "session" else "a principal's key has none"
        )
        raise bad("scopes", f"{wanted}: {'its grants say what it may do' if record.scopes else 'none is given'}")
    addresses = []
    for i, text in enumerate(record.addresses):
        try:
            addresses.append(str(ipaddress.ip_network(text)))
        except ValueError:
            raise bad(("addresses", i), f'"{text}" is no network: write 192.0.2.0/24, 2001:db8::/48 or one address') from None
    scopes = tuple(scope for scope in kr.SCOPES if scope in record.scopes)
    return msgspec.structs.replace(record, scopes=scopes, addresses=tuple(dict.fromkeys(addresses)))


def _wrong_verifier(kind: str) -> str:
    if kind == "ed25519":
        return "the public half of an Ed25519 key is 64 hexadecimal digits in lower case"
    return f"is no verifier of a {kind}: give `secret` instead, the server makes the verifier"


def well_formed(kind: str, verifier: str) -> bool:
    """Whether a verifier has the form of its kind."""
    return re.fullmatch(kr.FORMS[kind], verifier) is not None


def check_room(registry: Definitions, holder: str, name: str, now_ns: int) -> None:
    """Room for one more live key; raises Refused."""
    live = [row for row in registry.keys_of(holder, name) if row.alive(now_ns)]
    if len(live) >= kr.MOST_LIVE:
        text = f"{holder} {name} has {len(live)} keys, at most {kr.MOST_LIVE} are possible: revoke one first"
        raise Refused(codes.R_TABLE_FULL, text, "id", kr.MOST_LIVE, 1, len(live))


def own(registry: Definitions, session: ar.DefineSession, engine: EngineLike) -> Key | None:
    """The key of the secret that a session is defined with, when it is new or another one; raises Refused."""
    if session.secret:
        raise bad("secret", "a plain secret is not journaled")
    id, kind = session.name + kr.OWN_SUFFIX, kr.OWN_KIND[session.wire]
    if not session.verifier:
        return None
    if not well_formed(kind, session.verifier):
        raise bad("verifier", _wrong_verifier(kind))
    old = registry.keys.get(id)
    if old is not None and old.record.verifier == session.verifier:
        return None  # also when it was revoked: a file that still has the secret does not bring it back
    if old is None or old.revoked:
        check_room(registry, "session", session.name, engine.time_ns)
    record = kr.DefineKey(id=id, holder="session", name=session.name, kind=kind, verifier=session.verifier, scopes=kr.SCOPES)  # type: ignore[arg-type]
    return Key(record, engine.time_ns)


def revoke(registry: Definitions, record: kr.RevokeKey, engine: EngineLike) -> Act:
    """End a key for good."""
    old = registry.keys.get(record.id)
    if old is None:
        raise unknown(registry, record.id)
    if old.revoked:
        return checks.unchanged("key", record.id, old.made_ns)
    row = msgspec.structs.replace(old, revoked=True, revoked_ns=engine.time_ns, reason=record.reason)
    text = f"key {record.id} of {old.record.holder} {old.record.name} revoked"
    return Act(f"key {record.id}", text, [], lambda: registry.put_key(row), {"made_ns": old.made_ns})


def unknown(registry: Definitions, id: str) -> Refused:
    """The refusal of a key that does not exist; it offers the nearest one."""
    return checks.absent("key", "id", id, registry.keys.keys())


def fault(row: Key, now_ns: int, host: str) -> tuple[int, str]:
    """Why a key is not good at this time from this address: (codes.R_KEY_*, a sentence); (codes.OK, "") when it is. host: an IP address; other
    texts (a Unix socket) are in no list."""
    record = row.record
    if row.revoked:
        return codes.R_KEY_REVOKED, f"key {record.id} was revoked" + (f": {row.reason}" if row.reason else "")
    if not row.alive(now_ns):
        return codes.R_KEY_EXPIRED, f"key {record.id} has expired"
    if record.addresses and not _within(host, record.addresses):
        return codes.R_KEY_ADDRESS, f"key {record.id} may not be used from {host}"
    return codes.OK, ""


def _within(host: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ipaddress.ip_network(network) for network in networks)

"""Keys as shown to an operator: everything but what their secrets are checked against. Read only."""

from typing import Any

from .definitions import Definitions


def key_view(registry: Definitions, id: str = "", holder: str = "", name: str = "") -> list[dict[str, Any]]:
    """One entry for each key, the oldest first; those of an id, of a kind of holder, of a holder's name ("": any). Keys: id, holder, name, kind,
    public (of an ed25519 key, 64 hexadecimal digits), scopes, until_ns (0: for good), addresses, title, made_ns, revoked, revoked_ns, reason."""
    shown = []
    for row in registry.keys.values():
        record = row.record
        if (id and record.id != id) or (holder and record.holder != holder) or (name and record.name != name):
            continue
        public = record.verifier if record.kind == "ed25519" else ""
        terms = {field: getattr(record, field) for field in ("id", "holder", "name", "kind", "scopes", "until_ns", "addresses", "title")}
        state = {field: getattr(row, field) for field in ("made_ns", "revoked", "revoked_ns", "reason")}
        shown.append({**terms, "public": public, **state})
    return shown

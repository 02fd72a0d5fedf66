"""What an operator sees of keys."""

from config import admin_records as ar
from exchange_server.registry.key_view import key_view
from tests.registry.test_registry import BASE, PASSWORD, STORED, World

PUBLIC = "ef" * 32


def test_keys_are_shown_without_their_verifiers() -> None:
    world = World().must(*BASE)
    world.must(ar.DefineKey(id="K1", holder="session", name="C1", kind="ed25519", verifier=PUBLIC, scopes=("read",), title="desk"))
    world.must(ar.RevokeKey(id="C1:secret", reason="leaked"))
    shown = key_view(world.registry)
    assert [row["id"] for row in shown] == ["C1:secret", "MM1:secret", "K1"]
    assert (shown[0]["revoked"], shown[0]["reason"], shown[0]["public"]) == (True, "leaked", "")
    assert (shown[2]["public"], shown[2]["scopes"], shown[2]["title"], shown[2]["revoked"]) == (PUBLIC, ("read",), "desk", False)
    assert PASSWORD not in repr(shown) and STORED not in repr(shown)
    assert [row["id"] for row in key_view(world.registry, name="C1")] == ["C1:secret", "K1"]
    assert [row["id"] for row in key_view(world.registry, "K1")] == ["K1"] and key_view(world.registry, holder="principal") == []

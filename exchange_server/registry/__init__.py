"""The names behind the ids: definitions, credentials, decisions. `Registry.apply` is the only way in (registry.py).

tables.py what is held · definitions.py and acts.py what each admin record does · listing_rules.py what a market must satisfy ·
rows.py definition rows · market_view.py what operators are shown
"""

from .registry import AdminAnswer, EngineLike, Registry, RegistryBroken, Sink

__all__ = ["AdminAnswer", "EngineLike", "Registry", "RegistryBroken", "Sink"]

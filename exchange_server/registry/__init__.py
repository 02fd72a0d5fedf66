"""The names behind the ids: definitions, credentials, decisions. `Registry.apply` is the only way in (registry.py).

tables.py what is held · acts.py, members.py, markets.py and settlement.py what each admin record does · configuration.py many as one act ·
checks.py what acts share · listing_rules.py what a market must satisfy · rows.py definition rows · market_view.py and account_view.py what
operators are shown
"""

from .listing_rules import Refused
from .registry import AdminAnswer, EngineLike, Registry, RegistryBroken, Sink

__all__ = ["AdminAnswer", "EngineLike", "Refused", "Registry", "RegistryBroken", "Sink"]

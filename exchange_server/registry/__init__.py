"""The names of the ids: definitions, credentials, determinations. `Registry.apply` is the only way to change them (registry.py).

From the bottom up, each file importing only those before it: refused.py and engine_like.py what all use · tables.py the rows ·
definitions.py all of them · rows.py definition rows · listing_rules.py what a market must satisfy · checks.py what acts share · members.py,
markets.py, settlement.py and acts.py what each admin record does · roles.py, scopes.py and access.py who may do and see what, grants.py the
records about that, pending.py what waits for a second person · configuration.py many as one act · registry.py. Beside them what
operators are shown: market_view.py and account_view.py.
"""

from .configuration import Trial
from .engine_like import EngineLike, Sink
from .refused import Refusal, Refused
from .registry import AdminAnswer, Registry, RegistryBroken

__all__ = ["AdminAnswer", "EngineLike", "Refusal", "Refused", "Registry", "RegistryBroken", "Sink", "Trial"]

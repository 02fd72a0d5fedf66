"""Definitions by id and name, credentials and determinations. `Registry.apply` is the only way to change them (registry.py).

The files from the bottom up; each imports only those before it: refused.py and engine_like.py: used by all · holds.py, schedule.py and tables.py: the rows ·
definitions.py: all tables together · rows.py: definition rows · listing_rules.py: what a market must satisfy · checks.py: shared by the
acts · members.py, markets.py, money.py and settlement.py: what most admin records do · roles.py, scopes.py and access.py: who may do and see what ·
grants.py: principals and their roles · pending.py: what waits for a second person · timed_acts.py: what waits for its time · acts.py: the other records, and which file has which ·
configuration.py: many records as one act · one_act.py: one record, tried · registry.py. In addition, the views for operators: market_view.py,
account_view.py, member_view.py, risk_view.py and schedule_view.py.
"""

from .configuration import Trial
from .engine_like import EngineLike, Sink
from .one_act import Tried
from .refused import Refusal, Refused
from .registry import AdminAnswer, Registry, RegistryBroken

__all__ = ["AdminAnswer", "EngineLike", "Refusal", "Refused", "Registry", "RegistryBroken", "Sink", "Trial", "Tried"]

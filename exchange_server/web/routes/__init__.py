"""The operations, one file for each noun. `ALL` is the whole API: routes, OpenAPI document and tests are made from it."""

from ..operation import Operation
from . import account, acts, candles, configuration, contracts, markets, operator, orders, preview, sessions, status, users

ALL: tuple[Operation, ...] = (
    *status.OPERATIONS, *markets.OPERATIONS, *contracts.OPERATIONS, *candles.OPERATIONS, *sessions.OPERATIONS, *orders.OPERATIONS, *preview.OPERATIONS,
    *account.OPERATIONS, *operator.OPERATIONS, *users.OPERATIONS, *acts.OPERATIONS, *configuration.OPERATIONS,
)  # fmt: skip

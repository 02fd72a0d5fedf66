"""The operations, one file for each noun. `ALL` is the whole API: routes, OpenAPI document and tests are made from it."""

from ..operation import Operation
from . import account, candles, contracts, markets, orders, preview, sessions, status

ALL: tuple[Operation, ...] = (
    *status.OPERATIONS, *markets.OPERATIONS, *contracts.OPERATIONS, *candles.OPERATIONS, *sessions.OPERATIONS, *orders.OPERATIONS, *preview.OPERATIONS,
    *account.OPERATIONS,
)  # fmt: skip

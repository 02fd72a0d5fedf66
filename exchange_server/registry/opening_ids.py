"""ClOrdIDs of the open orders of a venue that moves here: their keys in the core, and that nobody uses one twice."""

from collections.abc import Mapping

import numpy as np

from config import admin_records as ar
from protocol import codes

from .. import state
from ..core import order_terms
from ..core.kit.loads import SLACK
from . import rows as rows_of
from .definitions import Definitions
from .engine_like import EngineLike
from .refused import Refused
from .tables import Account


def client_key(id: int | str) -> tuple[int, int]:
    """The core's key of a ClOrdID: a number, or a text."""
    if isinstance(id, int):
        return 0, id
    out = np.zeros(2, np.int64)
    order_terms.key_of_text(np.frombuffer(id.encode() + bytes(SLACK), np.uint8).copy(), out)
    return int(out[0]), int(out[1])


def check(registry: Definitions, accounts: Mapping[str, Account], after: Definitions, record: ar.Opening, engine: EngineLike) -> None:
    """A firm uses a ClOrdID once. accounts: by name; after: the tables as they will be. Raises Refused."""
    seen: set[tuple[int, int | str]] = set()
    for i, order in enumerate(record.orders):
        firm = accounts[order.account].firm
        if isinstance(order.client_id, str) and (len(order.client_id.encode()) > 64 or plain_number(order.client_id)):
            raise Refused(codes.R_OPENING_ORDER, f'"{order.client_id}" is no text of a ClOrdID', ("orders", i, "client_id"))
        used = (firm, order.client_id) in seen
        if not used and registry.firms.get(firm) is not None:
            text = np.zeros(state.TEXT_WORDS, np.int64)
            if isinstance(order.client_id, str):
                rows_of.put_text(text, 0, order.client_id, state.TEXT_WORDS)
            used = bool(order_terms.id_used(engine.m, firm, *client_key(order.client_id), text))
        if used:
            name = after.firms[firm].name
            raise Refused(codes.R_OPENING_ID, f"firm {name} uses {order.client_id} for another order", ("orders", i, "client_id"))
        seen.add((firm, order.client_id))


def plain_number(text: str) -> bool:
    """Whether a text is the number itself as a ClOrdID: decimal, without leading zeros, 1 to 2^63 - 1."""
    return text.isascii() and text.isdigit() and text[0] != "0" and int(text) < 1 << 63

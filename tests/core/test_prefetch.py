"""Looking ahead reads only words whose meaning it has checked."""

import os
import signal

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core import prefetch
from exchange_server.core.kit.pairs import PAIR_BALANCE
from exchange_server.core.layout import plain
from exchange_server.engine import Capacities, Engine
from tests.flows import named_flow

SMALL = Capacities(
    accounts=64,
    balances=200,
    events=16,
    instruments=128,
    listings=128,
    sessions=16,
    firms=32,
    orders=512,
    archive=512,
    collateral_words=50_000,
)


def test_another_pair_of_the_event_in_the_place_of_the_collateral_row_is_not_followed() -> None:
    """An asset may have the event's number: a balance in that place has a pointer too, and money where a collateral row has its columns. Followed,
    a new order would wait for a loop over that many columns."""
    flow = named_flow(5, 10, 20, books=4, group=(2, 6), accounts=16)
    engine = Engine(SMALL)
    assert engine.step_rows(flow.definitions, len(flow.definitions), lambda events: None) == 0
    m, rows = engine.m, np.ascontiguousarray(flow.preload[:1]).reshape(-1)
    s = int(m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE]) + plain.session_of(int(rows[L.CMD_SESSION_ACCOUNT])) * L.SESSION_WORDS
    inst = (
        int(m[L.H_POOLS + L.P_INSTRUMENT * L.POOL_WORDS + L.PL_BASE])
        + plain.instrument_of(int(rows[L.CMD_INSTRUMENT])) * L.INSTRUMENT_WORDS
    )
    slot, _ = prefetch.pair_slot._compile_for_args()(m, rows, 0, s, inst)
    look = prefetch.look_near._compile_for_args()
    look(m, rows, 0, False)  # compiled before the clock runs
    money = len(m) - 64
    m[money + L.CO_N], m[money + L.CO_K] = 1 << 60, 2
    m[slot : slot + 3] = PAIR_BALANCE << 56 | 1, m[m[inst + L.I_EVENT]], money
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a kernel's loop takes no exception: the signal ends it
        look(m, rows, 0, False)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

"""Looking ahead reads only words whose meaning it has checked."""

import os
import signal

import numpy as np

from exchange_server.core import layout as L
from exchange_server.core import prefetch
from exchange_server.core.kit.pairs import PAIR_BALANCE
from exchange_server.core.layout import plain
from exchange_server.core.life.ids import PASSED
from exchange_server.engine import Capacities, Engine
from protocol import codes as C
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


LOOKS = {
    name: getattr(prefetch, name) for name in ("pair_slot", "look_far", "look_middle", "look_near", "look_hand", "look_last", "deeper")
}


def look(name: str, *arguments: object) -> object:
    return LOOKS[name]._compile_for_args()(*arguments)


def world() -> tuple[Engine, np.ndarray, np.ndarray]:
    """An engine with resting orders, its next rows, and empty notes."""
    flow = named_flow(5, 10, 20, books=4, group=(2, 6), accounts=16)
    engine = Engine(SMALL)
    assert engine.step_rows(flow.definitions, len(flow.definitions), lambda events: None) == 0
    engine.step_rows(flow.preload.reshape(-1)[: 10 * L.CMD_WORDS].copy(), 10 * L.CMD_WORDS, lambda events: None)
    seen = np.full(prefetch.SEEN_WORDS, -1, np.int64)
    return engine, np.ascontiguousarray(flow.preload[10:]).reshape(-1), seen


def instrument_at(m: np.ndarray, rows: np.ndarray) -> int:
    number = plain.instrument_of(int(rows[L.CMD_INSTRUMENT]))
    return int(m[L.H_POOLS + L.P_INSTRUMENT * L.POOL_WORDS + L.PL_BASE]) + number * L.INSTRUMENT_WORDS


def test_each_stage_goes_on_where_the_one_before_stopped() -> None:
    engine, rows, seen = world()
    m, inst = engine.m, instrument_at(engine.m, rows)
    look("look_far", m, rows, 0, seen)
    assert seen[0] == 0, "there is a note about the row"
    note = seen[prefetch.SEEN :]
    assert note[prefetch.NOTE_INSTRUMENT] == inst
    root = int(m[inst + L.I_ROOT + int(note[prefetch.NOTE_ASK])])
    assert root < note[prefetch.NOTE_PLACE] < root + L.NODE_WORDS or root == note[prefetch.NOTE_PLACE] == 0
    for stage, arguments in (("look_middle", []), ("look_near", [False]), ("look_hand", [False]), ("look_last", [])):
        look(stage, m, 0, *arguments, seen)
    look("look_middle", m, 64 * L.CMD_WORDS, seen)  # in the same place, about another row: nothing to go on with
    assert seen[0] == 0


def test_only_a_node_leads_deeper_into_a_book() -> None:
    engine, _, _ = world()
    m = engine.m
    nodes = int(m[L.H_POOLS + L.P_NODE * L.POOL_WORDS + L.PL_BASE])
    place = len(m) - 8
    for word, found in (
        (0, 0),
        (7, 0),
        (-5, 0),
        (1 << 60, 0),
        (nodes - 1, 0),
        (nodes + SMALL.nodes * L.NODE_WORDS, 0),
        (nodes, nodes + L.N_CHILD + 3),
    ):
        m[place] = word
        assert look("deeper", m, place, 3 << 6, 6) == found
    assert look("deeper", m, place, 3, -6) == place, "a leaf has no nodes below it"
    assert look("deeper", m, 0, 3, 6) == 0


def cancel_of_the_first_order(m: np.ndarray, rows: np.ndarray) -> tuple[int, np.ndarray]:
    """The first order's pointer, and a row of its firm that cancels it."""
    first = int(m[L.H_POOLS + L.P_ORDER * L.POOL_WORDS + L.PL_BASE])
    cancel = rows[: L.CMD_WORDS].copy()
    cancel[L.CMD_HEAD] = cancel[L.CMD_HEAD] & ~255 | C.C_CANCEL
    session = next(
        s
        for s in range(1, 16)
        if int(m[int(m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE]) + s * L.SESSION_WORDS + L.S_FIRM]) == m[first + L.O_FIRM]
    )
    cancel[L.CMD_SESSION_ACCOUNT] = session << 32
    cancel[L.CMD_ORIG_HI], cancel[L.CMD_ORIG_LO] = m[first + L.O_KEY_HI], m[first + L.O_KEY_LO]
    return first, cancel


def test_an_order_that_has_gone_since_is_not_followed() -> None:
    engine, rows, seen = world()
    m = engine.m
    first, cancel = cancel_of_the_first_order(m, rows)
    look("look_far", m, cancel, 0, seen)
    look("look_middle", m, 0, seen)
    note = seen[prefetch.SEEN :]
    assert note[prefetch.NOTE_ORDER] == first
    look("look_near", m, 0, True, seen)
    still = prefetch.still_open._compile_for_args()
    assert still(m, seen, prefetch.SEEN) == first
    slot = int(note[prefetch.NOTE_SLOT])
    m[slot] += 1
    assert still(m, seen, prefetch.SEEN) == 0
    m[first + L.O_INSTRUMENT] = 1 << 60  # would end the process
    look("look_near", m, 0, True, seen)
    look("look_hand", m, 0, True, seen)


def test_an_order_is_found_in_any_place_of_its_ids_line() -> None:
    engine, rows, seen = world()
    m = engine.m
    first, cancel = cancel_of_the_first_order(m, rows)
    look("look_far", m, cancel, 0, seen)
    note = seen[prefetch.SEEN :]
    line = int(note[prefetch.NOTE_SLOT])
    entry = next(int(m[line + i]) for i in range(PASSED) if plain.hash_of(int(m[line + i])) == note[prefetch.NOTE_KEY])
    for place in range(PASSED):
        m[line : line + PASSED] = entry ^ 1 << 40  # other ids'
        m[line + place] = entry
        note[prefetch.NOTE_SLOT] = line
        look("look_middle", m, 0, seen)
        assert (note[prefetch.NOTE_ORDER], note[prefetch.NOTE_SLOT]) == (first, line + place)
        assert prefetch.still_open._compile_for_args()(m, seen, prefetch.SEEN) == first
    m[line + place], m[line + PASSED] = 0, entry
    note[prefetch.NOTE_SLOT] = line
    look("look_middle", m, 0, seen)
    assert note[prefetch.NOTE_ORDER] == 0, "the eighth word is a count"


def test_an_empty_place_is_not_taken_for_an_id_whose_hash_is_0() -> None:
    engine, rows, seen = world()
    m = engine.m
    _, cancel = cancel_of_the_first_order(m, rows)
    look("look_far", m, cancel, 0, seen)
    note = seen[prefetch.SEEN :]
    line = int(note[prefetch.NOTE_SLOT])
    m[line : line + PASSED] = 0
    note[prefetch.NOTE_KEY] = 0
    look("look_middle", m, 0, seen)
    assert note[prefetch.NOTE_ORDER] == 0


def test_a_replacement_looks_for_the_level_of_its_new_price() -> None:
    engine, rows, seen = world()
    m = engine.m
    first, row = cancel_of_the_first_order(m, rows)
    attr, inst, level = (int(m[first + word]) for word in (L.O_ATTR, L.O_INSTRUMENT, L.O_LEVEL))
    price = int(m[first + L.O_PRICE])  # the level that it has already: one that is there
    in_its_terms = int(m[inst + L.I_PAYOUT]) - price if plain.contract_side_of(attr) == C.NO else price
    note = seen[prefetch.SEEN :]
    for kind, asked, found in ((C.C_REPLACE, in_its_terms, level), (C.C_REPLACE, 1 << 60, 0), (C.C_CANCEL, in_its_terms, 0)):
        row[L.CMD_HEAD], row[L.CMD_PRICE] = row[L.CMD_HEAD] & ~255 | kind, asked
        look("look_far", m, row, 0, seen)
        look("look_middle", m, 0, seen)
        look("look_near", m, 0, False, seen)
        place = int(note[prefetch.NOTE_PLACE])
        assert (place and int(m[place])) == found
        look("look_hand", m, 0, False, seen)
        look("look_last", m, 0, seen)


def test_what_an_earlier_note_had_in_the_same_place_is_not_followed() -> None:
    engine, rows, seen = world()
    look("look_far", engine.m, rows, 0, seen)
    seen[prefetch.SEEN :] = 1 << 60  # an address that ends the process
    look("look_far", engine.m, rows, 0, seen)
    look("look_hand", engine.m, 0, False, seen)
    look("look_last", engine.m, 0, seen)


def test_only_a_level_leads_to_its_last_order() -> None:
    engine, rows, seen = world()
    m = engine.m
    look("look_far", m, rows, 0, seen)
    pool = L.H_POOLS + L.P_LEVEL * L.POOL_WORDS
    levels = int(m[pool + L.PL_BASE])
    place = len(m) - 8
    seen[prefetch.SEEN + prefetch.NOTE_PLACE] = place
    for word in (0, -5, 1 << 60, levels - 1, levels + int(m[pool + L.PL_CAP]) * L.LEVEL_WORDS, levels):
        m[place] = word  # what is not a level would end the process, or be another table's
        look("look_last", m, 0, seen)


def test_another_pair_of_the_event_in_the_place_of_the_collateral_row_is_not_followed() -> None:
    """An asset may have the event's number: a balance in that place has a pointer too, and money where a collateral row has its columns. Followed,
    a new order would wait for a loop over that many columns."""
    engine, rows, seen = world()
    m, inst = engine.m, instrument_at(engine.m, rows)
    s = int(m[L.H_POOLS + L.P_SESSION * L.POOL_WORDS + L.PL_BASE]) + plain.session_of(int(rows[L.CMD_SESSION_ACCOUNT])) * L.SESSION_WORDS
    slot, _ = look("pair_slot", m, rows, 0, s, inst)
    look("look_far", m, rows, 0, seen)
    look("look_near", m, 0, False, seen)  # compiled before the clock runs
    money = len(m) - 64
    m[money + L.CO_N], m[money + L.CO_K] = 1 << 60, 2
    m[slot : slot + 3] = PAIR_BALANCE << 56 | 1, m[m[inst + L.I_EVENT]], money
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a kernel's loop takes no exception: the signal ends it
        look("look_near", m, 0, False, seen)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

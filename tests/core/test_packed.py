"""Words that hold several things: their parts do not overlap, come back as they went in, and are taken apart nowhere but in packed.py."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange_server.core.layout import packed, plain, shape
from protocol import codes as C

ROOT = Path(__file__).resolve().parents[2]
BITS = (ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr, ast.BitXor)
HEADS = {"head", "attr", "form", "fees"}  # as parameters: words of these kinds


@pytest.mark.parametrize("word", packed.FIELDS)
def test_parts_do_not_overlap(word: str) -> None:
    taken = 0
    for first, bits in packed.FIELDS[word]:
        field = ((1 << bits) - 1) << first
        assert first >= 0 and first + bits <= 63 and taken & field == 0, (
            "the sign bit stays free: words are compared and shifted as signed ones"
        )
        taken |= field


def test_there_is_room() -> None:
    """Every code fits its field, and flags have places left."""
    flags = [value for name, value in vars(C).items() if name.startswith("EF_")]
    assert packed.FLAGS[1] >= 12 and max(flags) < 1 << packed.FLAGS[1] and len(flags) == len({*flags})
    fits = {"E_": packed.KIND, "C_": packed.KIND, "R_": packed.REASON, "ST_": packed.STATUS, "FLAG_": packed.FLAGS, "STP_": packed.STP}
    for prefix, (_, bits) in fits.items():
        values = [value for name, value in vars(C).items() if name.startswith(prefix)]
        assert values and max(values) < 1 << bits, prefix


def test_what_is_packed_is_read() -> None:
    rng = random.Random(7)
    for _ in range(200):
        kind, extra = rng.randrange(256), rng.randrange(256)
        terms = [rng.randrange(16) for _ in range(4)]
        low, middle, flags = rng.randrange(16), rng.randrange(1 << 12), rng.randrange(1 << 15)
        for word, readers in (
            (plain.pack_command(kind, extra, plain.pack_terms(*terms), low, middle, flags), (plain.stp_of, plain.row_flags_of)),
            (plain.pack_event(kind, extra, plain.pack_terms(*terms), low, middle, flags), (plain.status_of, plain.reason_of)),
        ):
            assert 0 <= word < 1 << 63
            assert (plain.kind_of(word), plain.extra_of(word), plain.flags_of(word)) == (kind, extra, flags)
            assert [plain.side_of(word), plain.contract_side_of(word), plain.type_of(word), plain.tif_of(word)] == terms
            assert [read(word) for read in readers] == [low, middle] and plain.terms_of(word) == plain.pack_terms(*terms)
        attr = plain.pack_attr(C.SELL, plain.pack_terms(*terms), flags, low)
        closed = plain.with_status(attr | packed.WAS_REPLACED, C.ST_CANCELED, middle)
        assert (plain.book_side_of(closed), plain.status_of(closed), plain.reason_of(closed)) == (C.SELL, C.ST_CANCELED, middle)
        assert plain.was_replaced(closed) and not plain.was_replaced(attr) and plain.flags_of(closed) == flags
        assert plain.terms_of(closed) == plain.terms_of(attr)


def test_a_head_gets_its_extra_row_and_flags() -> None:
    head = plain.pack_event(C.E_STATUS, 0, 0, C.ST_NEW, 0, C.EF_TAKER)
    assert plain.extra_of(plain.with_extra(head, 1, C.EF_TEXT)) == 1
    assert plain.flags_of(plain.with_extra(head, 1, C.EF_TEXT)) == C.EF_TAKER | C.EF_TEXT
    again = plain.with_extra(plain.with_extra(head, 1, C.EF_TEXT), 1, C.EF_REQUEST_ID)
    assert (plain.extra_of(again), plain.kind_of(again)) == (1, C.E_STATUS)


def test_sides() -> None:
    assert [plain.in_yes_terms(side, contract) for side, contract in ((C.BUY, C.YES), (C.SELL, C.YES), (C.BUY, C.NO), (C.SELL, C.NO))] == [
        C.BUY, C.SELL, C.SELL, C.BUY,
    ]  # fmt: skip
    assert [plain.own_side(C.BUY), plain.own_side(C.SELL)] == [0, 1]
    assert [plain.other_side(C.BUY), plain.other_side(C.SELL)] == [1, 0]


def test_pairs() -> None:
    big = (1 << 31) - 1
    assert (plain.session_of(plain.pack_session_account(big, 7)), plain.account_of(plain.pack_session_account(7, big))) == (big, big)
    assert (plain.firm_of(plain.pack_firm_account(big, 7)), plain.account_of(plain.pack_firm_account(7, big))) == (big, big)
    word = plain.pack_instrument(big, plain.pack_entry(0xFFFF, 0xFFFE))
    assert (plain.instrument_of(word), plain.venue_of(word), plain.front_of(word)) == (big, 0xFFFF, 0xFFFE)
    assert plain.venue_of(plain.pack_entry(3, 2)) == 3 and plain.without_entry(word) == plain.pack_instrument(big, 0)
    assert (plain.group_of(plain.pack_group(big, 5)), plain.sequence_of(plain.pack_group(5, 0xFFFFFFFF))) == (big, 0xFFFFFFFF)
    assert (plain.hash_of(plain.pack_ref(0xFFFFFFFF, 5)), plain.ref_of(plain.pack_ref(1, 0xFFFFFFFF))) == (0xFFFFFFFF, 0xFFFFFFFF)
    assert (plain.touched_instrument(plain.pack_touched(big, 1)), plain.touched_side(plain.pack_touched(big, 1))) == (big, 1)
    fees = plain.pack_fees(3, -32768, 32767)
    assert (plain.fee_model(fees), plain.maker_bps(fees), plain.taker_bps(fees)) == (3, -32768, 32767)
    assert plain.defined_options(plain.pack_options(7, 4)) == 4 and plain.pack_options(7, 4) & 7 == 7
    assert (
        plain.time_form_of(plain.pack_form(1, 3)) == 3 and plain.has_own_fields(plain.pack_form(1, 3)) and not plain.has_own_fields(3 << 8)
    )


# ---- nobody else ----------------------------------------------------------------------------------------------------


def is_packed(node: ast.expr, names: set[str]) -> bool:
    """A packed word, as it lies in its array, through int(), or under a local name."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "int" and len(node.args) == 1:
        return is_packed(node.args[0], names)
    if isinstance(node, ast.Name):
        return node.id in names
    return isinstance(node, ast.Subscript) and any(
        isinstance(part, ast.Attribute) and part.attr in shape.PACKED for part in ast.walk(node.slice)
    )


def has_bits(node: ast.AST) -> bool:
    """Are bits put together in this expression, outside calls?"""
    if isinstance(node, ast.Call):
        return False
    return isinstance(node, ast.BinOp) and isinstance(node.op, BITS) or any(has_bits(part) for part in ast.iter_child_nodes(node))


def names_in(function: ast.AST) -> set[str]:
    """Local names of packed words."""
    names = set()
    if isinstance(function, ast.FunctionDef):
        names = {a.arg for a in function.args.args} & HEADS
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
            pairs = zip(target.elts, value.elts) if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) else [(target, value)]
            names |= {t.id for t, v in pairs if isinstance(t, ast.Name) and is_packed(v, set())}
    return names


def taken_apart(tree: ast.Module) -> Iterator[int]:
    """Lines that shift or mask a packed word, or put one together."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for scope in functions or [tree]:
        names = names_in(scope)
        for node in ast.walk(scope):
            if isinstance(node, ast.BinOp) and isinstance(node.op, BITS) and (is_packed(node.left, names) or is_packed(node.right, names)):
                yield node.lineno
            elif isinstance(node, ast.AugAssign) and isinstance(node.op, BITS) and is_packed(node.target, names):
                yield node.lineno
            elif isinstance(node, ast.Assign) and has_bits(node.value) and any(is_packed(t, set()) for t in node.targets):
                yield node.lineno


def test_only_packed_takes_packed_words_apart() -> None:
    found = []
    for path in sorted((ROOT / "exchange_server").rglob("*.py")):
        if path.name != "packed.py":
            found += [f"{path.relative_to(ROOT)}:{line}" for line in sorted({*taken_apart(ast.parse(path.read_text()))})]
    assert found == [], "use the functions of core/layout/packed.py (from Python: plain)"


@pytest.mark.parametrize(
    "line",
    [
        "x = m[o + L.O_ATTR] & 15",
        "x = (rows[c + L.CMD_HEAD] >> 48) & 1",
        "x = int(rows[at, L.EVT_HEAD]) & 255",
        "h = ev[e + L.EVT_HEAD]\n    x = h >> 8",
        "a, h = 1, w[L.CMD_INSTRUMENT]\n    x = h >> 32",
        "x = head & 255",
        "m[o + L.O_ATTR] |= 16",
        "ev[e + L.EVT_SESSION_ACCOUNT] = (s << 32) | a",
        "inbox[at + L.CMD_INSTRUMENT] = i << 32",
    ],
)
def test_the_finder_finds(line: str) -> None:
    assert [*taken_apart(ast.parse(f"def f(m, rows, ev, head):\n    {line}\n"))]


@pytest.mark.parametrize(
    "line", ["x = kind_of(head)", "m[o + L.O_ATTR] = pack(a | b, 1)", "x = flags_of(head) & C.EF_TEXT", "x = m[o + L.O_QTY] >> 1"]
)
def test_the_finder_lets_the_rest_be(line: str) -> None:
    assert [*taken_apart(ast.parse(f"def f(m, head):\n    {line}\n"))] == []

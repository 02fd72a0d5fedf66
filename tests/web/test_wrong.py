"""Sentences for builders, made from the types of the fields."""

from typing import Any

import msgspec
import pytest

from exchange_server.web import operation, wrong
from exchange_server.web.problems import Refusal
from exchange_server.web.schemas import Amount, Body, Query, Side


class Part(Body, frozen=True):
    amount: Amount


class Whole(Body, frozen=True):
    side: Side
    parts: list[Part] = []
    maybe: Amount | None = None
    count: int = 0


@pytest.mark.parametrize(
    ("body", "at", "says"),
    [
        ({"side": "sel"}, "$.side", '"sel" is not one of buy, sell; did you mean "sell"?'),
        ({"side": "buy", "parts": [{"amount": "1"}, {"amount": 5}]}, "$.parts[1].amount", 'a string is needed: "5", in quotes'),
        ({"side": "buy", "parts": [{"amount": "x" * 30}]}, "$.parts[0].amount", f'"{"x" * 30}" does not fit: a decimal number, read exactly'),
        ({"side": "buy", "parts": [{"amont": "1"}]}, "$.parts[0].amont", 'there is no field "amont"; did you mean "amount"?'),
        ({"side": "buy", "maybe": 1.5}, "$.maybe", 'a string is needed: "1.5", in quotes'),
        ({"side": "buy", "zzz": 1}, "$.zzz", 'there is no field "zzz"; known here: side, parts, maybe, count'),
        ({"side": "buy", "count": "1"}, "$.count", "Expected `int`, got `str`"),
        ({}, "$.side", "Object missing required field `side`"),
        ([], "$", "Expected `object`, got `array`"),
    ],
)  # fmt: skip
def test_a_body(body: Any, at: str, says: str) -> None:
    with pytest.raises(Refusal) as refused:
        operation.read(Whole, msgspec.json.encode(body), "application/json")
    assert (refused.value.problem.at, refused.value.problem.detail) == (at, says)


def test_what_cannot_be_read_again_keeps_its_sentence() -> None:
    assert wrong.of_body(Whole, b'{"side": 1, ', "Expected `str`, got `int`", "$.side") == "Expected `str`, got `int`"
    assert wrong.of_body(Whole, b"[" * 100_000, "Expected `object`, got `array`", "$") == "Expected `object`, got `array`"


class Asked(Query, frozen=True):
    limit: int = 5


class Nothing(Query, frozen=True):
    pass


def test_parameters() -> None:
    assert wrong.of_query(Asked, {"limit": "x"}, "Expected `int`, got `str`", "limit") == 'a whole number is needed, asked "x"'
    assert wrong.of_query(Asked, {"limit": "0"}, "Expected `int` >= 1", "limit") == "must be at least 1, asked 0"
    assert wrong.of_query(Nothing, {"a": "b"}, "Object contains unknown field `a`", "a") == 'there is no parameter "a"; there are none here'

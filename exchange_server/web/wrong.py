"""What is wrong with a body or a parameter, in a sentence for the builder who sent it: which values there are, how a number is written, what a field is called."""

import re
import types
import typing
from typing import Any

import msgspec

from config import wording

_BOUND = re.compile(r"Expected `int` (>=|<=) (-?[0-9]+)")
SHOWN = 64  # characters of a value
_NUMBERS = (
    "Expected `str`, got `int`",
    "Expected `str`, got `float`",
    "Expected `str | null`, got `int`",
    "Expected `str | null`, got `float`",
)


def of_body(kind: Any, data: bytes, sentence: str, place: str) -> str:
    """A better sentence than msgspec's about the field at `place` ($.a[0].b) of a body of this kind; its own where there is none."""
    try:
        value = msgspec.json.decode(data)
        found = wording.fault(kind, value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return sentence
    here = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in found.key)
    if here != place:
        return sentence
    return _told(kind, found.key, found.value, sentence) or sentence


def _told(kind: Any, key: tuple[str | int, ...], value: Any, sentence: str) -> str:
    if "unknown field" in sentence:
        return _unknown("field", str(key[-1]), _names(_at(kind, key[:-1])))
    at = _at(kind, key)
    words = [word for one in wording.options(at) if typing.get_origin(one) is typing.Literal for word in typing.get_args(one) if word != ""]
    if words and isinstance(value, str):
        return wording.unknown_word(value, [str(word) for word in words])
    if sentence.startswith(_NUMBERS):
        return f'a string is needed: "{value}", in quotes'
    if "matching regex" in sentence and (about := _description(at)):
        return f'"{str(value)[:SHOWN]}" does not fit: {about[0].lower()}{about[1:]}'
    return ""


def of_query(kind: Any, given: dict[str, str], sentence: str, name: str) -> str:
    """The same for the parameters of an address."""
    if "unknown field" in sentence:
        return _unknown("parameter", name, _names(kind))
    if name not in given:
        return sentence
    if sentence.startswith("Expected `int`, got `str`"):
        return f'a whole number is needed, asked "{given[name][:SHOWN]}"'
    if bound := _BOUND.match(sentence):
        return f"must be at {'least' if bound[1] == '>=' else 'most'} {bound[2]}, asked {given[name][:SHOWN]}"
    return _told(kind, (name,), given[name], sentence) or sentence


def _unknown(what: str, name: str, names: list[str]) -> str:
    return f'there is no {what} "{name[:SHOWN]}"; {wording.advice(name, names)}'


def _names(kind: Any) -> list[str]:
    found = next((one for one in wording.options(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)
    return [field.encode_name for field in msgspec.structs.fields(found)] if found is not None else []


def _at(kind: Any, key: tuple[str | int, ...]) -> Any:
    """The annotation of the field that a key leads to."""
    for step in key:
        inner: Any = None
        for one in wording.options(kind):
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                inner = next((field.type for field in msgspec.structs.fields(one) if field.encode_name == step), None)
            elif typing.get_origin(one) in (list, tuple):
                inner = typing.get_args(one)[0]
            elif typing.get_origin(one) is dict:
                inner = typing.get_args(one)[1]
        kind = inner
    return kind


def _description(kind: Any) -> str:
    """What a Meta within an annotation says about its values."""
    if typing.get_origin(kind) is typing.Annotated:
        first, *metas = typing.get_args(kind)
        return next((one.description for one in metas if isinstance(one, msgspec.Meta) and one.description), "") or _description(first)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return next((found for part in typing.get_args(kind) if (found := _description(part))), "")
    return ""

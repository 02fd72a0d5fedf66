"""What msgspec says of a wrong value, in words for people: no backquotes, and an enumeration is refused with the values it has."""

import difflib
import re
import types
import typing
from typing import Any

import msgspec

from protocol import numbers

_STEP = re.compile(r"\.([A-Za-z_0-9]+)|\[([^\]]*)\]")


def split(error: Exception) -> tuple[str, str]:
    """(sentence, key path) of a validation error: ("expected ...", "market[0].k")."""
    sentence, _, place = str(error).partition(" - at ")
    path = place.strip("`").removeprefix("$").removeprefix(".")
    return sentence.replace("`", "").replace("Object missing required field", "is missing the key"), path


def explained(error: Exception, kind: Any, value: Any) -> tuple[str, str]:
    """(sentence, key path) for `value` that was no `kind`; a wrong value of an enumeration is named with those that there are."""
    sentence, path = split(error)
    if sentence.startswith("Invalid enum value"):
        allowed, found = _choices(kind, path), _at(value, path)
        if allowed:
            sentence = unknown_word(str(found), allowed)
    return sentence[:1].lower() + sentence[1:], path


def unknown_word(word: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(word, allowed, 1, 0.6)
    return f'"{word[:64]}" is not one of {", ".join(allowed)}' + (f'; did you mean "{near[0]}"?' if near else "")


def _options(kind: Any) -> list[Any]:
    """The types that an annotation may stand for, without Annotated and None."""
    if typing.get_origin(kind) is typing.Annotated:
        return _options(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [option for one in typing.get_args(kind) if one is not type(None) for option in _options(one)]
    return [kind]


def _choices(kind: Any, path: str) -> list[str]:
    """The values of the Literal at `path` below `kind`; empty when there is none."""
    kinds = _options(kind)
    for match in _STEP.finditer(f".{path}" if path and path[0] != "[" else path):
        below: list[Any] = []
        for one in kinds:
            if match[1] is not None and isinstance(one, type) and issubclass(one, msgspec.Struct):
                hint = typing.get_type_hints(one, include_extras=True).get(match[1])
                below += _options(hint) if hint is not None else []
            elif match[1] is None and typing.get_origin(one) in (tuple, list, dict):
                below += _options(typing.get_args(one)[1 if typing.get_origin(one) is dict else 0])
        kinds = below
    return list(dict.fromkeys(str(value) for one in kinds if typing.get_origin(one) is typing.Literal for value in typing.get_args(one)))


def _at(value: Any, path: str) -> Any:
    for match in _STEP.finditer(f".{path}" if path and path[0] != "[" else path):
        key = match[1]
        if key is not None:
            value = value.get(key, "") if isinstance(value, dict) else getattr(value, key, "")
        elif isinstance(value, list | tuple) and match[2] != "...":
            value = value[numbers.whole(match[2])]
        else:
            return ""
    return value

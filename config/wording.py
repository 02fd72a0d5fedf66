"""What is wrong with a value that is not of its type: the key as data and a sentence for people.

The conversion library reports this as one text only. Here data and types are walked in parallel to the first value that does not fit, so
its key, and the allowed words of an enumeration, are known without parsing that text.
"""

import difflib
import types
import typing
from typing import Any, NamedTuple

import msgspec

from .places import Key


class Fault(NamedTuple):
    key: Key
    sentence: str
    value: Any = None  # the value that does not fit


def unknown_word(word: str, allowed: list[str]) -> str:
    near = difflib.get_close_matches(word, allowed, 1, 0.6)
    return f'"{word[:64]}" is not one of {", ".join(allowed)}' + (f'; did you mean "{near[0]}"?' if near else "")


def advice(name: str, known: list[str]) -> str:
    """After a name that is none of these: the near one, or all there are."""
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}" if known else "there are none here"


def fault(kind: Any, value: Any) -> Fault:
    """The first fault of `value`, which is not a valid `kind` (msgspec.convert refuses it)."""
    return _fault(kind, value, ()) or Fault((), "is not what is expected", value)


def _fault(kind: Any, value: Any, key: Key) -> Fault | None:
    (only, *others) = options(kind)
    inner: Fault | None = None
    if not others:
        if isinstance(only, type) and issubclass(only, msgspec.Struct) and isinstance(value, dict):
            inner = _of_struct(only, value, key)
        elif typing.get_origin(only) in (tuple, list) and isinstance(value, list | tuple):
            element = typing.get_args(only)[0]
            inner = next((found for i, one in enumerate(value) if (found := _fault(element, one, (*key, i)))), None)
        elif typing.get_origin(only) is dict and isinstance(value, dict):
            element = typing.get_args(only)[1]
            inner = next((found for name, one in value.items() if (found := _fault(element, one, (*key, str(name))))), None)
    return inner or _here(kind, value, key)


def _of_struct(kind: type[msgspec.Struct], value: dict[str, Any], key: Key) -> Fault | None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    tag = kind.__struct_config__.tag_field
    for name, one in value.items():
        if name in fields:
            found = _fault(fields[name].type, one, (*key, name))
            if found:
                return found
        elif name != tag:
            return Fault((*key, str(name)), f"unknown key; {advice(str(name), list(fields))}", one)
    missing = next((name for name, field in fields.items() if field.required and name not in value), None)
    return Fault(key, f"is missing the key {missing}") if missing is not None else None


def _here(kind: Any, value: Any, key: Key) -> Fault | None:
    """The fault of the value itself, if nothing inside it is wrong."""
    try:
        msgspec.convert(value, kind, strict=True, from_attributes=True)
    except msgspec.ValidationError as error:
        words = [word for option in options(kind) if typing.get_origin(option) is typing.Literal for word in typing.get_args(option)]
        if any(type(value) is type(word) for word in words):
            return Fault(key, unknown_word(str(value), list(map(str, words))), value)
        sentence = str(error).replace("`", "")
        return Fault(key, sentence[:1].lower() + sentence[1:], value)
    return None


def options(kind: Any) -> list[Any]:
    """The types of an annotation, without Annotated and None."""
    if typing.get_origin(kind) is typing.Annotated:
        return options(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [option for one in typing.get_args(kind) if one is not type(None) for option in options(one)]
    return [kind]

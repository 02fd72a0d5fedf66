"""Templates of markets: typed parameters with bounds, and the body of a market in which {parameters} are filled in.

A template is data: those that are shipped are in config/templates/*.toml, a venue's own are [[template]] tables of its configuration. A [[market]] with
`template = "NAME"` gives the parameters; its other keys are keys of a market and win over the body. What comes out is a [[market]] table like one
written by hand.
"""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from protocol import numbers

from .amounts import ConfigError, duration_ns, instant_ns
from .fields import instant_text

FOLDER = Path(__file__).resolve().parent / "templates"
MAX_OUTCOMES = 4080
_PLACE = re.compile(r"\{([a-z_0-9]*)\}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}\Z")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._]{0,15}\Z")
MOST_TEXT = 4096

Kind = Literal["name", "code", "text", "whole", "decimal", "time", "duration", "outcome", "outcomes", "choice", "yes_no"]


class Parameter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`least`, `most`: bounds of the number, of the length of a text, or of how many outcomes. `default`: where it is not given, with {placeholders} of
    parameters before it; `below`: it is less than that list of outcomes is long; `optional`: it may be left out, and then so are the keys of the body that are only this parameter."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    type: Kind
    about: str
    default: str | int | bool | None = None
    optional: bool = False
    least: int | str | None = None
    most: int | str | None = None
    choices: tuple[str, ...] = ()
    below: str = ""

    @property
    def required(self) -> bool:
        return self.default is None and not self.optional


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`market`: the body, a [[market]] table. An entry of its `contract` with `each = PARAMETER` is made once for each outcome, with {code} and {title};
    with `when` or `unless = PARAMETER` only if that one was given, or was not."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    title: str
    about: str = ""
    parameter: tuple[Parameter, ...] = ()
    market: dict[str, Any]


class TemplateError(ValueError):
    """What is wrong with a use of a template, or with the template itself; `field`: of the market's table, "" for the whole."""

    def __init__(self, template: str, field: str, sentence: str) -> None:
        self.template, self.field, self.sentence = template, field, sentence
        super().__init__(f"template {template}: {field}: {sentence}" if field else f"template {template}: {sentence}")


@cache
def shipped() -> dict[str, Template]:
    """The templates that come with the program, by name."""
    made = [read(tomllib.loads(path.read_text("utf-8"))) for path in sorted(FOLDER.glob("*.toml"))]
    return {template.name: template for template in made}


def read(table: Any) -> Template:
    """A template from its table. Raises TemplateError."""
    name = str(table.get("name", "?"))[:64] if isinstance(table, dict) else "?"
    try:
        template = msgspec.convert(table, Template, strict=True)
    except msgspec.ValidationError as error:
        raise TemplateError(name, "", str(error)) from None
    known = [parameter.name for parameter in template.parameter]
    for i, parameter in enumerate(template.parameter):
        if parameter.name in known[:i]:
            raise TemplateError(name, parameter.name, "is there twice")
        if parameter.type in ("choice",) and not parameter.choices:
            raise TemplateError(name, parameter.name, "is one of a few words, and `choices` names none")
    spare = {*known, *(f"{one}_title" for one in known), *(f"{one}_count" for one in known), "code", "title"}
    for text in _texts(template.market):
        for place in _PLACE.findall(text):
            if place not in spare:
                raise TemplateError(name, "", f"the body has {{{place}}}, and there is no such parameter; known: {', '.join(known)}")
    return template


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("each", "when", "unless"):
                yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)


# -------------------------------------------------------------------------------------------------- filling it in
Table = Mapping[str, Any]  # a [[market]] table


def expand(template: Template, given: Table, market_keys: Mapping[str, Any]) -> dict[str, Any]:
    """The [[market]] table that a template makes of the table `given` (without its `template` and `each`). market_keys: what a market's table may
    have. Raises TemplateError, which names the field, the bound and what was asked."""
    parameters = {parameter.name: parameter for parameter in template.parameter}
    own = {key: value for key, value in given.items() if key not in parameters}
    for key in own:
        if key not in market_keys:
            raise TemplateError(template.name, key, _unknown(key, [*parameters, *market_keys], list(parameters)))
    values: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if name in given:
            values[name] = _checked(template, parameter, given[name])
        elif parameter.default is not None:
            default = parameter.default
            values[name] = _checked(template, parameter, _filled(template, default, values) if isinstance(default, str) else default)
        elif parameter.required:
            raise TemplateError(template.name, name, f"is missing: {parameter.about} ({described(parameter)})")
    for name, parameter in parameters.items():
        if parameter.below and values[name] >= len(values[parameter.below]):
            text = f"must be less than the {len(values[parameter.below])} {parameter.below}, asked {values[name]}"
            raise TemplateError(template.name, name, text)
    made: dict[str, Any] = {}
    for key, value in template.market.items():
        filled = _filled(template, value, values, values)
        if filled is not None:
            made[key] = filled
    contracts = made.get("contract")
    if isinstance(contracts, list) and "contract" not in own:
        _refuse_same_codes(template, contracts)
    return {**made, **own, "made_from": template.name}


def _unknown(key: str, all_keys: list[str], parameters: list[str]) -> str:
    near = difflib.get_close_matches(key, all_keys, 1, 0.6)
    advice = f'did you mean "{near[0]}"?' if near else f"its parameters: {', '.join(parameters)}; the other keys are those of a market"
    return f"is neither a parameter nor a key of a market; {advice}"


def _filled(template: Template, value: Any, values: Table, given: Table | None = None) -> Any:
    """A value of the body with its placeholders filled in; None: to be left out, because a parameter was not given."""
    if isinstance(value, str):
        return _text(template, value, values)
    if isinstance(value, dict):
        inner = {key: _filled(template, one, values, given) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one is not None}
    if isinstance(value, list):
        return [made for one in value for made in _element(template, one, values, given or {})]
    return value


def _element(template: Template, value: Any, values: Table, given: Table) -> list[Any]:
    """What an element of a list becomes: none, one, or one for each outcome."""
    if not isinstance(value, dict):
        return [_filled(template, value, values, given)]
    if ("when" in value and value["when"] not in given) or ("unless" in value and value["unless"] in given):
        return []
    plain = {key: one for key, one in value.items() if key not in ("each", "when", "unless")}
    if "each" not in value:
        return [_filled(template, plain, values, given)]
    return [_filled(template, plain, {**values, **outcome}, given) for outcome in values.get(value["each"], ())]


def _text(template: Template, text: str, values: Table) -> Any:
    whole = _PLACE.fullmatch(text)
    if whole is not None:
        name = whole[1]
        if name in values and not isinstance(values[name], dict | tuple):
            return values[name]
        parameter = next((one for one in template.parameter if one.name == name), None)
        if parameter is not None and parameter.optional and name not in values:
            return None
    return _PLACE.sub(lambda match: _shown(template, match[1], values), text)


def _shown(template: Template, name: str, values: Table) -> str:
    base, _, part = name.rpartition("_")
    if name not in values and part == "title" and isinstance(values.get(base), dict):
        return str(values[base]["title"])
    if name not in values and part == "count" and isinstance(values.get(base), tuple):
        return str(len(values[base]))
    value = values.get(name, "")
    if isinstance(value, dict):
        return str(value["code"])
    if isinstance(value, tuple):
        raise TemplateError(template.name, name, "is a list of outcomes and stands in the middle of a text")
    return str(value)


def _refuse_same_codes(template: Template, contracts: list[Any]) -> None:
    seen: set[str] = set()
    for contract in contracts:
        code = contract.get("code", "")
        if code and code in seen:
            raise TemplateError(template.name, "", f'two outcomes have the code "{code}": each needs one of its own')
        seen.add(code)


# -------------------------------------------------------------------------------------------------- types and bounds
def described(parameter: Parameter) -> str:
    """Type and bounds for people: "a whole number from 1 to 48"."""
    words = {
        "name": "a name", "code": "a short code of letters and digits", "text": "a text", "whole": "a whole number", "decimal": "a decimal number",
        "time": "a time like 2026-07-19T19:00:00Z", "duration": 'a duration like "72h"', "outcome": "an outcome, CODE or CODE=Title",
        "outcomes": "a list of outcomes, CODE or CODE=Title", "choice": f"one of {', '.join(parameter.choices)}", "yes_no": "true or false",
    }[parameter.type]  # fmt: skip
    counted = {"outcomes": " of them", "text": " characters"}.get(parameter.type, "")
    low, high = parameter.least, parameter.most
    if low is not None and high is not None:
        return f"{words}, {low} to {high}{counted}"
    return words + (f", at least {low}{counted}" if low is not None else f", at most {high}{counted}" if high is not None else "")


def _checked(template: Template, parameter: Parameter, value: Any) -> Any:
    """The value of a parameter; raises TemplateError for another type, or one out of bounds."""

    def wrong(why: str = "") -> TemplateError:
        asked = str(value) if not isinstance(value, str) else f'"{value[:64]}"'
        return TemplateError(template.name, parameter.name, f"{why or f'must be {described(parameter)}'}, asked {asked[:200]}")

    try:
        return _of_type(parameter, value)
    except (_Not, ConfigError, numbers.NotANumber) as error:
        raise wrong(str(error) if isinstance(error, _Not) else "") from None


class _Not(ValueError):
    """Of another type or out of bounds; the text may be empty."""


def _of_type(parameter: Parameter, value: Any) -> Any:
    match parameter.type:
        case "whole":
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise _Not
            number = numbers.whole(value, parameter.name) if isinstance(value, str) else value
            return _bounded(parameter, number, number)
        case "decimal":
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise _Not
            return _bounded(parameter, str(value), _nano(str(value)))
        case "time":
            if not isinstance(value, str) or not value:
                raise _Not
            return instant_text(instant_ns("", "", value))
        case "duration":
            return _bounded(parameter, value, duration_ns("", "", str(value)), lambda bound: duration_ns("", "", str(bound)))
        case "outcome":
            return outcome(value)
        case "outcomes":
            found = outcomes(value)
            return _bounded(parameter, found, len(found))
        case "choice":
            if value not in parameter.choices:
                raise _Not
            return value
        case "yes_no":
            words = {"true": True, "yes": True, "false": False, "no": False}
            if not isinstance(value, bool) and value not in words:
                raise _Not
            return words[value] if isinstance(value, str) else value
    if not isinstance(value, str) or any(ord(letter) < 32 for letter in value):
        raise _Not
    pattern = {"name": _NAME, "code": _CODE}.get(parameter.type)
    if pattern is not None and not pattern.match(value):
        raise _Not
    if len(value) > MOST_TEXT:
        raise _Not
    return _bounded(parameter, value, len(value)) if parameter.type == "text" else value


def _nano(text: str) -> int:
    """A decimal number, negative too, in billionths."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * numbers.scaled(digits, 9)


def _bounded(parameter: Parameter, value: Any, size: int, of: Any = None) -> Any:
    of = of or ((lambda bound: _nano(str(bound))) if parameter.type == "decimal" else int)
    if (parameter.least is not None and size < of(parameter.least)) or (parameter.most is not None and size > of(parameter.most)):
        raise _Not
    return value


def outcome(value: Any) -> dict[str, str]:
    """{"code", "title"} of "ESP", "ESP=Spain" or a table with these keys. Raises _Not."""
    if isinstance(value, str):
        code, _, title = value.partition("=")
        value = {"code": code.strip(), "title": title.strip()}
    if not isinstance(value, dict) or not set(value) <= {"code", "title"} or not all(isinstance(one, str) for one in value.values()):
        raise _Not
    code, title = value.get("code", ""), value.get("title", "") or value.get("code", "")
    if not _CODE.match(code) or len(title) > 256 or any(ord(letter) < 32 for letter in title):
        raise _Not
    return {"code": code, "title": title}


def outcomes(value: Any) -> tuple[dict[str, str], ...]:
    """Those of a list, or of a text in which commas separate them. Raises _Not."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple) or len(value) > MAX_OUTCOMES:
        raise _Not
    found = tuple(outcome(one) for one in value)
    codes = [one["code"] for one in found]
    twice = next((code for i, code in enumerate(codes) if code in codes[:i]), None)
    if twice is not None:
        raise _Not(f'the code "{twice}" is there twice')
    return found

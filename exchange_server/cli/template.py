"""`exos template list|show`: the templates that markets are made from; and a market's table out of one."""

from typing import Any

import click

from config import load, schema, template_uses, templates
from config.amounts import ConfigError
from config.templates import Template, TemplateError

from ..exits import Exit
from .command import Noun
from .common import CommandError
from .output import Result, say, table

template = Noun("template", "list and show the templates that markets are made from")
file_option: Any = click.option("--file", metavar="FILE", help="A configuration file: its own templates too.")


def known(file: str | None) -> dict[str, Template]:
    """The shipped templates, and those that a configuration file and its includes define. Raises CommandError."""
    if file is None:
        return templates.shipped()
    try:
        return {**templates.shipped(), **load.templates_of(file)}
    except ConfigError as error:
        raise CommandError(Exit.CONFIG, str(error)) from error


def from_template(name: str, file: str | None, given: tuple[str, ...], own: dict[str, Any]) -> dict[str, Any]:
    """The [[market]] table of a template. given: FIELD=VALUE; own: keys of a market that win over it. Raises CommandError (USAGE)."""
    fields: dict[str, Any] = {}
    for text in given:
        field, equals, value = text.partition("=")
        if not equals or not field:
            raise CommandError(Exit.USAGE, f'"{text}": not FIELD=VALUE')
        if field in fields:
            raise CommandError(Exit.USAGE, f'"{field}" is given twice')
        fields[field] = value
    try:
        chosen = template_uses.find(name, known(file))
        return templates.expand(chosen, {**fields, **own}, dict.fromkeys(schema.Market.__struct_fields__))
    except TemplateError as error:
        raise CommandError(Exit.USAGE, str(error)) from error


@template.verb("list", "all templates", examples=("exos template list", "exos template list --file venue.toml"))
@file_option
def list_(file: str | None) -> Result:
    found = known(file)
    table(("template", "what", "fields"), [(one.name, one.title, ", ".join(_fields(one))) for one in found.values()])
    return Result([{"name": one.name, "title": one.title, "about": one.about} for one in found.values()])


def _fields(one: Template) -> list[str]:
    return [parameter.name if parameter.required else f"[{parameter.name}]" for parameter in one.parameter]


@template.verb("show", "the fields of a template with their bounds, and what it makes", examples=("exos template show match_result",))
@click.argument("name")
@file_option
def show(name: str, file: str | None) -> Result:
    import msgspec

    try:
        one = template_uses.find(name, known(file))
    except TemplateError as error:
        raise CommandError(Exit.FAILED, str(error)) from error
    say(f"{one.name}: {one.title}. {one.about}".rstrip())
    rows = [(p.name, templates.described(p), _default(p), p.about) for p in one.parameter]
    table(("field", "type and bounds", "default", "what"), rows)
    return Result(msgspec.to_builtins(one))


def _default(parameter: templates.Parameter) -> str:
    if parameter.required:
        return "required"
    return "none" if parameter.default is None else str(parameter.default)

"""What the command line is made of: nouns (`exos market`), verbs (`exos market list`), their help with examples, and near words for wrong ones."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from ..exits import Exit
from . import output
from .common import unknown_word
from .output import JSON, VERBOSE, Result

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Formatter(click.HelpFormatter):
    def write_heading(self, heading: str) -> None:
        import sys

        super().write_heading(click.style(heading, bold=True) if output.fancy(sys.stdout) else heading)


class Context(click.Context):
    formatter_class = Formatter


class Helpful(click.Command):
    """How commands and nouns show themselves."""

    context_class = Context

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), prefix="usage: ")

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 (click.Command)
        return self.short_help or ""


class Verb(Helpful):
    """A command with examples. Its function returns a Result or nothing; `invoke` gives the exit code."""

    def __init__(self, name: str, summary: str, examples: Sequence[str], as_json: bool, slow: bool, **rest: Any) -> None:
        super().__init__(name, short_help=summary, context_settings=SETTINGS, **rest)
        self.examples = tuple(examples)
        if slow:
            self.params.append(_flag(("-v", "--verbose"), VERBOSE, "Say how far it is, also when stderr is not a terminal."))
        if as_json:
            self.params.append(_flag(("--json",), JSON, "Write one JSON document."))

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click.Command)
        formatter.write_paragraph()
        with formatter.indentation():
            text = sentence(self.short_help or "")
            formatter.write_text(text + ("\n\n" + self.help if self.help else ""))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click.Command)
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  {example}\n")

    def invoke(self, ctx: click.Context) -> Exit:
        result = super().invoke(ctx) or Result()
        output.finish(ctx, result)
        return result.exit


class Noun(Helpful, click.Group):
    """Commands about one kind of thing."""

    def __init__(self, name: str, summary: str, **rest: Any) -> None:
        super().__init__(name, short_help=summary, help=sentence(summary), context_settings=SETTINGS, **rest)

    def verb(
        self, name: str, summary: str, *, examples: Sequence[str], as_json: bool = True, slow: bool = False, details: str = ""
    ) -> Callable[[Callable[..., Any]], Verb]:
        """Decorator: the function becomes the command `name`. See `verb` below."""

        def add(function: Callable[..., Any]) -> Verb:
            command = verb(name, summary, examples=examples, as_json=as_json, slow=slow, details=details)(function)
            self.add_command(command)
            return command

        return add

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click.Group)
        return list(self.commands)  # in the order of their file

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if not ctx.resilient_parsing and args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(unknown_word(args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)


def verb(
    name: str, summary: str, *, examples: Sequence[str], as_json: bool = True, slow: bool = False, details: str = ""
) -> Callable[[Callable[..., Any]], Verb]:
    """Decorator: the function becomes a command. Its arguments and options are click's decorators below this one.

    summary: what it does, as in a list of commands; details: what more there is to know; examples: whole lines that parse; as_json: it has
    --json; slow: it may take over two seconds and uses `progress`, so it has --verbose."""

    def make(function: Callable[..., Any]) -> Verb:
        params = list(reversed(getattr(function, "__click_params__", [])))
        return Verb(name, summary, examples, as_json, slow, params=params, callback=function, help=details or None)

    return make


def _flag(names: Sequence[str], key: str, text: str) -> click.Option:
    """A flag that is told by Context.meta and not given to the function."""

    def keep(context: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            context.meta[key] = True

    return click.Option(list(names), is_flag=True, is_eager=True, expose_value=False, callback=keep, help=text)


def sentence(text: str) -> str:
    """ "list markets" -> "List markets." """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def usage_error(error: click.UsageError) -> str:
    """What is wrong with a command line, in one sentence."""
    if isinstance(error, click.NoSuchOption):
        if error.option_name[1:2] in "0123456789.":
            return f'"{error.option_name}": a number here has no sign'
        known = (
            []
            if error.ctx is None
            else [
                name
                for p in error.ctx.command.get_params(error.ctx)
                if not getattr(p, "hidden", False)
                for name in p.opts
                if name[:2] == "--"
            ]
        )
        return unknown_word(error.option_name, known)
    if isinstance(error, click.MissingParameter):
        return f"{_hint(error.param) or error.param_hint} is missing"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_hint(error.param)}: {error.message}"
    text = error.format_message()
    return (text[:1].lower() + text[1:]).removesuffix(".")


def _hint(param: click.Parameter | None) -> str:
    """What a parameter is called on the command line."""
    if isinstance(param, click.Option):
        return param.opts[-1]
    return "" if param is None else (param.metavar or param.name or "").upper()


def usage_lines(error: click.UsageError) -> list[str]:
    """The lines for stderr."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return [error.format_message()]
    lines = [f"exos: {usage_error(error)}"]
    if error.ctx is not None:
        lines.append(f"{' '.join(error.ctx.get_usage().split())}  ({error.ctx.command_path} --help)")
    return lines

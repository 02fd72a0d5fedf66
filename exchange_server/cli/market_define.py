"""`exos market create|change`: a market out of options, read as a configuration file is."""

from typing import Any

import click
import msgspec

from config import admin_records as ar
from config import schema, wording
from config.amounts import ConfigError
from config.fields import AMOUNTS, INSTANT, MONEY, PRICE, QUANTITY, instant_text
from config.market import Band, Contract
from config.places import shown
from config.reader import Reader
from protocol import numbers, phases

from ..exits import Exit
from . import fields as of
from . import times
from .acts import at_option, check_asset, decimals, dry_run_option, exists, one, send
from .command import Noun
from .common import CommandError, OneOf
from .connect import Server, names, server_option
from .define import already, differs, merged
from .output import Result
from .template import from_template

# Arguments, lists of parts, and what follows from something else.
LEAVE = ("event", "template", "contracts", "bands", "lot_base", "tick_value", "phase")


def add(noun: Noun) -> None:
    @noun.verb(
        "create",
        "define a new market",
        details="Prices and payout are decimal numbers, quantities in contracts (spot: units of the base asset). A contract is SYMBOL or SYMBOL=OUTCOME; its "
        "code, as settle takes it, is the symbol's last part. Without --band an event contract has the whole grid below the payout. With --template the fields of "
        "the template are given as FIELD=VALUE, and options win over what it says.",
        examples=(
            "exos market create CUP --title 'Who wins' --product exactly --winners 1 --owner-venue WC26 --asset USD --payout 1 --max-qty 10000 "
            "--max-position 100000 --fees-model quadratic --fees-taker-bps 100 --contract CUP-A=Alpha --contract CUP-B=Beta --phase open",
            "exos market create ETH-USD --product spot --owner-venue WC26 --asset USD --base-asset ETH --price-decimals 2 --qty-decimals 2 --max-qty 100 "
            "--band 0.01:99999.99:0.01 --fees-model notional --fees-taker-bps 10 --contract ETH-USD --dry-run",
            "exos market create --template match_result home=ESP=Spain away=ARG=Argentina event=WC26-X source='FIFA match report' --owner-venue WC26 --asset USD",
        ),
    )
    @click.argument("event", metavar="EVENT|FIELD=VALUE")
    @click.argument("field", nargs=-1, metavar="[FIELD=VALUE]...")
    @click.option("--template", metavar="NAME", help="Make it from a template: its fields as FIELD=VALUE (exos template show NAME).")
    @click.option("--templates", metavar="FILE", help="A configuration file with templates of one's own.")
    @click.option(
        "--contract", multiple=True, metavar="SYMBOL=OUTCOME", help="An outcome that is traded (repeat for each; spot: the pair itself)."
    )
    @click.option("--band", multiple=True, metavar="LOW:HIGH:STEP", help="A stretch of the price grid (repeat for several).")
    @of.add_options(ar.DefineMarket, LEAVE)
    @click.option("--phase", type=OneOf(phases.SETTABLE), help="Its first phase (default: listed).")
    @dry_run_option
    @server_option
    def create(
        event: str,
        field: tuple[str, ...],
        template: str | None,
        templates: str | None,
        contract: tuple[str, ...],
        band: tuple[str, ...],
        phase: str | None,
        dry_run: bool,
        server: Server,
        **given: Any,
    ) -> Result:
        if template is None and (field or "=" in event):
            raise CommandError(Exit.USAGE, "FIELD=VALUE goes with --template NAME (exos template list shows them)")
        table: dict[str, Any] = {}
        if template is None:
            table = {"event": event}
        if contract or template is None:
            table["contract"] = [contract_of(text) for text in contract]
        if band or template is None:
            table["band"] = [band_of(text) for text in band]
        for option in of.options_of(ar.DefineMarket, LEAVE):
            if (value := of.named(given).get(option.argument)) is not None:
                _put(table, option, value)
        if template is not None:
            table = from_template(template, templates, (event, *field), table)
            event = str(table["event"])
        with server.connect() as admin:
            made = read(table, decimals(admin))
            old = exists(admin, "market", event)
            if old is not None and (fields := differs(old["record"], made)):
                raise already(noun, ar.DefineMarket, event, fields)
            done = send(admin, made, dry_run)
            if phase and old is None and not dry_run:
                send(admin, of.make(ar.SetPhase, {"event": event, "phase": phase}))
            return done

    @noun.verb(
        "change",
        "change what is named of a market; the rest stays",
        examples=(
            "exos market change WC26-FINAL --max-qty 50000",
            "exos market change WC26-FINAL --collar 0.10 --fees-taker-bps 80 --dry-run",
            "exos market change WC26-FINAL --fees-taker-bps 50 --at 2030-01-01T00:00:00Z",
        ),
    )
    @click.argument("event", shell_complete=names("market"))
    @of.add_options(ar.DefineMarket, LEAVE, live=True)
    @at_option
    @dry_run_option
    @server_option
    def change(event: str, at: str | None, dry_run: bool, server: Server, **given: Any) -> Result:
        asked = of.named(given)
        if not asked:
            options = ", ".join(f"--{option.name}" for option in of.options_of(ar.DefineMarket, LEAVE, live=True))
            raise CommandError(Exit.USAGE, f"say what to change: {options}")
        with server.connect() as admin:
            old = one(admin, "market", event)["record"]
            places = {PRICE: old["price_decimals"], QUANTITY: old["qty_decimals"], MONEY: decimals(admin)[old["asset"]]}
            new = of.content(ar.DefineMarket, asked, LEAVE, places)
            return send(admin, of.make(ar.DefineMarket, merged(old, new)), dry_run, at)


def contract_of(text: str) -> dict[str, str]:
    symbol, _, outcome = text.partition("=")
    return msgspec.structs.asdict(Contract(symbol=symbol, outcome=outcome))


def band_of(text: str) -> dict[str, str]:
    parts = text.split(":")
    if len(parts) != len(Band.__struct_fields__):
        raise CommandError(Exit.USAGE, f"--band {text}: not LOW:HIGH:STEP, like 0.01:0.99:0.01")
    return dict(zip(Band.__struct_fields__, parts))


def _put(table: dict[str, Any], option: of.Option, value: Any) -> None:
    """An option under its key of the file, as the file has it."""
    kind = option.field.type
    if option.field.unit not in AMOUNTS and isinstance(value, str) and of.is_number(kind):
        negative = value.startswith("-")
        try:
            number = numbers.whole(value.removeprefix("-"), option.name)
        except numbers.NotANumber as error:
            raise CommandError(Exit.USAGE, f"--{option.name}: {error}") from None
        value = -number if negative else number
    if option.field.unit == INSTANT:
        value = instant_text(0 if value == "none" else times.ahead(value, f"--{option.name}"))
    if option.part is None:
        table[str(option.field.key)] = list(value) if isinstance(value, tuple) else value
    else:
        table.setdefault(option.path[0], {})[option.path[1]] = value


def read(table: dict[str, Any], places: dict[str, int]) -> Any:
    """The record that a file with this table would give. Raises CommandError (USAGE), naming the option."""
    try:
        market = msgspec.convert(table, schema.Market)
    except msgspec.ValidationError as error:
        key, sentence, _ = wording.fault(schema.Market, table)
        raise CommandError(Exit.USAGE, _told(shown(key), sentence)) from error
    for name in ("asset", "base_asset"):
        if table.get(name):
            check_asset(table[name], places, f"--{name.replace('_', '-')}: ")
    try:
        return Reader("", places, {}).market("market", market, {}).record
    except ConfigError as error:
        raise CommandError(Exit.USAGE, _told(error.path.removeprefix("market").removeprefix("."), error.sentence)) from error


def _told(path: str, sentence: str) -> str:
    """A place in a table as the option it stands for."""
    if sentence.startswith("is missing the key "):
        path, sentence = f"{path}.{sentence.removeprefix('is missing the key ')}".lstrip("."), "is missing"
    option = f"--{path.replace('_', '-').replace('.', '-')}"
    return f"{option} is missing" if sentence == "is missing" else f"{option}: {sentence}" if path else sentence

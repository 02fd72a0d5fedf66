"""list, show, create and change of each noun: what is sent, what is said, what is refused, and the shape of --json."""

import json
from typing import Any

import pytest

from config import admin_records as ar
from config.fields import fields_of, live_fields
from config.market import Fees
from exchange_server.cli import fields as of
from exchange_server.exits import Exit
from tests.cli.conftest import Run
from tests.cli.fake_admin import FakeAdmin

RECORDS = {"asset": ar.DefineAsset, "venue": ar.DefineVenue, "firm": ar.DefineFirm, "account": ar.DefineAccount, "market": ar.DefineMarket}
LISTED = {  # keys of a row, by noun
    "asset": {"name", "record", "external"},
    "venue": {"name", "record", "fee_account", "markets", "killed", "freeze"},
    "firm": {"name", "record", "accounts", "sessions", "open_orders", "killed", "closed"},
    "account": {"name", "record", "firm", "venue", "session", "open_orders", "killed", "closed", "balances", "holds"},
    "session": {"name", "record", "firm", "logged_on", "next_out", "next_in", "killed", "closed"},
    "listing": {"venue", "event", "owner", "record"},
}
NAMES = {"asset": "USD", "venue": "WC26", "firm": "CLIENT1", "account": "CLIENT1-A"}


@pytest.mark.parametrize("noun", LISTED)
def test_the_shape_of_a_list(exos: Run, cup: FakeAdmin, noun: str) -> None:
    code, out, _ = exos(noun, "list", "--json")
    document = json.loads(out)
    assert code == Exit.OK and set(document) == {"ok", "exit", "code", "text", "result"} and document["ok"]
    assert all(set(row) == LISTED[noun] for row in document["result"])
    assert len(out.splitlines()) == 1, "one document, on one line where nobody reads it"
    code, out, _ = exos(noun, "list")
    assert code == Exit.OK and out.splitlines()[0].startswith(noun if noun != "listing" else "venue")
    assert len(out.splitlines()) >= 1 + len(document["result"])


@pytest.mark.parametrize("noun", NAMES)
def test_the_shape_of_one(exos: Run, cup: FakeAdmin, noun: str) -> None:
    code, out, _ = exos(noun, "show", NAMES[noun], "--json")
    assert code == Exit.OK and set(json.loads(out)["result"]) == LISTED[noun]
    shown = exos(noun, "show", NAMES[noun])[1]
    for field in fields_of(RECORDS[noun]):
        name = (field.key or field.name).replace("_", "-")
        assert any(line.split("  ")[0].strip() in (name, "name", "firm") for line in shown.splitlines()), name


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("asset", "show", "USDD"), 'there is no asset "USDD"; did you mean "USD"?'),
        (("venue", "show", "WC27"), 'there is no venue "WC27"; did you mean "WC26"?'),
        (("firm", "show", "CLIENT2"), 'there is no firm "CLIENT2"; did you mean "CLIENT1"?'),
        (("account", "show", "CLIENT1A"), 'there is no account "CLIENT1A"; did you mean "CLIENT1-A"?'),
        (("session", "show", "MM1"), 'there is no session "MM1"'),
        (("listing", "show", "WC26", "WC26-FINA"), 'there is no event "WC26-FINA"; did you mean "WC26-FINAL"?'),
        (("venue", "change", "WC27", "--title", "x"), 'there is no venue "WC27"; did you mean "WC26"?'),
        (("risk", "show", "firm", "CLIENT2"), 'there is no firm "CLIENT2"; did you mean "CLIENT1"?'),
        (("risk", "kill", "firm", "CLIENT2"), 'there is no firm "CLIENT2"; did you mean "CLIENT1"?'),
        (("account", "list", "--firm", "CLIENT2"), 'there is no firm "CLIENT2"; did you mean "CLIENT1"?'),
        (("account", "create", "X", "--firm", "CLIENT2"), 'there is no firm "CLIENT2"; did you mean "CLIENT1"?'),
        (("account", "deposit", "CLIENT1A", "1", "USD"), 'there is no account "CLIENT1A"; did you mean "CLIENT1-A"?'),
    ],
)
def test_a_wrong_name_is_answered_with_the_near_ones(exos: Run, cup: FakeAdmin, arguments: tuple[str, ...], sentence: str) -> None:
    code, out, err = exos(*arguments)
    assert code == Exit.FAILED and out == "" and sentence in err and len(err.splitlines()) == 1 and cup.records == []
    document = json.loads(exos(*arguments, "--json")[1])
    assert document["refusal"]["code"] == document["code"] > 0 and not document["ok"] and sentence in document["text"]


CREATED: list[tuple[tuple[str, ...], Any]] = [
    (("asset", "create", "EUR", "--decimals", "2", "--title", "Euro"), ar.DefineAsset(name="EUR", decimals=2, title="Euro")),
    (
        ("venue", "create", "ACME", "--trading-day-ends", "5h", "--throttle", "100", "--throttle-window", "1s"),
        ar.DefineVenue(name="ACME", cutoff_offset_ns=5 * 3600 * 10**9, throttle_limit=100, throttle_window_ns=10**9),
    ),
    (("firm", "create", "CLIENT9", "--share", "3"), ar.DefineFirm(name="CLIENT9", share=3)),
    (
        ("account", "create", "CLIENT1-B", "--firm", "CLIENT1", "--venue", "WC26"),
        ar.DefineAccount(name="CLIENT1-B", firm="CLIENT1", venue="WC26"),
    ),
    (
        (
            "session",
            "create",
            "C1",
            "--wire",
            "binary",
            "--firm",
            "CLIENT1",
            "--account",
            "CLIENT1-A",
            "--key",
            "C1",
            "--cancel-on-disconnect",
        ),
        ar.DefineSession(name="C1", wire="binary", firm="CLIENT1", account="CLIENT1-A", key="C1", cancel_on_disconnect=True),
    ),
]


@pytest.mark.parametrize(("arguments", "record"), CREATED)
def test_what_is_created(exos: Run, cup: FakeAdmin, arguments: tuple[str, ...], record: Any) -> None:
    code, out, _ = exos(*arguments, "--dry-run")
    assert code == Exit.OK and out == f"would be answered: {arguments[0]} {record.name} defined\n" and cup.records == []
    assert exos(*arguments)[:2] == (Exit.OK, f"{arguments[0]} {record.name} defined\n") and cup.records == [record]
    assert exos(*arguments)[:2] == (Exit.OK, f"{arguments[0]} {record.name} is unchanged\n"), "the same again is no error"
    code, _, err = exos(
        *arguments[:3], *{"asset": ("--decimals", "3"), "account": ("--firm", "CLIENT1"), "session": arguments[3:7]}.get(arguments[0], ())
    )
    assert code == Exit.FAILED and f"{arguments[0]} {record.name} exists already with another --" in err


def test_only_what_is_named_changes(exos: Run, cup: FakeAdmin) -> None:
    assert exos("venue", "create", "ACME", "--title", "Acme", "--throttle", "100", "--throttle-window", "1s")[0] == Exit.OK
    assert (
        exos("venue", "change", "ACME", "--throttle", "200", "--dry-run")[1] == "would be answered: venue ACME changed (throttle_limit)\n"
    )
    assert exos("venue", "change", "ACME", "--throttle", "200")[0] == Exit.OK
    assert cup.records[-1] == ar.DefineVenue(name="ACME", title="Acme", throttle_limit=200, throttle_window_ns=10**9)
    assert exos("session", "create", "C1", "--wire", "binary", "--firm", "CLIENT1", "--key", "C1", "--cancel-on-disconnect")[0] == Exit.OK
    assert exos("session", "change", "C1", "--no-cancel-on-disconnect", "--throttle", "5", "--throttle-window", "1s")[0] == Exit.OK
    assert cup.records[-1] == ar.DefineSession(
        name="C1", wire="binary", firm="CLIENT1", key="C1", throttle_limit=5, throttle_window_ns=10**9
    ), "and it keeps its keys"
    assert exos("firm", "change", "CLIENT1", "--share", "7")[0] == Exit.OK
    assert cup.records[-1] == ar.DefineFirm(name="CLIENT1", title="Client One", share=7)


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("asset", "create", "EUR"), Exit.USAGE, "exos: --decimals is missing\n"),
        (("asset", "create", "EUR", "--decimals", "99"), Exit.USAGE, "--decimals: must be at most 18, asked 99"),
        (("asset", "create", "EUR", "--decimals", "two"), Exit.USAGE, '--decimals: "two" is no decimals: write a whole number'),
        (("asset", "create", "a b", "--decimals", "2"), Exit.USAGE, '"a b" is no name: letters, digits and . _ -'),
        (("asset", "change", "USD", "--decimals", "2"), Exit.USAGE, "--decimals: is fixed once it exists; what may change: --title"),
        (("asset", "change", "USD"), Exit.USAGE, "exos: say what to change: --title\n"),
        (("asset", "change", "USD", "--tilte", "x"), Exit.USAGE, "did you mean --title?"),
        (("venue", "create", "A", "--trading-day-ends", "5x"), Exit.USAGE, '--trading-day-ends: not a duration: "5x"'),
        (
            ("venue", "create", "A", "--trading-day-ends", "25h"),
            Exit.FAILED,
            "--trading-day-ends: must be below the period 1 d, asked 25 h",
        ),
        (("venue", "create", "A", "--throttle", "5"), Exit.FAILED, "--throttle: limit and window go together"),
        (("firm", "change", "CLIENT1", "--share", "0"), Exit.USAGE, "--share: must be at least 1, asked 0"),
        (("account", "create", "X"), Exit.USAGE, "--firm is missing"),
        (("session", "create", "X", "--wire", "binary", "--firm", "CLIENT1"), Exit.FAILED, "--key: a binary session needs one"),
        (("session", "create", "X", "--wire", "bin", "--firm", "CLIENT1"), Exit.USAGE, '--wire: "bin" is not one of fix, binary'),
        (
            ("session", "create", "X", "--wire", "fix", "--firm", "CLIENT1", "--timestamp-decimals", "4"),
            Exit.USAGE,
            "is not one of 0, 3, 6, 9",
        ),
        (("listing", "create", "WC26", "WC26-FINAL"), Exit.USAGE, "--fees-model is missing"),
        (("listing", "create", "WC26", "WC26-FINAL", "--fees-model", "quadratik"), Exit.USAGE, "did you mean quadratic?"),
        (("listing", "create", "WC26", "WC26-FINAL", "--fees-model", "quadratic"), Exit.FAILED, "WC26 lists WC26-FINAL already"),
        (("listing", "change", "WC26", "WC26-FINAL"), Exit.USAGE, "say what to change"),
        (("listing", "change", "WC26", "WC26-FINAL", "--fees-taker-bps", "5"), Exit.FAILED, "its fees are those of the market"),
    ],
)
def test_what_is_wrong_is_said_under_the_name_of_its_option(
    exos: Run, cup: FakeAdmin, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    got, out, err = exos(*arguments)
    assert (got, out) == (code, "") and sentence in err and cup.records == []


def test_a_listing_at_another_venue(exos: Run, cup: FakeAdmin) -> None:
    market = cup.registry.events.named("WC26-FINAL")
    assert market is not None
    contracts = tuple(f"--contract=SH-{letter}" for letter in "AB")
    shared = ("--sharing", "shared", "--admits", "ACME", "--product", "exactly", "--winners", "1", "--payout", "1", "--max-qty", "10",
              "--max-position", "10", "--fees-model", "minimum", "--owner-venue", "WC26", "--asset", "USD", "--rules", "r", "--source", "s")  # fmt: skip
    assert exos("venue", "create", "ACME")[0] == exos("market", "create", "SH", *shared, *contracts)[0] == Exit.OK
    assert exos("listing", "create", "ACME", "SH", "--fees-model", "quadratic", "--fees-taker-bps", "80")[0] == Exit.OK
    assert cup.records[-1] == ar.DefineListing(venue="ACME", event="SH", fees=Fees(model="quadratic", taker_bps=80))
    assert exos("listing", "change", "ACME", "SH", "--fees-taker-bps", "60")[0] == Exit.OK
    assert cup.records[-1] == ar.DefineListing(venue="ACME", event="SH", fees=Fees(model="quadratic", taker_bps=60))
    code, out, _ = exos("listing", "show", "ACME", "SH")
    assert code == Exit.OK and "fees-taker-bps        60" in out
    assert [row["venue"] for row in json.loads(exos("listing", "list", "--event", "SH", "--json")[1])["result"]] == ["WC26", "ACME"]


# ---- options out of the field tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", [*RECORDS.values(), ar.DefineListing, ar.DefineSession])
def test_every_field_is_an_option_and_no_two_have_one_name(record: Any) -> None:
    options = list(of.options_of(record))
    assert {option.path[0] for option in options} == set(record.__struct_fields__)
    live = {option.path[0] for option in of.options_of(record, live=True)}
    assert live == set(live_fields(record))
    if record is not ar.DefineSession:  # its secrets are no options
        assert len({option.name for option in options}) == len(options)

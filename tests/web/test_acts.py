"""Bodies made from the records: every record has one or a reason why not, and goes there and back unchanged."""

from typing import Any

import msgspec
import pytest

from config import admin_records as ar
from config import fields as cf
from exchange_server.registry.roles import all_tags
from exchange_server.web import acts
from exchange_server.web.acts import Places
from exchange_server.web.problems import Refusal
from exchange_server.web.routes.acts import FORMS, NOT_HERE
from tests.registry.test_fuzz import RECORDS

LISTING = ar.DefineListing(venue="W", event="E", fees=ar.Fees(model="quadratic", taker_bps=7))
HERE = [record for record in (*RECORDS, LISTING) if record.__struct_config__.tag not in NOT_HERE]
PLAIN_NUMBERS = {  # what is counted, and has no other unit
    "version", "decimals", "share", "throttle_limit", "timestamp_decimals", "k", "price_decimals", "qty_decimals", "max_contracts", "kyc_level",
    "kyc_at_least", "sessions", "instruments", "listings", "open_orders", "messages_per_second", "journal_bytes_per_second", "to", "base", "maker_bps",
    "max_quantity", "taker_bps", "owner_share_bps", "venue_share_bps",
}  # fmt: skip


def places_of(record: Any) -> Places:
    assets = {"USD": 2, "EUR": 2}
    market = record if isinstance(record, ar.DefineMarket) else getattr(record, "market", None) or getattr(record, "act", None)
    if isinstance(market, ar.DefineMarket):
        assets[market.asset] = market.price_decimals + market.qty_decimals + len(str(market.tick_value)) - 1
        if market.base_asset:
            assets[market.base_asset] = market.qty_decimals + len(str(market.lot_base)) - 1
    assets |= dict.fromkeys(getattr(record, "withdrawals", ()), 3)
    many = len(getattr(record, "payouts", ()))
    return Places({cf.PRICE: 4, cf.MONEY: 2}, assets, tuple(f"C{n}" for n in range(many)))


@pytest.mark.parametrize("record", HERE, ids=lambda record: type(record).__name__)
def test_there_and_back(record: Any) -> None:
    form, places = FORMS[record.__struct_config__.tag], places_of(record)
    given = acts.shown(form, msgspec.json.decode(msgspec.json.encode(record)), places)
    body = msgspec.json.decode(msgspec.json.encode(given), type=form.body)
    left_out: dict[str, Any] = {name: getattr(record, name) for tag, name in acts.LEFT_OUT if tag == form.tag}
    if isinstance(record, ar.DefineMarket):
        left_out = {}  # they follow from the decimals
    if isinstance(record, ar.DefineKey):
        left_out["verifier"] = record.verifier
    if hasattr(record, "secret"):
        left_out["secret"] = record.secret
    assert msgspec.structs.replace(acts.record_of(form, body, places), **left_out) == record


def test_every_record_has_an_operation_or_a_reason() -> None:
    assert set(FORMS) | set(NOT_HERE) == set(all_tags()) and not set(FORMS) & set(NOT_HERE)


def test_no_number_is_without_a_unit() -> None:
    """A new field of a record that is an amount or a time must say so: in its Field, by its name, or in UNITS."""

    def look(form: acts.Form) -> None:
        for field in form.fields:
            if field.part is not None:
                look(field.part)
            elif field.unit == cf.PLAIN and acts._bare(field.kind) is int:
                assert field.name in PLAIN_NUMBERS, (form.tag, field.name)

    for form in FORMS.values():
        look(form)


@pytest.mark.parametrize(
    ("tag", "body", "at"),
    [
        ("transfer", {"key": "k", "asset": "USD", "amount": "1.234"}, "$.amount"),
        ("grant", {"principal": "a", "role": "support", "scope": "platform", "until": "tomorrow"}, "$.until"),
        ("approvals", {"withdrawals": {"XXX": "1"}}, "$.withdrawals"),
        ("approvals", {"expires": "99999999999999999d"}, "$.expires"),
        ("approve", {"id": "0"}, "$.id"),
        ("bands", {"market": "E", "bands": [{"low": "0.1", "high": "0.9", "step": "0.00001"}]}, "$.bands[0].step"),
        ("bands", {"market": "E", "bands": []}, "$.bands"),
        ("schedule", {"at": "2030-01-01T00:00:00Z", "act": {}}, "$.act"),
        (
            "schedule",
            {"at": "2030-01-01T00:00:00Z", "act": {"reference": {"contract": "C", "reference": "x"}}},
            "$.act.reference.reference",
        ),
        ("dispute", {"market": "E", "firm": "-", "reason": "r"}, "$.firm"),
    ],
)
def test_what_is_wrong_is_named_by_its_place_in_the_body(tag: str, body: dict[str, Any], at: str) -> None:
    form = FORMS[tag]
    places = Places({cf.PRICE: 4, cf.MONEY: 2}, {"USD": 2})
    try:
        given = msgspec.convert(body, form.body)
        acts.record_of(form, given, places)
    except msgspec.ValidationError as error:
        assert str(error).endswith(f"at `{at}`"), error
    except Refusal as refusal:
        assert refusal.problem.at == at, refusal.problem
    else:
        pytest.fail("it was taken")

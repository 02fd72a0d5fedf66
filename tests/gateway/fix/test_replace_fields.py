"""Fields of a replace besides price and quantity, and of a cancel: on both wires a missing field keeps the order's value, a given one must
equal it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from protocol import codes
from protocol import messages as M
from tests.gateway.fix.street import ESP, Street

HEAD = "60=20260101-00:00:00|38=12|44=0.0600|"


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    world = Street(tmp_path)
    yield world
    assert world.engine.check() == []
    world.store.close()


@pytest.mark.parametrize(
    ("order", "said", "tag"),
    [  # what the order says, what the replace says; the tag that is refused, "" for none
        ("59=1|", "", ""),
        ("59=1|", "59=1|", ""),
        ("59=1|", "59=0|", "59"),
        ("59=1|", "59=3|", "59"),
        ("59=0|", "", ""),
        ("59=0|", "59=0|", ""),
        ("59=0|", "59=1|", "59"),
        ("59=6|126=20300101-00:00:00|", "59=6|126=20300101-00:00:00|", ""),
        ("59=6|126=20300101-00:00:00|", "", ""),
        ("59=6|126=20300101-00:00:00|", "126=20300101-00:00:01|", "126"),
        ("59=1|", "126=20300101-00:00:01|", "126"),
        ("59=1|18=6|", "", ""),
        ("59=1|18=6|", "18=6|", ""),
        ("59=1|", "18=6|", "18"),
        ("59=1|", "5017=Y|", "18"),
        ("59=1|", "2964=1|", ""),
        ("59=1|", "2964=2|", "2964"),
        ("59=1|", "5010=Y|", ""),
        ("59=1|", "5010=N|", "5010"),
        ("59=1|1=CLIENT1-A|", "", ""),
        ("59=1|", "1=CLIENT1-A|", ""),
        ("59=1|", "54=2|", "54"),
        ("59=1|", "55=WC26-WIN-FRA|", "55"),
        ("59=1|", "40=1|", "40"),
    ],
)
def test_fix(street: Street, order: str, said: str, tag: str) -> None:
    end = street.up(1)
    end.take()
    first = end.client.next_out
    plain = {"54": "1", "55": ESP, "40": "2"}
    end.send_raw("D", first, f"11=1|55={ESP}|54=1|60=20260101-00:00:00|38=10|40=2|44=0.0500|{order}")
    named = {part.split("=")[0] for part in said.split("|")}
    required = "".join(f"{key}={value}|" for key, value in plain.items() if key not in named)
    end.send_raw("G", first + 1, f"11=2|41=1|{HEAD}{required}{said}")
    street.turn()
    accepted, answer = end.take()
    assert accepted.text(150) == "0"
    if tag:
        assert (answer.msg_type, answer.text(434), answer.text(102), answer.text(39)) == ("9", "2", "99", "0")
        assert answer.text(58) == f"tag {tag} differs from the order's: a replace changes price and quantity only"
    else:
        assert (answer.msg_type, answer.text(150), answer.text(38), answer.text(44)) == ("8", "5", "12", "0.0600")
        assert (answer.text(59), answer.text(126)) == (accepted.text(59), accepted.text(126)), "what is not said stays"


def test_a_fix_replace_without_an_account_means_the_orders(street: Street) -> None:
    """And not the session's default one, CLIENT1-A."""
    street.admin(ar.DefineAccount(name="CLIENT1-B", firm="CLIENT1"))
    street.admin(ar.Transfer(key="b", asset="USD", amount=10_000_000, target="CLIENT1-B"))
    end = street.up(1)
    end.take()
    end.client.new_order(street.now, 1, ESP, codes.BUY, 10, "0.0500", account="CLIENT1-B")
    end.client.replace(street.now, 2, 1, ESP, codes.BUY, 12, "0.0500")
    end.client.cancel(street.now, 3, 2, ESP, codes.BUY)
    street.turn()
    assert [(m.text(150), m.text(1)) for m in end.take()] == [("0", "CLIENT1-B"), ("5", "CLIENT1-B"), ("4", "CLIENT1-B")]


@pytest.mark.parametrize(
    ("more", "field", "own", "used"),
    [
        ({}, 0, 0, 0),
        ({"tif": codes.GTC, "side": codes.BUY, "contract_side": codes.YES, "type": codes.LIMIT}, 0, 0, 0),
        ({"side": codes.SELL}, codes.FIELD_SIDE, codes.BUY, codes.SELL),
        ({"contract_side": codes.NO}, codes.FIELD_CONTRACT_SIDE, codes.YES, codes.NO),
        ({"type": codes.STOP}, codes.FIELD_TYPE, codes.LIMIT, codes.STOP),
        ({"tif": codes.IOC}, codes.FIELD_TIF, codes.GTC, codes.IOC),
        ({"flags": codes.FLAG_POST_ONLY}, codes.FIELD_FLAGS, 0, codes.FLAG_POST_ONLY),
        ({"stp": codes.STP_DECREMENT}, codes.FIELD_STP, codes.STP_CANCEL_INCOMING, codes.STP_DECREMENT),
        ({"expiry": 5}, codes.FIELD_EXPIRY, 0, 5),
    ],
)
def test_binary(street: Street, more: dict[str, Any], field: int, own: int, used: int) -> None:
    end = street.logged_on("MM1")
    spain = street.instrument(ESP)
    end.session.send(M.NewOrder(1, 0, spain, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 500, 10))
    end.session.send(M.ReplaceOrder(2, 1, 0, 0, 600, 10, **more))
    street.turn()
    _, answer = end.take()
    if field:
        assert isinstance(answer, M.CancelRejected) and answer.flags & codes.EF_REPLACE
        assert (answer.reason, answer.asked, answer.limit, answer.used) == (codes.R_REPLACE_FIELD, field, own, used)
    else:
        assert isinstance(answer, M.Replaced) and (answer.id, answer.price, answer.flags) == (2, 600, 0)


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("55=WC26-WIN-ESP|54=1|", ""),
        ("55=WC26-WIN-ESP|54=1|1=CLIENT1-A|5010=Y|", ""),
        ("55=WC26-WIN-FRA|54=1|", "55"),
        ("55=WC26-WIN-ESP|54=2|", "54"),
        ("55=WC26-WIN-ESP|54=1|5010=N|", "5010"),
        ("55=WC26-WIN-ESP|54=1|1=CLIENT1-B|", "1"),
    ],
)
def test_a_fix_cancel_that_describes_another_order(street: Street, said: str, tag: str) -> None:
    street.admin(ar.DefineAccount(name="CLIENT1-B", firm="CLIENT1"))
    end = street.up(1)
    end.take()
    first = end.client.next_out
    end.send_raw("D", first, f"11=1|55={ESP}|54=1|60=20260101-00:00:00|38=10|40=2|44=0.0500|59=1|")
    end.send_raw("F", first + 1, f"11=2|41=1|60=20260101-00:00:00|{said}")
    street.turn()
    accepted, answer = end.take()
    assert accepted.text(150) == "0"
    if not tag:
        assert (answer.msg_type, answer.text(150), answer.text(11), answer.text(41)) == ("8", "4", "2", "1")
        return
    assert [answer.text(t) for t in (35, 434, 102, 39, 11, 41)] == ["9", "1", "99", "0", "2", "1"]
    assert answer.text(58) == f"tag {tag} differs from the order's: OrigClOrdID(41) names another order than the cancel describes"
    end.send_raw("H", first + 2, f"11=1|55={ESP}|54=1|")
    street.turn()
    assert [(m.text(39), m.text(151)) for m in end.take()] == [("0", "10")], "the order is as it was"


@pytest.mark.parametrize("name", ["CLIENT2-A", "NOBODY"])
def test_a_fix_cancel_with_an_account_that_is_not_the_firms(street: Street, name: str) -> None:
    """An account of another firm answers like one that is not there."""
    end = street.up(1)
    end.take()
    first = end.client.next_out
    end.send_raw("D", first, f"11=1|55={ESP}|54=1|60=20260101-00:00:00|38=10|40=2|44=0.0500|59=1|")
    end.send_raw("F", first + 1, f"11=2|41=1|60=20260101-00:00:00|55={ESP}|54=1|1={name}|")
    street.turn()
    _, answer = end.take()
    assert (answer.msg_type, answer.text(434), answer.text(102)) == ("9", "1", "2")
    assert answer.text(58) == "Account(1) is unknown, or missing although the session has no default account"


@pytest.mark.parametrize("field", [0, codes.FIELD_INSTRUMENT, codes.FIELD_ACCOUNT])
def test_a_binary_cancel_that_describes_another_order(street: Street, field: int) -> None:
    """CancelOrder names the instrument and the account, or leaves them out; it has no side."""
    street.admin(ar.DefineAccount(name="MM1-B", firm="MM1"))
    end = street.logged_on("MM1")
    accounts = street.engine.registry.accounts
    spain, france = street.instrument(ESP), street.instrument("WC26-WIN-FRA")
    own, other = accounts.named("MM1-A").id, accounts.named("MM1-B").id
    end.session.send(M.NewOrder(1, 0, spain, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 500, 10))
    said = {0: (own, spain), codes.FIELD_INSTRUMENT: (own, france), codes.FIELD_ACCOUNT: (other, spain)}[field]
    end.session.send(M.CancelOrder(2, 1, *said))
    street.turn()
    _, answer = end.take()
    if field:
        used, limit = (other, own) if field == codes.FIELD_ACCOUNT else (france, spain)
        assert isinstance(answer, M.CancelRejected) and not answer.flags & codes.EF_REPLACE
        assert (answer.reason, answer.asked, answer.limit, answer.used) == (codes.R_CANCEL_FIELD, field, limit, used)
    else:
        assert isinstance(answer, M.Canceled) and answer.orig == 1

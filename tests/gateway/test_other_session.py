"""An order entered on one wire, cancelled and replaced from another session of the same firm on the other wire: what each of them reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config import admin_records as ar
from protocol import codes
from protocol import messages as M
from tests.gateway.binary.world import End
from tests.gateway.fix.street import ESP, FixEnd, Street


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    world = Street(tmp_path)
    world.admin(ar.DefineSession(name="SECOND", wire="binary", firm="CLIENT1", key="SECOND", secret="second-secret"))
    yield world
    assert world.engine.check() == []
    world.store.close()


@pytest.fixture
def ends(street: Street) -> tuple[FixEnd, End]:
    fix, binary = street.up(1), street.logged_on("SECOND")
    fix.take()
    return fix, binary


def test_a_fix_session_reads_what_the_binary_one_did_to_its_orders(street: Street, ends: tuple[FixEnd, End]) -> None:
    fix, binary = ends
    fix.client.new_order(street.now, "a", ESP, codes.BUY, 10, "0.0500")
    fix.client.new_order(street.now, 5, ESP, codes.BUY, 10, "0.0500")
    street.turn()
    fix.take()
    binary.session.send(M.ReplaceOrder(6, 5, 0, 0, 600, 12))
    binary.session.send(M.CancelOrder(7, 6))
    street.turn()
    got = fix.take()
    shown = [(m.text(35), m.text(150), m.text(39), m.text(11), m.text(41), m.text(38), m.text(151)) for m in got]
    assert shown == [("8", "5", "0", "6", "5", "12", "12"), ("8", "4", "4", "6", "", "12", "0")]
    assert [m.text(58) for m in got] == ["replaced by request of another session of the firm", "cancelled by request"]
    assert all(378 not in m for m in got), "378 names reasons of the exchange's, and this is the firm's own"
    answers = binary.take()
    assert [(type(m), m.id, m.orig, m.flags) for m in answers] == [
        (M.Replaced, 6, 5, codes.EF_OTHER_SESSION), (M.Canceled, 7, 6, codes.EF_OTHER_SESSION),
    ]  # fmt: skip


def test_a_binary_session_reads_what_the_fix_one_did_to_its_orders(street: Street, ends: tuple[FixEnd, End]) -> None:
    fix, binary = ends
    account = street.engine.registry.accounts.named("CLIENT1-A").id
    spain = street.instrument(ESP)
    order = M.NewOrder(5, account, spain, codes.BUY, codes.YES, codes.LIMIT, codes.GTC, 0, 500, 10)
    binary.session.send(order)
    street.turn()
    binary.take()
    fix.client.replace(street.now, "text", 5, ESP, codes.BUY, 12, "0.0600")
    fix.client.cancel(street.now, 9, "text", ESP, codes.BUY)
    street.turn()
    answers = [(m.text(35), m.text(150), m.text(11), m.text(41), 58 in m) for m in fix.take()]
    assert answers == [("8", "5", "text", "5", False), ("8", "4", "9", "text", False)], "answered as for an order of one's own"
    replaced, canceled = binary.take()
    assert (type(replaced), replaced.id, replaced.orig, replaced.qty, replaced.flags & codes.EF_UNSOLICITED) == (M.Replaced, 0, 5, 12, 8)
    assert (type(canceled), canceled.id, canceled.order, canceled.flags & codes.EF_UNSOLICITED) == (M.Canceled, 0, replaced.order, 8)


def test_a_resend_has_the_same_bodies(street: Street, ends: tuple[FixEnd, End]) -> None:
    fix, binary = ends
    fix.client.new_order(street.now, 5, ESP, codes.BUY, 10, "0.0500")
    street.turn()
    fix.take()
    binary.session.send(M.ReplaceOrder(6, 5, 0, 0, 600, 12))
    binary.session.send(M.CancelOrder(7, 6))
    street.turn()
    first = fix.take()
    fix.client.send("2", [(7, first[0].seq), (16, first[-1].seq)], street.now)
    street.turn(3)
    again = [m for m in fix.take() if m.text(43) == "Y"]
    head = {8, 9, 52, 43, 122, 10}
    assert len(again) == 2
    assert [[f for f in m.fields if f[0] not in head] for m in again] == [[f for f in m.fields if f[0] not in head] for m in first]

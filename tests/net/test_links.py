"""Links between their first byte and their last. What needs real sockets is in test_turn.py and test_endpoint.py."""

from types import SimpleNamespace
from typing import Any

from exchange_server.net.limits import Limits
from exchange_server.net.links import Links
from exchange_server.net.observe import Counters
from protocol import codes

MS = 1_000_000


class Connection:
    LOGS_ON = True

    def __init__(self, session: int = 0) -> None:
        self.wire, self.session, self.held_until, self.next_due, self.slow = codes.WIRE_BINARY, session, 0, 0, 3
        self.calls: list[Any] = []

    def dropped(self, data: bytes) -> None:
        self.calls.append(("dropped", data))

    def expel(self, inp: Any, reason: int, text: str) -> None:
        self.calls.append(("expel", reason, text))

    def lost(self, inp: Any) -> None:
        self.calls.append("lost")


class Rig:
    def __init__(self, **limits: Any) -> None:
        self.counters = Counters()
        self.armed: list[Any] = []
        self.marked: list[Any] = []
        self.aborted = 0
        self.made: Any = Connection
        gate: Any = SimpleNamespace(first_for=lambda link: b"held", outbox=[])
        calendar: Any = SimpleNamespace(arm=self.armed.append, disarm=lambda link: None)
        clock: Any = SimpleNamespace(tick_ns=lambda: 7 * MS)
        log: Any = lambda level, event, **fields: None  # noqa: E731
        self.gate = gate
        self.links = Links(gate, calendar, clock, Limits(**limits), self.counters, log, self.marked.append, lambda: None)

    def link(self, session: int = 0, **values: Any) -> Any:
        link = SimpleNamespace(
            id=0, connection=None, lost=False, logged_off=False, closing=None, closed=False, expelled=False, queue=[], queued=0, held=0,
            deadline=0, paused_at=0, ready=False, wants=False, timer_at=0, peer="p", make=lambda now, link: self.made(session),
            transport=SimpleNamespace(abort=self.abort),
        )  # fmt: skip
        vars(link).update(values)
        self.links.attach(link)  # type: ignore[arg-type]
        return link

    def abort(self) -> None:
        self.aborted += 1


INPUT: Any = SimpleNamespace(full=False)


def test_a_peer_gets_a_connection_and_a_time_to_log_on() -> None:
    rig = Rig(logon_ns=5 * MS)
    link = rig.link()
    assert link.deadline == 12 * MS and rig.links.by_id == {1: link} and rig.marked == [link] == rig.armed
    assert link.connection.outlet is link is link.connection.pipe


def test_no_room_no_more_peers_and_a_fault_of_the_maker_costs_one_socket() -> None:
    rig = Rig(connections=1)
    rig.made = lambda session: 1 // 0
    assert rig.link().lost and rig.counters.gateway_faults == 1 and not rig.links.by_id
    rig.made = Connection
    rig.link()
    assert rig.link().lost and rig.counters.refused_connections == 1 and rig.aborted == 2
    rig.links.accepting = False
    rig.links.by_id.clear()
    assert rig.link().lost


def test_who_does_not_log_on_or_does_not_read_is_cut_and_told_why() -> None:
    rig = Rig(logon_ns=5 * MS, slow_ns=4 * MS)
    late, slow, fine, beats = rig.link(), rig.link(session=2), rig.link(session=3), rig.link(session=4)
    slow.paused_at, slow.queue, slow.queued, beats.connection.next_due = 9 * MS, [b"first", b"second"], 11, 13 * MS
    rig.armed.clear()
    assert rig.links.judge([1, 2, 3, 4, 99], 13 * MS) == [beats]
    assert rig.armed == [late, slow, fine] and fine.deadline == 0, "it has logged on"
    rig.links.say_goodbye(INPUT)
    assert late.connection.calls == [("expel", codes.R_LOGON_TIMEOUT, "no logon within 5 ms")]
    dropped, expelled = slow.connection.calls
    assert dropped == ("dropped", b"first") and expelled[1] == codes.R_SLOW_READER and not slow.queue and slow.queued == 0
    assert (rig.counters.logon_timeouts, rig.counters.slow_readers, rig.counters.cut) == (1, 1, 2)
    assert fine.connection.calls == [] == rig.links.to_expel


def test_a_lost_link_is_logged_off_once_after_what_it_had_sent() -> None:
    rig = Rig()
    link = rig.link(session=2, held=4)
    link.lost, link.wants = True, True
    rig.links.detach(link)
    assert link.connection.calls == [("dropped", b"held")], "the first output that never reached its socket"
    rig.links.log_off(INPUT)
    assert rig.links.gone == [link], "there is more of it to carry out"
    assert rig.links.slow_path_messages() == 3
    link.wants = False
    rig.links.log_off(SimpleNamespace(full=True))  # type: ignore[arg-type]
    assert rig.links.gone == [link]
    rig.links.log_off(INPUT)
    rig.links.log_off(INPUT)
    assert link.connection.calls[1:] == ["lost"] and not rig.links.by_id and not rig.links.gone
    assert rig.links.slow_path_messages() == 3, "counted on when it is gone"


def test_a_closing_link_leaves_after_the_turns_output_and_is_logged_off_before_its_socket_goes() -> None:
    rig = Rig()
    link = rig.link(session=2)
    rig.links.close_after_turn(link)
    rig.links.close_now()
    assert rig.gate.outbox == [(link, None)] and link.closed and rig.links.gone == [link] and not rig.links.closing
    link.closing = (codes.OK, "")
    rig.links.log_off(INPUT)
    assert link.logged_off and rig.links.by_id == {1: link}
    rig.links.detach(link)
    assert not rig.links.by_id and link.connection.calls == ["lost"]


def test_abort_drops_those_that_are_still_there() -> None:
    rig = Rig()
    rig.link()
    rig.link().lost = True
    rig.links.abort()
    assert rig.aborted == 1

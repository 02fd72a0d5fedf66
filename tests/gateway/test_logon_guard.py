"""Failed logons slow down only their own address, are logged without secrets, and take bounded memory. Time is an argument throughout."""

import hashlib
import hmac
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from config import admin_records as ar
from exchange_server.gateway import logon_guard as G
from exchange_server.gateway.connection import Connection, TurnInput
from exchange_server.gateway.credentials import FixProof
from exchange_server.gateway.logon_guard import LogonGuard, address_of
from exchange_server.net.observe import Log
from protocol import codes, credentials
from protocol import messages as M
from tests.gateway.binary.world import End
from tests.gateway.fix.street import FixEnd, Street

SECOND = 10**9


class Lines:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __call__(self, level: str, event: str, **fields: Any) -> None:
        self.lines.append({"level": level, "event": event, **fields})

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]


class Peer(Connection):
    def __init__(self, guard: LogonGuard, peer: str) -> None:
        super().__init__(codes.WIRE_BINARY, guard, 1)  # type: ignore[arg-type]
        self.outlet.peer = peer

    def gather(self, turn: TurnInput) -> bool:
        return False

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        self.close(reason, text)


# ------------------------------------------------------------------------------------------------------------ the guard
@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.1.2.3:4000", "10.1.2.3"),
        ("::ffff:10.1.2.3:4000", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6:4000", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9:4000", "2001:db8:1:2::/64"),
        ("fe80::1%eth0:4000", "fe80::/64"),
        ("uid:0", "uid:0"),
        ("memory", "memory"),
    ],
)
def test_the_address_of_a_peer(peer: str, address: str) -> None:
    assert address_of(peer) == address


def wait(guard: LogonGuard, peer: Peer, now: int, who: str = "MM1") -> int:
    """How long a logon that arrives now waits, ns; it is then checked."""
    code = guard.admit(peer, who, now)
    if code == codes.OK:
        return 0
    assert code == -1
    until = peer.held_until
    assert guard.admit(peer, who, until - 1) == -1 and guard.admit(peer, who, until) == codes.OK and peer.held_until == 0
    return until - now


def test_each_failure_doubles_the_wait_up_to_a_bound_and_time_forgives() -> None:
    guard = LogonGuard()
    now, waits = 10**12, []
    for port in range(14):
        peer = Peer(guard, f"10.0.0.1:{port}")
        waits.append(wait(guard, peer, now) // G.MS)
        guard.bad(peer, "MM1", codes.R_BAD_CREDENTIALS, "no", now)
    assert waits == [0, 0, 0, 0, 0, 125, 250, 500, 1000, 2000, 2000, 2000, 2000, 2000]
    assert wait(guard, Peer(guard, "10.0.0.2:1"), now) == 0, "another address does not wait, for the same name"
    later = now + (G.WORST - G.FREE + 1) * G.FORGIVE_NS
    assert wait(guard, Peer(guard, "10.0.0.1:99"), later) == 0
    assert not guard.waiting and guard.delayed == 9


def test_only_wrong_credentials_count() -> None:
    guard = LogonGuard()
    for reason in (codes.R_ALREADY_LOGGED_ON, codes.R_RESUME_UNKNOWN, codes.R_LOGON_DELAYED, codes.R_WIRE_FIELD, codes.R_CLOCK_SKEW) * 4:
        guard.bad(Peer(guard, "10.0.0.1:1"), "MM1", reason, "", 5)
    assert not guard.addresses and guard.refused == 20


def test_a_flood_of_one_name_leaves_room_for_other_names_of_the_address() -> None:
    guard = LogonGuard()
    for port in range(20):
        guard.bad(Peer(guard, f"10.0.0.1:{port}"), "MM1", codes.R_BAD_CREDENTIALS, "", 5)
    codes_seen = [guard.admit(Peer(guard, f"10.0.0.1:{port}"), "MM1", 6) for port in range(50)]
    assert codes_seen == [-1] * G.WAITING_NAME + [codes.R_LOGON_DELAYED] * (50 - G.WAITING_NAME)
    assert guard.admit(Peer(guard, "10.0.0.1:90"), "MM2", 6) == -1
    assert guard.admit(Peer(guard, "10.0.0.9:90"), "MM1", 6) == codes.OK
    many = [guard.admit(Peer(guard, "10.0.0.1:1"), f"N{i}", 6) for i in range(2 * G.WAITING)]
    assert many.count(-1) == G.WAITING - G.WAITING_NAME - 1, "no more than WAITING of one address in all"


def test_a_connection_that_goes_while_its_logon_waits_frees_its_place() -> None:
    guard = LogonGuard()
    for port in range(20):
        guard.bad(Peer(guard, f"10.0.0.1:{port}"), "MM1", codes.R_BAD_CREDENTIALS, "", 5)
    peers = [Peer(guard, f"10.0.0.1:{port}") for port in range(G.WAITING_NAME)]
    assert [guard.admit(peer, "MM1", 6) for peer in peers] == [-1] * len(peers)
    guard.leave(peers[0])
    guard.leave(peers[0])
    assert guard.admit(Peer(guard, "10.0.0.1:90"), "MM1", 6) == -1
    assert guard.admit(Peer(guard, "10.0.0.1:91"), "MM1", 6) == codes.R_LOGON_DELAYED
    for peer in [*guard.waiting]:
        guard.leave(peer)
    assert all(not address.names and not address.waiting for address in guard.addresses.values())


def test_the_table_of_addresses_is_bounded_and_forgets_the_oldest_failure() -> None:
    guard = LogonGuard()
    for i in range(G.ADDRESSES + 10):
        guard.bad(Peer(guard, f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:1"), "MM1", codes.R_BAD_CREDENTIALS, "", i + 1)
    assert len(guard.addresses) == G.ADDRESSES
    assert "10.0.0.9" not in guard.addresses and "10.0.0.10" in guard.addresses


def test_log_lines_are_bounded_and_what_was_left_out_is_counted() -> None:
    lines = Lines()
    guard = LogonGuard(lines)
    for i in range(1000):
        guard.bad(Peer(guard, f"10.0.0.1:{i}"), "MM1", codes.R_BAD_CREDENTIALS, "no", 10**12 + i)
    assert len(lines.of("logon_refused")) == 5
    for i in range(1000):  # from many addresses
        guard.bad(Peer(guard, f"10.1.{i >> 8}.{i & 255}:1"), "MM1", codes.R_BAD_CREDENTIALS, "no", 10**12 + i)
    assert len(lines.of("logon_refused")) == 50
    guard.look()
    assert not lines.of("logon_lines_left_out"), "it may still go on"
    guard.look()
    assert [line["count"] for line in lines.of("logon_lines_left_out")] == [955]
    guard.bad(Peer(guard, "10.0.0.1:1"), "MM1", codes.R_BAD_CREDENTIALS, "no", 10**12 + 60 * SECOND)
    assert len(lines.of("logon_refused")) == 51
    guard.look()
    guard.look()
    assert len(lines.of("logon_lines_left_out")) == 1


def test_client_text_in_the_log_is_cut_and_escaped() -> None:
    out = StringIO()
    log = Log(out)
    guard = LogonGuard(log)
    guard.bad(Peer(guard, "10.0.0.1:1"), 'x\n{"event":"forged"}\udcff\x1b[31m' + "y" * 900, codes.R_BAD_CREDENTIALS, "z" * 900, 1)
    log.flush()
    text = out.getvalue()
    assert text.count("\n") == 1 and "\x1b" not in text and len(text) < 700 and text.isascii()


# ---------------------------------------------------------------------------------------------------------- both wires
@pytest.fixture
def street(tmp_path: Path) -> Street:
    world = Street(tmp_path)
    world.directory.guard.log = Lines()
    return world


def lines(street: Street) -> Lines:
    log: Any = street.directory.guard.log
    return log


def binary(street: Street, key: str = "MM1", secret: str = "", peer: str = "10.0.0.1:1") -> End:
    end = street.end(key, secret=secret)
    end.outlet.peer = peer
    street.turn(2)
    return end


def fix(
    street: Street, password: str = "client1-secret", user: str = "client1", comp_id: str = "CLIENT1", peer: str = "10.0.0.1:1"
) -> FixEnd:
    end = street.fix_end(1, plain=True)
    end.outlet.peer = peer
    end.logon_raw(body="98=0|108=30|141=Y|", login=f"553={user}|554={password}|", our=comp_id)
    street.turn()
    return end


def test_logons_are_logged_good_and_refused(street: Street) -> None:
    binary(street)
    fix(street)
    binary(street, secret="guess-1")
    binary(street, "NOBODY", "guess-2")
    fix(street, "guess-3")
    fix(street, comp_id="STRANGER")
    fix(street)  # a second connection of a live session
    told = [
        (line["event"], line["wire"], line["who"], line["peer"], line.get("session") or line.get("reason")) for line in lines(street).lines
    ]
    assert told == [
        ("logon", "binary", "MM1", "10.0.0.1:1", "MM1"),
        ("logon", "fix", "CLIENT1", "10.0.0.1:1", "CLIENT1"),
        ("logon_refused", "binary", "MM1", "10.0.0.1:1", "bad_credentials"),
        ("logon_refused", "binary", "NOBODY", "10.0.0.1:1", "bad_credentials"),
        ("logon_refused", "fix", "CLIENT1", "10.0.0.1:1", "bad_credentials"),
        ("logon_refused", "fix", "STRANGER", "10.0.0.1:1", "bad_comp_id"),
        ("logon_refused", "fix", "CLIENT1", "10.0.0.1:1", "already_logged_on"),
    ]
    for secret in ("guess", "-secret", "client1-"):
        assert secret not in repr(lines(street).lines)


def test_what_is_no_logon_and_a_logon_refused_after_its_credentials_are_logged_too(street: Street) -> None:
    end = street.end("MM1", plain=True)
    street.turn()
    end.send(M.Heartbeat())
    end2 = street.fix_end(1, plain=True)
    end2.send_raw("0", 1)
    end3 = street.fix_end(1, plain=True)
    end3.logon_raw(body="98=0|108=9999|141=Y|")
    street.turn(2)
    assert [(line["wire"], line["who"], line["reason"]) for line in lines(street).of("logon_refused")] == [
        ("binary", "", "not_logged_on"),
        ("fix", "CLIENT1", "not_logged_on"),
        ("fix", "CLIENT1", "bad_heartbeat"),
    ]
    assert not lines(street).of("logon")


def test_an_unknown_name_and_a_wrong_secret_are_answered_alike(street: Street) -> None:
    answers = []
    for end in (binary(street, secret="guess"), binary(street, "MM9999", "guess")):
        answers.append([M.encode(m) for m in end.messages if isinstance(m, M.Logout)])
    assert answers[0] and answers[0] == answers[1]
    replies = []
    for options in ({"password": "guess"}, {"comp_id": "CLIENT0"}, {"user": "client9"}):
        end2 = fix(street, **options)
        (reply,) = end2.take()
        sent = reply.raw.split(b"\x01")
        replies.append([field for field in sent if field[:3] not in (b"52=", b"10=", b"56=")])
    assert replies[0][2] == b"35=5" and replies[0] == replies[1] == replies[2]


def fail(street: Street, times: int, peer: str = "10.0.0.1:1") -> None:
    """Wrong secrets until their answers have come."""
    for _ in range(times):
        end = binary(street, secret="guess", peer=peer)
        while end.connection.held_until:
            street.now = end.connection.held_until
            street.turn()
        assert end.outlet.closed is not None and end.outlet.closed[0] == codes.R_BAD_CREDENTIALS
        street.drop(end)


def test_a_good_logon_from_the_failing_address_waits_a_little_and_passes(street: Street) -> None:
    fail(street, G.FREE + 2)
    end, other, fix_end = binary(street), binary(street, "MM2"), fix(street)
    for connection in (end.connection, other.connection, fix_end.connection):
        assert connection.next_due == connection.held_until and 0 < connection.held_until - street.now <= 500 * G.MS
        assert not connection.session
    free = binary(street, "MM3", peer="10.0.0.2:1")
    assert free.connection.session, "another address is not touched"
    street.now = fix_end.connection.held_until
    street.turn(2)
    assert end.connection.session and other.connection.session and fix_end.connection.session
    assert fix_end.types() == ["A"] and not street.directory.guard.waiting


def test_bytes_behind_a_waiting_logon_wait_with_it(street: Street) -> None:
    fail(street, G.FREE + 2)
    end = fix(street)
    end.order_raw(2, "1")
    street.turn(3)
    assert end.connection.gather(street.input) is False, "it does not ask for the next turn at once"
    assert end.take() == []
    street.now = end.connection.held_until
    street.turn(3)
    assert end.types() == ["A", "8"]


def test_a_full_waiting_room_is_said_so_and_nothing_is_looked_at(street: Street) -> None:
    fail(street, G.WORST)
    waiting = [binary(street, secret="guess", peer=f"10.0.0.1:{i}") for i in range(G.WAITING_NAME)]
    refused = binary(street)
    assert [(m.reason) for m in refused.messages if isinstance(m, M.Logout)] == [codes.R_LOGON_DELAYED]
    for _ in range(G.WAITING_NAME):
        waiting.append(fix(street, "guess"))  # type: ignore[arg-type]
    refused_fix = fix(street)
    (reply,) = refused_fix.take()
    assert reply.msg_type == "5" and "too many failed logons from this address" in reply.text(58)
    for end in list(street.ends):
        street.drop(end)
    assert not street.directory.guard.waiting


def test_the_same_work_is_done_whatever_is_wrong(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    """No clock: the calls that cost something, and the lengths they work on."""
    work: list[tuple[Any, ...]] = []

    def spy(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            sizes = [len(a) if isinstance(a, bytes | str) else a for a in (*arguments, *options.values())]
            work.append((name, *sizes))
            return real(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    for owner, name in (
        (hmac, "digest"), (hmac, "compare_digest"), (hashlib, "sha256"), (hashlib, "scrypt"), (credentials, "signature_right"),
    ):  # fmt: skip
        spy(owner, name)
    directory = street.directory

    def cost(ask: Any, *words: Any) -> list[tuple[Any, ...]]:
        work.clear()
        assert ask(street.end("MM1", plain=True).connection, *words)[0] == 0
        return work.copy()

    def fix_cost(peer: str, username: str, password: str, signature: bytes | None = None) -> list[tuple[Any, ...]]:
        return cost(directory.authenticate_fix, FixProof("EXOS-OE", peer, username, password, signature, b"x"), 1, 1)

    street.admin(ar.DefineKey(id="KEY", holder="session", name="MM1", kind="ed25519", verifier="ab" * 32, scopes=("trade",)))
    binary = directory.authenticate_binary
    for proof in (bytes(32), bytes(64)):
        wrong = cost(binary, "MM1", "", bytes(32), proof, 1)
        assert wrong == cost(binary, "MM9", "", bytes(32), proof, 1) != []
        assert cost(binary, "MM1", "KEY", bytes(32), proof, 1) == cost(binary, "MM1", "YEK", bytes(32), proof, 1) != []
    token = credentials.made_secret("token", bytes(32))
    for password, signature in (("guess", None), (token, None), ("", bytes(64))):
        wrong = fix_cost("CLIENT1", "client1", password, signature)
        assert wrong and wrong == fix_cost("NOBODY0", "client1", password, signature) == fix_cost("CLIENT1", "x", password, signature)


@pytest.mark.parametrize("step", [-3600 * SECOND, 24 * 3600 * SECOND])
def test_the_wait_goes_by_the_steady_clock(street: Street, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The time of day and the exchange's are set back or forward while a logon waits."""
    tick, day = [5 * SECOND], [street.now]

    def begin() -> None:
        street.input.begin(street.engine.turn + 1, max(day[0], street.engine.time_ns), tick[0], day[0])

    monkeypatch.setattr(street, "begin", begin)
    for _ in range(G.FREE + 2):
        street.directory.guard.bad(Peer(street.directory.guard, "10.0.0.1:9"), "MM1", codes.R_BAD_CREDENTIALS, "", tick[0])
    ends = [binary(street), fix(street)]
    assert [end.connection.held_until for end in ends] == [tick[0] + 500 * G.MS] * 2
    day[0] += step
    tick[0] += 499 * G.MS
    street.turn(2)
    assert [end.connection.session for end in ends] == [0, 0]
    tick[0] += G.MS
    street.turn(2)
    assert ends[0].connection.session, "in, though the time of day says otherwise"
    assert not ends[1].connection.held_until, "looked at as well (its SendingTime is another matter)"

"""The turn's input and a connection's buffer: what rows look like, what never gets lost when the buffer moves."""

import random

import numpy as np
import pytest

from exchange_server.core import layout as L
from exchange_server.core.layout import plain as W
from exchange_server.gateway.connection import MAX_BODY_BYTES, Connection, NullOutlet, TurnInput
from protocol import codes


class Table:
    def __init__(self) -> None:
        self.bound: dict[int, Connection] = {}

    def bind(self, session: int, connection: Connection) -> bool:
        return self.bound.setdefault(session, connection) is connection

    def unbind(self, session: int, connection: Connection) -> None:
        if self.bound.get(session) is connection:
            del self.bound[session]


class Lines(Connection):
    """A toy wire: lines; each becomes a row whose price is the line's number."""

    __slots__ = ("seen",)

    def __init__(self, table: Table) -> None:
        super().__init__(codes.WIRE_BINARY, table, 5)
        self.seen: list[bytes] = []

    def gather(self, turn: TurnInput) -> bool:
        while not turn.full:
            data = self.buf[self.start : self.end].tobytes()
            line, newline, _ = data.partition(b"\n")
            if not newline:
                return False
            self.start += len(line) + 1
            self.seen.append(line)
            turn.add(codes.C_NEW, self.session, values={L.CMD_PRICE: int(line)})
        return True

    def expel(self, turn: TurnInput, reason: int, text: str) -> None:
        self.outlet.write(b"bye\n")
        self.close(reason, text)


def test_turn_begins_with_its_time_row() -> None:
    turn = TurnInput(rows=4)
    turn.begin(7, 123_456)
    assert turn.words == L.CMD_WORDS and turn.rows == 1
    row = turn.inbox[: L.CMD_WORDS]
    assert (row[0], row[L.CMD_TIME_TURN], row[L.CMD_TIME_NS]) == (codes.C_TIME, 7, 123_456)
    turn.add(codes.C_STATUS, 3)
    turn.begin(8, 123_457)
    assert turn.rows == 1 and turn.inbox[L.CMD_TIME_TURN] == 8


def test_add_packs_every_field() -> None:
    turn = TurnInput(rows=4)
    turn.begin(1, 1)
    at = turn.add(
        codes.C_NEW, 9, 11, {L.CMD_PRICE: -5}, instrument=7, venue=3, front_end=2, side=2, contract_side=1, type_=2, tif=6, stp=4, flags=127
    )
    row = turn.inbox[at : at + L.CMD_WORDS]
    head = int(row[0])
    assert (head & 255, head >> 8 & 255) == (codes.C_NEW, 0)
    assert [head >> s & 15 for s in (16, 20, 24, 28, 32)] == [2, 1, 2, 6, 4]
    assert (W.flags_of(head), W.row_flags_of(head)) == (127, 0)
    assert row[L.CMD_SESSION_ACCOUNT] == 9 << 32 | 11
    assert row[L.CMD_INSTRUMENT] == 7 << 32 | 3 << 16 | 2
    assert row[L.CMD_PRICE] == -5


def test_texts_and_bodies_lie_in_extra_rows() -> None:
    turn = TurnInput(rows=4)
    turn.begin(1, 1)
    turn.inbox[turn.words :] = -1  # leftovers of an earlier turn must not be visible
    at = turn.add(codes.C_CANCEL, 1, texts=(b"a" * 64, b"orig"))
    raw = turn.inbox[at : turn.words].view(np.uint8).tobytes()
    assert turn.inbox[at] == W.pack_command(codes.C_CANCEL, 1, 0, 0, L.ROWFLAG_TEXT, 0)
    assert raw[128:] == b"a" * 64 + b"orig" + bytes(60)
    body = bytes(range(256)) * 3 + b"x"
    at = turn.add(codes.C_SEND, 1, body=body)
    assert turn.inbox[at + L.CMD_BODY_BYTES] == len(body) and turn.inbox[at] >> 8 & 255 == 7
    raw = turn.inbox[at + L.CMD_WORDS : turn.words].view(np.uint8).tobytes()
    assert raw == body + bytes(7 * 128 - len(body))


def test_the_longest_body_fits_behind_the_limit_and_no_longer_one() -> None:
    turn = TurnInput(rows=2)
    turn.begin(1, 1)
    turn.add(codes.C_TIME)
    assert turn.full
    turn.add(codes.C_ADMIN, body=bytes(MAX_BODY_BYTES))
    with pytest.raises(ValueError, match="does not fit"):
        turn.add(codes.C_ADMIN, body=bytes(MAX_BODY_BYTES + 1))
    with pytest.raises(ValueError, match="ClOrdID of 65 bytes"):
        turn.add(codes.C_NEW, texts=(b"x" * 65, b""))
    turn.add(codes.C_ADMIN, body=bytes(MAX_BODY_BYTES - 256))
    with pytest.raises(MemoryError):
        turn.add(codes.C_ADMIN, body=bytes(MAX_BODY_BYTES))


@pytest.mark.parametrize("seed", range(5))
def test_no_byte_is_lost_or_moved_however_they_arrive(seed: int) -> None:
    rng = random.Random(seed)
    connection = Lines(Table())
    lines = [str(rng.randrange(10 ** rng.randrange(1, 18))).encode() for _ in range(4000)]
    stream = b"\n".join(lines) + b"\n"
    turn = TurnInput(rows=64)
    at = turns = 0
    while len(connection.seen) < len(lines):
        at += connection.feed(stream[at : at + rng.choice((1, 7, 500, 5000))])
        if rng.random() < 0.4:
            turn.begin(turns, turns)
            connection.gather(turn)
            turns += 1
        if rng.random() < 0.001:
            connection.grow()
    assert connection.seen == lines
    assert connection.pending == 0


def test_a_full_buffer_offers_no_space_and_takes_no_more() -> None:
    connection = Lines(Table())
    assert connection.feed(b"9" * 10_000) == Connection.FIRST_BUFFER
    assert len(connection.get_buffer()) == 0 and connection.feed(b"9") == 0
    connection.grow()
    assert connection.feed(b"9" * 10_000) == 10_000 and connection.pending == Connection.FIRST_BUFFER + 10_000


def test_lost_logs_the_session_off_once_and_frees_it() -> None:
    table = Table()
    connection = Lines(table)
    assert table.bind(4, connection)
    connection.session = 4
    turn = TurnInput()
    turn.begin(1, 1)
    connection.lost(turn)
    assert turn.rows == 2 and turn.inbox[L.CMD_WORDS] == codes.C_LOGOFF and turn.inbox[L.CMD_WORDS + 1] == 4 << 32
    assert table.bound == {} and connection.session == 0
    stranger = Lines(table)
    stranger.lost(turn)
    assert turn.rows == 2


def test_after_close_nothing_is_written() -> None:
    outlet = NullOutlet()
    connection = Lines(Table())
    connection.outlet = outlet
    turn = TurnInput()
    turn.begin(1, 1)
    connection.expel(turn, codes.R_SHUTDOWN, "the server stops")
    connection.outlet.write(b"more")
    connection.close(codes.R_SLOW_READER, "second reason")
    assert outlet.written == b"bye\n" and outlet.closed == (codes.R_SHUTDOWN, "the server stops")

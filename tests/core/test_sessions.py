"""Session rows against the judge: logons, resets, refused logons, lost connections, and what a session misses meanwhile."""

import random
from collections import Counter

from protocol import codes as C
from tests.core_rig import PairStory

RESET, SKIP, REFUSED = 1, 8, 16


def come_and_go(rng: random.Random, met: Counter[str]) -> None:
    """Session 1 comes and goes while session 2 trades with its order; after each row numbers, chain and marks are the model's."""
    story = PairStory()
    session = story.model.sessions[1]
    story.new(1, C.BUY, 1000, 40)
    for _ in range(400):
        due = session.missed
        act = rng.choice(("hit", "hit", "leave", "come", "come", "send", "send", "set_in"))
        if act == "hit":
            story.new(2, C.SELL, 1, 40)
            met["hit while away"] += not session.logged_on
        elif act == "leave" and session.logged_on:
            story.do(
                C.C_LOGOFF,
                session=1,
                logoff_flags=rng.choice((0, 1)),
                unsent_from=rng.choice((0, 1, session.next_out - 1, session.next_out, 10**6)),
            )
        elif act == "come" and (not session.logged_on or rng.random() < 0.1):
            flags = rng.choice((0, RESET, RESET, RESET, RESET | SKIP, SKIP, REFUSED))
            on = session.logged_on
            (event,) = story.do(C.C_LOGON, session=1, logon_flags=flags, next_in=rng.choice((0, 2, 9)))
            met["linked"] += event.order > 0 and session.missed == event.number
            met["in session"] += on and bool(flags & RESET)
            met["refused"] += flags == REFUSED and due > 0 and session.missed == due
            met["skipped"] += due > 0 and bool(flags & SKIP)
            met["missed"] += session.missed == event.number
            met["never told"] += session.missed == event.number and (on or event.leaves > 0)
            met["untold"] += session.untold is not None
        elif act in ("send", "set_in") and session.logged_on:
            mark = rng.choice((0, rng.randint(1, due), rng.randint(1, due), due)) if due else 0
            if act == "send":
                story.do(C.C_SEND, session=1, msg_type=56, body=b"97=Y\x01", missed=mark)
            else:
                untold = session.untold or (1, 1)
                begin, end = rng.choice((untold, (1, untold[0]), (untold[0] + 1, untold[1]), (untold[0], untold[1] + 3)))
                before = session.untold
                story.do(C.C_SET_IN, session=1, next_in=rng.randint(1, 9), missed=mark, told_from=begin, told_to=end)
                met["told a part"] += before is not None and session.untold is not None and session.untold[0] > before[0]
                met["told all"] += before is not None and session.untold is None
            met["some"] += 0 < mark < due
            met["all"] += due > 0 and session.missed == 0


def test_what_is_missed_is_counted_as_the_judge_counts_it() -> None:
    met: Counter[str] = Counter()
    for seed in range(8):
        come_and_go(random.Random(seed), met)
    reached = (
        "hit while away",
        "linked",
        "in session",
        "refused",
        "skipped",
        "missed",
        "some",
        "all",
        "never told",
        "untold",
        "told a part",
        "told all",
    )
    assert all(met[what] for what in reached), met

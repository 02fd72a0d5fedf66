"""Whether the exchange answers, and what markets allow in each phase."""

from protocol import phases

from .. import schemas as S
from .. import words
from ..operation import Call, Operation


async def status(call: Call) -> S.Status:
    feed = call.gateway.feed
    last = feed.last_message_ns
    return S.Status(
        server="up" if feed.up else "down", since=words.time_text(feed.since), down=None if feed.up else feed.why, sandbox=call.gateway.sandbox,
        contracts=len(feed.definitions) if feed.up else 0, last_message_at=words.maybe_time(last),
    )  # fmt: skip


async def phase_list(call: Call) -> S.Phases:  # noqa: ARG001 (Handler)
    return S.Phases(
        phases=[
            S.Phase(phase=phases.name(code), allows=sorted(allowed), next=[phases.name(one) for one in phases.NEXT[code]])
            for code, allowed in phases.ALLOWED.items()
        ]
    )


OPERATIONS = (
    Operation("get_status", "GET", "/v1/status", "Whether the exchange can be reached", S.Status, status, server=False),
    Operation("list_phases", "GET", "/v1/phases", "What a market allows in each phase", S.Phases, phase_list, server=False),
)

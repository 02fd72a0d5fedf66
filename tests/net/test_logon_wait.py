"""A logon that waits for its address is no missing logon: the limits of time and bytes before logon do not cut it."""

from .test_turn import MS, Street, lines, until


async def test_a_waiting_logon_is_not_cut_by_the_limits_before_logon() -> None:
    async with Street(logon_ns=60 * MS, logon_bytes=100) as street:
        await street.client()
        await until(lambda: street.pipeline.links.by_id)
        (link,) = street.pipeline.links.by_id.values()
        link.connection.held_until = link.deadline + 10_000 * MS
        waiting = street.clients[0]
        waiting.write(b"x" * 101)
        reader, _ = await street.client()  # made later, and cut by its own limit: the first one's time is over as well
        assert (await lines(reader, 1))[0].startswith(b"BYE")
        assert not link.lost and link.closing is None and link.deadline == 0
        assert street.pipeline.counters.logon_timeouts == 1

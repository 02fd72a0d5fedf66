"""The SDK's requests for own state: `account`, `fills` and `rebuild` of Client (client.py), which is the only one that uses this."""

import asyncio
from typing import Any

from . import errors
from . import messages as M
from .client_errors import ClientError, Disconnected, Refused, build
from .own_state import OwnState


class OwnStateRequests:
    """The part of Client that asks for own state."""

    async def account(self: Any, account: int | str = 0, *, parts: int = 0, instrument: str | int | M.Definition = 0) -> OwnState:
        """Balances, positions, requirements, open orders and limits, all as of one report number (see OwnState). account: id or name, 0: all
        that the session may act for; parts: a sum of account_messages.PART_*, 0: all; instrument: positions and orders of this one. Raises
        ClientError, Disconnected."""
        message = build(M.AccountRequest, self.next_id(), self._account(account), parts, self.instrument(instrument))
        return await self._query(message)

    async def fills(self: Any, begin: int = 1, end: int = 0, *, after_trade: int = 0) -> list[M.Fill]:
        """The session's fills again, oldest first: of the reports begin..end (0: up to now) with a trade id above `after_trade`. Raises
        ClientError, Disconnected."""
        return await self._query(build(M.FillsRequest, self.next_id(), begin, end, after_trade))

    async def rebuild(self: Any) -> OwnState:
        """Put `orders` right by the exchange's state: for a client that has lost reports, or was started anew. An order that was open here
        and is not there gets its end from the exchange; what the exchange no longer knows is closed as cancelled."""
        state = await self.account()
        for order in self.tracker.adopt(state.tracker(self.session_id)):
            try:
                if order.id:
                    await self.status(order)
            except Refused:
                pass
            if order.open:
                self.tracker.forget(order)
        return state

    async def _query(self: Any, message: M.AccountRequest | M.FillsRequest) -> Any:
        if self._failed is not None:
            raise Disconnected(self._failed.reason, self._failed.text)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._query_futures.add(future)

        def done(result: Any) -> None:
            if not future.done():
                future.set_result(result)

        self._queries.add(message, done)
        if self._ready and self._wire is not None:
            self._wire.session.send(message)
            self._wire.plan_flush()
        try:
            answer = await future
        finally:
            self._query_futures.discard(future)
        if isinstance(answer, tuple):
            raise ClientError(f"{answer[1]} [{errors.short_name(answer[0])}]")
        return answer

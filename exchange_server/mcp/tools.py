# tidy: allow test-file because tests/mcp/test_mcp_server.py has the tools with the SDK's own client
"""The tools: at most TOOLS_MOST, named module_action_object. Those that trade exist only where the key may trade and whoever started the process allowed it."""

import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from .api import Api, ApiError, part
from .untrusted import NOTE, envelope

TOOLS_MOST = 15
UNKNOWN = "ANSWER_UNKNOWN"
READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
PLACES = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)
INSTRUCTIONS = (
    "Tools of an exchange: prediction markets and spot pairs. Prices, quantities and money are decimal strings; times are UTC. A market (event) has one contract "
    "for each outcome; a YES contract pays its payout if the outcome happens, selling YES at p is buying NO at payout - p. The exchange enforces the limits "
    "and the budget of your key: a refusal says limit, used and asked; do not try to get around it, tell your principal. " + NOTE
)

Name = Annotated[str, Field(max_length=64, description="A name as the list tools show it")]
Limit = Annotated[int, Field(ge=1, le=100, description="At most so many")]
Cursor = Annotated[str, Field(max_length=88, description="next_cursor of the last answer")]
Amount = Annotated[str, Field(max_length=40, pattern=r"^[0-9]+(\.[0-9]+)?$", description="A decimal number as text, like 0.25")]
ClientId = Annotated[
    str, Field(max_length=19, pattern=r"^([1-9][0-9]{0,18})?$", description="Your number for the order; empty: one is made")
]
Answer = dict[str, Any]


class Tools:
    """The tools of one server. account: the login may see accounts; trade: it may trade, and that was allowed; budget: the API tells the key's budget."""

    def __init__(self, api: Api, server: MCPServer[Any], *, account: bool, trade: bool, budget: bool) -> None:
        self.api = api
        tools: list[tuple[Callable[..., Awaitable[Answer]], ToolAnnotations]] = [
            (self.markets_list_events, READS), (self.markets_get_event, READS), (self.markets_get_result, READS), (self.book_get_levels, READS),
            (self.trades_list_recent, READS), (self.prices_list_candles, READS), (self.prices_get_statistics, READS),
        ]  # fmt: skip
        if account:
            tools += [
                (self.account_get_balances, READS), (self.account_list_positions, READS), (self.account_get_requirements, READS),
                (self.orders_list_open, READS), (self.orders_get_order, READS),
            ]  # fmt: skip
        if account and budget:
            tools.append((self.account_get_budget, READS))
        if account and trade:
            tools += [(self.orders_place_order, PLACES), (self.orders_cancel_order, PLACES)]
        assert len(tools) <= TOOLS_MOST
        for tool, how in tools:
            server.add_tool(tool, annotations=how, structured_output=True)

    async def _get(self, path: str, **query: Any) -> Answer:
        try:
            return envelope(await self.api.get(path, **query))
        except ApiError as error:
            raise ToolError(str(error)) from error

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        try:
            return envelope(await self.api.send(method, path, body))
        except ApiError as error:
            raise ToolError(str(error)) from error

    # ---- markets --------------------------------------------------------------------------------------------------
    async def markets_list_events(
        self,
        query: Annotated[str, Field(max_length=64, description="Words of the name or title")] = "",
        phase: Annotated[str, Field(max_length=64, description="Only markets in this phase: open, closed, determined, final, ...")] = "",
        series: Name = "",
        venue: Name = "",
        limit: Limit = 20,
        cursor: Cursor = "",
    ) -> Answer:
        """Find markets (events) with their contracts and best prices."""
        return await self._get("/v1/markets", q=query, phase=phase, series=series, venue=venue, limit=limit, cursor=cursor)

    async def markets_get_event(self, market: Name) -> Answer:
        """One market: title, rules, sources, times, void policy, contracts with prices."""
        return await self._get(f"/v1/markets/{part(market)}")

    async def markets_get_result(self, market: Name) -> Answer:
        """Every version of a market's result, with payouts, source and hash of the evidence."""
        return await self._get(f"/v1/markets/{part(market)}/result")

    async def book_get_levels(self, contract: Name, depth: Annotated[int, Field(ge=1, le=100)] = 10) -> Answer:
        """The order book of a contract in YES prices, best first: [price, quantity]."""
        return await self._get(f"/v1/contracts/{part(contract)}/book", depth=depth)

    async def trades_list_recent(self, contract: Name, limit: Limit = 20, cursor: Cursor = "") -> Answer:
        """The newest trades of a contract, in YES prices."""
        return await self._get(f"/v1/contracts/{part(contract)}/trades", limit=limit, cursor=cursor)

    async def prices_list_candles(
        self, contract: Name, interval: Literal["1m", "5m", "15m", "1h", "4h", "1d"] = "1h", limit: Limit = 24
    ) -> Answer:
        """Candles of a contract, the oldest first."""
        return await self._get(f"/v1/contracts/{part(contract)}/candles", interval=interval, limit=limit)

    async def prices_get_statistics(self, contract: Name) -> Answer:
        """The last 24 hours of a contract: last, change, high, low, volume."""
        return await self._get(f"/v1/contracts/{part(contract)}/statistics")

    # ---- the login's own ------------------------------------------------------------------------------------------
    async def account_get_balances(self, account: Name = "") -> Answer:
        """Your money: cash, what is locked, what is available."""
        return await self._get("/v1/balances", account=account)

    async def account_list_positions(self, account: Name = "") -> Answer:
        """Your positions in YES contracts (negative: long NO)."""
        return await self._get("/v1/positions", account=account)

    async def account_get_requirements(self, account: Name = "") -> Answer:
        """What each market ties up of your money, and why: your worst case there."""
        return await self._get("/v1/requirements", account=account)

    async def account_get_budget(self) -> Answer:
        """The budget of your key, which the exchange enforces: limits, and what is used of them."""
        return await self._get("/v1/budget")

    async def orders_list_open(self, account: Name = "", contract: Name = "", limit: Limit = 50, cursor: Cursor = "") -> Answer:
        """Your open orders."""
        return await self._get("/v1/orders", account=account, contract=contract, limit=limit, cursor=cursor)

    async def orders_get_order(self, client_order_id: Annotated[str, Field(max_length=19, pattern=r"^[1-9][0-9]{0,18}$")]) -> Answer:
        """An order by your number for it: its status, what is filled and open. Also after an answer that did not come."""
        return await self._get(f"/v1/orders/by-client-id/{client_order_id}")

    # ---- trading --------------------------------------------------------------------------------------------------
    async def orders_place_order(
        self,
        contract: Name,
        side: Literal["buy", "sell"],
        price: Amount,
        quantity: Amount,
        contract_side: Literal["yes", "no"] = "yes",
        time_in_force: Literal["day", "gtc", "ioc", "fok"] = "day",
        account: Name = "",
        client_order_id: ClientId = "",
    ) -> Answer:
        """Place a limit order with real effect. The most that a buy can cost is price x quantity plus the fee. The answer has the order; one that waits for a
        person's approval says so. The same client_order_id again never makes a second order."""
        id = client_order_id or str(time.time_ns())
        body = {
            "client_order_id": id, "contract": contract, "side": side, "price": price, "quantity": quantity, "contract_side": contract_side,
            "time_in_force": time_in_force, "account": account,
        }  # fmt: skip
        try:
            return envelope(await self.api.send("POST", "/v1/orders", body))
        except ApiError as error:
            unknown = error.status in (0, 504) or error.name == UNKNOWN
            more = (
                f". It is not known what became of the order: ask orders_get_order for client_order_id {id} before anything else"
                if unknown
                else ""
            )
            raise ToolError(f"{error}{more}") from error

    async def orders_cancel_order(self, client_order_id: Annotated[str, Field(max_length=19, pattern=r"^[1-9][0-9]{0,18}$")]) -> Answer:
        """Cancel what is open of an order, by your number for it."""
        return await self._send("DELETE", f"/v1/orders/by-client-id/{client_order_id}")

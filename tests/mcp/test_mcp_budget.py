"""An agent with a budget: what its tools say of it, and an order that waits for a person."""

from pathlib import Path

from mcp import Client

from config import admin_records as ar
from exchange_server.mcp.api import Api
from exchange_server.mcp.process import make
from tests.server_kit import secret_of
from tests.web.rig import CONFIG, FAST, ServerProcess, Web, new_id

from .test_mcp_server import text_of, url


async def test_an_agent_sees_its_budget_and_an_order_that_waits_is_placed_once_it_is_approved(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, CONFIG) as server, Web(server.folder, server.data, *FAST) as web:
        budget = ar.Budget(session="MM1", asset="USD", max_loss=100_000, approve_above=20_000, markets=("CUP",))
        assert server.ask("admin", budget).ok
        web.up()
        api = Api(url(web), "MM1", secret_of(1))
        async with Client(await make(api, True)) as client:
            shown = (await client.call_tool("account_get_budget", {})).structured_content["data"]
            assert "10.0000" in str(shown) and "2.0000" in str(shown) and "CUP" in str(shown), shown
            wanted = {"contract": "CUP-A", "side": "buy", "price": "0.2900", "quantity": "8", "client_order_id": new_id()}
            held = await client.call_tool("orders_place_order", wanted)
            (row,) = server.ask("pending").result["rows"]
            assert held.is_error and str(row["id"]) in text_of(held) and "not known what became" not in text_of(held), text_of(held)
            again = await client.call_tool("orders_place_order", wanted)
            assert again.is_error and str(row["id"]) in text_of(again) and len(server.ask("pending").result["rows"]) == 1
            assert server.ask("admin", ar.Approve(id=row["id"])).ok
            placed = await client.call_tool("orders_place_order", wanted)
            assert not placed.is_error and placed.structured_content["data"]["status"] == "new", text_of(placed)
            used = (await client.call_tool("account_get_budget", {})).structured_content["data"]
            assert used != shown and "2.3" in str(used), used
            over = await client.call_tool(
                "orders_place_order", {**wanted, "client_order_id": new_id(), "price": "0.9000", "quantity": "30"}
            )
            assert over.is_error and "limit 10" in text_of(over) and "asked 2" in text_of(over), text_of(over)
            other = await client.call_tool("orders_place_order", {**wanted, "client_order_id": new_id(), "contract": "W.TIE-A"})
            assert other.is_error and "budget" in text_of(other).lower(), text_of(other)
        await api.close()

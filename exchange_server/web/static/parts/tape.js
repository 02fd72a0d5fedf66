// The last trades of a contract, the newest first.

import { Rows, h, say } from "../lib/dom.js";
import { clock, full, quantity } from "../lib/format.js";

const KEPT = 40;

export function tapePart(contract) {
  let trades = [];
  const body = h("tbody", { class: "live-numbers" });
  const empty = h("p", { class: "empty", text: "No trades yet." });
  const rows = new Rows(body, (trade) => {
    const time = h("td", { class: "num dim" });
    const price = h("td", { class: "right num" });
    const lots = h("td", { class: "right num" });
    const side = h("td", {});
    return {
      element: h("tr", { class: "trade" }, time, side, price, lots),
      set(now) {
        say(time, clock(now.time));
        time.title = full(now.time);
        say(side, now.taken_back ? "taken back" : now.taker_side === "buy" ? "Buy" : "Sell");
        side.className = now.taken_back ? "dim" : now.taker_side === "buy" ? "yes-text" : "no-text";
        say(price, now.price);
        say(lots, quantity(now.quantity));
        time.parentElement.classList.toggle("gone", now.taken_back);
      },
    };
  });
  const draw = () => {
    rows.update(trades, (one) => one.trade_id);
    empty.hidden = trades.length > 0;
  };
  draw();
  return {
    element: h(
      "section",
      { class: "panel tape", "aria-labelledby": "tape-title" },
      h("h2", { class: "panel-title", id: "tape-title", text: "Trades" }),
      h(
        "div",
        { class: "scroll scroll-tape", tabindex: "0", role: "group", "aria-label": "Last trades" },
        h(
          "table",
          {},
          h("caption", { class: "hidden", text: contract.payout ? "Last trades, the newest first, in prices of Yes" : "Last trades, the newest first" }),
          h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "Time" }), h("th", { scope: "col", text: "Side" }), h("th", { scope: "col", class: "right", text: "Price" }), h("th", { scope: "col", class: "right", text: contract.payout ? "Contracts" : contract.base_asset }))),
          body,
        ),
        empty,
      ),
    ),
    /** All of them, the newest first. */
    set(found) {
      trades = found.slice(0, KEPT);
      draw();
    },
    /** One more, or one that was taken back. */
    add(trade) {
      trades = [trade, ...trades.filter((one) => one.trade_id !== trade.trade_id)].sort((a, b) => (BigInt(a.trade_id) < BigInt(b.trade_id) ? 1 : -1)).slice(0, KEPT);
      draw();
    },
  };
}

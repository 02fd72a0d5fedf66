// Accounts with what they hold; one of them with every change of its balance.

import { all, get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { full, money, signed } from "../lib/format.js";
import { grid, part } from "./act.js";

export function ledgerPart() {
  const place = h("div", { "aria-live": "polite" });

  async function statement(account, asset) {
    place.replaceChildren(h("p", { class: "empty", text: "Reading…" }));
    try {
      const found = await get(`/v1/operator/statement?account=${encodeURIComponent(account)}&asset=${encodeURIComponent(asset)}&limit=200`);
      place.replaceChildren(
        h("h3", { class: "panel-title", text: `Statement of ${account}, ${asset}` }),
        found.opening === null ? "" : h("p", { class: "panel-foot dim num", text: `Opening ${money(found.opening)}, closing ${money(found.closing)}; as of event ${found.as_of_event}${found.next_cursor ? "; the first 200 entries" : ""}` }),
        grid(
          `Statement of ${account}`,
          [["Time"], ["What"], ["Amount", "right num"], ["Balance", "right num"], ["About", "why less"]],
          found.entries.map((one) => [full(one.time), one.kind, signed(one.amount), money(one.balance), Object.entries(one.details).map(([name, value]) => `${name} ${value}`).join(", ")]),
          "Nothing changed its balance.",
        ),
      );
    } catch (error) {
      place.replaceChildren(h("p", { class: "problem empty", text: error.message }));
    }
  }

  return part(
    "Ledger",
    () => all("/v1/operator/accounts", "accounts"),
    (accounts) => [
      grid(
        "Accounts",
        [["Account"], ["Firm", "less"], ["Asset"], ["Cash", "right num"], ["Locked", "right num less"], ["On hold", "right num less"], ["Free", "right num"], ["", "right acts"]],
        accounts.flatMap((one) =>
          one.balances.map((held) => [
            one.account, one.firm, held.asset, money(held.cash), money(held.locked), money(held.on_hold), money(held.free),
            h("button", { type: "button", class: "button button-small", text: "Statement", "aria-label": `Statement of ${one.account}, ${held.asset}`, on: { click: () => statement(one.account, held.asset) } }),
          ]),
        ),
        "No accounts with a balance.",
      ),
      place,
    ],
  );
}

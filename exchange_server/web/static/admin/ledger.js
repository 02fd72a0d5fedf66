// Accounts with what they hold; one of them with every change of its balance; money in and out.

import { all, get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { full, money, signed } from "../lib/format.js";
import { actButton, grid, part } from "./act.js";
import { askDialog } from "./ask.js";

function moneyDialog(account, asset, into, again) {
  askDialog({
    name: "transfer",
    title: `${into ? "Deposit into" : "Withdraw from"} ${account}`,
    about: into ? "Money that has arrived is put into the account." : "Money that has been paid out is taken from what is free in the account.",
    body: { asset, [into ? "target" : "source"]: account },
    fields: [["amount", `Amount in ${asset}`, { inputmode: "decimal", class: "num", maxlength: "30" }], ["key", "Reference: the same one is booked once", { maxlength: "64", spellcheck: "false" }], ["note", "Note", { required: false }]],
    danger: !into,
    done: again,
  });
}

export function ledgerPart(acts) {
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
    (accounts, again) => [
      grid(
        "Accounts",
        [["Account"], ["Firm", "less"], ["Asset"], ["Cash", "right num"], ["Locked", "right num less"], ["On hold", "right num less"], ["Free", "right num"], ["", "right acts"]],
        accounts.flatMap((one) =>
          one.balances.map((held) => [
            one.account, one.firm, held.asset, money(held.cash), money(held.locked), money(held.on_hold), money(held.free),
            h(
              "div",
              { class: "buttons" },
              acts.includes("transfer") ? [actButton("Deposit…", () => moneyDialog(one.account, held.asset, true, again)), actButton("Withdraw…", () => moneyDialog(one.account, held.asset, false, again))] : null,
              h("button", { type: "button", class: "button button-small", text: "Statement", "aria-label": `Statement of ${one.account}, ${held.asset}`, on: { click: () => statement(one.account, held.asset) } }),
            ),
          ]),
        ),
        "No accounts with a balance.",
      ),
      place,
    ],
  );
}

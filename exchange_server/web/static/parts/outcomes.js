// All outcomes of an event: chance, the price of Yes and of No. The likeliest is first as of the time it was opened; rows do not jump.

import { h, say } from "../lib/dom.js";
import { chance, percent, phase, price } from "../lib/format.js";
import { own } from "../lib/own.js";
import { apply, Tickers } from "../lib/tickers.js";
import { noPrice, offer, ranked } from "../views/markets.js";

const CONFLATE_MS = 250;
const MOST = 200; // of one subscription

/** pick(contract, side or null): an outcome was chosen. */
export function outcomesPart(market, pick) {
  const rows = new Map();
  const body = h("tbody", { class: "live-numbers" });
  for (const contract of ranked(market.contracts)) {
    const row = outcomeRow(contract, market, pick);
    rows.set(contract.contract, row);
    body.append(row.element);
  }
  const tickers = new Tickers((frame) => rows.get(frame.contract)?.ticker(frame), CONFLATE_MS);
  tickers.want([...rows.keys()].slice(0, MOST));
  const hold = () => {
    for (const [contract, row] of rows) row.position(own.position(contract));
  };
  const end = own.listen(hold);
  hold();
  return {
    element: h(
      "section",
      { class: "panel outcomes", "aria-labelledby": "outcomes-title" },
      h("h2", { class: "panel-title", id: "outcomes-title", text: `Outcomes (${market.contracts.length})` }),
      h(
        "div",
        { class: "scroll", tabindex: "0", role: "group", "aria-label": "All outcomes" },
        h(
          "table",
          {},
          h("caption", { class: "hidden", text: `Outcomes of ${market.title}` }),
          h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "Outcome" }), h("th", { scope: "col", class: "right", text: "Chance" }), h("th", { scope: "col", class: "right", text: "Yes" }), h("th", { scope: "col", class: "right", text: "No" }))),
          body,
        ),
      ),
    ),
    select(contract) {
      for (const [name, row] of rows) row.select(name === contract);
    },
    /** The newest prices of a contract. */
    now: (contract) => rows.get(contract).now(),
    close() {
      end();
      tickers.close();
    },
  };
}

function outcomeRow(contract, market, pick) {
  let now = contract;
  const name = contract.outcome || contract.contract;
  const choose = h("button", { type: "button", class: "outcome-pick", text: name, title: name, on: { click: () => pick(contract.contract, null) } });
  const value = h("td", { class: "right num chance" });
  const yes = h("button", { type: "button", class: "quote quote-yes num", on: { click: () => pick(contract.contract, "yes") } });
  const no = h("button", { type: "button", class: "quote quote-no num", on: { click: () => pick(contract.contract, "no") } });
  const held = h("span", { class: "held num" });
  const element = h("tr", { class: "outcome-row" }, h("th", { scope: "row" }, choose, held), value, h("td", { class: "right" }, yes), h("td", { class: "right" }, no));
  const draw = () => {
    const per = chance(now);
    say(value, now.payout ? percent(per) : price(now.last));
    element.style.setProperty("--share", `${per ?? 0}%`);
    const other = noPrice(now);
    say(yes, price(now.ask));
    say(no, price(other));
    yes.setAttribute("aria-label", `${name}: Yes, ${offer(now.ask)}`);
    no.setAttribute("aria-label", `${name}: No, ${offer(other)}`);
  };
  if (contract.phase !== market.phase) choose.append(h("span", { class: "chip", text: phase(contract.phase) }));
  draw();
  return {
    element,
    now: () => now,
    ticker(frame) {
      now = apply(contract, frame);
      draw();
    },
    select(is) {
      element.classList.toggle("selected", is);
      if (is) choose.setAttribute("aria-current", "true");
      else choose.removeAttribute("aria-current");
    },
    position(row) {
      const lots = row?.position ?? "0";
      say(held, /[1-9]/.test(lots) ? (lots.startsWith("-") ? `${lots.slice(1)} No` : `${lots} Yes`) : "");
    },
  };
}

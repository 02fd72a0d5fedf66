// The merged order book: bids and offers of Yes and No are one book. Each level is shown with both prices; Yes or No says in whose terms it is read.

import { h, say, show } from "../lib/dom.js";
import { minus, plus } from "../lib/decimal.js";
import { quantity } from "../lib/format.js";

const LEVELS = 9;
const LEAST = 5; // rows of a side that are there when the book is thin

/** pick(contract side, side, price): a level was chosen; the price is in the terms of that contract side. */
export function ladderPart(contract, pick) {
  let view = "yes";
  let book = null;
  const rows = { asks: levels("ask"), bids: levels("bid") };
  const spread = h("td", { colspan: "4", class: "spread num" });
  const note = h("p", { class: "stale-note", text: "The book is being fetched again." });
  const first = h("th", { scope: "col", class: "right" });
  const second = h("th", { scope: "col", class: "right dim" });
  const sides = ["yes", "no"].map((name) =>
    h("button", { type: "button", class: "filter", text: name === "yes" ? "Yes" : "No", data: { name }, on: { click: () => ((view = name), draw()) } }),
  );

  function levels(kind) {
    return Array.from({ length: LEVELS }, () => {
      const row = { price: null };
      row.button = h("button", { type: "button", class: "level-price num", tabindex: "-1", on: { click: () => row.price && pick(view, kind === "ask" ? "buy" : "sell", row.price) } });
      row.other = h("td", { class: "right num dim" });
      row.quantity = h("td", { class: "right num" });
      row.total = h("td", { class: "right num dim" });
      row.element = h("tr", { class: `level level-${kind}` }, h("td", { class: "right" }, row.button), row.other, row.quantity, row.total);
      return row;
    });
  }

  /** [price, quantity] of a side in the terms of `view`, the best first. Offers of No are bids for Yes. */
  function side(name) {
    if (!book?.valid) return [];
    if (view === "yes" || !contract.payout) return book.depth(name, LEVELS);
    return book.depth(name === "asks" ? "bids" : "asks", LEVELS).map(([price, lots]) => [minus(contract.payout, price), lots]);
  }

  function fill(name) {
    const found = side(name);
    const totals = [];
    for (const [, lots] of found) totals.push(totals.length ? plus(totals.at(-1), lots) : lots);
    for (let at = 0; at < LEVELS; at += 1) {
      const row = rows[name][at];
      const level = found[at];
      row.price = level?.[0] ?? null;
      show(row.element, at < Math.max(LEAST, found.length));
      say(row.button, level ? level[0] : "");
      row.button.disabled = !level;
      row.button.setAttribute("aria-label", level ? `${name === "asks" ? "Offer" : "Bid"} ${level[0]}: ${quantity(level[1])} contracts. Use this price` : "No more levels");
      say(row.other, level && contract.payout ? minus(contract.payout, level[0]) : "");
      say(row.quantity, level ? quantity(level[1]) : "");
      say(row.total, level ? quantity(totals[at]) : "");
    }
    return totals;
  }

  function draw() {
    for (const button of sides) button.setAttribute("aria-pressed", String(button.dataset.name === view));
    say(first, view === "yes" ? (contract.payout ? "Yes" : "Price") : "No");
    say(second, contract.payout ? (view === "yes" ? "No" : "Yes") : "");
    const totals = { asks: fill("asks"), bids: fill("bids") };
    const most = Math.max(...Object.values(totals).map((all) => Number(all.at(-1) ?? 0)), 1e-9);
    for (const name of ["asks", "bids"]) {
      rows[name].forEach((row, at) => row.element.style.setProperty("--depth", `${(100 * Number(totals[name][at] ?? 0)) / most}%`));
    }
    const [ask, bid] = [side("asks")[0], side("bids")[0]];
    say(spread, ask && bid ? `Spread ${minus(ask[0], bid[0])}` : ask || bid ? "One side only" : book?.valid ? "The book is empty" : "");
    show(note, book !== null && !book.valid);
    element.classList.toggle("part-stale", book !== null && !book.valid);
  }

  const head = h("thead", {}, h("tr", {}, first, second, h("th", { scope: "col", class: "right", text: contract.payout ? "Contracts" : contract.base_asset }), h("th", { scope: "col", class: "right", text: "Total" })));
  const element = h(
    "section",
    { class: "panel book", "aria-labelledby": "book-title" },
    h("div", { class: "panel-head" }, h("h2", { class: "panel-title", id: "book-title", text: "Order book" }), contract.payout ? h("div", { class: "filters filters-small", role: "group", "aria-label": "Read the book as" }, sides) : null),
    note,
    h(
      "table",
      { class: "levels live-numbers" },
      h("caption", { class: "hidden", text: "Order book: offers above, bids below" }),
      head,
      h("tbody", { class: "asks" }, rows.asks.toReversed().map((row) => row.element)),
      h("tbody", {}, h("tr", { class: "spread-row" }, spread)),
      h("tbody", { class: "bids" }, rows.bids.map((row) => row.element)),
    ),
  );
  draw();
  return {
    element,
    set(now) {
      book = now;
      draw();
    },
    view(name) {
      if (contract.payout && name !== view) {
        view = name;
        draw();
      }
    },
  };
}

// The list of markets: by series, searched and filtered in the browser, prices live.

import { h, say, show } from "../lib/dom.js";
import { minus } from "../lib/decimal.js";
import { chance, percent, phase, price, relative, trades } from "../lib/format.js";
import { markets } from "../lib/markets.js";
import { NAME, pathOf } from "../lib/page.js";
import { apply, Tickers } from "../lib/tickers.js";

const FIRST = 48; // cards that are drawn at once
const ROWS = 3; // outcomes of a card
const FILTERS = [["trading", "Trading"], ["soon", "Upcoming"], ["decided", "Decided"], ["all", "All"]];
const state = { words: "", filter: "trading", most: FIRST };
let redraw = () => {};

/** Called by the search field, which is outside the view. */
export function searchFor(text) {
  state.words = text.toLowerCase().trim();
  state.most = FIRST;
  redraw();
}

function fits(market) {
  if (state.filter === "trading" && !trades(market.phase) && market.phase !== "paused") return false;
  if (state.filter === "soon" && market.phase !== "listed" && market.phase !== "draft") return false;
  if (state.filter === "decided" && !["closed", "determined", "disputed", "final", "voided"].includes(market.phase)) return false;
  if (!state.words) return true;
  const text = `${market.market} ${market.title} ${market.contracts.map((one) => one.outcome).join(" ")}`.toLowerCase();
  return state.words.split(/\s+/).every((word) => text.includes(word));
}

/** The likeliest outcomes first. */
export function ranked(contracts) {
  return contracts
    .map((one, at) => ({ one, at, chance: chance(one) ?? -1 }))
    .sort((a, b) => b.chance - a.chance || a.at - b.at)
    .map(({ one }) => one);
}

/** Questions before pairs, those with many outcomes first, then by title. */
function inOrder(one, other) {
  const pair = (one.product === "spot") - (other.product === "spot");
  return pair || other.contracts.length - one.contracts.length || one.title.localeCompare(other.title, "en", { numeric: true });
}

/** What buying NO costs: P less the best bid. */
export const noPrice = (contract) => (contract.bid === null || !contract.payout ? null : minus(contract.payout, contract.bid));

/** A price for those who hear it. */
export const offer = (at) => (at === null ? "no offer" : `offered at ${at}`);

function outcomeRow(market, contract, cells) {
  const value = h("span", { class: "chance num" });
  const yes = h("a", { class: "quote quote-yes", "data-link": true, href: `${pathOf(market.market, contract.contract)}&side=yes` });
  const no = h("a", { class: "quote quote-no", "data-link": true, href: `${pathOf(market.market, contract.contract)}&side=no` });
  const name = contract.outcome || contract.contract;
  const set = (now) => {
    if (!now.payout) {
      say(value, price(now.last ?? now.bid));
      return;
    }
    say(value, percent(chance(now)));
    say(yes, `Yes ${price(now.ask)}`);
    const other = noPrice(now);
    say(no, `No ${price(other)}`);
    yes.setAttribute("aria-label", `${name}: Yes, ${offer(now.ask)}`);
    no.setAttribute("aria-label", `${name}: No, ${offer(other)}`);
  };
  set(contract);
  cells.set(contract.contract, (frame) => set(apply(contract, frame)));
  return h("li", { class: "outcome" }, h("span", { class: "outcome-name", text: name, title: name }), value, contract.payout ? yes : null, contract.payout ? no : null);
}

function card(market, cells) {
  const rows = ranked(market.contracts);
  const more = rows.length - ROWS;
  return h(
    "article",
    { class: "card", data: { phase: market.phase } },
    h("h3", { class: "card-title" }, h("a", { href: pathOf(market.market), "data-link": true, text: market.title || market.market })),
    h("ul", { class: "outcomes-short live-numbers" }, rows.slice(0, ROWS).map((one) => outcomeRow(market, one, cells))),
    h(
      "p",
      { class: "card-foot" },
      h("span", { class: "chip", data: { phase: market.phase }, text: phase(market.phase) }),
      more > 0 ? h("span", { text: `${more} more ${more === 1 ? "outcome" : "outcomes"}` }) : null,
      market.closes_at ? h("span", { text: `closes ${relative(market.closes_at)}` }) : null,
    ),
  );
}

export function marketsView() {
  const list = h("div", { class: "series-list" });
  const found = h("p", { class: "found", "aria-live": "polite" });
  const more = h("button", { type: "button", class: "button", text: "Show more", on: { click: () => ((state.most += FIRST), redraw()) } });
  const filters = FILTERS.map(([name, text]) =>
    h("button", { type: "button", class: "filter", text, data: { name }, on: { click: () => ((state.filter = name), (state.most = FIRST), redraw()) } }),
  );
  const cells = new Map();
  let shownKey = null;
  const tickers = new Tickers((frame) => cells.get(frame.contract)?.(frame), 1000);

  redraw = () => {
    for (const button of filters) button.setAttribute("aria-pressed", String(button.dataset.name === state.filter));
    if (markets.list === null) {
      say(found, markets.error ? markets.error.message : "Reading the markets…");
      show(more, false);
      return;
    }
    const fitting = markets.list.filter(fits).sort(inOrder);
    const drawn = fitting.slice(0, state.most);
    const key = JSON.stringify(drawn.map((one) => [one.series, one.market, one.title, one.phase, one.contracts.length]));
    say(found, fitting.length ? `${fitting.length} ${fitting.length === 1 ? "market" : "markets"}` : state.words ? `No market fits “${state.words}”.` : "There are no such markets at the moment.");
    show(more, fitting.length > drawn.length);
    if (key === shownKey) return;
    shownKey = key;
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const bySeries = Map.groupBy(drawn, (one) => one.series ?? "");
    cells.clear();
    list.replaceChildren(
      ...[...bySeries].map(([name, rows]) =>
        h(
          "section",
          { class: "series" },
          h("h2", { class: "series-title", text: markets.series.get(name) || name || (bySeries.size > 1 ? "Other markets" : "All markets") }),
          h("div", { class: "cards" }, rows.map((one) => card(one, cells))),
        ),
      ),
    );
    if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
    tickers.want([...cells.keys()]);
  };
  const end = markets.listen(() => redraw());
  redraw();
  return {
    title: "",
    element: h("div", { class: "page" }, h("div", { class: "page-head" }, h("h1", { text: NAME === "exos" ? "Markets" : NAME }), h("div", { class: "filters", role: "group", "aria-label": "Which markets" }, filters), found), list, h("p", { class: "center" }, more)),
    close() {
      end();
      tickers.close();
      redraw = () => {};
    },
  };
}

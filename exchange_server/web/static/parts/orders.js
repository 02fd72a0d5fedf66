// Own open orders, each with its button to cancel, and the last fills.

import { call } from "../lib/api.js";
import { h, Rows, say, show } from "../lib/dom.js";
import { money, quantity, when } from "../lib/format.js";
import { own } from "../lib/own.js";
import { pathOf } from "../lib/page.js";
import { tell } from "../lib/tell.js";
import { markets } from "../lib/markets.js";
import { waiting } from "../lib/waiting.js";

const FILLS = 50;
const CLOCK = { hour: "2-digit", minute: "2-digit" };

/** "Spain" of a contract, as its market names it. */
export function outcomeOf(contract) {
  for (const market of markets.list ?? []) {
    const found = market.contracts.find((one) => one.contract === contract);
    if (found) return { name: market.contracts.length > 1 ? found.outcome || contract : market.title, market: market.market, one: found };
  }
  return { name: contract, market: null, one: null };
}

function contractCell() {
  const link = h("a", { "data-link": true });
  const code = h("span", { class: "code" });
  const element = h("th", { scope: "row" }, link, code);
  return {
    element,
    set(contract) {
      const { name, market } = outcomeOf(contract);
      say(link, name);
      say(code, name === contract ? "" : contract);
      if (market) link.setAttribute("href", pathOf(market, contract));
    },
  };
}

const sideText = (one) => `${one.side === "buy" ? "Buy" : "Sell"} ${outcomeOf(one.contract).one?.payout === null ? "" : one.contract_side === "no" ? "No" : "Yes"}`.trim();

function tableOf(caption, heads, body) {
  return h("div", { class: "scroll-x" }, h("table", { class: "wide" }, h("caption", { class: "hidden", text: caption }), h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind ?? null, text })))), body));
}

/** An order that waits for a person, or was approved: then it can be entered. It has reserved nothing, so there is nothing to cancel. */
function waitingRow() {
  const name = contractCell();
  const cells = { side: h("td"), price: h("td", { class: "right num" }), lots: h("td", { class: "right num" }), tif: h("td", { class: "dim less" }) };
  const state = h("span", { class: "chip chip-line" });
  name.element.append(state);
  let now = null;
  const enter = h("button", { type: "button", class: "button button-small button-accent", text: "Enter", on: { click: () => enterOne(now, enter) } });
  return {
    element: h("tr", {}, name.element, ...Object.values(cells), h("td", { class: "right" }, enter)),
    set(found) {
      now = found;
      name.set(now.contract);
      say(cells.side, sideText(now));
      cells.side.className = now.contract_side === "no" ? "no-text" : "yes-text";
      say(cells.price, now.price ?? "market");
      say(cells.lots, `0 / ${quantity(now.quantity)}`);
      say(cells.tif, now.time_in_force.toUpperCase());
      say(state, `${now.approved ? "Approved" : "Waits for approval"} until ${new Date(now.waits_until).toLocaleTimeString([], CLOCK)}`);
      state.dataset.phase = now.approved ? "open" : "paused";
      state.title = now.approved ? "It may be entered once." : `It may cost ${money(now.cost)} ${now.asset}: above what its session may without a person.`;
      show(enter, now.approved && now.client_order_id !== null);
      enter.setAttribute("aria-label", `Enter: ${sideText(now)} ${now.contract} at ${now.price ?? "the market"}`);
    },
  };
}

async function enterOne(one, button) {
  button.disabled = true;
  try {
    await waiting.enter(one);
    tell("The approved order is entered.", "good");
  } catch (error) {
    tell(error.unknown ? "It is not known whether the order was entered: the list shows it when the exchange has said so." : `Not entered: ${error.message}`, "bad");
  } finally {
    button.disabled = false;
  }
}

/** contracts: a set of names, or null for all. */
export function ordersPart(contracts = null, marketName = null) {
  const body = h("tbody");
  const empty = h("p", { class: "empty", text: "No open orders." });
  const count = h("span", { class: "count num" });
  const every = h("button", { type: "button", class: "button button-small", text: "Cancel all", on: { click: cancelAll } });
  const rows = new Rows(body, (order) => {
    const name = contractCell();
    const cells = { side: h("td"), price: h("td", { class: "right num" }), filled: h("td", { class: "right num" }), tif: h("td", { class: "dim less" }) };
    let now = order;
    const cancel = h("button", { type: "button", class: "button button-small", text: "Cancel", on: { click: () => cancelOne(now, cancel) } });
    return {
      element: h("tr", {}, name.element, ...Object.values(cells), h("td", { class: "right" }, cancel)),
      set(found) {
        now = found;
        name.set(now.contract);
        say(cells.side, sideText(now));
        cells.side.className = now.contract_side === "no" ? "no-text" : "yes-text";
        say(cells.price, now.price);
        show(cancel, now.client_order_id !== null); // one that was entered on FIX with a text as its id is cancelled there, or with all
        say(cells.filled, `${quantity(now.filled)} / ${quantity(now.quantity)}`);
        say(cells.tif, (now.time_in_force ?? "").toUpperCase());
        cancel.setAttribute("aria-label", `Cancel: ${sideText(now)} ${now.contract} at ${now.price}`);
      },
    };
  });
  const above = h("tbody");
  const held = new Rows(above, waitingRow);
  const draw = () => {
    const mine = (one) => !contracts || contracts.has(one.contract);
    const found = [...own.orders.values()].filter(mine).sort((a, b) => b.time.localeCompare(a.time));
    const waits = waiting.orders.filter(mine);
    rows.update(found, (one) => one.order_id);
    held.update(waits, (one) => one.waiting_id);
    show(empty, !found.length && !waits.length);
    show(every, found.length > 0);
    say(count, String(found.length + waits.length));
  };

  async function cancelOne(order, button) {
    button.disabled = true;
    try {
      await call("DELETE", `/v1/orders/by-client-id/${order.client_order_id}`);
      tell("Order cancelled.", "good");
    } catch (error) {
      tell(error.unknown ? "It is not known whether the order was cancelled: the list shows it when the exchange has said so." : `Not cancelled: ${error.message}`, "bad");
    } finally {
      button.disabled = false;
    }
  }

  async function cancelAll() {
    every.disabled = true;
    try {
      const found = await call("POST", "/v1/orders/mass-cancel", marketName ? { scope: "market", market: marketName } : { scope: "session" });
      tell(`${found.canceled} orders cancelled.`, "good");
    } catch (error) {
      tell(`Not cancelled: ${error.message}`, "bad");
    } finally {
      every.disabled = false;
    }
  }

  const ends = [own.listen(draw), markets.listen(draw), waiting.listen(draw)];
  draw();
  return {
    label: "Orders",
    count,
    element: h("div", {}, tableOf("Open orders", [["Contract"], ["Side"], ["Price", "right"], ["Filled", "right"], ["Stands", "less"], ["", "right"]], [above, body]), empty, h("p", { class: "panel-foot" }, every)),
    close: () => ends.forEach((end) => end()),
  };
}

export function fillsPart(contracts = null) {
  const body = h("tbody");
  const empty = h("p", { class: "empty", text: "No fills." });
  const rows = new Rows(body, () => {
    const name = contractCell();
    const cells = { time: h("td", { class: "num dim less" }), side: h("td"), price: h("td", { class: "right num" }), lots: h("td", { class: "right num" }), fee: h("td", { class: "right num" }) };
    return {
      element: h("tr", {}, name.element, ...Object.values(cells)),
      set(now) {
        name.set(now.contract);
        say(cells.time, when(now.time));
        say(cells.side, sideText(now));
        cells.side.className = now.contract_side === "no" ? "no-text" : "yes-text";
        say(cells.price, now.price);
        say(cells.lots, quantity(now.quantity));
        say(cells.fee, `${money(now.fee)} ${now.asset}`);
      },
    };
  });
  const draw = () => {
    const found = own.fills.filter((one) => !contracts || contracts.has(one.contract)).slice(0, FILLS);
    rows.update(found, (one) => one.fill_id);
    show(empty, !found.length);
  };
  const ends = [own.listen(draw), markets.listen(draw)];
  draw();
  return {
    label: "Fills",
    element: h("div", {}, tableOf("Fills, the newest first", [["Contract"], ["Time", "less"], ["Side"], ["Price", "right"], ["Contracts", "right"], ["Fee", "right"]], body), empty),
    close: () => ends.forEach((end) => end()),
  };
}

export function positionsPart(contracts = null) {
  const body = h("tbody");
  const empty = h("p", { class: "empty", text: "No positions." });
  const count = h("span", { class: "count num" });
  const rows = new Rows(body, () => {
    const name = contractCell();
    const cells = { side: h("td"), lots: h("td", { class: "right num" }), pays: h("td", { class: "right num" }), buys: h("td", { class: "right num dim less" }), sells: h("td", { class: "right num dim less" }) };
    return {
      element: h("tr", {}, name.element, ...Object.values(cells)),
      set(now) {
        const no = now.position.startsWith("-");
        const { one } = outcomeOf(now.contract);
        name.set(now.contract);
        say(cells.side, no ? "No" : "Yes");
        cells.side.className = no ? "no-text" : "yes-text";
        say(cells.lots, quantity(now.position.replace("-", "")));
        say(cells.pays, one?.payout ? `${quantity(now.position.replace("-", ""))} × ${money(one.payout)} ${one.asset}` : "");
        say(cells.buys, quantity(now.open_buy));
        say(cells.sells, quantity(now.open_sell));
      },
    };
  });
  const draw = () => {
    const found = own.positions.filter((one) => (!contracts || contracts.has(one.contract)) && /[1-9]/.test(one.position));
    rows.update(found, (one) => `${one.account} ${one.contract}`);
    show(empty, !found.length);
    say(count, String(found.length));
  };
  const ends = [own.listen(draw), markets.listen(draw)];
  draw();
  return {
    label: "Positions",
    count,
    element: h("div", {}, tableOf("Positions", [["Contract"], ["Side"], ["Contracts", "right"], ["Pays if right", "right"], ["Open buys", "right less"], ["Open sells", "right less"]], body), empty),
    close: () => ends.forEach((end) => end()),
  };
}

// The ticket. What an order costs, pays, is charged and ties up is the exchange's answer to a preview, shown before it is sent; nothing of it is reckoned here.

import { call } from "../lib/api.js";
import { minus, text, units } from "../lib/decimal.js";
import { h, say, show } from "../lib/dom.js";
import { money, quantity, signed, trades } from "../lib/format.js";
import { own } from "../lib/own.js";
import { session } from "../lib/session.js";
import { stream } from "../lib/stream.js";
import { tell } from "../lib/tell.js";
import { waiting } from "../lib/waiting.js";
import { openLogin } from "./login.js";

const PREVIEW_MS = 150;
const QUICK = { event: ["10", "100", "1000"], spot: ["0.01", "0.1", "1"] };
const TIFS = [["gtc", "Until cancelled"], ["day", "Today"], ["ioc", "At once, or not at all in part"], ["fok", "All at once, or nothing"]];
let lastId = 0n;

/** A client order id that was not used before: the time in ns. */
function freshId() {
  const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
  lastId = now > lastId ? now : lastId + 1n;
  return lastId.toString();
}

function choice(name, label, options, pick) {
  const buttons = options.map(([value, text, kind]) => h("button", { type: "button", class: `segment ${kind ?? ""}`, text, data: { value }, on: { click: () => pick(value) } }));
  return {
    element: h("div", { class: "segments", role: "group", "aria-label": label, data: { name } }, buttons),
    buttons: Object.fromEntries(buttons.map((one) => [one.dataset.value, one])),
    set(value) {
      for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.value === value));
    },
  };
}

/** now(): the contract with its newest prices and phase. */
export function ticketPart(market, now) {
  const order = { side: "buy", contract_side: "yes", type: "limit", time_in_force: "gtc" };
  let contract = now();
  let asked = 0;
  let timer = null;
  let sending = false;
  let pending = null; // an order of which it is not known what became: {id, body}

  const name = h("p", { class: "ticket-contract" });
  const many = contract.payout ? "Contracts" : `Quantity in ${contract.base_asset}`;
  const side = choice("side", "Buy or sell", [["buy", "Buy"], ["sell", "Sell"]], (value) => set({ side: value }, true));
  const outcome = choice("contract_side", "Yes or No", [["yes", "Yes", "segment-yes"], ["no", "No", "segment-no"]], (value) => set({ contract_side: value }, true));
  const kind = choice("type", "Kind of order", [["limit", "Limit"], ["market", "Market"]], (value) => set({ type: value }));
  const price = h("input", { id: "ticket-price", class: "num", type: "text", inputmode: "decimal", autocomplete: "off", maxlength: "20", on: { input: changed } });
  const lots = h("input", { id: "ticket-quantity", class: "num", type: "text", inputmode: "decimal", autocomplete: "off", maxlength: "20", value: contract.payout ? "10" : "0.1", on: { input: changed } });
  const tif = h("select", { id: "ticket-tif", on: { change: () => set({ time_in_force: tif.value }) } }, TIFS.map(([value, label]) => h("option", { value, text: label })));
  const account = h("select", { id: "ticket-account", on: { change: changed } });
  const postOnly = h("input", { id: "ticket-post", type: "checkbox", on: { change: changed } });
  const priceRow = h("div", { class: "field" }, h("label", { for: "ticket-price", text: "Limit price" }), h("div", { class: "stepper" }, step("−", "Price one step down", -1n), price, step("+", "Price one step up", 1n)));
  const accountRow = h("div", { class: "field" }, h("label", { for: "ticket-account", text: "Account" }), account);
  const postRow = h("div", { class: "check" }, postOnly, h("label", { for: "ticket-post", text: "Post only: never take what rests" }));
  const tifRow = h("div", { class: "field" }, h("label", { for: "ticket-tif", text: "Stands" }), tif);
  const rows = {};
  const sums = h("dl", { class: "sums live-numbers" }, ["cost", "fee", "yes", "no", "now", "ties", "left"].map((key) => {
    rows[key] = { label: h("dt", {}), value: h("dd", { class: "num" }) };
    return h("div", { class: `sum sum-${key}` }, rows[key].label, rows[key].value);
  }));
  const problem = h("p", { class: "problem", id: "ticket-problem", role: "status" });
  const stale = h("p", { class: "stale-note", text: "The prices on this page are stale. What you send meets the book as it is, not as it is shown." });
  const send = h("button", { type: "submit", class: "button button-wide button-send" });
  const form = h(
    "form",
    { class: "ticket-form", novalidate: true, "aria-describedby": "ticket-problem" },
    name, side.element, outcome.element, kind.element, priceRow,
    h("div", { class: "field" }, h("label", { for: "ticket-quantity", text: many }), lots, h("div", { class: "quick" }, QUICK[contract.payout ? "event" : "spot"].map((plus) => h("button", { type: "button", class: "quick-button num", text: `+${plus}`, "aria-label": `${plus} more`, on: { click: () => more(plus) } })))),
    h("details", { class: "ticket-more" }, h("summary", { text: "More" }), tifRow, postRow, accountRow),
    sums, stale, problem, send,
  );
  const close = h("button", { type: "button", class: "icon-button sheet-close", "aria-label": "Close the ticket", text: "×" });
  const element = h("section", { class: "panel ticket", "aria-labelledby": "ticket-title" }, h("div", { class: "panel-head" }, h("h2", { class: "panel-title", id: "ticket-title", text: "Ticket" }), close), form);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (session.client) submit();
    else openLogin();
  });

  function step(sign, label, by) {
    return h("button", { type: "button", class: "step", "aria-label": label, text: sign, on: { click: () => stepPrice(by) } });
  }

  /** One step of the price band that the price is in. Bands are in prices of Yes. */
  function stepPrice(by) {
    const places = contract.price_decimals;
    const turned = order.contract_side === "no" && contract.payout ? units(contract.payout, places) : null;
    const inYes = (value) => (turned === null ? value : turned - value);
    const bands = contract.price_bands.map((one) => ({ low: units(one.low, places), high: units(one.high, places), step: units(one.step, places) }));
    const at = units(price.value.trim() || suggested() || text(inYes(bands[0].low), places), places);
    if (at === null) return;
    const band = bands.find((one) => inYes(at) >= one.low && inYes(at) <= one.high) ?? bands[0];
    const moved = at + by * band.step;
    if (inYes(moved) < bands[0].low || inYes(moved) > bands.at(-1).high) return;
    price.value = text(moved, places);
    changed();
  }

  function more(plus) {
    const places = contract.quantity_decimals;
    lots.value = text((units(lots.value.trim(), places) ?? 0n) + (units(plus, places) ?? 0n), places);
    changed();
  }

  /** The price at which the order would trade now, in the terms of its contract side; else the best of its own side. */
  function suggested() {
    const { bid, ask, payout } = now();
    const yesBuys = (order.side === "buy") === (order.contract_side === "yes" || !payout);
    const found = yesBuys ? (ask ?? bid) : (bid ?? ask);
    if (found === null) return null;
    return order.contract_side === "no" && payout ? minus(payout, found) : found;
  }

  function set(values, takePrice = false) {
    Object.assign(order, values);
    if (takePrice) price.value = suggested() ?? "";
    if (order.type === "market" && !["ioc", "fok"].includes(order.time_in_force)) order.time_in_force = "ioc";
    if (values.type === "limit") order.time_in_force = "gtc";
    tif.value = order.time_in_force;
    changed();
  }

  function body() {
    const found = { contract: contract.contract, side: order.side, contract_side: contract.payout ? order.contract_side : "yes", quantity: lots.value.trim(), type: order.type, time_in_force: order.time_in_force, account: account.value };
    if (order.type === "limit") found.price = price.value.trim();
    if (postOnly.checked && order.type === "limit") found.post_only = true;
    return found;
  }

  function changed() {
    draw();
    clearTimeout(timer);
    timer = setTimeout(preview, PREVIEW_MS);
  }

  function draw() {
    contract = now();
    say(name, contract.outcome || contract.contract);
    side.set(order.side);
    outcome.set(order.contract_side);
    kind.set(order.type);
    show(outcome.element, contract.payout !== null);
    show(priceRow, order.type === "limit");
    show(postRow, order.type === "limit");
    for (const option of tif.options) option.disabled = order.type === "market" && !["ioc", "fok"].includes(option.value);
    const accounts = session.client?.accounts ?? [];
    if (accounts.join() !== [...account.options].map((one) => one.value).join()) {
      account.replaceChildren(...accounts.map((one) => h("option", { value: one, text: one, selected: one === session.client.default_account })));
    }
    show(accountRow, accounts.length > 1);
    show(stale, stream.state === "stale" || stream.state === "down");
    const verb = order.side === "buy" ? "Buy" : "Sell";
    const what = contract.payout ? (order.contract_side === "yes" ? " Yes" : " No") : "";
    send.className = `button button-wide button-send ${contract.payout ? `send-${order.contract_side}` : order.side === "buy" ? "send-yes" : "send-no"}`;
    send.disabled = sending || !trades(contract.phase);
    if (!trades(contract.phase)) say(send, "Not trading");
    else if (!session.client) say(send, "Log in to trade");
    else if (pending) say(send, "Ask what became of the order");
    else say(send, `${verb}${what}${stale.hidden ? "" : ", prices stale"}`);
  }

  function sum(key, label, value, kind = "") {
    say(rows[key].label, label);
    say(rows[key].value, value);
    rows[key].value.className = `num ${kind}`;
    show(rows[key].label.parentElement, label !== "");
  }

  function clear(text, bad = false) {
    for (const key of Object.keys(rows)) sum(key, "", "");
    say(problem, text);
    problem.classList.toggle("hint", !bad);
  }

  async function preview() {
    const mine = (asked += 1);
    if (!session.client) return clear("Log in to see cost, fee and what the order ties up before you send it.");
    const wanted = body();
    if (!wanted.quantity || (order.type === "limit" && !wanted.price)) return clear("Give a price and a number of contracts.");
    const { time_in_force: _, post_only: __, ...question } = wanted;
    try {
      const found = await call("POST", "/v1/orders/preview", question);
      if (mine === asked) drawPreview(found);
    } catch (error) {
      if (mine === asked) clear(error.message, true);
    }
    return undefined;
  }

  function drawPreview(found) {
    const { asset } = found;
    say(problem, found.enough !== false ? "" : `This ties up more than is available: ${money(found.available)} ${asset}.`);
    problem.classList.remove("hint");
    if (order.side === "buy") sum("cost", "Costs at most", `${money(found.total)} ${asset}`);
    else sum("cost", "Brings at least", `${money(found.total)} ${asset}`);
    sum("fee", "of it fee, at most", `${money(found.fee)} ${asset}`);
    if (found.if_yes === null) {
      sum("yes", "", "");
      sum("no", "", "");
    } else {
      sum("yes", "Result if Yes", `${signed(found.if_yes)} ${asset}`, found.if_yes.startsWith("-") ? "no-text" : "yes-text");
      sum("no", "Result if No", `${signed(found.if_no)} ${asset}`, found.if_no.startsWith("-") ? "no-text" : "yes-text");
    }
    if (found.required_after === null) {
      sum("now", "Tied up now", `${money(found.required_before)} ${found.required_asset}`);
      sum("ties", "", "");
      sum("left", "Available now", `${money(found.available)} ${found.required_asset}`);
    } else {
      sum("now", "Tied up now", `${money(found.required_before)} ${found.required_asset}`);
      sum("ties", "With it, at worst", `${money(found.required_after)} ${found.required_asset}`);
      sum("left", "Available after", `${money(found.available_after)} ${found.required_asset}`, found.enough ? "" : "no-text");
    }
  }

  async function submit() {
    if (pending) return ask();
    sending = true;
    draw();
    pending = { id: freshId(), body: body() };
    try {
      answered(await call("POST", "/v1/orders", { client_order_id: pending.id, ...pending.body }));
    } catch (error) {
      refused(error);
    } finally {
      sending = false;
      changed();
    }
    return undefined;
  }

  /** It is not known what became of the order: ask for it by its client id. */
  async function ask() {
    try {
      answered(await call("GET", `/v1/orders/by-client-id/${pending.id}`));
    } catch (error) {
      if (error.status === 404) {
        pending = null;
        tell("The exchange never got that order. Send it again if you still want it.", "plain");
      } else tell(error.message, "bad");
    } finally {
      changed();
    }
  }

  function refused(error) {
    if (error.unknown) {
      tell("It is not known what became of your order. The button asks the exchange.", "bad");
      return;
    }
    pending = null;
    if (waiting.met(error)) {
      tell("The order is not entered yet: it waits until a person approves it. It is among your orders.");
      return;
    }
    tell(`Refused: ${error.message}`, "bad");
    if (error.status === 401) session.ended();
  }

  function answered(found) {
    pending = null;
    const text = `${found.side === "buy" ? "Buy" : "Sell"} ${quantity(found.quantity)} ${contract.outcome || found.contract}${contract.payout ? (found.contract_side === "no" ? " No" : " Yes") : ""} at ${found.price}`;
    if (found.status === "rejected") tell(`Refused: ${found.reason}`, "bad");
    else if (/[1-9]/.test(found.open)) tell(`${text} is in the book${/[1-9]/.test(found.filled) ? `, ${quantity(found.filled)} filled` : ""}.`, "good");
    else if (!/[1-9]/.test(found.filled)) tell(`${text}: nothing was there to trade with.`);
    else if (found.status === "canceled" || found.status === "expired") tell(`${text}: ${quantity(found.filled)} filled, the rest is cancelled.`);
  }

  const ends = [session.listen(() => changed()), own.listen(() => changed()), stream.age.listen(() => draw())];
  set({}, true);
  return {
    element,
    /** A price or a side was picked elsewhere. */
    pick(values, chosenPrice = null) {
      if (chosenPrice && order.type === "market") Object.assign(order, { type: "limit", time_in_force: "gtc" });
      Object.assign(order, values);
      price.value = chosenPrice ?? suggested() ?? "";
      set({});
    },
    /** Another contract. */
    contract() {
      set({}, true);
    },
    redraw: draw,
    /** On a phone the ticket is a sheet. */
    sheet(open) {
      element.classList.toggle("sheet-open", open);
      if (open) lots.focus();
    },
    onClose: (handler) => close.addEventListener("click", handler),
    close() {
      clearTimeout(timer);
      for (const end of ends) end();
    },
  };
}

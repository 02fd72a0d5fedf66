// One market: its outcomes, chart, book, trades, ticket, own orders and how it is decided, on one screen.

import { get } from "../lib/api.js";
import { Book } from "../lib/book.js";
import { h, say } from "../lib/dom.js";
import { NONE, chance, full, percent, phase, price, quantity, relative } from "../lib/format.js";
import { markets } from "../lib/markets.js";
import { BASE, NAME, pathOf, shown } from "../lib/page.js";
import { note as noteAddress, title } from "../lib/router.js";
import { stream } from "../lib/stream.js";
import { chartPart } from "../parts/chart.js";
import { factsPart } from "../parts/facts.js";
import { ladderPart } from "../parts/ladder.js";
import { fillsPart, ordersPart, positionsPart } from "../parts/orders.js";
import { outcomesPart } from "../parts/outcomes.js";
import { switcher } from "../parts/switcher.js";
import { tapePart } from "../parts/tape.js";
import { ticketPart } from "../parts/ticket.js";
import { minus, sign } from "../lib/decimal.js";
import { noPrice, ranked } from "./markets.js";

const CONFLATE_MS = 100;
const AGAIN_MS = 2000;

export function marketView(name, query) {
  const element = h("div", { class: "page market" }, h("p", { class: "empty", text: "Reading the market…" }));
  let closed = false;
  let screen = null;
  let timer = null;
  let asked = 0;
  let drawn = 0; // which question's answer is on the screen: an older one that comes late is not drawn

  async function load() {
    const mine = (asked += 1);
    clearTimeout(timer);
    try {
      const found = await get(`/v1/markets/${encodeURIComponent(name)}`);
      if (closed || mine < drawn) return undefined;
      drawn = mine;
      if (!shown(found)) return gone(`${name} is not a market of ${NAME}.`);
      if (screen) screen.set(found);
      else {
        screen = marketScreen(found, query);
        element.replaceChildren(...screen.elements);
        title(found.title || found.market);
      }
    } catch (error) {
      if (closed) return undefined;
      if (error.status === 404) return gone(`There is no market ${name}.`);
      if (!screen) element.replaceChildren(h("p", { class: "problem", role: "status", text: `${error.message} Trying again.` }));
      timer = setTimeout(load, AGAIN_MS);
    }
    return undefined;
  }

  function gone(text) {
    element.replaceChildren(h("p", { class: "empty", text }), h("p", { class: "center" }, h("a", { class: "button", href: `${BASE}/`, "data-link": true, text: "All markets" })));
  }

  const ends = [
    stream.back.listen(load),
    stream.open([{ channel: "phase" }], (frame) => {
      if (frame.market !== name) return;
      screen?.phase(frame);
      load(); // answered when the gateway has read what the frame says
    }),
  ];
  if (stream.state !== "live") stream.begun.then(() => !closed && load()); // what changed between this read and the subscription
  load();
  return {
    title: name,
    element,
    close() {
      closed = true;
      clearTimeout(timer);
      for (const end of ends) end();
      screen?.close();
    },
  };
}

function headOf(market) {
  const chip = h("span", { class: "chip" });
  const closes = h("span", { class: "dim" });
  const pays = h("strong", { class: "pays-text" });
  const element = h(
    "header",
    { class: "market-head" },
    h("p", { class: "crumbs" }, h("a", { href: `${BASE}/`, "data-link": true, text: "Markets" }), market.series ? h("span", { text: markets.series.get(market.series) || market.series }) : null),
    h("h1", { text: market.title || market.market }),
    h("p", { class: "market-facts" }, chip, pays, closes, h("span", { class: "dim", text: market.venue })),
  );
  return {
    element,
    result: (text) => say(pays, text),
    set(now) {
      say(chip, phase(now.phase));
      chip.dataset.phase = now.phase;
      say(closes, now.closes_at ? `closes ${relative(now.closes_at)}` : "");
      closes.title = now.closes_at ? full(now.closes_at) : "";
    },
  };
}

/** The name of the chosen contract, its chance in large figures, and the last day. */
function heroOf() {
  const name = h("h2", { class: "hero-name" });
  const value = h("span", { class: "hero-chance num" });
  const change = h("span", { class: "hero-change num" });
  const rest = h("span", { class: "dim num" });
  return {
    element: h("div", { class: "hero live-numbers" }, h("div", {}, name, rest), h("div", { class: "hero-end" }, value, change)),
    set(contract) {
      say(name, contract.outcome || contract.contract);
      const per = chance(contract);
      say(value, contract.payout ? percent(per) : price(contract.last));
    },
    day(contract, found) {
      const moved = found.change;
      const points = contract.payout && moved !== null ? `${((100 * Number(moved)) / Number(contract.payout)).toFixed(1)} points` : moved;
      const direction = moved === null || /^-?0\.0 points$/.test(points) ? 0 : sign(moved);
      say(change, moved === null ? "" : `${direction > 0 ? "▲" : direction < 0 ? "▼" : ""} ${points.replace("-", "")}`);
      change.className = `hero-change num ${direction > 0 ? "yes-text" : direction < 0 ? "no-text" : "dim"}`;
      say(rest, `24 h: ${quantity(found.volume)} traded, low ${price(found.low)}, high ${price(found.high)}`);
    },
  };
}

function marketScreen(first, query) {
  let market = first;
  const contracts = new Set(market.contracts.map((one) => one.contract));
  let selected = contracts.has(query.get("c")) ? query.get("c") : ranked(market.contracts)[0].contract;
  let contractParts = null;
  const head = headOf(market);
  const hero = heroOf();
  const place = { chart: h("div"), book: h("div", { class: "slot-book" }), tape: h("div", { class: "slot-tape" }) };
  const outcomes = outcomesPart(market, (contract, side) => {
    select(contract);
    if (side) take({ side: "buy", contract_side: side });
  });
  const now = () => {
    const one = market.contracts.find((row) => row.contract === selected);
    const { bid, ask, last } = outcomes.now(selected);
    return { ...one, bid, ask, last };
  };
  const ticket = ticketPart(market, now);
  const facts = factsPart(market, head.result);
  const own = [ordersPart(contracts, market.market), positionsPart(contracts), fillsPart(contracts)];
  const buyYes = h("button", { type: "button", class: "button send-yes", on: { click: () => take({ side: "buy", contract_side: "yes" }) } });
  const buyNo = h("button", { type: "button", class: "button send-no", on: { click: () => take({ side: "buy", contract_side: "no" }) } });
  const bottom = h("div", { class: "buy-bar" }, buyYes, buyNo);
  const scrim = h("div", { class: "scrim", on: { click: () => sheet(false) } });
  const chartPanel = h("section", { class: "panel chart-panel", "aria-label": "Chart" }, hero.element, place.chart);
  const ownPanel = h("div", { class: "market-own" }, switcher("Your orders, positions and fills", own));

  function sheet(open) {
    ticket.sheet(open);
    scrim.classList.toggle("sheet-open", open);
  }

  function take(values, chosen = null) {
    ticket.pick(values, chosen);
    contractParts?.ladder.view(values.contract_side ?? "yes");
    if (matchMedia("(max-width: 759px)").matches) sheet(true);
  }

  function select(contract) {
    if (contract === selected && contractParts) return;
    selected = contract;
    contractParts?.close();
    contractParts = partsOf(now(), place, hero, take);
    outcomes.select(contract);
    noteAddress(pathOf(market.market, contract));
    ticket.contract();
    drawPrices();
  }

  function drawPrices() {
    const one = now();
    hero.set(one);
    say(buyYes, one.payout ? `Buy Yes ${price(one.ask)}` : `Buy ${price(one.ask)}`);
    say(buyNo, one.payout ? `Buy No ${noPrice(one) ?? NONE}` : `Sell ${price(one.bid)}`);
  }

  const escape = (event) => event.key === "Escape" && sheet(false);
  addEventListener("keydown", escape);
  ticket.onClose(() => sheet(false));
  const ticking = setInterval(drawPrices, 250);
  head.set(market);
  const wanted = query.get("side");
  select(selected);
  if (wanted === "yes" || wanted === "no") take({ side: "buy", contract_side: wanted });
  const single = market.contracts.length === 1;
  return {
    elements: [
      head.element,
      h("div", { class: `market-grid ${single ? "single" : ""}` }, chartPanel, outcomes.element, h("div", { class: "market-book" }, place.book, place.tape), ownPanel, h("div", { class: "market-side" }, ticket.element, facts.element)),
      bottom, scrim,
    ],
    set(found) {
      market = found;
      head.set(found);
      facts.set(found);
      ticket.redraw();
      contractParts?.reload();
    },
    phase(frame) {
      if (frame.type !== "phase") return;
      market = { ...market, phase: frame.phase, contracts: market.contracts.map((one) => ({ ...one, phase: frame.phase })) };
      head.set(market);
      ticket.redraw();
    },
    close() {
      clearInterval(ticking);
      removeEventListener("keydown", escape);
      contractParts.close();
      for (const part of [outcomes, ticket, ...own]) part.close();
    },
  };
}

/** Chart, book and tape of one contract, put into their places. */
function partsOf(contract, place, hero, take) {
  const book = new Book();
  const path = `/v1/contracts/${encodeURIComponent(contract.contract)}`;
  const chart = chartPart(contract);
  const tape = tapePart(contract);
  const ladder = ladderPart(contract, (contractSide, side, at) => take({ contract_side: contractSide, side }, at));
  place.chart.replaceChildren(chart.element);
  place.book.replaceChildren(ladder.element);
  place.tape.replaceChildren(tape.element);
  let closed = false;
  let planned = null;

  async function day() {
    planned = null;
    try {
      const found = await get(`${path}/statistics`);
      if (!closed) hero.day(contract, found);
    } catch {
      planned ??= setTimeout(day, 5000); // the next trade asks again, too
    }
  }

  async function trades() {
    try {
      const found = await get(`${path}/trades?limit=40`);
      if (!closed) tape.set(found.trades);
    } catch {
      // The stream shows what comes from now on; after a break everything is read again.
    }
  }

  function take_(frame) {
    if (frame.type === "book_snapshot") book.snapshot(frame);
    else if (frame.type === "book_update" && !book.update(frame)) stream.again(contract.contract);
    else if (frame.type === "gap") book.reset();
    else if (frame.type === "trade") {
      tape.add(frame.trade);
      chart.add(frame.trade);
      planned ??= setTimeout(day, 2000);
      return;
    }
    ladder.set(book);
  }

  const end = stream.open([{ channel: "book", contracts: [contract.contract], conflate_ms: CONFLATE_MS }, { channel: "trades", contracts: [contract.contract] }], take_);
  day();
  trades();
  return {
    ladder,
    reload() {
      trades();
      day();
      chart.reload();
    },
    close() {
      closed = true;
      clearTimeout(planned);
      end();
      chart.close();
    },
  };
}

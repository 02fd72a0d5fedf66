// The page for a news site to frame: one market, read only. It sends no cookie, knows no login, and keeps nothing in the browser.

import { h, say } from "./lib/dom.js";
import { chance, percent, phase, price } from "./lib/format.js";
import { BASE, NAME, pathOf } from "./lib/page.js";

const MOST = 5;
const AGAIN_MS = 3000;
const QUIET_MS = 8000;

const chosen = new URLSearchParams(location.search).get("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
const name = decodeURIComponent(location.pathname.slice(`${BASE}/embed/`.length));
const main = document.getElementById("main");
const rows = new Map();
const age = h("span", { class: "age", text: "connecting" });
let last = 0;
let up = false;

async function load() {
  try {
    const answer = await fetch(`/v1/markets/${encodeURIComponent(name)}`, { credentials: "omit" });
    const found = await answer.json();
    if (answer.status === 404) return main.replaceChildren(h("p", { class: "empty", text: "There is no such market." }));
    if (!answer.ok) throw new Error(found.detail);
    draw(found);
    listen(found);
  } catch {
    if (!rows.size) main.replaceChildren(h("p", { class: "empty", text: "The exchange cannot be reached at the moment." }));
    setTimeout(load, AGAIN_MS);
  }
  return undefined;
}

function draw(market) {
  rows.clear();
  const likely = market.contracts.map((one, at) => ({ one, at, chance: chance(one) ?? -1 })).sort((a, b) => b.chance - a.chance || a.at - b.at).slice(0, MOST);
  const list = h("ul", { class: "embed-rows live-numbers" }, likely.map(({ one }) => row(one)));
  main.replaceChildren(
    h("h1", {}, h("a", { href: pathOf(market.market), target: "_blank", rel: "noopener noreferrer", text: market.title || market.market })),
    list,
    h("p", { class: "embed-foot" }, h("span", { class: "chip", data: { phase: market.phase }, text: phase(market.phase) }), market.contracts.length > MOST ? h("span", { text: `${market.contracts.length - MOST} more` }) : null, h("span", { class: "embed-name", text: NAME }), age),
  );
}

function row(contract) {
  const value = h("span", { class: "chance num" });
  const element = h("li", {}, h("span", { class: "outcome-name", text: contract.outcome || contract.contract, title: contract.outcome || contract.contract }), value);
  const set = (now) => {
    const per = chance(now);
    say(value, contract.payout ? percent(per) : price(now.last));
    element.style.setProperty("--share", `${per ?? 0}%`);
  };
  set(contract);
  rows.set(contract.contract, (frame) => set({ ...contract, bid: frame.bid?.[0] ?? null, ask: frame.ask?.[0] ?? null, last: frame.last }));
  return element;
}

function listen(market) {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/stream`);
  socket.onopen = () => socket.send(JSON.stringify({ op: "subscribe", channels: [{ channel: "ticker", contracts: [...rows.keys()], conflate_ms: 1000 }, { channel: "phase" }] }));
  socket.onmessage = (event) => {
    const frame = JSON.parse(event.data);
    last = performance.now();
    if (frame.type === "ticker") rows.get(frame.contract)?.(frame);
    if (frame.type === "heartbeat") up = frame.server === "up";
    else if (!up) up = frame.type !== "gap";
    if (frame.type === "phase" && frame.market === market.market) socket.close();
  };
  socket.onclose = () => {
    last = 0;
    setTimeout(load, AGAIN_MS);
  };
}

setInterval(() => {
  const live = up && last > 0 && performance.now() - last < QUIET_MS;
  document.documentElement.dataset.feed = live ? "live" : "stale";
  say(age, live ? "live" : "stale, reconnecting");
}, 500);
load();

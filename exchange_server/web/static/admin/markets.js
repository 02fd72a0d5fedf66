// Markets of the venue and what can be done with each: another phase, a result, its confirmation and its payment.

import { all } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { full, phase, quantity } from "../lib/format.js";
import { pathOf } from "../lib/page.js";
import { tell } from "../lib/tell.js";
import { act, actButton, grid, part } from "./act.js";
import { askDialog } from "./ask.js";
import { resultDialog } from "./result.js";
import { laterDialog, timesDialog } from "./schedule.js";

const SETTING = { open: "Open", live: "Go live", paused: "Pause", cancel_only: "Only cancels", closed: "Close", listed: "List" };
const FATES = { keep: "stay in the book", cancel: "are cancelled", lapse: "are cancelled, except those marked to persist" };
const CORRECTED = "It replaces the newest version, and a new time to dispute it begins.";
const REVERSED = "It was paid already: what changes is booked at once, for every account, by entries that reverse what was paid.";
const GRAVE = new Set(["closed"]);

/** What another phase will do. */
function meaning(market, to) {
  const fate = (name) => `Orders that rest ${FATES[name] ?? name}.`;
  if (to === "open") return "New orders, changes and cancels are accepted, and orders trade.";
  if (to === "live") return `The event has begun; orders are accepted and trade. ${fate(market.resting_live)}`;
  if (to === "paused") return `No new orders and no trades; cancels are accepted. ${fate(market.resting_pause)}`;
  if (to === "cancel_only") return "Only cancels are accepted. Orders that rest stay in the book until they are cancelled.";
  if (to === "closed") return "Trading ends for good, and all orders that rest are cancelled. Then its result can be recorded.";
  if (to === "listed") return "It is shown to those who may trade it, and opens later.";
  return "";
}

function buttons(market, acts, again) {
  const can = (name) => acts.includes(name) && market.may_do.includes(name);
  const name = market.title || market.market;
  const found = acts.includes("phase")
    ? market.may_set.map((to) => actButton(SETTING[to] ?? phase(to), () => act("phase", { market: market.market, phase: to }, `${SETTING[to] ?? phase(to)}: ${name}`, again, GRAVE.has(to), meaning(market, to)), GRAVE.has(to)))
    : [];
  if (can("determine")) found.push(actButton("Result…", () => resultDialog(market, "determine", again)));
  if (can("dispute")) found.push(actButton("Dispute…", () => disputeDialog(market, again)));
  if (can("correct")) found.push(actButton("Correct…", () => resultDialog(market, "correct", again, market.phase === "final" ? REVERSED : CORRECTED), market.phase === "final"));
  if (can("uphold") && acts.includes("uphold")) found.push(actButton("Uphold", () => act("uphold", { market: market.market }, `Uphold the result: ${name}`, again, false, "The disputed version stands, and its time to dispute ends now.")));
  if (can("finalise")) found.push(actButton("Pay", () => act("finalise", { market: market.market }, `Pay: ${name}`, again, true, "Every position is paid by the newest version of the result."), true));
  if (can("void") && market.product !== "spot") found.push(actButton("Void…", () => resultDialog(market, "void", again), true));
  if (market.may_set.length && acts.includes("schedule")) found.push(actButton("At a time…", () => laterDialog(market, again)));
  if (market.may_set.length && acts.includes("market")) found.push(actButton("Times…", () => timesDialog(market, again).catch((error) => tell(error.message, "bad"))));
  return found;
}

function disputeDialog(market, again) {
  askDialog({
    name: "dispute",
    title: `Dispute the result: ${market.title || market.market}`,
    about: "A firm with a position in the market contests the newest version, once. Then it is paid only after the arbiter has upheld or corrected it.",
    body: { market: market.market },
    fields: [["firm", "Firm that disputes it", { maxlength: "64", spellcheck: "false" }], ["reason", "Its reason", {}]],
    done: again,
  });
}

function state(market) {
  const notes = [];
  if (market.settling) notes.push("paying");
  if (market.overdue_since) notes.push(`result overdue since ${full(market.overdue_since)}`);
  if (market.window_ends_at && !market.final_at && market.result_version) notes.push(`disputes until ${full(market.window_ends_at)}`);
  if (market.final_at) notes.push(`paid ${full(market.final_at)}`);
  return notes.join("; ");
}

export function marketsPart(acts) {
  let words = "";
  return part(
    "Markets",
    () => all("/v1/operator/markets", "markets"),
    (markets, again) => {
      const body = h("div");
      const draw = () => {
        const rows = markets.filter((one) => `${one.market} ${one.title}`.toLowerCase().includes(words));
        body.replaceChildren(
          grid(
            "Markets",
            [["Market"], ["Phase"], ["Open interest", "right num less"], ["State", "less"], ["What can be done", "acts"]],
            rows.map((one) => [
              [h("a", { href: pathOf(one.market), "data-link": true, text: one.title || one.market }), h("span", { class: "code", text: one.market })],
              h("span", { class: "chip", data: { phase: one.phase }, text: phase(one.phase) }),
              quantity(one.contracts.reduce((sum, contract) => sum + BigInt(contract.open_interest.split(".")[0]), 0n).toString()),
              state(one),
              h("div", { class: "buttons" }, buttons(one, acts, again)),
            ]),
            "No markets.",
          ),
        );
      };
      const search = h("input", { type: "search", id: "admin-search", value: words, maxlength: "64", placeholder: "Name or title", on: { input: () => ((words = search.value.toLowerCase()), draw()) } });
      draw();
      return [h("div", { class: "admin-tools" }, h("div", { class: "field" }, h("label", { for: "admin-search", text: "Search" }), search)), body];
    },
  );
}

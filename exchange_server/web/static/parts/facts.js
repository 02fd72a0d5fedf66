// What a market is decided by, where the user decides: rules, sources, cut-off, void policy, times; then every version of its result with its evidence.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { full, money, phase, quantity, relative } from "../lib/format.js";

const KINDS = { exactly: (market) => `Exactly ${market.winners} of ${market.contracts.length} outcomes pay`, at_most: (market) => `At most ${market.winners} of ${market.contracts.length} outcomes pay`, scalar: () => "Pays by where the value lies", spot: () => "A pair: it is never decided" };

const VOID_PRICES = { time_weighted_mid: "the time-weighted middle prices of the ten minutes before that", fixed: "prices fixed beforehand", entry_price: "the prices at which they traded" };

function facts(rows) {
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([label, value]) => h("div", {}, h("dt", { text: label }), h("dd", {}, typeof value === "string" ? h("span", { text: value }) : value))));
}

const time = (value) => (value ? `${full(value)} (${relative(value)})` : null);

function rulesOf(market) {
  const sources = [market.source, ...market.sources.filter((one) => one !== market.source)].filter(Boolean).join("; ");
  const pair = market.product === "spot";
  return facts([
    ["Rules", market.rules || (pair ? null : "The venue states no rules.")],
    ["Source", sources || (pair ? null : "The venue states no source.")],
    ["Cut-off", market.cut_off],
    ["If it cannot be decided", market.void ? `${market.void.trigger}. Decided by ${market.void.who}; paid at ${VOID_PRICES[market.void.prices] ?? market.void.prices}.` : pair ? null : "The venue states no void policy."],
    ["Pays", KINDS[market.product]?.(market) + (market.payout ? `, ${money(market.payout)} ${market.asset} a contract` : "")],
    ["Time to dispute", market.challenge_window_s ? `${quantity(String(market.challenge_window_s))} s after a result is proposed` : null],
    ["Opens", time(market.opens_at)],
    ["Live from", time(market.live_at)],
    ["Closes", time(market.closes_at)],
    ["Result by", time(market.determined_by)],
    ["Venue", market.venue],
    ["Market", h("code", { text: market.market })],
  ]);
}

/** "Spain 1.0000". */
function paysOf(version, market) {
  const names = new Map(market.contracts.map((one) => [one.contract, one.outcome || one.contract]));
  const paid = version.payouts.filter((one) => /[1-9]/.test(one.payout));
  return paid.map((one) => `${names.get(one.contract) ?? one.contract} ${money(one.payout)}`).join(", ") || "nothing";
}

function versionOf(version, market) {
  return h(
    "article",
    { class: "version" },
    h("h3", { text: `Version ${version.version}: ${version.kind}` }, version.final_at ? h("span", { class: "chip", data: { phase: "final" }, text: "Final" }) : null),
    facts([
      ["Pays", paysOf(version, market)],
      ["Rule", version.rule],
      ["Source", version.source],
      ["Observed", [version.observed, version.observed_at ? full(version.observed_at) : ""].filter(Boolean).join(", ")],
      ["Evidence", version.evidence_name],
      ["Its SHA-256", version.evidence_sha256 ? h("code", { class: "hash", text: version.evidence_sha256 }) : null],
      ["Decided", full(version.decided_at)],
      ["Can be disputed until", version.final_at ? null : time(version.window_ends_at)],
      ["Disputes", version.disputes ? String(version.disputes) : null],
      ["Reason", version.reason],
      ["Final", version.final_at ? full(version.final_at) : null],
    ]),
  );
}

/** told(text): what the newest version pays, as a short text; "" while there is none. */
export function factsPart(market, told) {
  const result = h("div", { class: "result", "aria-live": "polite" });
  let now = market;
  let asked = 0;
  let newest = 0; // which question's answer is drawn
  let drawn = ""; // what is on the screen: the same is not read aloud again
  async function load() {
    if (now.product === "spot") return;
    const mine = (asked += 1);
    try {
      const found = await get(`/v1/markets/${encodeURIComponent(now.market)}/result`);
      const content = JSON.stringify(found);
      if (mine < newest) return;
      newest = mine;
      if (content === drawn) return;
      drawn = content;
      const versions = found.versions.toReversed();
      result.classList.toggle("decided", versions.length > 0);
      told(versions.length ? `Pays: ${paysOf(versions[0], now)}` : "");
      result.replaceChildren(
        h("h2", { class: "panel-title", text: "Result" }),
        ...(versions.length ? versions.map((one) => versionOf(one, now)) : [h("p", { class: "empty", text: `No result yet. The market is: ${phase(found.phase).toLowerCase()}.` })]),
      );
    } catch (error) {
      drawn = "";
      result.replaceChildren(h("p", { class: "problem", text: error.message }));
    }
  }
  load();
  const rules = h("div", {}, rulesOf(market));
  return {
    element: h("section", { class: "panel facts-panel", "aria-labelledby": "facts-title" }, h("h2", { class: "panel-title", id: "facts-title", text: market.product === "spot" ? "About this pair" : "How it is decided" }), rules, result),
    set(found) {
      now = found;
      rules.replaceChildren(rulesOf(found));
      load();
    },
  };
}

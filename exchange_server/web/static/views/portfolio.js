// Everything of the one who is logged on: money, what each market ties up and why, positions, orders, fills.

import { h, say, show } from "../lib/dom.js";
import { money, when } from "../lib/format.js";
import { own } from "../lib/own.js";
import { session } from "../lib/session.js";
import { openLogin } from "../parts/login.js";
import { fillsPart, ordersPart, positionsPart } from "../parts/orders.js";
import { switcher } from "../parts/switcher.js";
import { pathOf } from "../lib/page.js";

function balances() {
  const place = h("div", { class: "tiles live-numbers" });
  const draw = () => {
    place.replaceChildren(
      ...own.balances.map((one) =>
        h("div", { class: "tile" }, h("p", { class: "tile-label", text: `${one.account} · ${one.asset}` }), h("p", { class: "tile-value num", text: money(one.available) }), h("p", { class: "dim num", text: `available of ${money(one.cash)}; ${money(one.locked)} tied up` })),
      ),
    );
  };
  const end = own.listen(draw);
  draw();
  return { element: place, close: end };
}

function requirements() {
  const body = h("tbody");
  const empty = h("p", { class: "empty", text: "Nothing is tied up." });
  let shownKey = null;
  const draw = () => {
    const rows = own.requirements.filter((one) => /[1-9]/.test(one.required) || /[1-9]/.test(one.held_base ?? ""));
    const key = JSON.stringify(rows);
    if (key === shownKey) return;
    shownKey = key;
    body.replaceChildren(
      ...rows.map((one) =>
        h("tr", {}, h("th", { scope: "row" }, h("a", { href: pathOf(one.market), "data-link": true, text: one.market })), h("td", { class: "dim", text: one.account }), h("td", { class: "right num", text: `${money(one.required)} ${one.asset}` }), h("td", { class: "why dim", text: one.why })),
      ),
    );
    show(empty, !rows.length);
  };
  const end = own.listen(draw);
  draw();
  const heads = [["Market", ""], ["Account", ""], ["Tied up", "right"], ["Why", ""]];
  return {
    label: "Tied up",
    element: h("div", {}, h("div", { class: "scroll-x" }, h("table", { class: "wide" }, h("caption", { class: "hidden", text: "What each market ties up" }), h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind, text })))), body)), empty),
    close: end,
  };
}

export function portfolioView() {
  const parts = [positionsPart(), ordersPart(), fillsPart(), requirements()];
  const money_ = balances();
  const about = h("p", { class: "dim" });
  const problem = h("p", { class: "problem", role: "status" });
  const inside = h("div", { class: "stack" }, money_.element, switcher("Positions, orders, fills and what is tied up", parts));
  const outside = h("div", { class: "empty-state" }, h("p", { text: "Log in to see your positions, orders and balances." }), h("button", { type: "button", class: "button button-accent", text: "Log in", on: { click: () => openLogin() } }));
  const draw = () => {
    const who = session.client;
    show(inside, who !== null);
    show(outside, who === null);
    say(about, who ? `Session ${who.session} of ${who.login}, good until ${when(who.expires_at)}` : "");
    say(problem, who && own.error ? own.error.message : "");
  };
  const ends = [session.listen(draw), own.listen(draw)];
  draw();
  return {
    title: "Portfolio",
    element: h("div", { class: "page" }, h("div", { class: "page-head" }, h("h1", { text: "Portfolio" }), about), problem, inside, outside),
    close() {
      for (const end of ends) end();
      for (const part of [...parts, money_]) part.close();
    },
  };
}

// Who is logged on, in the bar.

import { h, say, show } from "../lib/dom.js";
import { grouped } from "../lib/format.js";
import { own } from "../lib/own.js";
import { session } from "../lib/session.js";
import { tell } from "../lib/tell.js";
import { openLogin } from "./login.js";

export function bindAccount(place) {
  const enter = h("button", { type: "button", class: "button button-accent", text: "Log in", on: { click: () => openLogin() } });
  const value = h("span", { class: "cash-value num" });
  const cash = h("span", { class: "cash" }, h("span", { class: "cash-label", text: "Available" }), value);
  const name = h("span", { class: "who" });
  const exit = h("button", { type: "button", class: "button", text: "Log out", on: { click: leave } });
  place.append(enter, cash, name, exit);
  const draw = () => {
    const who = session.current;
    document.body.dataset.party = who ? (session.client ? "client" : "operator") : "nobody";
    const money = own.balances.find((one) => one.asset === own.mainAsset);
    show(enter, !who);
    show(cash, Boolean(who && money));
    show(name, Boolean(who));
    show(exit, Boolean(who));
    say(name, who?.login ?? "");
    if (money) say(value, `${grouped(money.available)} ${money.asset}`);
    cash.title = money ? `Buying power of ${money.account}` : "";
  };
  session.listen(draw);
  own.listen(draw);
  draw();
}

async function leave() {
  try {
    await session.logOut();
    tell("You are logged out.");
  } catch (error) {
    tell(error.message, "bad");
  }
}

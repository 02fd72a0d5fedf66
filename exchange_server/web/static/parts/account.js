// Who is logged on, in the bar, and the dialog to log on.

import { field, h, say, show } from "../lib/dom.js";
import { grouped } from "../lib/format.js";
import { own } from "../lib/own.js";
import { session } from "../lib/session.js";
import { tell } from "../lib/tell.js";

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

const PARTIES = {
  client: ["Trader", "With a login of the exchange and its secret. The secret goes to the exchange and is not kept in this browser."],
  operator: ["Operator", "With your name as a principal, the id of your key, and its token."],
};

/** The dialog; it closes when the exchange has accepted the logon. first: "client" or "operator". */
export function openLogin(first = "client") {
  let party = "client";
  const input = (kind, complete) => h("input", { type: kind, autocomplete: complete, maxlength: kind === "password" ? "512" : "64", spellcheck: "false", autocapitalize: "off" });
  const login = input("text", "username");
  const secret = input("password", "current-password");
  const key = input("text", "off");
  const loginLabel = h("label", { for: "login-name" });
  const secretLabel = h("label", { for: "login-secret" });
  const hint = h("p", { class: "hint" });
  const problem = h("p", { class: "problem", role: "alert" });
  const send = h("button", { type: "submit", class: "button button-accent button-wide", text: "Log in" });
  const cancel = h("button", { type: "button", class: "button button-wide", text: "Cancel" });
  const tabs = Object.entries(PARTIES).map(([name, [label]]) => h("button", { type: "button", class: "segment", text: label, data: { name }, on: { click: () => choose(name) } }));
  const keyField = field("login-key", "Key id", key);
  login.id = "login-name";
  secret.id = "login-secret";
  const more = h("details", {}, h("summary", { text: "A key with an id" }));
  const form = h(
    "form",
    {},
    h("h2", { id: "login-title", text: "Log in" }),
    h("div", { class: "segments", role: "group", "aria-label": "Who you are" }, tabs),
    hint,
    h("div", { class: "field" }, loginLabel, login),
    keyField,
    h("div", { class: "field" }, secretLabel, secret),
    more,
    problem,
    h("div", { class: "row" }, cancel, send),
  );
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "login-title" }, form);

  function choose(name) {
    party = name;
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.name === name));
    const operator = name === "operator";
    loginLabel.textContent = operator ? "Principal" : "Login";
    secretLabel.textContent = operator ? "Token" : "Secret";
    hint.textContent = PARTIES[name][1];
    if (operator) secret.parentElement.before(keyField);
    else more.append(keyField);
    more.hidden = operator;
    problem.textContent = "";
  }

  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    send.disabled = true;
    try {
      if (party === "operator") await session.logInOperator(login.value.trim(), key.value.trim(), secret.value);
      else await session.logIn(login.value.trim(), secret.value, key.value.trim());
      dialog.close();
      tell(`You are logged in as ${session.current.login}.`, "good");
    } catch (error) {
      problem.textContent = error.message;
      secret.select();
    } finally {
      send.disabled = false;
    }
  });
  choose(first);
  document.body.append(dialog);
  dialog.showModal();
  login.focus();
}

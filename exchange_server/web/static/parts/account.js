// Who is logged on, in the bar, and the dialog to log on.

import { field, h } from "../lib/dom.js";
import { grouped } from "../lib/format.js";
import { own } from "../lib/own.js";
import { session } from "../lib/session.js";
import { tell } from "../lib/tell.js";

export function bindAccount(place) {
  const draw = () => {
    const who = session.current;
    if (!who) {
      place.replaceChildren(h("button", { type: "button", class: "button button-accent", text: "Log in", on: { click: openLogin } }));
      return;
    }
    const money = own.balances.find((one) => one.asset === own.mainAsset);
    place.replaceChildren(
      money
        ? h("span", { class: "cash", title: `Buying power of ${money.account}` }, h("span", { class: "cash-label", text: "Available" }), h("span", { class: "cash-value num", text: `${grouped(money.available.replace(/(\.\d\d)\d+$/, "$1"))} ${money.asset}` }))
        : "",
      h("span", { class: "who", text: who.login }),
      h("button", { type: "button", class: "button", text: "Log out", on: { click: leave } }),
    );
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

/** The dialog; it closes when the exchange has accepted the logon. */
export function openLogin() {
  const login = h("input", { type: "text", autocomplete: "username", required: true, maxlength: "64", spellcheck: "false", autocapitalize: "off" });
  const secret = h("input", { type: "password", autocomplete: "current-password", required: true, maxlength: "512" });
  const key = h("input", { type: "text", autocomplete: "off", maxlength: "64", spellcheck: "false", autocapitalize: "off" });
  const problem = h("p", { class: "problem", role: "alert" });
  const send = h("button", { type: "submit", class: "button button-accent button-wide", text: "Log in" });
  const cancel = h("button", { type: "button", class: "button button-wide", text: "Cancel" });
  const form = h(
    "form",
    {},
    h("h2", { id: "login-title", text: "Log in" }),
    h("p", { class: "hint", text: "With a login of the exchange and its secret. The secret goes to the exchange and is not kept in this browser." }),
    field("login-name", "Login", login),
    field("login-secret", "Secret", secret),
    h("details", {}, h("summary", { text: "A key with an id" }), field("login-key", "Key id", key)),
    problem,
    h("div", { class: "row" }, cancel, send),
  );
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "login-title" }, form);
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    send.disabled = true;
    try {
      await session.logIn(login.value.trim(), secret.value, key.value.trim());
      dialog.close();
      tell(`You are logged in as ${session.current.login}.`, "good");
    } catch (error) {
      problem.textContent = error.message;
      secret.select();
    } finally {
      send.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  login.focus();
}

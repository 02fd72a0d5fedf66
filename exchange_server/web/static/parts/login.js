// The dialog to log on: as a trader or an operator, with a secret or with a key whose private half stays in this page.

import { field, h, show } from "../lib/dom.js";
import { idOf, missing, read } from "../lib/keys.js";
import { session } from "../lib/session.js";
import { tell } from "../lib/tell.js";

const PARTIES = { client: { label: "Trader", name: "Login", secret: "Secret" }, operator: { label: "Operator", name: "Principal", secret: "Token" } };
const HINTS = {
  client: { secret: "With a login of the exchange and its secret. The secret goes to the exchange and is not kept in this browser." },
  operator: { secret: "With your name as a principal, the id of your key, and its token." },
};
const BY_KEY = "With the private half of an Ed25519 key. It signs in this page and goes nowhere. When the connection to the exchange was lost, you log in again.";
const KEY_BYTES = 10_000;

function segments(label, options, choose) {
  const buttons = options.map(([name, text]) => h("button", { type: "button", class: "segment", text, data: { name }, on: { click: () => choose(name) } }));
  return { element: h("div", { class: "segments", role: "group", "aria-label": label }, buttons), buttons, set: (name) => buttons.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.name === name))) };
}

/** The private half, pasted or read from a file; kept only in the field. found(id): the key's id, where the text names it. */
function keyField(found) {
  const text = h("textarea", { rows: "4", autocomplete: "off", spellcheck: "false", autocapitalize: "off", class: "code-text", placeholder: "-----BEGIN PRIVATE KEY-----" });
  const file = h("input", { type: "file" });
  text.addEventListener("input", () => found(idOf(text.value)));
  file.addEventListener("change", async () => {
    if (!file.files[0]) return;
    text.value = file.files[0].size > KEY_BYTES ? "" : await file.files[0].text();
    found(idOf(text.value));
  });
  return { element: h("div", { class: "field-group" }, field("login-file", "Key file", file), field("login-private", "Or its text", text)), text, wipe: () => ((text.value = ""), (file.value = "")) };
}

/** The dialog; it closes when the exchange has accepted the logon. first: "client" or "operator". */
export function openLogin(first = "client") {
  let party = first;
  let way = "secret";
  const input = (kind, complete) => h("input", { type: kind, autocomplete: complete, maxlength: kind === "password" ? "512" : "64", spellcheck: "false", autocapitalize: "off" });
  const [login, secret, key] = [input("text", "username"), input("password", "current-password"), input("text", "off")];
  const [loginField, keyIdField, secretField] = [field("login-name", "Login", login), field("login-key", "Key id", key), field("login-secret", "Secret", secret)];
  const half = keyField((id) => id && (key.value = id));
  const hint = h("p", { class: "hint" });
  const problem = h("p", { class: "problem", role: "alert" });
  const send = h("button", { type: "submit", class: "button button-accent button-wide", text: "Log in" });
  const cancel = h("button", { type: "button", class: "button button-wide", text: "Cancel" });
  const parties = segments("Who you are", Object.entries(PARTIES).map(([name, { label }]) => [name, label]), (name) => ((party = name), draw()));
  const ways = segments("With what", [["secret", "Secret"], ["key", "Private key"]], (name) => ((way = name), draw()));
  const more = h("details", {}, h("summary", { text: "A key with an id" }));
  const form = h("form", {}, h("h2", { id: "login-title", text: "Log in" }), parties.element, ways.element, hint, loginField, keyIdField, secretField, half.element, more, problem, h("div", { class: "row" }, cancel, send));
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "login-title" }, form);

  async function draw() {
    const named = PARTIES[party];
    parties.set(party);
    ways.set(way);
    ways.buttons[0].textContent = named.secret;
    loginField.firstChild.textContent = named.name;
    secretField.firstChild.textContent = named.secret;
    hint.textContent = way === "key" ? BY_KEY : HINTS[party].secret;
    if (way === "key" || party === "operator") loginField.after(keyIdField);
    else more.append(keyIdField);
    show(more, way === "secret" && party === "client");
    show(secretField, way === "secret");
    show(half.element, way === "key");
    problem.textContent = "";
    send.disabled = false;
    const why = way === "key" ? await missing() : "";
    if (way !== "key" || !why) return;
    problem.textContent = why;
    send.disabled = true;
  }

  async function enter() {
    const [name, id] = [login.value.trim(), key.value.trim()];
    if (way === "key") await session.logInByKey(party === "operator" ? "principal" : "login", name, id, await read(half.text.value));
    else if (party === "operator") await session.logInOperator(name, id, secret.value);
    else await session.logIn(name, secret.value, id);
  }

  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => (half.wipe(), dialog.remove()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    send.disabled = true;
    try {
      await enter();
      dialog.close();
      tell(`You are logged in as ${session.current.login}.`, "good");
    } catch (error) {
      problem.textContent = error.message;
      if (way === "secret") secret.select();
    } finally {
      send.disabled = false;
    }
  });
  draw();
  document.body.append(dialog);
  dialog.showModal();
  login.focus();
}

// One act of an operator: what it will do is asked first and shown; only then it can be done. What needs a second person says so.

import { call } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { full, quantity } from "../lib/format.js";
import { tell } from "../lib/tell.js";

const SAID = { done: "Done", unchanged: "It was so already", done_before: "This was done before", pending: "It waits for a second person" };

/** A key for Idempotency-Key: the same press of a button is one act, however often it is sent. */
const fresh = () => crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Ask, show, and do when confirmed. done(answer) is called after it. danger: the button is red. about: what it means, besides what the exchange
    says. Returns the refusal of the preview, or null. */
export async function act(name, body, title, done = () => {}, danger = false, about = "") {
  const path = `/v1/operator/acts/${name}`;
  let told;
  try {
    told = await call("POST", `${path}?preview=true`, body);
  } catch (error) {
    tell(`${title}: ${error.message}`, "bad");
    return error;
  }
  const key = fresh();
  const problem = h("p", { class: "problem", role: "alert" });
  const go = h("button", { type: "submit", class: `button button-wide ${danger ? "send-no" : "button-accent"}`, text: told.waits ? "Propose it" : "Do it" });
  const cancel = h("button", { type: "button", class: "button button-wide", text: "Cancel" });
  const form = h(
    "form",
    {},
    h("h2", { id: "act-title", text: title }),
    about ? h("p", { text: about }) : null,
    h("p", { class: "act-text hint", text: `The exchange would answer: ${told.text}` }),
    told.cancels === null ? null : h("p", { class: told.cancels ? "stale-note" : "hint", text: told.cancels ? `Orders that would be cancelled now: ${quantity(String(told.cancels))}.` : "No order would be cancelled now." }),
    told.fields.length ? h("p", { class: "hint", text: `Changes: ${told.fields.join(", ")}` }) : null,
    ...told.warnings.map((text) => h("p", { class: "stale-note", text })),
    told.waits ? h("p", { class: "stale-note", text: "A second person must approve it before it happens." }) : null,
    problem,
    h("div", { class: "row" }, cancel, go),
  );
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "act-title" }, form);
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    problem.textContent = "";
    try {
      const answer = await call("POST", path, body, { "Idempotency-Key": key });
      dialog.close();
      tell(`${title}: ${SAID[answer.outcome] ?? answer.outcome}. ${answer.outcome === "pending" ? `Until ${full(answer.expires_at)}, as number ${answer.pending_id}.` : answer.text}`, "good");
      done(answer);
    } catch (error) {
      problem.textContent = error.unknown ? `${error.message} It is not known whether it was done: look before you try again.` : error.message;
      go.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  cancel.focus();
  return null;
}

/** A button that begins an act. */
export function actButton(text, begin, danger = false) {
  return h("button", { type: "button", class: `button button-small ${danger ? "button-danger" : ""}`, text, on: { click: begin } });
}

/** A part of the admin page: read by `read`, drawn by `draw`; what cannot be read says why. */
export function part(label, read, draw) {
  const place = h("div", { class: "admin-part" }, h("p", { class: "empty", text: "Reading…" }));
  async function load() {
    try {
      place.replaceChildren(...draw(await read(), load).filter(Boolean));
    } catch (error) {
      place.replaceChildren(h("p", { class: "problem empty", role: "status", text: error.message }));
    }
  }
  return { label, element: place, load };
}

/** A table of rows; cells are texts or elements. heads: [text, class]. */
export function grid(caption, heads, rows, none) {
  if (!rows.length) return h("p", { class: "empty", text: none });
  const cell = (value, [label, kind], first) => h(first ? "th" : "td", { class: kind, scope: first ? "row" : null, data: { label } }, ...[value].flat().map((one) => (typeof one === "string" ? h("span", { text: one }) : one)));
  return h(
    "div",
    { class: "scroll-x" },
    h(
      "table",
      { class: "wide" },
      h("caption", { class: "hidden", text: caption }),
      h("thead", {}, h("tr", {}, heads.map(([text, kind]) => h("th", { scope: "col", class: kind ?? null, text })))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((value, at) => cell(value ?? "", heads[at], at === 0))))),
    ),
  );
}

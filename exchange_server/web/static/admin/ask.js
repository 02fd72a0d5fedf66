// A small form before an act: its fields are asked for, then the act's own preview and confirmation follow.

import { field, h } from "../lib/dom.js";
import { act } from "./act.js";

/** fields: [name, label, attributes] of the act's body; body: what else is in it. */
export function askDialog({ name, title, about = "", body = {}, fields, danger = false, done }) {
  const inputs = fields.map(([key, label, more]) => [key, label, h("input", { type: "text", autocomplete: "off", required: true, maxlength: "256", ...more })]);
  const problem = h("p", { class: "problem", role: "alert" });
  const cancel = h("button", { type: "button", class: "button button-wide", text: "Cancel" });
  const form = h(
    "form",
    {},
    h("h2", { id: "ask-title", text: title }),
    about ? h("p", { class: "hint", text: about }) : null,
    inputs.map(([key, label, input]) => field(`ask-${key}`, label, input)),
    problem,
    h("div", { class: "row" }, cancel, h("button", { type: "submit", class: "button button-accent button-wide", text: "What will it do?" })),
  );
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "ask-title" }, form);
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    const said = Object.fromEntries(inputs.map(([key, , input]) => [key, input.value.trim()]));
    const refused = await act(name, { ...body, ...said }, title, (answer) => (dialog.close(), done(answer)), danger, about);
    if (refused) problem.textContent = refused.message;
  });
  document.body.append(dialog);
  dialog.showModal();
}

// The form before an act: its fields are asked for, then the act's own preview and confirmation follow.

import { field, h } from "../lib/dom.js";
import { act } from "./act.js";

/** A dialog around `content`, elements of a form. body(): the act's body, asked for when the form is sent; done(answer) is called after the act. */
export function formDialog({ name, title, about, content, body, danger, done, wide = false }) {
  const problem = h("p", { class: "problem", role: "alert" });
  const cancel = h("button", { type: "button", class: "button button-wide", text: "Cancel" });
  const form = h(
    "form",
    { class: wide ? "form-wide" : null },
    h("h2", { id: "form-title", text: title }),
    about ? h("p", { class: "hint", text: about }) : null,
    content,
    problem,
    h("div", { class: "row" }, cancel, h("button", { type: "submit", class: "button button-accent button-wide", text: "What will it do?" })),
  );
  const dialog = h("dialog", { class: `dialog ${wide ? "dialog-wide" : ""}`, "aria-labelledby": "form-title" }, form);
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.textContent = "";
    const refused = await act(name, body(), title, (answer) => (dialog.close(), done(answer)), danger, about);
    if (refused) problem.textContent = refused.message;
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** A form of plain texts. fields: [name, label, attributes] of the act's body; body: what else is in it. */
export function askDialog({ fields, body, danger = false, ...more }) {
  const inputs = fields.map(([name, label, attributes]) => [name, label, h("input", { type: "text", autocomplete: "off", required: true, maxlength: "256", ...attributes })]);
  formDialog({
    ...more,
    danger,
    content: inputs.map(([name, label, input]) => field(`ask-${name}`, label, input)),
    body: () => ({ ...body, ...Object.fromEntries(inputs.map(([name, , input]) => [name, input.value.trim()])) }),
  });
}

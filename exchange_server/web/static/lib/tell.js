// Messages to the person: on the screen, and read aloud. A refusal interrupts, everything else waits.

import { h } from "./dom.js";

const SHOWN_MS = 7000;
const MOST = 4;

function aloud(id, text) {
  const place = document.getElementById(id);
  place.textContent = "";
  setTimeout(() => (place.textContent = text), 30);
}

/** kind: "good", "bad" or "plain". */
export function tell(text, kind = "plain") {
  aloud(kind === "bad" ? "say-now" : "say", text);
  const place = document.getElementById("toasts");
  const toast = h("div", { class: `toast toast-${kind}` }, h("span", { text }));
  const close = h("button", { type: "button", class: "toast-close", "aria-label": "Close this message", text: "×", on: { click: () => toast.remove() } });
  toast.append(close);
  place.append(toast);
  while (place.children.length > MOST) place.firstElementChild.remove();
  setTimeout(() => toast.remove(), kind === "bad" ? 2 * SHOWN_MS : SHOWN_MS);
}

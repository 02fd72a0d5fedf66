// The address of the admin page. Its modules are loaded when an operator is logged on.

import { h } from "../lib/dom.js";
import { session } from "../lib/session.js";
import { openLogin } from "../parts/login.js";

export function adminView() {
  const place = h("div");
  let who = null;

  async function draw() {
    const now = session.operator?.login ?? "";
    if (now === who) return;
    who = now;
    if (!now) {
      place.replaceChildren(h("div", { class: "empty-state" }, h("p", { text: "Log in as an operator to run your venue." }), h("button", { type: "button", class: "button button-accent", text: "Log in", on: { click: () => openLogin("operator") } })));
      return;
    }
    place.replaceChildren(h("p", { class: "empty", text: "Reading…" }));
    try {
      const { adminScreen } = await import("../admin/main.js");
      const screen = await adminScreen();
      if (who === now) place.replaceChildren(screen);
    } catch (error) {
      who = null;
      if (error.status === 401) session.ended();
      place.replaceChildren(h("p", { class: "problem empty", text: error.message }));
    }
  }

  const end = session.listen(draw);
  draw();
  return { title: "Administration", element: h("div", { class: "page" }, h("div", { class: "page-head" }, h("h1", { text: "Administration" })), place), close: end };
}

// Tabs over parts: arrow keys move between them, as the ARIA pattern says.

import { h } from "../lib/dom.js";

let made = 0;

/** parts: [{label, element, count}]. opened(at): called when one is shown. */
export function switcher(label, parts, opened = () => {}) {
  made += 1;
  const id = (what, at) => `tabs-${made}-${what}-${at}`;
  const tabs = parts.map((part, at) => h("button", { type: "button", role: "tab", id: id("tab", at), "aria-controls": id("panel", at), on: { click: () => select(at) } }, part.label, part.count ?? null));
  const panels = parts.map((part, at) => h("div", { role: "tabpanel", id: id("panel", at), "aria-labelledby": id("tab", at), tabindex: "0" }, part.element));
  function select(at, focus = false) {
    tabs.forEach((tab, n) => {
      tab.setAttribute("aria-selected", String(n === at));
      tab.tabIndex = n === at ? 0 : -1;
      panels[n].hidden = n !== at;
    });
    if (focus) tabs[at].focus();
    opened(at);
  }
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": label }, tabs);
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    select((to + tabs.length) % tabs.length, true);
  });
  select(0);
  return h("section", { class: "panel switcher", "aria-label": label }, list, panels);
}

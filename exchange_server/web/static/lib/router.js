// Addresses of the page: /, /m/MARKET, /portfolio, /admin. Links with data-link stay on the page; a view is {element, title, close()}.

import { BASE, NAME } from "./page.js";

let current = null;
let routes = [];

export function go(path, { replace = false } = {}) {
  if (path !== location.pathname + location.search) history[replace ? "replaceState" : "pushState"](null, "", path);
  draw(true);
}

/** Change the address without a new view: a contract was picked. */
export function note(path) {
  history.replaceState(null, "", path);
}

function draw(moved) {
  const path = location.pathname.slice(BASE.length) || "/";
  for (const [pattern, name, open] of routes) {
    const match = pattern.exec(path);
    if (!match) continue;
    current?.close();
    const main = document.getElementById("main");
    current = open(...match.slice(1).map(decodeURIComponent), new URLSearchParams(location.search));
    main.replaceChildren(current.element);
    document.body.dataset.view = name;
    for (const link of document.querySelectorAll("[data-nav]")) {
      if (link.dataset.nav === name) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    title(current.title);
    if (moved) {
      scrollTo(0, 0);
      main.focus({ preventScroll: true });
    }
    return;
  }
}

export function title(text) {
  document.title = text ? `${text} · ${NAME}` : NAME;
}

export function start(table) {
  routes = table;
  addEventListener("popstate", () => draw(true));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-link]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.getAttribute("href"));
  });
  draw(false);
}

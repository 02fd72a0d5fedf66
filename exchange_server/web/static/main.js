// The page's start: what is always there (search, age, account, theme), and the views.

import { session } from "./lib/session.js";
import { stream } from "./lib/stream.js";
import { markets } from "./lib/markets.js";
import { BASE } from "./lib/page.js";
import { go, start } from "./lib/router.js";
import { theme } from "./lib/theme.js";
import { bindAge } from "./parts/age.js";
import { bindAccount } from "./parts/account.js";
import { marketsView, searchFor } from "./views/markets.js";
import { marketView } from "./views/market.js";
import { portfolioView } from "./views/portfolio.js";
import { adminView } from "./views/admin.js";

function bindSearch() {
  const form = document.getElementById("search");
  const input = document.getElementById("search-text");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    searchFor(input.value);
  });
  input.addEventListener("input", () => {
    if (document.body.dataset.view !== "markets") go(`${BASE}/`);
    searchFor(input.value);
    input.focus();
  });
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest?.("input, textarea, select, dialog");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
    }
  });
}

theme.bind(document.getElementById("theme"));
bindAge(document.getElementById("age"), document.getElementById("alarm"));
bindAccount(document.getElementById("account"));
bindSearch();
session.listen(() => {
  for (const link of document.querySelectorAll("[data-nav=admin]")) link.hidden = session.operator === null;
});
const restored = session.restore();
stream.start();
markets.start();
start([
  [/^\/$/, "markets", marketsView],
  [/^\/m\/([^/]+)$/, "market", marketView],
  [/^\/portfolio$/, "portfolio", portfolioView],
  [/^\/admin$/, "admin", adminView],
]);
await restored;

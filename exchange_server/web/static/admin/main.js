// The admin page: parts for what this principal may ask, acts that it may do. The exchange judges each; the page only leaves out what would be refused.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { switcher } from "../parts/switcher.js";
import { firmsPart } from "./firms.js";
import { ledgerPart } from "./ledger.js";
import { marketsPart } from "./markets.js";
import { pendingPart } from "./pending.js";
import { riskPart } from "./risk.js";
import { schedulePart } from "./schedule.js";

/** The element of the page, for the operator who is logged on. */
export async function adminScreen() {
  const { principal, roles, acts, questions } = await get("/v1/operator");
  const parts = [
    questions.includes("markets") ? marketsPart(acts) : null,
    questions.includes("pending") ? pendingPart(acts) : null,
    questions.includes("schedule") ? schedulePart(acts) : null,
    questions.includes("firms") ? firmsPart(acts) : null,
    questions.includes("accounts") && questions.includes("statement") ? ledgerPart(acts) : null,
    questions.includes("risk") ? riskPart(acts, questions) : null,
  ].filter(Boolean);
  const about = [...Map.groupBy(roles, (one) => one.scope)].map(([scope, held]) => `${held.map((one) => one.role.replaceAll("_", " ")).join(", ")} of ${scope.replace(":", " ")}`).join("; ");
  const opened = (at) => parts[at].load();
  return h("div", { class: "stack" }, h("p", { class: "dim", text: `${principal}: ${about || "no roles"}` }), parts.length ? switcher("Administration", parts, opened) : h("p", { class: "empty", text: "Your roles show nothing here." }));
}

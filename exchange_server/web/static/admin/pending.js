// Acts that wait for a second person: what each would do, by whom, until when; approve or refuse.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { full } from "../lib/format.js";
import { act, actButton, grid, part } from "./act.js";

function words(record) {
  return Object.entries(record)
    .filter(([, value]) => value !== "" && value !== null)
    .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
    .join(", ");
}

/** An order above a session's budget: what it is, and what it may cost. */
function orderWords(record) {
  const no = record.contract_side === "no" ? " No" : "";
  const more = [record.post_only ? "post only" : "", record.persist ? "persists" : "", record.expires_at ? `until ${full(record.expires_at)}` : ""].filter(Boolean).join(", ");
  return `${record.side === "buy" ? "Buy" : "Sell"}${no} ${record.quantity} ${record.contract} at ${record.price}, may cost ${record.cost} ${record.asset}; ${record.account}, ${record.time_in_force}${more ? `, ${more}` : ""}, client order id ${record.client_order_id}`;
}

export function pendingPart(acts) {
  return part(
    "Approvals",
    () => get("/v1/operator/pending"),
    ({ pending }, again) => [
      grid(
        "Acts that wait for a second person",
        [["Act"], ["What", "why"], ["Proposed by"], ["Until"], ["", "right acts"]],
        pending.map((one) => [
          [h("span", { text: one.title || one.act }), h("span", { class: "code", text: `#${one.id}` })],
          one.act === "held_order" ? orderWords(one.record) : words(one.record),
          [h("span", { text: one.proposed_by }), h("span", { class: "code", text: full(one.proposed_at) })],
          [h("span", { text: one.expired ? "expired" : full(one.expires_at) }), one.record.approved === true ? h("span", { class: "chip", data: { phase: "open" }, text: "Approved, not entered yet" }) : null].filter(Boolean),
          h(
            "div",
            { class: "buttons" },
            !one.expired && one.record.approved !== true && acts.includes("approve") ? actButton("Approve", () => act("approve", { id: one.id }, `Approve: ${one.title || one.act}`, again)) : null,
            acts.includes("refuse") ? actButton("Refuse", () => act("refuse", { id: one.id }, `Refuse: ${one.title || one.act}`, again), true) : null,
          ),
        ]),
        "Nothing waits.",
      ),
    ],
  );
}

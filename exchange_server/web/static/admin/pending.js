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
          words(one.record),
          [h("span", { text: one.proposed_by }), h("span", { class: "code", text: full(one.proposed_at) })],
          one.expired ? "expired" : full(one.expires_at),
          h(
            "div",
            { class: "buttons" },
            !one.expired && acts.includes("approve") ? actButton("Approve", () => act("approve", { id: one.id }, `Approve: ${one.title || one.act}`, again)) : null,
            acts.includes("refuse") ? actButton("Refuse", () => act("refuse", { id: one.id }, `Refuse: ${one.title || one.act}`, again), true) : null,
          ),
        ]),
        "Nothing waits.",
      ),
    ],
  );
}

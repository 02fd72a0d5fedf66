// Limits and switches: what is stopped or frozen, message limits and quotas in use; stop, freeze, and let go again.

import { get } from "../lib/api.js";
import { field, h } from "../lib/dom.js";
import { quantity } from "../lib/format.js";
import { act, actButton, grid, part } from "./act.js";

const LEVELS = ["venue", "firm", "account", "session", "platform"];
const FREEZES = { cancel_only: "Only cancels", settle_only: "Only settlement", nothing: "Nothing at all" };

function killForm(again) {
  const level = h("select", {}, LEVELS.map((name) => h("option", { value: name, text: name })));
  const target = h("input", { type: "text", maxlength: "64", autocomplete: "off" });
  const form = h("form", { class: "admin-tools" }, field("kill-level", "Stop a", level), field("kill-target", "Name (none for the platform)", target), h("button", { type: "submit", class: "button button-danger", text: "Stop…" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act("kill", { level: level.value, target: target.value.trim(), on: true }, `Stop ${level.value} ${target.value.trim()}`, again, true);
  });
  return form;
}

function freezeForm(again) {
  const venue = h("input", { type: "text", maxlength: "64", autocomplete: "off", required: true });
  const level = h("select", {}, Object.entries(FREEZES).map(([value, text]) => h("option", { value, text })));
  const reason = h("input", { type: "text", maxlength: "200", autocomplete: "off" });
  const form = h("form", { class: "admin-tools" }, field("freeze-venue", "Freeze a venue", venue), field("freeze-level", "What stays possible", level), field("freeze-reason", "Reason", reason), h("button", { type: "submit", class: "button button-danger", text: "Freeze…" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act("freeze", { venue: venue.value.trim(), level: level.value, reason: reason.value.trim() }, `Freeze ${venue.value.trim()}`, again, true);
  });
  return form;
}

export function riskPart(acts, questions) {
  return part(
    "Limits and switches",
    async () => ({ risk: await get("/v1/operator/risk"), rules: questions.includes("rules") ? await get("/v1/operator/rules") : { venues: [] } }),
    ({ risk, rules }, again) => [
      acts.includes("kill") ? killForm(again) : null,
      acts.includes("freeze") ? freezeForm(again) : null,
      h("h3", { class: "panel-title", text: "Stopped and frozen" }),
      grid(
        "Stopped and frozen",
        [["What"], ["How"], ["", "right acts"]],
        [
          ...risk.kills.map((one) => [`${one.level} ${one.target}`, "stopped", acts.includes("kill") ? actButton("Let go", () => act("kill", { ...one, on: false }, `Let ${one.level} ${one.target} trade again`, again)) : ""]),
          ...risk.freezes.map((one) => [`venue ${one.venue}`, `${FREEZES[one.level] ?? one.level}${one.reason ? `: ${one.reason}` : ""}`, acts.includes("freeze") ? actButton("Let go", () => act("freeze", { venue: one.venue, level: "none", reason: "" }, `End the freeze of ${one.venue}`, again)) : ""]),
        ],
        "Nothing is stopped or frozen.",
      ),
      h("h3", { class: "panel-title", text: "Message limits" }),
      grid("Message limits", [["Of"], ["Limit", "right num"], ["In", "right num"], ["Used", "right num"]], risk.throttles.map((one) => [`${one.level} ${one.target}`, quantity(String(one.limit)), one.window, quantity(String(one.used))]), "There are no message limits."),
      h("h3", { class: "panel-title", text: "Quotas" }),
      grid("Quotas", [["Venue"], ["Quota"], ["Limit", "right num"], ["Used", "right num"]], rules.venues.flatMap((one) => one.quotas.filter((use) => use.limit).map((use) => [one.venue, use.quota, quantity(String(use.limit)), quantity(String(use.used))])), "There are no quotas."),
    ],
  );
}

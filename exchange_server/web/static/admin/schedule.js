// What happens at a time: the acts that wait for theirs, and the times of a market.

import { all, get } from "../lib/api.js";
import { field, h } from "../lib/dom.js";
import { full, phase, relative } from "../lib/format.js";
import { act, actButton, grid, part } from "./act.js";
import { formDialog } from "./ask.js";

const PHASES = ["open", "live", "paused", "cancel_only", "closed"];
const TIMES = { open_at: "Opens", live_at: "Goes live", close_at: "Closes", determine_by: "Result by" };

/** A time of the API as a field for times shows it, in this browser's own time; and back. */
const local = (text) => (text ? new Date(Date.parse(text) - new Date(text).getTimezoneOffset() * 60_000).toISOString().slice(0, 19) : "");
const instant = (value) => new Date(value).toISOString();
const timeInput = (value, more = {}) => h("input", { type: "datetime-local", step: "1", value, ...more });

/** Another phase of a market at a time. */
export function laterDialog(market, done) {
  const name = market ? market.title || market.market : "";
  const which = h("input", { type: "text", autocomplete: "off", spellcheck: "false", required: true, maxlength: "64", value: market?.market ?? "", readonly: Boolean(market) });
  const to = h("select", {}, PHASES.map((one) => h("option", { value: one, text: phase(one) })));
  const at = timeInput("", { required: true });
  const note = h("input", { type: "text", autocomplete: "off", maxlength: "200" });
  formDialog({
    name: "schedule",
    title: name ? `At a time: ${name}` : "A phase at a time",
    about: "It is checked now as far as that is possible, and again when it is due, with the rights that you have then.",
    content: [field("later-market", "Market", which), field("later-phase", "Phase", to), field("later-at", "When (your time)", at), field("later-note", "Note", note)],
    body: () => ({ at: instant(at.value), act: { phase: { market: which.value.trim(), phase: to.value } }, note: note.value.trim() }),
    done,
  });
}

/** The times of a market's own definition; an empty field takes one away. */
export async function timesDialog(market, done) {
  const { definition } = await get(`/v1/operator/markets/${encodeURIComponent(market.market)}/definition`);
  const inputs = Object.entries(TIMES).map(([name, label]) => {
    const shown = local(definition[name]);
    return { name, label, shown, input: timeInput(shown) };
  });
  formDialog({
    name: "market",
    title: `Times: ${market.title || market.market}`,
    about: "In your own time. They follow each other in this order; an empty field takes a time away.",
    content: inputs.map(({ name, label, input }) => field(`time-${name}`, label, input)),
    body: () => {
      const changed = { ...definition };
      for (const { name, shown, input } of inputs) {
        if (input.value === shown) continue;
        if (input.value) changed[name] = instant(input.value);
        else delete changed[name];
      }
      return changed;
    },
    done,
  });
}

export function schedulePart(acts) {
  return part(
    "Schedule",
    () => all("/v1/operator/schedule", "schedule"),
    (rows, again) => [
      acts.includes("schedule") ? h("div", { class: "admin-tools" }, actButton("A phase at a time…", () => laterDialog(null, again))) : null,
      grid(
        "Acts that wait for their time",
        [["When"], ["What", "why"], ["By"], ["Note", "why"], ["", "right acts"]],
        rows.sort((a, b) => a.at.localeCompare(b.at)).map((one) => [
          [h("span", { text: full(one.at) }), h("span", { class: "code", text: relative(one.at) })],
          [h("span", { text: one.text }), one.waits_for ? h("span", { class: "code", text: `waits for ${one.waits_for}` }) : null].filter(Boolean),
          [h("span", { text: one.by }), h("span", { class: "code", text: `#${one.id}` })],
          one.note,
          h("div", { class: "buttons" }, acts.includes("schedule_cancel") ? actButton("Cancel", () => act("schedule_cancel", { id: one.id }, `Cancel: ${one.text}`, again), true) : null),
        ]),
        "Nothing waits for its time.",
      ),
    ],
  );
}

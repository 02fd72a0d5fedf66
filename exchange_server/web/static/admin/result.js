// The form for a result, a correction or a void: what each contract pays, by which rule and source, what was observed, and the evidence, whose hash is
// made here.

import { field, h } from "../lib/dom.js";
import { formDialog } from "./ask.js";

const TITLES = { determine: "Result", correct: "Correct the result", void: "Void" };

async function sha256(file) {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** kind: "determine", "correct" or "void". about: what it means. The act's own preview and confirmation follow. */
export function resultDialog(market, kind, done, about = "") {
  const title = `${TITLES[kind]}: ${market.title || market.market}`;
  const text = (more = {}) => h("input", { type: "text", autocomplete: "off", maxlength: "256", required: true, ...more });
  const fields = { rule_id: text({ maxlength: "64" }), source: text(), observed_value: text(), evidence_sha256: text({ maxlength: "64", pattern: "[0-9a-f]{64}", spellcheck: "false" }), evidence_name: text({ required: false }) };
  const reason = text();
  const observed = h("input", { type: "datetime-local", step: "1", required: true, value: new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 19) });
  const file = h("input", { type: "file" });
  const pays = kind !== "void" ? market.contracts.map((one) => ({ contract: one.contract, input: h("input", { type: "text", inputmode: "decimal", class: "num", value: "0", "aria-label": `${one.outcome || one.contract} pays`, maxlength: "20" }), name: one.outcome || one.contract })) : [];
  file.addEventListener("change", async () => {
    if (!file.files[0]) return;
    fields.evidence_sha256.value = await sha256(file.files[0]);
    fields.evidence_name.value ||= file.files[0].name;
  });
  const content = [
    pays.length ? h("fieldset", { class: "pays" }, h("legend", { text: `What each contract pays, up to ${market.payout} ${market.asset}` }), pays.map(({ input, name }) => h("label", { class: "pay" }, h("span", { text: name }), input))) : null,
    kind === "void" ? field("result-reason", "Reason", reason) : null,
    field("result-rule", "Rule", fields.rule_id),
    field("result-source", "Source", fields.source),
    field("result-observed", "What was observed", fields.observed_value),
    field("result-at", "When (your time)", observed),
    field("result-file", "Evidence: the file stays here, its hash is made in this browser", file),
    field("result-hash", "SHA-256 of the evidence", fields.evidence_sha256),
    field("result-name", "Name of the evidence", fields.evidence_name),
  ];
  const body = () => ({
    market: market.market,
    observed_at: new Date(observed.value).toISOString(),
    ...Object.fromEntries(Object.entries(fields).map(([name, input]) => [name, input.value.trim()])),
    ...(kind === "void" ? { reason: reason.value.trim() } : { payouts: Object.fromEntries(pays.map(({ contract, input }) => [contract, input.value.trim() || "0"])) }),
  });
  formDialog({ name: kind, title, about, content, body, danger: true, done, wide: true });
}

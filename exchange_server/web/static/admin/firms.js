// Firms, and the switch that stops each.

import { all } from "../lib/api.js";
import { quantity } from "../lib/format.js";
import { act, actButton, grid, part } from "./act.js";

export function firmsPart(acts) {
  return part(
    "Firms",
    () => all("/v1/operator/firms", "firms"),
    (firms, again) => [
      grid(
        "Firms",
        [["Firm"], ["Accounts", "right num"], ["Sessions", "right num less"], ["Open orders", "right num"], ["State"], ["", "right acts"]],
        firms.map((one) => [
          one.firm,
          String(one.accounts),
          String(one.sessions),
          quantity(String(one.open_orders)),
          one.closed ? `closed: ${one.closed}` : one.killed ? "stopped" : "trades",
          !acts.includes("kill") || one.closed
            ? ""
            : one.killed
              ? actButton("Let it trade", () => act("kill", { level: "firm", target: one.firm, on: false }, `Let ${one.firm} trade again`, again))
              : actButton("Stop", () => act("kill", { level: "firm", target: one.firm, on: true }, `Stop ${one.firm} and cancel its orders`, again, true), true),
        ]),
        "There are no firms that you may see.",
      ),
    ],
  );
}

// Orders that the exchange has not entered, because a person must approve them first. What becomes of them is on no channel: it is asked for while any waits.

import { call, get } from "./api.js";
import { Emitter } from "./events.js";
import { session } from "./session.js";

const AGAIN_MS = 4000;
const NAME = "budget_approval"; // of the refusal

class Waiting extends Emitter {
  orders = [];
  #timer = null;

  constructor() {
    super();
    session.listen(() => this.read());
  }

  /** Whether a refusal says that the order waits. */
  met(error) {
    if (error.name !== NAME) return false;
    this.read();
    return true;
  }

  async read() {
    clearTimeout(this.#timer);
    const who = session.client;
    let found = [];
    if (who) {
      try {
        found = (await get("/v1/waiting-orders")).orders;
      } catch {
        found = this.orders; // shown as it was; asked again below
      }
      if (session.client !== who) return;
    }
    const changed = JSON.stringify(found) !== JSON.stringify(this.orders);
    this.orders = found;
    if (found.length) this.#timer = setTimeout(() => this.read(), AGAIN_MS);
    if (changed) this.tell();
  }

  /** Enter an approved order: the same one again. The answer is the order's. */
  async enter(one) {
    const { client_order_id, account, contract, side, contract_side, type, time_in_force, price, quantity, post_only, persist, expires_at } = one;
    const terms = { client_order_id, account, contract, side, contract_side, type, time_in_force, quantity, post_only, persist };
    if (price !== null) terms.price = price;
    if (expires_at !== null) terms.expires_at = expires_at;
    try {
      return await call("POST", "/v1/orders", terms);
    } finally {
      this.read();
    }
  }
}

export const waiting = new Waiting();

// The client's own orders, fills, positions, requirements and balances: read once after the logon, kept up by the stream, read again after a break.

import { all, get } from "./api.js";
import { Emitter } from "./events.js";
import { quantity } from "./format.js";
import { session } from "./session.js";
import { stream } from "./stream.js";
import { tell } from "./tell.js";

const SOON_MS = 250;
const FILLS_KEPT = 200;
const OPEN = new Set(["new", "partially_filled", "pending"]);

class Own extends Emitter {
  orders = new Map(); // open ones by order id
  fills = []; // the newest first
  positions = [];
  requirements = [];
  balances = [];
  loaded = false;
  error = null;
  #planned = null;
  #whole = false;

  constructor() {
    super();
    session.listen(() => this.#changed());
    stream.back.listen(() => this.#soon(true));
    stream.open([{ channel: "orders" }, { channel: "balances" }], (frame) => this.#take(frame));
  }

  /** The asset that is shown where there is room for one. */
  get mainAsset() {
    return (this.balances.find((one) => one.asset === "USD") ?? this.balances[0])?.asset ?? null;
  }

  position(contract, account) {
    return this.positions.find((one) => one.contract === contract && (!account || one.account === account)) ?? null;
  }

  #changed() {
    this.orders.clear();
    Object.assign(this, { fills: [], positions: [], requirements: [], balances: [], loaded: false, error: null });
    this.tell();
    if (session.client) this.#soon(true);
  }

  #soon(whole) {
    this.#whole ||= whole;
    if (!session.client) return;
    this.#planned ??= setTimeout(() => {
      this.#planned = null;
      this.#read();
    }, SOON_MS);
  }

  async #read() {
    const whole = this.#whole;
    this.#whole = false;
    const who = session.current;
    try {
      const [positions, requirements, balances, orders, fills] = await Promise.all([
        get("/v1/positions"), get("/v1/requirements"), get("/v1/balances"), whole ? all("/v1/orders", "orders") : null, whole ? all("/v1/fills", "fills") : null,
      ]);
      if (session.current !== who) return;
      Object.assign(this, { positions: positions.positions, requirements: requirements.requirements, balances: balances.balances, loaded: true, error: null });
      if (orders) this.orders = new Map(orders.map((one) => [one.order_id, one]));
      if (fills) this.fills = fills.reverse().slice(0, FILLS_KEPT);
      this.tell();
    } catch (error) {
      this.#whole ||= whole;
      this.error = error;
      this.tell();
      if (error.status === 401) session.ended();
      else setTimeout(() => this.#soon(false), 1500);
    }
  }

  #take(frame) {
    if (frame.type === "balances") this.balances = frame.balances;
    else if (frame.type === "order") this.#order(frame);
    else if (frame.type === "fill") this.#fill(frame.fill);
    else if (frame.type === "gap") this.#soon(true);
    this.tell();
  }

  #order({ event, order }) {
    if (OPEN.has(order.status) && /[1-9]/.test(order.open)) this.orders.set(order.order_id, order);
    else this.orders.delete(order.order_id);
    if (event === "expired") tell(`Your order for ${order.contract} expired.`);
    this.#soon(event === "replaced");
  }

  #fill(fill) {
    if (!this.fills.some((one) => one.fill_id === fill.fill_id)) this.fills = [fill, ...this.fills].slice(0, FILLS_KEPT);
    const verb = fill.side === "buy" ? "Bought" : "Sold";
    tell(`${verb} ${quantity(fill.quantity)} ${fill.contract} ${fill.contract_side === "no" ? "No" : "Yes"} at ${fill.price}.`, "good");
    this.#soon(false);
  }
}

export const own = new Own();

// Best prices of many contracts, for lists: one subscription for all that a view shows.

import { stream } from "./stream.js";

export class Tickers {
  #end = () => {};
  #wanted = "";

  constructor(take, conflate) {
    this.take = take;
    this.conflate = conflate;
  }

  /** Of these contracts from now on. */
  want(contracts) {
    const wanted = contracts.join(" ");
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    const before = this.#end;
    this.#end = contracts.length ? stream.open([{ channel: "ticker", contracts, conflate_ms: this.conflate }], (frame) => frame.type === "ticker" && this.take(frame)) : () => {};
    before();
  }

  close() {
    this.#end();
  }
}

/** A contract with the prices of its newest ticker. */
export function apply(contract, frame) {
  return { ...contract, bid: frame.bid?.[0] ?? null, ask: frame.ask?.[0] ?? null, last: frame.last };
}

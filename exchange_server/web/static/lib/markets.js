// The list of markets, kept for all views, and read again when it changed.

import { all } from "./api.js";
import { Emitter } from "./events.js";
import { VENUES, shown } from "./page.js";
import { stream } from "./stream.js";

const AGAIN_MS = 1500;

class Markets extends Emitter {
  list = null; // null: not read yet
  series = new Map(); // titles by name
  error = null;
  #reading = null;
  #planned = null;

  start() {
    stream.back.listen(() => this.read());
    stream.open([{ channel: "phase" }], (frame) => frame.type === "phase" && this.#phase(frame));
    this.read();
  }

  /** A market that is known changes where it stands; one that is not yet is read. */
  #phase({ market, phase }) {
    const at = this.list?.findIndex((one) => one.market === market) ?? -1;
    if (at < 0) {
      this.#soon();
      return;
    }
    this.list = this.list.with(at, { ...this.list[at], phase });
    this.tell();
  }

  read() {
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #read() {
    try {
      const query = VENUES.length === 1 ? `?venue=${encodeURIComponent(VENUES[0])}` : "";
      const [markets, series] = await Promise.all([all(`/v1/markets${query}`, "markets"), all("/v1/series", "series")]);
      this.list = markets.filter(shown);
      this.series = new Map(series.map((one) => [one.series, one.title]));
      this.error = null;
    } catch (error) {
      this.error = error;
      this.#soon();
    }
    this.tell();
  }

  #soon() {
    this.#planned ??= setTimeout(() => {
      this.#planned = null;
      this.read();
    }, AGAIN_MS);
  }
}

export const markets = new Markets();

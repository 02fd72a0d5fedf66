// The order book of one contract, kept up from the stream's frames. It is right or it says that it is not: a gap or a wrong checksum makes it invalid.

import { crc32 } from "./crc32.js";

const CHECKED = 10;

export class Book {
  constructor() {
    this.valid = false;
    this.sequence = 0;
    this.time = null;
    this.sides = { bids: new Map(), asks: new Map() };
  }

  snapshot(frame) {
    for (const side of ["bids", "asks"]) this.sides[side] = new Map(frame[side]);
    this.sequence = frame.sequence;
    this.time = frame.time;
    this.valid = true;
  }

  /** False: a snapshot is needed. */
  update(frame) {
    if (!this.valid) return false;
    if (frame.sequence <= this.sequence) return true;
    if (frame.previous > this.sequence) return this.reset();
    for (const side of ["bids", "asks"]) {
      for (const [price, quantity] of frame[side]) {
        if (/[1-9]/.test(quantity)) this.sides[side].set(price, quantity);
        else this.sides[side].delete(price);
      }
    }
    this.sequence = frame.sequence;
    this.time = frame.time;
    return this.checksum() === frame.checksum || this.reset();
  }

  reset() {
    this.valid = false;
    return false;
  }

  /** The best levels first: [price, quantity]. */
  depth(side, most = Infinity) {
    const down = side === "bids" ? -1 : 1;
    return [...this.sides[side]].sort((a, b) => down * (Number(a[0]) - Number(b[0]))).slice(0, most);
  }

  best(side) {
    return this.depth(side, 1)[0] ?? null;
  }

  checksum() {
    return crc32([...this.depth("bids", CHECKED), ...this.depth("asks", CHECKED)].map((level) => level.join(":")).join("|"));
  }
}

// The one WebSocket of the page: who wants which channels, its age, and how it comes back. What it cannot vouch for it calls stale.

import { call } from "./api.js";
import { Emitter } from "./events.js";
import { ms } from "./format.js";
import { session } from "./session.js";

const QUIET_MS = 8000; // the server sends a heartbeat every five seconds
const PING_MS = 5000;
const WATCH_MS = 500;
const PAUSES_MS = [200, 500, 1000, 2000, 4000];
const LATER_MS = 5000; // too many sockets
const FRAME_CONTRACTS = 150; // of one request: frames to the server are short
const CHANNEL_OF = { book_snapshot: "book", book_update: "book", trade: "trades", ticker: "ticker", phase: "phase", result: "phase", order: "orders", fill: "orders", balances: "balances" };
const OWN = new Set(["orders", "balances"]);
const SESSION_OVER = 4401;
const TOO_MANY = 4429;

const keyOf = (channel, contract) => `${channel} ${contract}`;

class Stream {
  age = new Emitter(); // {state, since, behind, sequence}: state is connecting, live, stale or down
  back = new Emitter(); // after a break everything that is not on the stream must be asked for again
  #begin;
  begun = new Promise((resolve) => (this.#begin = resolve)); // the first subscription holds: what was read before it may be of before a change
  state = "connecting";
  behind = null; // ms that the newest frame of a book was old when it came
  sequence = 0;
  #socket = null;
  #subscriptions = new Set();
  #tries = 0;
  #timer = null;
  #lastFrame = 0;
  #server = "up";
  #since = Date.now();
  #pings = new Map();
  #ping = 0;
  #fastest = Infinity; // round trip, ms
  #skew = Infinity; // our clock minus the server's, plus the way of the fastest heartbeat
  #broken = false;

  start() {
    this.#connect();
    setInterval(() => this.#watch(), WATCH_MS);
    setInterval(() => this.#sendPing(), PING_MS);
    addEventListener("online", () => this.#soon());
    document.addEventListener("visibilitychange", () => !document.hidden && this.#soon());
    session.listen(() => this.#own());
  }

  /** Take frames of these channels: [{channel, contracts, conflate_ms}]. Returns what ends it. */
  open(channels, take) {
    const keys = new Set(channels.flatMap(({ channel, contracts }) => (contracts ?? [""]).map((contract) => keyOf(channel, contract))));
    const subscription = { channels, keys, take };
    this.#subscriptions.add(subscription);
    this.#request("subscribe", channels);
    return () => {
      if (!this.#subscriptions.delete(subscription)) return;
      const gone = channels.map((one) => ({ ...one, contracts: (one.contracts ?? []).filter((contract) => !this.#wanted(keyOf(one.channel, contract))) }));
      this.#request("unsubscribe", gone.filter((one) => one.contracts.length));
    };
  }

  /** Ask for the snapshot of a book again. */
  again(contract) {
    for (const { channels } of this.#subscriptions) {
      const found = channels.find((one) => one.channel === "book" && one.contracts.includes(contract));
      if (found) return this.#request("subscribe", [{ ...found, contracts: [contract] }]);
    }
    return undefined;
  }

  #wanted(key) {
    return [...this.#subscriptions].some(({ keys }) => keys.has(key));
  }

  #soon() {
    if (this.#socket === null) {
      clearTimeout(this.#timer);
      this.#connect();
    }
  }

  #connect() {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/stream`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#tries = 0;
      this.#request("subscribe", [{ channel: "phase" }]);
      this.#request("subscribe", [...this.#subscriptions].flatMap(({ channels }) => channels));
      this.#own();
      this.#sendPing();
    };
    socket.onmessage = (event) => socket === this.#socket && this.#take(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.#socket && this.#closed(event.code);
  }

  #closed(code) {
    this.#socket = null;
    this.#broken = true;
    this.#pings.clear();
    if (code === SESSION_OVER) session.ended();
    const pause = code === TOO_MANY ? LATER_MS : PAUSES_MS[Math.min(this.#tries, PAUSES_MS.length - 1)];
    this.#tries += 1;
    this.#timer = setTimeout(() => this.#connect(), pause * (0.8 + 0.4 * Math.random()));
    this.#watch();
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #request(op, channels) {
    for (const { channel, contracts, conflate_ms: conflate = 0 } of channels) {
      if (OWN.has(channel) || (op === "subscribe" && contracts?.length === 0)) continue;
      for (let at = 0; at < (contracts?.length ?? 1); at += FRAME_CONTRACTS) {
        const part = contracts ? { contracts: contracts.slice(at, at + FRAME_CONTRACTS) } : {};
        this.#send({ op, channels: [{ channel, conflate_ms: conflate, ...part }] });
      }
    }
  }

  /** Own orders and balances need a token that is good once. */
  async #own() {
    const socket = this.#socket;
    if (!session.client || socket?.readyState !== WebSocket.OPEN) return;
    try {
      const { stream_token } = await call("POST", "/v1/sessions/current/stream-token");
      if (socket === this.#socket) this.#send({ op: "subscribe", channels: [{ channel: "orders" }, { channel: "balances" }], stream_token });
    } catch (error) {
      if (error.status === 401) session.ended();
      else if (socket === this.#socket) setTimeout(() => socket === this.#socket && this.#own(), 2000);
    }
  }

  #sendPing() {
    this.#ping += 1;
    this.#pings.set(String(this.#ping), performance.now());
    this.#send({ op: "ping", id: String(this.#ping) });
  }

  #take(frame) {
    this.#lastFrame = performance.now();
    if (frame.type === "pong") {
      this.#fastest = Math.min(this.#fastest, this.#lastFrame - (this.#pings.get(frame.id) ?? -Infinity));
      this.#pings.delete(frame.id);
      return;
    }
    if (frame.type === "subscribed") this.#begin();
    if (frame.type === "heartbeat") this.#heartbeat(frame);
    if (frame.type === "book_update") {
      this.sequence = frame.sequence;
      this.#skew = Math.min(this.#skew, Date.now() - ms(frame.time));
      this.behind = this.#age(ms(frame.time));
    }
    if (frame.type === "session" && frame.state === "ended") session.ended();
    if (frame.type === "session" && frame.state === "up") this.back.tell();
    const channel = CHANNEL_OF[frame.type];
    for (const subscription of [...this.#subscriptions]) {
      if (frame.type === "gap" ? this.#hit(subscription, frame) : channel && (subscription.keys.has(keyOf(channel, frame.contract ?? "")) || subscription.keys.has(keyOf(channel, "")))) {
        subscription.take(frame);
      }
    }
    if (this.state !== "live") this.#watch();
  }

  #hit({ channels }, frame) {
    return channels.some((one) => frame.channels.includes(one.channel) && (!frame.contract || (one.contracts ?? []).includes(frame.contract)));
  }

  #heartbeat(frame) {
    this.#skew = Math.min(this.#skew, Date.now() - ms(frame.time));
    if (frame.server === "down") this.#broken = true;
    this.#server = frame.server;
  }

  /** How old a time of the server is, by its own clock; null: not known yet. */
  #age(at) {
    if (this.#skew === Infinity) return null;
    const way = this.#fastest === Infinity ? 0 : this.#fastest / 2;
    return Math.max(0, Math.round(Date.now() - (this.#skew - way) - at));
  }

  #watch() {
    let state = "live";
    if (this.#socket?.readyState !== WebSocket.OPEN) state = this.state === "connecting" && !this.#broken ? "connecting" : "stale";
    else if (!this.#lastFrame || performance.now() - this.#lastFrame > QUIET_MS) state = this.#lastFrame ? "stale" : "connecting";
    else if (this.#server === "down") state = "down";
    if (state !== this.state) {
      this.state = state;
      this.#since = Date.now();
      if (state === "live" && this.#broken) {
        this.#broken = false;
        this.back.tell();
      }
    }
    this.age.tell({ state, since: this.#since, behind: this.behind, sequence: this.sequence });
  }
}

export const stream = new Stream();

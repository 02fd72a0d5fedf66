// How numbers and times are written for people.

import { sign } from "./decimal.js";

const MINUS = "−";
export const NONE = "–";

/** "1234567.50" -> "1,234,567.50". */
export function grouped(number) {
  const [whole, rest] = number.replace("-", "").split(".");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return (number.startsWith("-") ? MINUS : "") + (rest === undefined ? text : `${text}.${rest}`);
}

/** Money: with all places of its asset, as the API writes it. */
export const money = grouped;

export function signed(number) {
  return sign(number) > 0 ? `+${money(number)}` : money(number);
}

/** A quantity: zeros at the end of its places are left out. */
export function quantity(number) {
  return grouped(number.includes(".") ? number.replace(/\.?0+$/, "") : number);
}

export function price(number) {
  return number === null || number === undefined ? NONE : grouped(number);
}

/** The chance of a contract in per cent, or null: the middle of bid and ask while they are close, else the last price, as far as bid and ask leave it room. */
export function chance(contract, bid = contract.bid, ask = contract.ask, last = contract.last) {
  if (!contract.payout) return null;
  const scale = 100 / Number(contract.payout);
  const low = bid === null ? 0 : Number(bid) * scale;
  const high = ask === null ? 100 : Number(ask) * scale;
  if (bid !== null && ask !== null && (high - low <= 10 || last === null)) return (low + high) / 2;
  return last === null ? null : Math.min(Math.max(Number(last) * scale, low), high);
}

export function percent(value) {
  if (value === null) return NONE;
  if (value > 0 && value < 0.1) return "<0.1 %";
  if (value < 100 && value > 99.9) return ">99.9 %";
  return `${value.toFixed(1)} %`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** Milliseconds of a time of the API. */
export function ms(time) {
  return Date.parse(`${time.slice(0, 23)}Z`);
}

export const clock = (time) => CLOCK.format(ms(time));
export const full = (time) => FULL.format(ms(time));

/** Today only the clock, else the day too. */
export function when(time) {
  const at = ms(time);
  return new Date(at).toDateString() === new Date().toDateString() ? CLOCK.format(at) : DAY.format(at);
}

/** "in 3 h", "5 min ago". */
export function relative(time, now = Date.now()) {
  const seconds = Math.round((ms(time) - now) / 1000);
  const size = Math.abs(seconds);
  const [value, unit] = size < 60 ? [size, "s"] : size < 3600 ? [size / 60, "min"] : size < 172800 ? [size / 3600, "h"] : [size / 86400, "days"];
  const text = `${Math.round(value)} ${unit}`;
  return seconds > 0 ? `in ${text}` : `${text} ago`;
}

const PHASES = {
  draft: "Draft", listed: "Not open yet", open: "Open", paused: "Paused", auction: "Auction", live: "Live", closed: "Closed", determined: "Result proposed",
  disputed: "Disputed", final: "Final", voided: "Voided",
};

export const phase = (name) => PHASES[name] ?? name;
export const trades = (name) => name === "open" || name === "live" || name === "auction";

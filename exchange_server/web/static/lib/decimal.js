// Decimal strings as the API writes them, reckoned exactly: a BigInt in units of the last place. No floating point touches prices or money.

const SHAPE = /^-?\d+(\.\d+)?$/;

/** "0.42", 4 -> 4200n. Null for a text that is no such number or has too many decimals. */
export function units(text, decimals) {
  if (!SHAPE.test(text)) return null;
  const [whole, rest = ""] = text.replace("-", "").split(".");
  if (rest.length > decimals) return null;
  const value = BigInt(whole + rest.padEnd(decimals, "0"));
  return text.startsWith("-") ? -value : value;
}

/** 4200n, 4 -> "0.4200". */
export function text(value, decimals) {
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, "0");
  return decimals ? `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}` : sign + digits;
}

export function decimalsOf(number) {
  const at = number.indexOf(".");
  return at < 0 ? 0 : number.length - at - 1;
}

/** The difference of two decimal strings, with the places of the longer one. */
export function minus(one, other) {
  const places = Math.max(decimalsOf(one), decimalsOf(other));
  return text(units(one, places) - units(other, places), places);
}

export function plus(one, other) {
  const places = Math.max(decimalsOf(one), decimalsOf(other));
  return text(units(one, places) + units(other, places), places);
}

/** The product, with all its places. */
export function times(one, other) {
  const a = decimalsOf(one);
  const b = decimalsOf(other);
  return text(units(one, a) * units(other, b), a + b);
}

export function sign(number) {
  return number.startsWith("-") ? (/[1-9]/.test(number) ? -1 : 0) : /[1-9]/.test(number) ? 1 : 0;
}

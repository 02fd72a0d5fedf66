// Requests to the HTTP API. Every refusal is a Problem with the exchange's own words and numbers.

const WAIT_MS = 10_000;

export class Problem extends Error {
  constructor(body) {
    super(body.detail || body.title);
    this.status = body.status;
    this.name = body.name;
    this.code = body.code;
    this.at = body.at ?? null;
  }

  /** Whether it is unknown what became of the request. */
  get unknown() {
    return this.status === 0 || this.status === 504;
  }
}

let csrf = null;

export function useCsrf(token) {
  csrf = token;
}

/** The answer's body. Raises Problem; its status is 0 when no answer came. */
export async function call(method, path, body, more = {}) {
  const headers = { ...more };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  let answer;
  let found;
  try {
    answer = await fetch(path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin", signal: AbortSignal.timeout(WAIT_MS),
    });
    found = await answer.json();
  } catch {
    throw new Problem({ status: 0, name: "unreachable", detail: "No answer came from this page's server." });
  }
  if (!answer.ok) throw new Problem(found);
  return found;
}

export const get = (path) => call("GET", path);

/** All rows of a list that comes in pages. */
export async function all(path, key) {
  const rows = [];
  let cursor = "";
  do {
    const found = await get(`${path}${path.includes("?") ? "&" : "?"}limit=500${cursor ? `&cursor=${cursor}` : ""}`);
    rows.push(...found[key]);
    cursor = found.next_cursor;
  } while (cursor);
  return rows;
}

// Who is logged on. The token is in a cookie that no script can read; here is only what the API says about it.

import { Problem, call, get, useCsrf } from "./api.js";
import { Emitter } from "./events.js";
import { prove } from "./keys.js";

const MARK = "exos-logged-on"; // whether to ask at all; nothing secret

class Session extends Emitter {
  current = null;

  /** Who trades; null for an operator. */
  get client() {
    return this.current && this.current.kind !== "operator" ? this.current : null;
  }

  get operator() {
    return this.current?.kind === "operator" ? this.current : null;
  }

  #set(found) {
    this.current = found;
    useCsrf(found ? found.csrf_token : null);
    try {
      if (found) localStorage.setItem(MARK, "1");
      else localStorage.removeItem(MARK);
    } catch {
      // Storage may be forbidden: then a page that is loaded again asks to log on again.
    }
    this.tell(found);
  }

  /** After the page was loaded: is the cookie still good? */
  async restore() {
    let marked = null;
    try {
      marked = localStorage.getItem(MARK);
    } catch {
      marked = null;
    }
    if (!marked) return;
    try {
      this.#set(await get("/v1/sessions/current"));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) this.#set(null);
    }
  }

  async logIn(login, secret, keyId) {
    this.#set(await call("POST", "/v1/sessions", { login, secret, key_id: keyId, cookie: true }));
  }

  async logInOperator(principal, keyId, token) {
    this.#set(await call("POST", "/v1/sessions", { principal, key_id: keyId, token, cookie: true }));
  }

  /** By the signature of a key (keys.js). kind: "login" or "principal". The exchange's challenge is good for a few seconds. */
  async logInByKey(kind, name, keyId, key) {
    const who = { [kind]: name, key_id: keyId };
    const { challenge_id, challenge } = await call("POST", "/v1/sessions/challenges", who);
    const proof = await prove(key, kind, name, keyId, challenge);
    this.#set(await call("POST", "/v1/sessions", { ...who, challenge_id, proof, cookie: true }));
  }

  async logOut() {
    try {
      await call("DELETE", "/v1/sessions/current");
    } finally {
      this.#set(null);
    }
  }

  /** The exchange or this page's server ended it. */
  ended() {
    if (this.current) this.#set(null);
  }
}

export const session = new Session();

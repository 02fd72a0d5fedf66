// The smallest thing that can be listened to.

export class Emitter {
  #listeners = new Set();

  /** Returns what ends it. */
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(value) {
    for (const listener of [...this.#listeners]) listener(value);
  }
}

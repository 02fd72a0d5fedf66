// How old what is on the screen is: in the bar, and as an alarm when it is not to be trusted.

import { say, show } from "../lib/dom.js";
import { stream } from "../lib/stream.js";

const WORDS = { connecting: "connecting", live: "live", stale: "reconnecting", down: "exchange down" };
const GRACE_MS = 1500; // a short break is marked at once, the alarm comes after this

export function bindAge(place, alarm) {
  const [text, delay, number] = ["text", "ms", "sequence"].map((name) => place.querySelector(`.age-${name}`));
  stream.age.listen(({ state, since, behind, sequence }) => {
    const root = document.documentElement.dataset;
    if (root.feed !== state) root.feed = state;
    if (place.dataset.state !== state) place.dataset.state = state;
    say(text, WORDS[state]);
    say(delay, state === "live" && behind !== null ? `${behind} ms` : "");
    say(number, state === "live" && sequence ? `#${sequence}` : "");
    place.title = state === "live" ? "Delay of the newest change of a book, and its number" : WORDS[state];
    const seconds = Math.round((Date.now() - since) / 1000);
    const bad = (state === "stale" || state === "down") && Date.now() - since > GRACE_MS;
    if (bad && state === "stale") say(alarm, `Not connected for ${seconds} s. Prices are stale. Trying again.`);
    if (bad && state === "down") say(alarm, `The exchange cannot be reached (${seconds} s). Prices are stale. This page comes back by itself.`);
    show(alarm, bad);
  });
}

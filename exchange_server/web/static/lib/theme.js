// Light, dark, or as the system has it: one button goes round.

import { Emitter } from "./events.js";

const KEY = "exos-theme";
const ROUND = { system: "light", light: "dark", dark: "system" };
const SIGNS = { system: "◐", light: "☀", dark: "☾" };
const WORDS = { system: "as the system", light: "light", dark: "dark" };

class Theme extends Emitter {
  get chosen() {
    return document.documentElement.dataset.theme ?? "system";
  }

  choose(name) {
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    try {
      localStorage.setItem(KEY, name);
    } catch {
      // It holds until the page is loaded again.
    }
    this.tell(name);
  }

  bind(button) {
    const draw = () => {
      button.textContent = SIGNS[this.chosen];
      button.setAttribute("aria-label", `Theme: ${WORDS[this.chosen]}. Change it`);
      button.title = `Theme: ${WORDS[this.chosen]}`;
    };
    button.addEventListener("click", () => {
      this.choose(ROUND[this.chosen]);
      draw();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.tell(this.chosen));
    draw();
  }
}

export const theme = new Theme();

/** A token's colour as it is in this theme: "rgb(...)". */
export function colour(token) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

// Elements from data. Texts become text nodes and nothing else: what a market says is never read as markup.

const SAFE_LINK = /^(https:\/\/|\/(?!\/)|#)/;

/** An element. attributes: `class`, `text`, `on` ({event: handler}), `data` ({name: value}), `vars` (CSS variables), else attributes; null and false are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else if (name === "on") for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "vars") for (const [key, set] of Object.entries(value)) element.style.setProperty(`--${key}`, set);
    else if (name === "value") element.value = value;
    else if (name === "href" && !SAFE_LINK.test(value)) continue;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set a text, only where it differs: what is read aloud and what is selected stays in peace. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

/** A field with its label above. */
export function field(id, label, input, hint = null) {
  input.id = id;
  return h("div", { class: "field" }, h("label", { for: id, text: label }), input, hint);
}

/** A table with a caption for those who hear it. heads: [text, class]. */
export function table(caption, heads, body, className = "") {
  const cells = heads.map(([text, kind]) => h("th", { scope: "col", class: kind, text }));
  return h("table", { class: className }, h("caption", { class: "hidden", text: caption }), h("thead", {}, h("tr", {}, cells)), body);
}

/** Keep the rows of a container in step with data: rows are made once for a key, changed in place, and moved only where the order differs. */
export class Rows {
  constructor(container, make) {
    this.container = container;
    this.make = make;
    this.rows = new Map();
  }

  update(items, keyOf) {
    const wanted = new Set();
    let at = this.container.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      wanted.add(key);
      let row = this.rows.get(key);
      if (!row) {
        row = this.make(item);
        this.rows.set(key, row);
      }
      row.set(item);
      if (row.element === at) at = at.nextElementSibling;
      else this.container.insertBefore(row.element, at);
    }
    for (const [key, row] of this.rows) {
      if (wanted.has(key)) continue;
      row.element.remove();
      this.rows.delete(key);
    }
  }
}

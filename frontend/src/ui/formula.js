/**
 * The formula's text field: `<div class="code" data-code><textarea>…` gets line numbers, and a mark where the last check
 * found a fault: an element `[data-fault-line][data-fault-column]` that htmx brings into the page.
 * `[data-insert="text"]` puts its text where the caret stands; `[data-filter]` narrows the `[data-filtered]` entries of its list.
 */

import { on } from "./events.js";

function make(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  element.setAttribute("aria-hidden", "true");
  return element;
}

/** Returns the end of the word or sign that starts at `start`: what the mark is drawn under. */
function wordEnd(text, start) {
  const word = text.slice(start).match(/^(\w+|[^\w\s])/);
  return start + (word ? word[0].length : 1);
}

class Code {
  constructor(element) {
    this.area = element.querySelector("textarea");
    this.gutter = make("div", "code-gutter");
    this.backdrop = make("div", "code-backdrop");
    element.prepend(this.gutter, this.backdrop);
    this.area.addEventListener("input", () => {
      this.fault = null;
      this.draw();
    });
    this.area.addEventListener("scroll", () => this.#follow());
    this.area.addEventListener("keydown", (event) => this.#indent(event));
    this.draw();
  }

  draw() {
    const lines = this.area.value.split("\n");
    this.gutter.replaceChildren(
      ...lines.map((_line, place) => {
        const number = document.createElement("span");
        number.textContent = place + 1;
        number.toggleAttribute("data-faulty", this.fault?.line === place + 1);
        return number;
      }),
    );
    this.#underline(lines);
    this.#follow();
  }

  #underline(lines) {
    this.backdrop.replaceChildren();
    const { line, column } = this.fault ?? {};
    const text = lines[line - 1];
    if (text === undefined) {
      return;
    }
    const before = [...lines.slice(0, line - 1), ""].join("\n") + text.slice(0, column - 1);
    const mark = document.createElement("mark");
    mark.textContent = `${text} `.slice(column - 1, wordEnd(`${text} `, column - 1));
    this.backdrop.append(before, mark);
  }

  #follow() {
    this.gutter.scrollTop = this.backdrop.scrollTop = this.area.scrollTop;
    this.backdrop.scrollLeft = this.area.scrollLeft;
  }

  /** Enter keeps the indentation. Tab leaves the field, as it does everywhere: a keyboard must get out again. */
  #indent(event) {
    if (event.key !== "Enter" || event.isComposing || event.ctrlKey || event.metaKey) {
      return;
    }
    const line = this.area.value.slice(0, this.area.selectionStart).split("\n").at(-1);
    const indent = line.match(/^\s*/)[0];
    if (indent) {
      event.preventDefault();
      this.insert(`\n${indent}`);
    }
  }

  insert(text) {
    this.area.focus();
    this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  mark(fault) {
    this.fault = fault;
    this.draw();
  }
}

const codes = new Map();

function current() {
  return [...codes.values()].find((code) => code.area.isConnected);
}

function enhance() {
  for (const element of document.querySelectorAll("[data-code]")) {
    if (!codes.has(element)) {
      codes.set(element, new Code(element));
    }
  }
  for (const element of codes.keys()) {
    if (!element.isConnected) {
      codes.delete(element);
    }
  }
  const found = document.querySelector("[data-fault-line]");
  current()?.mark(found && { line: Number(found.dataset.faultLine), column: Number(found.dataset.faultColumn) });
}

function goToFault(_event, button) {
  const area = current()?.area;
  const [line, column] = [Number(button.dataset.goLine), Number(button.dataset.goColumn)];
  if (area) {
    const start = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0) + column - 1;
    area.focus();
    area.setSelectionRange(start, wordEnd(area.value, start));
  }
}

function filter(_event, input) {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  const list = document.getElementById(input.dataset.filter);
  let shown = 0;
  for (const entry of list.querySelectorAll("[data-filtered]")) {
    const text = entry.dataset.filtered || entry.textContent.toLowerCase();
    entry.hidden = !words.every((word) => text.includes(word));
    shown += entry.hidden ? 0 : 1;
  }
  for (const group of list.querySelectorAll("[data-filter-group]")) {
    group.hidden = !group.querySelector("[data-filtered]:not([hidden])");
    if (group.tagName === "DETAILS") {
      group.open = words.length > 0;
    }
  }
  const none = list.querySelector("[data-filter-none]");
  if (none) {
    none.hidden = shown > 0;
  }
}

export function startFormula() {
  enhance();
  document.addEventListener("htmx:afterSettle", enhance);
  on("click", "[data-insert]", (_event, button) => current()?.insert(button.dataset.insert));
  on("click", "[data-go-line]", goToFault);
  on("input", "[data-filter]", filter);
}

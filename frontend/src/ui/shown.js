/**
 * `[data-shown-for="kind: LIMIT STOP; side: SELL"]` within a form is there only while the form's field `kind` is one of
 * these and `side` is that; of ways with a `|` between them one is enough. What is not shown is not sent.
 */

import { on } from "./events.js";

function holds(form, condition) {
  const [name, values] = condition.split(":");
  return values.trim().split(/\s+/).includes(form.elements[name.trim()]?.value);
}

function isWay(form, conditions) {
  return conditions.split(";").every((condition) => holds(form, condition));
}

function show(form) {
  for (const part of form.querySelectorAll("[data-shown-for]")) {
    const shown = part.dataset.shownFor.split("|").some((conditions) => isWay(form, conditions));
    part.hidden = !shown;
    part.querySelectorAll("input, select").forEach((field) => (field.disabled = !shown));
  }
}

function showAll() {
  document.querySelectorAll("form:has([data-shown-for])").forEach(show);
}

export function startShown() {
  showAll();
  on("change", "form:has([data-shown-for])", (_event, form) => show(form));
  document.addEventListener("htmx:afterSettle", showAll);
}

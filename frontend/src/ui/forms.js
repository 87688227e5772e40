/** Forms: a button that was pressed waits visibly and cannot be pressed twice; passwords can be shown; sliders say their value. */

import { on } from "./events.js";

function setBusy(button, busy) {
  button.disabled = busy;
  if (busy) {
    button.setAttribute("aria-busy", "true");
  } else {
    button.removeAttribute("aria-busy");
  }
}

function submitButtons(form) {
  return [...form.elements].filter((element) => element.matches("button[type=submit], button:not([type])"));
}

/** Forms under way: an answer may arrive before the form is held, and must not leave it held for good. */
const underWay = new WeakSet();

function release(form) {
  underWay.delete(form);
  submitButtons(form).forEach((button) => setBusy(button, false));
}

function hold(event, form) {
  if (form.method === "dialog" || form.target === "_blank" || "download" in form.dataset) {
    return;
  }
  underWay.add(form);
  // After this task, because a disabled button's name and value would not be sent, and only if nobody stopped the submit.
  setTimeout(() => {
    const isStopped = event.defaultPrevented && !form.matches("[hx-post], [hx-get], [hx-put], [hx-patch], [hx-delete]");
    if (isStopped || !underWay.has(form)) {
      return;
    }
    submitButtons(form).forEach((button) => (button.disabled = true));
    if (event.submitter) {
      setBusy(event.submitter, true);
    }
  });
}

function reveal(_event, button) {
  const input = button.parentElement.querySelector("input");
  const shown = input.type === "text";
  input.type = shown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!shown));
}

/** Says beside a slider what it stands at. */
function tell(_event, slider) {
  const told = slider.form?.querySelector(`output[for="${slider.id}"]`);
  if (told) {
    told.textContent = slider.value;
  }
}

function tellAll() {
  document.querySelectorAll("input[type=range]").forEach((slider) => tell(null, slider));
}

export function startForms() {
  on("submit", "form", hold);
  on("click", "[data-reveal]", reveal);
  on("input", "input[type=range]", tell);
  // A browser that comes back to a page sets its sliders as they were left.
  tellAll();
  on("htmx:afterRequest", "form", (_event, form) => release(form));
  // A page that comes back from the browser's history is as it was left: waiting.
  addEventListener("pageshow", (event) => event.persisted && [...document.forms].forEach(release));
}

/**
 * Dialogs are native `<dialog>`s: `[data-dialog-open="id"]` opens one, `[data-dialog-close]` inside closes it.
 * A form or link with `data-confirm="Question?"` (or htmx's hx-confirm) asks first, in #confirm-dialog.
 */

import { on } from "./events.js";

function ask(question, { label = "Continue", danger = false } = {}) {
  const dialog = document.getElementById("confirm-dialog");
  const accept = dialog.querySelector("[data-confirm-accept]");
  dialog.querySelector("[data-confirm-text]").textContent = question;
  accept.textContent = label;
  accept.classList.toggle("btn-danger", danger);
  accept.classList.toggle("btn-primary", !danger);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "accept"), { once: true });
  });
}

function wording(element) {
  return { label: element.dataset.confirmLabel, danger: "confirmDanger" in element.dataset };
}

async function confirmSubmit(event, form) {
  const asker = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!asker.dataset.confirm || "confirmed" in form.dataset) {
    delete form.dataset.confirmed;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (await ask(asker.dataset.confirm, wording(asker))) {
    form.dataset.confirmed = "";
    form.requestSubmit(event.submitter);
  }
}

async function confirmHtmx(event) {
  if (!event.detail.question) {
    return;
  }
  event.preventDefault();
  if (await ask(event.detail.question, wording(event.detail.elt))) {
    event.detail.issueRequest(true);
  }
}

export function startDialogs() {
  on("click", "[data-dialog-open]", (_event, button) => document.getElementById(button.dataset.dialogOpen).showModal());
  on("click", "[data-dialog-close]", (_event, button) => button.closest("dialog").close());
  // A press on the backdrop has the dialog itself as its target; its content is always inside an element of its own.
  // Pressing, not clicking: a text selection that ends outside must not close the form it was made in.
  on("pointerdown", "dialog[open]", (event, dialog) => {
    if (event.target === dialog && !dialog.hasAttribute("data-dialog-modal")) {
      dialog.close();
    }
  });
  // In the capture phase: the question comes before htmx or anything else sees the submit.
  on("submit", "form", confirmSubmit, { capture: true });
  document.addEventListener("htmx:confirm", confirmHtmx);
}

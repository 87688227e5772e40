/** `<button data-copy="text">` puts its text on the clipboard and says so for a moment. */

import { on } from "./events.js";
import { toast } from "./toasts.js";

const SHOWN_MS = 1600;

async function copy(_event, button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    toast("The browser did not allow copying. Select the text instead.", "warning");
    return;
  }
  const use = button.querySelector(".icon use");
  const before = use.getAttribute("href");
  use.setAttribute("href", before.replace(/#.*/, "#check"));
  button.dataset.copied = "";
  setTimeout(() => {
    use.setAttribute("href", before.replace(/#.*/, "#copy"));
    delete button.dataset.copied;
  }, SHOWN_MS);
}

export function startCopy() {
  on("click", "[data-copy]", copy);
}

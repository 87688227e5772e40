/** Table rows with `data-href` open on a click anywhere; the row's own link serves keyboard and screen reader. */

import { on } from "./events.js";

const OWN_ACTION = "a, button, input, select, textarea, label, summary, dialog";

function open(event, row) {
  if (event.target.closest(OWN_ACTION) || getSelection().toString()) {
    return;
  }
  if (event.metaKey || event.ctrlKey || event.button === 1) {
    window.open(row.dataset.href, "_blank", "noopener");
  } else {
    location.assign(row.dataset.href);
  }
}

export function startRows() {
  on("click", "tr[data-href]", open);
  on("auxclick", "tr[data-href]", (event, row) => event.button === 1 && open(event, row));
}

/**
 * What happens while a page is open is said at once: a notification that arrives on the reader's own topic becomes a toast.
 * Those of a snapshot are not new: the bell counts them.
 */

import { toast } from "./toasts.js";

/** More at once would cover the page: then the bell alone counts them. */
const MOST = 3;

function hear({ detail: message }) {
  if (message.type !== "update" || !message.topic.startsWith("user:")) {
    return;
  }
  const news = message.notifications ?? [];
  if (document.querySelectorAll("#toasts .toast").length + news.length <= MOST) {
    news.forEach((one) => toast(one.title));
  }
}

export function startNews() {
  document.addEventListener("live:message", hear);
}

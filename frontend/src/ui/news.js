/**
 * What happens while a page is open is said at once: a notification that arrives on the reader's own topic becomes a toast.
 * Those of a snapshot are not new: the bell counts them. So is what the page showed and may show no longer: a role was taken
 * away, or the thing is gone.
 */

import { toast } from "./toasts.js";

/** More at once would cover the page: then the bell alone counts them. */
const MOST = 3;

/** The topics of which something was heard. One that was refused from the start is its page's own business. */
const heard = new Set();

function hear({ detail: message }) {
  heard.add(message.topic);
  if (message.type !== "update" || !message.topic.startsWith("user:")) {
    return;
  }
  const news = message.notifications ?? [];
  if (document.querySelectorAll("#toasts .toast").length + news.length <= MOST) {
    news.forEach((one) => toast(one.title));
  }
}

function lose({ detail: refusal }) {
  if (heard.delete(refusal.topic)) {
    toast(`${refusal.message} What you see here is as it was: reload the page.`, "warning");
  }
}

export function startNews() {
  document.addEventListener("live:error", lose);
  document.addEventListener("live:message", hear);
}

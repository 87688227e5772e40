/** What surrounds htmx requests: how refusals are to come, the line at the top of the page, a session that has ended. */

const SHOW_AFTER_MS = 150;
let running = 0;

function isQuiet(event) {
  return event.detail.requestConfig?.triggeringEvent?.type === "live";
}

function line() {
  return document.querySelector(".request-line");
}

function began(event) {
  if (isQuiet(event)) {
    return;
  }
  running += 1;
  setTimeout(() => running > 0 && line()?.setAttribute("data-busy", ""), SHOW_AFTER_MS);
}

function ended(event) {
  if (isQuiet(event)) {
    return;
  }
  running = Math.max(0, running - 1);
  if (running === 0) {
    line()?.removeAttribute("data-busy");
  }
}

/** A part that answers with the log-in page means that the session is over: the whole page must go there. */
function guardLogin(event) {
  const login = document.body.dataset.loginUrl;
  const answered = event.detail.xhr.responseURL;
  if (login && answered && new URL(answered).pathname === login) {
    event.detail.shouldSwap = false;
    location.assign(`${login}?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
}

/** Asks for a page's part, and for a refusal as a problem document, whose sentence becomes a toast. */
function askForProblems(event) {
  event.detail.headers.Accept = "text/html, application/json;q=0.5";
}

export function startRequests() {
  document.addEventListener("htmx:configRequest", askForProblems);
  document.addEventListener("htmx:beforeRequest", began);
  document.addEventListener("htmx:afterRequest", ended);
  document.addEventListener("htmx:beforeSwap", guardLogin);
}

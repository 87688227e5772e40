/**
 * Short messages in the corner. Django's messages arrive as rendered `.toast`s; a response header
 * `HX-Trigger: {"toast": {"message": "…", "level": "success"}}` and `toast()` make more of them.
 * Success and information leave after six seconds (not while pointed at or focused); warnings and errors stay.
 */

import { on } from "./events.js";

const LEAVES_AFTER_MS = 6000;

function leaveLater(item) {
  if (!["success", "info"].includes(item.dataset.level)) {
    return;
  }
  const leave = () => (item.matches(":hover, :focus-within") ? setTimeout(leave, 1000) : item.remove());
  setTimeout(leave, LEAVES_AFTER_MS);
}

export function toast(message, level = "info") {
  const template = document.getElementById("toast-template");
  const item = template.content.firstElementChild.cloneNode(true);
  item.dataset.level = level;
  item.querySelector("p").textContent = message;
  const use = item.querySelector(".icon use");
  const sprite = use.getAttribute("href").split("#")[0];
  use.setAttribute("href", `${sprite}#${{ success: "circle-check", warning: "triangle-alert", error: "circle-alert" }[level] ?? "info"}`);
  // An error interrupts a screen reader; the rest waits its turn.
  item.setAttribute("role", level === "error" ? "alert" : "status");
  document.getElementById("toasts").append(item);
  leaveLater(item);
}

/** Returns the sentence of a problem+json body, else a plain one. */
function reason(xhr) {
  try {
    return JSON.parse(xhr.responseText).detail ?? "";
  } catch {
    return "";
  }
}

function failed(event) {
  if (event.detail.requestConfig?.triggeringEvent?.type === "live") {
    return; // It is asked for again by itself (live.js).
  }
  toast(reason(event.detail.xhr) || "That did not work. Try again in a moment.", "error");
}

export function startToasts() {
  document.querySelectorAll(".toast").forEach(leaveLater);
  on("click", "[data-toast-close]", (_event, button) => button.closest(".toast").remove());
  document.addEventListener("toast", (event) => toast(event.detail.message, event.detail.level));
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:sendError", failed);
}

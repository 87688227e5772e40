/** `[data-push]`: has this browser told of notifications though no page is open, or no longer. Its worker is /sw.js. */

import { on } from "./events.js";

function part() {
  return document.querySelector("[data-push]");
}

function show(isOn, note = "") {
  const here = part();
  if (!here) {
    return;
  }
  here.querySelector("[data-push-on]").hidden = isOn;
  here.querySelector("[data-push-off]").hidden = !isOn;
  here.querySelector("[data-push-note]").textContent = note;
}

function keyBytes(text) {
  const base64 = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
}

function token() {
  return JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
}

async function held() {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return registration?.pushManager.getSubscription();
}

/** The row that the site keeps of a subscription: none where it was removed, or is that of somebody else at this browser. */
async function rowOf(subscription) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(subscription.endpoint));
  const digest = Array.from(new Uint8Array(bytes), (one) => one.toString(16).padStart(2, "0")).join("");
  return document.querySelector(`[data-push-row="${digest}"]`);
}

async function subscribe() {
  const { pushKey, pushUrl } = part().dataset;
  try {
    if ((await Notification.requestPermission()) !== "granted") {
      show(false, "This browser does not allow notifications of this site: its settings say so.");
      return;
    }
    await navigator.serviceWorker.register("/sw.js", { scope: "/" });
    const registration = await navigator.serviceWorker.ready;
    // One that was made with another key of ours cannot be told any more.
    await (await registration.pushManager.getSubscription())?.unsubscribe();
    const made = await registration.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: keyBytes(pushKey),
    });
    const answer = await fetch(pushUrl, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
      body: JSON.stringify(made.toJSON()),
    });
    if (!answer.ok) {
      await made.unsubscribe();
      throw new Error("refused");
    }
    window.location.reload();
  } catch {
    show(false, "This browser could not be subscribed. Try again later.");
  }
}

/** The row goes at once, not only when the push service answers that this browser is gone. */
async function unsubscribe() {
  const subscription = await held();
  const row = subscription && (await rowOf(subscription));
  await subscription?.unsubscribe();
  show(false);
  row?.requestSubmit();
}

export async function startPush() {
  on("click", "[data-push-on]", subscribe);
  on("click", "[data-push-off]", unsubscribe);
  if (!part()) {
    return;
  }
  if (!("serviceWorker" in navigator) || !("PushManager" in window)) {
    part().querySelector("[data-push-on]").disabled = true;
    show(false, "This browser cannot be told while no page is open.");
    return;
  }
  const subscription = await held();
  const row = subscription && (await rowOf(subscription));
  if (row) {
    row.querySelector("[data-push-here]").hidden = false;
  }
  show(Boolean(row));
}

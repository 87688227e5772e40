/**
 * Journey C's last step: one WebSocket for the page writes numbers into marked cells. Markup stays in the templates.
 *
 * [data-topic="portfolio:<id>"]  what is inside hears this topic
 * [data-cell="equity"]           its text is message.cells.equity; inside [data-key="position.<id>"] the name is
 *                                position.<id>.<cell>. With [data-sign] it also learns pos, neg or zero.
 * [data-refresh="orders fills"]  fetches itself by htmx (hx-get, hx-trigger="live") when message.refresh names one of these
 * [data-live-status]             shows the connection's state
 *
 * A message is a hint, the snapshot is the truth: each snapshot repairs the cells and has the parts fetched again. Every
 * message is passed on as the event "live:message" on the document.
 */

import htmx from "htmx.org";

import { LiveSocket } from "./live_socket.js";

/** Messages of one moment cause one fetch; a busy topic causes at most two a second. */
const REFRESH_AFTER_MS = 100;
const REFRESH_AGAIN_AFTER_MS = 500;
const BUSY_AGAIN_AFTER_MS = 1000;
const FAILED_AGAIN_AFTER_MS = 2000;
const FLASH_MS = 900;

const STATE_WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", offline: "Offline", idle: "" };

const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** The topics that the page has now. */
let wanted = new Set();
/** topic -> name -> cells; made when needed, forgotten when the page changes. */
let index = null;
let socket = null;

function rootsOf(topic) {
  return document.querySelectorAll(`[data-topic="${CSS.escape(topic)}"]`);
}

function belongsTo(element, root) {
  return element.closest("[data-topic]") === root;
}

function cellName(cell) {
  const keyed = cell.closest("[data-key]");
  const inside = keyed && cell.closest("[data-topic]").contains(keyed);
  return inside ? `${keyed.dataset.key}.${cell.dataset.cell}` : cell.dataset.cell;
}

function cellsOf(topic) {
  index ??= new Map();
  if (!index.has(topic)) {
    const names = new Map();
    for (const root of rootsOf(topic)) {
      for (const cell of [root, ...root.querySelectorAll("[data-cell]")]) {
        if (cell.dataset.cell && belongsTo(cell, root)) {
          const name = cellName(cell);
          names.set(name, [...(names.get(name) ?? []), cell]);
        }
      }
    }
    index.set(topic, names);
  }
  return index.get(topic);
}

/** Reads "−1,234.50 USDT" as -1234.5; NaN where there is no figure. */
export function figure(text) {
  return Number.parseFloat(text.replace(/[,\s]/g, "").replace("−", "-"));
}

function flash(cell, direction) {
  cell.dataset.flash = direction;
  if (!calm.matches) {
    const from = { backgroundColor: `var(--flash-${direction})`, boxShadow: `0 0 0 3px var(--flash-${direction})` };
    cell.animate([from, { backgroundColor: "transparent", boxShadow: "0 0 0 3px transparent" }], {
      duration: FLASH_MS,
      easing: "ease-out",
    });
  }
}

function writeCell(cell, text, quiet) {
  const before = cell.textContent.trim();
  if (before === text) {
    return;
  }
  // Changing the text node rather than the element's children keeps the observer below asleep.
  if (cell.childNodes.length === 1 && cell.firstChild.nodeType === Node.TEXT_NODE) {
    cell.firstChild.nodeValue = text;
  } else {
    cell.textContent = text;
  }
  const now = figure(text);
  if ("sign" in cell.dataset) {
    cell.dataset.sign = now > 0 ? "pos" : now < 0 ? "neg" : "zero";
  }
  const change = now - figure(before);
  if (!quiet && change) {
    flash(cell, change > 0 ? "up" : "down");
  }
}

function writeCells(topic, cells, quiet) {
  const names = cellsOf(topic);
  for (const [name, text] of Object.entries(cells)) {
    for (const cell of names.get(name) ?? []) {
      writeCell(cell, String(text), quiet);
    }
  }
}

/** Whether replacing this part now would take away an open dialog or menu, or a field somebody is typing in. */
function inUse(part) {
  const focused = document.activeElement;
  const typing = part.contains(focused) && focused.matches("input, select, textarea");
  return typing || part.querySelector("dialog[open], details.menu[open]") !== null;
}

const refreshTimers = new WeakMap();
const refreshedAt = new WeakMap();

function refreshLater(part, after = REFRESH_AFTER_MS) {
  if (refreshTimers.has(part)) {
    return;
  }
  const rest = REFRESH_AGAIN_AFTER_MS - (performance.now() - (refreshedAt.get(part) ?? -Infinity));
  refreshTimers.set(part, setTimeout(() => refresh(part), Math.max(after, rest)));
}

function refresh(part) {
  refreshTimers.delete(part);
  if (!part.isConnected) {
    return;
  }
  if (inUse(part)) {
    refreshLater(part, BUSY_AGAIN_AFTER_MS);
    return;
  }
  refreshedAt.set(part, performance.now());
  htmx.trigger(part, "live");
}

/** Asks again for a part that could not be fetched: no other message may come that would. A refusal stays one. */
function refreshAfterFailures() {
  const again = (event) => {
    const { elt, requestConfig, xhr } = event.detail;
    const isRefused = xhr.status >= 400 && xhr.status < 500 && xhr.status !== 429;
    if (requestConfig?.triggeringEvent?.type === "live" && !isRefused) {
      refreshLater(elt, FAILED_AGAIN_AFTER_MS);
    }
  };
  document.addEventListener("htmx:responseError", again);
  document.addEventListener("htmx:sendError", again);
}

/** Has the parts of a topic fetched again: those that carry one of the names, or all of them. */
function refreshParts(topic, names = null) {
  for (const root of rootsOf(topic)) {
    for (const part of [root, ...root.querySelectorAll("[data-refresh]")]) {
      const own = part.dataset.refresh?.split(/\s+/) ?? [];
      if (own.length > 0 && belongsTo(part, root) && (names === null || names.some((name) => own.includes(name)))) {
        refreshLater(part);
      }
    }
  }
}

function apply(message, quiet) {
  writeCells(message.topic, message.cells ?? {}, quiet);
  // How venues are doing comes whole, and is shown in words that only the server has.
  const names = [...(message.refresh ?? []), ...(message.venues ? ["venues"] : [])];
  if (names.length > 0) {
    refreshParts(message.topic, names);
  }
  document.dispatchEvent(new CustomEvent("live:message", { detail: message }));
}

function receive(message) {
  if (message.type === "error") {
    document.dispatchEvent(new CustomEvent("live:error", { detail: message }));
  } else if (wanted.has(message.topic)) {
    const snapshot = message.type === "snapshot";
    apply(message, snapshot);
    if (snapshot) {
      refreshParts(message.topic);
    }
  }
}

function showState(state) {
  for (const element of document.querySelectorAll("[data-live-status]")) {
    element.dataset.state = state;
    element.querySelector("[data-live-text]").textContent = STATE_WORDS[state];
  }
}

/** Brings the subscriptions in line with the topics that the page has now. */
function sync() {
  index = null;
  wanted = new Set([...document.querySelectorAll("[data-topic]")].map((root) => root.dataset.topic).filter(Boolean));
  socket.want(wanted);
  if (wanted.size > 0) {
    socket.start();
  } else {
    socket.stop();
    showState("idle");
  }
}

function isElement(node) {
  return node.nodeType === Node.ELEMENT_NODE;
}

function watchPage() {
  let scheduled = false;
  const observer = new MutationObserver((changes) => {
    const elementsChanged = changes.some((change) => [...change.addedNodes, ...change.removedNodes].some(isElement));
    if (elementsChanged && !scheduled) {
      scheduled = true;
      queueMicrotask(() => {
        scheduled = false;
        sync();
      });
    }
  });
  observer.observe(document.body, { childList: true, subtree: true });
}

/** Marks rows that a refresh brought and the page did not have before; rows are known by their id. */
function markNewRows() {
  const known = new WeakMap();
  const rowIds = (part) => [...part.querySelectorAll("tr[id], li[id]")].map((row) => row.id);
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.requestConfig?.triggeringEvent?.type === "live") {
      known.set(event.detail.target, new Set(rowIds(event.detail.target)));
    }
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const { target } = event.detail;
    const before = known.get(target);
    known.delete(target);
    // A part that was replaced as a whole is gone; the event comes from the one in its place.
    const part = target.isConnected ? target : event.target;
    for (const id of before ? rowIds(part) : []) {
      if (!before.has(id)) {
        document.getElementById(id).dataset.new = "";
      }
    }
  });
}

export function startLive() {
  const address = new URL("/ws/live/", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new LiveSocket(address, { onMessage: receive, onState: showState });
  sync();
  watchPage();
  markNewRows();
  refreshAfterFailures();
  // A page kept for the back button must not hold a connection, and is stale when it returns.
  addEventListener("pagehide", () => socket.stop());
  addEventListener("pageshow", (event) => event.persisted && sync());
}

/**
 * Order books and trades, live. Their rows stand in the page from the start (templates/markets/_book.html, _trades.html),
 * the unused ones hidden; a message only changes their texts.
 *
 * [data-book]  hears {"book": {"at", "bids": [["price", "quantity"]], "asks"}}, best first
 * [data-tape]  hears {"trades": [{"id", "at", "side", "price", "quantity"}]}, oldest first: a snapshot, then the new ones
 */

import { numberFormat } from "./chart_data.js";

const quantity = new Intl.NumberFormat("en", { maximumFractionDigits: 8 });
const ratio = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium", timeZone: "UTC" });
const SIDES = { buy: "Buy", sell: "Sell" };

function write(row, texts) {
  for (const [name, text] of Object.entries(texts)) {
    const cell = row.querySelector(`[data-part="${name}"]`);
    if (cell.textContent !== text) {
      cell.textContent = text;
    }
  }
}

function cumulated(levels) {
  let total = 0;
  return levels.map(([price, size]) => {
    total += Number(size);
    return { price: Number(price), size: Number(size), total };
  });
}

function showSide(table, levels, largest, price) {
  [...table.tBodies[0].rows].forEach((row, place) => {
    const level = levels[place];
    row.hidden = !level;
    if (level) {
      row.style.setProperty("--level", largest > 0 ? (level.total / largest).toFixed(4) : "0");
      write(row, {
        price: price(level.price),
        quantity: quantity.format(level.size),
        total: quantity.format(level.total),
      });
    }
  });
}

function showBook(root, book) {
  if (!book.at) {
    return; // Nothing is known yet: what stands there stays.
  }
  const price = numberFormat(Number(root.dataset.precision));
  const bids = cumulated(book.bids);
  const asks = cumulated(book.asks);
  const largest = Math.max(bids.at(-1)?.total ?? 0, asks.at(-1)?.total ?? 0);
  showSide(root.querySelector('[data-side="bids"]'), bids, largest, price);
  showSide(root.querySelector('[data-side="asks"]'), asks, largest, price);
  const known = bids.length > 0 && asks.length > 0;
  const spread = known ? asks[0].price - bids[0].price : 0;
  const middle = known ? (asks[0].price + bids[0].price) / 2 : 0;
  root.querySelector("[data-book-spread]").textContent = known ? price(spread) : "–";
  root.querySelector("[data-book-bps]").textContent = middle ? `${ratio.format((spread / middle) * 10_000)} bps` : "–";
  root.querySelector("[data-book-time]").textContent = clock.format(new Date(book.at));
  root.dataset.state = "ready";
}

/** element -> its trades, newest first. */
const tapes = new WeakMap();

function standing(root) {
  return [...root.querySelectorAll("tr[data-trade]")].map((row) => ({ id: row.dataset.trade, row: row.cloneNode(true) }));
}

function showTrades(root, trades, isSnapshot) {
  const rows = [...root.querySelector("tbody").rows];
  const before = isSnapshot ? [] : (tapes.get(root) ?? standing(root));
  const known = new Set(before.map((one) => one.id));
  const fresh = trades.filter((one) => !known.has(one.id)).reverse();
  if (fresh.length === 0) {
    return;
  }
  const kept = [...fresh, ...before].slice(0, rows.length);
  tapes.set(root, kept);
  const price = numberFormat(Number(root.dataset.precision));
  rows.forEach((row, place) => showTrade(row, kept[place], price));
  root.dataset.state = "ready";
}

function showTrade(row, trade, price) {
  row.hidden = !trade;
  if (!trade) {
    return;
  }
  row.dataset.trade = trade.id;
  if (trade.row) {
    row.dataset.side = trade.row.dataset.side;
    write(row, Object.fromEntries([...trade.row.cells].map((cell) => [cell.dataset.part, cell.textContent])));
    return;
  }
  row.dataset.side = trade.side;
  write(row, {
    time: clock.format(new Date(trade.at)),
    side: SIDES[trade.side] ?? "–",
    quantity: quantity.format(Number(trade.quantity)),
    price: price(Number(trade.price)),
  });
}

function hear({ detail: message }) {
  if (message.book || message.trades) {
    for (const root of document.querySelectorAll(`[data-topic="${CSS.escape(message.topic)}"]`)) {
      if ("book" in root.dataset && message.book) {
        showBook(root, message.book);
      } else if ("tape" in root.dataset && message.trades) {
        showTrades(root, message.trades, message.type === "snapshot");
      }
    }
  }
}

export function startBooks() {
  document.addEventListener("live:message", hear);
}

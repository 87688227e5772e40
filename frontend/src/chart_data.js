/** What a chart is drawn from: times in seconds, numbers as numbers, rows in order; and the words that describe it. */

/** Above this many trades on one chart their labels would only cover each other. */
const LABELLED_MARKERS = 8;

function seconds(time) {
  return typeof time === "number" ? time : Date.parse(time) / 1000;
}

export function candle({ time, open, high, low, close }) {
  return { time: seconds(time), open: Number(open), high: Number(high), low: Number(low), close: Number(close) };
}

export function point({ time, value }) {
  return { time: seconds(time), value: Number(value) };
}

export function trade({ time, side, text }) {
  return { time: seconds(time), side, text };
}

/** Sorts rows by time; of two with the same time the later one stands. */
export function inOrder(rows) {
  return [...new Map(rows.map((row) => [row.time, row])).values()].sort((a, b) => a.time - b.time);
}

export function withoutCrowd(trades) {
  return trades.length > LABELLED_MARKERS ? trades.map((one) => ({ ...one, text: "" })) : trades;
}

/** Returns how many decimals a price of this size deserves. */
export function decimalsFor(value) {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) {
    return 2;
  }
  return size >= 1 ? 4 : Math.min(8, 4 - Math.floor(Math.log10(size)));
}

export function numberFormat(decimals) {
  const format = new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return (value) => format.format(value).replace("-", "−");
}

export function change(first, last) {
  const ratio = first === 0 ? 0 : last / first - 1;
  const sign = ratio > 0 ? "pos" : ratio < 0 ? "neg" : "zero";
  const text = `${ratio > 0 ? "+" : ""}${(ratio * 100).toFixed(2)}%`.replace("-", "−");
  return { sign, text };
}

const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

/** Returns [name, text] pairs for those who cannot see the picture. */
export function summary(rows, trades, write, plain = false) {
  const opening = (row) => row.open ?? row.value;
  const closing = (row) => row.close ?? row.value;
  const first = rows[0];
  const last = rows.at(-1);
  const facts = [
    ["From", `${day.format(first.time * 1000)} UTC`],
    ["To", `${day.format(last.time * 1000)} UTC`],
    ["First", write(opening(first))],
    ["Last", write(closing(last))],
    ["Highest", write(Math.max(...rows.map((row) => row.high ?? row.value)))],
    ["Lowest", write(Math.min(...rows.map((row) => row.low ?? row.value)))],
    ...(plain ? [] : [["Change", change(opening(first), closing(last)).text]]),
  ];
  if (trades.length > 0) {
    const buys = trades.filter((one) => one.side === "buy").length;
    facts.push(["Trades", `${buys} bought, ${trades.length - buys} sold`]);
  }
  return facts;
}

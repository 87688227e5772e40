/**
 * A backtest's candles with its entries and exits: `<figure class="chart" data-trades-chart data-url="/….json">`.
 * The address takes ?from=&to= (seconds) and answers as many candles as a screen can show, coarser where more would be:
 * {"step": seconds, "first", "last", "candles": [[time, open, high, low, close], …], "markers": [[time, kind, count, text], …]}.
 * Whoever zooms in gets finer ones. A `[data-show-trade="from,to"]` anywhere on the page shows that trade.
 */

import { CandlestickSeries, createChart, createSeriesMarkers } from "lightweight-charts";

import { decimalsFor, numberFormat } from "./chart_data.js";
import * as look from "./chart_look.js";

const QUIET_MS = 180;
/** Above this many markers their words would only cover each other. */
const WORDED_MARKERS = 60;
/** How many candles are left and right of a trade that is shown. */
const AROUND_TRADE = 40;

const KINDS = {
  long: { position: "belowBar", shape: "arrowUp", colour: "accent" },
  short: { position: "aboveBar", shape: "arrowDown", colour: "accent" },
  won: { position: "aboveBar", shape: "circle", colour: "gain" },
  lost: { position: "aboveBar", shape: "circle", colour: "loss" },
};

const drawn = new Map();
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });

function make(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

class TradesChart {
  constructor(element) {
    this.element = element;
    this.legend = element.querySelector("[data-chart-legend]");
    this.canvas = make("div", "chart-canvas", element);
    this.canvas.setAttribute("role", "img");
    this.message = make("div", "chart-message", element);
    this.message.setAttribute("role", "status");
    this.chart = createChart(this.canvas, {
      autoSize: true,
      ...look.chartOptions(look.palette()),
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
    });
    this.chart.timeScale().applyOptions({ minBarSpacing: 0.2, rightOffset: 0 });
    this.series = this.chart.addSeries(CandlestickSeries, look.candleOptions(look.palette()));
    this.series.applyOptions({ priceLineVisible: false, lastValueVisible: false });
    this.markers = createSeriesMarkers(this.series, []);
    this.chart.subscribeCrosshairMove((move) => this.#showLegend(move.seriesData?.get(this.series)));
    this.chart.timeScale().subscribeVisibleTimeRangeChange(() => this.#later());
    element.querySelector("[data-show-all]")?.addEventListener("click", () => this.load());
    this.load();
  }

  /** Loads the candles from…to (seconds), else all of them, and shows `shown` of them, else all. */
  async load(from, to, shown) {
    this.loading?.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    const url = new URL(this.element.dataset.url, location.href);
    if (from !== undefined) {
      url.searchParams.set("from", Math.floor(from));
      url.searchParams.set("to", Math.ceil(to));
    }
    this.element.setAttribute("aria-busy", "true");
    if (!this.answer) {
      this.element.dataset.state = "loading";
    }
    try {
      const response = await fetch(url, { signal, headers: { Accept: "application/json" } });
      if (!response.ok) {
        throw new Error(`The server answered ${response.status}`);
      }
      this.#show(await response.json(), shown);
    } catch (error) {
      if (!signal.aborted) {
        console.warn(`${url.pathname}: ${error.message}`);
        this.#failed();
      }
    }
    this.element.removeAttribute("aria-busy");
  }

  #show(answer, shown) {
    this.answer = answer;
    const rows = answer.candles.map(([time, open, high, low, close]) => ({ time, open, high, low, close }));
    this.element.dataset.state = rows.length > 0 ? "ready" : "empty";
    this.element.dataset.step = answer.step;
    this.message.replaceChildren();
    if (rows.length === 0) {
      this.message.textContent = this.element.dataset.empty ?? "No candles are left of this time.";
      return;
    }
    this.last = rows.at(-1);
    const decimals = decimalsFor(this.last.close);
    this.write = numberFormat(decimals);
    this.series.applyOptions({ priceFormat: { type: "custom", formatter: this.write, minMove: 10 ** -decimals } });
    this.settling = true;
    this.series.setData(rows);
    this.#showMarkers();
    if (shown) {
      this.chart.timeScale().setVisibleRange(shown);
    } else {
      this.chart.timeScale().fitContent();
    }
    // What the chart reports of its own move is no wish of the reader's.
    setTimeout(() => (this.settling = false), QUIET_MS);
    this.#describe(rows);
    this.#showLegend();
  }

  #showMarkers() {
    const colours = look.palette();
    const worded = this.answer.markers.length <= WORDED_MARKERS;
    this.markers.setMarkers(
      this.answer.markers.map(([time, kind, count, text]) => {
        const { position, shape, colour } = KINDS[kind];
        return { time, position, shape, color: colours[colour], text: worded ? (count > 1 ? `×${count}` : text) : "" };
      }),
    );
  }

  /** Asks for finer candles once the reader has zoomed well into these, or for others once they leave these. */
  #later() {
    clearTimeout(this.waiting);
    if (this.settling || !this.answer) {
      return;
    }
    this.waiting = setTimeout(() => {
      const range = this.chart.timeScale().getVisibleRange();
      const rows = this.answer.candles;
      if (!range || rows.length < 2) {
        return;
      }
      const [first, last] = [rows[0][0], rows.at(-1)[0]];
      const width = range.to - range.from;
      const zoomedIn = this.answer.step > this.answer.finest && width < (last - first) / 3;
      const atEdge =
        (range.from <= first && first > this.answer.first) || (range.to >= last && last + this.answer.step < this.answer.last);
      if (zoomedIn || atEdge) {
        this.load(range.from - width, range.to + width, range);
      }
    }, QUIET_MS);
  }

  showTrade(from, to) {
    const around = Math.max((to - from) * 0.5, AROUND_TRADE * this.answer.finest);
    const shown = { from: Math.max(this.answer.first, from - around), to: Math.min(this.answer.last, to + around) };
    this.load(shown.from - around, shown.to + around, shown);
    this.element.scrollIntoView({ block: "center" });
  }

  repaint() {
    const colours = look.palette();
    this.chart.applyOptions(look.chartOptions(colours));
    this.series.applyOptions({ ...look.candleOptions(colours), priceLineVisible: false });
    if (this.answer) {
      this.#showMarkers();
    }
  }

  #showLegend(row = this.last) {
    if (!row) {
      return;
    }
    this.legend.replaceChildren();
    make("span", "", this.legend).textContent = `${moment.format(row.time * 1000)} UTC`;
    for (const [name, value] of [["O", row.open], ["H", row.high], ["L", row.low], ["C", row.close]]) {
      const part = make("span", "", this.legend);
      part.append(`${name} `);
      make("b", "", part).textContent = this.write(value);
    }
  }

  #describe(rows) {
    const highest = Math.max(...rows.map((row) => row.high));
    const lowest = Math.min(...rows.map((row) => row.low));
    const entries = this.answer.markers.filter(([, kind]) => kind === "long" || kind === "short");
    const count = entries.reduce((sum, [, , many]) => sum + many, 0);
    const words = [
      this.element.dataset.label,
      `From ${moment.format(rows[0].time * 1000)} to ${moment.format(rows.at(-1).time * 1000)} UTC`,
      `Highest ${this.write(highest)}, lowest ${this.write(lowest)}`,
      `${count} entries`,
    ];
    this.canvas.setAttribute("aria-label", words.join(". "));
  }

  #failed() {
    this.element.dataset.state = "failed";
    this.message.replaceChildren();
    make("p", "", this.message).textContent = "The chart could not be loaded.";
    const again = make("button", "btn btn-sm", this.message);
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => this.load());
  }

  remove() {
    this.loading?.abort();
    clearTimeout(this.waiting);
    this.chart.remove();
  }
}

let listening = false;

function listen() {
  listening = true;
  document.addEventListener("theme:change", () => drawn.forEach((one) => one.repaint()));
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-show-trade]");
    const chart = [...drawn.values()].find((one) => one.element.isConnected && one.answer);
    if (button && chart) {
      chart.showTrade(...button.dataset.showTrade.split(",").map(Number));
    }
  });
}

/** Draws what is new on the page and takes down what has left it. */
export function startTradesCharts() {
  if (!listening) {
    listen();
  }
  for (const [element, one] of drawn) {
    if (!element.isConnected) {
      one.remove();
      drawn.delete(element);
    }
  }
  for (const element of document.querySelectorAll("[data-trades-chart]")) {
    if (!drawn.has(element)) {
      drawn.set(element, new TradesChart(element));
    }
  }
}

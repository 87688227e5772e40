/**
 * Charts: `<figure data-chart="candles|equity" data-url="/….json" data-label="…">`. The address answers
 * {"candles": [{time, open, high, low, close}], "markers": [{time, side, text}]} or {"points": [{time, value}]}, times in
 * seconds UTC. Live messages of the nearest data-topic append: {"series": {"candle": {…}, "marker": {…}}} or {"equity": {…}};
 * data-series names another key than candle or equity. A `[data-chart-url]` button inside shows another address.
 * Within a `[data-refresh]` part a chart's markers are fetched again when the part is told to; its picture stays.
 * With data-extras the answer's volumes and indicators are drawn, too (chart_overlays.js); `[data-chart-indicator="sma"]`
 * buttons choose, ?indicators=sma,… asks for them, and the page's own address remembers them and the range.
 */

import { AreaSeries, CandlestickSeries, createChart, createSeriesMarkers } from "lightweight-charts";

import * as data from "./chart_data.js";
import * as look from "./chart_look.js";
import { Overlays } from "./chart_overlays.js";

const CANDLE_PX = 8;
/** Volumes and indicators of a candle that closed are fetched so soon, and no more often than this. */
const EXTRAS_AFTER_MS = 1_000;
const EXTRAS_AGAIN_AFTER_MS = 5_000;
const EMPTY_WORDS = { candles: "No prices yet.", equity: "No history yet. It starts with the first snapshot." };

/** element -> Chart, for those on the page. */
const charts = new Map();

function make(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

class Chart {
  constructor(element) {
    this.element = element;
    this.kind = element.dataset.chart;
    this.rows = [];
    this.trades = [];
    this.legend = element.querySelector("[data-chart-legend]") ?? make("div", "chart-legend", element);
    this.canvas = make("div", "chart-canvas", element);
    this.message = make("div", "chart-message", element);
    this.table = make("table", "sr-only", element);
    this.canvas.setAttribute("role", "img");
    this.message.setAttribute("role", "status");
    this.#build();
    this.load();
  }

  #build() {
    const colours = look.palette();
    const candles = this.kind === "candles";
    this.chart = createChart(this.canvas, {
      autoSize: true,
      ...look.chartOptions(colours),
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
      // A wheel over a plain curve scrolls the page; over candles it zooms, as traders expect.
      handleScale: { mouseWheel: candles },
    });
    // A curve shows all of its range, however many points that is.
    this.chart.timeScale().applyOptions({ minBarSpacing: candles ? 0.5 : 0.01 });
    this.series = candles
      ? this.chart.addSeries(CandlestickSeries, look.candleOptions(colours))
      : this.chart.addSeries(AreaSeries, look.areaOptions(colours));
    this.markers = createSeriesMarkers(this.series, []);
    if ("extras" in this.element.dataset) {
      this.overlays = new Overlays(this.chart, colours, (value) => this.write(value));
    }
    this.chart.subscribeCrosshairMove(({ seriesData }) =>
      this.#showLegend(seriesData?.get(this.series) ?? this.rows.at(-1), seriesData),
    );
  }

  /** Returns the names of the indicators whose buttons are pressed. */
  get indicators() {
    const pressed = this.element.querySelectorAll('[data-chart-indicator][aria-pressed="true"]');
    return [...pressed].map((button) => button.dataset.chartIndicator).join(",");
  }

  get #address() {
    const chosen = this.indicators;
    return chosen ? `${this.element.dataset.url}?indicators=${chosen}` : this.element.dataset.url;
  }

  repaint() {
    const colours = look.palette();
    this.overlays?.repaint(colours);
    this.chart.applyOptions(look.chartOptions(colours));
    this.series.applyOptions(this.kind === "candles" ? look.candleOptions(colours) : look.areaOptions(colours));
    this.#showMarkers(colours);
  }

  async load() {
    this.loading?.abort();
    this.loading = new AbortController();
    const { signal } = this.loading;
    this.#state("loading");
    try {
      const response = await fetch(this.#address, { signal, headers: { Accept: "application/json" } });
      if (!response.ok) {
        throw new Error(`The server answered ${response.status}`);
      }
      this.#show(await response.json());
    } catch (error) {
      if (!signal.aborted) {
        this.#failed(error);
      }
    }
  }

  /** Takes the trades of a fresh answer and nothing else: whoever looks at the chart has scrolled or zoomed it. */
  async loadTrades() {
    if (this.kind !== "candles" || this.element.dataset.state !== "ready") {
      return;
    }
    try {
      const response = await fetch(this.element.dataset.url, { headers: { Accept: "application/json" } });
      if (response.ok) {
        this.#takeTrades(await response.json());
        this.#showMarkers(look.palette());
        this.#describe();
      }
    } catch {
      // The next live message asks again.
    }
  }

  /** Takes the volumes and indicators of a fresh answer and nothing else. */
  async loadExtras() {
    clearTimeout(this.extrasTimer);
    this.extrasTimer = 0;
    this.extrasAt = performance.now();
    const asked = this.#address;
    try {
      const response = await fetch(asked, { headers: { Accept: "application/json" } });
      if (response.ok && asked === this.#address) {
        this.overlays.show(await response.json(), this.rows);
        this.#showLegend(this.rows.at(-1));
        this.#describe();
      }
    } catch {
      // The next candle asks again.
    }
  }

  #extrasLater() {
    const rest = EXTRAS_AGAIN_AFTER_MS - (performance.now() - (this.extrasAt ?? -Infinity));
    this.extrasTimer ||= setTimeout(() => this.loadExtras(), Math.max(EXTRAS_AFTER_MS, rest));
  }

  #takeTrades(answer) {
    this.trades = (answer.markers ?? []).map(data.trade).sort((a, b) => a.time - b.time);
  }

  #show(answer) {
    this.rows = data.inOrder(this.kind === "candles" ? answer.candles.map(data.candle) : answer.points.map(data.point));
    this.#takeTrades(answer);
    this.#setPrecision();
    this.series.setData(this.rows);
    this.overlays?.show(answer, this.rows);
    this.#showMarkers(look.palette());
    this.#frame();
    this.#describe();
    this.#showLegend(this.rows.at(-1));
    this.#state(this.rows.length > 0 ? "ready" : "empty");
  }

  #setPrecision() {
    const last = this.rows.at(-1);
    const given = this.element.dataset.precision;
    this.decimals = given ? Number(given) : last ? data.decimalsFor(last.close ?? last.value) : 2;
    this.write = data.numberFormat(this.decimals);
    this.series.applyOptions({
      priceFormat: { type: "custom", formatter: this.write, minMove: 10 ** -this.decimals },
    });
  }

  #frame() {
    const count = this.rows.length;
    const fitting = Math.floor(this.canvas.clientWidth / CANDLE_PX);
    if (this.kind === "candles" && count > fitting) {
      this.chart.timeScale().setVisibleLogicalRange({ from: count - fitting, to: count + 3 });
    } else {
      this.chart.timeScale().fitContent();
    }
  }

  #showMarkers(colours) {
    this.markers.setMarkers(data.withoutCrowd(this.trades).map((trade) => look.markerOf(trade, colours)));
  }

  #showLegend(row, seriesData = null) {
    this.legend.replaceChildren();
    if (!row) {
      return;
    }
    const first = this.rows[0];
    const pairs =
      this.kind === "candles" ? [["O", row.open], ["H", row.high], ["L", row.low], ["C", row.close]] : [["", row.value]];
    for (const [name, value] of pairs) {
      const part = make("span", "", this.legend);
      part.append(name && `${name} `);
      make("b", "", part).textContent = this.write(value);
    }
    // Where money goes in and out, first against last is no result.
    if ("plain" in this.element.dataset) {
      return;
    }
    const { sign, text } =
      this.kind === "candles" ? data.change(row.open, row.close) : data.change(first.value, row.value);
    const part = make("span", "", this.legend);
    part.dataset.sign = sign;
    part.textContent = text;
    for (const { name, text: figures, colour } of this.overlays?.legend(seriesData) ?? []) {
      const line = make("span", "", this.legend);
      line.append(`${name} `);
      const figure = make("b", "", line);
      figure.style.color = colour;
      figure.textContent = figures;
    }
  }

  #describe() {
    const label = this.element.dataset.label ?? "Chart";
    const plain = "plain" in this.element.dataset;
    const facts = this.rows.length > 0 ? data.summary(this.rows, this.trades, this.write, plain) : [];
    facts.push(...(this.overlays?.legend().map(({ name, text }) => [name, text]) ?? []));
    this.canvas.setAttribute("aria-label", [label, ...facts.map(([name, text]) => `${name}: ${text}`)].join(". "));
    this.table.replaceChildren();
    make("caption", "", this.table).textContent = label;
    const body = make("tbody", "", this.table);
    for (const [name, text] of facts) {
      const row = make("tr", "", body);
      const head = make("th", "", row);
      head.scope = "row";
      head.textContent = name;
      make("td", "", row).textContent = text;
    }
  }

  #state(state) {
    this.element.dataset.state = state;
    this.message.replaceChildren();
    if (state === "empty") {
      this.message.textContent = this.element.dataset.empty ?? EMPTY_WORDS[this.kind];
    }
  }

  #failed(error) {
    console.warn(`${this.element.dataset.url}: ${error.message}`);
    this.#state("failed");
    make("p", "", this.message).textContent = "The chart could not be loaded.";
    const again = make("button", "btn btn-sm", this.message);
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => this.load());
  }

  /** Takes what one live message has for this chart. */
  hear(series) {
    if (!["ready", "empty"].includes(this.element.dataset.state)) {
      return; // What is being loaded holds it already.
    }
    const name = this.element.dataset.series ?? (this.kind === "candles" ? "candle" : "equity");
    [series[name] ?? []].flat().forEach((row) => this.#append(row));
    const trades = [series.marker ?? []].flat().map(data.trade);
    if (this.kind === "candles" && trades.length > 0) {
      this.trades.push(...trades);
      this.#showMarkers(look.palette());
    }
  }

  #append(raw) {
    const row = this.kind === "candles" ? data.candle(raw) : data.point(raw);
    const last = this.rows.at(-1);
    if (last && row.time < last.time) {
      return;
    }
    if (last?.time === row.time) {
      this.rows[this.rows.length - 1] = row;
    } else {
      this.rows.push(row);
      if (this.overlays && last) {
        this.#extrasLater();
      }
    }
    this.overlays?.hear({ ...row, volume: raw.volume });
    if (!last) {
      this.#setPrecision();
      this.#state("ready");
    }
    this.series.update(row);
    this.#showLegend(row);
  }

  remove() {
    this.loading?.abort();
    clearTimeout(this.extrasTimer);
    this.chart.remove();
  }
}

function hear({ detail: message }) {
  for (const chart of message.series ? charts.values() : []) {
    if (chart.element.closest("[data-topic]")?.dataset.topic === message.topic) {
      chart.hear(message.series);
    }
  }
}

function choose(button) {
  const element = button.closest("[data-chart]");
  for (const other of element.querySelectorAll("[data-chart-url]")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
  element.dataset.url = button.dataset.chartUrl;
  if (button.dataset.chartSeries) {
    element.dataset.series = button.dataset.chartSeries;
  }
  if ("extras" in element.dataset) {
    remember("timeframe", button.dataset.chartSeries);
  }
  charts.get(element).load();
}

function toggleIndicator(button) {
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  const chart = charts.get(button.closest("[data-chart]"));
  remember("indicators", chart.indicators);
  chart.loadExtras();
}

/** Writes a choice into the page's address, so that it survives a reload and can be handed on. */
function remember(name, value) {
  const here = new URL(location.href);
  if (value) {
    here.searchParams.set(name, value);
  } else {
    here.searchParams.delete(name);
  }
  history.replaceState(history.state, "", here);
}

let listening = false;

function listen() {
  if (listening) {
    return;
  }
  listening = true;
  document.addEventListener("live:message", hear);
  document.addEventListener("live", ({ target }) => {
    for (const chart of charts.values()) {
      if (target.contains(chart.element)) {
        chart.loadTrades();
      }
    }
  });
  document.addEventListener("theme:change", () => charts.forEach((chart) => chart.repaint()));
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-chart] [data-chart-url]");
    if (button) {
      choose(button);
    }
    const indicator = event.target.closest?.("[data-chart] [data-chart-indicator]");
    if (indicator) {
      toggleIndicator(indicator);
    }
  });
}

/** Draws the charts that the page has and this has not drawn; lets go of those that htmx took away. */
export function startCharts() {
  listen();
  for (const [element, chart] of charts) {
    if (!element.isConnected) {
      chart.remove();
      charts.delete(element);
    }
  }
  for (const element of document.querySelectorAll("[data-chart]")) {
    if (!charts.has(element)) {
      charts.set(element, new Chart(element));
    }
  }
}

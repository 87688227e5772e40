/**
 * Curves over time: `<figure class="chart" data-curves data-url="/….json" data-label="…">`. The address answers
 * {"unit": "percent" | "money", "curves": [{"name", "points": [[seconds, value], …]}], "drawdowns": [{…}]}: the first curve
 * is an area, the others are lines, drawdowns stand in a pane of their own below. Names and values stand in the legend.
 */

import { AreaSeries, createChart, LineSeries, LineStyle } from "lightweight-charts";

import { decimalsFor, numberFormat } from "./chart_data.js";
import * as look from "./chart_look.js";

/** A curve is told from its neighbour by its stroke as well as by its colour. */
const STROKES = [LineStyle.Solid, LineStyle.Solid, LineStyle.Dashed, LineStyle.Solid, LineStyle.Dashed];
const SHARE_OF_DRAWDOWNS = 0.32;

/** element -> Curves, for those on the page. */
const drawn = new Map();

const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" });

function make(tag, className, parent) {
  const element = document.createElement(tag);
  element.className = className;
  parent.append(element);
  return element;
}

function percent(value) {
  // Nothing has no sign, whatever arithmetic left of one.
  const shown = Math.abs(value) < 0.00005 ? 0 : value * 100;
  return `${numberFormat(Math.abs(value) >= 10 ? 1 : 2)(shown)}%`;
}

class Curves {
  constructor(element) {
    this.element = element;
    this.legend = element.querySelector("[data-chart-legend]") ?? make("div", "chart-legend", element);
    this.canvas = make("div", "chart-canvas", element);
    this.canvas.setAttribute("role", "img");
    this.message = make("div", "chart-message", element);
    this.message.setAttribute("role", "status");
    this.lines = [];
    this.chart = createChart(this.canvas, {
      autoSize: true,
      ...look.chartOptions(look.palette()),
      // All of the time is shown, and a wheel or a finger scrolls the page.
      handleScroll: false,
      handleScale: false,
    });
    this.chart.subscribeCrosshairMove((move) => this.#showLegend(move));
    this.load();
  }

  async load() {
    this.element.dataset.state = "loading";
    this.message.replaceChildren();
    try {
      const response = await fetch(this.element.dataset.url, { headers: { Accept: "application/json" } });
      if (!response.ok) {
        throw new Error(`The server answered ${response.status}`);
      }
      this.#show(await response.json());
    } catch (error) {
      console.warn(`${this.element.dataset.url}: ${error.message}`);
      this.#failed();
    }
  }

  #show(answer) {
    this.lines.forEach((line) => this.chart.removeSeries(line.series));
    const all = answer.curves.flatMap((curve) => curve.points.map(([, value]) => value));
    this.write = answer.unit === "percent" ? percent : numberFormat(decimalsFor(Math.max(0, ...all)));
    this.lines = [
      ...answer.curves.map((curve, place) => this.#line(curve, place, 0, this.write)),
      ...(answer.drawdowns ?? []).map((curve, place) => this.#line(curve, place, 1, percent)),
    ];
    this.repaint();
    if (answer.drawdowns?.length) {
      const height = this.canvas.clientHeight;
      this.chart.panes()[1]?.setHeight(Math.round(height * SHARE_OF_DRAWDOWNS));
    }
    this.chart.timeScale().fitContent();
    this.#describe();
    this.#showLegend({});
    this.element.dataset.state = all.length > 0 ? "ready" : "empty";
    if (all.length === 0) {
      this.message.textContent = this.element.dataset.empty ?? "Nothing to draw.";
    }
  }

  #line(curve, place, pane, write) {
    const area = place === 0;
    const series = this.chart.addSeries(area ? AreaSeries : LineSeries, {}, pane);
    series.applyOptions({
      lineWidth: area ? 2 : 1.5,
      lineStyle: STROKES[place % STROKES.length],
      priceLineVisible: false,
      lastValueVisible: false,
      priceFormat: { type: "custom", formatter: write, minMove: 1e-6 },
      invertFilledArea: pane === 1,
    });
    series.setData(curve.points.map(([time, value]) => ({ time, value })));
    return { series, curve, place, pane, write, area };
  }

  repaint() {
    const colours = look.palette();
    this.chart.applyOptions(look.chartOptions(colours));
    this.chart.timeScale().applyOptions({ minBarSpacing: 0.001, rightOffset: 0, timeVisible: false });
    for (const { series, place, pane, area } of this.lines) {
      if (pane === 1) {
        series.priceScale().applyOptions({ scaleMargins: { top: 0, bottom: 0.08 } });
      }
      const colour = pane === 1 && area ? colours.loss : colours.curves[place % colours.curves.length];
      const fill = pane === 1 ? [colours.fallTop, colours.fallTop] : [colours.areaTop, colours.areaBottom];
      const single = this.lines.filter((line) => line.pane === pane && line.area).length === 1;
      series.applyOptions(
        area
          ? { lineColor: colour, topColor: single ? fill[0] : "transparent", bottomColor: single ? fill[1] : "transparent" }
          : { color: colour },
      );
    }
  }

  #showLegend(move) {
    this.legend.replaceChildren();
    if (move.time) {
      make("span", "", this.legend).textContent = day.format(move.time * 1000);
    }
    for (const { series, curve, place, pane, write } of this.lines) {
      const value = move.seriesData?.get(series)?.value ?? curve.points.at(-1)?.[1];
      if (value === undefined || (pane === 1 && place > 0)) {
        continue;
      }
      const part = make("span", "curve-name", this.legend);
      make("i", `swatch swatch-${pane === 1 ? "fall" : (place % 5) + 1}`, part);
      part.append(`${curve.name} `);
      make("b", "", part).textContent = write(value);
    }
  }

  #describe() {
    const words = this.lines
      .filter(({ curve }) => curve.points.length > 0)
      .map(({ curve, write }) => {
        const values = curve.points.map(([, value]) => value);
        const [first, last] = [values[0], values.at(-1)];
        return `${curve.name}: from ${write(first)} to ${write(last)}, lowest ${write(Math.min(...values))}, highest ${write(Math.max(...values))}`;
      });
    const label = this.element.dataset.label ?? "Chart";
    this.canvas.setAttribute("aria-label", [label, ...words].join(". "));
  }

  #failed() {
    this.element.dataset.state = "failed";
    make("p", "", this.message).textContent = "The chart could not be loaded.";
    const again = make("button", "btn btn-sm", this.message);
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => this.load());
  }

  remove() {
    this.chart.remove();
  }
}

let listening = false;

/** Draws what is new on the page and takes down what has left it. */
export function startCurves() {
  if (!listening) {
    listening = true;
    document.addEventListener("theme:change", () => drawn.forEach((one) => one.repaint()));
  }
  for (const [element, one] of drawn) {
    if (!element.isConnected) {
      one.remove();
      drawn.delete(element);
    }
  }
  for (const element of document.querySelectorAll("[data-curves]")) {
    if (!drawn.has(element)) {
      drawn.set(element, new Curves(element));
    }
  }
}

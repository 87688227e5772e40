/**
 * What a market's chart shows beside its candles: volumes in a pane below, and the indicators that the server computed.
 * An answer holds {"volumes": [[seconds, quantity]], "indicators": [{key, label, pane: "price"|"own",
 * lines: [{label, kind: "line"|"histogram", points: [[seconds, value]]}]}]}, all of closed candles.
 */

import { HistogramSeries, LineSeries } from "lightweight-charts";

/** How the height is shared out. */
const PRICE_SHARE = 5;
const VOLUME_SHARE = 1;
const OWN_SHARE = 1.4;

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });

export class Overlays {
  constructor(chart, colours, write) {
    this.chart = chart;
    this.colours = colours;
    this.write = write;
    this.drawn = [];
    this.shape = "";
    const quiet = { priceLineVisible: false, lastValueVisible: false };
    this.volumes = chart.addSeries(
      HistogramSeries,
      { ...quiet, priceFormat: { type: "custom", formatter: (value) => compact.format(value), minMove: 1e-8 } },
      1,
    );
    this.#share();
  }

  /** Draws what an answer holds; `rows` are its candles, which give the bars their colours. */
  show(answer, rows) {
    const rising = new Map(rows.map((row) => [row.time, row.close >= row.open]));
    this.bars = (answer.volumes ?? []).map(([time, value]) => ({ time, value, up: rising.get(time) ?? true }));
    this.#drawVolumes();
    const indicators = answer.indicators ?? [];
    const shape = indicators.map((one) => one.key).join();
    if (shape !== this.shape) {
      this.#build(indicators);
      this.shape = shape;
    }
    indicators.forEach((one, place) => this.#fill(this.drawn[place], one));
  }

  /** Takes the volume that a live candle may carry. */
  hear({ time, open, close, volume }) {
    if (volume !== undefined && !(this.bars?.at(-1)?.time > time)) {
      this.volumes.update({ time, value: Number(volume), color: this.#barColour(close >= open) });
    }
  }

  repaint(colours) {
    this.colours = colours;
    this.#drawVolumes();
    this.drawn.forEach((one) => one.series.forEach((series, place) => series.applyOptions(this.#look(one, place))));
  }

  /** Returns {name, text, colour} of each line under the crosshair, else of the newest candle. */
  legend(seriesData) {
    const found = [];
    for (const one of this.drawn) {
      const texts = one.series.map((series, place) => {
        const value = seriesData?.get(series)?.value ?? one.last[place];
        return value === undefined ? "–" : this.#text(one, value);
      });
      found.push({ name: one.label, text: texts.join(" "), colour: this.#colour(one, 0) });
    }
    return found;
  }

  #drawVolumes() {
    this.volumes.setData((this.bars ?? []).map(({ time, value, up }) => ({ time, value, color: this.#barColour(up) })));
  }

  #barColour(up) {
    return up ? this.colours.volumeUp : this.colours.volumeDown;
  }

  #build(indicators) {
    for (const series of this.drawn.flatMap((one) => one.series)) {
      this.chart.removeSeries(series);
    }
    let pane = 1;
    this.drawn = indicators.map((one, order) => {
      const own = one.pane === "own";
      pane += own ? 1 : 0;
      const made = { key: one.key, label: one.label, own, order, kinds: one.lines.map((line) => line.kind), last: [] };
      made.series = one.lines.map((line, place) =>
        this.chart.addSeries(
          line.kind === "histogram" ? HistogramSeries : LineSeries,
          this.#look(made, place),
          own ? pane : 0,
        ),
      );
      return made;
    });
    this.#share();
  }

  #share() {
    this.chart.panes().forEach((pane, place) => {
      pane.setStretchFactor(place === 0 ? PRICE_SHARE : place === 1 ? VOLUME_SHARE : OWN_SHARE);
    });
  }

  #fill(drawn, indicator) {
    indicator.lines.forEach((line, place) => {
      drawn.series[place].setData(line.points.map(([time, value]) => ({ time, value })));
      drawn.last[place] = line.points.at(-1)?.[1];
    });
  }

  #colour(one, place) {
    const { curves } = this.colours;
    // The three lines of a band are one thing; those in a pane of their own are not.
    return curves[(one.order + (one.own ? place : 0)) % curves.length];
  }

  #look(one, place) {
    const formatter = (value) => this.#text(one, value);
    const colour = one.kinds[place] === "histogram" ? this.colours.line : this.#colour(one, place);
    return {
      color: colour,
      lineWidth: 1,
      priceLineVisible: false,
      lastValueVisible: false,
      crosshairMarkerVisible: false,
      priceFormat: { type: "custom", formatter, minMove: 1e-8 },
    };
  }

  #text(one, value) {
    return one.own ? short.format(value).replace("-", "−") : this.write(value);
  }
}

/** How charts look: the tokens' colours as the canvas needs them, and the options made of them. */

/** Returns a resolved token as "rgba(r, g, b, alpha)"; a custom property alone would still read "light-dark(…)". */
function colour(probe, token, alpha = 1) {
  probe.style.color = `var(--${token})`;
  const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g);
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

export function palette() {
  const probe = document.createElement("span");
  document.body.append(probe);
  const read = (token, alpha) => colour(probe, token, alpha);
  const colours = {
    text: read("faint"),
    grid: read("line", 0.6),
    line: read("line"),
    crosshair: read("muted"),
    label: read("ink"),
    up: read("candle-up"),
    down: read("candle-down"),
    volumeUp: read("candle-up", 0.45),
    volumeDown: read("candle-down", 0.45),
    gain: read("up"),
    loss: read("down"),
    accent: read("accent"),
    areaTop: read("accent", 0.2),
    areaBottom: read("accent", 0),
    fallTop: read("down", 0.16),
    // Curves beside each other, in the order of the swatches in styles/pictures.css.
    curves: ["accent", "faint", "warn", "violet", "up"].map((token) => read(token)),
  };
  probe.remove();
  return colours;
}

export function chartOptions(colours) {
  return {
    layout: {
      attributionLogo: false, // The footer of every page names the library and its makers.
      background: { color: "transparent" },
      textColor: colours.text,
      fontFamily: getComputedStyle(document.body).fontFamily,
      fontSize: 11,
      panes: { separatorColor: colours.line, enableResize: false },
    },
    grid: { vertLines: { visible: false }, horzLines: { color: colours.grid } },
    rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.1 } },
    timeScale: { borderColor: colours.line, timeVisible: true, secondsVisible: false, rightOffset: 3 },
    crosshair: {
      vertLine: { color: colours.crosshair, labelBackgroundColor: colours.label },
      horzLine: { color: colours.crosshair, labelBackgroundColor: colours.label },
    },
  };
}

export function candleOptions(colours) {
  return {
    upColor: colours.up,
    downColor: colours.down,
    wickUpColor: colours.up,
    wickDownColor: colours.down,
    borderVisible: false,
    // The last price's label takes this colour; white on the candles' own would be hard to read.
    priceLineColor: colours.crosshair,
  };
}

export function areaOptions(colours) {
  return {
    lineColor: colours.accent,
    topColor: colours.areaTop,
    bottomColor: colours.areaBottom,
    lineWidth: 2,
    priceLineVisible: false,
  };
}

export function markerOf({ time, side, text }, colours) {
  const buy = side === "buy";
  return {
    time,
    position: buy ? "belowBar" : "aboveBar",
    shape: buy ? "arrowUp" : "arrowDown",
    color: buy ? colours.up : colours.down,
    text,
  };
}

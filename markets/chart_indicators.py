"""The indicators that a market's chart offers: computed of closed candles, by the same functions as strategies use."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypedDict

from engine.candles import Candles, Floats, Times
from engine.indicators.averages import ema, sma
from engine.indicators.oscillators import macd, rsi
from engine.indicators.volatility import bollinger
from engine.indicators.volume import vwap_day
from engine.timeframes import MINUTE_MS, timeframe_ms

DAY_MINUTES = 1440
# An average forgets where it began: after so many candles more, nobody sees where the data start.
_SETTLING = 250


class Line(TypedDict):
    """One line of an indicator: [seconds since 1970 UTC, value] of each candle where it is defined."""

    label: str
    kind: str
    points: list[tuple[int, float]]


class Drawn(TypedDict):
    """An indicator as a chart takes it; `pane` is "price" where it lies over the candles, else "own"."""

    key: str
    label: str
    pane: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class ChartIndicator:
    """One entry of the list: its lines as (label, kind) and what computes them."""

    key: str
    name: str
    label: str
    pane: str
    lines: tuple[tuple[str, str], ...]
    compute: Callable[[Candles], Sequence[Floats]]


def _vwap(candles: Candles) -> Sequence[Floats]:
    return (vwap_day(candles.opened_at, (candles.high + candles.low + candles.close) / 3, candles.volume),)


_LINE = (("", "line"),)
_LISTED = (
    ChartIndicator("sma", "SMA", "SMA 20", "price", _LINE, lambda one: (sma(one.close, 20),)),
    ChartIndicator("ema", "EMA", "EMA 50", "price", _LINE, lambda one: (ema(one.close, 50),)),
    ChartIndicator(
        "bollinger",
        "Bollinger",
        "Bollinger 20, 2",
        "price",
        (("upper", "line"), ("middle", "line"), ("lower", "line")),
        lambda one: bollinger(one.close, 20, 2.0),
    ),
    ChartIndicator("vwap", "VWAP", "VWAP of the day", "price", _LINE, _vwap),
    ChartIndicator("rsi", "RSI", "RSI 14", "own", _LINE, lambda one: (rsi(one.close, 14),)),
    ChartIndicator(
        "macd",
        "MACD",
        "MACD 12, 26, 9",
        "own",
        (("line", "line"), ("signal", "line"), ("histogram", "histogram")),
        lambda one: macd(one.close, 12, 26, 9),
    ),
)
INDICATORS: Mapping[str, ChartIndicator] = MappingProxyType({one.key: one for one in _LISTED})


def chosen_indicators(text: str) -> list[str]:
    """Return the keys that an address names ("sma,rsi"), once each in the list's order; others are left out."""
    named = set(text.split(","))
    return [key for key in INDICATORS if key in named]


def warm_up(keys: Iterable[str], timeframe: str) -> int:
    """Return how many candles before the first that is shown these indicators must see."""
    # A day's VWAP begins at 00:00 UTC.
    day = DAY_MINUTES * MINUTE_MS // timeframe_ms(timeframe)
    return max((max(day, _SETTLING) if key == "vwap" else _SETTLING for key in keys), default=0)


def drawn_indicators(candles: Candles, keys: Iterable[str], shown: int) -> list[Drawn]:
    """Return these indicators of the newest `shown` of closed candles."""
    first = max(0, len(candles) - shown)
    return [_drawn(INDICATORS[key], candles, first) for key in keys]


def _drawn(one: ChartIndicator, candles: Candles, first: int) -> Drawn:
    times, found = candles.opened_at[first:], one.compute(candles)
    lines: list[Line] = [
        {"label": label, "kind": kind, "points": _points(times, values[first:])}
        for (label, kind), values in zip(one.lines, found, strict=True)
    ]
    return {"key": one.key, "label": one.label, "pane": one.pane, "lines": lines}


def _points(times: Times, values: Floats) -> list[tuple[int, float]]:
    # Ten digits are more than a screen shows, and half of the bytes.
    pairs: Iterable[tuple[Any, Any]] = zip((times // 1000).tolist(), values.tolist(), strict=True)
    return [(at, float(f"{value:.10g}")) for at, value in pairs if math.isfinite(value)]

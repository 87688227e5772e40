"""A result's candles with entries and exits, coarse enough for a screen: what a year of five-minute candles looks like."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from common.display import words
from engine.candles import Candles
from engine.simulation.types import ExitReason
from engine.timeframes import TIMEFRAMES, aggregate, moment, timeframe_ms
from markets.models import Instrument
from markets.selectors import candle_arrays, instruments_by_id
from strategies.models import Backtest
from strategies.presenting.stored import instrument_ids_of, trades_of

# More candles than a wide screen has room for say no more, and take time to send and draw.
MOST_CANDLES = 1200
DAY_MS = 86_400_000
Marker = tuple[int, str, int, str]


def price_chart(backtest: Backtest, place: int, start_s: int | None = None, end_s: int | None = None) -> dict[str, Any]:
    """Return the candles of the backtest's instrument number `place` from start to end (seconds), and what was traded."""
    ids = instrument_ids_of(backtest)
    place = place if place < len(ids) else 0
    instrument = instruments_by_id([ids[place]])[ids[place]]
    first, last = (int(at.timestamp() * 1000) for at in (backtest.starts_at, backtest.ends_at))
    start, end = _range(first, last, start_s, end_s)
    candles, step_ms = _coarse(_candles(instrument, backtest.timeframe, start, end), backtest.timeframe)
    rounded = np.column_stack([candles.open, candles.high, candles.low, candles.close])
    rows = zip((candles.opened_at // 1000).tolist(), _rounded(rounded).tolist(), strict=True)
    return {
        "first": first // 1000,
        "last": last // 1000,
        "step": step_ms // 1000,
        "finest": timeframe_ms(backtest.timeframe) // 1000,
        "candles": [[at, *prices] for at, prices in rows],
        "markers": _markers(backtest, place, candles, step_ms),
    }


def _range(first: int, last: int, start_s: int | None, end_s: int | None) -> tuple[int, int]:
    """Return the part that is asked for, within what was tested (ms)."""
    start = first if start_s is None else min(max(first, start_s * 1000), last)
    end = last if end_s is None else min(max(start, end_s * 1000), last)
    return start, end


def _candles(instrument: Instrument, timeframe: str, start: int, end: int) -> Candles:
    return candle_arrays(instrument, timeframe, start=moment(start), end=moment(end))


def _coarse(candles: Candles, timeframe: str) -> tuple[Candles, int]:
    """Return the candles in the finest timeframe of which a screen shows them all, and its length (ms)."""
    step = timeframe_ms(timeframe)
    for name, length in TIMEFRAMES.items():
        if length >= step and len(candles) * step / length <= MOST_CANDLES:
            return (candles if length == step else aggregate(candles, name)), length
    days = int(np.ceil(len(candles) * step / DAY_MS / MOST_CANDLES))
    daily = aggregate(candles, "1d")
    return daily if days < 2 else _grouped(daily, days), days * DAY_MS


def _grouped(daily: Candles, days: int) -> Candles:
    """Return candles of several days each."""
    starts = np.arange(0, len(daily), days)
    ends = np.append(starts[1:], len(daily)) - 1
    return Candles(
        daily.opened_at[starts],
        daily.open[starts],
        np.maximum.reduceat(daily.high, starts),
        np.minimum.reduceat(daily.low, starts),
        daily.close[ends],
        np.add.reduceat(daily.volume, starts),
    )


def _rounded(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return prices with seven significant digits: aggregation leaves no more, and they are a third as long to send."""
    largest = float(np.nanmax(prices)) if prices.size else 1.0
    digits = 6 - int(np.floor(np.log10(largest))) if largest > 0 else 6
    return np.asarray(np.round(prices, max(digits, 0)))


def _markers(backtest: Backtest, place: int, candles: Candles, step_ms: int) -> list[Marker]:
    """Return entries and exits on the candles that hold them; what falls together is counted."""
    if not len(candles):
        return []
    trades = trades_of(backtest)
    mine = trades["instrument"] == place
    shorts, won = trades["is_short"][mine], trades["profit"][mine] > 0
    entries = _placed(trades["opened_at"][mine], candles, step_ms)
    exits = _placed(trades["closed_at"][mine], candles, step_ms)
    reasons = trades["exit_reason"][mine]
    markers = [
        *_counted(candles, entries[~shorts], "long"),
        *_counted(candles, entries[shorts], "short"),
        *_counted(candles, exits[won], "won", reasons[won]),
        *_counted(candles, exits[~won], "lost", reasons[~won]),
    ]
    return sorted(markers)


def _placed(times: NDArray[np.int64], candles: Candles, step_ms: int) -> NDArray[np.int64]:
    """Return the place of the candle that holds each moment; −1 where none here does."""
    places = np.searchsorted(candles.opened_at, times, side="right") - 1
    inside = (places >= 0) & (times < candles.opened_at[places] + step_ms)
    return np.where(inside, places, -1)


def _counted(
    candles: Candles, places: NDArray[np.int64], kind: str, reasons: NDArray[np.int8] | None = None
) -> list[Marker]:
    inside = places >= 0
    found, index, counts = np.unique(places[inside], return_index=True, return_counts=True)
    texts = [""] * len(found)
    if reasons is not None:
        texts = [words(ExitReason(code).name) for code in reasons[inside][index].tolist()]
    times = (candles.opened_at[found] // 1000).tolist()
    return [(at, kind, many, text) for at, many, text in zip(times, counts.tolist(), texts, strict=True)]

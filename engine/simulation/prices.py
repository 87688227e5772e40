"""Prices and profits: slippage, ticks and lots, the profit of a trade at a price, the price of a profit (rules 6, 9, 13)."""

from __future__ import annotations

import math

import numpy as np

from engine.simulation.compiled import Record, float_at, int_at, part
from engine.simulation.records import Bar
from engine.simulation.types import SlippageKind

# numba reads members of an IntEnum, not those of a StrEnum.
SLIPPAGE_CODES = {kind: code for code, kind in enumerate(SlippageKind)}
_BPS, _RANGE = SLIPPAGE_CODES[SlippageKind.BPS], SLIPPAGE_CODES[SlippageKind.RANGE_SHARE]
_VOLUME = SLIPPAGE_CODES[SlippageKind.VOLUME_SHARE]
# A number of steps this close (as a ratio) to a whole one is whole: floats of decimal steps are never exact.
_WHOLE = 1e-9


@part
def read_bar(setup: Record, feed: Record, index: int) -> Bar:
    """Return a candle of the strategy's timeframe."""
    return Bar(
        int_at(feed.opened_at, index),
        setup.step_ms,
        float_at(feed.open, index),
        float_at(feed.high, index),
        float_at(feed.low, index),
        float_at(feed.close, index),
        float_at(feed.volume, index) if setup.slippage_kind == _VOLUME else 0.0,  # memory is what costs here
    )


@part
def read_fine(setup: Record, feed: Record, index: int) -> Bar:
    """Return a candle of the finer timeframe."""
    return Bar(
        int_at(feed.fine_at, index),
        setup.fine_ms,
        float_at(feed.fine_open, index),
        float_at(feed.fine_high, index),
        float_at(feed.fine_low, index),
        float_at(feed.fine_close, index),
        float_at(feed.fine_volume, index) if setup.slippage_kind == _VOLUME else 0.0,
    )


@part
def has_price(feed: Record, index: int) -> bool:
    """Tell whether a candle can be traded at: four positive finite prices, high not below low."""
    high, low = float_at(feed.high, index), float_at(feed.low, index)
    if not 0.0 < low <= high < math.inf:
        return False
    return bool(0.0 < float_at(feed.open, index) < math.inf and 0.0 < float_at(feed.close, index) < math.inf)


@part
def on_tick(price: float, tick: float, side: float) -> float:
    """Round a price to the venue's tick against the trader: up for a buyer (side +1), down for a seller (side -1).

    Never below one tick, which is the lowest price there is.
    """
    if tick <= 0.0:
        return price
    steps = price / tick
    if abs(steps - np.rint(steps)) <= _WHOLE * steps:
        return price
    return float(np.ceil(steps) if side > 0.0 else max(np.floor(steps), 1.0)) * tick


@part
def in_lots(quantity: float, lot: float) -> float:
    """Round a quantity down to the venue's step."""
    if lot <= 0.0:
        return quantity
    steps = quantity / lot
    if abs(steps - np.rint(steps)) <= _WHOLE * steps:
        return quantity
    return float(np.floor(steps)) * lot


@part
def market_price(setup: Record, feed: Record, bar: Bar, price: float, side: float, quantity: float) -> float:
    """Return what a market order gets that aims at `price`: slippage and tick, both against the trader."""
    kind, value = setup.slippage_kind, setup.slippage_value
    if kind == _BPS:
        price = price * (1.0 + side * value / 10_000.0)
    elif kind == _RANGE:
        # A share of the range is a guess about the path inside the candle, so it stays inside.
        price = price + side * value * (bar.high - bar.low)
        price = min(price, bar.high) if side > 0.0 else max(price, bar.low)
    elif kind == _VOLUME:
        part_of_volume = min(1.0, quantity / bar.volume) if bar.volume > 0.0 else 1.0
        price = price * (1.0 + side * value * math.sqrt(part_of_volume))
    return on_tick(price, feed.tick_size, side)


@part
def ratio_at(setup: Record, book: Record, price: float, exit_fee: float) -> float:
    """Return the profit per stake if the trade closed at `price` (rule 13), before funding."""
    paid = book.price * (1.0 + book.side * book.entry_fee)
    return float(book.side * (price * (1.0 - book.side * exit_fee) / paid - 1.0) * setup.leverage)


@part
def rounded(ratio: float) -> float:
    """Return a profit ratio to 8 decimals, as thresholds are compared: floats of equal ratios differ in the 16th digit."""
    return float(np.rint(ratio * 1e8)) / 1e8


@part
def target_price(setup: Record, book: Record, ratio: float, exit_fee: float) -> float:
    """Return the price that gives exactly this profit per stake after both fees (rule 9)."""
    paid = book.price * (1.0 + book.side * book.entry_fee)
    return float((paid + book.side * book.price * ratio / setup.leverage) / (1.0 - book.side * exit_fee))

"""What the reference simulator speaks of: candles, orders, trades, instruments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.simulation.types import ExitReason, FillRule, Series, Settings
from engine.strategy.types import Setting
from engine.timeframes import timeframe_ms


def number(setting: Setting | None) -> float:
    """Return a setting as a number; the tests use no parameters."""
    assert isinstance(setting, int | float)
    return float(setting)


@dataclass
class Candle:
    """One candle; `minutes_long` is its length."""

    at: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    minutes_long: int

    @property
    def has_price(self) -> bool:
        prices = (self.open, self.high, self.low, self.close)
        return all(math.isfinite(price) and price > 0 for price in prices) and self.low <= self.high


@dataclass
class Order:
    """An entry or exit order that waits."""

    price: float
    at: int
    is_limit: bool
    reason: ExitReason | None = None


@dataclass
class Trade:
    """An entry order, then a trade."""

    short: bool
    signal_bar: int
    open_bar: int
    opened_at: int
    budget: float
    entry_fee: float
    entry: Order
    open_price: float = 0.0
    quantity: float = 0.0
    stake: float = 0.0
    fill_bar: int = -1
    filled_at: int = -1
    fees: float = 0.0
    funding: float = 0.0
    initial_stop: float | None = None
    stop: float | None = None
    stop_distance: float = 0.0
    exit_order: Order | None = None
    exit_wish_waits: bool = False
    row: int = -1
    funded_until: int = -1

    @property
    def sign(self) -> int:
        return -1 if self.short else 1

    @property
    def is_open(self) -> bool:
        return self.fill_bar >= 0


def candles_of(candles: Any, minutes: int) -> list[Candle]:
    names = ("opened_at", "open", "high", "low", "close", "volume")
    rows = zip(*(getattr(candles, name).tolist() for name in names), strict=True)
    return [Candle(row[0], row[1], row[2], row[3], row[4], row[5], minutes) for row in rows]


def tick_rounded(price: float, tick: float, buying: bool) -> float:
    if not tick:
        return price
    steps = price / tick
    if abs(steps - round(steps)) <= 1e-9 * steps:
        return price
    whole = math.ceil(steps) if buying else max(math.floor(steps), 1)
    return whole * tick


class Instrument:
    """One series and the trade on it."""

    def __init__(self, place: int, series: Series, settings: Settings) -> None:
        self.place, self.series, self.settings = place, series, settings
        minutes = timeframe_ms(settings.timeframe) // 60_000
        self.candles = candles_of(series.candles, minutes)
        priced = [i for i, candle in enumerate(self.candles) if candle.has_price]
        self.last = priced[-1] if priced else len(self.candles) - 1
        self.bar_at = {candle.at: i for i, candle in enumerate(self.candles)}
        self.trade: Trade | None = None
        self.fine: list[list[Candle]] = [[] for _ in self.candles]
        if settings.fill_rule is FillRule.DETAIL and series.detail is not None:
            distances = np.diff(series.detail.opened_at)
            fine_minutes = int(distances.min()) // 60_000 if len(distances) else minutes
            for candle in candles_of(series.detail, fine_minutes):
                for i, coarse in enumerate(self.candles):
                    if coarse.at <= candle.at < coarse.at + minutes * 60_000 and candle.has_price:
                        self.fine[i].append(candle)

    def steps(self, bar: int) -> list[Candle]:
        return self.fine[bar] or [self.candles[bar]]

    def signal(self, name: str, bar: int) -> bool:
        return bar >= self.settings.first_candle and bool(getattr(self.series, name)[bar])

"""What a candle itself says: its prices, its volume, its time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engine.candles import Floats
from engine.strategy.context import Context
from engine.strategy.nodes.ports import choice, number
from engine.strategy.types import Bools, Kind, NodeType, Port

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# 1970-01-01 was a Thursday.
FIRST_WEEKDAY = 3


def _hour_between(context: Context, start: float, end: float) -> Bools:
    hours = context.candles.opened_at % DAY_MS // HOUR_MS
    return _within(hours, int(start), int(end) - 1)


def _weekday_in(context: Context, first: str, last: str) -> Bools:
    days = (context.candles.opened_at // DAY_MS + FIRST_WEEKDAY) % 7
    return _within(days, WEEKDAYS.index(first), WEEKDAYS.index(last))


def _within(values: np.ndarray, first: int, last: int) -> Bools:
    if first <= last:
        return (values >= first) & (values <= last)
    return (values >= first) | (values <= last)


def _price(name: str, doc: str, compute: Callable[[Context], Floats]) -> NodeType:
    return NodeType(name, (), Kind.SERIES, compute, doc, "the candle", "price")


def _number(context: Context, value: float) -> Floats:
    return np.full(len(context.candles), float(value))


def _hour(name: str, default: int, doc: str, least: int, most: int) -> Port:
    return Port(name, Kind.NUMBER, doc, default, least, most, integer=True)


TYPES = (
    _price("open", "The candle's first price.", lambda context: context.candles.open),
    _price("high", "The candle's highest price.", lambda context: context.candles.high),
    _price("low", "The candle's lowest price.", lambda context: context.candles.low),
    _price("close", "The candle's last price.", lambda context: context.candles.close),
    _price("volume", "What was traded during the candle, in base units.", lambda context: context.candles.volume),
    _price("hl2", "(high + low) / 2.", lambda context: (context.candles.high + context.candles.low) / 2),
    _price("hlc3", "(high + low + close) / 3, the typical price.", lambda context: context.typical),
    _price(
        "ohlc4",
        "(open + high + low + close) / 4.",
        lambda context: (context.candles.open + context.candles.high + context.candles.low + context.candles.close) / 4,
    ),
    NodeType(
        "number",
        (number("value", None, -1e12, 1e12, "the number"),),
        Kind.SERIES,
        _number,
        "The same number on every candle.",
        "definition",
        "price",
    ),
    NodeType(
        "hour_between",
        (
            _hour("start", 8, "first hour, 0–23", 0, 23),
            _hour("end", 16, "the hour at which it ends, 1–24, itself not included", 1, 24),
        ),
        Kind.CONDITION,
        _hour_between,
        "Whether the candle opened from hour `start` on and before hour `end` (UTC); a start after the end spans midnight.",
        "definition",
        "time",
    ),
    NodeType(
        "weekday_in",
        (
            choice("first", WEEKDAYS, "the first day", "monday"),
            choice("last", WEEKDAYS, "the last day, itself included", "friday"),
        ),
        Kind.CONDITION,
        _weekday_in,
        "Whether the candle opened on one of these days (UTC); a first day after the last spans Sunday.",
        "definition",
        "time",
    ),
)

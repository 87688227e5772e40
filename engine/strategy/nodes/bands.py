"""Volatility, bands and stops that follow, as nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.candles import Floats
from engine.indicators import volatility
from engine.strategy.context import Context
from engine.strategy.nodes.ports import (
    EXPONENTIAL_PERIODS,
    TALIB,
    WILDER_PERIODS,
    Part,
    number,
    period,
    series,
    wilder,
    window,
)
from engine.strategy.types import Kind, NodeType, Numbers, Port

MULTIPLE = number("multiple", 2.0, 0.01, 100, "how many average true ranges")


def _atr(context: Context, period: float) -> Floats:
    return volatility.atr(context.candles.high, context.candles.low, context.candles.close, int(period))


def _natr(context: Context, period: float) -> Floats:
    return volatility.natr(context.candles.high, context.candles.low, context.candles.close, int(period))


def _bollinger(context: Context, series: Floats, period: float, deviations: float) -> tuple[Floats, ...]:
    return volatility.bollinger(series, int(period), float(deviations))


def _bandwidth(context: Context, series: Floats, period: float, deviations: float) -> Floats:
    upper, middle, lower = volatility.bollinger(series, int(period), float(deviations))
    return _ratio(upper - lower, middle)


def _percent(context: Context, series: Floats, period: float, deviations: float) -> Floats:
    upper, _, lower = volatility.bollinger(series, int(period), float(deviations))
    return _ratio(series - lower, upper - lower)


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio = np.full(len(above), np.nan)
    np.divide(above, below, out=ratio, where=below != 0)
    return ratio


def _keltner(context: Context, period: float, atr_period: float, multiple: float) -> tuple[Floats, ...]:
    candles = context.candles
    return volatility.keltner(candles.high, candles.low, candles.close, int(period), int(atr_period), float(multiple))


def _donchian(context: Context, period: float) -> tuple[Floats, ...]:
    return volatility.donchian(context.candles.high, context.candles.low, int(period))


def _supertrend(context: Context, period: float, multiple: float) -> tuple[Floats, ...]:
    candles = context.candles
    return volatility.supertrend(candles.high, candles.low, candles.close, int(period), float(multiple))


def _family(
    names: tuple[tuple[str, str], ...],
    ports: tuple[Port, ...],
    of: Callable[..., tuple[Any, ...]],
    source: str,
    warm_up: Callable[[Numbers], int],
    memory: Callable[[Numbers], int] | None = None,
) -> tuple[NodeType, ...]:
    return tuple(
        NodeType(name, ports, Kind.SERIES, Part(of, index), doc, source, "volatility", warm_up, memory)
        for index, (name, doc) in enumerate(names)
    )


BOLLINGER = (series(), period(default=20), number("deviations", 2.0, 0.01, 100, "how many standard deviations"))

TYPES = (
    NodeType(
        "atr",
        (period(default=14, minimum=1),),
        Kind.SERIES,
        _atr,
        "Wilder's average true range, in price.",
        TALIB,
        "volatility",
        window(offset=0),
        wilder,
    ),
    NodeType(
        "natr",
        (period(default=14, minimum=1),),
        Kind.SERIES,
        _natr,
        "Average true range in per cent of the close.",
        TALIB,
        "volatility",
        window(offset=0),
        wilder,
    ),
    *_family(
        (
            ("bollinger_upper", "Mean plus `deviations` population deviations."),
            ("bollinger_middle", "Mean of the last `period` values."),
            ("bollinger_lower", "Mean less `deviations` population deviations."),
        ),
        BOLLINGER,
        _bollinger,
        TALIB,
        window(),
    ),
    NodeType(
        "bollinger_bandwidth",
        BOLLINGER,
        Kind.SERIES,
        _bandwidth,
        "(upper − lower) / middle.",
        "Bollinger",
        "volatility",
        window(),
    ),
    NodeType(
        "bollinger_percent",
        BOLLINGER,
        Kind.SERIES,
        _percent,
        "%b: 0 on the lower band, 1 on the upper; undefined while the bands are one.",
        "Bollinger",
        "volatility",
        window(),
    ),
    *_family(
        (
            ("keltner_upper", "EMA of the close plus `multiple` ATR."),
            ("keltner_middle", "EMA of the close."),
            ("keltner_lower", "EMA of the close less `multiple` ATR."),
        ),
        (period(default=20), period("atr_period", 10, minimum=1), MULTIPLE),
        _keltner,
        "Raschke; EMA and ATR of TA-Lib",
        lambda numbers: max(int(numbers["period"]) - 1, int(numbers["atr_period"])),
        lambda numbers: max(EXPONENTIAL_PERIODS * int(numbers["period"]), WILDER_PERIODS * int(numbers["atr_period"])),
    ),
    *_family(
        (
            ("donchian_upper", "Highest high of the last `period` candles, this one included: lag it for breakouts."),
            ("donchian_middle", "Middle of the channel."),
            ("donchian_lower", "Lowest low of the last `period` candles, this one included."),
        ),
        (period(default=20, minimum=1),),
        _donchian,
        "Donchian; MAX and MIN of TA-Lib",
        window(),
    ),
    *_family(
        (
            (
                "supertrend",
                "A stop at `multiple` ATR from the candle's middle that only tightens until a close breaks it.",
            ),
            ("supertrend_direction", "1 while the supertrend runs below the price, −1 while above."),
        ),
        (period(default=10, minimum=1), number("multiple", 3.0, 0.01, 100, "how many average true ranges")),
        _supertrend,
        "Seban; ATR of TA-Lib",
        window(offset=0),
        # The side is forgotten at the next turn, which no number of candles promises; the widths are forgotten as ATR's.
        lambda numbers: 2 * wilder(numbers),
    ),
)

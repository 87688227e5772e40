"""Momentum and trend strength as nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.candles import Floats
from engine.indicators import oscillators
from engine.strategy.context import Context
from engine.strategy.nodes.ports import EXPONENTIAL_PERIODS, TALIB, Part, period, series, wilder, window
from engine.strategy.types import Kind, NodeType, Numbers, Port

MACD = (series(), period("fast", 12), period("slow", 26), period("signal", 9, minimum=1))
STOCHASTIC = (
    period("fast_k", 14, 1, "candles of the range"),
    period("slow_k", 3, 1, "candles that smooth %K"),
    period("slow_d", 3, 1, "candles that smooth %D"),
)
STOCH_RSI = (
    series(),
    period(default=14),
    period("fast_k", 14, 1, "values of the range"),
    period("fast_d", 3, 1, "values that smooth %D"),
)


def _macd(context: Context, series: Floats, fast: float, slow: float, signal: float) -> tuple[Floats, ...]:
    return oscillators.macd(series, int(fast), int(slow), int(signal))


def _slower(numbers: Numbers) -> int:
    return max(int(numbers["fast"]), int(numbers["slow"]))


def _stochastic(context: Context, fast_k: float, slow_k: float, slow_d: float) -> tuple[Floats, ...]:
    candles = context.candles
    return oscillators.stochastic(candles.high, candles.low, candles.close, int(fast_k), int(slow_k), int(slow_d))


def _fast(context: Context, fast_k: float) -> Floats:
    return oscillators.fast_stochastic(context.candles.high, context.candles.low, context.candles.close, int(fast_k))


def _stoch_rsi(context: Context, series: Floats, period: float, fast_k: float, fast_d: float) -> tuple[Floats, ...]:
    return oscillators.stochastic_rsi(series, int(period), int(fast_k), int(fast_d))


def _aroon(context: Context, period: float) -> tuple[Floats, ...]:
    down, up = oscillators.aroon(context.candles.high, context.candles.low, int(period))
    return up, down, up - down


def _on_candles(
    name: str,
    doc: str,
    compute: Callable[[Floats, Floats, Floats, int], Floats],
    warm_up: Callable[[Numbers], int],
    memory: Callable[[Numbers], int] | None = None,
    default: int = 14,
) -> NodeType:
    def computed(context: Context, period: float) -> Floats:
        return compute(context.candles.high, context.candles.low, context.candles.close, int(period))

    return NodeType(name, (period(default=default),), Kind.SERIES, computed, doc, TALIB, "momentum", warm_up, memory)


def _on_series(
    name: str,
    doc: str,
    compute: Callable[[Floats, int], Floats],
    default: int,
    memory: Callable[[Numbers], int] | None = None,
    minimum: int = 1,
) -> NodeType:
    def computed(context: Context, series: Floats, period: float) -> Floats:
        return compute(series, int(period))

    ports = (series(), period(default=default, minimum=minimum))
    return NodeType(name, ports, Kind.SERIES, computed, doc, TALIB, "momentum", window(offset=0), memory)


def _family(
    names: tuple[tuple[str, str], ...],
    ports: tuple[Port, ...],
    of: Callable[..., tuple[Any, ...]],
    warm_up: Callable[[Numbers], int],
    memory: Callable[[Numbers], int] | None = None,
) -> tuple[NodeType, ...]:
    return tuple(
        NodeType(name, ports, Kind.SERIES, Part(of, index), doc, TALIB, "momentum", warm_up, memory)
        for index, (name, doc) in enumerate(names)
    )


TYPES = (
    _on_series("rsi", "Wilder's relative strength index, 0–100.", oscillators.rsi, 14, wilder, minimum=2),
    *_family(
        (
            ("macd", "Fast EMA less slow EMA; begins when its signal does."),
            ("macd_signal", "EMA of the MACD line."),
            ("macd_histogram", "MACD line less its signal."),
        ),
        MACD,
        _macd,
        lambda numbers: _slower(numbers) + int(numbers["signal"]) - 2,
        lambda numbers: EXPONENTIAL_PERIODS * (_slower(numbers) + int(numbers["signal"])),
    ),
    *_family(
        (
            ("stoch_k", "Slow %K, 0–100: where the close lies in the range, smoothed; begins when %D does."),
            ("stoch_d", "Slow %D, 0–100: %K smoothed."),
        ),
        STOCHASTIC,
        _stochastic,
        lambda numbers: int(numbers["fast_k"]) + int(numbers["slow_k"]) + int(numbers["slow_d"]) - 3,
    ),
    NodeType(
        "stoch_fast",
        STOCHASTIC[:1],
        Kind.SERIES,
        _fast,
        "Raw %K, 0–100: where the close lies in the range of the last `fast_k` candles.",
        TALIB,
        "momentum",
        window("fast_k"),
    ),
    *_family(
        (
            ("stoch_rsi_k", "%K of the RSI within its own range, 0–100."),
            ("stoch_rsi_d", "%D of the RSI within its own range, 0–100."),
        ),
        STOCH_RSI,
        _stoch_rsi,
        lambda numbers: int(numbers["period"]) + int(numbers["fast_k"]) + int(numbers["fast_d"]) - 2,
        lambda numbers: wilder(numbers) + int(numbers["fast_k"]) + int(numbers["fast_d"]),
    ),
    _on_candles("cci", "Commodity channel index, constant 0.015.", oscillators.cci, window(), default=20),
    _on_candles(
        "adx",
        "Wilder's average directional index, 0–100: how strong a trend is, up or down.",
        oscillators.adx,
        lambda numbers: 2 * int(numbers["period"]) - 1,
        lambda numbers: 2 * wilder(numbers),
    ),
    _on_candles("plus_di", "Wilder's +DI, 0–100.", oscillators.plus_di, window(offset=0), wilder),
    _on_candles("minus_di", "Wilder's −DI, 0–100.", oscillators.minus_di, window(offset=0), wilder),
    *_family(
        (
            ("aroon_up", "How recent the highest high of `period` + 1 candles is, 0–100."),
            ("aroon_down", "How recent the lowest low of `period` + 1 candles is, 0–100."),
            ("aroon_oscillator", "Aroon up less Aroon down, −100 to 100."),
        ),
        (period(default=25),),
        _aroon,
        window(offset=0),
    ),
    _on_series("roc", "Change since `period` candles ago, in per cent.", oscillators.roc, 10),
    _on_series("momentum", "Difference from `period` candles ago.", oscillators.momentum, 10),
)

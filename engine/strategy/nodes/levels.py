"""Price levels and candle patterns as nodes."""

from __future__ import annotations

from typing import Any

from engine.candles import Floats
from engine.indicators import levels
from engine.indicators.patterns import PATTERNS, pattern, pattern_warm_up
from engine.strategy.context import Context
from engine.strategy.nodes.ports import Part, choice, number, period, window
from engine.strategy.nodes.prices import DAY_MS
from engine.strategy.types import Bools, Kind, NodeType, Numbers

PIVOTS = {
    "pivot": "(high + low + close) / 3",
    "r1": "2 pivot − low",
    "r2": "pivot + high − low",
    "r3": "high + 2 (pivot − low)",
    "s1": "2 pivot − high",
    "s2": "pivot − high + low",
    "s3": "low − 2 (high − pivot)",
}
SWING = (
    period("left", 5, 1, "candles before the swing", 500),
    period("right", 5, 1, "candles after it, which must have closed", 500),
)


def _pivots(context: Context) -> tuple[Floats, ...]:
    days = context.days
    candles = days.candles
    found = levels.pivots(candles.high, candles.low, candles.close, days.closed_at, context.closed_at)
    return tuple(found[name] for name in PIVOTS)


def _days_to_first_close(numbers: Numbers) -> int:
    # At worst the data begin just after midnight: that day is not whole, the next one counts when its last candle closes.
    return 2 * max(1, DAY_MS // int(numbers["candle_ms"])) - 2


def _conversion(context: Context, period: float) -> Floats:
    return levels.middle_of_range(context.candles.high, context.candles.low, int(period))


def _span_a(context: Context, conversion: float, base: float) -> Floats:
    return (_conversion(context, conversion) + _conversion(context, base)) / 2


def _fibonacci(context: Context, ratio: float, period: float) -> Floats:
    return levels.fibonacci(context.candles.high, context.candles.low, float(ratio), int(period))


def _resistance(context: Context, left: float, right: float) -> Floats:
    return levels.resistance(context.candles.high, int(left), int(right))


def _support(context: Context, left: float, right: float) -> Floats:
    return levels.support(context.candles.low, int(left), int(right))


def _swing_window(numbers: Numbers) -> int:
    return int(numbers["left"]) + int(numbers["right"])


def _swing_memory(numbers: Numbers) -> int:
    return (levels.SWING_MEMORY_WINDOWS + 1) * (_swing_window(numbers) + 1)


def _candle_pattern(context: Context, name: str, side: str) -> Bools:
    candles = context.candles
    found = pattern(name, candles.open, candles.high, candles.low, candles.close)
    if side == "bullish":
        return found > 0
    return found < 0


def _ichimoku(name: str, doc: str, default: int) -> NodeType:
    ports = (period(default=default, minimum=1),)
    return NodeType(name, ports, Kind.SERIES, _conversion, doc, "Hosoda", "levels", window())


def _swing(name: str, doc: str, compute: Any) -> NodeType:
    return NodeType(name, SWING, Kind.SERIES, compute, doc, "definition", "levels", _swing_window, _swing_memory)


TYPES = (
    *(
        NodeType(
            name if name == "pivot" else f"pivot_{name}",
            (),
            Kind.SERIES,
            Part(_pivots, index),
            f"{text} of the last UTC day that has closed.",
            "floor traders' classic",
            "levels",
            _days_to_first_close,
        )
        for index, (name, text) in enumerate(PIVOTS.items())
    ),
    _ichimoku("ichimoku_conversion", "Middle of the range of 9 candles (tenkan).", 9),
    _ichimoku("ichimoku_base", "Middle of the range of 26 candles (kijun).", 26),
    NodeType(
        "ichimoku_span_a",
        (period("conversion", 9, 1), period("base", 26, 1)),
        Kind.SERIES,
        _span_a,
        "Mean of conversion and base as known now; lag it by 26 for the cloud as it is drawn under this candle.",
        "Hosoda",
        "levels",
        lambda numbers: max(int(numbers["conversion"]), int(numbers["base"])) - 1,
    ),
    _ichimoku(
        "ichimoku_span_b", "Middle of the range of 52 candles as known now; lag it by 26 for the cloud drawn.", 52
    ),
    NodeType(
        "fibonacci",
        (
            number(
                "ratio", 0.618, -5, 5, "0 the highest high, 1 the lowest low; 0.236, 0.382, 0.5, 0.618, 0.786 between"
            ),
            period(default=100, minimum=1),
        ),
        Kind.SERIES,
        _fibonacci,
        "The price that lies `ratio` of the range of `period` candles below its highest high.",
        "definition",
        "levels",
        window(),
    ),
    _swing("resistance", "The newest confirmed swing high; undefined when it is 50 windows old.", _resistance),
    _swing("support", "The newest confirmed swing low; undefined when it is 50 windows old.", _support),
    NodeType(
        "candle_pattern",
        (
            choice("name", tuple(PATTERNS), "which pattern"),
            choice("side", ("bullish", "bearish"), "patterns that have no side count as bullish", "bullish"),
        ),
        Kind.CONDITION,
        _candle_pattern,
        "Whether TA-Lib finds the candle pattern here.",
        "TA-Lib",
        "patterns",
        lambda numbers: pattern_warm_up(numbers["name"]),
    ),
)

"""Volume as nodes."""

from __future__ import annotations

from collections.abc import Callable

from engine.candles import Floats
from engine.indicators import averages, volume
from engine.strategy.context import Context
from engine.strategy.nodes.ports import TALIB, period, window
from engine.strategy.nodes.prices import DAY_MS
from engine.strategy.types import Kind, NodeType, Numbers, Port


def _obv(context: Context) -> Floats:
    return volume.obv(context.candles.close, context.candles.volume)


def _mfi(context: Context, period: float) -> Floats:
    candles = context.candles
    return volume.mfi(candles.high, candles.low, candles.close, candles.volume, int(period))


def _vwap_day(context: Context) -> Floats:
    return volume.vwap_day(context.candles.opened_at, context.typical, context.candles.volume)


def _vwap_rolling(context: Context, period: float) -> Floats:
    return volume.vwap_rolling(context.typical, context.candles.volume, int(period))


def _volume_average(context: Context, period: float) -> Floats:
    return averages.sma(context.candles.volume, int(period))


def _volume(
    name: str,
    doc: str,
    compute: Callable[..., Floats],
    ports: tuple[Port, ...] = (),
    source: str = TALIB,
    warm_up: Callable[[Numbers], int] = lambda numbers: 0,
    memory: Callable[[Numbers], int] | None = None,
) -> NodeType:
    return NodeType(name, ports, Kind.SERIES, compute, doc, source, "volume", warm_up, memory)


TYPES = (
    _volume("obv", "On-balance volume. Its level depends on where the data begin: compare it with itself.", _obv),
    _volume("mfi", "Money flow index, 0–100.", _mfi, (period(default=14),), warm_up=window(offset=0)),
    _volume(
        "vwap_day",
        "Volume-weighted mean of the typical price since 00:00 UTC.",
        _vwap_day,
        source="definition",
        memory=lambda numbers: max(0, DAY_MS // int(numbers["candle_ms"]) - 1),
    ),
    _volume(
        "vwap_rolling",
        "Volume-weighted mean of the typical price over `period` candles.",
        _vwap_rolling,
        (period(default=20, minimum=1),),
        "definition",
        window(),
    ),
    _volume(
        "volume_average",
        "Simple mean of the volume of the last `period` candles.",
        _volume_average,
        (period(default=20, minimum=1),),
        warm_up=window(),
    ),
)

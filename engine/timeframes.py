"""Timeframes: their lengths, the grid they lie on, and candles of a coarser one made from a finer one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np

from engine.candles import Candles

MINUTE_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# Each divides a UTC day, so every timeframe's grid starts at 1970-01-01 00:00 UTC.
TIMEFRAMES: Mapping[str, int] = MappingProxyType(
    {
        name: minutes * MINUTE_MS
        for name, minutes in {
            "1m": 1,
            "3m": 3,
            "5m": 5,
            "15m": 15,
            "30m": 30,
            "1h": 60,
            "2h": 120,
            "4h": 240,
            "6h": 360,
            "8h": 480,
            "12h": 720,
            "1d": 1440,
        }.items()
    }
)


def milliseconds(at: datetime) -> int:
    """Return a time as whole milliseconds since 1970 UTC, rounded down (exactly: no float in between)."""
    return (at - _EPOCH) // _MILLISECOND


def moment(at_ms: int) -> datetime:
    """Return the UTC time of a number of milliseconds since 1970 (exactly)."""
    return _EPOCH + at_ms * _MILLISECOND


def timeframe_ms(timeframe: str) -> int:
    """Return a timeframe's length in milliseconds; raise ValueError for one that is not in TIMEFRAMES."""
    if timeframe not in TIMEFRAMES:
        raise ValueError(f"{timeframe!r} is not a timeframe; choose one of {', '.join(TIMEFRAMES)}.")
    return TIMEFRAMES[timeframe]


def candle_start(at_ms: int, timeframe: str) -> int:
    """Return when the candle that holds the moment `at_ms` opened (milliseconds since 1970 UTC)."""
    return at_ms - at_ms % timeframe_ms(timeframe)


def aggregate(candles: Candles, timeframe: str) -> Candles:
    """Return candles of a coarser timeframe: first open, highest high, lowest low, last close, summed volume.

    A bucket is made of the candles that are there; whether the first and last are whole is the caller's to know.
    """
    if not len(candles):
        return candles
    buckets = candles.opened_at - candles.opened_at % timeframe_ms(timeframe)
    starts = np.flatnonzero(np.diff(buckets, prepend=buckets[0] - 1))
    ends = np.append(starts[1:], len(buckets)) - 1
    return Candles(
        opened_at=buckets[starts],
        open=candles.open[starts],
        high=np.maximum.reduceat(candles.high, starts),
        low=np.minimum.reduceat(candles.low, starts),
        close=candles.close[ends],
        volume=np.add.reduceat(candles.volume, starts),
    )

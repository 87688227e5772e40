"""Closed candles: stored as they close, moved into the candle store later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common.db import bulk_insert
from markets.models import RecentCandle


@dataclass(frozen=True, slots=True)
class ClosedCandle:
    """A candle that has ended: `opened_at` is its start (UTC); prices in quote units, volume in base units."""

    instrument_id: UUID
    timeframe: str
    opened_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


def store_recent_candles(*, candles: Sequence[ClosedCandle]) -> int:
    """Store closed candles and return how many were new; one that is there already stays as it is."""
    rows = [
        RecentCandle(
            instrument_id=candle.instrument_id,
            timeframe=candle.timeframe,
            opened_at=candle.opened_at,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
        )
        for candle in candles
    ]
    return bulk_insert(RecentCandle, rows, ignore_conflicts=True)

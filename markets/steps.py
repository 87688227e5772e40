"""What a price source yields: moments of market time, with new prices and the candles that they close."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID


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


@dataclass(frozen=True, slots=True)
class Step:
    """One moment of market time: new prices by instrument id, and the candles that these prices close."""

    at: datetime
    prices: dict[UUID, Decimal]
    closed: tuple[ClosedCandle, ...]


class PriceSource(Protocol):
    """Yields the steps of one namespace, oldest first; `persists_candles` where its candles are not stored yet."""

    namespace: str
    persists_candles: bool

    def steps(self) -> Iterator[Step]: ...

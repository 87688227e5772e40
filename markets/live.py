"""What open pages hear of prices: the newest of each instrument, four times a second, never one message per tick."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import clock, realtime

FLUSH_SECONDS = 0.25


class LivePrices:
    """Collects the prices of a namespace and publishes what changed to its topic `prices:<namespace>`."""

    def __init__(self, namespace: str) -> None:
        self._topic = f"prices:{namespace}"
        self._cells: dict[str, str] = {}
        self._flushed_at = clock.monotonic()

    def add(self, at: datetime, prices: Mapping[UUID, Decimal]) -> None:
        """Take new prices in; an older one of the same instrument that was not published yet never will be."""
        for instrument_id, price in prices.items():
            self._cells[f"{instrument_id}.price"] = format(price, "f")

    def flush_if_due(self) -> float:
        """Publish if the last time is long enough ago; return the seconds until the next time."""
        left = self._flushed_at + FLUSH_SECONDS - clock.monotonic()
        if left <= 0:
            self.flush()
            return FLUSH_SECONDS
        return left

    def flush(self) -> None:
        """Publish what has changed since the last time."""
        self._flushed_at = clock.monotonic()
        if self._cells:
            payload: dict[str, Any] = {"cells": self._cells}
            self._cells = {}
            realtime.publish([(self._topic, payload)])

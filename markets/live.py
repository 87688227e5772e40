"""What open pages hear of prices: the newest of each instrument, four times a second, never one message per tick.

Topics: `prices:<namespace>` has the cells `<instrument id>.price` and `.change`; `candles:<instrument id>` has a series
per timeframe, closed candles and the one that is forming.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from common import clock, display, realtime
from common.errors import NotFound
from engine.candle_builder import Candle, CandleBuilder
from engine.timeframes import MINUTE_MS, candle_start, milliseconds, moment
from markets.charts import candle_rows, chart_row, chart_rows, chart_timeframes
from markets.models import Instrument
from markets.selectors import candle_arrays, instrument_by_id, instruments_by_id, tradable_instruments
from markets.tickers import change_text, day_open, tickers

FLUSH_SECONDS = 0.25
# What a page that was away for a while gets of each timeframe to close the gap in its chart.
SNAPSHOT_CANDLES = 60


def prices_snapshot(user: Any, namespace: str) -> dict[str, Any]:
    """Return all cells of a namespace (the gate of `prices:`; prices are for everybody)."""
    found = tickers(tradable_instruments(namespace))
    if not found:
        raise NotFound("market")
    cells: dict[str, str] = {}
    for ticker in found:
        cells |= _cells(ticker.instrument, ticker.price, ticker.day_change)
    return {"cells": cells}


def candles_snapshot(user: Any, instrument_id: str) -> dict[str, Any]:
    """Return the newest candles of every timeframe (the gate of `candles:`; they are for everybody)."""
    instrument = instrument_by_id(instrument_id)
    timeframes = chart_timeframes(instrument)
    return {"series": {name: chart_rows(instrument, name, count=SNAPSHOT_CANDLES) for name in timeframes}}


def _cells(instrument: Instrument, price: Decimal | None, change: str) -> dict[str, str]:
    return {
        f"{instrument.id}.price": display.price(price, instrument.tick_size),
        f"{instrument.id}.change": change,
    }


class LivePrices:
    """Collects a namespace's prices between two publications; of an instrument's several only the newest is told."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._instruments: dict[UUID, _LiveInstrument] = {}
        self._changed: dict[UUID, Decimal] = {}
        self._flushed_at = clock.monotonic()

    def add(self, at: datetime, prices: Mapping[UUID, Decimal]) -> None:
        """Take in the prices of one moment."""
        self._meet(prices, at)
        for instrument_id in prices.keys() & self._instruments.keys():
            self._instruments[instrument_id].add(at, prices[instrument_id])
            self._changed[instrument_id] = prices[instrument_id]

    def flush_if_due(self) -> float:
        """Publish if the last time is long enough ago; return the seconds until the next time."""
        left = self._flushed_at + FLUSH_SECONDS - clock.monotonic()
        if left > 0:
            return left
        self.flush()
        return FLUSH_SECONDS

    def flush(self) -> None:
        """Publish what has changed since the last time."""
        self._flushed_at = clock.monotonic()
        changed, self._changed = self._changed, {}
        cells: dict[str, str] = {}
        messages: list[tuple[str, dict[str, Any]]] = []
        for instrument_id, price in changed.items():
            live = self._instruments[instrument_id]
            cells |= live.cells(price)
            messages.append((f"candles:{instrument_id}", {"series": live.series()}))
        if cells:
            realtime.publish([(f"prices:{self._namespace}", {"cells": cells}), *messages])

    def _meet(self, instrument_ids: Iterable[UUID], at: datetime) -> None:
        unknown = set(instrument_ids) - self._instruments.keys()
        for instrument_id, instrument in instruments_by_id(unknown).items() if unknown else ():
            self._instruments[instrument_id] = _LiveInstrument(instrument, at)


class _LiveInstrument:
    """One instrument between two publications: its forming candles, those that closed, and the day's reference."""

    def __init__(self, instrument: Instrument, at: datetime) -> None:
        self._instrument = instrument
        self._timeframes = chart_timeframes(instrument) or ["1m"]
        self._builder = CandleBuilder(self._timeframes)
        start = candle_start(milliseconds(at), self._timeframes[-1])
        history = candle_arrays(instrument, self._timeframes[0], start=moment(start), end=at)
        self._builder.resume(candle_rows(history))
        self._closed: defaultdict[str, list[Candle]] = defaultdict(list)
        self._minute = -1
        self._day_open: Decimal | None = None

    def add(self, at: datetime, price: Decimal) -> None:
        at_ms = milliseconds(at)
        for timeframe, candle in self._builder.add(at_ms, float(price), 0.0):
            self._closed[timeframe].append(candle)
        if self._minute != at_ms // MINUTE_MS:
            self._minute = at_ms // MINUTE_MS
            self._day_open = day_open(self._instrument, self._timeframes[0], at)

    def cells(self, price: Decimal) -> dict[str, str]:
        return _cells(self._instrument, price, change_text(price, self._day_open))

    def series(self) -> dict[str, list[Any]]:
        closed, self._closed = self._closed, defaultdict(list)
        forming = self._builder.forming()
        return {name: [chart_row(one) for one in (*closed[name], candle)] for name, candle in forming.items()}

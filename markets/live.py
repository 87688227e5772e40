"""What open pages hear of prices: the newest of each instrument, four times a second, never one message per tick.

Topics: `prices:<namespace>` has the cells `<instrument id>.price` and `.change`, `ticker:<instrument id>` those of one
instrument; `candles:<instrument id>` has a series per timeframe, closed candles and the one that is forming.
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
from markets.charts import CHART_TIMEFRAMES, candle_rows, chart_row, chart_rows, chart_timeframes
from markets.models import Instrument
from markets.selectors import candle_arrays, instrument_by_id, instruments_by_id, tradable_instruments
from markets.tickers import change_text, day_opens, tickers

FLUSH_SECONDS = 0.25
# Of so many instruments one publication asks for the price a day ago: a few milliseconds.
DAY_OPENS_AT_ONCE = 100
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
    """Collects a namespace's prices between two publications; of an instrument's several only the newest is told.

    A price costs little here: what candles and pages need of it is worked out once for all prices of a quarter second.
    """

    def __init__(self, namespace: str, *, makes_candles: bool = True) -> None:
        """Candles are made of the prices, unless a venue tells them itself (`add_candles`)."""
        self._namespace, self._makes_candles = namespace, makes_candles
        self._instruments: dict[UUID, _LiveInstrument] = {}
        self._collected: dict[UUID, _Collected] = {}
        self._drawn: dict[UUID, None] = {}
        self._flushed_at = clock.monotonic()

    def add(self, at: datetime, prices: Mapping[UUID, Decimal]) -> None:
        """Take in the prices of one moment."""
        at_ms = milliseconds(at)
        minute = at_ms // MINUTE_MS
        for instrument_id, price in prices.items():
            collected = self._collected.get(instrument_id)
            if collected is not None and collected.minute == minute:
                collected.add(price)
                continue
            if collected is not None:
                self._draw(instrument_id, collected)
            elif not self._knows(instrument_id, at):
                continue
            self._collected[instrument_id] = _Collected(minute, at_ms, price)

    def add_candles(self, at: datetime, candles: Mapping[UUID, Iterable[Candle]]) -> None:
        """Take in minutes of instruments as their venue has them, oldest first, the forming one last."""
        for instrument_id, found in candles.items():
            if self._knows(instrument_id, at):
                live = self._instruments[instrument_id]
                for candle in found:
                    live.put(candle, at)
                self._drawn[instrument_id] = None

    def set_day_opens(self, at: datetime, opens: Mapping[UUID, Decimal]) -> None:
        """Measure changes from what a venue itself says of the price a day ago."""
        for instrument_id, price in opens.items():
            if self._knows(instrument_id, at):
                live = self._instruments[instrument_id]
                live.day_open, live.is_day_told = price, True

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
        changed, self._collected = self._collected, {}
        for instrument_id, collected in changed.items():
            self._draw(instrument_id, collected)
        self._renew_day_opens(changed)
        own = {key: self._instruments[key].cells(collected.last) for key, collected in changed.items()}
        cells = {name: text for found in own.values() for name, text in found.items()}
        drawn, self._drawn = self._drawn, {}
        messages: list[tuple[str, dict[str, Any]]] = [(f"prices:{self._namespace}", {"cells": cells})] if cells else []
        messages += [(f"candles:{key}", {"series": self._instruments[key].series()}) for key in drawn]
        messages += [(f"ticker:{key}", {"cells": found}) for key, found in own.items()]
        realtime.publish(messages)

    def _draw(self, instrument_id: UUID, collected: _Collected) -> None:
        if self._makes_candles:
            self._instruments[instrument_id].add(collected)
            self._drawn[instrument_id] = None

    def _knows(self, instrument_id: UUID, at: datetime) -> bool:
        if instrument_id not in self._instruments:
            for instrument in instruments_by_id([instrument_id]).values():
                self._instruments[instrument_id] = _LiveInstrument(instrument)
                if self._makes_candles:
                    self._instruments[instrument_id].resume(chart_timeframes(instrument) or ["1m"], at)
        return instrument_id in self._instruments

    def _renew_day_opens(self, changed: Mapping[UUID, _Collected]) -> None:
        """Once a minute, ask what the changes of an instrument are measured from; not for all in one publication."""
        due = [key for key, one in changed.items() if self._instruments[key].asks_for_day(one.minute)]
        for minute in {changed[key].minute for key in due[:DAY_OPENS_AT_ONCE]}:
            members = [self._instruments[key] for key in due[:DAY_OPENS_AT_ONCE] if changed[key].minute == minute]
            found = day_opens({one.instrument: one.finest for one in members}, moment(minute * MINUTE_MS))
            for one in members:
                one.day_minute, one.day_open = minute, found.get(one.instrument.pk)


class _Collected:
    """The prices of one instrument within one minute, since they were last passed on."""

    __slots__ = ("at_ms", "first", "highest", "last", "lowest", "minute")

    def __init__(self, minute: int, at_ms: int, price: Decimal) -> None:
        self.minute, self.at_ms = minute, at_ms
        self.first = self.highest = self.lowest = self.last = price

    def add(self, price: Decimal) -> None:
        self.last = price
        if price > self.highest:
            self.highest = price
        elif price < self.lowest:
            self.lowest = price


class _LiveInstrument:
    """One instrument between two publications: its forming candles, those that closed, and the day's reference."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.finest = "1m"
        self._builder: CandleBuilder | None = None
        # Candles before this are in what was resumed from.
        self._resumed_ms = 0
        self._closed: defaultdict[str, list[Candle]] = defaultdict(list)
        self.day_minute = -1
        self.day_open: Decimal | None = None
        self.is_day_told = False

    def resume(self, timeframes: list[str], at: datetime) -> CandleBuilder:
        """Go on from the candles that are stored."""
        self.finest = timeframes[0]
        self._builder = CandleBuilder(timeframes)
        start = candle_start(milliseconds(at), timeframes[-1])
        history = candle_arrays(self.instrument, self.finest, start=moment(start), end=at)
        self._builder.resume(candle_rows(history))
        if len(history):
            self._resumed_ms = int(history.opened_at[-1]) + 1
        return self._builder

    def asks_for_day(self, minute: int) -> bool:
        """Return whether what the day's change is measured from is to be asked for in this minute."""
        return not self.is_day_told and self.day_minute != minute

    def add(self, collected: _Collected) -> None:
        """Take in prices of one minute: a candle needs no more of them than these four."""
        assert self._builder is not None
        for price in (collected.first, collected.highest, collected.lowest, collected.last):
            self._note(self._builder.add(collected.at_ms, float(price), 0.0))

    def put(self, candle: Candle, at: datetime) -> None:
        """Take in a minute as its venue has it."""
        builder = self._builder or self.resume(list(CHART_TIMEFRAMES), at)
        if candle.opened_at >= self._resumed_ms:
            self._note(builder.put(candle))

    def _note(self, closed: Iterable[tuple[str, Candle]]) -> None:
        for timeframe, candle in closed:
            self._closed[timeframe].append(candle)

    def cells(self, price: Decimal) -> dict[str, str]:
        return _cells(self.instrument, price, change_text(price, self.day_open))

    def series(self) -> dict[str, list[Any]]:
        assert self._builder is not None
        closed, self._closed = self._closed, defaultdict(list)
        forming = self._builder.forming()
        return {name: [chart_row(one) for one in (*closed[name], candle)] for name, candle in forming.items()}

"""How an instrument stands: its newest price and what it did in the last day of market time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from common import display
from engine.candles import Candles
from engine.timeframes import timeframe_ms
from markets.models import Instrument
from markets.prices import Price, latest_prices
from markets.selectors import Span, candles_of_each, timeframes_of_each
from markets.sources import on_tick, plain_tick

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Ticker:
    """Prices in quote units, volume in base units; None where nothing is known. The day ends at `at`."""

    instrument: Instrument
    price: Decimal | None = None
    at: datetime | None = None
    day_open: Decimal | None = None
    day_high: Decimal | None = None
    day_low: Decimal | None = None
    day_volume: float | None = None

    @property
    def day_change_ratio(self) -> Decimal | None:
        """Return price ÷ price a day ago − 1."""
        return change_ratio(self.price, self.day_open)

    @property
    def day_change(self) -> str:
        """Return the change as pages show it: "+1.20%"."""
        return change_text(self.price, self.day_open)


def tickers(instruments: Iterable[Instrument]) -> list[Ticker]:
    """Return the ticker of each instrument, in their order, in two queries."""
    wanted = list(instruments)
    prices = latest_prices(wanted)
    priced = [one for one in wanted if one.id in prices]
    timeframes = timeframes_of_each(priced)
    spans = [
        Span(one, timeframes[one.id][0], prices[one.id].at - DAY, prices[one.id].at)
        for one in priced
        if timeframes[one.id]
    ]
    days = {span.instrument.id: day for span, day in zip(spans, candles_of_each(spans), strict=True)}
    return [_ticker(one, prices.get(one.id), days.get(one.id)) for one in wanted]


def day_opens(instruments: Mapping[Instrument, str], at: datetime) -> dict[UUID, Decimal]:
    """Return the open of the first candle (of each one's timeframe) of the day that ends at `at`, where there is one.

    It is what changes are measured from. Two queries at most, however many there are.
    """
    start = at - DAY
    found: dict[UUID, Decimal] = {}
    soon = [
        Span(one, timeframe, start, start + 2 * timedelta(milliseconds=timeframe_ms(timeframe)))
        for one, timeframe in instruments.items()
    ]
    _note_opens(soon, found)
    # The candle is there at once, save after a gap.
    _note_opens([replace(span, end=at) for span in soon if span.instrument.pk not in found], found)
    return found


def _note_opens(spans: Sequence[Span], found: dict[UUID, Decimal]) -> None:
    for span, candles in zip(spans, candles_of_each(spans), strict=True):
        if len(candles):
            found[span.instrument.pk] = on_tick(float(candles.open[0]), plain_tick(span.instrument))


def change_ratio(price: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Return price ÷ before − 1, or None where either is unknown."""
    return None if price is None or not before else price / before - 1


def change_text(price: Decimal | None, before: Decimal | None) -> str:
    """Return a change as pages show it."""
    return display.signed(display.percent(change_ratio(price, before)))


def _ticker(instrument: Instrument, newest: Price | None, day: Candles | None) -> Ticker:
    if newest is None:
        return Ticker(instrument)
    if day is None or not len(day):
        return Ticker(instrument, newest.price, newest.at)
    tick = plain_tick(instrument)
    return Ticker(
        instrument,
        newest.price,
        newest.at,
        day_open=on_tick(float(day.open[0]), tick),
        day_high=max(newest.price, on_tick(float(day.high.max()), tick)),
        day_low=min(newest.price, on_tick(float(day.low.min()), tick)),
        day_volume=float(day.volume.sum()),
    )

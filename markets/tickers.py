"""How an instrument stands: its newest price and what it did in the last day of market time.

A venue that is reached over the network tells its day itself; of the others, and where a venue says nothing, it is made
of candles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from common import display
from engine.candles import Candles
from engine.timeframes import timeframe_ms
from markets.boards import latest_venue_tickers
from markets.gateway.protocol import Ticker as VenueTicker
from markets.models import Instrument
from markets.prices import Price, latest_prices
from markets.selectors import Span, candles_of_each, timeframes_of_each
from markets.sources import on_tick, plain_tick

DAY = timedelta(days=1)
# A small curve of a day is drawn through so many points at most.
CURVE_POINTS = 48
# What it is drawn from: the coarsest of these that there are candles of.
_CURVE_TIMEFRAMES = ("30m", "15m", "5m", "3m", "1m", "1h")


@dataclass(frozen=True, slots=True)
class Ticker:
    """Prices in quote units, volume in base units (contracts of inverse ones); None where nothing is known.

    The day ends at `at`. `curve` is the day's path of closes with the newest price last, where it was asked for.
    """

    instrument: Instrument
    price: Decimal | None = None
    at: datetime | None = None
    day_open: Decimal | None = None
    day_high: Decimal | None = None
    day_low: Decimal | None = None
    day_volume: float | None = None
    # What the venue says itself; they go before what would follow from the fields above.
    told_change_ratio: Decimal | None = None
    told_turnover: float | None = None
    curve: tuple[float, ...] = ()

    @property
    def topic(self) -> str:
        """Return the live topic with this instrument's cells: its own where its namespace has thousands of others."""
        return topic_of(self.instrument)

    @property
    def day_change_ratio(self) -> Decimal | None:
        """Return price ÷ price a day ago − 1."""
        if self.told_change_ratio is not None:
            return self.told_change_ratio
        return change_ratio(self.price, self.day_open)

    @property
    def day_change(self) -> str:
        """Return the change as pages show it: "+1.20%"."""
        return ratio_text(self.day_change_ratio)

    @property
    def day_turnover(self) -> float | None:
        """Return what was traded in quote units: what volumes of different markets are compared by."""
        if self.told_turnover is not None or self.day_volume is None or self.price is None:
            return self.told_turnover
        if self.instrument.market.is_inverse:
            return self.day_volume * float(self.instrument.contract_size)
        return self.day_volume * float(self.price)


def tickers(instruments: Iterable[Instrument]) -> list[Ticker]:
    """Return the ticker of each instrument, in their order: two queries, and a board read or two per exchange.

    Of exchanges that are reached over the network it is what they say: no candle file is opened for thousands of them.
    """
    wanted = list(instruments)
    prices = latest_prices(wanted)
    told = latest_venue_tickers([one for one in wanted if one.exchange.dialect])
    days = _days([one for one in wanted if not one.exchange.dialect and one.id in prices], prices)
    return [_ticker(one, prices.get(one.id), told.get(one.id), days.get(one.id)) for one in wanted]


def with_curves(found: Sequence[Ticker]) -> list[Ticker]:
    """Return tickers of a page with the day's curve, and with what their venues have not told of the day from candles.

    Two queries, and one or two small reads of the candle store for each: for as many as a page shows.
    """
    priced = {one.instrument.id: one for one in found if one.price is not None and one.at is not None}
    silent = [one.instrument for one in priced.values() if one.day_high is None]
    timeframes = timeframes_of_each([one.instrument for one in priced.values()])
    curves, spans = _curve_spans(priced.values(), timeframes), _day_spans(silent, priced, timeframes)
    candles = candles_of_each([*curves, *spans])
    paths = {span.instrument.id: day for span, day in zip(curves, candles, strict=False)}
    days = {span.instrument.id: day for span, day in zip(spans, candles[len(curves) :], strict=True)}
    return [_with_curve(_with_day(one, days.get(one.instrument.id)), paths.get(one.instrument.id)) for one in found]


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


def topic_of(instrument: Instrument) -> str:
    """Return the live topic that has the cells `<instrument id>.price` and `.change`."""
    if instrument.exchange.dialect:
        return f"ticker:{instrument.id}"
    return f"prices:{instrument.market.namespace}"


def change_ratio(price: Decimal | None, before: Decimal | None) -> Decimal | None:
    """Return price ÷ before − 1, or None where either is unknown."""
    return None if price is None or not before else price / before - 1


def change_text(price: Decimal | None, before: Decimal | None) -> str:
    """Return a change as pages show it."""
    return ratio_text(change_ratio(price, before))


def ratio_text(ratio: Decimal | None) -> str:
    """Return a change that is known as a ratio as pages show it: "+1.20%"."""
    return display.signed(display.percent(ratio))


def _days(priced: Sequence[Instrument], prices: Mapping[UUID, Price]) -> dict[UUID, Candles]:
    """Return the last day's candles of those instruments that have some."""
    standing = {one.id: Ticker(one, prices[one.id].price, prices[one.id].at) for one in priced}
    spans = _day_spans(priced, standing, timeframes_of_each(priced))
    return {span.instrument.id: day for span, day in zip(spans, candles_of_each(spans), strict=True)}


def _day_spans(
    wanted: Iterable[Instrument], standing: Mapping[UUID, Ticker], timeframes: Mapping[UUID, Sequence[str]]
) -> list[Span]:
    return [
        Span(one, timeframes[one.id][0], at - DAY, at)
        for one in wanted
        if timeframes[one.id] and (at := standing[one.id].at) is not None
    ]


def _curve_spans(priced: Iterable[Ticker], timeframes: Mapping[UUID, Sequence[str]]) -> list[Span]:
    spans = []
    for one in priced:
        known = timeframes[one.instrument.id]
        chosen = next((name for name in _CURVE_TIMEFRAMES if name in known), None)
        if chosen and one.at is not None:
            spans.append(Span(one.instrument, chosen, one.at - DAY, one.at))
    return spans


def _ticker(instrument: Instrument, newest: Price | None, told: VenueTicker | None, day: Candles | None) -> Ticker:
    found = Ticker(instrument) if newest is None else Ticker(instrument, newest.price, newest.at)
    return _with_day(found, day) if told is None else _as_told(found, told)


def _as_told(found: Ticker, told: VenueTicker) -> Ticker:
    tick, ratio = plain_tick(found.instrument), told.change_ratio
    price = told.last if found.price is None else found.price
    opened = None if told.last is None or ratio is None or ratio <= -1 else told.last / (1 + ratio)
    return replace(
        found,
        price=price,
        at=found.at or (told.at if told.last is not None else None),
        day_open=None if opened is None else on_tick(float(opened), tick),
        day_high=told.high if told.high is None or price is None else max(told.high, price),
        day_low=told.low if told.low is None or price is None else min(told.low, price),
        day_volume=None if told.base_volume is None else float(told.base_volume),
        told_change_ratio=ratio,
        told_turnover=None if told.quote_volume is None else float(told.quote_volume),
    )


def _with_day(found: Ticker, day: Candles | None) -> Ticker:
    """Return a ticker with its day as candles tell it."""
    if day is None or not len(day) or found.price is None:
        return found
    tick = plain_tick(found.instrument)
    return replace(
        found,
        day_open=on_tick(float(day.open[0]), tick),
        day_high=max(found.price, on_tick(float(day.high.max()), tick)),
        day_low=min(found.price, on_tick(float(day.low.min()), tick)),
        day_volume=float(day.volume.sum()),
    )


def _with_curve(found: Ticker, day: Candles | None) -> Ticker:
    if day is None or not len(day) or found.price is None:
        return found
    # From the newest backwards, so that the curve's end does not depend on how many candles there are.
    step = -(-len(day) // (CURVE_POINTS - 2))
    path = day.close[::-1][::step][::-1]
    return replace(found, curve=(float(day.open[0]), *(float(close) for close in path), float(found.price)))

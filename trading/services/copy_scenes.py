"""What one lead event means to all who copy it: its price, the venue's minimums, and how the market stands. Read once per batch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from common.clock import market_now, wall_now
from engine.copying.minimums import is_dust, smallest_order, venue_minimum
from engine.copying.prices import capped_price, exit_band
from markets.boards import FeedState, feed_statuses, latest_books
from markets.health import BreakerState, venue_health
from markets.models import Instrument, MarketKind, SourceKind
from trading.kinds import OrderKind, TimeInForce
from trading.models import LeadEvent, Side
from trading.order_terms import PLAIN, OrderTerms

# A book that is older says nothing of the spread now.
_BOOK_VALID_FOR = timedelta(seconds=10)
_SILENT = (FeedState.DOWN, FeedState.SILENT)


@dataclass(frozen=True, slots=True)
class Scene:
    """An event as its followers meet it. `price` is the one snapshot that all of their paper orders meet."""

    event: LeadEvent
    now: datetime
    price: Decimal
    spread: Decimal | None
    venue_is_healthy: bool

    @property
    def instrument(self) -> Instrument:
        return self.event.instrument

    @property
    def is_buy(self) -> bool:
        return self.event.side == Side.BUY

    @property
    def is_spot(self) -> bool:
        return self.instrument.market.kind == MarketKind.SPOT

    @property
    def age(self) -> timedelta:
        """Return how late the copies are. Where a market runs faster than the clock on the wall, that one counts: a minute of
        it may pass while a follower's order is on its way, and no latency of ours is to blame.
        """
        passed = self.now - self.event.happened_at
        if self.instrument.exchange.source_kind == SourceKind.REAL:
            return passed
        return min(passed, wall_now() - self.event.recorded_at)


def scene_of(event: LeadEvent) -> Scene:
    """Return how an event, whose fan-out has begun, stands now."""
    assert event.market_price is not None, "the fan-out begins with a price"
    now = market_now(event.lead.namespace)
    return Scene(event, now, event.market_price, _spread(event.instrument, now), is_healthy(event.instrument))


def _spread(instrument: Instrument, now: datetime) -> Decimal | None:
    """Return the spread (0-1 of the mid) of a fresh book; None where there is none."""
    if instrument.exchange.source_kind != SourceKind.REAL:
        return None
    book = latest_books([instrument]).get(instrument.pk)
    if book is None or not book.bids or not book.asks or now - book.at > _BOOK_VALID_FOR:
        return None
    bid, ask = book.bids[0].price, book.asks[0].price
    return (ask - bid) * 2 / (ask + bid)


def is_healthy(instrument: Instrument) -> bool:
    """Say whether an instrument's venue answers and its feed is heard; what is no venue's is always well."""
    exchange = instrument.exchange
    if not exchange.dialect:
        return True
    breaker, feed = venue_health([exchange.dialect]), feed_statuses([exchange.code])
    is_open = exchange.dialect in breaker and breaker[exchange.dialect].state == BreakerState.OPEN
    return not is_open and not (exchange.code in feed and feed[exchange.code].state in _SILENT)


def venue_minimum_of(instrument: Instrument, price: Decimal) -> Decimal:
    """Return the worth (quote units) of the smallest order that an instrument's venue takes at a price."""
    return venue_minimum(min_quantity=instrument.min_quantity, min_notional=instrument.min_notional, price=price)


def is_dust_of(instrument: Instrument, quantity: Decimal, price: Decimal) -> bool:
    """Say whether so much of an instrument is dust (rule 12)."""
    venue = venue_minimum_of(instrument, price)
    return is_dust(quantity, price=price, venue=venue, lot_step=instrument.lot_step)


def smallest_of(instrument: Instrument, price: Decimal) -> Decimal:
    """Return the worth (quote units) below which no copy is sent (rule 11)."""
    return smallest_order(venue_minimum_of(instrument, price))


def capped_terms(price: Decimal, cap: Decimal, *, is_buy: bool, tick: Decimal) -> OrderTerms:
    """Return the terms of an order that trades at once, no worse than `cap` from a price, or not at all."""
    limit = capped_price(price, cap, is_buy=is_buy, tick=tick)
    return OrderTerms(kind=OrderKind.LIMIT, time_in_force=TimeInForce.IOC, limit_price=limit)


def exit_terms(attempt: int, price: Decimal | None, *, is_buy: bool, tick: Decimal) -> OrderTerms:
    """Return the terms of an attempt at an exit (rule 16): within a band of the market twice, then at any price."""
    band = exit_band(attempt)
    return PLAIN if band is None or price is None else capped_terms(price, band, is_buy=is_buy, tick=tick)

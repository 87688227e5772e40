"""Gathering what a portfolio's own limits need to know, for a whole batch: one statement where no portfolio has limits.

The caller holds the portfolios' locks. What the opens before an order took is counted in its turn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import DateTimeField

from common.clock import market_times
from common.db import Slot
from common.prepared import Prepared
from engine.decimals import ZERO
from engine.risk import Limits, RiskFacts, Trade, limits_from
from engine.risk.marks import Marks, moved
from engine.risk.watching import Held
from markets.boards import latest_books
from markets.models import Instrument
from markets.prices import Price
from markets.selectors import bases_of
from portfolios.models import Portfolio
from portfolios.selectors import Worth, worth_of
from trading.risk.correlations import correlations
from trading.risk.models import RiskProfile, RiskState

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from trading.margins import Margins
    from trading.models import Order

Levels = tuple[tuple[Decimal, Decimal], ...]
Pair = tuple[str, str]


@lru_cache(maxsize=1024)
def _limits(text: str) -> Limits:
    return limits_from(json.loads(text))


def limits_of(profile: RiskProfile) -> Limits:
    """Return a profile's limits; most portfolios share a few sets of them."""
    return _limits(json.dumps(profile.limits, sort_keys=True))


def marks_of(state: RiskState) -> Marks:
    return Marks(state.day, state.day_equity, state.week_equity, state.peak_equity, state.net_deposits)


def trades_of(state: RiskState) -> tuple[Trade, ...]:
    """Return the remembered round trips, oldest first."""
    return tuple(
        Trade(datetime.fromisoformat(at), symbol, Decimal(profit), by_stop)
        for at, symbol, profit, by_stop in state.trades
    )


_PROFILE, _STATE = (tuple(one.attname for one in model._meta.concrete_fields) for model in (RiskProfile, RiskState))
_PROFILES = Prepared(
    lambda: RiskProfile.objects.filter(portfolio_id__among=Slot("portfolios"), state__isnull=False).values_list(
        *_PROFILE, *(f"state__{name}" for name in _STATE)
    )
)


def profiles_of(portfolio_ids: Iterable[UUID]) -> dict[UUID, RiskProfile]:
    """Return the profiles of those of the portfolios that have one, with their states, in one statement."""
    found = {}
    for row in _PROFILES.rows(portfolios=set(portfolio_ids)):
        profile = RiskProfile.from_db(None, _PROFILE, row[: len(_PROFILE)])
        profile.state = RiskState.from_db(None, _STATE, row[len(_PROFILE) :])
        found[profile.portfolio_id] = profile
    return found


@dataclass(slots=True)
class Book:
    """What a portfolio with limits has open and on its way, by instrument id."""

    limits: Limits
    marks: Marks
    trades: tuple[Trade, ...]
    worth: Worth
    now: datetime
    # What positions and opens in flight are worth, absolute.
    exposure: dict[UUID, Decimal] = field(default_factory=dict)
    losses: dict[UUID, Decimal] = field(default_factory=dict)
    orders_in_minute: int = 0
    orders_today: int = 0

    def add(self, instrument_id: UUID, notional: Decimal) -> None:
        self.exposure[instrument_id] = self.exposure.get(instrument_id, ZERO) + abs(notional)


def book_of(profile: RiskProfile, portfolio: Portfolio, worth: Worth, now: datetime) -> Book:
    """Return a portfolio's book as its positions make it, without what is in flight."""
    marks = moved(marks_of(profile.state), now, worth.equity, portfolio.net_deposits)
    book = Book(limits_of(profile), marks, trades_of(profile.state), worth, now)
    for holding in worth.holdings:
        book.add(holding.position.instrument_id, holding.value)
        book.losses[holding.position.instrument_id] = -holding.unrealized_pnl
    return book


def facts_of_book(
    book: Book, instrument: Instrument, bases: Mapping[UUID, str], pairs: Mapping[Pair, Decimal], **order: Any
) -> RiskFacts:
    """Return what the rules need of a book for an order in `instrument`; `order` is what the order adds to it.

    `bases` are what the instruments trade, by id.
    """
    by_asset, together = ZERO, ZERO
    for instrument_id, value in book.exposure.items():
        own, other = bases[instrument.pk], bases[instrument_id]
        by_asset += value if own == other else ZERO
        together += value if own == other else value * pairs.get((min(own, other), max(own, other)), ZERO)
    return RiskFacts(
        limits=book.limits,
        now=book.now,
        symbol=instrument.symbol,
        equity=book.worth.equity,
        exposure=sum(book.exposure.values(), ZERO),
        instrument_exposure=book.exposure.get(instrument.pk, ZERO),
        asset_exposure=by_asset,
        correlated_exposure=together,
        positions=sum(bool(value) for value in book.exposure.values()),
        day_base=book.marks.day_equity,
        week_base=book.marks.week_equity,
        peak=book.marks.peak_equity,
        trade_loss=book.losses.get(instrument.pk, ZERO),
        trades=book.trades,
        orders_in_minute=book.orders_in_minute,
        orders_today=book.orders_today,
        **order,
    )


def held_of(worth: Worth) -> list[Held]:
    """Return a portfolio's positions as the rules look at them. (Of instruments they need no name.)"""
    return [Held("", one.position.quantity, one.position.cost, one.value) for one in worth.holdings]


class RiskOfBatch:
    """The books of those of a batch's portfolios that have limits and are about to open something."""

    def __init__(self, orders: Sequence[Order], meant: Mapping[UUID, Decimal | None]) -> None:
        self._meant = meant
        opens = [order for order in orders if order.leg == "OPEN"]
        profiles = profiles_of(order.portfolio_id for order in opens) if opens else {}
        self._books: dict[UUID, Book] = {}
        if profiles:
            self._gather(profiles, [order for order in opens if order.portfolio_id in profiles])

    def _gather(self, profiles: dict[UUID, RiskProfile], orders: Sequence[Order]) -> None:
        portfolios = {order.portfolio_id: order.portfolio for order in orders}
        worth = worth_of(portfolios.values())
        now = market_times(one.namespace for one in portfolios.values())
        self._books = {pk: book_of(profiles[pk], one, worth[pk], now[one.namespace]) for pk, one in portfolios.items()}
        add_in_flight(self._books)
        count_orders(self._books)
        traded = {order.instrument_id: order.instrument for order in orders}
        held = {pk for book in self._books.values() for pk in book.exposure}
        self._bases = {pk: one.market.base_id for pk, one in traded.items()} | bases_of(held - traded.keys())
        limits = [book.limits for book in self._books.values()]
        related = any(one.max_correlated_share is not None for one in limits)
        bases = self._bases.values() if related else ()
        self._pairs = correlations({one.namespace for one in portfolios.values()}, bases)
        deep = any(one.max_slippage is not None for one in limits)
        self._levels = _levels(traded.values()) if deep else {}

    def facts(self, order: Order, price: Price | None, margins: Margins) -> RiskFacts | None:
        """Return what is known for an order; None where its portfolio has no limits or it opens nothing."""
        book = self._books.get(order.portfolio_id) if order.leg == "OPEN" else None
        if book is None:
            return None
        age = book.now - price.at if price else timedelta(0)
        is_on_margin = order.instrument.is_perpetual
        return facts_of_book(
            book,
            order.instrument,
            self._bases,
            self._pairs,
            stop_ratio=order.stop_loss_ratio,
            meant_price=self._meant.get(order.pk),
            price_age_seconds=Decimal(int(age.total_seconds())),
            levels=self._levels.get((order.instrument_id, order.side), ()),
            liquidation_ratio=margins.liquidation_ratio(order, price.price) if is_on_margin and price else None,
        )

    def has(self, order: Order) -> bool:
        """Say whether an order is judged by limits of its portfolio's own."""
        return order.portfolio_id in self._books

    def took(self, order: Order) -> None:
        """Count an open that was let through: those after it find what it left."""
        book = self._books.get(order.portfolio_id) if order.leg == "OPEN" else None
        if book is None or not order.quantity or order.market_price is None:
            return
        book.add(order.instrument_id, order.quantity * order.market_price)
        book.orders_in_minute += 1
        book.orders_today += 1


def _opens() -> QuerySet[Order]:
    from trading.models import Order  # trading.models imports risk's

    return Order.objects.filter(portfolio_id__among=Slot("portfolios"), leg="OPEN")


def _opens_in_flight() -> QuerySet[Order, Any]:
    from trading.models import IN_FLIGHT

    amounts = ("quantity", "filled_quantity", "market_price")
    return _opens().filter(state__in=IN_FLIGHT).values_list("portfolio_id", "instrument_id", *amounts)


def _opens_that_count() -> QuerySet[Order, Any]:
    from trading.models import OrderState

    made = _opens().filter(created_at__gte=Slot("since", DateTimeField()))
    return made.exclude(state__in=(OrderState.PENDING, OrderState.DENIED)).values_list("portfolio_id", "created_at")


_IN_FLIGHT, _COUNTED = Prepared(_opens_in_flight), Prepared(_opens_that_count)


def add_in_flight(books: Mapping[UUID, Book]) -> None:
    """Add what opens that were sent and are not filled may still come to, in one statement."""
    rows = _IN_FLIGHT.rows(portfolios=books)
    for portfolio_id, instrument_id, quantity, filled, price in rows:
        books[portfolio_id].add(instrument_id, (quantity - filled) * (price or ZERO))


def count_orders(books: Mapping[UUID, Book]) -> None:
    """Count the opens of this day and of the last minute (market time), in one statement where a limit asks for it."""
    asking = {
        pk: book
        for pk, book in books.items()
        if book.limits.max_orders_per_day is not None or book.limits.max_orders_per_minute is not None
    }
    if not asking:
        return
    # Of several markets the earliest day is read: what is too old there is none of the others'.
    for now in {book.now for book in asking.values()}:
        members = [pk for pk, book in asking.items() if book.now == now]
        since, midnight = now - timedelta(minutes=1), datetime.combine(now.date(), time(), UTC)
        counted = _COUNTED.rows(portfolios=members, since=min(since, midnight))
        for portfolio_id, created_at in counted:
            books[portfolio_id].orders_in_minute += created_at > since
            books[portfolio_id].orders_today += created_at >= midnight


def _levels(instruments: Iterable[Instrument]) -> dict[tuple[UUID, str], Levels]:
    """Return the levels that a purchase and a sale would take, of those instruments that have a book."""
    found: dict[tuple[UUID, str], Levels] = {}
    for instrument_id, book in latest_books(instruments).items():
        for side, levels in (("BUY", book.asks), ("SELL", book.bids)):
            found[instrument_id, side] = tuple((one.price, one.quantity) for one in levels)
    return found

"""Orders on our own broker's book: put there when they are accepted, moved and filled by prices, taken off when their time is over.

Each step is one transaction under the portfolios' locks that begins by asking whether the order still rests as it was
seen. So whoever does it twice, or dies on the way, fills nothing twice and loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import transaction

from common.bus import hint
from common.clock import market_times
from common.db import bulk_update
from common.realtime import publish
from common.tasks import enqueue
from engine.matching.single import Effect, Met, arrive, meet
from markets.prices import latest_prices
from portfolios.services.books import lock_portfolios
from trading.brokers.places import has_venue
from trading.depths import KnownDepth, depths_for
from trading.due import expired_orders
from trading.kinds import OrderKind
from trading.models import ON_BOOK, Leg, Order, OrderState
from trading.rules import GRID, held_by, latency_of, resting_of
from trading.services.brackets import whose_pair_filled
from trading.services.filling import LastFill, Moved, fill_moved, last_fills
from trading.services.fills import with_instruments
from trading.services.history import keep_events
from trading.services.holds import keep_holds
from trading.services.judging import halted
from trading.services.lead_events import delays_channel
from trading.services.triggers import number_changes
from trading.services.waking import wake_waiting
from trading.services.withdrawing import end_unfilled, wish_cancels, withdraw
from trading.transitions import move, ways_to


@dataclass(frozen=True, slots=True)
class Crossing:
    """A price that moves a resting order, as it was at its change number `change`; `peak_price` is a trailing stop's best."""

    order_id: UUID
    change: int
    price: Decimal
    peak_price: Decimal | None = None


@transaction.atomic
def accept_orders(order_ids: Iterable[UUID], *, takers: Collection[UUID] = ()) -> None:
    """Mark orders as accepted by their venue; those of our own broker rest on its book from now on, or are on their way.

    `takers` are its own among the orders that take any price.
    """
    sent = Order.objects.filter(pk__among=list(order_ids))
    portfolios = lock_portfolios(sent.values_list("portfolio_id", flat=True))
    found = with_instruments(sent.filter(state__in=ways_to(OrderState.OPEN)).order_by("pk"), portfolios)
    live = [order for order in found if move(order, OrderState.OPEN)]
    for order in live:
        order.ask_at = None
    ours = [order for order in live if _rests_here(order, takers)]
    met = _put_on_book(ours)
    bulk_update(Order, live, ["state", "ask_at", *_KEPT])
    keep_holds(live)
    keep_events(live)
    publish([(f"portfolio:{pk}", {"refresh": ["orders", "summary"]}) for pk in sorted(portfolios)])
    # What happened while they were on their way.
    opens = [order for order in ours if order.leg == Leg.OPEN]
    end_unfilled(halted(opens) if opens else [], OrderState.CANCELED, "TRADING_HALTED")
    theirs = [one for one in live if one.leg == Leg.OPEN and one.is_at_venue and one.limit_price is not None]
    wish_cancels(halted(theirs) if theirs else [], "TRADING_HALTED")
    end_unfilled(whose_pair_filled(ours), OrderState.CANCELED, "OTHER_OF_PAIR_FILLED")
    _do(
        [one for one in met if one.order.state == OrderState.OPEN and (one.effect is not Effect.RESTS or _goes_on(one))]
    )


def _rests_here(order: Order, takers: Collection[UUID]) -> bool:
    """Say whether an accepted order waits on our book. A venue's waits there."""
    return not order.is_at_venue and (order.kind != OrderKind.MARKET or order.pk in takers)


# What a price, or a place on the book, changes of an order.
_KEPT = ("rests_since", "arrives_at", "change", "peak_price", "triggered_at")


def _put_on_book(orders: Sequence[Order]) -> list[Moved]:
    """Let orders rest from now on, as they stand after the price at which they were judged; return what that did.

    Those of portfolios with a latency are on their way first, and what has come of them is not known yet.
    """
    now = market_times(order.portfolio.namespace for order in orders)
    depths = depths_for(orders)
    moved = []
    for order in orders:
        assert order.market_price is not None, "an order is judged before it is sent"
        at = now[order.portfolio.namespace]
        if latency := latency_of(order):
            order.arrives_at = order.rests_since = at + latency
        else:
            moved.append(_arrived(order, order.market_price, at, depths.get(order.pk)))
        if order.expires_at is not None:
            transaction.on_commit(partial(hint, delays_channel(order.portfolio.namespace), {}))
    number_changes(orders)
    return moved


def _arrived(order: Order, price: Decimal, at: datetime, known: KnownDepth | None) -> Moved:
    """Let an order come to the market, and return what that makes of it."""
    order.rests_since, order.arrives_at = at, None
    return _moved(order, arrive(resting_of(order), GRID, price, depth=known.depth if known else None), at, known)


def _moved(order: Order, met: Met, at: datetime, known: KnownDepth | None) -> Moved:
    """Keep what a price makes of an order, and return what is to be done about it."""
    order.peak_price = met.order.best_price
    is_set_off = met.order.is_triggered and order.triggered_at is None and order.kind != OrderKind.MARKET
    if is_set_off:
        order.triggered_at = at
    return Moved(order, met.effect, met.fills, slips=known is None, is_set_off=is_set_off)


@transaction.atomic
def meet_prices(crossings: Sequence[Crossing]) -> int:
    """Do what prices do to orders that rest or arrive: fill them, or set off their limits. Return to how many it did something.

    An order that has changed or ended since its crossing was seen is left alone.
    """
    seen = {one.order_id: one for one in crossings}
    rows = Order.objects.filter(pk__among=list(seen))
    portfolios = lock_portfolios(rows.values_list("portfolio_id", flat=True))
    resting = with_instruments(rows.filter(ON_BOOK).order_by("pk"), portfolios)
    live = [order for order in resting if order.change == seen[order.pk].change]
    now = market_times(order.portfolio.namespace for order in live)
    depths, last = depths_for(live), last_fills(live)
    moved = []
    for order in live:
        crossing, at, known = seen[order.pk], now[order.portfolio.namespace], depths.get(order.pk)
        if order.arrives_at is not None:
            moved.append(_arrived(order, crossing.price, at, known))
        elif _is_limit(order):
            # It gets its own price, whatever lies in the venue's book.
            moved.append(_met(order, crossing, at, None))
        elif _has_had(known, last.get(order.pk)):
            # It is put back on our book: the rest waits for the venue's next one.
            moved.append(Moved(order, Effect.RESTS))
        else:
            moved.append(_met(order, crossing, at, known))
    _do(moved)
    wake_waiting([one.order for one in moved if one.effect is not Effect.RESTS])
    return len(moved)


def _has_had(known: KnownDepth | None, last: LastFill | None) -> bool:
    """Say whether an order has taken already what this book had."""
    return known is not None and last is not None and known.at <= last.happened_at


def _is_limit(order: Order) -> bool:
    """Say whether an order that rests is a limit by now."""
    return order.limit_price is not None and (order.kind == OrderKind.LIMIT or order.triggered_at is not None)


def _met(order: Order, crossing: Crossing, at: datetime, known: KnownDepth | None) -> Moved:
    """Let an order that rests meet a price."""
    order.peak_price = crossing.peak_price or order.peak_price
    met = meet(resting_of(order), GRID, crossing.price, depth=known.depth if known else None)
    return _moved(order, met, at, known)


def _goes_on(one: Moved) -> bool:
    """Say whether a price has set off what waits here for its venue."""
    return has_venue(one.order) and (one.effect is not Effect.RESTS or one.order.triggered_at is not None)


def _do(moved: Sequence[Moved]) -> None:
    """Store what prices have made of orders: they rest on, go on to their venue, end without a fill, or fill."""
    _send_on([one.order for one in moved if _goes_on(one)])
    moved = [one for one in moved if not _goes_on(one)]
    _rest_on([one for one in moved if one.effect is Effect.RESTS])
    crossing = [one.order for one in moved if one.effect is Effect.CROSSES]
    end_unfilled(crossing, OrderState.REJECTED, "POST_ONLY_WOULD_CROSS")
    missing = [one.order for one in moved if one.effect is Effect.MISSES]
    end_unfilled(missing, OrderState.CANCELED, "NOT_FILLED_AT_ONCE")
    fill_moved([one for one in moved if one.effect in (Effect.MAKER, Effect.TAKER)])


def _rest_on(moved: Sequence[Moved]) -> None:
    """Let orders rest on as what a price has made of them: limits that their triggers set off, or that have arrived."""
    orders = [one.order for one in moved]
    number_changes(orders)
    bulk_update(Order, orders, _KEPT)
    keep_events([one.order for one in moved if one.is_set_off], code="TRIGGERED")
    publish([(f"portfolio:{pk}", {"refresh": ["orders"]}) for pk in sorted({one.portfolio_id for one in orders})])


def _send_on(orders: Sequence[Order]) -> None:
    """Hand what waited here for a venue, and was set off, over to be sent there.

    It is PENDING again, keeps what it promised, and is judged when it is claimed: nobody but the broker sends it.
    """
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    if not orders:
        return
    now = market_times(order.portfolio.namespace for order in orders)
    held = {order.pk: held_by(order) for order in orders}
    for order in orders:
        move(order, OrderState.PENDING)
        order.triggered_at = now[order.portfolio.namespace]
        order.claim, order.ask_at = "", None
    number_changes(orders)
    bulk_update(Order, orders, ["state", "claim", "ask_at", *_KEPT])
    keep_holds(orders, held)
    keep_events(orders, code="TRIGGERED")
    for kind, cause_id in sorted({(order.cause_kind, order.cause_id) for order in orders}):
        enqueue(execute_orders, kind, cause_id)
    publish([(f"portfolio:{pk}", {"refresh": ["orders"]}) for pk in sorted({one.portfolio_id for one in orders})])


def meet_market(orders: Sequence[Order]) -> None:
    """Fill those of the orders, changed just now under their portfolios' locks, that cross where the market stands."""
    newest = latest_prices(order.instrument for order in orders)
    now = market_times(order.portfolio.namespace for order in orders)
    depths, last = depths_for(orders), last_fills(orders)
    moved = []
    for order in orders:
        known = depths.get(order.pk)
        price = newest.get(order.instrument_id)
        if price is not None and not _has_had(known, last.get(order.pk)):
            met = arrive(resting_of(order), GRID, price.price, depth=known.depth if known else None)
            if met.effect is Effect.TAKER:
                moved.append(_moved(order, met, now[order.portfolio.namespace], known))
    _do(moved)


@transaction.atomic
def keep_peaks(peaks: Mapping[UUID, Decimal]) -> None:
    """Write down the best prices that trailing stops have followed, so that a restart goes on from there."""
    rows = Order.objects.filter(pk__among=list(peaks))
    lock_portfolios(rows.values_list("portfolio_id", flat=True))
    trailing = list(rows.filter(ON_BOOK))
    for order in trailing:
        order.peak_price = peaks[order.pk]
    bulk_update(Order, trailing, ["peak_price"])


@transaction.atomic
def expire_orders(*, namespace: str, until: datetime) -> int:
    """End the orders of a namespace whose time is over by a moment of market time; return how many."""
    overdue = expired_orders(namespace, until)
    return len(withdraw(overdue, code="TIME_OVER", to=OrderState.EXPIRED)) if overdue.exists() else 0

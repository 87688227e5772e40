"""Exits of follows are never given up (rule 16): within a band of the market twice, then at any price, then their owner is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from accounts.services import notify
from common.clock import market_times
from common.db import bulk_insert
from common.tasks import enqueue
from engine.copying.prices import LAST_EXIT
from markets.prices import latest_prices
from portfolios.models import Position
from trading.models import CauseKind, Follow, Leg, Order, OrderState, Side
from trading.services.copy_scenes import exit_terms
from trading.services.orders import Cause, new_order

# Exits of these causes that somebody has taken back, or put another in the place of, are not tried again.
_TAKEN_BACK = ("SUPERSEDED_BY_EXIT", "TRADING_HALTED", "OWNER_LEFT")
EVENT = "follow.exit_failed"
AGE_OF_PRICE = timedelta(seconds=60)


def try_again(ended: Sequence[Order]) -> None:
    """Write the next attempt of copied exits, read with portfolio and instrument, that ended with something left to close."""
    failed = [order for order in ended if _is_to_be_tried_again(order)]
    if not failed:
        return
    from trading.tasks import execute_orders  # the task's body calls services: one of the two must look late

    held = _held(failed)
    prices = latest_prices({order.instrument_id: order.instrument for order in failed}.values())
    now = market_times(order.portfolio.namespace for order in failed)
    again: list[Order] = []
    for order in failed:
        if not held.get((order.portfolio_id, order.instrument_id)):
            continue
        if order.attempt >= LAST_EXIT:
            tell_of_failure(order)
            continue
        price = prices.get(order.instrument_id)
        is_fresh = price is not None and now[order.portfolio.namespace] - price.at <= AGE_OF_PRICE
        again.append(_next_attempt(order, price.price if price is not None and is_fresh else None))
    bulk_insert(Order, again, ignore_conflicts=True)
    for kind, cause_id in sorted({(order.cause_kind, order.cause_id) for order in again}):
        enqueue(execute_orders, kind, cause_id)


def _is_to_be_tried_again(order: Order) -> bool:
    is_copied_exit = order.follow_id is not None and order.leg == Leg.CLOSE and order.cause_kind == CauseKind.LEAD_EVENT
    is_short = order.filled_quantity < order.quantity and order.state != OrderState.DENIED
    return is_copied_exit and is_short and order.code not in _TAKEN_BACK


def _held(orders: Sequence[Order]) -> dict[tuple[UUID, UUID], Decimal]:
    rows = Position.objects.filter(
        portfolio__among={order.portfolio_id for order in orders},
        instrument__in={order.instrument_id for order in orders},
    )
    fields = ("portfolio_id", "instrument_id", "quantity")
    return {(portfolio, instrument): quantity for portfolio, instrument, quantity in rows.values_list(*fields)}


def _next_attempt(order: Order, price: Decimal | None) -> Order:
    """Return an order for what the last attempt left; of an exit that closes everything, for everything."""
    attempt = order.attempt + 1
    closes_all = order.closed_fraction is not None and order.closed_fraction >= 1
    return new_order(
        portfolio=order.portfolio,
        instrument=order.instrument,
        side=Side(order.side),
        leg=Leg.CLOSE,
        quantity=order.quantity - order.filled_quantity,
        cause=Cause(CauseKind(order.cause_kind), order.cause_id),
        follow=Follow(pk=order.follow_id),
        closed_fraction=order.closed_fraction if closes_all else None,
        seq=order.seq,
        terms=exit_terms(attempt, price, is_buy=order.side == Side.BUY, tick=order.instrument.tick_size),
        attempt=attempt,
    )


def tell_of_failure(order: Order, *, event: str = EVENT) -> None:
    """Tell the owner that an exit has failed three times, at any price at last; `order` is the last of them."""
    follow = Follow.objects.select_related("follower", "lead").get(portfolio=order.portfolio_id)
    facts = {
        "portfolio": str(order.portfolio_id),
        "symbol": order.instrument.symbol,
        "name": follow.lead.name,
        "code": order.code,
    }
    notify(user=follow.follower, event=event, context=facts)

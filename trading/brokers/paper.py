"""Our own broker. What can fill at once meets the market price it was judged at, with the portfolio's slippage and fee;
what cannot is accepted, and waits on our book (services/resting.py). So does what is on its way for a while, and what
takes from a venue's order book: that stands still for nobody, so what was taken is decided where it is booked.

It keeps no state: an order and its price determine what fills at once. So a batch that was sent twice, or asked about
after a crash, gets the same fills under the same ids, and booking them again is a no-op.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from common.clock import market_now, market_times
from engine.decimals import ZERO
from engine.matching.single import Effect, arrive
from trading.brokers import BrokerFill, OrderResult, Outcome
from trading.depths import KnownDepth, depths_for
from trading.kinds import OrderKind, TimeInForce
from trading.models import Order
from trading.rules import GRID, is_crossed, latency_of, price_and_fee, resting_of, taken, takes_cash

ACCOUNT = "paper"


class PaperBroker:
    valid_for = timedelta(0)

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        now = market_times(order.portfolio.namespace for order in orders)
        depths = depths_for(orders)
        return [_answer(order, now[order.portfolio.namespace], depths.get(order.pk)) for order in orders]

    query = submit


def _answer(order: Order, at: datetime, known: KnownDepth | None) -> OrderResult:
    waits = OrderResult(order.pk, Outcome.OPEN, is_ours=True)
    if latency_of(order):
        return waits
    if order.kind == OrderKind.MARKET:
        return waits if known else OrderResult(order.pk, Outcome.FILLED, (_fill(order, at),))
    assert order.market_price is not None, "an order is judged before it is sent"
    if _takes_or_leaves(order) and known is None:
        # What every copied open is: no book need be made of one order for it.
        crosses = is_crossed(order.side, order.limit_price, order.market_price)
        return OrderResult(order.pk, Outcome.FILLED, (_fill(order, at),)) if crosses else _missed(order)
    depth = known.depth if known else None
    effect = arrive(resting_of(order), GRID, order.market_price, depth=depth).effect
    if effect is Effect.CROSSES:
        return OrderResult(order.pk, Outcome.REJECTED, code="POST_ONLY_WOULD_CROSS")
    if effect is Effect.MISSES:
        return _missed(order)
    # One that only reduces has promised nothing: what it finds is looked up under its portfolio's lock.
    if effect is Effect.TAKER and not order.reduce_only and known is None:
        return OrderResult(order.pk, Outcome.FILLED, (_fill(order, at),))
    return waits


def _takes_or_leaves(order: Order) -> bool:
    """Say whether an order is a plain limit that fills whole at one price or not at all."""
    is_plain = order.kind == OrderKind.LIMIT and not (order.reduce_only or order.post_only or order.filled_quantity)
    return is_plain and order.time_in_force == TimeInForce.IOC


def _missed(order: Order) -> OrderResult:
    return OrderResult(order.pk, Outcome.CANCELED, code="NOT_FILLED_AT_ONCE")


def _fill(order: Order, happened_at: datetime) -> BrokerFill:
    assert order.market_price is not None, "an order is judged before it is sent"
    price, fee = price_and_fee(order, order.quantity, order.market_price, is_maker=False)
    if takes_cash(order):
        # Never more than was promised: the venue may have raised its fee since the order was judged.
        fee = max(min(fee, order.reserved - taken(order, order.quantity, price, ZERO)), ZERO)
    return fill_of(order, order.quantity, price, fee, happened_at)


def fill_of(
    order: Order,
    quantity: Decimal,
    price: Decimal,
    fee: Decimal,
    happened_at: datetime | None = None,
    *,
    number: int = 1,
) -> BrokerFill:
    """Return an order's fill, `happened_at` (default: market time); the order's id and the fill's number in it name it."""
    return BrokerFill(
        order_id=order.pk,
        venue_account=ACCOUNT,
        venue_fill_id=f"{order.client_order_id}:{number}",
        quantity=quantity,
        price=price,
        fee=fee,
        happened_at=happened_at or market_now(order.portfolio.namespace),
    )

"""Our own broker: market orders meet the market price they were judged at, with the portfolio's slippage and the venue's fee.

It keeps no state: an order and its price determine its fill. So a batch that was sent twice, or asked about after a
crash, gets the same fills under the same ids, and booking them again is a no-op.
"""

from __future__ import annotations

from collections.abc import Sequence

from common.clock import market_now
from engine.execution import taker_fee, taker_price
from trading.brokers import BrokerFill, OrderResult, Outcome
from trading.models import Order, Side
from trading.rules import costs_of

ACCOUNT = "paper"


class PaperBroker:
    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        return [OrderResult(order.pk, Outcome.FILLED, (_fill(order),)) for order in orders]

    query = submit


def _fill(order: Order) -> BrokerFill:
    assert order.market_price is not None, "an order is judged before it is sent"
    costs = costs_of(order.instrument, order.portfolio)
    price = taker_price(market_price=order.market_price, is_buy=order.side == Side.BUY, costs=costs)
    return BrokerFill(
        order_id=order.pk,
        venue_account=ACCOUNT,
        venue_fill_id=f"{order.client_order_id}:1",
        quantity=order.quantity,
        price=price,
        fee=taker_fee(quantity=order.quantity, price=price, costs=costs),
        happened_at=market_now(order.portfolio.namespace),
    )

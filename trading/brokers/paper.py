"""Our own broker: market orders meet the market price they were judged at, with the portfolio's slippage and the venue's fee.

It keeps no state: an order and its price determine its fill. So a batch that was sent twice, or asked about after a
crash, gets the same fills under the same ids, and booking them again is a no-op.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from common.clock import market_times
from engine.decimals import ZERO
from engine.execution import Costs, taker_fee, taker_price
from trading.brokers import BrokerFill, OrderResult, Outcome
from trading.models import Order, Side
from trading.rules import costs_of

ACCOUNT = "paper"


class PaperBroker:
    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        now = market_times(order.portfolio.namespace for order in orders)
        return [OrderResult(one.pk, Outcome.FILLED, (_fill(one, now[one.portfolio.namespace]),)) for one in orders]

    query = submit


def _fill(order: Order, happened_at: datetime) -> BrokerFill:
    assert order.market_price is not None, "an order is judged before it is sent"
    costs = costs_of(order.instrument, order.portfolio)
    price = taker_price(market_price=order.market_price, is_buy=order.side == Side.BUY, costs=costs)
    return BrokerFill(
        order_id=order.pk,
        venue_account=ACCOUNT,
        venue_fill_id=f"{order.client_order_id}:1",
        quantity=order.quantity,
        price=price,
        fee=_fee(order, price, costs),
        happened_at=happened_at,
    )


def _fee(order: Order, price: Decimal, costs: Costs) -> Decimal:
    """Return the fee; of a purchase never more than was promised: the venue may have raised it since the order was judged."""
    fee = taker_fee(quantity=order.quantity, price=price, costs=costs)
    return fee if order.side == Side.SELL else max(min(fee, order.reserved - order.quantity * price), ZERO)

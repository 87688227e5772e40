"""What became of orders: one row for each that ends at once, more for one that rests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.clock import market_times, wall_now
from common.db import insert_values
from trading.models import Order, OrderEvent, OrderState

_COLUMNS = ("order", "state", "code", "submitted_at", "happened_at", "recorded_at")


def keep_events(orders: Sequence[Order], happened_at: Sequence[datetime] = (), *, code: str | None = None) -> None:
    """Write down the states that these orders (read with their portfolios) have come to.

    `happened_at` says when, one for each of them; by default now, in market time. `code` says why, by default as the order does.
    """
    if not orders:
        return
    if not happened_at:
        now = market_times(order.portfolio.namespace for order in orders)
        happened_at = [now[order.portfolio.namespace] for order in orders]
    recorded_at = wall_now()
    rows = [
        (
            order.pk,
            order.state,
            order.code if code is None else code,
            None if order.state in (OrderState.DENIED, OrderState.CANCELED) else order.claimed_at,
            at,
            recorded_at,
        )
        for order, at in zip(orders, happened_at, strict=True)
    ]
    insert_values(OrderEvent, _COLUMNS, rows)

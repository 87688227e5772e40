"""From a template to an order's terms: its distances become prices at the market as it stands."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.decimals import ONE, price_to_tick
from trading.kinds import OrderKind, TimeInForce
from trading.order_terms import OrderTerms
from trading.template_models import OrderTemplate

# Price of the terms -> the template's distance.
DISTANCES = {
    "limit_price": "limit_distance",
    "trigger_price": "trigger_distance",
    "stop_price": "stop_distance",
    "target_price": "target_distance",
}


def terms_at(template: OrderTemplate, price: Decimal, tick_size: Decimal) -> OrderTerms:
    """Return the terms of an order from a template while the market stands at `price`, in whole ticks.

    Prices are rounded towards zero, and never below one tick.
    """
    prices: dict[str, Any] = {
        name: max(price_to_tick(price * (ONE + distance), tick_size, up=False), tick_size)
        for name, column in DISTANCES.items()
        if (distance := getattr(template, column)) is not None
    }
    return OrderTerms(
        kind=OrderKind(template.kind),
        time_in_force=TimeInForce(template.time_in_force),
        trail_bps=template.trail_bps,
        reduce_only=template.reduce_only,
        post_only=template.post_only,
        **prices,
    )

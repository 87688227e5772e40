"""Where an order waits: at its venue, or here, on our own book, until a price sets it off and it goes to its venue.

A venue gets at once what it takes natively: market orders, limits, and the protective stop of a live follow. Whatever else
waits for a trigger waits here, and so does what has an other of its pair: at a venue both would bind the same coins.
"""

from __future__ import annotations

from markets.gateway.venues import VENUES
from portfolios.models import Portfolio
from trading.kinds import CauseKind, GroupRole, OrderKind
from trading.models import Order

_all_at_venue = False


def put_all_at_venue(is_so: bool) -> None:
    """Have the orders of every portfolio go to a venue: a simulation's, which stands for all of them."""
    global _all_at_venue
    _all_at_venue = is_so


def is_for_venue(portfolio: Portfolio) -> bool:
    """Say whether a portfolio's orders are for a venue to fill, in the end; our own broker fills those of the others."""
    return _all_at_venue or portfolio.account_id is not None


def has_venue(order: Order) -> bool:
    """Say whether an order is for a venue to fill, likewise."""
    return is_for_venue(order.portfolio)


def goes_to_venue(order: Order) -> bool:
    """Say whether an order goes to a venue when it is claimed."""
    if not has_venue(order):
        return False
    is_plain = order.kind == OrderKind.LIMIT and order.group_role in ("", GroupRole.ENTRY)
    return order.kind == OrderKind.MARKET or is_plain or is_native_stop(order) or order.triggered_at is not None


def is_native_stop(order: Order) -> bool:
    """Say whether an order is a stop that its venue, not we, sets off."""
    return order.kind == OrderKind.STOP and order.cause_kind == CauseKind.PROTECTION


def takes_stops(portfolio: Portfolio) -> bool:
    """Say whether a portfolio lies on an account of a venue that keeps stops natively."""
    if portfolio.account is None:
        return False
    venue = VENUES.get(portfolio.account.exchange.dialect)
    return venue is not None and venue.has_stops

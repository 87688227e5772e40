"""Which broker a batch of orders goes to: our own, a venue's, or a simulation's in place of all."""

from __future__ import annotations

from collections.abc import Sequence

from trading.brokers import AccountBroker, Broker, VenueBroker
from trading.brokers.paper import PaperBroker
from trading.brokers.places import put_all_at_venue
from trading.models import Order

_simulated: Broker | None = None
_simulated_venue: VenueBroker | None = None
_live: AccountBroker | None = None


def use_live_broker(broker: AccountBroker | None) -> None:
    """Have orders of exchange accounts go to this broker: the signer's business, and nobody else's."""
    global _live
    _live = broker


def use_broker(broker: Broker | None) -> None:
    """Put another broker in place for all orders (a simulation's); None restores the usual ones."""
    global _simulated
    _simulated = broker


def use_venue(venue: VenueBroker | None) -> None:
    """Have the orders of all portfolios go to this venue (a simulation's), or wait here for it; None restores the usual."""
    global _simulated_venue
    _simulated_venue = venue
    put_all_at_venue(venue is not None)
    use_broker(venue)


def broker_for(orders: Sequence[Order]) -> Broker:
    """Return the broker of a batch, whose orders are all of exchange accounts or all of none."""
    return PaperBroker() if is_ours(orders[0]) else _simulated or venue_for(orders)


def venue_for(orders: Sequence[Order]) -> VenueBroker:
    """Return the broker of a batch that is at a venue."""
    if (venue := _simulated_venue or _live) is None:
        raise RuntimeError("Only the signer sends orders of exchange accounts.")
    return venue


def account_broker() -> AccountBroker:
    """Return the broker of exchange accounts."""
    if _live is None:
        raise RuntimeError("Only the signer sends orders of exchange accounts.")
    return _live


def is_ours(order: Order) -> bool:
    """Say whether our own broker answers for an order."""
    return _simulated is None and order.portfolio.account_id is None

"""Market time of a replay, kept beyond the life of its process."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from common import clock
from markets.models import MarketClock
from markets.prices import put_prices
from markets.sources import ReplaySource


@transaction.atomic
def note_market_time(*, namespace: str, at: datetime) -> None:
    """Write down where a market stands."""
    MarketClock.objects.update_or_create(namespace=namespace, defaults={"at": at})


def announce_replayed_market(*, source: ReplaySource) -> None:
    """Put a replay that goes on in the middle on the board, as it stood there; one that begins has nothing yet."""
    standing = source.standing()
    if standing is not None and clock.announced_time(source.namespace) is None:
        put_prices(
            source.namespace, {str(key): format(price, "f") for key, price in standing.prices.items()}, standing.at
        )
        clock.set_market_time(source.namespace, standing.at)

"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from markets.history import backfills
from markets.models import Backfill, PriceAlert, WatchList
from markets.selectors import alerts_of, waiting_alerts, watch_lists_of
from markets.services.alerts import cancel_alert

_ALERT = (
    "id",
    "instrument__symbol",
    "kind",
    "level",
    "window_seconds",
    "repeats",
    "cool_down_seconds",
    "note",
    "state",
    "created_at",
    "fired_at",
    "times_fired",
)


_BACKFILL = ("id", "instrument__symbol", "timeframe", "start", "end", "state", "created_at")


def export_markets(user: User) -> dict[str, Any]:
    """Return the user's watch lists, price alerts, and what of the past they had loaded."""
    return {
        "watch_lists": [
            {
                "id": one.pk,
                "name": one.name,
                "created_at": one.created_at,
                "instruments": [f"{entry.instrument}" for entry in one.entries.all()],
            }
            for one in watch_lists_of(user)
        ],
        "price_alerts": list(alerts_of(user).values(*_ALERT)),
        "backfills": list(backfills().filter(requested_by=user).values(*_BACKFILL)),
    }


def erase_markets(user: User) -> None:
    """Delete the user's watch lists and price alerts; nothing rests on them. What is being loaded is nobody's then."""
    # Canceled first, namespaces in one order (each is a lock): a feed hears of a change, not of a row that is gone.
    for alert in waiting_alerts().filter(owner=user).order_by("namespace", "pk"):
        cancel_alert(alert=alert)
    PriceAlert.objects.filter(owner=user).delete()
    WatchList.objects.filter(owner=user).delete()
    Backfill.objects.filter(requested_by=user).update(requested_by=None)

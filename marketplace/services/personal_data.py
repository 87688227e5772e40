"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from marketplace.models import Listing, ListingState


def export_listings(user: User) -> dict[str, Any]:
    """Return the user's listings."""
    fields = ("id", "portfolio_id", "title", "description", "state", "profit_share_ratio", "published_at")
    return {"listings": list(Listing.objects.filter(owner=user).values(*fields))}


def erase_listings(user: User) -> None:
    """Withdraw the user's listings and take their words off; the record stays, for followers' books refer to it."""
    Listing.objects.filter(owner=user).update(state=ListingState.WITHDRAWN, title="Withdrawn", description="")

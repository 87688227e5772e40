"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from marketplace.models import Listing, ListingState
from marketplace.proofs.services.personal_data import erase_proofs, export_proofs


def export_listings(user: User) -> dict[str, Any]:
    """Return the user's listings."""
    fields = ("id", "portfolio_id", "title", "description", "state", "profit_share_ratio", "published_at")
    return {"listings": list(Listing.objects.filter(owner=user).values(*fields)), **export_proofs(user)}


def erase_listings(user: User) -> None:
    """Withdraw the user's listings and take their words off; the record stays, for followers' books refer to it."""
    erase_proofs(user)
    Listing.objects.filter(owner=user).update(state=ListingState.WITHDRAWN, title="Withdrawn", description="")

"""Who may use what a listing offers, and whether it can be sold: the questions that every door to it asks."""

from __future__ import annotations

from accounts.models import User
from common.errors import DomainError
from marketplace.billing.selectors import has_right, is_paid, listing_subject
from marketplace.billing.services.selling import check_can_sell
from marketplace.models import Listing


def is_entitled(user: User, listing: Listing) -> bool:
    """Say whether somebody may use a listing: their own, a free one, or one they have a standing subscription to."""
    if listing.owner_id == user.pk or not is_paid(listing):
        return True
    return has_right(user, listing_subject(listing.pk))


def check_entitlement(user: User, listing: Listing) -> None:
    """Refuse what takes a subscription that the user does not have."""
    if not is_entitled(user, listing):
        message = "This listing takes a subscription: subscribe on its page first."
        raise DomainError("SUBSCRIPTION_MISSING", message, {"listing": str(listing.pk)}, status=409)


def check_sellable(listing: Listing) -> None:
    """Refuse to make a paid listing public while buyers' money has nowhere to go; say what is missing."""
    if is_paid(listing):
        check_can_sell(listing.owner)

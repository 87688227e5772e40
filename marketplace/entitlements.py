"""Who may use what a listing offers, and whether it can be sold: the questions that every door to it asks."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from accounts.models import User
from common.errors import DomainError
from marketplace.billing.selectors import is_paid, prices_of_listings, standing
from marketplace.billing.services.selling import check_can_sell
from marketplace.models import Listing


def is_entitled(user: User, listing: Listing) -> bool:
    """Say whether somebody may use a listing: their own, a free one, or one they have a standing subscription to."""
    return not withheld([listing], user)


def withheld(shown: Iterable[Listing], reader: User | AnonymousUser | None) -> set[UUID]:
    """Return which of these listings a reader may not use: paid ones of others that they have no standing subscription to.

    A constant number of statements, however many listings there are.
    """
    person = reader if isinstance(reader, User) else None
    foreign = [one.pk for one in shown if person is None or one.owner_id != person.pk]
    if not foreign:
        return set()
    paid = set(prices_of_listings(foreign).filter(listing__isnull=False).values_list("listing", flat=True))
    if paid and person is not None:
        paid -= set(standing().filter(user=person, listing__among=list(paid)).values_list("listing", flat=True))
    return paid


def check_entitlement(user: User, listing: Listing) -> None:
    """Refuse what takes a subscription that the user does not have."""
    if not is_entitled(user, listing):
        message = "This listing takes a subscription: subscribe on its page first."
        raise DomainError("SUBSCRIPTION_MISSING", message, {"listing": str(listing.pk)}, status=409)


def check_sellable(listing: Listing) -> None:
    """Refuse to make a paid listing public while buyers' money has nowhere to go; say what is missing."""
    if is_paid(listing):
        check_can_sell(listing.owner)

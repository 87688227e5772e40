"""What a listing states beside title and description: the one place in which search learns of tags, risk classes and prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from marketplace.billing.currencies import as_amount
from marketplace.billing.models import Interval
from marketplace.billing.selectors import prices_of_listings
from marketplace.publishing.models import ListingFacts, ListingTag
from marketplace.search.models import UNPROVEN

_MONTHS = {Interval.MONTH: 1, Interval.YEAR: 12}


@dataclass(slots=True)
class Stated:
    tags: list[str] = field(default_factory=list)
    risk_class: str = UNPROVEN
    # In its own currency, of the cheapest way to pay; 0 is free.
    monthly_price: float = 0.0


def stated_of(listing_ids: Sequence[UUID]) -> dict[UUID, Stated]:
    """Return what each of these listings states; in a constant number of statements."""
    found = {listing_id: Stated() for listing_id in listing_ids}
    for listing_id, name in ListingTag.objects.filter(listing__among=listing_ids).values_list("listing", "name"):
        found[listing_id].tags.append(name)
    classes = ListingFacts.objects.filter(listing__among=listing_ids).exclude(risk_class=None)
    for listing_id, risk_class in classes.values_list("listing", "risk_class"):
        found[listing_id].risk_class = str(risk_class)
    for price in prices_of_listings(listing_ids):
        assert price.listing_id is not None
        monthly = float(as_amount(price.amount_minor, price.currency)) / _MONTHS[Interval(price.interval)]
        known = found[price.listing_id]
        known.monthly_price = min(known.monthly_price or monthly, monthly)
    return found

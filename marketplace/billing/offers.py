"""Prices and subscriptions as pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from marketplace.billing.currencies import written
from marketplace.billing.models import Change, Interval, Price, PriceState, Subscription
from marketplace.billing.selectors import prices_of_listings
from marketplace.billing.services.buying import ENDED

_STATUS = {
    "active": "ACTIVE",
    "trialing": "ON TRIAL",
    "past_due": "PAYMENT FAILED",
    "unpaid": "UNPAID",
    "canceled": "ENDED",
    "incomplete": "PAYMENT MISSING",
    "incomplete_expired": "ENDED",
    "paused": "PAUSED",
}


@dataclass(frozen=True, slots=True)
class Offer:
    """One price in words."""

    price: Price
    words: str
    is_on_sale: bool


def offers_of(prices: Iterable[Price]) -> list[Offer]:
    return [Offer(one, price_words(one), one.state == PriceState.LIVE) for one in prices]


def price_words(price: Price) -> str:
    """Return a price in words: "12.50 USD a month, 7 days free"."""
    each = f"{written(price.amount_minor, price.currency)} a {price.interval}"
    return f"{each}, {price.trial_days} days free first" if price.trial_days else each


def cheapest_words(listing_ids: Sequence[UUID]) -> dict[UUID, str]:
    """Return what each listing costs at least by the month, in words; free ones are left out. One statement."""
    cheapest: dict[UUID, Price] = {}
    for one in prices_of_listings(listing_ids):
        held = cheapest.get(one.listing_id) if one.listing_id is not None else None
        if one.listing_id is not None and (held is None or _monthly(one) < _monthly(held)):
            cheapest[one.listing_id] = one
    return {key: f"{written(one.amount_minor, one.currency)} a {one.interval}" for key, one in cheapest.items()}


def _monthly(price: Price) -> float:
    return price.amount_minor / (12 if price.interval == Interval.YEAR else 1)


def shown_subscriptions(found: list[Subscription]) -> list[dict[str, Any]]:
    """Return subscriptions with their words, and the other prices that each could change to."""
    live = Price.objects.filter(state=PriceState.LIVE, subject__in=[one.subject for one in found])
    others = offers_of(live.order_by("interval"))
    # The newest of each is left in its place.
    changes = {one.subscription_id: one for one in Change.objects.filter(subscription__in=found).order_by("created_at")}
    return [
        {
            "subscription": one,
            "status": _STATUS.get(one.status, one.status),
            "title": one.listing.title if one.listing is not None else f"Plan {one.plan}",
            "price": price_words(one.price) if one.price is not None else "",
            "is_running": one.status not in ENDED,
            "change": changes.get(one.pk),
            "others": [
                other
                for other in others
                if other.price.subject == one.subject
                and other.price.mode == one.mode
                and other.price.pk != one.price_id
                and (one.price is None or other.price.currency == one.price.currency)
            ],
        }
        for one in found
    ]

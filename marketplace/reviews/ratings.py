"""What stars come to: a Bayesian mean, so that one friend's five stars do not beat a hundred strangers' four."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Sum

from marketplace.reviews.models import ListingRating

# The prior counts as much as so many reviews; and is itself drawn to the middle by so many of three stars.
PRIOR_WEIGHT = 8
_MIDDLE, _MIDDLE_WEIGHT = 3, 5


@dataclass(frozen=True, slots=True)
class Prior:
    """The sum and the count of all shown stars of one kind of money."""

    total: int = 0
    count: int = 0

    @property
    def mean(self) -> float:
        return (self.total + _MIDDLE * _MIDDLE_WEIGHT) / (self.count + _MIDDLE_WEIGHT)


def priors() -> dict[str, Prior]:
    """Return the prior of each kind of money that has reviews."""
    kind = "listing__portfolio__kind"
    rows = ListingRating.objects.order_by().values_list(kind).annotate(Sum("total"), Sum("count"))
    return {of: Prior(total, count) for of, total, count in rows}


def rating_of(total: int, count: int, prior: Prior) -> float | None:
    """Return (8 × the kind's mean + the listing's stars) / (8 + their count); None without a review."""
    if not count:
        return None
    return (PRIOR_WEIGHT * prior.mean + total) / (PRIOR_WEIGHT + count)

"""Reads of reviews, and the gates: what is shown is public with its listing; of what is hidden its author alone knows."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import User
from common.clock import market_now, wall_now
from common.errors import NotFound
from marketplace.models import Listing
from marketplace.reviews.models import Review, ReviewState
from marketplace.selectors import Asker, listing_for_reader
from trading.models import Follow, FollowState

FEWEST_DAYS = 14


def reviews_of(listing: Listing) -> QuerySet[Review]:
    """Return the reviews of a listing that everybody sees, newest first."""
    shown = Review.objects.filter(listing=listing, state=ReviewState.SHOWN)
    return shown.select_related("author__profile").order_by("-created_at", "-pk")


def review_for_reader(user: Asker, review_id: UUID | str) -> Review:
    """The gate of readers: a shown review of a listing that they may see; a hidden one for its author."""
    review = _one(Q(), review_id)
    is_authors = user is not None and review.author_id == user.pk
    if review.state != ReviewState.SHOWN and not is_authors:
        raise NotFound("review")
    if not is_authors:
        listing_for_reader(user, review.listing_id)
    return review


def review_for_lead(user: Asker, review_id: UUID | str) -> Review:
    """The gate of answers: a shown review of the user's own listing, or NotFound."""
    owner = user.pk if user is not None and user.is_authenticated else None
    return _one(Q(listing__owner=owner, state=ReviewState.SHOWN), review_id)


def _one(visible: Q, review_id: UUID | str) -> Review:
    try:
        found = (
            Review.objects.filter(visible, pk=UUID(str(review_id))).select_related("listing", "author__profile").first()
        )
    except ValueError:
        found = None
    if found is None:
        raise NotFound("review")
    return found


def reviewable_follow(user: Asker, listing: Listing) -> Follow | None:
    """Return the user's follow that a review of this listing would be about: the newest one that lasted long enough."""
    if user is None or not user.is_authenticated:
        return None
    mine = Follow.objects.filter(follower=user.pk, lead=listing.portfolio_id).exclude(state=FollowState.WAITING)
    rows = mine.select_related("portfolio", "consent", "lead").order_by("-started_at")
    return next((one for one in rows if followed_days(one) >= FEWEST_DAYS), None)


def own_review(user: User, listing: Listing) -> Review | None:
    """Return what the user's reviewable follow was said of, if anything."""
    follow = reviewable_follow(user, listing)
    return None if follow is None else Review.objects.filter(follow=follow).first()


def followed_days(follow: Follow) -> int:
    """Return for how many whole days a follow lasted, by both clocks: the smaller figure.

    A replay runs through a year of market time in an hour, in which nobody has learned what following is like; and a
    follow that was stopped after a day grows no older by the wall. On real markets both clocks are one.
    """
    began, ended = follow.started_at, follow.stopped_at or market_now(follow.lead.namespace)
    lasted = ended - began
    if hasattr(follow, "consent"):
        lasted = min(lasted, wall_now() - follow.consent.accepted_at)
    return max(lasted, timedelta()).days

"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from marketplace.models import Listing, ListingState
from marketplace.reviews.models import Review, ReviewReport, ReviewVersion
from marketplace.search.models import SavedSearch
from marketplace.search.services import index_listings


def export_listings(user: User) -> dict[str, Any]:
    """Return the user's listings, what they said of others', and the searches they keep."""
    fields = ("id", "portfolio_id", "title", "description", "state", "profit_share_ratio", "published_at")
    said = ("id", "listing_id", "stars", "text", "result_ratio", "state", "hidden_reason", "created_at", "edited_at")
    before = ReviewVersion.objects.filter(review__author=user, is_answer=False)
    answers = Review.objects.filter(listing__owner=user).exclude(answer="")
    return {
        "listings": list(Listing.objects.filter(owner=user).values(*fields)),
        "reviews": list(Review.objects.filter(author=user).values(*said)),
        "reviews_before": list(before.values("review_id", "stars", "text", "replaced_at")),
        "answers": list(answers.values("id", "answer", "answered_at")),
        "review_reports": list(ReviewReport.objects.filter(reporter=user).values("review_id", "reason", "created_at")),
        "saved_searches": list(SavedSearch.objects.filter(owner=user).values("name", "query", "created_at")),
    }


def erase_listings(user: User) -> None:
    """Withdraw the user's listings and take their words off; the record stays, for followers' books refer to it.

    Stars stay as a former follower's: a rating that forgets whoever leaves would say something else from day to day.
    """
    mine = Listing.objects.filter(owner=user)
    mine.update(state=ListingState.WITHDRAWN, title="Withdrawn", description="")
    Review.objects.filter(author=user).update(text="", is_former=True)
    Review.objects.filter(listing__owner=user).update(answer="", answered_at=None)
    ReviewVersion.objects.filter(review__author=user, is_answer=False).update(text="")
    ReviewVersion.objects.filter(review__listing__owner=user, is_answer=True).update(text="")
    ReviewReport.objects.filter(reporter=user).delete()
    SavedSearch.objects.filter(owner=user).delete()
    index_listings(listing_ids=list(mine.values_list("pk", flat=True)))

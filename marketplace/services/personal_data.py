"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from marketplace.billing.services.personal_data import erase_billing, export_billing
from marketplace.models import Listing, ListingPicture, ListingState, ListingTag, ListingVersion, Submission
from marketplace.proofs.services.personal_data import erase_proofs, export_proofs
from marketplace.publishing.services.submissions import take_back
from marketplace.reviews.models import Review, ReviewReport, ReviewVersion
from marketplace.search.models import SavedSearch
from marketplace.search.services import index_listings
from marketplace.services.listings import newest_content

_WORDLESS = {"title": "Withdrawn", "summary": "", "description": "", "risks": "", "conflicts": "", "tags": []}


def export_listings(user: User) -> dict[str, Any]:
    """Return the user's listings, what they said of others', the searches they keep, and what they bought and sold."""
    own = Listing.objects.filter(owner=user).prefetch_related("tags", "versions", "pictures", "raises")
    said = ("id", "listing_id", "stars", "text", "result_ratio", "state", "hidden_reason", "created_at", "edited_at")
    before = ReviewVersion.objects.filter(review__author=user, is_answer=False)
    answers = Review.objects.filter(listing__owner=user).exclude(answer="")
    return {
        "listings": [_exported(one) for one in own.order_by("pk")],
        "reviews": list(Review.objects.filter(author=user).values(*said)),
        "reviews_before": list(before.values("review_id", "stars", "text", "replaced_at")),
        "answers": list(answers.values("id", "answer", "answered_at")),
        "review_reports": list(ReviewReport.objects.filter(reporter=user).values("review_id", "reason", "created_at")),
        "saved_searches": list(SavedSearch.objects.filter(owner=user).values("name", "query", "created_at")),
        **export_proofs(user),
        **export_billing(user),
    }


def _exported(listing: Listing) -> dict[str, Any]:
    names = ("id", "portfolio_id", "state", "published_at")
    return {
        **{name: getattr(listing, name) for name in names},
        **newest_content(listing).to_json(),
        "versions": list(listing.versions.order_by("number").values("number", "content", "changes", "published_at")),
        "submissions": list(listing.submissions.order_by("pk").values("content", "outcome", "refusal", "submitted_at")),
        "pictures": list(listing.pictures.values_list("digest", flat=True)),
    }


def erase_listings(user: User) -> None:
    """Withdraw the user's listings and take their words off; the record stays, for followers' books refer to it.

    Refused while a subscription would go on being charged. Stars stay as a former follower's: a rating that forgets whoever
    leaves would say something else from day to day.
    """
    erase_billing(user)
    erase_proofs(user)
    own = Listing.objects.filter(owner=user)
    for listing in own.order_by("pk"):
        take_back(actor=user, listing=listing)
    own.update(state=ListingState.WITHDRAWN, title="Withdrawn", summary="", description="", risks="", conflicts="")
    ListingTag.objects.filter(listing__owner=user).delete()
    ListingPicture.objects.filter(listing__owner=user).delete()
    # The terms of every version stay; of the words only that there were some.
    for model in (ListingVersion, Submission):
        for key, content in model._default_manager.filter(listing__owner=user).values_list("pk", "content"):
            wordless = {**content, **_WORDLESS}
            model._default_manager.filter(pk=key).update(content=wordless, changes="")
    Review.objects.filter(author=user).update(text="", is_former=True)
    Review.objects.filter(listing__owner=user).update(answer="", answered_at=None)
    ReviewVersion.objects.filter(review__author=user, is_answer=False).update(text="")
    ReviewVersion.objects.filter(review__listing__owner=user, is_answer=True).update(text="")
    ReviewReport.objects.filter(reporter=user).delete()
    SavedSearch.objects.filter(owner=user).delete()
    index_listings(listing_ids=list(own.values_list("pk", flat=True)))

"""Reviews: written by those who followed, answered by the lead, reported by anybody, hidden by operators."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Count, Sum

from accounts.models import User
from accounts.services import audit, notify
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from marketplace.models import Listing
from marketplace.reviews.models import ListingRating, ReportReason, Review, ReviewReport, ReviewState, ReviewVersion
from marketplace.reviews.selectors import FEWEST_DAYS, followed_days, reviewable_follow
from marketplace.reviews.signs import signs_between
from marketplace.search.services import index_listings
from trading.copy_accounts.differences import account_of
from trading.models import Follow

MAX_TEXT = 2_000


@transaction.atomic
def write_review(*, author: User, listing: Listing, stars: int, text: str = "") -> Review:
    """Say of a listing what it was like to follow it; said again, it replaces what stood there, which is kept.

    The follow's net result is computed from its books and stands beside the words.
    """
    follow = reviewable_follow(author, listing)
    if follow is None:
        message = f"A review is for those who followed for {FEWEST_DAYS} days at least; you have not yet."
        raise DomainError("FOLLOWED_TOO_SHORT", message, status=409)
    text = _checked(text)
    if stars not in range(1, 6):
        raise DomainError("STARS_OUT_OF_RANGE", "Give 1 to 5 stars.", {"field": "stars"})
    # One review at a time per listing: the rating is the sum of what stands there.
    locked = lock_rows(Listing.objects.filter(pk=listing.pk))[0]
    review = Review.objects.filter(follow=follow).first()
    now = wall_now()
    if review is None:
        review = Review(listing=locked, follow=follow, author=author, created_at=now)
    elif (review.stars, review.text) == (stars, text):
        return review
    else:
        _keep_version(review, is_answer=False)
        review.edited_at = now
    review.stars, review.text = stars, text
    review.result_ratio, review.followed_days = _result_of(follow), followed_days(follow)
    review.flags = signs_between(author.pk, locked.owner_id)
    review.save()
    audit(action="review.written", obj=review, actor=author, after={"stars": stars, "flags": review.flags})
    if review.edited_at is None:
        notify(user=locked.owner, event="review.written", context=_context(review))
    _recount(locked)
    return review


@transaction.atomic
def answer_review(*, lead: User, review: Review, text: str) -> Review:
    """Answer a review of one's own listing: once, and changed as often as one likes; an empty answer takes it away."""
    locked = _lock(review)
    if locked.listing.owner_id != lead.pk or locked.state != ReviewState.SHOWN:
        raise NotFound("review")
    text = _checked(text)
    if locked.answer == text:
        return locked
    is_first = not locked.answer
    if not is_first:
        _keep_version(locked, is_answer=True)
    locked.answer, locked.answered_at = text, wall_now() if text else None
    locked.save(update_fields=["answer", "answered_at"])
    audit(action="review.answered", obj=locked, actor=lead)
    if is_first and not locked.is_former:
        notify(user=locked.author, event="review.answered", context=_context(locked))
    return locked


@transaction.atomic
def report_review(*, reporter: User, review: Review, reason: str) -> ReviewReport:
    """Ask operators to look at a review; once per person."""
    if reason not in ReportReason.values:
        raise DomainError("REASON_UNKNOWN", "Choose one of the reasons.", {"field": "reason"})
    if review.author_id == reporter.pk:
        raise DomainError("REVIEW_IS_YOURS", "This is your own review; change it instead.", status=409)
    report, is_new = ReviewReport.objects.get_or_create(
        review=review, reporter=reporter, defaults={"reason": reason, "created_at": wall_now()}
    )
    if is_new:
        audit(action="review.reported", obj=review, actor=reporter, after={"reason": reason})
    return report


@transaction.atomic
def hide_review(*, operator: User, review: Review, reason: str) -> Review:
    """Take a review out of sight, and its stars out of the rating. A repeat is a no-op."""
    _check_operator(operator)
    locked = _lock(review)
    if not reason.strip():
        raise DomainError("REASON_MISSING", "Say why; its author reads it.", {"field": "reason"})
    if locked.state == ReviewState.HIDDEN:
        return locked
    locked.state, locked.hidden_reason = ReviewState.HIDDEN, reason.strip()[:200]
    locked.save(update_fields=["state", "hidden_reason"])
    locked.reports.update(is_open=False)
    audit(action="review.hidden", obj=locked, actor=operator, after={"reason": locked.hidden_reason})
    if not locked.is_former:
        context = {**_context(locked), "reason": locked.hidden_reason}
        notify(user=locked.author, event="review.hidden", context=context)
    _recount(locked.listing)
    return locked


@transaction.atomic
def keep_review(*, operator: User, review: Review) -> Review:
    """Show a review, or leave it shown, and close what was reported of it."""
    _check_operator(operator)
    locked = _lock(review)
    locked.reports.update(is_open=False)
    if locked.state == ReviewState.HIDDEN:
        locked.state, locked.hidden_reason = ReviewState.SHOWN, ""
        locked.save(update_fields=["state", "hidden_reason"])
        _recount(locked.listing)
    audit(action="review.kept", obj=locked, actor=operator)
    return locked


def _lock(review: Review) -> Review:
    """Lock a review's listing, under which its rating is counted, and read the review anew."""
    lock_rows(Listing.objects.filter(pk=review.listing_id))
    return Review.objects.select_related("listing__owner", "author").get(pk=review.pk)


def _check_operator(operator: User) -> None:
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may judge reviews.", status=403)


def _checked(text: str) -> str:
    text = text.replace("\0", "").strip()
    if len(text) > MAX_TEXT:
        raise DomainError("TEXT_TOO_LONG", f"Say it in at most {MAX_TEXT:,} characters.", {"field": "text"})
    return text


def _keep_version(review: Review, *, is_answer: bool) -> None:
    said = {"text": review.answer} if is_answer else {"text": review.text, "stars": review.stars}
    ReviewVersion.objects.create(review=review, is_answer=is_answer, replaced_at=wall_now(), **said)


def _result_of(follow: Follow) -> float | None:
    """Return what the follow came to, net of fees and profit shares, as a share of what was paid in."""
    account = account_of(follow)
    return float(account.ratio(account.follower_profit)) if account.capital > 0 else None


def _context(review: Review) -> dict[str, str]:
    return {"title": review.listing.title, "listing": str(review.listing_id), "stars": str(review.stars)}


def _recount(listing: Listing) -> None:
    """Sum the shown stars up anew, under the listing's lock."""
    shown = Review.objects.filter(listing=listing, state=ReviewState.SHOWN).order_by()
    told = shown.aggregate(count=Count("pk"), total=Sum("stars"))
    sums = {"count": told["count"], "total": told["total"] or 0}
    ListingRating.objects.update_or_create(listing=listing, defaults=sums)
    index_listings(listing_ids=[listing.pk])

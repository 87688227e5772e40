"""A submission's way: checked, tested by the gate, looked at by an operator where the site wants that, and then public."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.services import audit, notify
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.tasks import enqueue
from marketplace.entitlements import check_sellable
from marketplace.models import Listing, ListingState, Offer
from marketplace.publishing.content import Content, checked_content, content_from_json, content_of, write_content
from marketplace.publishing.gate import check_offer
from marketplace.publishing.models import OPEN_OUTCOMES, ListingVersion, Outcome, Submission
from marketplace.publishing.services.facts import refresh_length
from marketplace.publishing.services.shares import change_share
from marketplace.search.services import index_listings
from marketplace.services.records import refresh_records
from portfolios.models import PortfolioState
from strategies.grants.services import pin_version
from strategies.models import JobState, StrategyVersion
from strategies.services.jobs import LOST_AFTER

MAX_CHANGES = 300
# A test that a version has passed holds for so long: its candles are the past's, and the past grows.
TEST_HOLDS = timedelta(days=30)


@transaction.atomic
def submit_listing(*, actor: User, listing: Listing, content: Content, changes: str = "") -> Submission:
    """Have a listing say this once it is through the gate.

    Without a strategy to be tested, and without a review, that is at once. What is public stays as it is until then. An
    earlier submission that is not through is overtaken. Refusals (DomainError) name the field.
    """
    content = checked_content(content)
    changes = changes.strip()
    if len(changes) > MAX_CHANGES:
        message = f"Say what changed in at most {MAX_CHANGES} characters."
        raise DomainError("CHANGES_TOO_LONG", message, {"field": "changes"})
    locked = _own(actor, listing)
    check_offer(locked, content)
    _overtake(locked)
    findings = _passed_before(locked, content)
    needs_test = content.version_id is not None and findings is None
    now = wall_now()
    submission = Submission.objects.create(
        listing=locked,
        content=content.to_json(),
        changes=changes,
        state=JobState.QUEUED if needs_test else JobState.DONE,
        claimed_until=now + LOST_AFTER if needs_test else None,
        findings=findings or {},
        submitted_at=now,
    )
    if content.version_id is not None:
        # What is tested must be what is published.
        pin_version(owner=actor, version=StrategyVersion.objects.get(pk=content.version_id))
    if locked.state != ListingState.PUBLISHED:
        locked.state = ListingState.SUBMITTED
        locked.save(update_fields=["state"])
    if locked.published_at is None:
        write_content(locked, content)
    audit(action="listing.submitted", obj=locked, actor=actor, after={"submission": str(submission.pk)})
    if needs_test:
        from marketplace.tasks import check_submission  # the task's body calls services: one of the two must look late

        enqueue(check_submission, str(submission.pk))
    else:
        pass_gate(submission)
    return submission


def check_may_land(listing: Listing, content: Content) -> None:
    """Ask again what must hold when something becomes public: days may have passed since it was submitted.

    What is public already may change its words though its portfolio has been frozen meanwhile.
    """
    check_offer(listing, content)
    if listing.state == ListingState.PUBLISHED:
        return
    if listing.portfolio.state != PortfolioState.OPEN:
        raise DomainError("PORTFOLIO_NOT_OPEN", "The portfolio was frozen or closed meanwhile.", status=409)
    check_sellable(listing)


def pass_gate(submission: Submission) -> None:
    """Go on with a submission that its test has let through, within the caller's transaction."""
    if settings.LISTING_REVIEW:
        submission.outcome = Outcome.IN_REVIEW
        submission.save(update_fields=["outcome"])
    else:
        land(submission)


def refuse(submission: Submission, code: str, words: str) -> None:
    """End a submission that must not become public, and tell its owner why, within the caller's transaction."""
    submission.outcome, submission.decided_at = Outcome.REFUSED, wall_now()
    submission.refusal_code, submission.refusal = code, words
    submission.save(update_fields=["outcome", "decided_at", "refusal_code", "refusal"])
    listing = lock_rows(Listing.objects.filter(pk=submission.listing_id).select_related("owner"))[0]
    if listing.state == ListingState.SUBMITTED:
        listing.state = ListingState.WITHDRAWN if listing.published_at else ListingState.REFUSED
        listing.save(update_fields=["state"])
    audit(action="listing.refused", obj=listing, after={"submission": str(submission.pk), "code": code})
    context = {"listing": str(listing.pk), "title": _title(submission), "reason": words}
    notify(user=listing.owner, event="listing.refused", context=context)


def land(submission: Submission) -> ListingVersion:
    """Make public what was submitted: the listing's next version, within the caller's transaction."""
    listing = lock_rows(Listing.objects.filter(pk=submission.listing_id).select_related("owner", "portfolio"))[0]
    content, before = content_from_json(submission.content), content_of(listing)
    is_first = listing.published_at is None
    now = wall_now()
    effects = [] if is_first else _effects(listing, before, content)
    if not is_first:
        effects += change_share(listing=listing, before=before.profit_share_ratio, after=content.profit_share_ratio)
    write_content(listing, content)
    listing.state, listing.published_at = ListingState.PUBLISHED, listing.published_at or now
    listing.save(update_fields=["state", "published_at"])
    listing.pictures.filter(is_public=False, added_at__lte=submission.submitted_at).update(is_public=True)
    newest = ListingVersion.objects.filter(listing=listing).order_by("-number").first()
    version = ListingVersion.objects.create(
        listing=listing,
        number=1 if newest is None else newest.number + 1,
        content=submission.content,
        strategy_version_id=content.version_id,
        changes=submission.changes,
        effects=effects,
        findings=submission.findings,
        published_at=now,
    )
    submission.outcome, submission.decided_at = Outcome.PUBLISHED, now
    submission.save(update_fields=["outcome", "decided_at"])
    refresh_records(listing_ids=[listing.pk])
    refresh_length(listing)
    index_listings(listing_ids=[listing.pk])
    _tell(listing, version.number)
    return version


def _tell(listing: Listing, number: int) -> None:
    from marketplace.tasks import refresh_listing_facts  # see submit_listing

    after = {"portfolio": str(listing.portfolio_id), "title": listing.title, "version": number}
    audit(
        action="listing.published" if number == 1 else "listing.changed", obj=listing, actor=listing.owner, after=after
    )
    enqueue(refresh_listing_facts, str(listing.pk))


def _effects(listing: Listing, before: Content, after: Content) -> list[str]:
    """Say what an update does to those who follow or use the listing already."""
    if before.version_id == after.version_id and before.offer == after.offer:
        return []
    if after.offer == Offer.DEFINITION:
        return ["Whoever uses an earlier version keeps it until they take this one."]
    return ["Followers go on copying the same portfolio; what trades on it is now another version."]


def _passed_before(listing: Listing, content: Content) -> dict[str, Any] | None:
    """Return what the gate found of the same version when it passed not long ago."""
    recent = Submission.objects.filter(
        listing=listing, state=JobState.DONE, findings__passed=True, submitted_at__gt=wall_now() - TEST_HOLDS
    )
    found = recent.filter(content__version_id=str(content.version_id)).order_by("-submitted_at").first()
    return found.findings if found else None


def _overtake(listing: Listing) -> None:
    """End what was submitted before; its test, if one is under way, loses its claim."""
    opened = Submission.objects.filter(listing=listing, outcome__in=OPEN_OUTCOMES)
    opened.filter(state__in=[JobState.QUEUED, JobState.RUNNING]).update(
        state=JobState.CANCELED, claim="", claimed_until=None, finished_at=wall_now()
    )
    opened.update(outcome=Outcome.OVERTAKEN, decided_at=wall_now())


@transaction.atomic
def take_back(*, actor: User, listing: Listing) -> Listing:
    """End a submission that is not through: the listing is a draft again, or what it was. A repeat is a no-op."""
    locked = _own(actor, listing)
    _overtake(locked)
    if locked.state == ListingState.SUBMITTED:
        locked.state = ListingState.WITHDRAWN if locked.published_at else ListingState.DRAFT
        locked.save(update_fields=["state"])
        audit(action="listing.taken_back", obj=locked, actor=actor)
    return locked


# --- review ---------------------------------------------------------------------------------------------------------
@transaction.atomic
def approve_submission(*, operator: User, submission: Submission) -> Submission:
    """Make a submission public, as an operator. One that is decided already stays so."""
    locked = _in_review(operator, submission)
    if locked is not None:
        check_may_land(locked.listing, content_from_json(locked.content))
        land(locked)
        audit(action="listing.approved", obj=locked.listing, actor=operator, after={"submission": str(locked.pk)})
        context = {"listing": str(locked.listing_id), "title": _title(locked)}
        notify(user=locked.listing.owner, event="listing.approved", context=context)
    return Submission.objects.get(pk=submission.pk)


@transaction.atomic
def refuse_submission(*, operator: User, submission: Submission, reason: str) -> Submission:
    """Refuse a submission with a reason that its owner reads, as an operator. One that is decided already stays so."""
    reason = reason.strip()
    if not 1 <= len(reason) <= 1_000:
        message = "Give the reason in 1 to 1,000 characters: its owner reads it."
        raise DomainError("REASON_MISSING", message, {"field": "reason"})
    locked = _in_review(operator, submission)
    if locked is not None:
        refuse(locked, "REFUSED_BY_OPERATOR", reason)
        audit(action="listing.review_refused", obj=locked.listing, actor=operator, after={"reason": reason})
    return Submission.objects.get(pk=submission.pk)


def _in_review(operator: User, submission: Submission) -> Submission | None:
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator decides on submissions.", status=403)
    # As a follow locks: the listing first.
    lock_rows(Listing.objects.filter(pk=submission.listing_id))
    rows = Submission.objects.filter(pk=submission.pk).select_related("listing__owner", "listing__portfolio")
    locked = lock_rows(rows)[0]
    return locked if locked.outcome == Outcome.IN_REVIEW else None


def _title(submission: Submission) -> str:
    return str(submission.content["title"])


def _own(actor: User, listing: Listing) -> Listing:
    found = lock_rows(Listing.objects.filter(pk=listing.pk, owner=actor).select_related("portfolio"))
    if not found:
        raise NotFound("listing")
    return found[0]

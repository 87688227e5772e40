"""Reads of what is being published, and its gates: submissions are their owner's and operators', pictures their listing's readers'."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from accounts.models import User
from common.clock import market_now
from common.display import percent
from common.errors import NotFound
from engine.risk_class import HIGHEST
from marketplace.models import Listing, ListingFacts, ListingPicture, ListingVersion, ShareRaise
from marketplace.publishing.models import Outcome, Submission
from marketplace.publishing.words import html_of
from marketplace.selectors import Asker, listing_for_reader


def picture_for_reader(user: Asker, listing_id: UUID, digest: str) -> ListingPicture:
    """The gate: a picture of a listing that the user may see; one that is not public yet for its owner alone."""
    listing = listing_for_reader(user, listing_id)
    found = ListingPicture.objects.filter(listing=listing, digest=digest).first()
    if found is None or not (found.is_public or is_owner(user, listing)):
        raise NotFound("picture")
    return found


def picture_path(picture: ListingPicture) -> str:
    return reverse("marketplace:picture", args=[picture.listing_id, picture.digest])


def submission_for_operator(user: Asker, submission_id: UUID | str) -> Submission:
    """The gate of reviews: any submission for an operator, nothing for anybody else."""
    if user is None or not user.is_authenticated or not user.is_staff:
        raise NotFound("page")
    found = submissions().filter(pk=submission_id).first()
    if found is None:
        raise NotFound("submission")
    return found


def review_queue(user: Asker) -> QuerySet[Submission]:
    """Return what waits for an operator, oldest first; NotFound for everybody else."""
    if user is None or not user.is_authenticated or not user.is_staff:
        raise NotFound("page")
    return submissions().filter(outcome=Outcome.IN_REVIEW).order_by("submitted_at")


def submissions() -> QuerySet[Submission]:
    return Submission.objects.select_related("listing__owner__profile", "listing__portfolio").order_by(
        "-submitted_at", "-pk"
    )


def newest_submission(listing: Listing) -> Submission | None:
    return submissions().filter(listing=listing).first()


def is_owner(user: Asker, listing: Listing) -> bool:
    return user is not None and listing.owner_id == user.pk


def pictures_shown(user: Asker, listing: Listing) -> QuerySet[ListingPicture]:
    """Return a listing's pictures, without their pixels; those that are not public yet for its owner alone."""
    found = ListingPicture.objects.filter(listing=listing).defer("data").order_by("pk")
    return found if is_owner(user, listing) else found.filter(is_public=True)


def history_of(listing: Listing) -> QuerySet[ListingVersion]:
    """Return a listing's versions, the newest first."""
    return ListingVersion.objects.filter(listing=listing).order_by("-number")


def raise_to_come(listing: Listing) -> ShareRaise | None:
    """Return the raise of the profit share that is announced and not in force yet."""
    now = market_now(listing.portfolio.namespace)
    return ShareRaise.objects.filter(listing=listing, is_off=False, effective_at__gt=now).first()


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One figure of a risk class in words, and the class that it alone would give."""

    label: str
    value: str
    level: int


@dataclass(frozen=True, slots=True)
class RiskBox:
    """A risk class as pages show it; `level` None: unproven."""

    level: int | None
    highest: int
    reasons: list[RiskReason]


_LABELS = {
    "volatility": "Volatility of a year",
    "drawdown": "Deepest fall, by days",
    "leverage": "Largest exposure by equity",
    "concentration": "Largest instrument's share",
}


def risk_box(facts: ListingFacts | None) -> RiskBox:
    """Return a listing's risk class with its reasons."""
    stored = facts.risk_figures if facts is not None else {}
    figures, classes = stored.get("figures", {}), stored.get("classes", {})
    written = {name: f"{figures[name]:.2f}×" if name == "leverage" else percent(figures[name]) for name in classes}
    reasons = [RiskReason(_LABELS[name], written[name], level) for name, level in classes.items()]
    return RiskBox(facts.risk_class if facts else None, HIGHEST, reasons if facts and facts.risk_class else [])


def page_facts(user: User | None, listing: Listing) -> dict[str, object]:
    """Return what a listing\'s page shows of publishing, beside what the page knows already."""
    facts = ListingFacts.objects.filter(listing=listing).prefetch_related("instruments__market").first()
    least = [one for one in (listing.suggested_minimum, facts.smallest_capital if facts else None) if one is not None]
    return {
        "facts": facts,
        "risk": risk_box(facts),
        "description": html_of(listing.description),
        "tags": [one.name for one in listing.tags.all()],
        "pictures": pictures_shown(user, listing),
        "history": history_of(listing)[:20],
        "raise_to_come": raise_to_come(listing),
        "suggested_minimum": max(least, default=None),
        "submission": newest_submission(listing) if is_owner(user, listing) else None,
    }

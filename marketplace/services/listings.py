"""Listings: published, changed, withdrawn; and the one door through which they are followed."""

from __future__ import annotations

from decimal import Decimal

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.tasks import enqueue
from marketplace.models import Listing, ListingState, TrackRecord
from marketplace.services.records import refresh_records
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.books import lock_portfolios
from trading.models import Follow
from trading.services.follows import open_lead_stream, start_follow

MAX_TITLE, MAX_DESCRIPTION = 80, 4_000


@transaction.atomic
def publish_listing(*, owner: User, portfolio: Portfolio, title: str, description: str = "") -> Listing:
    """Offer a portfolio to followers. One that was withdrawn is published again, with the record it had."""
    title, description = _checked(title, description)
    locked = lock_portfolios([portfolio.pk])[portfolio.pk]
    if locked.owner_id != owner.pk:
        raise NotFound("portfolio")
    if locked.state != PortfolioState.OPEN:
        message = "This portfolio is frozen or closed; choose an open one."
        raise DomainError("PORTFOLIO_NOT_OPEN", message, {"field": "portfolio"}, status=409)
    if locked.cash_is_locked:
        message = "A competition's portfolio ends with it, so nobody could follow it for long; choose another one."
        raise DomainError("PORTFOLIO_IN_COMPETITION", message, {"field": "portfolio"}, status=409)
    open_lead_stream(locked)
    listing = Listing.objects.filter(portfolio=locked).first()
    if listing is None:
        listing = Listing(owner=owner, portfolio=locked, published_at=wall_now())
    elif listing.state == ListingState.PUBLISHED:
        message = "This portfolio is published already; change that listing instead."
        raise DomainError("ALREADY_PUBLISHED", message, {"field": "portfolio"}, status=409)
    listing.title, listing.description, listing.state = title, description, ListingState.PUBLISHED
    listing.save()
    TrackRecord.objects.get_or_create(listing=listing)
    refresh_records(listing_ids=[listing.pk])
    audit(action="listing.published", obj=listing, actor=owner, after={"portfolio": str(locked.pk), "title": title})
    return listing


@transaction.atomic
def update_listing(*, actor: User, listing: Listing, title: str, description: str) -> Listing:
    """Change what a listing says."""
    title, description = _checked(title, description)
    locked = _own(actor, listing)
    locked.title, locked.description = title, description
    locked.save(update_fields=["title", "description"])
    audit(action="listing.changed", obj=locked, actor=actor, after={"title": title})
    return locked


@transaction.atomic
def withdraw_listing(*, actor: User, listing: Listing) -> Listing:
    """Offer it to nobody new. Whoever follows already goes on until they stop. A repeat is a no-op."""
    return _withdraw(_own(actor, listing), actor)


@transaction.atomic
def take_down_listing(*, operator: User, listing: Listing) -> Listing:
    """Withdraw anybody's listing, as an operator."""
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may take a listing down.", status=403)
    return _withdraw(lock_rows(Listing.objects.filter(pk=listing.pk))[0], operator)


def _withdraw(locked: Listing, actor: User) -> Listing:
    if locked.state == ListingState.PUBLISHED:
        locked.state = ListingState.WITHDRAWN
        locked.save(update_fields=["state"])
        audit(action="listing.withdrawn", obj=locked, actor=actor)
    return locked


@transaction.atomic
def follow_listing(
    *, follower: User, listing: Listing, source: Portfolio, amount: Decimal, multiplier: Decimal
) -> Follow:
    """Follow a published listing: the one door to its portfolio, so that a right to it can be asked for here."""
    from marketplace.tasks import refresh_listing  # the task's body calls services: one of the two must look late

    current = lock_rows(Listing.objects.filter(pk=listing.pk).select_related("portfolio"))[0]
    if current.state != ListingState.PUBLISHED:
        message = "This listing was withdrawn; choose another one to follow."
        raise DomainError("LISTING_WITHDRAWN", message, status=409)
    follow = start_follow(
        follower=follower, lead=current.portfolio, source=source, amount=amount, multiplier=multiplier
    )
    enqueue(refresh_listing, str(current.pk))
    return follow


def _checked(title: str, description: str) -> tuple[str, str]:
    title, description = title.strip(), description.strip()
    if not title or len(title) > MAX_TITLE:
        raise DomainError(
            "TITLE_INVALID", f"Give the listing a title of 1 to {MAX_TITLE} characters.", {"field": "title"}
        )
    if len(description) > MAX_DESCRIPTION:
        message = f"Describe it in at most {MAX_DESCRIPTION:,} characters."
        raise DomainError("DESCRIPTION_TOO_LONG", message, {"field": "description"})
    return title, description


def _own(actor: User, listing: Listing) -> Listing:
    found = lock_rows(Listing.objects.filter(pk=listing.pk, owner=actor))
    if not found:
        raise NotFound("listing")
    return found[0]

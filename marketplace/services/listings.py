"""Listings: published, changed, withdrawn; and the one door through which they are followed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.fields import canonical
from common.tasks import enqueue
from engine.copy_accounts.profit_share import DEFAULT_RATIO
from engine.following import DEFAULT_GUARDS, Guards
from marketplace.models import CopyRecord, Listing, ListingState, TrackRecord
from marketplace.search.services import index_listings
from marketplace.services.records import refresh_records
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.books import lock_portfolios
from trading.copy_accounts.services.settling import check_ratio, open_account
from trading.follow_models import StartMode, WaitingFollow
from trading.models import Follow, FollowState
from trading.services.follows import open_lead_stream, start_follow

MAX_TITLE, MAX_DESCRIPTION = 80, 4_000


@transaction.atomic
def publish_listing(
    *,
    owner: User,
    portfolio: Portfolio,
    title: str,
    description: str = "",
    profit_share_ratio: Decimal = DEFAULT_RATIO,
) -> Listing:
    """Offer a portfolio to followers. One that was withdrawn is published again, with the record it had."""
    title, description = _checked(title, description)
    profit_share_ratio = check_ratio(profit_share_ratio)
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
    listing.profit_share_ratio = profit_share_ratio
    listing.save()
    TrackRecord.objects.get_or_create(listing=listing)
    CopyRecord.objects.get_or_create(listing=listing)
    refresh_records(listing_ids=[listing.pk])
    index_listings(listing_ids=[listing.pk])
    audit(action="listing.published", obj=listing, actor=owner, after={"portfolio": str(locked.pk), "title": title})
    return listing


@transaction.atomic
def update_listing(
    *, actor: User, listing: Listing, title: str, description: str, profit_share_ratio: Decimal | None = None
) -> Listing:
    """Change what a listing says, and the profit share of follows that start from now on."""
    title, description = _checked(title, description)
    locked = _own(actor, listing)
    locked.title, locked.description = title, description
    if profit_share_ratio is not None:
        locked.profit_share_ratio = check_ratio(profit_share_ratio)
    locked.save(update_fields=["title", "description", "profit_share_ratio"])
    after = {"title": title, "profit_share_ratio": canonical(locked.profit_share_ratio)}
    audit(action="listing.changed", obj=locked, actor=actor, after=after)
    index_listings(listing_ids=[locked.pk])
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
        index_listings(listing_ids=[locked.pk])
    return locked


@transaction.atomic
def follow_listing(
    *,
    follower: User,
    listing: Listing,
    source: Portfolio,
    amount: Decimal,
    accepted_terms: str,
    multiplier: Decimal | None = None,
    settings: Mapping[str, object] | None = None,
    start: StartMode = StartMode.NEW_ONLY,
    guards: Guards = DEFAULT_GUARDS,
    protective_stop: Decimal | None = None,
) -> Follow:
    """Follow a published listing: the one door to its portfolio, so that a right to it can be asked for here."""
    from marketplace.tasks import refresh_listing  # the task's body calls services: one of the two must look late

    current = lock_rows(Listing.objects.filter(pk=listing.pk).select_related("portfolio"))[0]
    if current.state != ListingState.PUBLISHED:
        message = "This listing was withdrawn; choose another one to follow."
        raise DomainError("LISTING_WITHDRAWN", message, status=409)
    follow = start_follow(
        follower=follower,
        lead=current.portfolio,
        source=source,
        amount=amount,
        multiplier=multiplier,
        settings=settings,
        start=start,
        guards=guards,
        accepted_terms=accepted_terms,
        protective_stop=protective_stop,
    )
    if follow.state == FollowState.WAITING:
        # It shares nothing before it begins; services/waiting_list.py opens the account then.
        WaitingFollow.objects.filter(follow=follow).update(profit_share=current.profit_share_ratio)
    else:
        open_account(follow=follow, ratio=current.profit_share_ratio)
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

"""Listings: drafted, published, changed, withdrawn; and the doors through which they are followed and used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from common.db import lock_rows
from common.errors import DomainError, NotFound
from common.tasks import enqueue
from engine.copy_accounts.profit_share import DEFAULT_RATIO
from engine.decimals import ZERO
from engine.following import DEFAULT_GUARDS, Guards
from marketplace.entitlements import check_entitlement, check_sellable
from marketplace.models import CopyRecord, Listing, ListingFacts, ListingState, Offer, Source, TrackRecord
from marketplace.publishing.content import Content, checked_content, content_from_json, content_of, write_content
from marketplace.publishing.gate import check_share_allowed, own_version
from marketplace.publishing.models import OPEN_OUTCOMES, Submission
from marketplace.publishing.services.submissions import submit_listing, take_back
from marketplace.search.services import index_listings
from portfolios.models import Portfolio, PortfolioState
from portfolios.services.books import lock_portfolios
from strategies.grants.models import StrategyGrant
from strategies.grants.services import grant_version, revoke_grant
from trading.copy_accounts.models import ProfitShareAccount
from trading.copy_accounts.services.settling import open_account
from trading.follow_models import StartMode, WaitingFollow
from trading.models import Follow, FollowState
from trading.services.follows import open_lead_stream, start_follow


@transaction.atomic
def publish_listing(
    *,
    owner: User,
    portfolio: Portfolio,
    title: str,
    description: str = "",
    profit_share_ratio: Decimal | None = None,
    changes: str = "",
    **said: Any,
) -> Listing:
    """Offer a portfolio to followers, or a strategy that proves itself on it; `said` are further fields of Content.

    Public at once, where nothing is to be tested or reviewed; else SUBMITTED until it is. One that was withdrawn is
    published again, with the record it had. Without a profit share it asks for the usual one, or for none where real
    money has too short a record for it.
    """
    listing = _listing_of(owner, portfolio)
    if listing is not None and listing.state == ListingState.PUBLISHED:
        message = "This portfolio is published already; change that listing instead."
        raise DomainError("ALREADY_PUBLISHED", message, {"field": "portfolio"}, status=409)
    locked = _lock_fit(owner, portfolio)
    open_lead_stream(locked)
    if listing is None:
        listing = _begin(owner, locked)
    check_sellable(listing)
    share = _usual_share(locked) if profit_share_ratio is None else profit_share_ratio
    content = Content(title=title, description=description, profit_share_ratio=share, **said)
    submit_listing(actor=owner, listing=listing, content=content, changes=changes)
    listing.refresh_from_db()
    return listing


@transaction.atomic
def save_draft(*, owner: User, portfolio: Portfolio, **said: Any) -> Listing:
    """Keep what a listing is to say, for its owner alone; `said` are fields of Content. One that was public cannot be a draft again."""
    listing = _listing_of(owner, portfolio)
    locked = _lock_fit(owner, portfolio)
    if listing is not None and listing.published_at is not None:
        message = "This was public already: change it, or publish it again, and its history goes on."
        raise DomainError("NOT_A_DRAFT", message, {"field": "portfolio"}, status=409)
    if listing is None:
        listing = _begin(owner, locked)
    if said.get("profit_share_ratio") is None:
        said["profit_share_ratio"] = _usual_share(locked)
    content = checked_content(Content(**said))
    if content.version_id is not None:
        own_version(listing, content)
    take_back(actor=owner, listing=listing)
    write_content(listing, content)
    Listing.objects.filter(pk=listing.pk).update(state=ListingState.DRAFT)
    audit(action="listing.drafted", obj=listing, actor=owner)
    listing.refresh_from_db()
    return listing


@transaction.atomic
def update_listing(*, actor: User, listing: Listing, changes: str = "", **said: Any) -> Listing:
    """Change what a listing says and offers: the fields of Content in `said`, the others stay; `changes` tells readers why.

    What is public changes when it is through the gate; a draft at once. A higher profit share reaches those who follow with 14 days'
    notice, a lower one at once (rule 36).
    """
    locked = _own(actor, listing)
    content = replace(newest_content(locked), **{name: value for name, value in said.items() if value is not None})
    if locked.state in (ListingState.DRAFT, ListingState.REFUSED):
        portfolio = locked.portfolio
        return save_draft(
            owner=actor, portfolio=portfolio, **{name: getattr(content, name) for name in content.__slots__}
        )
    if locked.state == ListingState.WITHDRAWN:
        message = "It is withdrawn: publish it again, and say then what is new."
        raise DomainError("LISTING_WITHDRAWN", message, status=409)
    submit_listing(actor=actor, listing=locked, content=content, changes=changes)
    locked.refresh_from_db()
    return locked


def newest_content(listing: Listing) -> Content:
    """Return what its owner last wanted it to say: what waits for the gate, else what it says."""
    waiting = Submission.objects.filter(listing=listing, outcome__in=OPEN_OUTCOMES).first()
    return content_of(listing) if waiting is None else content_from_json(waiting.content)


def _begin(owner: User, portfolio: Portfolio) -> Listing:
    """Open a listing that nobody else sees yet, with its records: they begin with the portfolio."""
    listing = Listing.objects.create(owner=owner, portfolio=portfolio, title="Draft", state=ListingState.DRAFT)
    for model in (TrackRecord, CopyRecord, ListingFacts):
        model._default_manager.create(listing=listing)
    return listing


def _usual_share(portfolio: Portfolio) -> Decimal:
    try:
        check_share_allowed(portfolio, Content())
    except DomainError:
        return ZERO
    return DEFAULT_RATIO


def _listing_of(owner: User, portfolio: Portfolio) -> Listing | None:
    """Lock and return the portfolio's listing (before the portfolio, as a follow does); NotFound for a stranger's."""
    if not Portfolio.objects.filter(pk=portfolio.pk, owner=owner).exists():
        raise NotFound("portfolio")
    found = lock_rows(Listing.objects.filter(portfolio=portfolio))
    return found[0] if found else None


def _lock_fit(owner: User, portfolio: Portfolio) -> Portfolio:
    """Lock and return a portfolio that may be offered, with those of its followers: a lower share settles theirs."""
    shares = ProfitShareAccount.objects.filter(is_open=True, follow__lead=portfolio)
    locked = lock_portfolios([portfolio.pk, *shares.values_list("follow__portfolio", flat=True)])[portfolio.pk]
    if locked.state != PortfolioState.OPEN:
        message = "This portfolio is frozen or closed; choose an open one."
        raise DomainError("PORTFOLIO_NOT_OPEN", message, {"field": "portfolio"}, status=409)
    if locked.cash_is_locked:
        message = "A competition's portfolio ends with it, so nobody could follow it for long; choose another one."
        raise DomainError("PORTFOLIO_IN_COMPETITION", message, {"field": "portfolio"}, status=409)
    return locked


@transaction.atomic
def withdraw_listing(*, actor: User, listing: Listing) -> Listing:
    """Offer it to nobody new. Whoever follows, or uses its strategy, goes on. A repeat is a no-op.

    What waits for the gate or for an operator is taken back with it.
    """
    return _withdraw(_own(actor, listing), actor)


@transaction.atomic
def take_down_listing(*, operator: User, listing: Listing) -> Listing:
    """Withdraw anybody's listing, as an operator."""
    if not operator.is_staff:
        raise DomainError("OPERATORS_ONLY", "Only an operator may take a listing down.", status=403)
    return _withdraw(lock_rows(Listing.objects.filter(pk=listing.pk).select_related("owner"))[0], operator)


def _withdraw(locked: Listing, actor: User) -> Listing:
    take_back(actor=locked.owner, listing=locked)
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
    if current.offer == Offer.DEFINITION:
        message = "This listing offers the use of a strategy on your own portfolio; take it from its page."
        raise DomainError("LISTING_NOT_FOLLOWED", message, status=409)
    check_entitlement(follower, current)
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


@transaction.atomic
def use_listing(*, user: User, listing: Listing) -> StrategyGrant:
    """Take the strategy that a listing offers: the one door to it. Again after an update, it is the new version beside theirs."""
    current = lock_rows(Listing.objects.filter(pk=listing.pk))[0]
    if current.state != ListingState.PUBLISHED:
        message = "This listing was withdrawn; whoever uses it goes on, and nobody new does."
        raise DomainError("LISTING_WITHDRAWN", message, status=409)
    if current.offer != Offer.DEFINITION or current.version is None:
        message = "This listing offers its portfolio to be followed, not a strategy to be used."
        raise DomainError("LISTING_NOT_USED", message, status=409)
    check_entitlement(user, current)
    shows = current.source == Source.VISIBLE
    return grant_version(user=user, version=current.version, shows_source=shows)


@transaction.atomic
def end_use(*, user: User, listing: Listing, actor: User | None = None) -> int:
    """End a user's right to every version that a listing has offered; return how many grants ended. Runs keep their exits."""
    offered = listing.versions.exclude(strategy_version=None).values("strategy_version")
    held = list(StrategyGrant.objects.filter(user=user, version__in=offered, revoked_at=None).order_by("pk"))
    for grant in held:
        revoke_grant(grant=grant, actor=actor)
    return len(held)


def _own(actor: User, listing: Listing) -> Listing:
    found = lock_rows(Listing.objects.filter(pk=listing.pk, owner=actor).select_related("portfolio", "owner"))
    if not found:
        raise NotFound("listing")
    return found[0]

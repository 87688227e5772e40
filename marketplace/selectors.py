"""Reads of listings and their records, and the gates: what is published is public, what is withdrawn is not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, Rank

from accounts.models import User
from accounts.teams.models import Permission
from common import display
from common.errors import NotFound
from engine.copy_accounts.performance import BUCKETS_MS
from marketplace.models import CopyRecord, Listing, ListingState
from portfolios.access import reachable, token_reach
from portfolios.models import Portfolio, PortfolioKind
from trading.models import UNFINISHED_FOLLOW, Follow
from trading.selectors import free_portfolios_of

Asker = User | AnonymousUser | None

# A leaderboard is read from its top.
RANKED = 100


# --- gates ----------------------------------------------------------------------------------------------------------
def listing_for_reader(user: Asker, listing_id: UUID | str) -> Listing:
    """The gate of readers: a published listing for everybody; a withdrawn one for its owner and whoever followed it."""
    return _one(readable(user), listing_id)


def readable(user: Asker) -> QuerySet[Listing]:
    """Return what the gate of readers lets the user see."""
    visible = Q(state=ListingState.PUBLISHED)
    if (person := _key(user)) is not None:
        followed = Follow.objects.filter(lead=OuterRef("portfolio"), follower=person)
        visible |= (Q(owner=person) & token_reach(user)) | Q(Exists(followed))
    return listings().filter(visible)


def listing_for_owner(user: Asker, listing_id: UUID | str) -> Listing:
    """The gate of writers: the user's own listing of a portfolio that they may publish, or NotFound."""
    mine = listings().filter(reachable(user, Permission.PUBLISH, "portfolio__"), owner=_key(user))
    return _one(mine, listing_id)


def _key(user: Asker) -> UUID | None:
    return user.pk if user is not None and user.is_authenticated else None


def _one(rows: QuerySet[Listing], listing_id: UUID | str) -> Listing:
    try:
        found = rows.filter(pk=UUID(str(listing_id))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound("listing")
    return found


# --- lists ----------------------------------------------------------------------------------------------------------
def listings() -> QuerySet[Listing]:
    """Return listings, newest first, each with portfolio, owner, record and `follower_count` (unfinished follows)."""
    following = Follow.objects.filter(lead=OuterRef("portfolio"), state__in=UNFINISHED_FOLLOW).order_by()
    counted = Subquery(following.values("lead").annotate(count=Count("pk")).values("count"))
    return (
        Listing.objects.select_related("portfolio__settlement", "owner__profile", "record", "copies", "facts", "index")
        .prefetch_related("tags")
        .annotate(follower_count=Coalesce(counted, 0, output_field=IntegerField()))
        .order_by("-pk")
    )


def published(kind: str | None = None) -> QuerySet[Listing]:
    """Return what everybody may see, of one kind of portfolio or of all."""
    found = listings().filter(state=ListingState.PUBLISHED)
    return found if kind is None else found.filter(portfolio__kind=kind)


def listings_of(owner: User) -> QuerySet[Listing]:
    """Return the owner's listings, withdrawn ones and drafts included."""
    return listings().filter(owner=owner)


def published_kinds() -> list[str]:
    """Return the kinds of portfolio among what is published, in the order in which kinds are declared."""
    found = set(Listing.objects.filter(state=ListingState.PUBLISHED).values_list("portfolio__kind", flat=True))
    return [kind for kind in PortfolioKind.values if kind in found]


def leaderboard(kind: str) -> list[Listing]:
    """Return the best published listings of one kind by time-weighted return, each with its `rank`; equals share one.

    Kinds are never mixed: a return on made prices says nothing beside one on real ones (copy-trading rule 37). Mirrored
    and hedged accounts are left out (rule 40).
    """
    by_return = Window(Rank(), order_by=F("record__unit_value").desc())
    return list(_in_ranking(kind).annotate(rank=by_return).order_by("rank", "pk")[:RANKED])


def _in_ranking(kind: str) -> QuerySet[Listing]:
    return published(kind).filter(Q(index=None) | Q(index__exclusion=""))


def publishable_portfolios(owner: User) -> QuerySet[Portfolio]:
    """Return the owner's portfolios that could be published: open, not a follow's, no competition's, not listed."""
    return (
        free_portfolios_of(owner)
        .filter(cash_is_locked=False)
        .exclude(listing__state__in=[ListingState.PUBLISHED, ListingState.SUBMITTED])
    )


def funding_portfolios(follower: User, listing: Listing) -> QuerySet[Portfolio]:
    """Return the follower's portfolios that a follow of this listing could be funded from."""
    lead = listing.portfolio
    fitting = {"kind": lead.kind, "namespace": lead.namespace, "settlement": lead.settlement_id}
    return free_portfolios_of(follower).filter(cash_is_locked=False, **fitting)


def open_follow(user: Asker, listing: Listing) -> Follow | None:
    """Return the user's unfinished follow of this listing."""
    mine = Follow.objects.filter(follower=_key(user), lead=listing.portfolio_id, state__in=UNFINISHED_FOLLOW)
    return mine.select_related("portfolio").first()


# --- records --------------------------------------------------------------------------------------------------------
def listing_cells(listing: Listing, followers: int) -> dict[str, str]:
    """Return a listing's figures as pages show them, by the name of their cell."""
    record = listing.record
    currency = listing.portfolio.settlement_id
    return {
        "return": display.signed(display.percent(record.return_ratio)),
        "drawdown": display.percent(record.max_drawdown_ratio),
        "followers": str(followers),
        "copied": f"{display.compact(record.copied_capital)} {currency}",
        "equity": f"{display.money(record.equity)} {currency}" if record.as_of else display.MISSING,
    }


@dataclass(frozen=True, slots=True)
class TimeBar:
    """How many copies were sent within a span of milliseconds of the lead's fill; `level` (0–1) is against the fullest span."""

    label: str
    count: int
    level: float


def execution_bars(record: CopyRecord) -> list[TimeBar]:
    """Return the histogram of execution times; none where no copy was sent yet."""
    most = max(record.sent_after)
    ends = [f"up to {end:,} ms" for end in BUCKETS_MS] + [f"over {BUCKETS_MS[-1]:,} ms"]
    return [TimeBar(end, count, count / most) for end, count in zip(ends, record.sent_after, strict=True) if most]


def follower_counts(portfolio_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Return how many unfinished follows each of these led portfolios has; those with none are left out."""
    found = Follow.objects.filter(lead__in=list(portfolio_ids), state__in=UNFINISHED_FOLLOW).order_by()
    return dict(found.values_list("lead").annotate(Count("pk")))

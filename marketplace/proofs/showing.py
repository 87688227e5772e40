"""What a listing's page shows of proofs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet

from accounts.models import User
from common.clock import market_now
from marketplace.models import Listing
from marketplace.proofs.models import DriftDay, PublishedBacktest, Reproduction
from marketplace.proofs.selectors import SealedUpTo, delay_of, sealed_up_to
from strategies.grants.selectors import is_sealed_for
from strategies.models import Backtest, JobState
from strategies.selectors import backtests_of

# The drift that is summed up.
DRIFT_DAYS = 30
# What an owner chooses from.
_CHOICES = 50


@dataclass(frozen=True, slots=True)
class DriftSum:
    """The last days of all runs of a listing together. Basis points over all matched trades; None without any."""

    days: int
    wished: int
    matched: int
    missed: int
    extra: int
    mispriced_bps: float | None
    worst_bps: float | None
    # Days that could not be compared.
    failed: int


@dataclass(frozen=True, slots=True)
class Panel:
    sealed: SealedUpTo
    published: PublishedBacktest | None
    # The reader's newest repetition of what is published now.
    repeated: Reproduction | None
    # What the owner may publish.
    choices: list[Backtest]
    drift: DriftSum | None
    # Since when the record is kept from the reader; None: they get all of it.
    delay: timedelta | None
    # What the published hashes were salted with, where the reader may see the strategy.
    salt: str | None


def panel_of(listing: Listing, reader: User | None) -> Panel:
    shown = PublishedBacktest.objects.select_related("listing", "backtest__version__strategy")
    published = shown.filter(listing=listing).first()
    is_owner = reader is not None and listing.owner_id == reader.pk
    return Panel(
        sealed=sealed_up_to(listing.portfolio),
        published=published,
        repeated=None if published is None or reader is None else newest_repetition(published, reader),
        choices=list(publishable(reader)[:_CHOICES]) if is_owner and reader is not None else [],
        drift=drift_of(listing),
        delay=delay_of(listing, reader),
        salt=None if published is None else salt_for(published, reader),
    )


def salt_for(published: PublishedBacktest, reader: User | None) -> str | None:
    """Return what the shown hashes were salted with, for whoever may see the strategy itself: its owner and granted readers."""
    if reader is None:
        return None
    if published.listing.owner_id == reader.pk:
        return published.salt
    version = published.backtest.version if published.backtest is not None else None
    if version is None or is_sealed_for(reader.pk, version):
        return None
    return published.salt


def newest_repetition(published: PublishedBacktest, reader: User) -> Reproduction | None:
    mine = Reproduction.objects.filter(published=published, reader=reader, spec_hash=published.spec_hash)
    return mine.order_by("-pk").first()


def publishable(owner: User) -> QuerySet[Backtest]:
    """Return the finished backtests of what is one's own."""
    own = Q(version=None) | Q(version__strategy__owner=owner)
    return backtests_of(owner).filter(own, state=JobState.DONE)


def drift_days(listing: Listing) -> QuerySet[DriftDay]:
    """Return the compared days of a listing's runs, newest first."""
    days = DriftDay.objects.filter(run__portfolio=listing.portfolio_id)
    return days.select_related("run__instrument__market").order_by("-day", "-pk")


def drift_of(listing: Listing) -> DriftSum | None:
    """Sum up the last days; None where no day has been compared yet."""
    since = (market_now(listing.portfolio.namespace) - timedelta(days=DRIFT_DAYS)).date()
    days = list(drift_days(listing).filter(day__gte=since))
    if not days:
        return None
    compared = [one for one in days if not one.code]
    priced = [(one.mispriced_bps, one.matched) for one in compared if one.mispriced_bps is not None]
    matched = sum(count for _, count in priced)
    return DriftSum(
        days=len({one.day for one in compared}),
        wished=sum(one.wished for one in compared),
        matched=sum(one.matched for one in compared),
        missed=sum(one.missed for one in compared),
        extra=sum(one.extra for one in compared),
        mispriced_bps=sum(mean * count for mean, count in priced) / matched if matched else None,
        worst_bps=max((one.worst_bps for one in compared if one.worst_bps is not None), default=None),
        failed=len(days) - len(compared),
    )

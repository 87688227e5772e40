"""What is computed of listings: instruments, the record's length, the risk class, the smallest amount that makes sense."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from common.clock import wall_now
from common.db import lock_rows
from engine.record_length import Execution
from engine.risk_class import risk_class
from marketplace.models import Listing, ListingFacts, Offer
from marketplace.publishing import record
from markets.models import Instrument
from trading.copy_accounts.reruns import forecast_fit
from trading.models import Fill
from trading.services.follows import MIN_AMOUNT

EVERY, EVERY_TRADING = timedelta(days=1), timedelta(hours=1)


def refresh_length(listing: Listing) -> None:
    """Count the days and round trips of a listing's record, within the caller's transaction."""
    length = record.record_length(listing.portfolio)
    ListingFacts.objects.filter(pk=listing.pk).update(
        first_fill_at=record.first_fill_at(listing.portfolio),
        closed_trades=length.closed_trades,
        record_days=length.days,
        is_proven=length.is_proven,
    )


def refresh_facts(*, listing_id: UUID) -> ListingFacts | None:
    """Compute all that is shown and never claimed of a listing; None for one that was never published.

    Computed before the row is locked: a long history takes a while, and nobody need wait for it.
    """
    listing = Listing.objects.select_related("portfolio", "version__instrument").filter(pk=listing_id).first()
    if listing is None or listing.published_at is None:
        return None
    traded = record.instruments_of(listing.portfolio, listing.version)
    figures = record.risk_figures(listing.portfolio)
    found = risk_class(figures)
    fit = forecast_fit(lead=listing.portfolio, amount=max(MIN_AMOUNT, listing.suggested_minimum or Decimal(0)))
    done = Execution(0, 0)
    if listing.version is not None and listing.offer == Offer.STRATEGY:
        done = record.execution_of(listing.portfolio, listing.version)
    with transaction.atomic():
        facts = lock_rows(ListingFacts.objects.filter(pk=listing.pk))[0]
        facts.risk_class = found.level
        facts.risk_figures = {"figures": asdict(figures), "classes": dict(found.of_each)}
        facts.smallest_capital = fit.smallest_capital
        facts.signals_wished, facts.signals_executed = done.wished, done.executed
        facts.refreshed_at = wall_now()
        facts.save()
        facts.instruments.set(Instrument.objects.filter(pk__in=traded))
        refresh_length(listing)
    return facts


def stale_listings(limit: int = 200) -> list[UUID]:
    """Return published listings whose figures are older than a day, or than an hour of a portfolio that trades; oldest first."""
    now = wall_now()
    fresh = Fill.objects.filter(portfolio=OuterRef("portfolio"), recorded_at__gt=OuterRef("facts__refreshed_at"))
    old = Q(facts__refreshed_at=None) | Q(facts__refreshed_at__lt=now - EVERY)
    traded = Q(Exists(fresh), facts__refreshed_at__lt=now - EVERY_TRADING)
    known = Listing.objects.exclude(published_at=None).filter(old | traded)
    return list(known.order_by("facts__refreshed_at").values_list("pk", flat=True)[:limit])

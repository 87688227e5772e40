"""What leads offer: listings of their portfolios, and what each of them has achieved."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models

from common.fields import AmountField
from common.ids import new_id
from engine.copy_accounts.performance import BUCKETS_MS, percentile_ms, success_ratio
from engine.copy_accounts.profit_share import DEFAULT_RATIO, MAX_RATIO, MIN_RATIO
from marketplace.billing import card_models as _cards  # noqa: F401  # Django looks for an app's models here
from marketplace.billing import models as _billing  # noqa: F401  # likewise
from marketplace.billing import promotion_models as _promotions  # noqa: F401  # likewise
from marketplace.billing import tax_models as _taxes  # noqa: F401  # likewise
from marketplace.proofs import models as _proofs  # noqa: F401  # Django looks for an app's models here
from marketplace.publishing.models import (
    ListingFacts,
    ListingPicture,
    ListingTag,
    ListingVersion,
    ShareRaise,
    Submission,
)
from marketplace.reviews import models as _reviews  # noqa: F401  # Django looks for an app's models here
from marketplace.search import models as _search  # noqa: F401  # likewise
from portfolios.models import Portfolio
from strategies.models import StrategyVersion


class ListingState(models.TextChoices):
    """DRAFT and REFUSED are their owner's alone; SUBMITTED waits for the gate, or for an operator."""

    DRAFT = "DRAFT", "Draft"
    SUBMITTED = "SUBMITTED", "Submitted"
    PUBLISHED = "PUBLISHED", "Published"
    REFUSED = "REFUSED", "Refused"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


class Offer(models.TextChoices):
    """What is offered. Each stands on a lead portfolio, since only fills that the server recorded are a record."""

    PORTFOLIO = "PORTFOLIO", "Follow this portfolio"
    STRATEGY = "STRATEGY", "Follow this portfolio, on which a named strategy runs"
    DEFINITION = "DEFINITION", "Use the strategy on one's own portfolio"


class Source(models.TextChoices):
    """Whether whoever uses a strategy sees what it does."""

    VISIBLE = "VISIBLE", "Visible"
    SEALED = "SEALED", "Sealed"


class Listing(models.Model):
    """The offer to follow a portfolio for a share of new profit. Withdrawn, never deleted: its history stays."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="listings")
    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, related_name="listing")
    title = models.CharField(max_length=80)
    summary = models.CharField(max_length=160, blank=True)
    # Markdown; publishing/words.py makes it harmless when it is shown.
    description = models.TextField(max_length=4000, blank=True)
    state = models.CharField(max_length=9, choices=ListingState, default=ListingState.DRAFT)
    offer = models.CharField(max_length=10, choices=Offer, default=Offer.PORTFOLIO)
    # Of a definition.
    source = models.CharField(max_length=7, choices=Source, default=Source.SEALED)
    # Of a strategy or a definition: always one of the owner's.
    version = models.ForeignKey(StrategyVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # What the lead must say of themselves. None: not said yet.
    risks = models.TextField(max_length=600, blank=True)
    conflicts = models.TextField(max_length=600, blank=True)
    has_own_money = models.BooleanField(null=True, blank=True)
    # The least to follow with that the lead advises; never below what the minimums of the venue leave sensible.
    suggested_minimum = AmountField(null=True, blank=True)
    # What follows that start from now on share of their new profit, 0-0.3; raised for those under way with notice (rule 36).
    profit_share_ratio = models.DecimalField(max_digits=5, decimal_places=4, default=DEFAULT_RATIO)
    # When it was published first; not yet in a draft.
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(profit_share_ratio__gte=MIN_RATIO, profit_share_ratio__lte=MAX_RATIO),
                name="listing_profit_share_range",
            ),
            models.CheckConstraint(
                condition=models.Q(offer=Offer.PORTFOLIO, version=None)
                | models.Q(offer__in=[Offer.STRATEGY, Offer.DEFINITION], version__isnull=False),
                name="listing_offer_names_version",
            ),
        ]
        # The marketplace reads what is published, newest first.
        indexes = [models.Index(fields=["state", "-id"], name="listing_newest")]

    def __str__(self) -> str:
        return self.title


class TrackRecord(models.Model):
    """What a listing's portfolio has achieved (engine/performance.py), as everybody is told it, and up to its newest snapshot.

    The two are the same, but of a paid listing, whose newest day is its subscribers'. Kept in step snapshot by snapshot,
    so that showing or ranking a thousand listings reads a row of each and no history. It starts with the portfolio, not
    with the listing: publishing late or anew hides nothing.
    """

    listing = models.OneToOneField(Listing, on_delete=models.CASCADE, primary_key=True, related_name="record")
    # Market time of the newest snapshot counted; none yet in a portfolio that was just opened.
    as_of = models.DateTimeField(null=True, blank=True)
    equity = AmountField(default=Decimal(0))
    net_deposits = AmountField(default=Decimal(0))
    # Ratios are floats: nothing settles on them.
    unit_value = models.FloatField(default=1.0)
    peak = models.FloatField(default=1.0)
    max_drawdown_ratio = models.FloatField(default=0.0)
    # The same up to the newest snapshot, for subscribers and the owner.
    newest_as_of = models.DateTimeField(null=True, blank=True)
    newest_equity = AmountField(default=Decimal(0))
    newest_net_deposits = AmountField(default=Decimal(0))
    newest_unit_value = models.FloatField(default=1.0)
    newest_peak = models.FloatField(default=1.0)
    newest_max_drawdown_ratio = models.FloatField(default=0.0)
    # What the unfinished follows have contributed, net.
    copied_capital = AmountField(default=Decimal(0))

    class Meta:
        # The leaderboard's order.
        indexes = [models.Index(fields=["-unit_value"], name="track_record_rank")]

    def __str__(self) -> str:
        return f"Record of {self.listing_id}"

    @property
    def return_ratio(self) -> float:
        """Return the time-weighted return since the portfolio was opened; 0.1 is ten per cent."""
        return self.unit_value - 1

    def take_newest(self) -> None:
        """Say, in memory, what is known up to the newest snapshot."""
        for name in TOLD:
            setattr(self, name, getattr(self, f"newest_{name}"))


# What a record says of a portfolio's past.
TOLD = ("as_of", "equity", "net_deposits", "unit_value", "peak", "max_drawdown_ratio")


def no_counts() -> list[int]:
    return [0] * (len(BUCKETS_MS) + 1)


class CopyRecord(models.Model):
    """How a listing does for those who follow it, and how well it is copied (copy-trading rules 17 and 38).

    Refreshed as market hours end. What is counted once stays counted: cursors say up to where, so that no refresh reads
    the past again, and nothing that was deleted since is forgotten. Ratios are floats; None where there is nothing to measure.
    """

    listing = models.OneToOneField(Listing, on_delete=models.CASCADE, primary_key=True, related_name="copies")
    # Of the lead's own portfolio: daily unit values after fees, and the fall of hourly ones below their peak.
    daily_return_ratio = models.FloatField(null=True)
    money_weighted_ratio = models.FloatField(null=True)
    max_drawdown_ratio = models.FloatField(default=0.0)
    hour_unit_value = models.FloatField(default=1.0)
    hour_peak = models.FloatField(default=1.0)
    hour_equity = AmountField(default=Decimal(0))
    hour_net_deposits = AmountField(default=Decimal(0))
    # The newest hour counted, of the lead and of the followers (market time).
    hour_as_of = models.DateTimeField(null=True)
    followers_as_of = models.DateTimeField(null=True)
    # What all followers' money together came to, after fees and profit shares.
    follower_return_ratio = models.FloatField(null=True)
    # Copies that were to be made, those that traded, and how long they took from the lead's fill until they were sent.
    copies_wished = models.PositiveBigIntegerField(default=0)
    copies_traded = models.PositiveBigIntegerField(default=0)
    sent_after = models.JSONField(default=no_counts)
    last_event = models.PositiveBigIntegerField(default=0)

    class Meta:
        # Followers first: the marketplace's order.
        indexes = [models.Index(fields=["-follower_return_ratio"], name="copy_record_rank")]

    def __str__(self) -> str:
        return f"Copies of {self.listing_id}"

    @property
    def success_ratio(self) -> float | None:
        """Return which share of the copies that were to be made traded."""
        return success_ratio(traded=self.copies_traded, wished=self.copies_wished)

    @property
    def p50_ms(self) -> float | None:
        return percentile_ms(self.sent_after, 0.5)

    @property
    def p95_ms(self) -> float | None:
        return percentile_ms(self.sent_after, 0.95)


__all__ = [
    "TOLD",
    "CopyRecord",
    "Listing",
    "ListingFacts",
    "ListingPicture",
    "ListingState",
    "ListingTag",
    "ListingVersion",
    "Offer",
    "ShareRaise",
    "Source",
    "Submission",
    "TrackRecord",
]

"""What stands beside a listing: what was submitted and what came of it, published versions, tags, pictures, figures, raises."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from common.fields import AmountField
from common.ids import new_id
from markets.models import Instrument
from strategies.models import Job, StrategyVersion

LISTING = "marketplace.Listing"


class Outcome(models.TextChoices):
    """What became of a submission. OVERTAKEN: the owner submitted another, or withdrew, before this one was through."""

    CHECKING = "CHECKING", "Being checked"
    IN_REVIEW = "IN_REVIEW", "Waiting for an operator"
    PUBLISHED = "PUBLISHED", "Published"
    REFUSED = "REFUSED", "Refused"
    OVERTAKEN = "OVERTAKEN", "Overtaken"


OPEN_OUTCOMES = (Outcome.CHECKING, Outcome.IN_REVIEW)


class Submission(Job):
    """What an owner wants published, and the job that tests its strategy first (as a backtest's: claimed, leased, found again).

    `content` is publishing/content.py's; it reaches the listing when the submission is through, so what is public stays
    as it is until then.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    listing = models.ForeignKey(LISTING, on_delete=models.CASCADE, related_name="submissions")
    content = models.JSONField()
    # In the owner's words, for the history.
    changes = models.CharField(max_length=300, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome, default=Outcome.CHECKING)
    refusal_code = models.CharField(max_length=60, blank=True)
    refusal = models.TextField(blank=True)
    # What the gate found of the strategy: publishing/services/checking.py.
    findings = models.JSONField(default=dict, blank=True)
    submitted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["listing"], condition=Q(outcome__in=["CHECKING", "IN_REVIEW"]), name="one_open_submission"
            )
        ]
        indexes = [
            models.Index(
                fields=["claimed_until"], condition=Q(state__in=["QUEUED", "RUNNING"]), name="submission_to_check"
            ),
            models.Index(fields=["outcome", "submitted_at"], name="submission_queue"),
        ]

    def __str__(self) -> str:
        return f"Submission of {self.listing_id}"

    @property
    def is_open(self) -> bool:
        return self.outcome in OPEN_OUTCOMES


class ListingVersion(models.Model):
    """What a listing said when it was published: its n-th version. Immutable."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    listing = models.ForeignKey(LISTING, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content = models.JSONField()
    strategy_version = models.ForeignKey(
        StrategyVersion, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    # What changed, in the owner's words, and what that means for whoever follows or uses it already.
    changes = models.CharField(max_length=300, blank=True)
    effects = models.JSONField(default=list)
    findings = models.JSONField(default=dict, blank=True)
    published_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listing", "number"], name="listing_version_number")]

    def __str__(self) -> str:
        return f"Version {self.number} of {self.listing_id}"


class ListingTag(models.Model):
    """A tag of a listing, as a slug."""

    id = models.BigAutoField(primary_key=True)
    listing = models.ForeignKey(LISTING, on_delete=models.CASCADE, related_name="tags", db_index=False)
    name = models.CharField(max_length=24)

    class Meta:
        ordering = ["listing", "name"]
        constraints = [models.UniqueConstraint(fields=["listing", "name"], name="listing_tag_once")]
        # Facets count and find listings by tag.
        indexes = [models.Index(fields=["name", "listing"], name="listing_by_tag")]

    def __str__(self) -> str:
        return self.name


class ListingPicture(models.Model):
    """A picture made anew by us: WebP without metadata, named by its content."""

    id = models.BigAutoField(primary_key=True)
    listing = models.ForeignKey(LISTING, on_delete=models.CASCADE, related_name="pictures", db_index=False)
    # SHA-256 of `data`, hex.
    digest = models.CharField(max_length=64)
    data = models.BinaryField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    # Until a submission with it is through, its owner's alone.
    is_public = models.BooleanField(default=False)
    # For whoever cannot see it.
    words = models.CharField(max_length=120, blank=True)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ["listing", "id"]
        constraints = [models.UniqueConstraint(fields=["listing", "digest"], name="listing_picture_once")]

    def __str__(self) -> str:
        return f"Picture of {self.listing_id}"


class ListingFacts(models.Model):
    """What is computed of a listing and never claimed: what it trades, how long its record is, how risky it was."""

    listing = models.OneToOneField(LISTING, on_delete=models.CASCADE, primary_key=True, related_name="facts")
    instruments: models.ManyToManyField[Instrument, Instrument] = models.ManyToManyField(Instrument, related_name="+")
    # Of the record: market time since the first fill, and round trips that ended (rule 39).
    first_fill_at = models.DateTimeField(null=True)
    closed_trades = models.PositiveIntegerField(default=0)
    record_days = models.PositiveIntegerField(default=0)
    is_proven = models.BooleanField(default=False)
    # Signals of the named strategy that asked for something while it ran, and those that were carried out.
    signals_wished = models.PositiveIntegerField(default=0)
    signals_executed = models.PositiveIntegerField(default=0)
    # 1 to 5 (engine/risk_class.py); none of a record that is too short. With the class that each figure alone would give.
    risk_class = models.PositiveSmallIntegerField(null=True)
    risk_figures = models.JSONField(default=dict)
    # The smallest amount at which a copy is no other strategy; none where there was nothing to copy yet.
    smallest_capital = AmountField(null=True)
    refreshed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["risk_class"], name="listing_by_risk_class")]

    def __str__(self) -> str:
        return f"Facts of {self.listing_id}"


class ShareRaise(models.Model):
    """A raise of the profit share that was announced: whoever followed then shares that much from `effective_at` on (rule 36)."""

    id = models.BigAutoField(primary_key=True)
    listing = models.ForeignKey(LISTING, on_delete=models.CASCADE, related_name="raises")
    before = models.DecimalField(max_digits=5, decimal_places=4)
    after = models.DecimalField(max_digits=5, decimal_places=4)
    # Market time, both: settlements are counted in it.
    announced_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    # Lowered again before it took effect.
    is_off = models.BooleanField(default=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(after__gt=F("before")), name="share_raise_raises")]

    def __str__(self) -> str:
        return f"Raise to {self.after} of {self.listing_id}"

"""The rows of proofs: how far each portfolio is sealed, seals, signed roots and their keys; backtests to repeat; drift."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.ids import new_id
from portfolios.models import Portfolio
from strategies.models import Backtest, Job, StrategyRun


class RecordKey(models.Model):
    """A public key that signed roots. None is ever removed: old roots are verified with it."""

    # The first 16 hex digits of the key's SHA-256.
    id = models.CharField(primary_key=True, max_length=16)
    # 32 bytes in hex.
    public = models.CharField(max_length=64)
    first_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.id


class RecordRoot(models.Model):
    """The signed head of a tree over the seals made since the last one. Its byte form is engine/records/statements.py's."""

    # Gapless from 1 on.
    number = models.PositiveBigIntegerField(primary_key=True)
    previous = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    root = models.CharField(max_length=64)
    at = models.DateTimeField()
    key = models.ForeignKey(RecordKey, on_delete=models.PROTECT, related_name="roots")
    signature = models.CharField(max_length=128)

    def __str__(self) -> str:
        return f"Root {self.number}"


class SealedBook(models.Model):
    """How far a portfolio's fills are sealed: the lock of whoever seals, and where they go on."""

    portfolio = models.OneToOneField(Portfolio, on_delete=models.PROTECT, primary_key=True, related_name="sealed_book")
    number = models.PositiveBigIntegerField(default=0)
    # Hex; that of the number.
    link = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"Sealed up to {self.number}"


class Seal(models.Model):
    """Fills `first` to `last` of a portfolio, sealed at one time. Grows with fills: at most one row a minute and portfolio."""

    id = models.BigAutoField(primary_key=True)
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="seals", db_index=False)
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()
    previous_link = models.CharField(max_length=64)
    link = models.CharField(max_length=64)
    # The leaf hash of each fill, 32 bytes one behind the other: they say which fill it is that differs.
    leaves = models.BinaryField()
    sealed_at = models.DateTimeField()
    # Its place among the leaves of a root's tree and the hashes that lead from there to the head; none until the next root.
    root = models.ForeignKey(
        RecordRoot, null=True, blank=True, on_delete=models.PROTECT, related_name="seals", db_index=False
    )
    place = models.PositiveIntegerField(default=0)
    path = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["portfolio", "first"], name="seal_begins_once"),
            models.CheckConstraint(condition=Q(first__gte=1, last__gte=models.F("first")), name="seal_holds_fills"),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(root=None), name="seals_without_root")]

    def __str__(self) -> str:
        return f"Fills {self.first} to {self.last}"


class PublishedBacktest(models.Model):
    """The backtest that a listing shows and anybody may repeat. Its spec is kept here, for its author may delete the original."""

    listing = models.OneToOneField(
        "marketplace.Listing", on_delete=models.PROTECT, primary_key=True, related_name="published_backtest"
    )
    backtest = models.ForeignKey(Backtest, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # All that the answer follows from, the graph included: never shown. The manifest is what readers see of it.
    spec = models.JSONField()
    spec_hash = models.CharField(max_length=64)
    manifest = models.JSONField()
    trades_hash = models.CharField(max_length=64)
    # A secret that went into the hashes that are shown: without it a sealed strategy could be guessed and compared. Hex.
    salt = models.CharField(max_length=64, blank=True)
    # What it came to, as lists show it (strategies/services/backtests.py: HEADLINES).
    summary = models.JSONField()
    published_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Backtest of {self.listing_id}"


class Reproduction(Job):
    """A reader's repetition of a listing's published backtest: computed anew, never taken from what was stored."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    published = models.ForeignKey(PublishedBacktest, on_delete=models.PROTECT, related_name="reproductions")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    # What was published when it was asked for.
    spec_hash = models.CharField(max_length=64)
    expected_hash = models.CharField(max_length=64)
    # What came out; blank until it is done.
    trades_hash = models.CharField(max_length=64, blank=True)
    summary = models.JSONField(default=dict, blank=True)
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reader"], condition=Q(state__in=["QUEUED", "RUNNING"]), name="one_reproduction_at_a_time"
            )
        ]
        indexes = [
            models.Index(
                fields=["claimed_until"], condition=Q(state__in=["QUEUED", "RUNNING"]), name="reproduction_to_do"
            )
        ]

    def __str__(self) -> str:
        return f"Repetition of {self.published_id}"

    @property
    def is_same(self) -> bool:
        return bool(self.trades_hash) and self.trades_hash == self.expected_hash


class DriftDay(models.Model):
    """One day (market time, UTC) of a run beside what the engine would have done on the same candles."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(StrategyRun, on_delete=models.PROTECT, related_name="drift_days", db_index=False)
    day = models.DateField()
    # Fills of the engine's; those of them that the run made too; those it did not; those that only the run made.
    wished = models.PositiveIntegerField()
    matched = models.PositiveIntegerField()
    missed = models.PositiveIntegerField()
    extra = models.PositiveIntegerField()
    # Mean of the matched ones: positive where the run paid more, or got less. None without any.
    mispriced_bps = models.FloatField(null=True)
    worst_bps = models.FloatField(null=True)
    # Why it could not be compared; blank where it was.
    code = models.CharField(max_length=40, blank=True)
    compared_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "day"], name="one_drift_per_day")]

    def __str__(self) -> str:
        return f"Drift on {self.day}"

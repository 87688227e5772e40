"""Reviews with their history, reports of them, and the sum that ratings are made of."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.ids import new_id
from trading.models import Follow


class ReviewState(models.TextChoices):
    SHOWN = "SHOWN", "Shown"
    HIDDEN = "HIDDEN", "Hidden"


class Review(models.Model):
    """What somebody says of a listing that they followed; one per follow. Hidden, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    listing = models.ForeignKey("marketplace.Listing", on_delete=models.PROTECT, related_name="reviews")
    follow = models.OneToOneField(Follow, on_delete=models.PROTECT, related_name="review")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    stars = models.PositiveSmallIntegerField()
    text = models.TextField(max_length=2000, blank=True)
    # The follow's net return when the review was last written, computed by us; none where nothing was paid in.
    result_ratio = models.FloatField(null=True)
    followed_days = models.PositiveIntegerField()
    # The author's account was erased: no name and no words are left.
    is_former = models.BooleanField(default=False)
    answer = models.TextField(max_length=2000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=6, choices=ReviewState, default=ReviewState.SHOWN)
    hidden_reason = models.CharField(max_length=200, blank=True)
    # What operators should look at, and nobody else sees: signs that author and lead know each other.
    flags = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(stars__gte=1, stars__lte=5), name="review_stars_range")]
        # A listing's page shows what is shown, newest first.
        indexes = [models.Index(fields=["listing", "state", "-created_at"], name="review_newest")]

    def __str__(self) -> str:
        return f"{self.stars} of 5"


class ReviewVersion(models.Model):
    """What a review or its answer said before it was changed."""

    id = models.BigAutoField(primary_key=True)
    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="versions")
    is_answer = models.BooleanField(default=False)
    stars = models.PositiveSmallIntegerField(null=True)
    text = models.TextField(blank=True)
    replaced_at = models.DateTimeField()


class ReportReason(models.TextChoices):
    SPAM = "SPAM", "Advertising or spam"
    ABUSE = "ABUSE", "Insulting or threatening"
    PRIVATE = "PRIVATE", "Somebody's private data"
    FALSE = "FALSE", "Not about this listing"


class ReviewReport(models.Model):
    """Somebody's word that a review should be looked at; open until an operator has decided."""

    id = models.BigAutoField(primary_key=True)
    review = models.ForeignKey(Review, on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=7, choices=ReportReason)
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["review", "reporter"], name="review_report_once")]


class ListingRating(models.Model):
    """The sum of a listing's shown stars, kept in step with its reviews."""

    listing = models.OneToOneField(
        "marketplace.Listing", on_delete=models.CASCADE, primary_key=True, related_name="rating"
    )
    count = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)

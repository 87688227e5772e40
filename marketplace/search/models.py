"""What search reads: a row of figures per listing, its words, and the count of changes that readers follow."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from common.ids import new_id
from portfolios.models import PortfolioKind

UNPROVEN = "UNPROVEN"


class SearchBook(models.Model):
    """Counts the changes to the index in the order of their commits, so that a process can follow them. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    # Another one means another index: what a process remembers of the old one is worth nothing.
    epoch = models.UUIDField(default=new_id)
    last_change = models.PositiveBigIntegerField(default=0)


class Exclusion(models.TextChoices):
    """Why a listing is left out of the ranking (copy-trading rule 40)."""

    HEDGED = "HEDGED", "Its returns are the opposite of another account's of the same household"
    MIRRORED = "MIRRORED", "Its fills are the opposite of another account's of the same household"


class ListingIndex(models.Model):
    """What a listing is found, narrowed and sorted by. Made of other rows and never the truth about any of them.

    Ratios and prices are floats: they are compared, and nothing settles on them.
    """

    id = models.AutoField(primary_key=True)
    listing = models.OneToOneField("marketplace.Listing", on_delete=models.CASCADE, related_name="index")
    change = models.PositiveBigIntegerField(default=0)
    # Withdrawn ones stay: the past of a kind is told with them in it.
    is_listed = models.BooleanField()
    kind = models.CharField(max_length=10, choices=PortfolioKind)
    timeframe = models.CharField(max_length=4, blank=True)
    risk_class = models.CharField(max_length=20, default=UNPROVEN)
    # Canonical keys of the markets that its portfolio traded, the first ones first.
    markets = models.JSONField(default=list)
    # Of market time, from the portfolio's opening to its newest snapshot.
    age_days = models.PositiveIntegerField(default=0)
    return_ratio = models.FloatField(default=0.0)
    max_drawdown_ratio = models.FloatField(default=0.0)
    # In the listing's own currency; 0 is free.
    monthly_price = models.FloatField(default=0.0)
    # What may still be copied with, in the settlement currency; 0 where the lead is full.
    capacity_left = models.FloatField(default=0.0)
    follower_return_ratio = models.FloatField(null=True)
    follower_count = models.PositiveIntegerField(default=0)
    # Place among its kind, 1 is best, equals share one; none for what is not listed or left out.
    place = models.PositiveIntegerField(null=True)
    exclusion = models.CharField(max_length=8, choices=Exclusion, blank=True)
    rating_mean = models.FloatField(null=True)
    rating_count = models.PositiveIntegerField(default=0)
    published_at = models.DateTimeField()

    class Meta:
        indexes = [
            # A process asks for what changed since it last looked.
            models.Index(fields=["change"], name="listing_index_changes"),
            # A listing's own place is counted among those before it.
            models.Index(fields=["kind", "is_listed", "place"], name="listing_index_places"),
        ]


class ListingWords(models.Model):
    """The words of a listing in lower case, parted by blanks. PostgreSQL keeps a weighted `vector` of them beside."""

    index = models.OneToOneField(ListingIndex, on_delete=models.CASCADE, primary_key=True, related_name="words")
    title = models.TextField()
    handle = models.TextField()
    tags = models.TextField(blank=True)
    description = models.TextField(blank=True)


class SearchWord(models.Model):
    """A word that stood in a title, tag or handle: what a misspelt one is corrected to."""

    id = models.BigAutoField(primary_key=True)
    word = models.CharField(max_length=80, unique=True)


class SavedSearch(models.Model):
    """A search that somebody keeps, and is told of new matches once a day (wall time)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches")
    name = models.CharField(max_length=60)
    # As it stands in an address, in one order.
    query = models.CharField(max_length=1000, blank=True)
    created_at = models.DateTimeField()
    # What was published after this has not been told of yet.
    seen_until = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_search_name_per_owner")]
        indexes = [models.Index(fields=["due_at"], name="saved_search_due")]

    def __str__(self) -> str:
        return self.name


class SimilarListing(models.Model):
    """One of the listings whose daily returns move most like a listing's own."""

    id = models.BigAutoField(primary_key=True)
    listing = models.ForeignKey("marketplace.Listing", on_delete=models.CASCADE, related_name="similar")
    other = models.ForeignKey("marketplace.Listing", on_delete=models.CASCADE, related_name="+")
    place = models.PositiveSmallIntegerField()
    correlation = models.FloatField()
    days = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["listing", "place"], name="similar_listing_place")]

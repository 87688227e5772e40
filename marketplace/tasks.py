"""Keeping track records in step."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from marketplace.search.saved import tell_of_matches
from marketplace.search.services import index_changed, index_listings, refresh_ranking
from marketplace.search.similar import refresh_similar
from marketplace.services.copy_records import refresh_copy_records
from marketplace.services.records import refresh_records


@shared_task(name="marketplace.refresh_listing")
def refresh_listing(listing_id: str) -> None:
    """Somebody began to follow this one."""
    refresh_records(listing_ids=[UUID(listing_id)])
    index_listings(listing_ids=[UUID(listing_id)])


@shared_task(name="marketplace.refresh_all")
def refresh_all() -> None:
    """Count the snapshots taken since the last time; runs every few seconds."""
    refresh_records()


@shared_task(name="marketplace.refresh_copy_records")
def refresh_copies() -> None:
    """Count the hours and the copies since the last time; runs once a minute, and moves as market hours end."""
    refresh_copy_records()


@shared_task(name="marketplace.index_changed")
def index_new() -> None:
    """Find what search does not know as it is; runs once a minute."""
    index_changed()


@shared_task(name="marketplace.refresh_ranking")
def rank() -> None:
    """Bring search and ranking up to date; runs once an hour (copy-trading rule 40)."""
    refresh_ranking()


@shared_task(name="marketplace.refresh_similar")
def find_similar() -> None:
    """Find what moves alike; runs once a day."""
    refresh_similar()


@shared_task(name="marketplace.tell_of_matches")
def tell_searchers() -> None:
    """Tell of what is new in searches that are due; each is once a day."""
    tell_of_matches()

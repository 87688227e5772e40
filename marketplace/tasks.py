"""Keeping track records in step."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from marketplace.publishing.services.checking import check_submission_job, recover_submissions
from marketplace.publishing.services.facts import refresh_facts, stale_listings
from marketplace.services.copy_records import refresh_copy_records
from marketplace.services.records import refresh_records


@shared_task(name="marketplace.refresh_listing")
def refresh_listing(listing_id: str) -> None:
    """Somebody began to follow this one."""
    refresh_records(listing_ids=[UUID(listing_id)])


@shared_task(name="marketplace.refresh_all")
def refresh_all() -> None:
    """Count the snapshots taken since the last time; runs every few seconds."""
    refresh_records()


@shared_task(name="marketplace.check_submission")
def check_submission(submission_id: str) -> None:
    """A strategy is to be tested before others see it."""
    check_submission_job(submission_id=UUID(submission_id))


@shared_task(name="marketplace.sweep_submissions")
def sweep_submissions() -> None:
    """Give tests whose worker died to another, and send lost tasks again; runs every few seconds."""
    recover_submissions()


@shared_task(name="marketplace.refresh_listing_facts")
def refresh_listing_facts(listing_id: str) -> None:
    """This one was published, or changed."""
    refresh_facts(listing_id=UUID(listing_id))


@shared_task(name="marketplace.refresh_stale_facts")
def refresh_stale_facts() -> None:
    """Compute anew what listings' records say of them, where they have grown; runs once an hour."""
    for listing_id in stale_listings():
        refresh_facts(listing_id=listing_id)


@shared_task(name="marketplace.refresh_copy_records")
def refresh_copies() -> None:
    """Count the hours and the copies since the last time; runs once a minute, and moves as market hours end."""
    refresh_copy_records()

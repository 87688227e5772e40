"""Keeping track records in step."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from common.errors import DomainError
from marketplace.billing import tasks as _billing  # noqa: F401  # Celery looks for an app's tasks here
from marketplace.proofs.services.drifting import measure_drift
from marketplace.proofs.services.reproducing import recover_reproductions, run_reproduction_job
from marketplace.proofs.services.sealing import root_is_due, seal_fills, seal_recent_fills, sign_root
from marketplace.publishing.services.checking import check_submission_job, recover_submissions
from marketplace.publishing.services.facts import refresh_facts, stale_listings
from marketplace.search.saved import tell_of_matches
from marketplace.search.services import index_changed, index_listings, refresh_ranking
from marketplace.search.similar import refresh_similar
from marketplace.services.copy_records import refresh_copy_records
from marketplace.services.records import refresh_records

logger = logging.getLogger(__name__)


@shared_task(name="marketplace.refresh_listing")
def refresh_listing(listing_id: str) -> None:
    """Somebody began to follow this one."""
    refresh_records(listing_ids=[UUID(listing_id)])
    index_listings(listing_ids=[UUID(listing_id)])


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
    index_listings(listing_ids=[UUID(listing_id)])


@shared_task(name="marketplace.refresh_stale_facts")
def refresh_stale_facts() -> None:
    """Compute anew what listings' records say of them, where they have grown; runs once an hour."""
    for listing_id in stale_listings():
        refresh_facts(listing_id=listing_id)


@shared_task(name="marketplace.refresh_copy_records")
def refresh_copies() -> None:
    """Count the hours and the copies since the last time; runs once a minute, and moves as market hours end."""
    refresh_copy_records()


@shared_task(name="marketplace.seal_fills")
def seal_new_fills() -> None:
    """Chain what was filled since the last time; runs once a minute."""
    seal_recent_fills()


@shared_task(name="marketplace.sign_root")
def sign_due_root() -> None:
    """Sign what was sealed in the last hour, every portfolio looked at once more; runs every few minutes, and does nothing in between."""
    if not root_is_due():
        return
    seal_fills()
    try:
        sign_root()
    except DomainError as refused:
        logger.warning("No root was signed: %s", refused.message)


@shared_task(name="marketplace.run_reproduction")
def run_reproduction(reproduction_id: str) -> None:
    """A reader repeats a published backtest."""
    run_reproduction_job(reproduction_id=UUID(reproduction_id))


@shared_task(name="marketplace.sweep_reproductions")
def sweep_reproductions() -> None:
    """Give repetitions whose worker died to another, and send lost tasks again; runs every few seconds."""
    recover_reproductions()


@shared_task(name="marketplace.measure_drift")
def measure_due_drift() -> None:
    """Compare the days that have ended since with what the engine would have done; runs every few minutes, for some runs."""
    measure_drift()


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

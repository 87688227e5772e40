"""Keeping track records in step."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task

from common.errors import DomainError
from marketplace.proofs.services.sealing import seal_fills, sign_root
from marketplace.services.copy_records import refresh_copy_records
from marketplace.services.records import refresh_records

logger = logging.getLogger(__name__)


@shared_task(name="marketplace.refresh_listing")
def refresh_listing(listing_id: str) -> None:
    """Somebody began to follow this one."""
    refresh_records(listing_ids=[UUID(listing_id)])


@shared_task(name="marketplace.refresh_all")
def refresh_all() -> None:
    """Count the snapshots taken since the last time; runs every few seconds."""
    refresh_records()


@shared_task(name="marketplace.refresh_copy_records")
def refresh_copies() -> None:
    """Count the hours and the copies since the last time; runs once a minute, and moves as market hours end."""
    refresh_copy_records()


@shared_task(name="marketplace.seal_fills")
def seal_new_fills() -> None:
    """Chain what was filled since the last time; runs once a minute."""
    seal_fills()


@shared_task(name="marketplace.sign_root")
def sign_due_root() -> None:
    """Sign what was sealed in the last hour; runs every few minutes, and does nothing in between."""
    try:
        sign_root()
    except DomainError as refused:
        logger.warning("No root was signed: %s", refused.message)

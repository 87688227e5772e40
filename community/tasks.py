"""Competitions' clockwork."""

from __future__ import annotations

from celery import shared_task

from community import selectors
from community.services.competitions import close_competition, publish_ranking


@shared_task(name="community.close_due_competitions")
def close_due_competitions() -> None:
    """Close what is over by market time; runs every second."""
    for competition_id in selectors.due_competitions():
        close_competition(competition_id=competition_id)


@shared_task(name="community.publish_rankings")
def publish_rankings() -> None:
    """Move the rankings on open pages; runs every few seconds."""
    for competition in selectors.running_competitions():
        publish_ranking(competition=competition)

"""Deciding, after a candle closed and for what a lost task left behind."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from strategies import selectors
from strategies.services.runs import decide_each


@shared_task(name="strategies.decide_runs")
def decide_runs(instrument_id: str, timeframe: str) -> None:
    """A candle of this series closed."""
    decide_each(due=selectors.runs_to_decide(UUID(instrument_id), timeframe))


@shared_task(name="strategies.sweep_runs")
def sweep_runs() -> None:
    """Decide for the runs whose task was lost; runs every few seconds."""
    for namespace in selectors.running_namespaces():
        decide_each(due=selectors.undecided_runs(namespace))

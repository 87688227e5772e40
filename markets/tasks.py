"""Markets' work beside the feed."""

from __future__ import annotations

from celery import shared_task

from markets import services


@shared_task(name="markets.compact_candles")
def compact_candles() -> None:
    """Move closed candles from their table into the candle store; runs every few minutes."""
    services.compact_candles()

"""Closed candles: stored as they close, moved into the candle store later."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from common.db import bulk_insert
from engine.candles import Candles
from engine.timeframes import moment
from markets.candle_store import candle_store
from markets.models import RecentCandle
from markets.selectors import candles_from_rows, instruments_by_id
from markets.steps import ClosedCandle


@transaction.atomic
def store_recent_candles(*, candles: Sequence[ClosedCandle]) -> int:
    """Store closed candles, all or none, and return how many were new; one that is there already stays as it is."""
    rows = [
        RecentCandle(
            instrument_id=candle.instrument_id,
            timeframe=candle.timeframe,
            opened_at=candle.opened_at,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
        )
        for candle in candles
    ]
    return bulk_insert(RecentCandle, rows, ignore_conflicts=True)


def compact_candles() -> int:
    """Move all recent candles into the candle store and return how many rows went.

    The file is whole on disk before a row is deleted: a kill in between leaves candles in both places, which readers
    know and the next run ends.
    """
    series = list(RecentCandle.objects.values_list("instrument_id", "timeframe").distinct().order_by())
    instruments = instruments_by_id({instrument_id for instrument_id, _ in series})
    moved = 0
    for instrument_id, timeframe in series:
        instrument = instruments[instrument_id]
        rows = RecentCandle.objects.filter(instrument=instrument, timeframe=timeframe).order_by("opened_at")
        candles = candles_from_rows(rows)
        candle_store().upsert(instrument.exchange.code, instrument.symbol, timeframe, candles)
        moved += _delete_until(candles, instrument_id, timeframe)
    return moved


def _delete_until(candles: Candles, instrument_id: UUID, timeframe: str) -> int:
    """Delete the rows of these candles; later ones, which came while the file was written, stay."""
    newest = moment(int(candles.opened_at[-1]))
    rows = RecentCandle.objects.filter(instrument_id=instrument_id, timeframe=timeframe, opened_at__lte=newest)
    return rows.delete()[0]

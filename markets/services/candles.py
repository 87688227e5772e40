"""Closed candles: stored as they close, moved into the candle store later."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from accounts.services import audit
from common.db import bulk_insert
from engine.candles import Candles
from engine.timeframes import milliseconds, moment
from markets.candle_store import UpsertCounts, candle_store
from markets.models import Instrument, RecentCandle
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


def store_candles(*, instrument: Instrument, timeframe: str, candles: Candles) -> UpsertCounts:
    """Write closed candles (oldest first, no duplicates) into the candle store, over what is known of the same times.

    Revised ones are counted and audited. Rows of these times go, for the store has the newer word on them.
    """
    counts = candle_store().upsert(instrument.exchange.code, instrument.symbol, timeframe, candles)
    if len(candles):
        rows = RecentCandle.objects.filter(instrument=instrument, timeframe=timeframe)
        first, last = moment(int(candles.opened_at[0])), moment(int(candles.opened_at[-1]))
        between = rows.filter(opened_at__gte=first, opened_at__lte=last).values_list("pk", "opened_at")
        known = set(candles.opened_at.tolist())
        stale = [pk for pk, opened_at in between if milliseconds(opened_at) in known]
        if stale:
            rows.filter(pk__in=stale).delete()
    _audit_revisions(instrument, timeframe, counts)
    return counts


def revise_candles(*, instrument: Instrument, timeframe: str, candles: Candles) -> UpsertCounts:
    """Put revised candles in place of those that are known, counted and audited; what is the same stays.

    Known ones that are still rows go into the candle store first: a revision is what changes there.
    """
    times = [moment(int(opened_at)) for opened_at in candles.opened_at]
    rows = RecentCandle.objects.filter(instrument=instrument, timeframe=timeframe, opened_at__in=times)
    if len(known := candles_from_rows(rows)):
        store_candles(instrument=instrument, timeframe=timeframe, candles=known)
    return store_candles(instrument=instrument, timeframe=timeframe, candles=candles)


def _audit_revisions(instrument: Instrument, timeframe: str, counts: UpsertCounts) -> None:
    """Write down which stored candles a source has changed: a backtest of them now says something else."""
    if not counts.replaced:
        return
    times = [moment(one.opened_at_ms).isoformat() for one in counts.revisions]
    audit(
        action="candles.revised",
        obj=instrument,
        before={
            "timeframe": timeframe,
            "candles": dict(zip(times, (one.before for one in counts.revisions), strict=True)),
        },
        after={
            "revised": counts.replaced,
            "candles": dict(zip(times, (one.after for one in counts.revisions), strict=True)),
        },
    )


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
        counts = candle_store().upsert(instrument.exchange.code, instrument.symbol, timeframe, candles)
        _audit_revisions(instrument, timeframe, counts)
        moved += _delete_until(candles, instrument_id, timeframe)
    return moved


def _delete_until(candles: Candles, instrument_id: UUID, timeframe: str) -> int:
    """Delete the rows of these candles; later ones, which came while the file was written, stay."""
    newest = moment(int(candles.opened_at[-1]))
    rows = RecentCandle.objects.filter(instrument_id=instrument_id, timeframe=timeframe, opened_at__lte=newest)
    return rows.delete()[0]

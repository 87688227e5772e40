"""What is known of an instrument's past: how far its candles reach, what is missing, and what is being loaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from numpy.typing import NDArray

from accounts.models import User
from common import display
from common.errors import NotFound
from engine.timeframes import milliseconds, moment, timeframe_ms
from markets.candle_store import TIME_COLUMN, candle_store
from markets.models import OPEN_BACKFILL, Backfill, Instrument, RecentCandle, SourceKind
from markets.selectors import instrument_by_id, timeframes_of

# Candles that are missing nearer to each other than this are asked for together: a request brings hundreds anyway.
JOINED_CANDLES = 300


@dataclass(frozen=True, slots=True)
class Coverage:
    """The closed candles of one series: when the first opened and the last ended, how many, and what lies open between."""

    timeframe: str
    first: datetime
    last: datetime
    candles: int
    gaps: int
    missing: int
    # The longest gap's first missing candle, and how many there are.
    longest_at: datetime | None = None
    longest: int = 0

    @property
    def ratio(self) -> float:
        """Return the part of the stretch that is there, 0 to 1."""
        return self.candles / (self.candles + self.missing)


def coverage(instrument: Instrument) -> list[Coverage]:
    """Return how far each timeframe of an instrument reaches, finest first."""
    return [_covered(timeframe, _times(instrument, timeframe)) for timeframe in timeframes_of(instrument)]


def missing_stretches(
    instrument: Instrument, timeframe: str, start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Return the stretches (first included, last excluded) of start ≤ opened < end that hold candles which are not stored.

    Stretches that lie close together are one; both ends are on the timeframe's grid.
    """
    length = timeframe_ms(timeframe)
    first, last = milliseconds(start), milliseconds(end)
    times = _times(instrument, timeframe, first, last)
    bounds = np.concatenate([[first - length], times, [last]])
    places = np.flatnonzero(np.diff(bounds) > length)
    found: list[tuple[int, int]] = []
    for begin, until in zip((bounds[places] + length).tolist(), bounds[places + 1].tolist(), strict=True):
        if found and begin - found[-1][1] < JOINED_CANDLES * length:
            found[-1] = found[-1][0], until
        else:
            found.append((begin, until))
    return [(moment(begin), moment(until)) for begin, until in found]


def _times(
    instrument: Instrument, timeframe: str, start_ms: int | None = None, end_ms: int | None = None
) -> NDArray[np.int64]:
    """Return when the stored candles of a series opened, oldest first."""
    rows = RecentCandle.objects.none()
    if instrument.exchange.source_kind != SourceKind.REPLAY:
        rows = RecentCandle.objects.filter(instrument=instrument, timeframe=timeframe)
    # Rows first, as in every read of candles: compaction writes the file before it deletes rows.
    recent = np.array([milliseconds(at) for at in rows.values_list("opened_at", flat=True)], dtype=np.int64)
    names = (instrument.exchange.code, instrument.symbol, timeframe)
    stored = candle_store().read_columns(*names, [TIME_COLUMN], start_ms=start_ms, end_ms=end_ms)[TIME_COLUMN]
    if not len(recent):
        return stored
    low, high = start_ms or 0, np.iinfo(np.int64).max if end_ms is None else end_ms
    return np.union1d(stored, recent[(recent >= low) & (recent < high)])


def _covered(timeframe: str, times: NDArray[np.int64]) -> Coverage:
    length = timeframe_ms(timeframe)
    missing = np.diff(times) // length - 1
    found = Coverage(
        timeframe=timeframe,
        first=moment(int(times[0])),
        last=moment(int(times[-1]) + length),
        candles=len(times),
        gaps=int((missing > 0).sum()),
        missing=int(missing.sum()),
    )
    if not found.gaps:
        return found
    place = int(missing.argmax())
    return Coverage(
        timeframe, found.first, found.last, found.candles, found.gaps, found.missing,
        longest_at=moment(int(times[place]) + length), longest=int(missing[place]),
    )  # fmt: skip


# --- backfills ------------------------------------------------------------------------------------------------------
def backfills() -> QuerySet[Backfill]:
    """Return all backfills, newest first, each with its instrument."""
    related = ("instrument__exchange", "instrument__market")
    return Backfill.objects.select_related(*related).order_by("-id")


def open_backfills(instruments: Iterable[Instrument] | None = None) -> QuerySet[Backfill]:
    """Return the backfills that wait or run, of these instruments or of all, newest first."""
    found = backfills().filter(state__in=OPEN_BACKFILL)
    return found if instruments is None else found.filter(instrument__in=list(instruments))


def backfill_for_user(user: User | AnonymousUser | None, backfill_id: UUID | str) -> Backfill:
    """The gate: return a backfill that the user alone asked for, or NotFound for anybody else's and for none."""
    if (key := _key(backfill_id)) and user is not None and user.is_authenticated:
        found = backfills().filter(requested_by=user, pk=key).first()
        if found is not None:
            return found
    raise NotFound("backfill")


def _key(value: UUID | str) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None


def backfills_snapshot(user: Any, instrument_id: str) -> dict[str, Any]:
    """Return how far an instrument's open backfills are (the gate of `backfills:`; the past of a market is for everybody)."""
    found = open_backfills([instrument_by_id(instrument_id)])
    return {"cells": {name: text for one in found for name, text in _cells(one).items()}}


def topic_message(backfill: Backfill) -> tuple[str, dict[str, Any]]:
    """Return what open pages hear when a backfill has moved: the figure at once, the card as they fetch it again."""
    return f"backfills:{backfill.instrument_id}", {"cells": _cells(backfill), "refresh": ["history"]}


def _cells(backfill: Backfill) -> dict[str, str]:
    return {f"{backfill.pk}.progress": display.percent(backfill.progress, 0)}

"""Momentum and volume spikes: the newest minutes of many instruments as arrays, through the pure scanners, to rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from common.clock import market_times, wall_now
from engine.candles import Candles, Floats
from engine.scanners.movers import Movers, scan_momentum, scan_volume_spikes
from engine.timeframes import MINUTE_MS, milliseconds, moment
from markets.models import Instrument, InterestKind
from markets.scanning.results import WINDOWS, Found, Mover, Window, kind_of
from markets.scanning.universe import REASON, is_connected, mover_universe
from markets.selectors import Span, candles_of_each
from markets.services.interests import renew_interest

# How far back the habit of an instrument is known, in minutes, and of how many its turnover is told.
HABIT_MINUTES = 90
TURNOVER_MINUTES = 60
# Most of the minutes must be known: what trades once an hour has no habit.
_LEAST_KNOWN = HABIT_MINUTES // 2


class MoverScanner:
    """Which instruments move, or trade, far beyond their habit."""

    def __init__(self) -> None:
        self._instruments: list[Instrument] = []

    def prepare(self) -> None:
        """Choose what to look at, and have its candles watched."""
        self._instruments = mover_universe()
        asked = [one.pk for one in self._instruments if is_connected(one)]
        for kind in (InterestKind.TICKER, InterestKind.CANDLES):
            renew_interest(instrument_ids=asked, kind=kind, reason=REASON)

    def scan(self) -> Found:
        """Look at the newest minutes of all instruments once; those without one-minute candles are passed over."""
        times = market_times({one.market.namespace for one in self._instruments})
        spans = [_span(one, times[one.market.namespace]) for one in self._instruments]
        found = candles_of_each(spans)
        usable = [(span, one) for span, one in zip(spans, found, strict=True) if len(one) >= _LEAST_KNOWN]
        rows = _rows(usable) if usable else []
        return Found(at=wall_now().isoformat(), rows=list(rows), nearest=None, looked_at=len(spans), fresh=len(usable))


def _span(instrument: Instrument, now: datetime) -> Span:
    """Return the minutes that have ended."""
    end = moment(milliseconds(now) // MINUTE_MS * MINUTE_MS)
    return Span(instrument, "1m", end - timedelta(minutes=HABIT_MINUTES), end)


def _on_grid(span: Span, candles: Candles) -> tuple[Floats, Floats]:
    """Return closes and turnovers of each minute: one without a trade closes where the one before did."""
    places = (candles.opened_at - milliseconds(span.start)) // MINUTE_MS
    closes, turnovers = np.full(HABIT_MINUTES, np.nan), np.zeros(HABIT_MINUTES)
    closes[places], turnovers[places] = candles.close, candles.close * candles.volume
    newest = np.maximum.accumulate(np.where(np.isnan(closes), 0, np.arange(HABIT_MINUTES)))
    filled = closes[newest]
    # Before the first that is known nothing moved, as far as anybody can say.
    filled[: places[0]] = candles.close[0]
    return filled, turnovers


def _rows(usable: Sequence[tuple[Span, Candles]]) -> list[Mover]:
    closes, turnovers = (np.stack(one) for one in zip(*(_on_grid(*pair) for pair in usable), strict=True))
    windows: dict[int, dict[str, Window]] = defaultdict(dict)
    for minutes in WINDOWS:
        moves = scan_momentum(closes, turnovers, window=minutes, min_change=0.0)
        spikes = _scores(scan_volume_spikes(closes, turnovers, newest=minutes, min_multiple=0.0))
        for place, change, score in zip(
            moves.instrument.tolist(), moves.change.tolist(), moves.score.tolist(), strict=True
        ):
            windows[place][str(minutes)] = Window(
                change_ratio=round(change, 6),
                score=round(score, 2) if np.isfinite(score) else None,
                volume_multiple=spikes.get(place),
            )
    return [
        _row(span.instrument, closes[place], turnovers[place], windows[place])
        for place, (span, _) in enumerate(usable)
        if len(windows[place]) == len(WINDOWS)
    ]


def _scores(found: Movers) -> dict[int, float]:
    return {
        place: round(score, 2) for place, score in zip(found.instrument.tolist(), found.score.tolist(), strict=True)
    }


def _row(instrument: Instrument, closes: Floats, turnovers: Floats, windows: dict[str, Window]) -> Mover:
    return Mover(
        key=str(instrument.pk),
        namespace=instrument.market.namespace,
        kind=kind_of(instrument.exchange),
        instrument=str(instrument.pk),
        market=str(instrument.market),
        exchange=instrument.exchange.code,
        exchange_name=instrument.exchange.name,
        quote=instrument.market.quote_id,
        price=float(closes[-1]),
        turnover=round(float(turnovers[-TURNOVER_MINUTES:].sum()), 2),
        windows=windows,
    )

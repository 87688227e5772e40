"""Candle files looked through before anything is stored: order, duplicates, gaps, grid and OHLC sanity."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from engine.candle_faults import missing_candles, order_faults, row_faults
from engine.candles import Candles, Floats
from engine.timeframes import TIMEFRAMES, moment, timeframe_ms
from markets.candle_files import SHOWN_ROWS, MalformedCandles, RawCandles, parse_name, read_raw
from markets.selectors import known_timeframe

# Prices and quantities are not finer than this on any venue: what floats show beyond it is noise.
_MAX_DECIMALS = 9  # of a tick and of a lot: the value of a trade then has 18, which books hold exactly
_STEP_SAMPLE = 5_000
# So few candles may lie far apart by chance.
_FEWEST_TO_TELL = 5


@dataclass(frozen=True, slots=True)
class Gap:
    """Candles that are missing: the first one's start (milliseconds UTC) and how many."""

    start_ms: int
    missing: int


@dataclass(frozen=True, slots=True)
class CandleFile:
    """A file that passed every check, and what was found in it. `exchange_code` and `pair` may be "" (unknown)."""

    path: Path
    form: str
    exchange_code: str
    pair: str
    timeframe: str
    candles: Candles
    gaps: tuple[Gap, ...]
    without_volume: int

    def summary(self) -> str:
        """Say in one line what was found."""
        first, last = moment(int(self.candles.opened_at[0])), moment(int(self.candles.opened_at[-1]))
        parts = [
            f"{self.pair or 'unknown pair'} {self.timeframe} ({self.form})",
            f"{len(self.candles)} candles from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC",
            self._gap_text(),
        ]
        if self.without_volume:
            parts.append(f"{self.without_volume} without volume")
        return ", ".join(parts)

    def _gap_text(self) -> str:
        if not self.gaps:
            return "no gaps"
        longest = max(self.gaps, key=lambda gap: gap.missing)
        missing = sum(gap.missing for gap in self.gaps)
        return (
            f"{missing} missing in {len(self.gaps)} gaps"
            f" (longest: {longest.missing} from {moment(longest.start_ms):%Y-%m-%d %H:%M})"
        )


def read_candle_file(path: Path, *, exchange_code: str = "", pair: str = "", timeframe: str = "") -> CandleFile:
    """Read and check a candle file of any form; arguments win over what its name says.

    Without a timeframe in either, the most common distance between candles is taken. Raises MalformedCandles, which
    names bad rows, and DomainError for a timeframe that is none.
    """
    raw, name = read_raw(path), parse_name(path)
    timeframe = known_timeframe(timeframe or name.timeframe or _spacing(path, raw.candles))
    _refuse_bad_rows(path, raw, timeframe_ms(timeframe))
    _refuse_other_timeframe(path, raw.candles, timeframe)
    return CandleFile(
        path=path,
        form=raw.form,
        exchange_code=exchange_code or name.exchange_code,
        pair=(pair or name.pair).upper(),
        timeframe=timeframe,
        candles=raw.candles,
        gaps=_gaps(raw.candles, timeframe_ms(timeframe)),
        without_volume=int((raw.candles.volume == 0).sum()),
    )


def steps_seen(candles: Candles) -> tuple[Decimal, Decimal]:
    """Return the tick size and lot step that the newest candles show: one unit of the last decimal in use."""
    newest = candles.part(max(0, len(candles) - _STEP_SAMPLE), len(candles))
    prices = np.concatenate([newest.open, newest.high, newest.low, newest.close])
    return _unit(prices), _unit(newest.volume)


def _unit(values: Floats) -> Decimal:
    for decimals in range(_MAX_DECIMALS):
        if np.array_equal(np.round(values, decimals), values):
            return Decimal(1).scaleb(-decimals)
    return Decimal(1).scaleb(-_MAX_DECIMALS)


def _spacing(path: Path, candles: Candles) -> str:
    distances, counts = np.unique(np.diff(candles.opened_at), return_counts=True)
    usual = int(distances[counts.argmax()]) if len(counts) else 0
    for timeframe, length in TIMEFRAMES.items():
        if length == usual:
            return timeframe
    raise MalformedCandles(path, "its timeframe cannot be told: name it with --timeframe.")


def _refuse_bad_rows(path: Path, raw: RawCandles, length_ms: int) -> None:
    # In order of how much they say: only the first reason of a row is given.
    checks = row_faults(raw.candles, length_ms) | order_faults(raw.candles)
    reasons: dict[int, str] = {}
    for reason, bad in checks.items():
        for place in np.flatnonzero(bad)[: SHOWN_ROWS + 1].tolist():
            reasons.setdefault(place, reason)
    if reasons:
        count = int(np.logical_or.reduce(list(checks.values())).sum())
        rows = [(int(raw.rows[place]), reasons[place]) for place in sorted(reasons)]
        raise MalformedCandles(path, _problem(rows, count), rows, count)


def _problem(rows: list[tuple[int, str]], count: int) -> str:
    row, reason = rows[0]
    return f"row {row}: {reason}" + (f" ({count} bad rows in all)." if count > 1 else ".")


def _gaps(candles: Candles, length_ms: int) -> tuple[Gap, ...]:
    return tuple(Gap(*gap) for gap in missing_candles(candles, length_ms))


def _refuse_other_timeframe(path: Path, candles: Candles, timeframe: str) -> None:
    """Refuse candles that all lie on the grid of a coarser timeframe: they are that timeframe's, whatever the name says."""
    if len(candles) < _FEWEST_TO_TELL:
        return
    spacing = int(np.gcd.reduce(np.diff(candles.opened_at)))
    for coarser, length in TIMEFRAMES.items():
        if length == spacing and length > timeframe_ms(timeframe):
            raise MalformedCandles(path, f"its candles are {coarser} apart, not {timeframe}: name their timeframe.")

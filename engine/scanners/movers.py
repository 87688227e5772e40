"""Momentum and volume spikes: which of many instruments move, or trade, far beyond their habit. Small ones, if asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which instruments are looked at. Quote units; a capitalisation that is not known (NaN) passes only an open bound.

    `min_turnover` and `max_turnover` bound what is traded in the candles looked at, `max_market_cap` the size.
    """

    min_turnover: float = 0.0
    max_turnover: float = np.inf
    max_market_cap: float = np.inf
    min_price: float = 0.0

    def passing(self, closes: Floats, turnovers: Floats, market_caps: Floats | None) -> NDArray[np.bool_]:
        """Return which rows (instruments) pass; a row with an undefined value does not."""
        traded, price = turnovers.sum(axis=1), closes[:, -1]
        passes: NDArray[np.bool_] = (
            (traded >= self.min_turnover) & (traded <= self.max_turnover) & (price >= self.min_price)
        )
        passes &= np.isfinite(closes).all(axis=1) & (closes > 0.0).all(axis=1)
        if not np.isinf(self.max_market_cap):
            passes &= (np.full(len(price), np.nan) if market_caps is None else market_caps) <= self.max_market_cap
        return passes


@dataclass(frozen=True, slots=True)
class Movers:
    """What was found, strongest first; arrays of one length.

    `instrument` is a row of the input; `change` the move as a ratio (0.05: up 5 %); `score` how many times the usual:
    standard deviations for momentum, multiples of the usual turnover for spikes.
    """

    instrument: Places
    change: Floats
    score: Floats

    def __len__(self) -> int:
        return len(self.instrument)


_ANY = Filters()


def scan_momentum(
    closes: Floats,
    turnovers: Floats,
    *,
    window: int,
    min_change: float,
    min_score: float = 0.0,
    filters: Filters = _ANY,
    market_caps: Floats | None = None,
) -> Movers:
    """Return the instruments that moved at least `min_change` (a ratio, up or down) over the newest `window` candles.

    `closes` and `turnovers` (quote units) have shape (instruments, candles), oldest first, more than window + 2 candles.
    The score is the move in standard deviations of what `window` candles usually move: the candles before the window,
    their log returns taken as independent. Where nothing moved before, it is infinite.
    """
    if closes.shape[1] < window + 3 or window < 1:
        raise ValueError("Momentum needs a window of one candle or more, and three candles before it.")
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.diff(np.log(closes), axis=1)
        change = closes[:, -1] / closes[:, -1 - window] - 1.0
        usual = returns[:, :-window].std(axis=1, ddof=1) * np.sqrt(window)
        score = np.abs(returns[:, -window:].sum(axis=1)) / usual
    found = filters.passing(closes, turnovers, market_caps) & (np.abs(change) >= min_change) & (score >= min_score)
    return _ranked(found, change, score)


def scan_volume_spikes(
    closes: Floats,
    turnovers: Floats,
    *,
    newest: int = 1,
    min_multiple: float = 3.0,
    filters: Filters = _ANY,
    market_caps: Floats | None = None,
) -> Movers:
    """Return the instruments whose `newest` candles traded at least `min_multiple` times what is usual.

    Arrays as for `scan_momentum`. Usual is the median of the candles before: one earlier spike must not hide the next.
    Where nothing was traded before, nothing is a multiple of it, and the instrument is left out.
    """
    if not 0 < newest < closes.shape[1]:
        raise ValueError("A volume spike needs a newest candle and at least one before it.")
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = np.median(turnovers[:, :-newest], axis=1)
        score = turnovers[:, -newest:].mean(axis=1) / usual
        change = closes[:, -1] / closes[:, -1 - newest] - 1.0
    found = filters.passing(closes, turnovers, market_caps) & (usual > 0.0) & (score >= min_multiple)
    return _ranked(found, change, score)


def _ranked(found: NDArray[np.bool_], change: Floats, score: Floats) -> Movers:
    places = np.flatnonzero(found)
    places = places[np.argsort(-score[places], kind="stable")]
    return Movers(places, change[places], score[places])

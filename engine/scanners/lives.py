"""How long opportunities have existed and how they shrink: what one scan found, followed into the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats, Times

Keys = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lives:
    """The opportunities of the newest scan, by key in rising order; arrays of one length, times in ms since 1970 UTC.

    `since_ms` is the first of the scans without a break that found it; `peak` the largest profit on the way and
    `peak_ms` when that was; `profit` is the newest.
    """

    keys: Keys
    since_ms: Times
    peak: Floats
    peak_ms: Times
    profit: Floats
    at_ms: int = 0

    @classmethod
    def none(cls) -> Self:
        """Return what is known before the first scan."""
        whole, real = np.empty(0, np.int64), np.empty(0)
        return cls(whole, whole, real, whole, real)

    def __len__(self) -> int:
        return len(self.keys)

    def age_ms(self) -> Times:
        """Return how long each has existed."""
        return self.at_ms - self.since_ms

    def shrunk(self) -> Floats:
        """Return how much of its peak each has lost, 0–1."""
        return 1.0 - self.profit / self.peak

    def half_life_ms(self) -> Floats:
        """Return in how many ms each loses half, if it goes on as since its peak; infinite for one at its peak."""
        with np.errstate(divide="ignore", invalid="ignore"):
            halvings = np.log2(self.peak / self.profit)
            return np.where(halvings > 0.0, (self.at_ms - self.peak_ms) / halvings, np.inf)


def follow(known: Lives, keys: Keys, profit: Floats, at_ms: int) -> Lives:
    """Return the lives of what a scan found at `at_ms`: keys (each once, any order) and their profits, above 0.

    What the scan did not find has ended: when it comes again, it is new.
    """
    order = np.argsort(keys, kind="stable")
    keys, profit = keys[order], profit[order]
    since = np.full(len(keys), at_ms, np.int64)
    peak, peak_ms = profit.copy(), since.copy()
    _, new, old = np.intersect1d(keys, known.keys, assume_unique=True, return_indices=True)
    since[new] = known.since_ms[old]
    lower = profit[new] <= known.peak[old]
    peak[new[lower]], peak_ms[new[lower]] = known.peak[old[lower]], known.peak_ms[old[lower]]
    return Lives(keys, since, peak, peak_ms, profit, at_ms)

"""Candles as arrays: the form in which history reaches indicators and kernels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candles:
    """OHLCV of one instrument and timeframe, oldest first; six arrays of equal length n.

    `opened_at` is the start of each candle in milliseconds since 1970 UTC; prices are in quote units, `volume` in base units.
    """

    opened_at: Times
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __len__(self) -> int:
        return len(self.opened_at)

    def part(self, start: int, stop: int) -> Self:
        """Return candles start ≤ i < stop as views, without copying."""
        return type(self)(*(getattr(self, name)[start:stop] for name in self.__slots__))


def fingerprint(candles: Candles) -> str:
    """Return a name for candles by their content: SHA-256 (hex) of the six arrays, little-endian, one after the other."""
    digest = hashlib.sha256(str(len(candles)).encode())
    for name in Candles.__slots__:
        column = getattr(candles, name)
        digest.update(np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<")).data)
    return digest.hexdigest()

"""What a result's pictures are drawn from: bars of a histogram, the fan's outlines, warm and cool cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.display import percent, signed

STRENGTHS = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram: what it counts, how high it stands (0–1), which side of nothing it is on."""

    low: str
    high: str
    count: int
    level: str
    sign: str


def histogram(ratios: NDArray[np.float64], most: int = 28) -> list[Bar]:
    """Return the distribution of returns (ratios) in bars of equal width, of which one edge is exactly nothing.

    The width is a round number. What lies beyond the 1st and 99th hundredth is counted in the first and last bar.
    """
    if not len(ratios):
        return []
    low, high = np.quantile(ratios, [0.01, 0.99]) if len(ratios) > 100 else (ratios.min(), ratios.max())
    width = _round_width(max(float(high - low), 1e-4) / most)
    first, last = int(np.floor(low / width)), max(int(np.ceil(high / width)), int(np.floor(low / width)) + 1)
    places = np.clip(np.floor(ratios / width).astype(int), first, last - 1) - first
    counts = np.bincount(places, minlength=last - first)
    tallest = int(counts.max())
    places_after_comma = 0 if width >= 0.01 else 1 if width >= 0.001 else 2
    return [
        Bar(
            low=signed(percent(edge * width, places_after_comma)),
            high=signed(percent((edge + 1) * width, places_after_comma)),
            count=int(count),
            level=f"{count / tallest:.3f}",
            sign="pos" if edge >= 0 else "neg",
        )
        for edge, count in zip(range(first, last), counts.tolist(), strict=True)
    ]


def _round_width(width: float) -> float:
    """Return the next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= width * 0.999))


def heat(value: float | None, scale: float) -> int:
    """Return how warm (below 0) or cool (above) a figure is, in five strengths; `scale` is where the strongest begins."""
    if value is None or not np.isfinite(value) or not scale:
        return 0
    strength = int(np.ceil(min(abs(value) / scale, 1.0) * STRENGTHS))
    return strength if value > 0 else -strength


def heat_scale(values: Sequence[float | None]) -> float:
    """Return the size from which figures get the strongest colour: nine in ten are below, so that one outlier is not all."""
    sizes = [abs(value) for value in values if value is not None and np.isfinite(value)]
    return float(np.quantile(sizes, 0.9)) if sizes else 0.0


@dataclass(frozen=True, slots=True)
class Fan:
    """Outlines of a fan in an SVG of 1000 × 400, and the figures at its edges."""

    wide: str
    narrow: str
    middle: str
    start: str
    own: str
    top: float
    bottom: float


def fan(bands: Mapping[str, ArrayLike], own: ArrayLike | None = None, start: float = 1.0) -> Fan | None:
    """Return the outlines of bands (keys "5", "25", "50", "75", "95": equity along the way, of the same length)."""
    rows = {name: np.asarray(values, dtype=float) for name, values in bands.items()}
    if not rows or len(next(iter(rows.values()))) < 2:
        return None
    path = None if own is None else np.asarray(own, dtype=float)
    everything = np.concatenate([*rows.values(), [start], [] if path is None else path])
    low, high = float(everything.min()), float(everything.max())
    span = (high - low) or 1.0

    def line(values: NDArray[np.float64]) -> list[str]:
        across = np.linspace(0, 1000, len(values))
        down = (high - values) / span * 400
        return [f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True)]

    return Fan(
        wide=" ".join(line(rows["95"]) + line(rows["5"])[::-1]),
        narrow=" ".join(line(rows["75"]) + line(rows["25"])[::-1]),
        middle=" ".join(line(rows["50"])),
        start=f"{(high - start) / span * 400:.1f}",
        own="" if path is None or len(path) < 2 else " ".join(line(path)),
        top=high,
        bottom=low,
    )

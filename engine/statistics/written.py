"""Results as JSON values, to be stored and shown: what is undefined (NaN) or infinite becomes null."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.candles import Floats
from engine.statistics.assessment import Luck
from engine.statistics.luck import Overfitting
from engine.statistics.resampling import PERCENTILES, Paths
from engine.statistics.summary import Summary
from engine.statistics.verdict import Verdict

# A histogram of paths needs no more bars.
HISTOGRAM_BINS = 40
LEAST_RANGE = 1e-6


def summary_json(summary: Summary) -> dict[str, Any]:
    """Return the figures, the monthly table, the deepest drawdowns (times in ms) and the places of telling trades.

    Curves are not among them: they are tables of their own.
    """
    return {
        "metrics": figures_json(summary.metrics),
        "monthly": {
            "years": list(summary.monthly.years),
            "months": [numbers(row) for row in summary.monthly.months],
            "totals": numbers(summary.monthly.totals),
        },
        "drawdowns": [
            {
                "peak_at": int(summary.at[one.start]),
                "trough_at": int(summary.at[one.trough]),
                "end_at": int(summary.at[one.end]),
                "depth_ratio": one.depth_ratio,
                "is_recovered": one.is_recovered,
            }
            for one in summary.deepest
        ],
        "best_trades": list(summary.best_trades),
        "worst_trades": list(summary.worst_trades),
    }


def luck_json(luck: Luck) -> dict[str, Any]:
    """Return the probabilities, the two fans and the distributions of what may have happened instead."""
    sharpe = luck.sharpe
    return {
        "days": sharpe.days,
        "trials": sharpe.trials,
        "sharpe_per_day": finite(sharpe.sharpe),
        "chance_sharpe_per_day": finite(sharpe.chance_sharpe),
        "probabilistic_sharpe": finite(sharpe.probabilistic),
        "deflated_sharpe": finite(sharpe.deflated),
        "needed_days": finite(sharpe.needed_days),
        "bootstrap": paths_json(luck.days),
        "shuffle": paths_json(luck.trades),
        "overfitting": None if luck.overfitting is None else overfitting_json(luck.overfitting),
    }


def paths_json(paths: Paths) -> dict[str, Any]:
    """Return the fan (percentile → values along `steps`, multiples of the start) and two histograms."""
    return {
        "paths": len(paths.total_return_ratios),
        "steps": paths.steps.tolist(),
        "bands": {f"{percentile:g}": numbers(row) for percentile, row in zip(PERCENTILES, paths.bands, strict=True)},
        "loss_probability": paths.loss_probability,
        "total_return_ratio": _distribution(paths.total_return_ratios),
        "max_drawdown_ratio": _distribution(paths.max_drawdown_ratios),
    }


def overfitting_json(found: Overfitting) -> dict[str, Any]:
    """Return what cross-validation said about a sweep; the logits only as their number."""
    return {
        "probability": found.probability,
        "splits": len(found.logits),
        "loss_probability": found.loss_probability,
        "slope": finite(found.slope),
        "intercept": finite(found.intercept),
    }


def verdict_json(found: Verdict) -> dict[str, Any]:
    """Return level, headline and reasons."""
    return {
        "level": str(found.level),
        "headline": found.headline,
        "reasons": [
            {"code": reason.code, "bearing": str(reason.bearing), "text": reason.text} for reason in found.reasons
        ],
    }


def figures_json(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures by key, null for what is not finite."""
    return {key: finite(value) for key, value in figures.items()}


def numbers(values: Floats) -> list[float | None]:
    """Return an array as a list, null for what is not finite."""
    return [finite(value) for value in values.tolist()]


def finite(value: float) -> float | None:
    """Return the value, or None where it is NaN or infinite, which JSON has no words for."""
    return float(value) if math.isfinite(value) else None


def _distribution(values: Floats) -> dict[str, Any]:
    """Return the percentiles, the extremes, and a histogram, of values in ascending order."""
    lowest, highest = float(values[0]), float(values[-1])
    # All the same but for rounding is one bar, not forty.
    counts, edges = np.histogram(values, HISTOGRAM_BINS, (lowest, max(highest, lowest + LEAST_RANGE)))
    return {
        "percentiles": {f"{one:g}": finite(float(np.percentile(values, one))) for one in PERCENTILES},
        "lowest": finite(lowest),
        "highest": finite(highest),
        "counts": counts.tolist(),
        "edges": numbers(edges),
    }

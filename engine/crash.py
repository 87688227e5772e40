"""A made crash, repeatable from a seed: hours of calm that ends in a rise, then −40 % within twenty minutes, then a ragged recovery.

The fall is cut into minutes of very unequal size, and a third of it lies *between* candles (a minute opens below where
the one before closed), as in a market whose book has gone.
"""

from __future__ import annotations

import numpy as np

from engine.candles import Candles, Floats

CALM_MINUTES, CRASH_MINUTES, AFTER_MINUTES = 180, 20, 60
FALL = 0.40
_BETWEEN = 1 / 3
_MINUTE_MS = 60_000
_FIRST_PRICE = 100.0
# The calm sags first, so that what trades with a trend has one to enter.
_CALM_AT, _CALM = (0, CALM_MINUTES // 3, CALM_MINUTES - 1), (0.0, -0.01, 0.03)
_NOISE, _WICK = 0.0004, 0.0006
# How unequal the minutes of the fall are (of a Dirichlet distribution: 1 is any share alike), and how far it comes back.
_EVENNESS, _COMES_BACK = 1.0, 0.2


def crash_candles(seed: int, *, start_ms: int) -> Candles:
    """Return minute candles of a crash; it begins after CALM_MINUTES, and the last close of it is 40 % below what came before."""
    chance = np.random.default_rng(seed)
    calm = np.interp(np.arange(CALM_MINUTES), _CALM_AT, _CALM) + chance.normal(0, _NOISE, CALM_MINUTES)
    shares = chance.dirichlet(np.full(CRASH_MINUTES, _EVENNESS))
    fallen = np.log(1 - FALL) * np.cumsum(shares)
    after = np.linspace(0, _COMES_BACK * -np.log(1 - FALL), AFTER_MINUTES)
    after = after + chance.normal(0, 10 * _NOISE, AFTER_MINUTES)
    closes = np.concatenate([calm, calm[-1] + fallen, calm[-1] + fallen[-1] + after])
    return _candles(closes, start_ms, chance)


def _candles(log_closes: Floats, start_ms: int, chance: np.random.Generator) -> Candles:
    before = np.concatenate([[log_closes[0]], log_closes[:-1]])
    is_crash = np.zeros(len(log_closes), dtype=bool)
    is_crash[CALM_MINUTES : CALM_MINUTES + CRASH_MINUTES] = True
    opens = np.where(is_crash, before + _BETWEEN * (log_closes - before), before)
    wicks = np.abs(chance.normal(0, _WICK, (2, len(log_closes))))
    highs = np.maximum(opens, log_closes) + wicks[0]
    lows = np.minimum(opens, log_closes) - wicks[1]
    open_, high, low, close = (
        np.round(_FIRST_PRICE * np.exp(column), 2) for column in (opens, highs, lows, log_closes)
    )
    opened_at = start_ms + np.arange(len(close), dtype=np.int64) * _MINUTE_MS
    return Candles(opened_at, open_, high, low, close, np.round(chance.uniform(1, 9, len(close)), 3))

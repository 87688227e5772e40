"""A made market: several correlated instruments with regimes and clusters of volatility, repeatable from a seed.

Returns are those of a one-factor market whose variances follow a GARCH(1,1) (Bollerslev 1986), minute by minute:
σ²(t+1) = ω + α·r²(t) + β·σ²(t). All randomness is a function of (seed, hour), and the state a function of the closes so
far; so a market that is continued from its stored candles goes on exactly as if it had never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.candles import Floats

STEPS_PER_MINUTE = 6
MINUTES_PER_DAY = 1440
# What a squared return adds to the next minute's variance, and how much of the present one stays.
GARCH_ALPHA = 0.08
GARCH_BETA = 0.90
# Minutes after which the variance that a GARCH recursion began with has lost all weight: 0.9^500 < 1e-22.
MEMORY_MINUTES = 500
# A price that has wandered off is pulled back by half in thirty days, so that a market of years stays plausible.
PULL_PER_MINUTE = math.log(2) / (30 * MINUTES_PER_DAY)
REGIME_SLOT_MINUTES = 120
REGIME_CHANGE_CHANCE = 0.35


class Regime(NamedTuple):
    """How a stretch of the market feels: drift in daily standard deviations per day, and a factor on volatility."""

    name: str
    drift: float
    volatility: float


REGIMES = (Regime("bull", 1.2, 1.0), Regime("bear", -1.2, 1.3), Regime("sideways", 0.0, 0.7))


@dataclass(frozen=True, slots=True)
class SimulatedAsset:
    """What an instrument is like: prices in quote units, volatility as a daily ratio, volume in base units a minute."""

    start_price: float
    tick_size: float
    daily_volatility: float
    # Correlation with the market as a whole, 0–1; two assets correlate with the product of theirs.
    market_correlation: float
    minute_volume: float


@dataclass(frozen=True, slots=True)
class MarketState:
    """The market before a minute (counted from 1970 UTC): n last prices in ticks, n variances of a minute's return."""

    minute: int
    ticks: NDArray[np.int64]
    variances: Floats


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute's prices in ticks and volumes, each of shape (STEPS_PER_MINUTE, n), evenly spaced from its start."""

    ticks: NDArray[np.int64]
    volumes: Floats


class MarketSimulator:
    """Walks a market of n assets minute by minute: `state = start(minute)`, then `prices, state = advance(state)`."""

    def __init__(self, assets: Sequence[SimulatedAsset], seed: int) -> None:
        self._seed = seed
        self._start_prices = np.array([asset.start_price for asset in assets])
        self._tick_sizes = np.array([asset.tick_size for asset in assets])
        self._daily = np.array([asset.daily_volatility for asset in assets])
        self._loading = np.array([asset.market_correlation for asset in assets])
        self._own = np.sqrt(1 - self._loading**2)
        self._volume = np.array([asset.minute_volume for asset in assets]) / STEPS_PER_MINUTE
        self._long_run = self._daily**2 / MINUTES_PER_DAY
        self._omega = self._long_run * (1 - GARCH_ALPHA - GARCH_BETA)
        self._hour: tuple[int, Floats, Floats] | None = None
        self._slot: tuple[int, Regime] | None = None

    def start(self, minute: int) -> MarketState:
        """Return a fresh market, at its assets' start prices."""
        return MarketState(minute, self._in_ticks(self._start_prices), self._long_run.copy())

    def resume(self, minute: int, closes: Floats) -> MarketState:
        """Return the market before `minute`, after the closes (shape (k, n), k ≥ 1) of the k minutes until then."""
        variances = self._long_run.copy()
        returns = np.diff(np.log(closes[-MEMORY_MINUTES:]), axis=0)
        for offset, change in enumerate(returns):
            variances = self._next_variances(variances, change, self.regime(minute - len(returns) + offset))
        return MarketState(minute, self._in_ticks(closes[-1]), variances)

    def advance(self, state: MarketState) -> tuple[Minute, MarketState]:
        """Return the prices of the minute that begins, and the market after it."""
        regime = self.regime(state.minute)
        noise, activity = self._noise(state.minute)
        last = state.ticks * self._tick_sizes
        drift = regime.drift * self._daily / MINUTES_PER_DAY + PULL_PER_MINUTE * np.log(self._start_prices / last)
        spread = regime.volatility * np.sqrt(state.variances / STEPS_PER_MINUTE)
        moves = drift / STEPS_PER_MINUTE + spread * (noise[:, :1] * self._loading + noise[:, 1:] * self._own)
        ticks = self._in_ticks(last * np.exp(np.cumsum(moves, axis=0)))
        # Busy where it moves: volume grows with the size of a move measured by what is usual.
        usual = np.sqrt(self._long_run / STEPS_PER_MINUTE)
        volumes = np.round(self._volume * activity * (0.5 + 0.5 * np.abs(moves) / usual), 4)
        change = np.log(ticks[-1] * self._tick_sizes / last)
        variances = self._next_variances(state.variances, change, regime)
        return Minute(ticks, volumes), MarketState(state.minute + 1, ticks[-1], variances)

    def regime(self, minute: int) -> Regime:
        """Return the regime of a minute: drawn anew with some chance every two hours, else that of the slot before."""
        slot = minute // REGIME_SLOT_MINUTES
        if self._slot is None or self._slot[0] != slot:
            self._slot = slot, self._drawn_regime(slot)
        return self._slot[1]

    def _drawn_regime(self, slot: int) -> Regime:
        while True:
            draw = np.random.default_rng([self._seed, 1, slot])
            if slot == 0 or draw.random() < REGIME_CHANGE_CHANCE:
                return REGIMES[int(draw.integers(len(REGIMES)))]
            slot -= 1

    def _noise(self, minute: int) -> tuple[Floats, Floats]:
        """Return a minute's normal draws (STEPS, 1 + n), the market's first, and its activity (STEPS, n), mean 1."""
        hour, place = divmod(minute, 60)
        if self._hour is None or self._hour[0] != hour:
            draw = np.random.default_rng([self._seed, 0, hour])
            count = len(self._daily)
            normal = draw.standard_normal((60, STEPS_PER_MINUTE, 1 + count))
            self._hour = hour, normal, draw.gamma(2.0, 0.5, (60, STEPS_PER_MINUTE, count))
        return self._hour[1][place], self._hour[2][place]

    def _next_variances(self, variances: Floats, change: Floats, regime: Regime) -> Floats:
        return self._omega + GARCH_ALPHA * (change / regime.volatility) ** 2 + GARCH_BETA * variances

    def _in_ticks(self, prices: Floats) -> NDArray[np.int64]:
        ticks: NDArray[np.int64] = np.maximum(1, np.rint(prices / self._tick_sizes)).astype(np.int64)
        return ticks

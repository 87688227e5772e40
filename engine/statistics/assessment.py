"""Everything about luck that is said beside one result, in one object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.candles import Floats
from engine.statistics.luck import Overfitting, SharpeLuck, sharpe_luck
from engine.statistics.resampling import PATHS, Paths, bootstrap_days, shuffle_trades, trade_growth
from engine.statistics.summary import Summary
from engine.statistics.trades import Trades


@dataclass(frozen=True, slots=True)
class Luck:
    """How much of a result may be luck. `days` are years drawn again, `trades` the same trades in other orders;
    `overfitting` is known only where a sweep was run.
    """

    sharpe: SharpeLuck
    days: Paths
    trades: Paths
    overfitting: Overfitting | None = None


def assess_luck(
    summary: Summary,
    trades: Trades,
    generator: np.random.Generator,
    *,
    trials: int = 1,
    trial_sharpes: Floats | None = None,
    overfitting: Overfitting | None = None,
    paths: int = PATHS,
) -> Luck:
    """Judge a result by chance. `trials` counts the author's runs on this data, this one included; `trial_sharpes` are
    theirs per day where known; the seeded `generator` makes the paths repeatable.
    """
    return Luck(
        sharpe=sharpe_luck(summary.returns, trials, trial_sharpes),
        days=bootstrap_days(summary.returns, generator, paths),
        trades=shuffle_trades(trade_growth(trades, float(summary.equity[0])), generator, paths),
        overfitting=overfitting,
    )

"""vectorbt: the same over 400 pairs of periods (fast 5–24 × slow 30–49), with trades, return, Sharpe and drawdown.

Twenty pairs at once: all 400 would need gigabytes, one by one takes longer.
"""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import vectorbt as vbt
from turns import candles, take_turns

warnings.simplefilter("ignore")
# Fees eat nearly all of it; the peer gives up trading with next to nothing, which would be another job.
CASH = 1e15
columns = candles()
index = pd.to_datetime(columns["opened_at"], unit="ms")
close = pd.Series(columns["close"], index)
opens = pd.Series(columns["open"], index)


def job() -> int:
    fast = np.column_stack([close.vbt.ewm_mean(period, minp=1, adjust=False) for period in range(5, 25)])
    trades = 0
    for period in range(30, 50):
        above = fast > close.vbt.ewm_mean(period, minp=1, adjust=False).to_numpy()[:, None]
        before = np.vstack((above[:1], above[:-1]))
        nothing = np.zeros((1, above.shape[1]), dtype=bool)
        enter = np.vstack((nothing, (above & ~before)[:-1]))
        leave = np.vstack((nothing, (~above & before)[:-1]))
        # Nothing is opened on the last candle.
        enter[-1] = False
        portfolio = vbt.Portfolio.from_signals(
            close, enter, leave, price=opens, fees=0.001, init_cash=CASH, freq="1min", size=np.inf
        )
        portfolio.total_return()
        portfolio.sharpe_ratio()
        portfolio.max_drawdown()
        trades += int(portfolio.trades.count().sum())
    return trades


take_turns(job, warm=False)

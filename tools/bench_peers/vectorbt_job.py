"""vectorbt: EMA 12/26 crossover, all in, next open, 0.1 % a side, with its own table of metrics."""

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
    fast = close.vbt.ewm_mean(12, minp=1, adjust=False)
    slow = close.vbt.ewm_mean(26, minp=1, adjust=False)
    above = (fast > slow).to_numpy()
    before = np.concatenate(([above[0]], above[:-1]))
    # A signal is acted on at the next candle's open.
    enter = np.concatenate(([False], (above & ~before)[:-1]))
    leave = np.concatenate(([False], (~above & before)[:-1]))
    # Nothing is opened on the last candle.
    enter[-1] = False
    portfolio = vbt.Portfolio.from_signals(
        close, enter, leave, price=opens, fees=0.001, init_cash=CASH, freq="1min", size=np.inf
    )
    portfolio.stats()
    return int(portfolio.trades.count())


take_turns(job)

"""backtesting.py: EMA 12/26 crossover, all in, next open, 0.1 % a side, with its own table of metrics."""

from __future__ import annotations

import warnings

import pandas as pd
from backtesting import Backtest, Strategy
from turns import candles, take_turns

warnings.simplefilter("ignore")
# It buys whole units only: prices so small that rounding to units changes no trade.
UNIT = 1e-9
columns = candles()
frame = pd.DataFrame(
    {name.capitalize(): columns[name] * UNIT for name in ("open", "high", "low", "close")},
    index=pd.to_datetime(columns["opened_at"], unit="ms"),
)
frame["Volume"] = columns["volume"]


class Crossover(Strategy):
    def init(self) -> None:
        close = pd.Series(self.data.Close)
        self.fast = self.I(lambda: close.ewm(span=12, adjust=False).mean())
        self.slow = self.I(lambda: close.ewm(span=26, adjust=False).mean())

    def next(self) -> None:
        above, before = self.fast[-1] > self.slow[-1], self.fast[-2] > self.slow[-2]
        if above and not before and not self.position:
            self.buy()
        elif before and not above and self.position:
            self.position.close()


def job() -> int:
    backtest = Backtest(frame, Crossover, cash=10_000, commission=0.001, finalize_trades=True)
    # Nothing is opened on the last candle: what it opens there it closes there.
    return int((backtest.run()["_trades"].EntryBar < len(frame) - 1).sum())


take_turns(job)

"""freqtrade: EMA 12/26 crossover, all in, next open, 0.1 % a side, with its own table of metrics; no exchange is asked."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import pandas as pd
from freqtrade.data.history import get_timerange
from freqtrade.enums import CandleType, RunMode
from freqtrade.optimize.backtesting import Backtesting
from freqtrade.optimize.optimize_reports import generate_strategy_stats
from freqtrade.resolvers import ExchangeResolver
from turns import candles, take_turns

logging.disable(logging.WARNING)
PAIR = "X/USDT"
STRATEGY = """
from freqtrade.strategy import IStrategy

class Crossover(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    minimal_roi = {}
    stoploss = -0.9999
    startup_candle_count = 0

    def populate_indicators(self, dataframe, metadata):
        fast = dataframe["close"].ewm(span=12, adjust=False).mean()
        slow = dataframe["close"].ewm(span=26, adjust=False).mean()
        dataframe["above"] = fast > slow
        dataframe["before"] = dataframe["above"].shift(1, fill_value=False)
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["above"] & ~dataframe["before"], "enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[~dataframe["above"] & dataframe["before"], "exit_long"] = 1
        return dataframe
"""
MARKET = {
    "id": "XUSDT", "symbol": PAIR, "base": "X", "quote": "USDT", "active": True, "spot": True, "swap": False,
    "type": "spot", "linear": None, "contract": False, "maker": 0.001, "taker": 0.001, "info": {},
    "precision": {"price": 1e-9, "amount": 1e-12}, "contractSize": None,
    "limits": {"amount": {"min": 0, "max": None}, "cost": {"min": 0, "max": None}, "price": {}, "leverage": {}},
}  # fmt: skip


def configured(folder: Path) -> Backtesting:
    (folder / "crossover.py").write_text(STRATEGY)
    config = {
        "strategy": "Crossover", "strategy_path": str(folder), "user_data_dir": folder, "datadir": folder,
        "runmode": RunMode.BACKTEST, "timeframe": "1m", "stake_currency": "USDT", "stake_amount": "unlimited",
        "tradable_balance_ratio": 1.0, "dry_run": True, "dry_run_wallet": 1e12, "max_open_trades": 1, "fee": 0.001,
        "exchange": {"name": "binance", "pair_whitelist": [PAIR], "pair_blacklist": [], "enable_ws": False},
        "pairlists": [{"method": "StaticPairList", "allow_inactive": True}], "entry_pricing": {"price_side": "same"},
        "exit_pricing": {"price_side": "same"}, "dataformat_ohlcv": "feather", "dataformat_trades": "feather",
        "candle_type_def": CandleType.SPOT, "trading_mode": "spot", "margin_mode": "", "export": "none",
        "strategy_list": [], "original_config": {}, "unfilledtimeout": {"entry": 10, "exit": 10, "unit": "minutes"},
        "exit_sell_fallback": False, "db_url": "sqlite://", "internals": {}, "cancel_open_orders_on_exit": False,
    }  # fmt: skip
    exchange = ExchangeResolver.load_exchange(config, validate=False)
    exchange._markets = {PAIR: MARKET}
    exchange.reload_markets = lambda *args, **named: None
    exchange._api.markets = exchange._markets
    return Backtesting(config, exchange)


def frame() -> pd.DataFrame:
    columns = candles()
    dates = pd.to_datetime(columns["opened_at"], unit="ms", utc=True)
    prices = {name: columns[name] for name in ("open", "high", "low", "close", "volume")}
    return pd.DataFrame({"date": dates, **prices})


def job() -> int:
    strategy = backtesting.strategylist[0]
    backtesting._set_strategy(strategy)
    processed = strategy.advise_all_indicators({PAIR: data.copy()})
    start, end = get_timerange(processed)
    results = backtesting.backtest(processed=processed, start_date=start, end_date=end)
    results["backtest_start_time"] = results["backtest_end_time"] = 0
    generate_strategy_stats([PAIR], "Crossover", results, start, end, 0.0)
    found = results["results"]
    # The candle after the signal is the first that trades; one opened on the last candle is closed there.
    return int((found.open_date < data["date"].iloc[-1]).sum())


whole = frame()
with tempfile.TemporaryDirectory() as made:
    backtesting = configured(Path(made))
    data = whole.iloc[:5000]
    job()
    data = whole
    take_turns(job, warm=False)

"""The pure whole: from a spec and candles to trades, figures and a verdict."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from engine.backtest import (
    BacktestError,
    BacktestResult,
    Costs,
    LuckRequest,
    MarketData,
    run_backtest,
    with_values,
)
from engine.candles import Candles, Floats
from engine.simulation.types import ExitReason, FillRule
from engine.statistics.verdict import Level
from engine.strategy.types import StrategyError
from tests.engine.backtest_samples import CROSSOVER, DAY_MS, HOUR_MS, START_MS, candles_of, data_of, spec_of

ALWAYS = """
enter_long = close > 0
exit_long = close < 0
size = share_of_equity(1)
"""
NEVER = """
enter_long = close < 0
exit_long = close > 0
"""
RISKY = """
enter_long = crosses_above(ema(close, 5), ema(close, 20))
exit_long = crosses_below(ema(close, 5), ema(close, 20))
size = atr_risk(0.01, 14, 2)
"""


def steady(closes: list[float]) -> Candles:
    """Return hourly candles that open where the one before closed."""
    close = np.array(closes, dtype=np.float64)
    opens = np.concatenate((close[:1], close[:-1]))
    times = START_MS + HOUR_MS * np.arange(len(closes), dtype=np.int64)
    return Candles(times, opens, np.maximum(opens, close), np.minimum(opens, close), close, np.ones(len(closes)))


def prices(opens: list[float], highs: list[float], lows: list[float]) -> list[Floats]:
    """Return open, high, low, close (the open) and volume."""
    columns = (opens, highs, lows, opens, [1.0] * len(opens))
    return [np.array(column, dtype=np.float64) for column in columns]


def trades_of(result: BacktestResult) -> list[tuple[int, int, float]]:
    trades = result.simulated.trades
    return [(int(one["opened_at"]), int(one["closed_at"]), float(one["profit"])) for one in trades]


def test_one_trade_by_hand() -> None:
    # The signal of the first candle buys at the second's open (100); what is open at the end goes at the last open (120).
    candles = steady([100.0, 110.0, 120.0, 130.0])
    spec = spec_of(ALWAYS, 4, costs=Costs(initial_cash=1000.0, taker_fee=0.0))
    result = run_backtest(spec, {"BTC": MarketData(candles)})
    assert trades_of(result) == [(START_MS + HOUR_MS, START_MS + 3 * HOUR_MS, 200.0)]
    assert result.simulated.trades["exit_reason"].tolist() == [ExitReason.FORCE_EXIT]
    assert result.summary.metrics["total_return_ratio"] == pytest.approx(0.2)
    # Holding buys at the very first open and still holds at the last close.
    assert result.summary.metrics["benchmark_return_ratio"] == pytest.approx(0.3)
    assert result.verdict.level is Level.UNPROVEN


def test_the_same_spec_and_data_give_the_same_answer() -> None:
    once, again = (run_backtest(spec_of(), data_of(), LuckRequest(seed=4)) for _ in range(2))
    assert once.simulated.trades.tobytes() == again.simulated.trades.tobytes()
    np.testing.assert_equal(dict(once.summary.metrics), dict(again.summary.metrics))
    assert once.luck is not None and again.luck is not None
    np.testing.assert_equal(dataclasses.asdict(once.luck), dataclasses.asdict(again.luck))
    assert len(once.simulated.trades) > 30


def test_equity_adds_up_to_the_profit_of_all_trades() -> None:
    result = run_backtest(spec_of(), data_of())
    assert result.summary.metrics["profit_amount"] == pytest.approx(result.simulated.trades["profit"].sum(), rel=1e-9)


def test_candles_before_the_range_warm_up_and_candles_after_it_do_not_exist() -> None:
    spec = spec_of(start_ms=START_MS + 500 * HOUR_MS, end_ms=START_MS + 1500 * HOUR_MS)
    result = run_backtest(spec, data_of())
    assert result.traded_from_ms == START_MS + 500 * HOUR_MS
    assert result.first_bars == {"BTC": 500}
    assert result.simulated.equity_at[0] == START_MS + 500 * HOUR_MS
    cut = run_backtest(spec, {"BTC": MarketData(data_of()["BTC"].candles.part(0, 1500))})
    assert trades_of(result) == trades_of(cut)
    assert result.simulated.trades["opened_at"].min() > spec.start_ms
    assert result.simulated.trades["closed_at"].max() < spec.end_ms


def test_without_earlier_candles_trading_starts_after_the_warm_up() -> None:
    result = run_backtest(spec_of(), data_of())
    # Both averages, the slow one of 20 candles, must be there on two candles in a row.
    assert result.first_bars == {"BTC": 20}
    assert result.traded_from_ms == START_MS + 20 * HOUR_MS


def test_values_replace_the_parameters_of_the_graph() -> None:
    slow = run_backtest(with_values(spec_of(), {"slow": 100}), data_of())
    written = run_backtest(spec_of(CROSSOVER.replace("parameter(20,", "parameter(100,")), data_of())
    assert trades_of(slow) == trades_of(written)
    assert trades_of(slow) != trades_of(run_backtest(spec_of(), data_of()))


def test_several_instruments_share_one_account() -> None:
    symbols = ("BTC", "ETH")
    formula = CROSSOVER.replace("0.9", "0.4") + "max_open_trades = 2\n"
    both = run_backtest(spec_of(formula, symbols=symbols), data_of(symbols=symbols))
    assert set(both.simulated.trades["instrument"]) == {0, 1}
    alone = run_backtest(spec_of(formula), data_of())
    mine = both.simulated.trades[both.simulated.trades["instrument"] == 0]
    assert mine["opened_at"].tolist() == alone.simulated.trades["opened_at"].tolist()


def test_an_instrument_listed_later_joins_when_it_is_there() -> None:
    late = candles_of(1000, 2, START_MS + 1000 * HOUR_MS)
    spec = spec_of(CROSSOVER + "max_open_trades = 2\n", symbols=("BTC", "NEW"))
    result = run_backtest(spec, {**data_of(), "NEW": MarketData(late)})
    new = result.simulated.trades[result.simulated.trades["instrument"] == 1]
    assert new["opened_at"].min() > START_MS + 1020 * HOUR_MS
    assert result.first_bars == {"BTC": 20, "NEW": 0}


def test_a_strategy_that_never_trades_is_an_answer() -> None:
    result = run_backtest(spec_of(NEVER), data_of(), LuckRequest(seed=1))
    assert len(result.simulated.trades) == 0
    assert result.summary.metrics["total_return_ratio"] == 0.0
    assert result.summary.metrics["exposure_ratio"] == 0.0
    assert (result.verdict.level, result.verdict.reasons[0].code) == (Level.UNPROVEN, "NO_TRADES")


def test_gaps_are_not_traded_at_and_poison_nothing() -> None:
    whole = candles_of(2000)
    holes = {name: getattr(whole, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for values in holes.values():
        values[700:720] = math.nan
    result = run_backtest(spec_of(), {"BTC": MarketData(dataclasses.replace(whole, **holes))})
    opened = (result.simulated.trades["opened_at"] - START_MS) // HOUR_MS
    assert not ((opened >= 700) & (opened < 720)).any()
    assert (opened > 800).any()
    assert np.isfinite(result.summary.equity).all()
    assert math.isfinite(result.summary.metrics["benchmark_return_ratio"])


def test_risk_sizing_stakes_what_the_range_of_prices_allows() -> None:
    data = data_of()
    result = run_backtest(spec_of(RISKY), data)
    first = result.simulated.trades[0]
    candles = data["BTC"].candles
    bar = int((first["opened_at"] - START_MS) // HOUR_MS)
    # Wilder's range of the signal's candle, by hand: a mean of 14, then each new one weighs a fourteenth.
    before = np.concatenate((candles.close[:1], candles.close[:-1]))
    ranges = np.maximum(candles.high, before) - np.minimum(candles.low, before)
    average = ranges[1:15].mean()
    for one in ranges[15:bar]:
        average += (one - average) / 14
    assert first["quantity"] == pytest.approx(0.01 * 1000.0 / (2 * average), rel=1e-9)


def test_fills_are_decided_on_finer_candles_where_the_spec_says_so() -> None:
    coarse = Candles(
        START_MS + HOUR_MS * np.arange(3, dtype=np.int64), *prices([100, 100, 100], [100, 130, 100], [100, 80, 100])
    )
    # Within the second hour the fall came first.
    fine = Candles(
        START_MS + HOUR_MS + HOUR_MS // 2 * np.arange(2, dtype=np.int64), *prices([100, 100], [100, 130], [80, 100])
    )
    formula = "enter_long = close > 0\nstop_loss = 0.1\ntake_profit = 0.2\nsize = share_of_equity(0.5)\n"
    spec = spec_of(formula, 3, fill_rule=FillRule.DETAIL, detail_timeframe="30m")
    detailed = run_backtest(spec, {"BTC": MarketData(coarse, detail=fine)})
    assert detailed.simulated.trades["exit_reason"].tolist() == [ExitReason.STOP_LOSS]


@pytest.mark.parametrize(
    ("changed", "data", "code"),
    [
        ({}, {}, "NO_DATA"),
        ({}, {"BTC": MarketData(candles_of(0))}, "NO_DATA"),
        ({"start_ms": START_MS + 9000 * HOUR_MS, "end_ms": START_MS + 9999 * HOUR_MS}, None, "NO_DATA"),
        ({"start_ms": START_MS - 10 * DAY_MS, "end_ms": START_MS - DAY_MS}, None, "NO_DATA"),
        ({"values": {"slow": 200}}, {"BTC": MarketData(candles_of(150))}, "WARM_UP"),
    ],
)
def test_nothing_to_trade_on_is_said_in_words(
    changed: dict[str, Any], data: dict[str, MarketData] | None, code: str
) -> None:
    with pytest.raises(BacktestError) as refused:
        run_backtest(spec_of(**changed), data_of() if data is None else data)
    assert refused.value.code == code
    assert refused.value.message.endswith(".")


def test_values_out_of_bounds_are_refused_by_name() -> None:
    with pytest.raises(StrategyError):
        run_backtest(spec_of(values={"slow": 1000}), data_of())
    with pytest.raises(StrategyError, match="no parameter 'nope'"):
        run_backtest(spec_of(values={"nope": 3}), data_of())

"""The cases of backtest.json: candles and signals in, trades out, by the fill model `candle`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.candles import Candles
from engine.simulation.simulate import simulate
from engine.simulation.types import ExitReason, Series, Settings
from engine.strategy.types import Exits, LimitEntry, Sizing, SizingKind, Trailing
from tests.conformance.conftest import Case, candles_of, cases

SIGNALS = ("enter_long", "exit_long", "enter_short", "exit_short")
HOUR_MS = 3_600_000


def _exits(given: dict[str, Any]) -> Exits:
    trailing = Trailing(
        positive_distance=given["trailing_stop_positive"],
        offset=given["trailing_stop_positive_offset"],
        only_after_offset=given["trailing_only_offset_is_reached"],
    )
    return Exits(
        stop_loss=abs(given["stop_loss"]),
        trailing=trailing if given["trailing_stop"] else None,
        roi=tuple(sorted((int(minutes), float(ratio)) for minutes, ratio in given["roi"].items())),
        use_exit_signal=given["use_exit_signal"],
        exit_profit_only=given.get("exit_profit_only", False),
        ignore_roi_if_entry_signal=given.get("ignore_roi_if_entry_signal", False),
    )


def _settings(given: dict[str, Any], timeframe: str) -> Settings:
    timeout = given["unfilled_timeout_minutes"]
    entry_timeout, exit_timeout = (timeout["entry"], timeout["exit"]) if isinstance(timeout, dict) else (timeout,) * 2
    factor, custom = given.get("entry_limit_factor"), given.get("custom_entry_price")
    entry = None
    if factor is not None or (custom is not None and entry_timeout is not None):
        entry = LimitEntry(offset=1.0 - (factor or 1.0), timeout_minutes=entry_timeout)
    return Settings(
        timeframe=timeframe,
        maker_fee=given["fee"],
        taker_fee=given["fee"],
        leverage=given["leverage"],
        max_open_trades=given["max_open_trades"],
        exits=_exits(given),
        sizing=Sizing(kind=SizingKind.FIXED, amount=given["stake_amount"]),
        entry=entry,
        exit_timeout_minutes=exit_timeout,
        custom_stop=given.get("use_custom_stoploss", False),
    )


def _constant(price: float | None, size: int) -> np.ndarray[Any, Any] | None:
    return None if price is None else np.full(size, price, np.float64)


def _series(candles: Candles, signals: dict[str, Any], given: dict[str, Any]) -> Series:
    size = len(candles)
    custom, adjusted = given.get("custom_entry_price"), None
    if "adjust_entry_price" in given:  # null here: withdraw; absent: keep
        adjusted = _constant(given["adjust_entry_price"], size)
        adjusted = np.full(size, np.nan) if adjusted is None else adjusted
    return Series(
        "case",
        candles,
        **{name: signals[name] for name in SIGNALS},
        entry_price=_constant(custom, size),
        adjusted_entry_price=adjusted,
        exit_price=_constant(given.get("custom_exit_price"), size),
    )


def _side(trade: Any) -> str:
    return "short" if trade["is_short"] else "long"


@pytest.mark.parametrize("case", cases("backtest", group="hand_made"))
def test_a_few_candles_written_by_hand_give_the_stated_trades(case: Case) -> None:
    bars, given = case["bars"], case["settings"]
    prices = (np.array([bar[name] for bar in bars], np.float64) for name in ("open", "high", "low", "close", "volume"))
    candles = Candles(np.arange(len(bars), dtype=np.int64) * HOUR_MS, *prices)
    signals = {name: np.array([bar[name] for bar in bars], np.bool_) for name in SIGNALS}

    trades = simulate([_series(candles, signals, given)], _settings(given, given["timeframe"])).trades

    stated = case["expected"]["trades"]
    found = [
        (ExitReason(t["exit_reason"]).name.lower(), int(t["open_bar"]), int(t["close_bar"]), _side(t)) for t in trades
    ]
    assert found == [(t["exit_reason"], t["open_bar"], t["close_bar"], t["side"]) for t in stated]
    assert round(float(trades["profit_ratio"].sum()), 3) == case["expected"]["profit_ratio_sum"]
    for trade, observed in zip(trades, case["observed"]["trades"], strict=True):
        names = {"open_rate": "open_price", "close_rate": "close_price"}
        for name in ("open_rate", "close_rate", "initial_stop", "stop_at_exit"):
            assert trade[names.get(name, name)] == pytest.approx(observed[name], rel=1e-8), name
        # The peer rounds amounts to 8 decimals, and stakes 0.001: it shows from the sixth digit on.
        assert trade["profit_ratio"] == pytest.approx(observed["profit_ratio"], abs=1e-5)


@pytest.mark.parametrize("case", cases("backtest", group="real_series"))
def test_a_real_series_gives_the_peers_trades(case: Case) -> None:
    window, given = case["series"], case["settings"]
    candles = candles_of(window["file"], window["first_row"], window["rows"])
    signals = {name: np.isin(np.arange(len(candles)), case["signals"][name]) for name in SIGNALS}

    trades = simulate([_series(candles, signals, given)], _settings(given, window["timeframe"])).trades

    stated = case["expected"]["trades"]
    found = [
        (ExitReason(t["exit_reason"]).name.lower(), int(t["open_bar"]), int(t["close_bar"]), _side(t)) for t in trades
    ]
    assert found == [(t["exit_reason"], t["open_bar"], t["close_bar"], t["side"]) for t in stated]
    for trade, wanted in zip(trades, stated, strict=True):
        assert trade["open_price"] == pytest.approx(wanted["open_rate"], rel=1e-8)
        assert trade["close_price"] == pytest.approx(wanted["close_rate"], rel=1e-8)
        assert round(float(trade["profit"]), 8) == wanted["profit_abs"]
        # The peer rounds a profit to 8 decimals before it divides, which shows in small ratios; ours is not rounded.
        paid = trade["quantity"] * trade["open_price"] * (1 + given["fee"] * (-1 if trade["is_short"] else 1))
        as_peer = wanted["profit_abs"] / paid * given["leverage"]
        assert as_peer == pytest.approx(wanted["profit_ratio"], rel=1e-8, abs=1e-15)
        assert trade["profit_ratio"] == pytest.approx(trade["profit"] / paid * given["leverage"], rel=1e-8, abs=1e-15)
        assert trade["stake"] == pytest.approx(wanted["stake"], rel=1e-8)
        assert trade["stop_at_exit"] == pytest.approx(wanted["stop_at_exit"], rel=1e-8)
    assert float(trades["profit"].sum()) == pytest.approx(case["expected"]["total_profit_abs"], rel=1e-8, abs=1e-6)

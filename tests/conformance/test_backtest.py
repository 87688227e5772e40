"""The cases of backtest.json: candles and signals in, trades out, by the fill model `candle`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.candles import Candles
from engine.simulation.simulate import simulate
from engine.simulation.types import ExitReason, Series, Settings
from engine.strategy.types import Exits, LimitEntry, Sizing, SizingKind, Trailing
from tests.conformance.conftest import Case, assert_all_are_of, candles_of, cases

SIGNALS = ("enter_long", "exit_long", "enter_short", "exit_short")
HOUR_MS = 3_600_000
# Longer than any series of the cases: a limit order without a time-out.
NEVER_MINUTES = 10**9
# Everything a case may ask for; the precisions only as null, which is no rounding.
KNOWN = {"stop_loss", "roi", "trailing_stop", "trailing_stop_positive", "trailing_stop_positive_offset",
         "trailing_only_offset_is_reached", "use_exit_signal", "exit_profit_only", "ignore_roi_if_entry_signal",
         "use_custom_stoploss", "custom_entry_price", "custom_exit_price", "adjust_entry_price", "entry_limit_factor",
         "unfilled_timeout_minutes", "leverage", "fee", "stake_amount", "max_open_trades", "timeframe"}  # fmt: skip
UNROUNDED = {"amount_precision", "price_precision"}


def _exits(given: dict[str, Any]) -> Exits:
    trailing = Trailing(
        positive_distance=given.get("trailing_stop_positive"),
        offset=given.get("trailing_stop_positive_offset") or 0.0,
        only_after_offset=given.get("trailing_only_offset_is_reached", False),
    )
    return Exits(
        stop_loss=abs(given["stop_loss"]),
        trailing=trailing if given.get("trailing_stop") else None,
        roi=tuple(sorted((int(minutes), float(ratio)) for minutes, ratio in (given.get("roi") or {}).items())),
        use_exit_signal=given.get("use_exit_signal", True),
        exit_profit_only=given.get("exit_profit_only", False),
        ignore_roi_if_entry_signal=given.get("ignore_roi_if_entry_signal", False),
    )


def _settings(given: dict[str, Any], timeframe: str) -> Settings:
    asked_for = given.keys() - KNOWN - {name for name in UNROUNDED if given.get(name) is None}
    assert not asked_for, f"these settings are not put to the engine: {sorted(asked_for)}"
    timeout = given.get("unfilled_timeout_minutes")
    entry_timeout, exit_timeout = (timeout["entry"], timeout["exit"]) if isinstance(timeout, dict) else (timeout,) * 2
    factor, custom = given.get("entry_limit_factor"), given.get("custom_entry_price")
    entry = None
    if factor is not None or (custom is not None and entry_timeout is not None):
        minutes = NEVER_MINUTES if entry_timeout is None else entry_timeout
        entry = LimitEntry(offset=1.0 - (factor or 1.0), timeout_minutes=minutes)
    return Settings(
        timeframe=timeframe,
        maker_fee=given["fee"],
        taker_fee=given["fee"],
        leverage=given.get("leverage", 1.0),
        max_open_trades=given.get("max_open_trades", 1),
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


def test_every_case_is_of_a_group_that_is_run() -> None:
    assert_all_are_of("backtest", "group", {"hand_made", "real_series"})


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
    # The sum is printed to so many decimals, and the peer's ratios differ from ours in the sixth.
    printed = 0.5 * 10 ** -case["expected"]["profit_ratio_decimals"] + 1e-5
    assert float(trades["profit_ratio"].sum()) == pytest.approx(case["expected"]["profit_ratio_sum"], abs=printed)
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
        assert trade["profit"] == pytest.approx(wanted["profit_abs"], rel=1e-8, abs=0.50001e-8)
        # The peer rounds a profit to 8 decimals before it divides, which shows in small ratios; ours is not rounded.
        paid = trade["quantity"] * trade["open_price"] * (1 + given["fee"] * (-1 if trade["is_short"] else 1))
        leverage = given.get("leverage", 1.0)
        as_peer = wanted["profit_abs"] / paid * leverage
        assert as_peer == pytest.approx(wanted["profit_ratio"], rel=1e-8, abs=1e-15)
        assert trade["profit_ratio"] == pytest.approx(trade["profit"] / paid * leverage, rel=1e-8, abs=1e-15)
        assert trade["stake"] == pytest.approx(wanted["stake"], rel=1e-8)
        assert trade["stop_at_exit"] == pytest.approx(wanted["stop_at_exit"], rel=1e-8)
    assert float(trades["profit"].sum()) == pytest.approx(case["expected"]["total_profit_abs"], rel=1e-8, abs=1e-6)

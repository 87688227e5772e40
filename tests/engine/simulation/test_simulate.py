"""Money, several instruments, funding, finer candles, marks and errors of the simulation, in numbers worked out by hand."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from engine.candles import Candles
from engine.simulation import kernel
from engine.simulation.simulate import simulate
from engine.simulation.types import (
    ExitReason,
    FillRule,
    InstrumentRules,
    Refusal,
    Series,
    SimulationError,
    SlippageKind,
)
from engine.simulation.warm import warm
from engine.strategy.types import LimitEntry, Sizing, SizingKind
from tests.engine.simulation.tables import HOUR, read, refusals_of, series_of, settings_of, trades_of

WINNER = "100 101 99 100 L\n100 101 99 100\n100 101 99 100 l\n110 111 109 110\n110 111 109 110\n"
DAY = 24 * HOUR


def test_profit_fees_and_ratio_follow_the_rules() -> None:
    trade = simulate([series_of(WINNER)], settings_of(taker_fee=0.001, maker_fee=0.0005)).trades[0]

    assert (trade["quantity"], trade["stake"]) == (10.0, 1000.0)
    assert trade["fees"] == pytest.approx(1.0 + 1.1)
    assert trade["profit"] == pytest.approx(1100 * 0.999 - 1000 * 1.001)
    assert trade["profit_ratio"] == pytest.approx(1100 * 0.999 / (1000 * 1.001) - 1)


def test_leverage_multiplies_quantity_profit_and_ratio() -> None:
    trade = simulate([series_of(WINNER)], settings_of(leverage=3.0)).trades[0]

    assert (trade["quantity"], trade["stake"], trade["profit"]) == (30.0, 1000.0, 300.0)
    assert trade["profit_ratio"] == pytest.approx(0.3)


def test_limit_fills_pay_the_makers_fee() -> None:
    rules = settings_of(taker_fee=0.01, maker_fee=0.0, entry=LimitEntry(0.0, 60), exits={"take_profit": 0.1})
    trade = simulate([series_of(WINNER.replace("l", ""))], rules).trades[0]

    assert ExitReason(trade["exit_reason"]) is ExitReason.TAKE_PROFIT
    assert (trade["fees"], trade["profit"]) == (0.0, pytest.approx(100.0))


def test_best_and_worst_ratio_are_those_of_the_candles_it_was_open_on() -> None:
    table = "100 101 99 100 L\n100 120 95 100\n100 101 90 100 l\n110 500 1 110\n110 111 109 110\n"
    trade = simulate([series_of(table)], settings_of()).trades[0]

    assert (trade["best_ratio"], trade["worst_ratio"]) == (pytest.approx(0.2), pytest.approx(-0.1))


def test_quantity_is_cut_to_lots_and_the_stake_with_it() -> None:
    rules = InstrumentRules(lot_step=3.0)
    trade = simulate([series_of(WINNER, rules=rules)], settings_of()).trades[0]

    assert (trade["quantity"], trade["stake"]) == (9.0, 900.0)


def test_all_in_leaves_room_for_the_fee() -> None:
    rules = settings_of(taker_fee=0.01, sizing=Sizing(SizingKind.SHARE_OF_EQUITY, share=1.0))
    trade = simulate([series_of(WINNER)], rules).trades[0]

    assert trade["stake"] == pytest.approx(10_000 / 1.01)


def test_risk_sizing_loses_its_share_when_the_price_moves_by_its_multiple_of_the_range() -> None:
    sizing = Sizing(SizingKind.ATR_RISK, share=0.01, atr_multiple=2.0)
    atr = np.array([4.0, 99.0, 99.0, 99.0, 99.0])
    trade = simulate([series_of(WINNER, atr=atr)], settings_of(sizing=sizing)).trades[0]

    assert trade["quantity"] == pytest.approx(10_000 * 0.01 / 8.0)


def test_no_range_yet_gives_no_stake() -> None:
    sizing = Sizing(SizingKind.ATR_RISK, share=0.01)
    found = simulate([series_of(WINNER, atr=np.full(5, np.nan))], settings_of(sizing=sizing))

    assert refusals_of(found) == [(0, Refusal.NO_STAKE)]


def test_kelly_stakes_its_share_after_twenty_closed_trades() -> None:
    won, lost = "110 110 110 110\n", "95 95 95 95\n"
    block = "100 100 100 100 L\n100 100 100 100 l\n"
    table = "".join(block + (won if number % 2 else lost) for number in range(20)) + block + won + won
    rules = settings_of(sizing=Sizing(SizingKind.KELLY, share=0.01, cap=0.9))
    trades = simulate([series_of(table)], rules).trades

    equity = 10_000 + float(trades["profit"][:20].sum())
    # Half of the trades win 10 %, half lose 5 %: 0.5 - 0.5 / 2.
    assert trades["stake"][0] == pytest.approx(100.0)
    assert trades["stake"][20] == pytest.approx(0.25 * equity)


def test_funding_is_paid_at_the_next_open_by_longs_and_received_by_shorts() -> None:
    times, rates = np.array([HOUR, 3 * HOUR - 1], np.int64), np.array([0.5, 0.001])
    for signs, wanted in (("Ll", 10 * 110 * 0.001), ("Ss", -10 * 110 * 0.001)):
        table = WINNER.replace("L", signs[0]).replace("l", signs[1])
        series = series_of(table, funding_at=times, funding_rate=rates)
        found = simulate([series], settings_of())
        assert found.trades["funding"][0] == pytest.approx(wanted)  # the one at the entry itself is not owed
        assert found.final_equity == pytest.approx(10_000 + (100 if signs == "Ll" else -100) - wanted)


def test_finer_candles_decide_what_came_first() -> None:
    coarse = series_of("100 101 99 100 L\n100 101 99 100\n100 106 94 100\n100 101 99 100\n")
    fine, _ = read("100 106 100 105\n105 105 94 100\n", length=HOUR // 2, start=2 * HOUR)
    rules = settings_of(exits={"stop_loss": 0.05, "take_profit": 0.05}, fill_rule=FillRule.DETAIL)

    found = simulate([dataclasses.replace(coarse, detail=fine)], rules)

    assert trades_of(found) == [("long", 1, 2, 100.0, 105.0, ExitReason.TAKE_PROFIT)]


def test_instruments_share_places_in_their_order_and_an_exit_frees_none_before_the_next_candle() -> None:
    first = series_of("100 101 99 100 L\n100 101 99 100 l\n100 101 99 100\n100 101 99 100\n100 101 99 100\n", "A")
    second = series_of("100 101 99 100 L\n100 101 99 100 L\n100 101 99 100 L\n100 101 99 100\n100 101 99 100\n", "B")
    found = simulate([first, second], settings_of())

    assert [(row["instrument"], row["open_bar"], row["close_bar"]) for row in found.trades] == [(0, 1, 2), (1, 3, 4)]
    assert refusals_of(found) == [(0, Refusal.MAX_OPEN_TRADES), (1, Refusal.MAX_OPEN_TRADES)]


def test_instruments_share_cash() -> None:
    series = [series_of(WINNER, name) for name in "AB"]
    found = simulate(series, settings_of(max_open_trades=2, initial_cash=1500.0))

    assert found.trades["instrument"].tolist() == [0]
    assert refusals_of(found) == [(0, Refusal.NOT_ENOUGH_CASH)]


def test_series_with_other_times_meet_by_time() -> None:
    candles, signals = read(WINNER, start=2 * HOUR)
    later = Series("B", candles, **signals)
    found = simulate([later, series_of(WINNER, "A")], settings_of(max_open_trades=1))

    assert found.trades["instrument"].tolist() == [1]
    assert refusals_of(found) == [(0, Refusal.MAX_OPEN_TRADES)]


def test_equity_is_marked_at_each_days_end() -> None:
    rows = ["100 101 99 100 L", *["100 101 99 100"] * 22, "100 101 99 107", *["100 101 99 103"] * 25]
    found = simulate([series_of("\n".join(rows))], settings_of())

    assert found.equity_at.tolist() == [0, DAY, 2 * DAY, 3 * DAY]
    assert found.equity.tolist() == [10_000.0, 10_070.0, 10_030.0, 10_000.0]
    assert found.final_equity == 10_000.0


def test_signals_before_the_first_candle_count_for_nothing() -> None:
    found = simulate([series_of(WINNER)], settings_of(first_candle=1))

    assert (len(found.trades), len(found.refusals), found.equity_at[0]) == (0, 0, HOUR)


def test_exposure_is_the_share_of_time_in_a_trade() -> None:
    assert simulate([series_of(WINNER)], settings_of()).exposure == pytest.approx(3 / 5)


def test_zero_volume_trades_and_costs_the_most_slippage() -> None:
    table = "100 101 99 100 0 L\n100 101 99 100 0\n100 101 99 100 0\n"
    rules = settings_of(slippage=SlippageKind.VOLUME_SHARE, slippage_value=0.02)

    assert simulate([series_of(table)], rules).trades["open_price"].tolist() == [102.0]


def test_candles_without_any_price_trade_nothing() -> None:
    found = simulate([series_of("- - - - L\n- - - -\n- - - -")], settings_of())

    assert refusals_of(found) == [(0, Refusal.NO_PRICE)]
    assert found.equity.tolist() == [10_000.0, 10_000.0]


def test_warm_leaves_nothing_to_compile() -> None:
    kernels: list[Any] = [kernel.run, kernel.pack_signals]
    warm()
    before = [len(one.signatures) for one in kernels]
    simulate([series_of(WINNER)], settings_of(exits={"stop_loss": 0.1, "roi": ((0, 0.1),)}))

    assert [len(one.signatures) for one in kernels] == before == [1, 1]


EMPTY = Candles(np.empty(0, np.int64), *[np.empty(0, np.float64)] * 5)
NONE = np.zeros(0, np.bool_)


@pytest.mark.parametrize(
    ("code", "series", "settings"),
    [
        ("NO_CANDLES", [], {}),
        ("NO_CANDLES", [Series("A", EMPTY, NONE, NONE, NONE, NONE)], {}),
        ("LENGTHS", [dataclasses.replace(series_of(WINNER), exit_long=NONE)], {}),
        ("NO_ATR", [series_of(WINNER)], {"sizing": Sizing(SizingKind.ATR_RISK)}),
        ("NO_DETAIL", [series_of(WINNER)], {"fill_rule": FillRule.DETAIL}),
        ("LEVERAGE", [series_of(WINNER)], {"leverage": 0.5}),
        ("MARGIN", [series_of(WINNER, rules=InstrumentRules(maintenance_margin=0.1))], {"leverage": 10.0}),
        ("FUNDING", [series_of(WINNER, funding_at=np.zeros(1, np.int64))], {}),
        ("SLIPPAGE", [series_of(WINNER)], {"slippage": SlippageKind.RANGE_SHARE, "slippage_value": 1.5}),
        ("FEE", [series_of(WINNER)], {"taker_fee": 1.0}),
        ("FIRST_CANDLE", [series_of(WINNER)], {"first_candle": -1}),
    ],
)
def test_what_can_not_be_simulated_says_so(code: str, series: list[Series], settings: dict[str, object]) -> None:
    with pytest.raises(SimulationError) as error:
        simulate(series, settings_of(**settings))

    assert error.value.code == code


def test_candles_out_of_order_are_refused() -> None:
    candles, signals = read(WINNER)
    turned = dataclasses.replace(candles, opened_at=candles.opened_at[::-1])
    with pytest.raises(SimulationError, match="not in order of time"):
        simulate([Series("A", turned, **signals)], settings_of())

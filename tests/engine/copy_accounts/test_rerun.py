"""Re-runs of what a lead did, told in figures that can be checked in the head."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.copy_accounts.fit import fit_of
from engine.copy_accounts.rerun import Move, Quote, Result, rerun
from engine.copying.settings import CopySettings
from engine.decimals import ZERO
from engine.execution import Costs
from engine.risk import InstrumentRules

D = Decimal
# Guards that cut nothing: the figures are the rules' own.
WIDE = CopySettings(max_order_share=D(1), max_instrument_share=D(1))
START = datetime(2026, 3, 2, tzinfo=UTC)


def rules(fee: str = "0", slippage: str = "0") -> dict[object, InstrumentRules]:
    costs = Costs(D(fee), D(slippage), D("0.01"))
    return {"BTC": InstrumentRules(D("0.001"), D(0), D(5), True, costs)}


def buy(day: int, quantity: str, price: str = "100", equity: str = "10000") -> Move:
    return Move(START + timedelta(days=day), "BTC", True, D(quantity), ZERO, D(price), D(equity))


def sell(day: int, fraction: str, price: str, equity: str = "10000") -> Move:
    return Move(START + timedelta(days=day), "BTC", False, ZERO, D(fraction), D(price), D(equity))


def test_a_round_trip_is_copied_in_proportion() -> None:
    result = rerun([buy(0, "10"), sell(1, "1", "150")], rules(), settings=WIDE, capital=D(1000))
    assert (result.equity, result.perfect_equity, result.orders, result.skipped) == (D(1050), D(1050), 2, 0)
    assert (result.return_ratio, result.perfect_return_ratio, result.tracking_error) == (0.05, 0.05, 0.0)
    doubled = rerun(
        [buy(0, "10"), sell(1, "1", "150")], rules(), capital=D(1000), settings=replace(WIDE, multiplier=D(2))
    )
    assert doubled.equity == 1100


def test_costs_are_those_of_the_follower() -> None:
    result = rerun([buy(0, "10"), sell(1, "1", "150")], rules("50", "100"), settings=WIDE, capital=D(1000))
    # Bought at 101 and sold at 148.50, half a percent of both.
    assert (result.fees, result.equity) == (D("1.2475"), D("1046.2525"))
    assert result.perfect_equity == 1050


def test_minimums_skip_opens_and_what_was_not_bought_is_not_sold() -> None:
    moves = [buy(0, "10"), sell(1, "1", "100"), buy(2, "0.4"), sell(3, "1", "100")]
    result = rerun(moves, rules(), settings=WIDE, capital=D(1000))
    assert dict(result.denied) == {"KEPT_BELOW_MINIMUM": 1, "NOTHING_TO_CLOSE": 1}
    assert (result.skipped, result.orders, result.skipped_ratio) == (1, 4, 1 / 3)


def test_an_open_is_cut_to_the_cash_there_is() -> None:
    result = rerun([buy(0, "60"), buy(1, "60")], rules(), settings=WIDE, capital=D(1000))
    assert (result.clipped, result.equity) == (1, D(1000))


def test_the_ratio_stays_until_the_position_is_closed() -> None:
    moves = [buy(0, "10"), buy(1, "10", equity="5000"), sell(2, "1", "150"), buy(3, "10", equity="5500")]
    quotes = [Quote(START + timedelta(days=4), "BTC", D(200))]
    final = rerun(moves, rules(), settings=WIDE, capital=D(1000), quotes=quotes)
    # One unit and one more at the same ratio, sold for 50 more each; then two at a new one, which double.
    assert final.equity == 1300


def test_what_is_held_is_valued_between_moves() -> None:
    quotes = [Quote(START + timedelta(days=day), "BTC", D(price)) for day, price in ((1, 150), (2, 75), (3, 120))]
    result = rerun([buy(0, "50")], rules(), settings=WIDE, capital=D(1000), quotes=quotes)
    assert [equity for _, equity in result.curve] == [1000, 1250, 875, 1100]
    assert result.max_drawdown_ratio == pytest.approx(0.3)
    assert len(result.perfect_curve) == 4


def test_the_profit_share_is_settled_on_mondays() -> None:
    moves = [buy(0, "10"), sell(1, "1", "200"), buy(8, "10"), sell(9, "1", "50")]
    result = rerun(moves, rules(), settings=WIDE, capital=D(1000), profit_share_ratio=D("0.1"))
    # A hundred was won in the first week; what the second lost is not given back.
    assert result.profit_share == 10
    assert result.return_ratio == pytest.approx(float((result.equity - 1010) / 1000))


def test_the_tracking_error_is_annual() -> None:
    quotes = [Quote(START + timedelta(days=365), "BTC", D(110))]
    result = rerun([buy(0, "10"), buy(0, "0.4")], rules(), settings=WIDE, capital=D(1000), quotes=quotes)
    own, perfect = 10 / 1000, 10.4 / 1000
    assert result.tracking_error == pytest.approx(perfect - own)
    assert Result(D(1)).tracking_error == 0.0


def test_the_smallest_viable_capital_is_the_one_that_skips_little() -> None:
    moves = [move for day in range(0, 40, 2) for move in (buy(day, "1"), sell(day + 1, "1", "100"))]

    def run(capital: Decimal) -> Result:
        return rerun(moves, rules(), settings=WIDE, capital=capital)

    fit = fit_of(run, D(100))
    # A lead of 10,000 who buys for 100: the minimum of 5 USDT and its margin take 525, and lots 530.
    assert (fit.skipped_ratio, fit.is_viable, fit.smallest_capital, fit.orders) == (1.0, False, D(530), 40)
    assert run(D(530)).skipped == 0
    # What was kept of one open is netted with its exit: nothing is ever bought.
    assert run(D(529)).skipped_ratio == 1.0
    assert fit_of(run, D(530)).is_viable


def test_exits_in_parts_need_more_than_opens() -> None:
    moves = [
        move for day in range(0, 40, 2) for move in (buy(day, "1"), sell(day, "0.5", "100"), sell(day + 1, "1", "100"))
    ]
    fit = fit_of(lambda capital: rerun(moves, rules(), settings=WIDE, capital=capital), D(500))
    assert fit.smallest_capital is not None
    assert 1000 <= fit.smallest_capital <= 1300


def test_without_moves_nothing_is_forecast() -> None:
    fit = fit_of(lambda capital: rerun([], rules(), settings=WIDE, capital=capital), D(100))
    assert (fit.orders, fit.smallest_capital, fit.skipped_ratio) == (0, None, 0.0)

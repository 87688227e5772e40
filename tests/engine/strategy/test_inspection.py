"""Signals that look ahead, or need more past than they say, are caught and named; those of every template are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.strategy.evaluate import evaluator, history
from engine.strategy.inspection import Check, look_ahead, warm_up_fault
from engine.strategy.templates import template_graph
from engine.strategy.types import Market, Signals
from tests.fixtures_desk import NOON
from tests.fixtures_past import waves

MARKET = Market(waves(1_500, NOON), "5m")
CROSS = template_graph("ema_cross", {"fast": 3, "slow": 8})
HONEST = evaluator(CROSS, "5m")


def ahead(by: int, name: str = "enter_long"):  # type: ignore[no-untyped-def]
    """Return the crossing's signals with one of them moved to `by` candles before it is known."""

    def signals(market: Market) -> Signals:
        found = HONEST(market)
        moved = np.roll(getattr(found, name), -by)
        moved[-by:] = False
        return replace(found, **{name: moved})

    return signals


def test_honest_signals_pass() -> None:
    assert look_ahead(HONEST, MARKET) is None
    assert warm_up_fault(HONEST, MARKET, history(CROSS, timeframe="5m")) is None


@pytest.mark.parametrize(("by", "name"), [(1, "enter_long"), (1, "exit_long"), (3, "enter_long")])
def test_a_signal_from_the_future_is_named_with_its_candle(by: int, name: str) -> None:
    fault = look_ahead(ahead(by, name), MARKET)
    assert fault is not None
    assert (fault.check, fault.signal, fault.said, fault.instead) == (Check.LOOK_AHEAD, name, True, False)
    # It is where a signal comes `by` candles later, of which nothing was known then.
    place = int(np.searchsorted(MARKET.candles.opened_at, fault.opened_at))
    assert getattr(HONEST(MARKET), name)[place + by]


def test_one_rare_look_ahead_is_found() -> None:
    """Only where the future rises as it seldom does: two candles of a hundred."""
    close = MARKET.candles.close
    rise = float(np.quantile(close[1:] / close[:-1], 0.98))

    def peeking(market: Market) -> Signals:
        found = HONEST(market)
        there = market.candles.close
        rises = np.zeros(len(there), np.bool_)
        rises[:-1] = there[1:] > there[:-1] * rise
        return replace(found, enter_long=rises)

    fault = look_ahead(peeking, MARKET)
    assert fault is not None
    assert (fault.check, fault.signal) == (Check.LOOK_AHEAD, "enter_long")


def test_signals_that_depend_on_where_the_data_begin_are_named() -> None:
    def counting(market: Market) -> Signals:
        found = HONEST(market)
        # Every fiftieth candle since the beginning, whenever that was.
        return replace(found, exit_long=np.arange(len(market.candles)) % 50 == 49)

    assert look_ahead(counting, MARKET) is None
    fault = warm_up_fault(counting, MARKET, 40)
    assert fault is not None
    assert (fault.check, fault.signal) == (Check.WARM_UP, "exit_long")

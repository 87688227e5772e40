"""The simulated venue's prices: continued from what is stored, exactly, and never back in time."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import islice

import numpy as np
import pytest

from common.errors import DomainError
from engine.candles import Candles
from engine.timeframes import aggregate, moment
from markets.feed import apply_step
from markets.models import Exchange, Instrument
from markets.selectors import FAR_FUTURE, candle_arrays, tradable_instruments
from markets.simulated import NAMESPACE, SIMULATED_TIMEFRAMES, SimulatedSource
from markets.steps import Step
from tests.markets.conftest import NOON

STEPS_A_MINUTE = 6


def _instruments() -> list[Instrument]:
    return list(tradable_instruments(NAMESPACE))


def _steps(count: int, seed: int = 7) -> list[Step]:
    return list(islice(SimulatedSource(_instruments(), seed).steps(), count))


def _apply(steps: list[Step]) -> None:
    for step in steps:
        apply_step(NAMESPACE, step, persists_candles=True)


@pytest.mark.usefixtures("simulated")
def test_steps_are_ten_market_seconds_apart_and_price_every_instrument_on_its_tick() -> None:
    instruments = {instrument.id: instrument for instrument in _instruments()}
    steps = _steps(13)
    # History ends at noon; the minute after it might have been under way, so the first price is of 12:01.
    assert [step.at for step in steps] == [NOON + timedelta(seconds=60 + 10 * n) for n in range(13)]
    for step in steps:
        assert step.prices.keys() == instruments.keys()
        for instrument_id, price in step.prices.items():
            assert price % instruments[instrument_id].tick_size == 0
            assert price.as_tuple().exponent == {"XRP": -4}.get(instruments[instrument_id].market.base_id, -2)


@pytest.mark.usefixtures("simulated")
def test_a_perpetual_trades_at_its_coins_prices() -> None:
    ids = {instrument.symbol: instrument.id for instrument in _instruments()}
    for step in _steps(13):
        for base in ("BTC", "ETH"):
            assert step.prices[ids[f"{base}-USDT-PERP"]] == step.prices[ids[f"{base}-USDT"]]


@pytest.mark.usefixtures("simulated")
def test_candles_are_those_of_the_prices_and_close_with_the_next_minutes_first() -> None:
    steps = _steps(5 * STEPS_A_MINUTE + 1)
    bitcoin = next(one for one in _instruments() if one.market.base_id == "BTC")
    closed = [(step.at, candle) for step in steps for candle in step.closed if candle.instrument_id == bitcoin.id]
    minutes = [(at, candle) for at, candle in closed if candle.timeframe == "1m"]
    assert [at - candle.opened_at for at, candle in minutes] == [timedelta(minutes=1)] * 6
    assert minutes[0][1].opened_at == NOON  # the minute that was not announced is kept as a candle
    prices = [float(step.prices[bitcoin.id]) for step in steps[:STEPS_A_MINUTE]]
    second = minutes[1][1]
    assert (second.open, second.high, second.low, second.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert second.volume > 0
    fives = [(at, candle.opened_at) for at, candle in closed if candle.timeframe == "5m"]
    assert fives == [(NOON + timedelta(minutes=5), NOON)]


@pytest.mark.usefixtures("simulated")
def test_a_restart_goes_on_with_the_same_prices_and_leaves_no_candle_out() -> None:
    steps = _steps(130 * STEPS_A_MINUTE)
    stop = 64 * STEPS_A_MINUTE + 4  # in the middle of the minute that began at 13:05
    _apply(steps[:stop])
    resumed = _steps(60 * STEPS_A_MINUTE)
    # The minute that was under way is not announced again: time does not go back.
    assert resumed[0].at == NOON + timedelta(minutes=66)
    expected = steps[65 * STEPS_A_MINUTE :]
    assert [(step.at, step.prices) for step in resumed] == [(step.at, step.prices) for step in expected[: len(resumed)]]
    before = {(c.instrument_id, c.timeframe, c.opened_at) for step in steps[:stop] for c in step.closed}
    after = [(c.instrument_id, c.timeframe, c.opened_at) for step in resumed for c in step.closed]
    wanted = {
        (c.instrument_id, c.timeframe, c.opened_at)
        for step in steps[: 65 * STEPS_A_MINUTE + len(resumed)]
        for c in step.closed
    }
    assert before | set(after) == wanted
    assert before.isdisjoint(after)


@pytest.mark.usefixtures("simulated")
def test_coarser_candles_are_made_of_the_minutes_also_over_a_restart() -> None:
    _apply(_steps(100 * STEPS_A_MINUTE + 3))
    _apply(_steps(150 * STEPS_A_MINUTE + 5))
    for instrument in _instruments():
        minutes = candle_arrays(instrument, "1m", end=FAR_FUTURE)
        assert (np.diff(minutes.opened_at) == 60_000).all()
        assert moment(int(minutes.opened_at[0])) == NOON - timedelta(hours=12)
        for timeframe in SIMULATED_TIMEFRAMES[1:]:
            stored = candle_arrays(instrument, timeframe, end=FAR_FUTURE)
            made = aggregate(minutes, timeframe).part(0, len(stored))
            for name in Candles.__slots__[:5]:
                assert getattr(stored, name).tolist() == getattr(made, name).tolist(), (timeframe, name)
            assert stored.volume == pytest.approx(made.volume)
            assert len(aggregate(minutes, timeframe)) - len(stored) in {0, 1}


@pytest.mark.usefixtures("simulated")
def test_another_seed_is_another_market() -> None:
    ours, theirs = _steps(1, seed=7), _steps(1, seed=8)
    assert ours[0].at == theirs[0].at
    assert ours[0].prices != theirs[0].prices


@pytest.mark.usefixtures("simulated")
def test_prices_move_on_from_the_last_close() -> None:
    [step] = _steps(1)
    for instrument in _instruments():
        close = float(candle_arrays(instrument, "1m", end=FAR_FUTURE, count=1).close[0])
        assert float(step.prices[instrument.id]) == pytest.approx(close, rel=0.02)


def test_a_venue_without_a_past_is_refused_with_what_to_do(simulated: Exchange, settings: object) -> None:
    settings.CANDLE_DIR = settings.CANDLE_DIR / "empty"  # type: ignore[attr-defined]
    with pytest.raises(DomainError, match="has no past yet: seed it first") as refused:
        _steps(1)
    assert refused.value.code == "MARKET_WITHOUT_HISTORY"


@pytest.mark.usefixtures("simulated")
def test_candles_of_one_moment_come_finest_first_for_each_instrument() -> None:
    by_instrument = defaultdict(list)
    [step] = [one for one in _steps(240 * STEPS_A_MINUTE) if one.at == NOON + timedelta(hours=4)]
    for candle in step.closed:
        by_instrument[candle.instrument_id].append(candle.timeframe)
    assert list(by_instrument.values()) == [["1m", "5m", "15m", "1h", "4h"]] * 6

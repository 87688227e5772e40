"""The made market: repeatable, continued exactly, and like a real one in what can be measured."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from engine.candles import Floats
from engine.market_sim import (
    GARCH_ALPHA,
    GARCH_BETA,
    MINUTES_PER_DAY,
    REGIME_SLOT_MINUTES,
    REGIMES,
    STEPS_PER_MINUTE,
    MarketSimulator,
    MarketState,
    Minute,
    SimulatedAsset,
)

START = 29_500_000  # minutes since 1970: in February 2026
BITCOIN = SimulatedAsset(64_000.0, 0.01, 0.028, 0.92, 9.0)
ETHER = SimulatedAsset(3_200.0, 0.01, 0.034, 0.90, 120.0)
RIPPLE = SimulatedAsset(0.52, 0.0001, 0.042, 0.72, 90_000.0)
ASSETS = (BITCOIN, ETHER, RIPPLE)
TICK_SIZES = np.array([asset.tick_size for asset in ASSETS])
DAYS = 20


def _walk(seed: int, minutes: int, start: int = START) -> tuple[list[Minute], list[MarketState]]:
    """Return the minutes and the states before, between and after them."""
    market = MarketSimulator(ASSETS, seed)
    walked, states = [], [market.start(start)]
    for _ in range(minutes):
        minute, state = market.advance(states[-1])
        walked.append(minute)
        states.append(state)
    return walked, states


def _closes(minutes: list[Minute]) -> Floats:
    return np.asarray([minute.ticks[-1] for minute in minutes] * TICK_SIZES, dtype=np.float64)


@pytest.fixture(scope="module")
def month() -> tuple[list[Minute], Floats]:
    """Twenty days of one market, and its returns from minute to minute, shape (minutes, assets)."""
    minutes, _ = _walk(seed=7, minutes=DAYS * MINUTES_PER_DAY)
    return minutes, np.diff(np.log(_closes(minutes)), axis=0)


def _autocorrelation(series: Floats, lag: int) -> float:
    return float(np.corrcoef(series[:-lag], series[lag:])[0, 1])


def test_a_seed_repeats_a_market_exactly_and_another_makes_another() -> None:
    first, _ = _walk(seed=7, minutes=130)
    again, _ = _walk(seed=7, minutes=130)
    other, _ = _walk(seed=8, minutes=130)
    assert all(
        np.array_equal(a.ticks, b.ticks) and np.array_equal(a.volumes, b.volumes)
        for a, b in zip(first, again, strict=True)
    )
    assert not np.array_equal(first[0].ticks, other[0].ticks)


def test_a_market_starts_at_its_assets_prices_and_moves_in_whole_ticks() -> None:
    minutes, states = _walk(seed=7, minutes=1)
    assert states[0].ticks.tolist() == [6_400_000, 320_000, 5_200]
    assert minutes[0].ticks.shape == minutes[0].volumes.shape == (STEPS_PER_MINUTE, 3)
    assert minutes[0].ticks.dtype == np.int64
    assert (np.abs(minutes[0].ticks / states[0].ticks - 1) < 0.01).all()
    assert (states[1].minute, states[1].ticks.tolist()) == (START + 1, minutes[0].ticks[-1].tolist())


def test_variances_follow_the_garch_recursion() -> None:
    market = MarketSimulator(ASSETS, 7)
    before = market.start(START)
    _, after = market.advance(before)
    long_run = np.array([asset.daily_volatility**2 / MINUTES_PER_DAY for asset in ASSETS])
    change = np.log(after.ticks / before.ticks) / market.regime(START).volatility
    expected = long_run * (1 - GARCH_ALPHA - GARCH_BETA) + GARCH_ALPHA * change**2 + GARCH_BETA * long_run
    assert after.variances == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("stop", [1, 59, 60, 61, 119, 240, 1199])
def test_a_market_resumed_from_its_closes_goes_on_as_if_it_had_never_stopped(stop: int) -> None:
    minutes, states = _walk(seed=11, minutes=1300)
    market = MarketSimulator(ASSETS, 11)
    # A market's first candle opened at the start price; its variances began there.
    closes = np.vstack([states[0].ticks * TICK_SIZES, _closes(minutes[:stop])])
    state = market.resume(START + stop, closes)
    assert state.variances == pytest.approx(states[stop].variances, rel=1e-9)
    for expected in minutes[stop : stop + 100]:
        minute, state = market.advance(state)
        assert minute.ticks.tolist() == expected.ticks.tolist()
        assert minute.volumes == pytest.approx(expected.volumes, abs=2e-4)


def test_a_market_seldom_stands_still_and_never_falls_to_nothing(month: tuple[list[Minute], Floats]) -> None:
    closes = _closes(month[0])
    starts = np.array([asset.start_price for asset in ASSETS])
    assert (closes > starts / 3).all()
    assert (closes < starts * 3).all()
    assert ((month[1] == 0).mean(axis=0) < [0.01, 0.02, 0.15]).all()


def test_a_price_at_its_smallest_tick_stays_there() -> None:
    worthless = MarketSimulator([SimulatedAsset(0.01, 0.01, 0.9, 0.5, 1.0)], 3)
    state = worthless.start(START)
    for _ in range(600):
        minute, state = worthless.advance(state)
        assert (minute.ticks >= 1).all()


def test_volatility_is_what_each_asset_promises(month: tuple[list[Minute], Floats]) -> None:
    daily = month[1].std(axis=0) * np.sqrt(MINUTES_PER_DAY)
    assert daily == pytest.approx([0.028, 0.034, 0.042], rel=0.25)


def test_assets_correlate_with_the_product_of_their_ties_to_the_market(month: tuple[list[Minute], Floats]) -> None:
    (_, btc_eth, btc_xrp), (_, _, eth_xrp), _ = np.atleast_2d(np.corrcoef(month[1].T))
    assert btc_eth == pytest.approx(0.92 * 0.90, abs=0.04)
    assert btc_xrp == pytest.approx(0.92 * 0.72, abs=0.04)
    assert eth_xrp == pytest.approx(0.90 * 0.72, abs=0.04)


def test_volatility_comes_in_clusters_while_returns_do_not_foretell_each_other(
    month: tuple[list[Minute], Floats],
) -> None:
    for returns in month[1].T:
        size = np.abs(returns)
        assert _autocorrelation(size, 1) > 0.12
        assert _autocorrelation(size, 20) > 0.08
        assert abs(_autocorrelation(returns, 1)) < 0.03
        # Clusters make the extremes more frequent than a normal law would.
        assert ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2 > 3.5


def test_volume_rises_with_movement(month: tuple[list[Minute], Floats]) -> None:
    volumes = np.array([minute.volumes.sum(axis=0) for minute in month[0]])[1:]
    for returns, volume, asset in zip(month[1].T, volumes.T, ASSETS, strict=True):
        assert np.corrcoef(np.abs(returns), volume)[0, 1] > 0.2
        assert volume.mean() == pytest.approx(asset.minute_volume, rel=0.2)
        assert (volume > 0).all()


def test_regimes_last_for_hours_and_all_three_come_up() -> None:
    market = MarketSimulator(ASSETS, 7)
    slots = [market.regime(START - START % REGIME_SLOT_MINUTES + n * REGIME_SLOT_MINUTES) for n in range(400)]
    assert {regime.name for regime in slots} == {"bull", "bear", "sideways"}
    changes = sum(before != after for before, after in pairwise(slots))
    # Drawn anew in 35 % of the slots, and then another one in two of three.
    assert 60 < changes < 130
    for minute in (0, 1, REGIME_SLOT_MINUTES - 1):
        assert market.regime(minute) == market.regime(0)


def test_prices_rise_in_bull_markets_and_fall_in_bear_markets(month: tuple[list[Minute], Floats]) -> None:
    market = MarketSimulator(ASSETS, 7)
    names = np.array([market.regime(START + 1 + n).name for n in range(len(month[1]))])
    bitcoin = month[1][:, 0]
    means = {regime.name: bitcoin[names == regime.name].mean() * MINUTES_PER_DAY for regime in REGIMES}
    spread = {regime.name: bitcoin[names == regime.name].std() for regime in REGIMES}
    assert means["bull"] > 0.01
    assert means["bear"] < -0.01
    assert spread["bear"] > 1.2 * spread["bull"]
    assert spread["sideways"] < 0.9 * spread["bull"]

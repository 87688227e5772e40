"""The kernels against a slow simulator written from the rules alone: same trades, refusals and equity, bit for bit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.candles import Candles
from engine.simulation.simulate import simulate
from engine.simulation.types import (
    TRADE_DTYPE,
    FillRule,
    InstrumentRules,
    Series,
    Settings,
    Simulated,
    SlippageKind,
)
from engine.strategy.types import Exits, LimitEntry, Sizing, SizingKind, Trailing
from tests.engine.simulation.reference import Reference

HOUR = 3_600_000
Random = np.random.Generator


def _walk(random: Random, size: int, length: int, start: int) -> Candles:
    """Make candles with whole-number prices, so that ties, touches and flat candles are common."""
    jump = int(random.choice([1, 3, 8]))
    opens = 100.0 + np.cumsum(random.integers(-jump, jump + 1, size))
    opens = np.maximum(opens, 20.0)
    closes = np.maximum(opens + random.integers(-jump, jump + 1, size), 15.0)
    high = np.maximum(opens, closes) + random.integers(0, jump + 1, size)
    low = np.maximum(np.minimum(opens, closes) - random.integers(0, jump + 1, size), 10.0)
    volume = random.integers(0, 5, size).astype(np.float64) * 10.0
    return Candles(start + np.arange(size, dtype=np.int64) * length, opens, high, low, closes, volume)


def _with_holes(random: Random, candles: Candles) -> Candles:
    """Take some candles away and make others unpriced."""
    keep = random.random(len(candles)) > random.choice([0.0, 0.1])
    keep[0] = True
    arrays = {field.name: getattr(candles, field.name)[keep].copy() for field in dataclasses.fields(candles)}
    for name in ("open", "high", "low", "close"):
        arrays[name][random.random(int(keep.sum())) < random.choice([0.0, 0.0, 0.05])] = np.nan
    return Candles(**arrays)


def _fine(random: Random, coarse: Candles) -> Candles:
    fine = _walk(random, 4 * len(coarse), HOUR // 4, int(coarse.opened_at[0]))
    level = np.repeat(np.nan_to_num(coarse.open, nan=100.0), 4) - fine.open
    prices = {name: np.maximum(getattr(fine, name) + level, 5.0) for name in ("open", "high", "low", "close")}
    return _with_holes(random, dataclasses.replace(fine, **prices))


def _maybe(random: Random, candles: Candles, share: float) -> Any:
    """Return limit prices near the open, some of them missing, or none at all."""
    if random.random() > share:
        return None
    prices = candles.open + random.integers(-4, 5, len(candles))
    prices[random.random(len(candles)) < 0.3] = np.nan
    return prices


def make_series(seed: int, place: int, size: int, rules: InstrumentRules, extras: bool) -> Series:
    random = np.random.default_rng([seed, place])
    candles = _with_holes(random, _walk(random, size, HOUR, int(random.integers(0, 30)) * HOUR))
    rate = float(random.choice([0.05, 0.2, 0.5]))
    signals = [random.random(len(candles)) < rate for _ in range(4)]
    if random.random() < 0.3:
        signals[2][:] = signals[3][:] = False
    funded = extras and random.random() < 0.4
    times = int(candles.opened_at[0]) + np.arange(size // 4 + 1, dtype=np.int64) * 4 * HOUR
    atr = np.abs(random.normal(2.0, 1.0, len(candles)))
    atr[: len(atr) // 5] = np.nan
    return Series(
        f"S{place}",
        candles,
        enter_long=signals[0],
        exit_long=signals[1],
        enter_short=signals[2],
        exit_short=signals[3],
        rules=rules,
        funding_at=times if funded else None,
        funding_rate=random.normal(0.0, 0.01, len(times)) if funded else None,
        detail=_fine(random, candles),
        atr=atr,
        entry_price=_maybe(random, candles, 0.3 if extras else 0.0),
        adjusted_entry_price=_maybe(random, candles, 0.3 if extras else 0.0),
        exit_price=_maybe(random, candles, 0.3 if extras else 0.0),
    )


def _ratios(*values: float) -> st.SearchStrategy[float | None]:
    return st.sampled_from([None, None, *values])


trailings = st.none() | st.builds(
    Trailing,
    distance=_ratios(0.02, 0.1),
    positive_distance=_ratios(0.01, 0.03),
    offset=st.sampled_from([0.0, 0.01, 0.05]),
    only_after_offset=st.booleans(),
)
rois = st.sampled_from(
    [(), (), ((0, 0.03),), ((0, 0.1), (120, 0.02), (300, -1.0)), ((90, 0.01), (60, 0.02)), ((0, 0.2), (65, -1.0))]
)
exit_rules = st.builds(
    Exits,
    stop_loss=_ratios(0.02, 0.1, 0.5),
    trailing=trailings,
    take_profit=_ratios(0.02, 0.05),
    roi=rois,
    time_stop_candles=st.sampled_from([None, None, 1, 5]),
    use_exit_signal=st.sampled_from([True, True, False]),
    exit_profit_only=st.booleans(),
    ignore_roi_if_entry_signal=st.booleans(),
)
sizings = st.builds(
    Sizing,
    kind=st.sampled_from(list(SizingKind)),
    share=st.sampled_from([0.05, 0.3, 1.0]),
    amount=st.sampled_from([0.0, 100.0, 4000.0]),
    cap=st.sampled_from([0.1, 0.5]),
)
slippages = st.sampled_from(
    [
        (SlippageKind.NONE, 0.0),
        (SlippageKind.NONE, 0.0),
        (SlippageKind.BPS, 7.0),
        (SlippageKind.RANGE_SHARE, 0.3),
        (SlippageKind.VOLUME_SHARE, 0.02),
    ]
)
venue_rules = st.sampled_from(
    [
        InstrumentRules(),
        InstrumentRules(),
        InstrumentRules(tick_size=0.5, lot_step=0.1),
        InstrumentRules(tick_size=0.03, lot_step=7.0, min_quantity=14.0),
        InstrumentRules(min_notional=300.0, maintenance_margin=0.01),
    ]
)


@st.composite
def setups(draw: st.DrawFn) -> Settings:
    slippage, value = draw(slippages)
    maker = draw(st.sampled_from([0.0, 0.001, -0.0002]))
    return Settings(
        timeframe="1h",
        maker_fee=maker,
        taker_fee=draw(st.sampled_from([0.0, 0.001, 0.002])),
        slippage=slippage,
        slippage_value=value,
        leverage=draw(st.sampled_from([1.0, 1.0, 3.0, 10.0])),
        max_open_trades=draw(st.integers(1, 3)),
        exits=draw(exit_rules),
        sizing=draw(sizings),
        entry=draw(
            st.none()
            | st.builds(
                LimitEntry,
                offset=st.sampled_from([0.0, 0.01, 0.03, -0.02]),
                timeout_minutes=st.sampled_from([0, 60, 200]),
            )
        ),
        exit_timeout_minutes=draw(st.sampled_from([None, 0, 120])),
        fill_rule=draw(st.sampled_from(list(FillRule))),
        first_candle=draw(st.sampled_from([0, 0, 3, 1000])),
        exit_limit_offset=draw(_ratios(0.01, -0.01)),
        custom_stop=draw(st.booleans()),
    )


def assert_same(series: list[Series], given_settings: Settings) -> Simulated:
    """Simulate both ways and compare every field of every row."""
    expected = Reference(series, given_settings).run()
    found = simulate(series, given_settings)
    rows = [tuple(row[name] for name in TRADE_DTYPE.names or ()) for row in expected.trades]
    wanted = np.array(rows, TRADE_DTYPE)
    assert len(found.trades) == len(wanted)
    for name in TRADE_DTYPE.names or ():
        np.testing.assert_array_equal(found.trades[name], wanted[name], err_msg=name)
    assert [tuple(row) for row in found.refusals.tolist()] == expected.refusals
    assert found.equity_at.tolist() == expected.equity_at
    assert found.equity.tolist() == expected.equity
    assert found.final_equity == expected.final_equity
    assert found.exposure == expected.exposure
    return found


@settings(max_examples=150)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 3),
    size=st.integers(1, 60),
    rules=venue_rules,
    extras=st.booleans(),
    given_settings=setups(),
)
def test_kernels_and_reference_give_the_same_to_the_last_digit(
    seed: int, count: int, size: int, rules: InstrumentRules, extras: bool, given_settings: Settings
) -> None:
    series = [make_series(seed, place, size, rules, extras) for place in range(count)]

    found = assert_same(series, given_settings)

    total = given_settings.initial_cash + float(found.trades["profit"].sum())
    assert abs(found.final_equity - total) <= 1e-9 * given_settings.initial_cash
    assert found.equity[-1] == found.final_equity

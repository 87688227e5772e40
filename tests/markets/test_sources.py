"""Replayed candles: every price exactly as in the data, in order of time, candles closed by their successor's open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.candles import Candles
from markets.models import Instrument, SourceKind
from markets.sources import ReplaySeries, ReplaySource, on_tick
from markets.steps import ClosedCandle, Step
from tests.fixtures_desk import NOON, Desk
from tests.markets.series import NOON_MS, candles_at

LAST = timedelta(milliseconds=1)


def _five(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def _candles(*rows: tuple[int, float, float, float, float, float]) -> Candles:
    """Return candles from (minute after noon, open, high, low, close, volume)."""
    times, *columns = zip(*rows, strict=True)
    return Candles(NOON_MS + np.array(times) * 60_000, *(np.array(column, dtype=np.float64) for column in columns))


@pytest.fixture
def replay_desk(db: None) -> Desk:
    return Desk(SourceKind.REPLAY)


def _steps(*series: ReplaySeries, limit: int | None = None) -> list[Step]:
    return list(ReplaySource(series, limit).steps())


def test_a_candle_is_walked_open_high_low_close_and_closed_by_the_next_open(replay_desk: Desk) -> None:
    bitcoin = replay_desk.instrument()
    candles = _candles((0, 42283.58, 42300.0, 42250.25, 42261.02, 35.5), (5, 42261.03, 42261.03, 42200.0, 42210.0, 8))
    first = ClosedCandle(bitcoin.id, "5m", NOON, 42283.58, 42300.0, 42250.25, 42261.02, 35.5)
    found = _steps(ReplaySeries(bitcoin, "5m", candles))
    assert found == [
        Step(NOON, {bitcoin.id: Decimal("42283.58")}, ()),
        Step(NOON + timedelta(seconds=75), {bitcoin.id: Decimal("42300.00")}, ()),
        Step(NOON + timedelta(seconds=150), {bitcoin.id: Decimal("42250.25")}, ()),
        Step(NOON + _five(5) - LAST, {bitcoin.id: Decimal("42261.02")}, ()),
        Step(NOON + _five(5), {bitcoin.id: Decimal("42261.03")}, (first,)),
        Step(NOON + _five(5) + timedelta(seconds=75), {bitcoin.id: Decimal("42261.03")}, ()),
        Step(NOON + _five(5) + timedelta(seconds=150), {bitcoin.id: Decimal("42200.00")}, ()),
        Step(NOON + _five(10) - LAST, {bitcoin.id: Decimal("42210.00")}, ()),
    ]


def test_after_a_gap_the_candle_before_it_closes_with_the_first_price_after_it(replay_desk: Desk) -> None:
    bitcoin = replay_desk.instrument()
    found = _steps(ReplaySeries(bitcoin, "1m", candles_at([0, 7])))
    closed = [(step.at, candle.opened_at) for step in found for candle in step.closed]
    assert closed == [(NOON + _five(7), NOON)]


def test_the_limit_counts_candles_of_each_series(replay_desk: Desk) -> None:
    bitcoin = replay_desk.instrument()
    found = _steps(ReplaySeries(bitcoin, "1m", candles_at(range(10))), limit=3)
    assert len(found) == 12
    assert [candle.opened_at for step in found for candle in step.closed] == [NOON, NOON + _five(1)]


def test_several_instruments_are_merged_and_prices_of_one_moment_come_together(replay_desk: Desk) -> None:
    bitcoin, ether = replay_desk.instrument("BTC"), replay_desk.instrument("ETH")
    found = _steps(
        ReplaySeries(bitcoin, "1m", candles_at([0, 1])),
        ReplaySeries(ether, "5m", candles_at([0], price=7.0)),
    )
    assert [step.at for step in found] == sorted(step.at for step in found)
    assert found[0].prices == {bitcoin.id: Decimal("99.50"), ether.id: Decimal("6.50")}
    both = [step.at - NOON for step in found if len(step.prices) == 2]
    assert both == [timedelta(0), timedelta(seconds=75)]  # the second high of one meets the first high of the other
    assert sum(len(step.prices) for step in found) == 12
    assert [candle.instrument_id for step in found for candle in step.closed] == [bitcoin.id]


def test_a_venue_of_another_tick_rounds_to_it_half_to_even(replay_desk: Desk) -> None:
    coarse = replay_desk.instrument(tick_size=Decimal("0.05"))
    found = _steps(ReplaySeries(coarse, "1m", _candles((0, 1.025, 1.08, 1.01, 1.07, 1))))
    assert [str(step.prices[coarse.id]) for step in found] == ["1.00", "1.10", "1.00", "1.05"]


@pytest.mark.parametrize(
    ("price", "tick", "text"),
    [
        (42283.58, "0.01", "42283.58"),
        (3937.6, "0.01", "3937.60"),
        (8.12e-06, "0.00000001", "0.00000812"),
        (1e-08, "0.00000001", "0.00000001"),
        (0.1 + 0.2, "0.0001", "0.3000"),
        (123456789012.125, "0.001", "123456789012.125"),
        (64000.0, "10", "64000"),
    ],
)
def test_prices_have_the_ticks_decimals(price: float, tick: str, text: str) -> None:
    assert format(on_tick(price, Decimal(tick)), "f") == text


@given(st.integers(1, 10**13), st.sampled_from(["0.01", "0.0001", "0.00000001", "0.5", "1"]))
def test_a_price_on_the_grid_comes_back_exactly(ticks: int, tick: str) -> None:
    exact = ticks * Decimal(tick)
    if len(str(ticks * 5)) <= 15:  # what a float of the data can tell apart
        assert on_tick(float(exact), Decimal(tick)) == exact


def test_a_replay_is_of_one_namespace_and_one_series_an_instrument(db: None) -> None:
    here, there = Desk(SourceKind.REPLAY), Desk(SourceKind.REPLAY)
    bitcoin, foreign = here.instrument(), there.instrument()

    def series(instrument: Instrument, timeframe: str = "1m") -> ReplaySeries:
        return ReplaySeries(instrument, timeframe, candles_at([0]))

    for wrong in ([series(bitcoin), series(foreign)], [series(bitcoin), series(bitcoin, "5m")], []):
        with pytest.raises(ValueError, match="one series of each instrument, all of one namespace"):
            ReplaySource(wrong)
    source = ReplaySource([series(bitcoin)])
    assert (source.namespace, source.persists_candles) == (here.namespace, False)


def test_steps_can_be_walked_twice(replay_desk: Desk) -> None:
    source = ReplaySource([ReplaySeries(replay_desk.instrument(), "1m", candles_at([0, 1]))])
    assert list(source.steps()) == list(source.steps())


def test_times_are_whole_in_utc(replay_desk: Desk) -> None:
    candles = candles_at([0], start_ms=1_700_000_040_000)
    [step, *_] = _steps(ReplaySeries(replay_desk.instrument(), "1m", candles))
    assert step.at == datetime(2023, 11, 14, 22, 14, tzinfo=UTC)


def test_a_walk_goes_on_after_a_moment_it_had_reached(replay_desk: Desk) -> None:
    bitcoin, ether = replay_desk.instrument("BTC"), replay_desk.instrument("ETH")
    series = [
        ReplaySeries(bitcoin, "1m", candles_at([0, 1, 2, 5])),
        ReplaySeries(ether, "5m", candles_at([5, 10], price=7.0)),
    ]
    whole = list(ReplaySource(series, 3).steps())
    assert ReplaySource(series, 3).standing() is None
    for place, reached in enumerate(whole):
        source = ReplaySource(series, 3, after=reached.at)
        assert list(source.steps()) == whole[place + 1 :]
        standing = source.standing()
        assert standing is not None
        assert standing.at == reached.at
        newest = {key: price for step in whole[: place + 1] for key, price in step.prices.items()}
        assert standing.prices == newest
    before = ReplaySource(series, 3, after=NOON - timedelta(days=1))
    assert (list(before.steps()), before.standing()) == (whole, None)

"""Candles from prices: a candle closes when the first price after its end arrives, and at no other moment."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.candle_builder import Candle, CandleBuilder
from engine.candles import Candles
from engine.timeframes import MINUTE_MS, aggregate

Closed = list[tuple[str, Candle]]
# Seconds since the last price, price, volume (quarters add up exactly in any order).
TICKS = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 50), st.integers(0, 8).map(lambda n: n / 4)), min_size=1, max_size=120
)


def _at(minute: float) -> int:
    return round(minute * MINUTE_MS)


def _feed(builder: CandleBuilder, ticks: list[tuple[int, float, float]]) -> Closed:
    return [closed for tick in ticks for closed in builder.add(*tick)]


def test_the_first_price_of_the_next_minute_closes_a_candle() -> None:
    builder = CandleBuilder(["1m"])
    ticks = [(_at(7), 10.0, 1.0), (_at(7.25), 12.0, 0.5), (_at(7.5), 9.0, 0.0), (_at(8) - 1, 11.0, 0.25)]
    assert _feed(builder, ticks) == []
    assert builder.add(_at(8), 11.5, 3.0) == [("1m", Candle(_at(7), 10.0, 12.0, 9.0, 11.0, 1.75))]
    assert builder.forming() == {"1m": Candle(_at(8), 11.5, 11.5, 11.5, 11.5, 3.0)}


def test_coarser_candles_close_with_the_last_finer_one_they_are_made_of() -> None:
    builder = CandleBuilder(["1m", "5m"])
    assert _feed(builder, [(_at(8), 10.0, 1.0), (_at(9), 12.0, 1.0)]) == [("1m", Candle(_at(8), 10, 10, 10, 10, 1))]
    assert builder.add(_at(10), 8.0, 1.0) == [
        ("1m", Candle(_at(9), 12, 12, 12, 12, 1)),
        ("5m", Candle(_at(5), 10, 12, 10, 12, 2)),
    ]
    assert builder.forming()["5m"] == Candle(_at(10), 8, 8, 8, 8, 1)


def test_after_a_gap_the_last_candle_closes_late_and_none_is_invented() -> None:
    builder = CandleBuilder(["1m", "5m"])
    closed = _feed(builder, [(_at(3), 10.0, 1.0), (_at(31), 20.0, 1.0)])
    assert closed == [("1m", Candle(_at(3), 10, 10, 10, 10, 1)), ("5m", Candle(_at(0), 10, 10, 10, 10, 1))]


def test_what_is_forming_holds_closed_parts_and_the_newest_price_and_is_a_copy() -> None:
    builder = CandleBuilder(["1m", "5m"])
    assert builder.forming() == {}
    _feed(builder, [(_at(5), 10.0, 1.0), (_at(6), 14.0, 1.0), (_at(7), 12.0, 1.0)])
    forming = builder.forming()
    assert forming == {"1m": Candle(_at(7), 12, 12, 12, 12, 1), "5m": Candle(_at(5), 10, 14, 10, 12, 3)}
    forming["5m"].extend(Candle(0, 99, 99, 99, 99, 99))
    assert builder.forming()["5m"] == Candle(_at(5), 10, 14, 10, 12, 3)


def test_timeframes_that_are_not_made_of_the_finest_are_refused() -> None:
    with pytest.raises(ValueError, match="Candles of 5m are not all made of whole 3m candles"):
        CandleBuilder(["3m", "5m"])


@given(TICKS)
def test_coarser_candles_are_the_aggregate_of_the_finer_ones(steps: list[tuple[int, int, float]]) -> None:
    builder = CandleBuilder(["1m", "5m", "15m"])
    at, closed = 0, Closed()
    for wait, price, volume in steps:
        at += wait * 1000
        closed += builder.add(at, float(price), volume)
    minutes = [candle for name, candle in closed if name == "1m"]
    columns = zip(*((c.opened_at, c.open, c.high, c.low, c.close, c.volume) for c in minutes), strict=True)
    if not minutes:
        assert closed == []
        return
    history = Candles(*(np.array(column) for column in columns))
    for timeframe in ("5m", "15m"):
        found = [candle for name, candle in closed if name == timeframe]
        wanted = aggregate(history, timeframe)
        rows = zip(*(getattr(wanted, name).tolist() for name in Candles.__slots__), strict=True)
        ended = [Candle(*row) for row in rows][: len(found)]
        assert found == ended
        # At most the one that holds the newest price is still forming.
        assert len(wanted) - len(found) in {0, 1}


@given(TICKS, st.integers(0, 119))
def test_a_builder_resumed_from_closed_candles_goes_on_as_if_it_had_never_stopped(
    steps: list[tuple[int, int, float]], cut: int
) -> None:
    timeframes = ["1m", "5m", "15m"]
    ticks, at = [], 0
    for wait, price, volume in steps:
        at += wait * 1000
        ticks.append((at, float(price), volume))
    # Stop at the first price of a minute: what came before it is closed.
    starts = [i for i in range(1, len(ticks)) if ticks[i][0] // MINUTE_MS != ticks[i - 1][0] // MINUTE_MS]
    whole = CandleBuilder(timeframes)
    all_closed = [whole.add(*tick) for tick in ticks]
    if not starts:
        return
    cut = starts[cut % len(starts)]
    resumed = CandleBuilder(timeframes)
    resumed.resume(candle for batch in all_closed[: cut + 1] for name, candle in batch if name == "1m")
    resumed.add(*ticks[cut])
    assert [resumed.add(*tick) for tick in ticks[cut + 1 :]] == all_closed[cut + 1 :]
    assert resumed.forming() == whole.forming()

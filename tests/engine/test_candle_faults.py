"""Faults of candles: each is named where it is, and nothing sound is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.candle_faults import missing_candles, order_faults, row_faults
from engine.candles import Candles

MINUTE = 60_000


def _candles(*minutes: int) -> Candles:
    ones = np.ones(len(minutes))
    return Candles(np.array(minutes, np.int64) * MINUTE, 2 * ones, 3 * ones, ones, 2 * ones, ones.copy())


def _found(masks: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]) -> dict[str, list[int]]:
    return {reason: np.flatnonzero(mask).tolist() for reason, mask in masks.items() if mask.any()}


def test_sound_candles_have_no_fault_and_neither_has_nothing() -> None:
    for candles in (_candles(1, 2, 4), _candles()):
        assert _found(row_faults(candles, MINUTE) | order_faults(candles)) == {}


def test_each_fault_is_named_where_it_is() -> None:
    candles = _candles(1, 2, 3, 4, 5, 6, 7)
    candles.open[0] = np.inf
    candles.opened_at[1] = 0
    candles.opened_at[2] += 1
    candles.low[3] = 0.0
    candles.volume[4] = -1.0
    candles.high[5] = 1.5
    candles.low[6] = 2.5
    assert _found(row_faults(candles, MINUTE)) == {
        "it holds a number without end or no number": [0],
        "its time is not positive": [1],
        "its time is not on the grid of 1 minutes": [2],
        "its prices are not all positive": [3],
        "its volume is negative": [4],
        "its high is below its open or close": [0, 5],
        "its low is above its open or close": [6],
    }


def test_order_is_that_of_the_row_before() -> None:
    assert _found(order_faults(_candles(1, 3, 2, 2, 5))) == {
        "its time is that of the row before": [3],
        "it is older than the row before": [2],
    }


def test_gaps_are_the_candles_that_are_missing() -> None:
    assert missing_candles(_candles(1, 2, 5, 6, 8), MINUTE) == [(3 * MINUTE, 2), (7 * MINUTE, 1)]
    assert missing_candles(replace(_candles(1)), MINUTE) == []
    assert missing_candles(_candles(1, 5), 2 * MINUTE) == [(3 * MINUTE, 1)]

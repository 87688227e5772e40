"""The made crash: −40 % in twenty minutes, every time, another way for each seed."""

from __future__ import annotations

import numpy as np
import pytest

from engine.candle_faults import order_faults, row_faults
from engine.candles import fingerprint
from engine.crash import AFTER_MINUTES, CALM_MINUTES, CRASH_MINUTES, crash_candles

START_MS = 1_767_571_200_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_falls_by_forty_per_cent_and_not_before(seed: int) -> None:
    candles = crash_candles(seed, start_ms=START_MS)
    assert len(candles) == CALM_MINUTES + CRASH_MINUTES + AFTER_MINUTES
    calm, crash = candles.part(0, CALM_MINUTES), candles.part(CALM_MINUTES, CALM_MINUTES + CRASH_MINUTES)
    assert crash.close[-1] / calm.close[-1] == pytest.approx(0.60, abs=0.0002)
    assert calm.close.min() > 98
    # A market that gaps: minutes open below where the one before closed.
    gaps = crash.open[1:] / crash.close[:-1] - 1
    assert gaps.max() <= 0 and gaps.min() < -0.005
    assert (candles.opened_at == START_MS + 60_000 * np.arange(len(candles))).all()
    assert not any(mask.any() for mask in (order_faults(candles) | row_faults(candles, 60_000)).values())


def test_a_seed_repeats_it_and_another_falls_another_way() -> None:
    first, again, other = (crash_candles(seed, start_ms=START_MS) for seed in (1, 1, 2))
    assert fingerprint(first) == fingerprint(again) != fingerprint(other)

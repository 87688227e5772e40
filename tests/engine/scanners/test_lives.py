"""Lives of opportunities: their age, their peak, how they shrink, and that an end is an end."""

from __future__ import annotations

import math

import numpy as np

from engine.scanners.lives import Lives, follow


def _scan(known: Lives, found: dict[int, float], at_ms: int) -> Lives:
    return follow(known, np.array(list(found), np.int64), np.array(list(found.values())), at_ms)


def test_an_opportunity_ages_while_each_scan_finds_it() -> None:
    lives = _scan(Lives.none(), {7: 4.0, 3: 1.0}, 1_000)
    lives = _scan(lives, {9: 2.0, 7: 8.0, 3: 0.5}, 1_250)
    lives = _scan(lives, {7: 2.0, 9: 2.0, 3: 0.25}, 1_500)
    assert lives.keys.tolist() == [3, 7, 9]
    assert lives.age_ms().tolist() == [500, 500, 250]
    assert lives.peak.tolist() == [1.0, 8.0, 2.0]
    assert lives.peak_ms.tolist() == [1_000, 1_250, 1_250]
    assert lives.shrunk().tolist() == [0.75, 0.75, 0.0]
    # A quarter is two halvings: in 500 ms, and in 250 ms.
    assert lives.half_life_ms().tolist() == [250.0, 125.0, math.inf]


def test_what_one_scan_missed_begins_anew() -> None:
    lives = _scan(Lives.none(), {7: 4.0}, 1_000)
    lives = _scan(lives, {}, 1_250)
    assert len(lives) == 0
    lives = _scan(lives, {7: 1.0}, 1_500)
    assert (lives.age_ms().tolist(), lives.peak.tolist()) == ([0], [1.0])


def test_a_new_peak_counts_from_its_own_time() -> None:
    lives = _scan(_scan(Lives.none(), {1: 4.0}, 1_000), {1: 4.5}, 2_000)
    assert (lives.since_ms.tolist(), lives.peak_ms.tolist(), lives.shrunk().tolist()) == ([1_000], [2_000], [0.0])


def test_one_that_was_just_found_does_not_shrink() -> None:
    new = follow(Lives.none(), np.array([3]), np.array([2.0]), 1_000)
    assert new.half_life_ms().tolist() == [np.inf]

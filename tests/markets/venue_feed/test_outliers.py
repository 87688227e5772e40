"""The outlier guard in numbers: what is taken, what is held, what confirms it, what is refused."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from markets.venue_feed.outliers import OutlierGuard

COIN = UUID(int=1)


def _admits(guard: OutlierGuard, *prices: str, at: float = 0.0) -> list[bool]:
    return [guard.admit(COIN, Decimal(price), place, at + place) for place, price in enumerate(prices)]


def test_the_first_price_and_all_within_half_of_the_last_are_taken() -> None:
    guard = OutlierGuard(10)
    assert _admits(guard, "100", "150", "75", "37.5") == [True, True, True, True]
    assert (guard.last(COIN), guard.dropped) == (Decimal("37.5"), 0)


def test_a_price_that_is_far_off_is_held_until_another_message_says_about_the_same() -> None:
    guard = OutlierGuard(10)
    assert _admits(guard, "100", "151", "160") == [True, False, True]
    assert (guard.last(COIN), guard.dropped) == (Decimal(160), 0)


def test_the_same_message_again_confirms_nothing() -> None:
    guard = OutlierGuard(10)
    assert guard.admit(COIN, Decimal(100), "a", 0)
    assert not guard.admit(COIN, Decimal(10), "b", 1)
    assert not guard.admit(COIN, Decimal(10), "b", 2)
    assert guard.waiting(3) == [COIN]
    assert guard.admit(COIN, Decimal(10), "c", 3)
    assert guard.waiting(3) == []


def test_an_outlier_is_dropped_by_a_usual_price_by_time_and_by_another_outlier() -> None:
    guard = OutlierGuard(10)
    assert _admits(guard, "100", "10", "101") == [True, False, True]
    assert guard.dropped == 1
    assert _admits(guard, "10", at=100) == [False]
    assert guard.waiting(111) == []
    assert guard.dropped == 2
    assert _admits(guard, "10", "500", "9000", "9001", at=200) == [False, False, False, True]
    assert (guard.last(COIN), guard.dropped) == (Decimal(9001), 4)


def test_a_confirmation_that_comes_too_late_is_an_outlier_of_its_own() -> None:
    guard = OutlierGuard(10)
    assert guard.admit(COIN, Decimal(100), "a", 0)
    assert not guard.admit(COIN, Decimal(10), "b", 1)
    assert not guard.admit(COIN, Decimal(10), "c", 12)
    assert guard.admit(COIN, Decimal(10), "d", 13)


@pytest.mark.parametrize("price", ["0", "-1", "1e15"])
@pytest.mark.parametrize("known", [True, False])
def test_what_is_no_price_is_refused(price: str, known: bool) -> None:
    guard = OutlierGuard(10)
    if known:
        guard.know(COIN, Decimal(100))
    assert _admits(guard, price, price) == [False, False]
    assert (guard.last(COIN), guard.dropped) == (Decimal(100) if known else None, 2)


def test_what_was_known_before_does_not_replace_a_newer_price() -> None:
    guard = OutlierGuard(10)
    assert guard.admit(COIN, Decimal(100), "a", 0)
    guard.know(COIN, Decimal(1))
    assert guard.last(COIN) == Decimal(100)

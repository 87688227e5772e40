"""Faults are drawn by kind, place, count and probability, and a seed repeats the draws."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sandbox.faults import Fault, FaultBoard, FaultKind, parsed


def test_a_fault_strikes_as_often_as_it_may_where_it_may() -> None:
    board = FaultBoard()
    board.switch_on(Fault(FaultKind.LATENCY, count=2, where="/api/v3/order"))
    places = ["GET /api/v3/time", *["POST /api/v3/order"] * 3]
    assert [board.draw(FaultKind.LATENCY, place) is not None for place in places] == [False, True, True, False]
    assert board.draw(FaultKind.SERVER_ERROR, "POST /api/v3/order") is None
    assert board.listed()[0].struck == 2


def test_probability_is_drawn_from_the_seed() -> None:
    def draws(seed: int) -> list[bool]:
        board = FaultBoard(seed)
        board.switch_on(Fault(FaultKind.LATENCY, probability=0.3))
        return [board.draw(FaultKind.LATENCY) is not None for _ in range(1000)]

    assert draws(1) == draws(1) != draws(2)
    assert 250 < sum(draws(1)) < 350


def test_one_fault_or_all_are_switched_off() -> None:
    board = FaultBoard()
    first, second = (board.switch_on(Fault(FaultKind.CLOCK_SKEW, milliseconds=ms)) for ms in (100, 20))
    assert board.skew_ms() == 120
    assert (board.switch_off(first.id), board.skew_ms()) == (1, 20)
    assert (board.switch_off(), board.skew_ms(), second.id) == (1, 0, 2)


def test_a_described_fault_is_read() -> None:
    fault = parsed({"kind": "partial_fill", "ratio": "0.25", "count": 1, "where": "BTC"})
    assert (fault.kind, fault.ratio, fault.count, fault.where) == (FaultKind.PARTIAL_FILL, Decimal("0.25"), 1, "BTC")


@pytest.mark.parametrize("body", [{}, {"kind": "earthquake"}, {"kind": "latency", "minutes": 3}])
def test_a_fault_that_is_none_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"FaultKind|no minutes"):
        parsed(body)

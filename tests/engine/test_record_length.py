"""How long and full a record is, and what a risk class follows from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.record_length import Execution, RecordLength, closed_trades, executed, whole_days
from engine.risk_class import RiskFigures, risk_class

AT = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "ended"),
    [
        ([1, -1], 1),
        ([1, "-0.5", "-0.5"], 1),
        ([1, 1, -1], 0),
        ([1, -2, 1], 2),
        # What a fee in coins left behind is no position, and selling it no trade.
        (["0.999", "-0.995", "-0.004", 1, -1], 2),
    ],
)
def test_a_round_trip_ends_when_nothing_but_dust_is_left(changes: list[int | str], ended: int) -> None:
    assert closed_trades(("BTC", Decimal(one)) for one in changes) == ended


def test_thirty_days_and_twenty_trades_prove_a_record() -> None:
    lengths = [(30, 20), (29, 20), (30, 19), (90, 0)]
    assert [RecordLength(*one).is_proven for one in lengths] == [True, False, False, False]
    assert [RecordLength(*one).may_share for one in lengths] == [False, False, False, True]
    assert [whole_days(None, AT), whole_days(AT, AT + timedelta(hours=47))] == [0, 1]


def test_signals_that_ask_for_nothing_do_not_count() -> None:
    def candle(number: int) -> datetime:
        return AT + timedelta(minutes=5 * number)

    wishes = [
        (candle(0), "BUY", False),
        (candle(1), "BUY", True),
        (candle(2), "SELL", True),
        (candle(3), "SELL", False),
    ]
    done = executed(wishes, frozenset([candle(0)]))  # type: ignore[arg-type]
    assert (done, done.ratio) == (Execution(2, 1), 0.5)
    assert [Execution(10, 9).is_faithful, Execution(10, 8).is_faithful, Execution(9, 0).is_faithful] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, 2),
        ({"volatility": 0.41}, 4),
        ({"drawdown": 0.41}, 5),
        ({"leverage": 2.5}, 4),
        ({"concentration": 1.0}, 3),
        ({"volatility": float("nan")}, 5),
        ({"days": 29}, None),
    ],
)
def test_a_risk_class_follows_from_its_table(changes: dict[str, float], level: int | None) -> None:
    calm = {"days": 60, "volatility": 0.15, "drawdown": 0.08, "leverage": 0.9, "concentration": 0.5}
    assert risk_class(RiskFigures(**{**calm, **changes})).level == level  # type: ignore[arg-type]

"""Profit shares: new profit once, whatever happens on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.copy_accounts.profit_share import (
    LOSS_KEPT_FOR,
    Basis,
    divided,
    last_settlement,
    next_settlement,
    scaled,
    settle,
    taken_up,
)
from engine.decimals import ZERO, money

D = Decimal
START = datetime(2026, 1, 5, tzinfo=UTC)
TENTH = D("0.1")
FUNDS = D(1000)
# What storage cannot hold of one settlement.
ROUNDING = D("1E-15")


def plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")


@pytest.mark.parametrize(
    ("realized", "unrealized", "fees", "funding", "profit"),
    [
        ("100", "50", "0", "0", "100"),  # a gain on paper is not yet one
        ("100", "-30", "0", "0", "70"),  # a loss on paper is
        ("100", "0", "3", "2", "95"),
        ("-10", "40", "1", "0", "-11"),
        ("100", "0", "0", "-4", "104"),  # funding that was received
    ],
)
def test_rule_34_profit_is_the_smaller_of_realized_and_total(
    realized: str, unrealized: str, fees: str, funding: str, profit: str
) -> None:
    assert Basis(D(realized), D(unrealized), D(fees), D(funding)).profit == D(profit)


def test_rule_34_what_was_lost_is_earned_back_before_anything_is_due() -> None:
    high, dues = ZERO, []
    for profit in ("100", "40", "90", "130"):
        settled = settle(D(profit), high, TENTH)
        high = settled.high_after
        dues.append((settled.due, settled.platform_fee, settled.loss))
    assert [[plain(part) for part in due] for due in dues] == [
        ["10", "1", "0"],
        ["0", "0", "60"],
        ["0", "0", "10"],
        ["3", "0.3", "0"],
    ]


def test_rule_34_a_withdrawal_leaves_the_return_that_is_needed_as_it_was() -> None:
    loss, equity = D(300), D(600)
    rest = scaled(loss, equity=equity, withdrawn=D(200))
    assert rest == 200
    assert rest / (equity - 200) == loss / equity
    assert scaled(loss, equity=equity, withdrawn=D(0)) == loss
    assert scaled(loss, equity=equity, withdrawn=D(700)) == 0
    assert scaled(loss, equity=ZERO, withdrawn=D(5)) == loss


@pytest.mark.parametrize(
    ("capital", "days", "kept"),
    [("600", 1, "300"), ("900", 180, "300"), ("200", 30, "100"), ("600", 181, "0")],
)
def test_rule_34_a_loss_outlives_a_stop_by_180_days(capital: str, days: int, kept: str) -> None:
    at = START + timedelta(days=days)
    assert taken_up(D(300), equity=D(600), capital=D(capital), stopped_at=START, at=at) == D(kept)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_rule_34_a_divided_loss_is_neither_more_nor_less(loss: int, capitals: list[int]) -> None:
    parts = divided(D(loss), [D(one) for one in capitals])
    assert sum(parts) == loss
    assert len(parts) == len(capitals)
    total = sum(capitals)
    for part, capital in zip(parts, capitals, strict=True):
        assert not total or abs(part * total - loss * capital) <= total * ROUNDING


@pytest.mark.parametrize(
    ("after", "monday"),
    [
        ("2026-03-02T00:00:00", "2026-03-09"),  # a Monday's midnight is over when it has come
        ("2026-03-01T23:59:59", "2026-03-02"),
        ("2026-03-04T12:00:00", "2026-03-09"),
        ("2026-12-31T12:00:00", "2027-01-04"),
    ],
)
def test_rule_35_settlements_are_on_mondays_at_midnight(after: str, monday: str) -> None:
    at, expected = datetime.fromisoformat(after).replace(tzinfo=UTC), datetime.fromisoformat(monday).replace(tzinfo=UTC)
    assert next_settlement(at) == expected
    assert last_settlement(expected) == expected
    assert last_settlement(expected - timedelta(seconds=1)) == expected - timedelta(days=7)


@dataclass
class Years:
    """A follower of one lead through years: profit and loss, withdrawals, stops and restarts, told in the engine's words."""

    at: datetime = START
    equity: Decimal = FUNDS
    profit: Decimal = ZERO
    high: Decimal = ZERO
    due: Decimal = ZERO
    # What all units together have earned, and the greatest of it that was settled: the reference.
    total: Decimal = ZERO
    peak: Decimal = ZERO
    stopped: tuple[datetime, Decimal, Decimal] | None = None
    dues: list[Decimal] = field(default_factory=list)

    def settle(self) -> None:
        settled = settle(self.profit, self.high, TENTH)
        self.high = settled.high_after
        self.due += settled.due
        self.dues.append(settled.due)
        self.peak = max(self.peak, self.total)

    def week(self, percent: int) -> None:
        gain = money(self.equity * percent / 100)
        self.equity, self.profit, self.total = self.equity + gain, self.profit + gain, self.total + gain
        self.at += timedelta(days=7)
        self.settle()

    def withdraw(self, percent: int) -> None:
        self.settle()
        taken = money(self.equity * percent / 100)
        loss = scaled(self.high - self.profit, equity=self.equity, withdrawn=taken)
        self.high, self.equity = self.profit + loss, self.equity - taken

    def restart(self, days: int, percent: int = 100) -> None:
        """Stop, wait, and come back with a part of what there was."""
        self.settle()
        loss, stopped_at = self.high - self.profit, self.at
        self.at += timedelta(days=days)
        capital = money(self.equity * percent / 100)
        kept = taken_up(loss, equity=self.equity, capital=capital, stopped_at=stopped_at, at=self.at)
        self.profit, self.high, self.equity = ZERO, kept, capital


weeks = st.lists(st.tuples(st.integers(-30, 30), st.booleans(), st.integers(0, 60)), min_size=1, max_size=200)


@settings(max_examples=150)
@given(weeks)
def test_rule_34_no_profit_is_paid_for_twice_and_no_share_is_lost_by_stop_and_restart(
    history: list[tuple[int, bool, int]],
) -> None:
    restless, steady = Years(), Years()
    for percent, leaves, days in history:
        for one in (restless, steady):
            one.week(percent)
        if leaves:
            restless.restart(days)
    # To the last unit: a tenth of the highest profit that was ever settled, however often they left.
    for one in (restless, steady):
        assert abs(one.due - TENTH * one.peak) <= ROUNDING
    assert abs(restless.due - steady.due) <= ROUNDING


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(-30, 30), st.sampled_from([0, 0, 10, 50])), min_size=1, max_size=200))
def test_rule_35_leaving_and_coming_back_with_less_is_worth_what_a_withdrawal_is(
    history: list[tuple[int, int]],
) -> None:
    withdrawing, restarting = Years(), Years()
    for percent, taken in history:
        withdrawing.week(percent)
        restarting.week(percent)
        if taken:
            withdrawing.withdraw(taken)
            restarting.restart(1, 100 - taken)
    assert abs(withdrawing.due - restarting.due) <= ROUNDING
    assert all(due >= 0 for due in withdrawing.dues)


def test_rule_34_after_180_days_a_follower_starts_anew() -> None:
    years = Years()
    years.week(-50)
    years.restart(LOSS_KEPT_FOR.days)
    years.week(10)
    assert years.due == 0
    years.restart(LOSS_KEPT_FOR.days + 1)
    years.week(10)
    assert years.due == TENTH * money(D(550) * 10 / 100)

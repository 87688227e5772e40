"""Forecasts and back-tests of copying say what real copies then do."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from common.errors import DomainError
from common.ids import seeded_random
from engine.copy_accounts.rerun import MINIMUM_CODES, NOTHING_TO_CLOSE
from portfolios.models import Portfolio
from portfolios.selectors import worth_of
from tests.fixtures_trading import UNGUARDED, Pit
from trading.copy_accounts.reruns import backtest_copy, forecast_fit
from trading.models import CauseKind, Follow, Order

D = Decimal


@pytest.fixture
def watched(pit: Pit, bob: User, charlie: User) -> dict[str, Follow]:
    """A lead who trades at random, followed with little and with enough, at the costs of a new portfolio."""
    random = seeded_random("fit")
    follows = {"little": pit.follow(bob, 60, **UNGUARDED), "enough": pit.follow(charlie, 2_000, **UNGUARDED)}
    for follow in follows.values():
        Portfolio.objects.filter(pk=follow.portfolio_id).update(slippage_bps=Portfolio().slippage_bps)
    pit.instrument.taker_fee_bps = D(10)
    pit.instrument.save(update_fields=["taker_fee_bps"])
    held = D(0)
    for _ in range(24):
        pit.desk.step(
            {pit.instrument: str(100 + random.randrange(-1500, 1500) / 100)}, pit.desk.at + timedelta(hours=7)
        )
        quantity = D(random.randrange(1, 16_000)) / 1000
        if held and random.random() < 0.6:
            quantity = min(quantity, held) if random.random() < 0.5 else held
            pit.sell(str(quantity))
            held -= quantity
        else:
            pit.buy(str(quantity))
            held += quantity
    return follows


def really_skipped(follow: Follow) -> float:
    """Return the share that minimums skipped, counted in the rows of the fan-out."""
    codes = list(
        Order.objects.filter(portfolio=follow.portfolio_id, cause_kind=CauseKind.LEAD_EVENT).values_list(
            "code", flat=True
        )
    )
    return sum(code in MINIMUM_CODES for code in codes) / sum(code != NOTHING_TO_CLOSE for code in codes)


def test_the_forecast_agrees_with_what_the_fan_out_did(pit: Pit, watched: dict[str, Follow]) -> None:
    little = forecast_fit(lead=pit.lead, amount=D(60))
    enough = forecast_fit(lead=pit.lead, amount=D(2_000))
    assert really_skipped(watched["little"]) > 0.2
    # Promised: within two points.
    assert little.skipped_ratio == pytest.approx(really_skipped(watched["little"]), abs=0.02)
    assert enough.skipped_ratio == pytest.approx(really_skipped(watched["enough"]), abs=0.02)
    assert (little.is_viable, enough.is_viable) == (False, True)
    assert little.tracking_error > enough.tracking_error > 0
    smallest = little.smallest_capital
    assert smallest is not None
    assert forecast_fit(lead=pit.lead, amount=smallest).is_viable
    assert not forecast_fit(lead=pit.lead, amount=(smallest * D("0.8")).quantize(D(1))).is_viable


def test_the_back_test_comes_to_what_the_follow_is_worth(pit: Pit, watched: dict[str, Follow]) -> None:
    for name, amount, multiplier in (("little", 60, 1), ("enough", 2_000, 1)):
        book = watched[name].portfolio
        told = backtest_copy(lead=pit.lead, amount=D(amount), multiplier=D(multiplier)).result
        worth = worth_of([book])[book.pk]
        assert float(told.equity) == pytest.approx(float(worth.equity), rel=1e-6)
        assert float(told.fees) == pytest.approx(float(worth.fees_paid), rel=1e-6)


@pytest.mark.parametrize("seed", ["cut", "again"])
def test_where_the_balance_cuts_the_back_test_buys_what_the_follow_buys(pit: Pit, bob: User, seed: str) -> None:
    """A copy's limit promises no slippage beside it: with it counted in, each cut bought a little less than it really does."""
    random = seeded_random(seed)
    follow = pit.follow(bob, 2_000, 2, **UNGUARDED)
    Portfolio.objects.filter(pk=follow.portfolio_id).update(slippage_bps=Portfolio().slippage_bps)
    pit.instrument.taker_fee_bps = D(10)
    pit.instrument.save(update_fields=["taker_fee_bps"])
    held = D(0)
    for step in range(12):
        price = str(100 + random.randrange(-1500, 1500) / 100)
        pit.desk.step({pit.instrument: price}, pit.desk.at + timedelta(hours=7))
        if step % 4 == 3:
            pit.sell(str(held))
            held = D(0)
        else:
            quantity = D(random.randrange(15_000, 27_000)) / 1000
            pit.buy(str(quantity))
            held += quantity
    cut = Order.objects.filter(follow=follow, code="CLIPPED_BALANCE").count()
    told = backtest_copy(lead=pit.lead, amount=D(2_000), multiplier=D(2)).result
    worth = worth_of([follow.portfolio])[follow.portfolio_id]
    assert cut >= 2
    assert (
        told.clipped == Order.objects.filter(follow=follow, code__startswith="CLIPPED", filled_quantity__gt=0).count()
    )
    assert (told.equity, told.fees) == (worth.equity, worth.fees_paid)


def test_a_back_test_begins_when_it_is_told_to(pit: Pit, bob: User) -> None:
    pit.buy(10)
    began = pit.desk.at + timedelta(days=1)
    pit.desk.step({pit.instrument: 200}, began)
    pit.sell(10)
    pit.buy(5)
    pit.price(220)
    whole, late = (backtest_copy(lead=pit.lead, amount=D(1_000), since=since) for since in (None, began))
    assert (whole.result.orders, late.result.orders) == (3, 2)
    assert late.since == began
    assert dict(late.result.denied) == {NOTHING_TO_CLOSE: 1}
    # The lead stood at 11,000 when 1,000 came in: 5/11 of a unit, 20 above what it cost but for slippage and lots.
    assert float(late.result.equity) == pytest.approx(1000 + 0.454 * (220 - 200.04), abs=0.01)
    assert late.until == pit.desk.at


def test_a_lead_who_never_traded_is_said_so(pit: Pit) -> None:
    assert forecast_fit(lead=pit.lead, amount=D(100)).orders == 0
    told = backtest_copy(lead=pit.lead, amount=D(100))
    assert (told.result.orders, told.result.equity) == (0, D(100))


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"amount": D(9)}, "AMOUNT_TOO_SMALL"),
        ({"amount": D(-1)}, "AMOUNT_NOT_POSITIVE"),
        ({"amount": D(100), "multiplier": D("3.1")}, "MULTIPLIER_OUT_OF_RANGE"),
    ],
)
def test_what_cannot_be_followed_is_not_forecast(pit: Pit, asked: dict[str, Any], code: str) -> None:
    for ask in (forecast_fit, backtest_copy):
        with pytest.raises(DomainError) as refused:
            ask(lead=pit.lead, **asked)
        assert refused.value.code == code
